//! The adapter on a directory, which several processes may share.
//!
//! ```text
//! objects/<segment>/.../<last segment>=/<version>.json    a version is there if this is
//! objects/<segment>/.../<last segment>=/<version>.data    its bytes
//! staging/<process>/                                      what is being put or deleted by a living process
//! locks/                                                  one writer per key at a time
//! ```
//!
//! A put writes and fsyncs the bytes and the sidecar in staging, moves the bytes into place, then the sidecar:
//! that rename is the moment at which the version exists. A deletion moves the sidecar back to staging, then
//! removes the bytes. So what a crash leaves is a sidecar in the staging folder of a process that is gone;
//! whoever opens the store next removes the bytes that it names.
//!
//! Locks and holds bind every caller of the port, not whoever may write to the disk.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Clock, Timestamp};

use self::disk::{failed, is_missing};
use self::layout::Layout;
use self::staging::Staging;
use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::rules;
use crate::store::{
    Capabilities, Enforcement, Head, IfExists, LegalHold, Listed, MAX_LIST, MAX_OBJECT, Object, ObjectStore,
    PutDone, PutOptions, VersionCursor, sha256,
};

mod disk;
mod layout;
mod listing;
mod sidecar;
mod staging;

/// An object store in a directory; clones share it.
#[derive(Clone)]
pub struct DirectoryObjects(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    layout: Layout,
    /// None where the store was opened to be read only.
    staging: Option<Staging>,
}

impl DirectoryObjects {
    /// Opens the store, or makes it, and clears up after processes that are gone. Locks go by this clock.
    pub async fn open(root: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let layout = Layout::new(root.into());
        let opening = move || {
            let staging = Some(Staging::enter(&layout)?);
            Ok(Self(Arc::new(Inner { clock, layout, staging })))
        };
        blocking("open the store", opening).await
    }

    /// Opens a store that is there to be read alone, such as evidence on a read-only disk: nothing is written,
    /// and every call that would write is refused.
    pub fn open_read_only(root: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, layout: Layout::new(root.into()), staging: None }))
    }

    /// Runs on a blocking thread: a disk may take its time.
    async fn on_disk<T: Send + 'static>(
        &self,
        attempt: &'static str,
        act: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.0.clone();
        blocking(attempt, move || act(&inner)).await
    }
}

async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(act);
    done.await.unwrap_or_else(|gone| Err(Error::Unavailable { attempt, source: gone.into() }))
}

#[async_trait]
impl ObjectStore for DirectoryObjects {
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, Error> {
        let key = key.clone();
        self.on_disk("put an object", move |inner| inner.put(&key, &bytes, options)).await
    }

    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, Error> {
        let (key, version) = (key.clone(), version.cloned());
        self.on_disk("read an object", move |inner| inner.get(&key, version.as_ref(), range)).await
    }

    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, Error> {
        let (key, version) = (key.clone(), version.cloned());
        self.on_disk("look at an object", move |inner| inner.head(&key, version.as_ref())).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, Error> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        let list =
            move |inner: &Inner| listing::latest(&inner.layout, &prefix, after.as_ref(), limit.min(MAX_LIST));
        self.on_disk("list objects", list).await
    }

    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        let list = move |inner: &Inner| {
            listing::versions(&inner.layout, &prefix, after.as_ref(), limit.min(MAX_LIST))
        };
        self.on_disk("list versions", list).await
    }

    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), Error> {
        let (key, version) = (key.clone(), version.clone());
        self.on_disk("delete a version", move |inner| inner.delete(&key, &version)).await
    }

    async fn extend_retention(&self, key: &Key, version: &Version, until: Timestamp) -> Result<(), Error> {
        let (key, version) = (key.clone(), version.clone());
        let extend = move |inner: &Inner| {
            inner.rewrite(&key, &version, |head| {
                rules::check_extension(head, until, inner.clock.now())?;
                head.retain_until = Some(until);
                Ok(())
            })
        };
        self.on_disk("lock a version", extend).await
    }

    async fn set_legal_hold(&self, key: &Key, version: &Version, hold: LegalHold) -> Result<(), Error> {
        let (key, version) = (key.clone(), version.clone());
        let set = move |inner: &Inner| {
            inner.rewrite(&key, &version, |head| {
                head.legal_hold = hold;
                Ok(())
            })
        };
        self.on_disk("hold a version", set).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { locks: Enforcement::Enforced, conditional_put: Enforcement::Enforced }
    }
}

