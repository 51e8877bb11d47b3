//! The adapter on S3 and what speaks its protocol, with versions and Object Lock.
//!
//! | port | server |
//! |---|---|
//! | a put | one `PutObject`, or a multipart upload above [`S3Options::multipart_above`]; both with SHA-256 checksums |
//! | [`IfExists::Refuse`](crate::IfExists) | `If-None-Match: *` |
//! | a lock | retention in compliance mode, which no credentials shorten, set with the put |
//! | a hold | the version's legal hold |
//! | SHA-256 | our own, in the object's metadata beside the put's id; servers differ in what checksums they return |
//!
//! [`S3Objects::open`] believes no setting: it locks an object for some seconds and tries to delete it
//! ([`probe`]). Dates go to the server as they are and run out by its clock; `put_at` is by its clock too, in
//! whole seconds. Locks end on whole seconds, never before the date asked for. A delete marker, which no call
//! of this port makes, hides nothing: what lies below it is still listed and read.
//!
//! Read [`options`], then [`put`], [`read`] and [`listing`]; [`failure`] says what answers mean.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;
use kernel::{Clock, Timestamp};

use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::store::{
    Capabilities, Enforcement, Head, LegalHold, Listed, Object, ObjectStore, PutDone, PutOptions,
    VersionCursor,
};

pub mod options;

mod client;
mod dates;
mod failure;
mod listing;
mod locks;
mod multipart;
mod probe;
mod put;
mod read;

pub use options::{Checksums, ConditionalPut, InvalidOptions, RequiredLocks, S3Credentials, S3Options};
pub use probe::OpenError;

/// An object store in a bucket, or below a prefix of one; clones share it.
#[derive(Clone)]
pub struct S3Objects(Arc<Inner>);

struct Inner {
    bucket: Bucket,
    clock: Arc<dyn Clock>,
    capabilities: Capabilities,
}

/// A bucket and how it is asked; knows nothing of the domain's clock.
struct Bucket {
    client: Client,
    options: S3Options,
    conditional_put: Enforcement,
}

impl S3Objects {
    /// Opens the store and asks the bucket whether it keeps what it must: versions, and locks that hold against
    /// these credentials. Aborts what uploads others left behind. Whether a lock that is asked for has passed
    /// already goes by this clock and by the server's.
    pub async fn open(options: S3Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let client = client::connect(&options).await;
        let stale = options.stale_uploads;
        let mut bucket = Bucket { client, options, conditional_put: Enforcement::Enforced };
        let capabilities = bucket.probe().await?;
        bucket.conditional_put = capabilities.conditional_put;
        let store = Self(Arc::new(Inner { bucket, clock, capabilities }));
        // A store is no worse for what it could not tidy.
        if let Err(error) = store.abort_stale_uploads(stale).await {
            tracing::warn!(%error, "stale uploads could not be aborted");
        }
        Ok(store)
    }

    /// Whether the bucket answers, by one cheap request.
    pub async fn check(&self) -> Result<(), Error> {
        self.0.bucket.check().await
    }

    /// Aborts the uploads in this store that began this long ago by the machine's clock and never ended;
    /// answers how many. What one call does is bounded.
    pub async fn abort_stale_uploads(&self, older_than: Duration) -> Result<usize, Error> {
        self.0.bucket.abort_stale_uploads(older_than).await
    }
}

#[async_trait]
impl ObjectStore for S3Objects {
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, Error> {
        self.0.bucket.put(key, bytes, options, self.0.clock.now()).await
    }

    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, Error> {
        self.0.bucket.get(key, version, range).await
    }

    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, Error> {
        Ok(self.0.bucket.find(key, version).await?.head)
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, Error> {
        self.0.bucket.list(prefix, after, limit).await
    }

    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        self.0.bucket.list_versions(prefix, after, limit).await
    }

    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), Error> {
        self.0.bucket.delete_version(key, version).await
    }

    async fn extend_retention(&self, key: &Key, version: &Version, until: Timestamp) -> Result<(), Error> {
        self.0.bucket.extend_retention(key, version, until, self.0.clock.now()).await
    }

    async fn set_legal_hold(&self, key: &Key, version: &Version, hold: LegalHold) -> Result<(), Error> {
        self.0.bucket.set_legal_hold(key, version, hold).await
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }
}

impl Bucket {
    fn name(&self) -> &str {
        &self.options.bucket
    }

    /// What a key, prefix or probe is called in the bucket.
    fn named(&self, text: &str) -> String {
        format!("{}{text}", self.above())
    }

    /// What every name of this store begins with.
    fn above(&self) -> String {
        self.options.root.as_ref().map(|root| format!("{root}/")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
