//! Deletion, retention and holds. The server decides; what it refuses is told apart by asking what it keeps.

use std::time::Duration;

use aws_sdk_s3::types::{
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use kernel::{Clock, SystemClock, Timestamp};

use super::failure::Failure;
use super::{Bucket, dates};
use crate::error::Error;
use crate::key::{Key, Version};
use crate::rules;
use crate::store::LegalHold;

const DELETE: &str = "delete a version";
const LOCK: &str = "lock a version";
const HOLD: &str = "hold a version";

/// How far a server's clock may be from the machine's for a lock to be called the reason of a refusal.
const SKEW: Duration = Duration::from_secs(300);

/// Whether a deletion asks for what only governance mode grants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bypass {
    No,
    Governance,
}

impl Bucket {
    /// Deletes a version. S3 answers the same whether there was one, so that is asked first.
    pub(super) async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), Error> {
        self.find_undamaged_or_not(key, version).await?;
        match self.erase(&self.named(key.as_str()), version.as_str(), Bypass::No).await {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_refusal() => Err(self.why_kept(key, version, failure).await),
            Err(failure) => Err(failure.into_error(DELETE)),
        }
    }

    /// Locks a version until this date.
    pub(super) async fn extend_retention(
        &self,
        key: &Key,
        version: &Version,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        let whole = dates::whole_second(until);
        let end = dates::lock_end(until)?;
        let found = self.find(key, Some(version)).await?;
        rules::check_extension(&found.head, whole, now)?;
        let is_locked_so =
            found.head.retain_until == Some(whole) && found.mode == Some(ObjectLockMode::Compliance);
        if is_locked_so {
            return Ok(());
        }
        let retention = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::Compliance)
            .retain_until_date(end)
            .build();
        let request = self
            .client
            .put_object_retention()
            .bucket(self.name())
            .key(self.named(key.as_str()))
            .version_id(version.as_str())
            .retention(retention);
        let Err(error) = Box::pin(request.send()).await else { return Ok(()) };
        Err(self.why_not_locked(key, version, until, error.into()).await)
    }

    /// Places or lifts a version's hold.
    pub(super) async fn set_legal_hold(
        &self,
        key: &Key,
        version: &Version,
        hold: LegalHold,
    ) -> Result<(), Error> {
        self.find_undamaged_or_not(key, version).await?;
        let status = match hold {
            LegalHold::On => ObjectLockLegalHoldStatus::On,
            LegalHold::Off => ObjectLockLegalHoldStatus::Off,
        };
        let request = self
            .client
            .put_object_legal_hold()
            .bucket(self.name())
            .key(self.named(key.as_str()))
            .version_id(version.as_str())
            .legal_hold(ObjectLockLegalHold::builder().status(status).build());
        match Box::pin(request.send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(error).into_error_about(key, Some(version), HOLD)),
        }
    }

    /// Sends a deletion of one version.
    pub(super) async fn erase(&self, name: &str, version: &str, bypass: Bypass) -> Result<(), Failure> {
        let bypass = (bypass == Bypass::Governance).then_some(true);
        let request = self.client.delete_object().bucket(self.name()).key(name).version_id(version);
        Box::pin(request.set_bypass_governance_retention(bypass).send()).await?;
        Ok(())
    }

    /// Whether the version is there; damage keeps nobody from deleting or holding it.
    async fn find_undamaged_or_not(&self, key: &Key, version: &Version) -> Result<(), Error> {
        match self.find(key, Some(version)).await {
            Ok(_) | Err(Error::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn why_kept(&self, key: &Key, version: &Version, failure: Failure) -> Error {
        let Ok(found) = self.find(key, Some(version)).await else { return failure.into_error(DELETE) };
        if found.head.legal_hold == LegalHold::On {
            return Error::Held { key: key.clone() };
        }
        match found.head.retain_until {
            Some(until) if until.plus(SKEW) > SystemClock.now() => Error::Locked { key: key.clone(), until },
            Some(_) | None => failure.into_error(DELETE),
        }
    }

    async fn why_not_locked(
        &self,
        key: &Key,
        version: &Version,
        until: Timestamp,
        failure: Failure,
    ) -> Error {
        if failure.is_past_lock() {
            return Error::RetentionPassed { key: key.clone(), until };
        }
        // Another may have locked it for longer meanwhile.
        match self.find(key, Some(version)).await.map(|found| found.head.retain_until) {
            Ok(Some(later)) if failure.is_refusal() && later > until => {
                Error::WouldShorten { key: key.clone(), until: later }
            }
            Ok(_) | Err(_) => failure.into_error_about(key, Some(version), LOCK),
        }
    }
}