impl Inner {
    fn staging(&self) -> Result<&Staging, Error> {
        let read_only = || failed("write to the store")(io::ErrorKind::ReadOnlyFilesystem.into());
        self.staging.as_ref().ok_or_else(read_only)
    }

    fn put(&self, key: &Key, bytes: &[u8], options: PutOptions) -> Result<PutDone, Error> {
        let now = self.clock.now();
        rules::check_put(key, bytes.len(), &options, now)?;
        // Refused before the bytes are written where that can be seen; what decides is the look under the lock.
        self.check_free(key, options.if_exists)?;
        let staged = self.staging()?.write(bytes)?;

        let _lock = self.layout.lock(key)?;
        self.check_free(key, options.if_exists)?;
        let head = Head {
            key: key.clone(),
            version: self.layout.next_version(key)?,
            length: bytes.len() as u64,
            sha256: sha256(bytes),
            put_at: now,
            retain_until: options.retain_until,
            legal_hold: options.legal_hold,
        };
        staged.publish(&self.layout, &head)?;
        Ok(PutDone { version: head.version, sha256: head.sha256 })
    }

    fn check_free(&self, key: &Key, if_exists: IfExists) -> Result<(), Error> {
        let exists = || Ok::<_, Error>(!self.layout.versions(key)?.is_empty());
        if if_exists == IfExists::Refuse && exists()? {
            return Err(Error::AlreadyExists { key: key.clone() });
        }
        Ok(())
    }

    fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, Error> {
        for _ in 0..READ_AGAIN {
            let version = match version {
                Some(version) => Some(version.clone()),
                None => self.layout.versions(key)?.pop(),
            };
            let Some(found) = version else { break };
            if let Some(head) = sidecar::read(&self.layout, key, &found)? {
                return Ok(head);
            }
            // It was deleted meanwhile; another may be the latest now.
        }
        Err(Error::NotFound { key: key.clone(), version: version.cloned() })
    }

    fn get(&self, key: &Key, version: Option<&Version>, range: Option<Range<u64>>) -> Result<Object, Error> {
        for _ in 0..READ_AGAIN {
            let head = self.head(key, version)?;
            if let Some(bytes) = self.bytes(&head, range.clone())? {
                return Ok(Object { head, bytes });
            }
            if sidecar::read(&self.layout, key, &head.version)?.is_some() {
                return Err(Error::Damaged { key: key.clone(), reason: "its bytes are missing" });
            }
        }
        Err(Error::NotFound { key: key.clone(), version: version.cloned() })
    }

    /// The bytes of a version, or `None` where there are none.
    fn bytes(&self, head: &Head, range: Option<Range<u64>>) -> Result<Option<Bytes>, Error> {
        let damaged = |reason| Error::Damaged { key: head.key.clone(), reason };
        let failed = failed("read an object's bytes");
        let mut file = match fs::File::open(self.layout.data(&head.key, &head.version)) {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        // What is read is bounded before it is allocated.
        let length = file.metadata().map_err(failed)?.len();
        if length != head.length || length > MAX_OBJECT as u64 {
            return Err(damaged("its length is not what was put"));
        }
        let is_whole = range.is_none();
        let part = range.map_or(Ok(0..length), |range| rules::cut(&head.key, length, range))?;
        let mut bytes = vec![0; usize::try_from(part.end - part.start).expect("at most MAX_OBJECT")];
        file.seek(SeekFrom::Start(part.start)).map_err(failed)?;
        file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("its length is not what was put"),
            _ => failed(error),
        })?;
        if is_whole && sha256(&bytes) != head.sha256 {
            return Err(damaged("its SHA-256 is not that of what was put"));
        }
        Ok(Some(bytes.into()))
    }

    fn delete(&self, key: &Key, version: &Version) -> Result<(), Error> {
        let staging = self.staging()?;
        let _lock = self.layout.lock(key)?;
        let head = self.head(key, Some(version))?;
        rules::check_deletion(&head, self.clock.now())?;
        staging.delete(&self.layout, key, version)
    }

    fn rewrite(
        &self,
        key: &Key,
        version: &Version,
        change: impl FnOnce(&mut Head) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let staging = self.staging()?;
        let _lock = self.layout.lock(key)?;
        let mut head = self.head(key, Some(version))?;
        change(&mut head)?;
        staging.rewrite(&self.layout, &head)
    }
}

/// How often a reader looks again when what it read is deleted under it.
const READ_AGAIN: usize = 8;

#[cfg(test)]
mod tests;
