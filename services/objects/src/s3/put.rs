//! Putting: one request, or parts; and what became of a put that was not answered.

use std::time::Duration;

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kernel::Timestamp;
use uuid::Uuid;

use super::failure::Failure;
use super::{Bucket, dates};
use crate::error::Error;
use crate::key::{Key, Version};
use crate::rules;
use crate::store::{Enforcement, IfExists, LegalHold, PutDone, PutOptions, sha256};

/// The SHA-256 of the whole object, in hexadecimal, in its metadata.
pub(super) const META_SHA256: &str = "verbale-sha256";
/// The put that made the version: so one whose answer was lost finds its own object and not another's.
pub(super) const META_PUT_ID: &str = "verbale-put-id";

const PUT: &str = "put an object";
/// How often a put that met another one of its key is tried.
const CONTENDED: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(50);

/// One put, whatever requests it takes.
pub(super) struct Put {
    pub(super) name: String,
    pub(super) bytes: Bytes,
    pub(super) sha256: [u8; 32],
    pub(super) id: Uuid,
    pub(super) if_exists: IfExists,
    pub(super) retain_until: Option<DateTime>,
    pub(super) legal_hold: LegalHold,
}

impl Put {
    /// A put of these bytes as a new version, without lock.
    pub(super) fn new(name: String, bytes: Bytes) -> Self {
        Self {
            name,
            sha256: sha256(&bytes),
            bytes,
            id: Uuid::new_v4(),
            if_exists: IfExists::NewVersion,
            retain_until: None,
            legal_hold: LegalHold::Off,
        }
    }

    /// The mode of its lock, where it has one.
    pub(super) fn mode(&self) -> Option<ObjectLockMode> {
        self.retain_until.as_ref().map(|_| ObjectLockMode::Compliance)
    }

    /// Its hold, where it has one: "off" is not said, so that a put without lock needs no right to lock.
    pub(super) fn hold(&self) -> Option<ObjectLockLegalHoldStatus> {
        (self.legal_hold == LegalHold::On).then_some(ObjectLockLegalHoldStatus::On)
    }
}

/// A checksum as the protocol writes it.
pub(super) fn written(sha256: [u8; 32]) -> String {
    STANDARD.encode(sha256)
}

impl Bucket {
    /// Puts an object. A try that was not answered may have been stored, also by the SDK's own second try:
    /// whichever version bears this put's id is its own.
    pub(super) async fn put(
        &self,
        key: &Key,
        bytes: Bytes,
        options: PutOptions,
        now: Timestamp,
    ) -> Result<PutDone, Error> {
        rules::check_put(key, bytes.len(), &options, now)?;
        let put = Put {
            if_exists: options.if_exists,
            retain_until: options.retain_until.map(dates::lock_end).transpose()?,
            legal_hold: options.legal_hold,
            ..Put::new(self.named(key.as_str()), bytes)
        };
        self.check_free(key, &put).await?;
        let failure = match self.store_contended(&put).await {
            Ok(version) => return Ok(PutDone { version, sha256: put.sha256 }),
            Err(failure) => failure,
        };
        if let Some(until) = options.retain_until.filter(|_| failure.is_past_lock()) {
            return Err(Error::RetentionPassed { key: key.clone(), until });
        }
        self.own(key, &put, failure).await
    }

    /// Refuses what would be refused after the bytes were sent, where many are to be sent; and is all there is
    /// where the server does not exclude puts itself.
    async fn check_free(&self, key: &Key, put: &Put) -> Result<(), Error> {
        let asks = self.conditional_put == Enforcement::NotEnforced || self.goes_in_parts(put);
        if put.if_exists == IfExists::NewVersion || !asks {
            return Ok(());
        }
        match self.find(key, None).await {
            Err(Error::NotFound { .. }) => Ok(()),
            // One that is damaged is there all the same.
            Ok(_) | Err(Error::Damaged { .. }) => Err(Error::AlreadyExists { key: key.clone() }),
            Err(error) => Err(error),
        }
    }

    async fn store_contended(&self, put: &Put) -> Result<Version, Failure> {
        for attempt in 1..CONTENDED {
            match Box::pin(self.store(put)).await {
                Err(failure) if failure.is_contended() => tokio::time::sleep(BACKOFF * attempt).await,
                stored => return stored,
            }
        }
        Box::pin(self.store(put)).await
    }

    /// Sends the put once, as often as the SDK tries.
    pub(super) async fn store(&self, put: &Put) -> Result<Version, Failure> {
        if self.goes_in_parts(put) {
            return self.store_in_parts(put).await;
        }
        let stored = self.store_at_once(put).await?;
        version_of(stored.version_id())
    }

    fn goes_in_parts(&self, put: &Put) -> bool {
        put.bytes.len() > self.options.multipart_above
    }

    async fn store_at_once(&self, put: &Put) -> Result<PutObjectOutput, Failure> {
        let request = self
            .client
            .put_object()
            .bucket(self.name())
            .key(&put.name)
            .metadata(META_SHA256, hex::encode(put.sha256))
            .metadata(META_PUT_ID, put.id.to_string())
            .checksum_sha256(written(put.sha256))
            .set_if_none_match(self.condition(put))
            .set_object_lock_mode(put.mode())
            .set_object_lock_retain_until_date(put.retain_until)
            .set_object_lock_legal_hold_status(put.hold())
            .body(ByteStream::from(put.bytes.clone()));
        Ok(request.send().await?)
    }

    /// What the server is to exclude.
    pub(super) fn condition(&self, put: &Put) -> Option<String> {
        let asks = put.if_exists == IfExists::Refuse && self.conditional_put == Enforcement::Enforced;
        asks.then(|| "*".to_owned())
    }

    /// What became of a put that failed so.
    async fn own(&self, key: &Key, put: &Put, failure: Failure) -> Result<PutDone, Error> {
        if !failure.is_taken() && !failure.is_open() {
            return Err(failure.into_error(PUT));
        }
        let found = self.find(key, None).await;
        match found {
            Ok(found) if found.put_id == Some(put.id) => {
                Ok(PutDone { version: found.head.version, sha256: put.sha256 })
            }
            // It is there, or was a moment ago.
            Ok(_) | Err(Error::NotFound { .. } | Error::Damaged { .. }) if failure.is_taken() => {
                Err(Error::AlreadyExists { key: key.clone() })
            }
            Err(error) if failure.is_taken() => Err(error),
            Ok(_) | Err(_) => Err(failure.into_error(PUT)),
        }
    }
}

/// The version that a put made.
pub(super) fn version_of(said: Option<&str>) -> Result<Version, Failure> {
    let said = said.ok_or_else(|| Failure::unreadable("no version: the bucket keeps none"))?;
    Version::new(said).map_err(|error| Failure::Unreadable(error.into()))
}
