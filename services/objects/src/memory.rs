//! The adapter for tests: everything is lost with the process.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Clock, Timestamp};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::rules;
use crate::store::{
    Capabilities, Enforcement, Head, IfExists, LegalHold, Listed, MAX_LIST, Object, ObjectStore, PutDone,
    PutOptions, VersionCursor, sha256,
};

/// An object store in memory; clones share its contents.
#[derive(Clone)]
pub struct MemoryObjects(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    // A key's versions, the latest last; no key is without.
    objects: Mutex<BTreeMap<Key, Vec<Object>>>,
}

impl MemoryObjects {
    /// An empty store whose locks go by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, objects: Mutex::default() }))
    }

    fn find<T>(
        &self,
        key: &Key,
        version: Option<&Version>,
        look: impl FnOnce(&mut Object) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut objects = self.0.objects.lock();
        let versions = objects.get_mut(key).into_iter().flatten();
        let found = versions.rev().find(|own| version.is_none_or(|version| own.head.version == *version));
        look(found.ok_or_else(|| Error::NotFound { key: key.clone(), version: version.cloned() })?)
    }
}

#[async_trait]
impl ObjectStore for MemoryObjects {
    async fn put(&self, key: &Key, bytes: Bytes, options: PutOptions) -> Result<PutDone, Error> {
        let put_at = self.0.clock.now();
        rules::check_put(key, bytes.len(), &options, put_at)?;
        let mut objects = self.0.objects.lock();
        if options.if_exists == IfExists::Refuse && objects.contains_key(key) {
            return Err(Error::AlreadyExists { key: key.clone() });
        }
        let version = Version::new(Uuid::new_v4().to_string())?;
        let done = PutDone { version: version.clone(), sha256: sha256(&bytes) };
        let head = Head {
            key: key.clone(),
            version,
            length: bytes.len() as u64,
            sha256: done.sha256,
            put_at,
            retain_until: options.retain_until,
            legal_hold: options.legal_hold,
        };
        objects.entry(key.clone()).or_default().push(Object { head, bytes });
        Ok(done)
    }

    async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, Error> {
        let whole = self.find(key, version, |object| Ok(object.clone()))?;
        let Some(range) = range else { return Ok(whole) };
        let cut = rules::cut(key, whole.head.length, range)?;
        let in_memory = |at: u64| usize::try_from(at).expect("within an object that is in memory");
        Ok(Object { bytes: whole.bytes.slice(in_memory(cut.start)..in_memory(cut.end)), head: whole.head })
    }

    async fn head(&self, key: &Key, version: Option<&Version>) -> Result<Head, Error> {
        self.find(key, version, |object| Ok(object.head.clone()))
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, Error> {
        let objects = self.0.objects.lock();
        let listed =
            objects.iter().filter(|(key, _)| prefix.matches(key) && after.is_none_or(|after| *key > after));
        Ok(listed
            .filter_map(|(_, versions)| versions.last())
            .map(listed_as)
            .take(limit.min(MAX_LIST))
            .collect())
    }

    async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        let objects = self.0.objects.lock();
        let mut listed = Vec::new();
        for (key, versions) in objects.iter().filter(|(key, _)| prefix.matches(key)) {
            let cursor = after.filter(|cursor| *key <= cursor.key);
            let seen = cursor.map_or(0, |cursor| listed_up_to(key, versions, cursor));
            listed.extend(versions.iter().rev().skip(seen).map(listed_as));
        }
        listed.truncate(limit.min(MAX_LIST));
        Ok(listed)
    }

    async fn delete_version(&self, key: &Key, version: &Version) -> Result<(), Error> {
        let now = self.0.clock.now();
        let mut objects = self.0.objects.lock();
        let versions = objects.get(key).map(Vec::as_slice).unwrap_or_default();
        let Some(found) = versions.iter().find(|own| own.head.version == *version) else {
            return Err(Error::NotFound { key: key.clone(), version: Some(version.clone()) });
        };
        rules::check_deletion(&found.head, now)?;
        if let Some(versions) = objects.get_mut(key) {
            versions.retain(|own| own.head.version != *version);
        }
        objects.retain(|_, versions| !versions.is_empty());
        Ok(())
    }

    async fn extend_retention(&self, key: &Key, version: &Version, until: Timestamp) -> Result<(), Error> {
        let now = self.0.clock.now();
        self.find(key, Some(version), |object| {
            rules::check_extension(&object.head, until, now)?;
            object.head.retain_until = Some(until);
            Ok(())
        })
    }

    async fn set_legal_hold(&self, key: &Key, version: &Version, hold: LegalHold) -> Result<(), Error> {
        self.find(key, Some(version), |object| {
            object.head.legal_hold = hold;
            Ok(())
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { locks: Enforcement::Enforced, conditional_put: Enforcement::Enforced }
    }
}

fn listed_as(object: &Object) -> Listed {
    let Head { key, version, length, put_at, .. } = object.head.clone();
    Listed { key, version, length, put_at }
}

/// How many of a key's versions, latest first, a listing has had that got as far as this.
fn listed_up_to(key: &Key, versions: &[Object], cursor: &VersionCursor) -> usize {
    if *key < cursor.key {
        return versions.len();
    }
    let position = versions.iter().rev().position(|own| own.head.version == cursor.version);
    // One that is gone has left no place: the key begins again.
    position.map_or(0, |position| position + 1)
}

#[cfg(test)]
mod tests;
