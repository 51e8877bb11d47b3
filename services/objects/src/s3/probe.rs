//! What a bucket is worth, by trying it.
//!
//! An object is put under some seconds of compliance retention, and must survive every attempt to delete it
//! and to take its name; another is put without lock, and must go, which shows both that these credentials may
//! delete and that the bucket locks nothing by itself. Probes have names that no key can have, so no listing of
//! the port shows them; one that is still locked is removed by whoever opens the store next.

use std::time::Duration;

use aws_sdk_s3::types::BucketVersioningStatus;
use bytes::Bytes;
use kernel::{Clock, SystemClock};
use uuid::Uuid;

use super::failure::Failure;
use super::locks::Bypass;
use super::options::{ConditionalPut, RequiredLocks};
use super::put::Put;
use super::{Bucket, dates};
use crate::error::Error;
use crate::key::Version;
use crate::store::{Capabilities, Enforcement, IfExists, MAX_LIST};

/// How long a probe is locked by the machine's clock: more than the probing takes and the clocks differ.
const LOCK: Duration = Duration::from_secs(15);
/// What probes are called; `=` is in no key.
const PROBE: &str = "probe=";
const ATTEMPT: &str = "probe the bucket";

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Deletion would be for good, and a second put would replace the first.
    #[error("bucket {bucket} keeps no versions: turn on its versioning")]
    NotVersioned {
        /// The bucket.
        bucket: String,
    },
    /// It takes no locks; that is decided when a bucket is made.
    #[error("bucket {bucket} takes no locks: it must be made with Object Lock")]
    NoObjectLock {
        /// The bucket.
        bucket: String,
        /// What it answered.
        #[source]
        source: Error,
    },
    /// A locked version was deleted.
    #[error("bucket {bucket} let a locked version be deleted: it is not immutable")]
    NotImmutable {
        /// The bucket.
        bucket: String,
    },
    /// Something no lock was asked for could not be deleted.
    #[error(
        "bucket {bucket} kept a version without lock: it has a default retention, or these credentials may \
         not delete versions"
    )]
    NotDeletable {
        /// The bucket.
        bucket: String,
        /// What it answered.
        #[source]
        source: Error,
    },
    /// The bucket does not answer, or not to these credentials.
    #[error("the bucket cannot be used")]
    Store(#[source] Error),
}

impl Bucket {
    /// What the bucket does, if that is enough.
    pub(super) async fn probe(&self) -> Result<Capabilities, OpenError> {
        self.probe_versioning().await?;
        self.clear_probes().await.map_err(OpenError::Store)?;
        self.probe_deletion().await?;
        let (name, version) = self.put_locked().await?;
        let conditional_put = self.probe_conditions(&name).await?;
        let locks = self.probe_lock(&name, &version).await?;
        judge(locks, self.options.locks, self.name())?;
        Ok(Capabilities { locks, conditional_put })
    }

    async fn probe_versioning(&self) -> Result<(), OpenError> {
        let request = self.client.get_bucket_versioning().bucket(self.name());
        let versioning = Box::pin(request.send()).await.map_err(|error| unusable(error.into()))?;
        match versioning.status() {
            Some(BucketVersioningStatus::Enabled) => Ok(()),
            Some(_) | None => Err(OpenError::NotVersioned { bucket: self.name().to_owned() }),
        }
    }

    /// Removes what earlier probes left, as far as that is no longer locked.
    async fn clear_probes(&self) -> Result<(), Error> {
        let page = self.page(&self.named(PROBE), None, MAX_LIST).await?;
        let now = SystemClock.now();
        for probe in page.versions {
            let put_at = dates::put_at(probe.last_modified());
            let (Some(name), Some(version)) = (probe.key(), probe.version_id()) else { continue };
            if put_at.plus(2 * LOCK) > now {
                continue;
            }
            if let Err(error) = self.erase(name, version, Bypass::No).await {
                tracing::debug!(%error, "a probe stays until the store is opened again");
            }
        }
        Ok(())
    }

    async fn probe_deletion(&self) -> Result<(), OpenError> {
        let put = self.new_probe();
        let version = self.store(&put).await.map_err(unusable)?;
        self.erase(&put.name, version.as_str(), Bypass::No).await.map_err(|failure| OpenError::NotDeletable {
            bucket: self.name().to_owned(),
            source: failure.into_error(ATTEMPT),
        })
    }

    async fn put_locked(&self) -> Result<(String, Version), OpenError> {
        let end = dates::lock_end(SystemClock.now().plus(LOCK)).map_err(OpenError::Store)?;
        let put = Put { retain_until: Some(end), ..self.new_probe() };
        match self.store(&put).await {
            Ok(version) => Ok((put.name, version)),
            Err(failure) if failure.code() == "InvalidRequest" && !failure.is_past_lock() => {
                let source = failure.into_error(ATTEMPT);
                Err(OpenError::NoObjectLock { bucket: self.name().to_owned(), source })
            }
            Err(failure) => Err(unusable(failure)),
        }
    }

    /// Whether a name that is taken is refused, to one request and to parts.
    async fn probe_conditions(&self, taken: &str) -> Result<Enforcement, OpenError> {
        if self.options.conditional_put == ConditionalPut::NotEnforced {
            return Ok(Enforcement::NotEnforced);
        }
        let again = Put { name: taken.to_owned(), if_exists: IfExists::Refuse, ..self.new_probe() };
        let at_once = self.store(&again).await;
        let in_parts = self.store_in_parts(&again).await;
        for stored in [at_once, in_parts] {
            match stored {
                Err(failure) if failure.is_taken() => {}
                // The server does not know the condition, or not there.
                Err(failure) if matches!(failure.status(), Some(400 | 501)) => {
                    return Ok(Enforcement::NotEnforced);
                }
                Err(failure) => return Err(unusable(failure)),
                Ok(_) => return Ok(Enforcement::NotEnforced),
            }
        }
        Ok(Enforcement::Enforced)
    }

    /// Whether the version outlives its deletion, also as one who may bypass governance.
    async fn probe_lock(&self, name: &str, version: &Version) -> Result<Enforcement, OpenError> {
        for bypass in [Bypass::No, Bypass::Governance] {
            match self.erase(name, version.as_str(), bypass).await {
                Ok(()) => {}
                Err(failure) if failure.is_refusal() => {}
                Err(failure) => return Err(unusable(failure)),
            }
        }
        // What the server answered is one thing, whether the version is there another.
        match self.exists(name, version).await {
            Ok(true) => Ok(Enforcement::Enforced),
            Ok(false) => Ok(Enforcement::NotEnforced),
            Err(failure) => Err(unusable(failure)),
        }
    }

    fn new_probe(&self) -> Put {
        let name = self.named(&format!("{PROBE}{}", Uuid::new_v4()));
        Put::new(name, Bytes::from_static(b"verbale"))
    }
}

fn judge(found: Enforcement, required: RequiredLocks, bucket: &str) -> Result<(), OpenError> {
    match (found, required) {
        (Enforcement::Enforced, _) | (_, RequiredLocks::AsFound) => Ok(()),
        (Enforcement::NotEnforced, RequiredLocks::Enforced) => {
            Err(OpenError::NotImmutable { bucket: bucket.to_owned() })
        }
    }
}

fn unusable(failure: Failure) -> OpenError {
    OpenError::Store(failure.into_error(ATTEMPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_is_not_immutable_is_opened_by_consent_alone() {
        let refused = judge(Enforcement::NotEnforced, RequiredLocks::Enforced, "records");
        assert!(matches!(refused, Err(OpenError::NotImmutable { bucket }) if bucket == "records"));
        assert!(judge(Enforcement::NotEnforced, RequiredLocks::AsFound, "records").is_ok());
        assert!(judge(Enforcement::Enforced, RequiredLocks::Enforced, "records").is_ok());
    }
}
