//! Objects of which nothing opens go, in all versions, as soon as their locks allow.

use ::objects::{Error as ObjectsError, Head, Key, LegalHold, Listed, MAX_LIST, Prefix, VersionCursor};
use kernel::Timestamp;
use tracing::{error, info};

use super::Eraser;
use crate::erased::{self, Sections};
use crate::error::Error;
use crate::fact::StoredObject;
use crate::store::History;

/// Versions that one object may have.
const VERSIONS_MAX: usize = 10_000;

/// An object that a lock keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Locked {
    /// Its name.
    pub name: Key,
    /// When the last lock on a version of it ends; `None` where a hold keeps it, whose end nobody knows.
    pub until: Option<Timestamp>,
}

/// What became of the objects of a recording of which nothing opens.
#[derive(Debug, Default)]
pub(super) struct Cleared<'h> {
    /// Gone in all versions, now or before.
    pub(super) gone: Vec<&'h StoredObject>,
    pub(super) kept: Vec<(&'h StoredObject, Locked)>,
}

/// What became of one object.
#[derive(Debug, PartialEq, Eq)]
enum Removal {
    /// It has no version any more.
    Gone,
    /// A version of it is locked or held.
    Kept(Option<Timestamp>),
}

/// Why a version stays, and until when if that is known.
struct Lock(Option<Timestamp>);

impl Eraser {
    /// Deletes the objects of which every span was erased. One of which anything opens is never touched, whatever an
    /// addendum says: what opens is somebody's.
    pub(super) async fn clear<'h>(
        &self,
        history: &'h History,
        open: &Sections,
    ) -> Result<Cleared<'h>, Error> {
        let key = &history.recording.key;
        let mut cleared = Cleared::default();
        for object in erased::whole_objects(history, &erased::named(history)) {
            if object.deleted_at.is_some() {
                cleared.gone.push(object);
                continue;
            }
            if erased::touches(history, object, open) {
                error!(recording = %key.id, object = %object.name,
                    "an addendum says that nothing of an object opens, crypto opens some of it, and it is kept");
                continue;
            }
            if let Removal::Kept(until) = self.remove(&object.name).await? {
                cleared.kept.push((object, Locked { name: object.name.clone(), until }));
                continue;
            }
            cleared.gone.push(object);
            let now = self.sealer.clock.now();
            self.sealer.store.mark_deleted(key, vec![object.name.clone()], now).await?;
            info!(recording = %key.id, object = %object.name, "an object of which nothing opens is gone");
        }
        Ok(cleared)
    }

    async fn remove(&self, name: &Key) -> Result<Removal, Error> {
        let mut locks = Vec::new();
        for version in &self.versions(name).await? {
            locks.extend(self.remove_version(version).await?);
        }
        if locks.is_empty() {
            return Ok(Removal::Gone);
        }
        let ends: Option<Vec<_>> = locks.into_iter().map(|Lock(until)| until).collect();
        Ok(Removal::Kept(ends.and_then(|ends| ends.into_iter().max())))
    }

    /// Deletes a version, or says what keeps it. A date that has passed here and not at the store keeps it, too.
    async fn remove_version(&self, version: &Listed) -> Result<Option<Lock>, Error> {
        let objects = &self.sealer.placer.objects;
        let (key, now) = (&version.key, self.sealer.clock.now());
        match objects.head(key, Some(&version.version)).await {
            Ok(head) => {
                if let Some(lock) = lock(&head, now) {
                    return Ok(Some(lock));
                }
            }
            Err(ObjectsError::NotFound { .. }) => return Ok(None),
            // Damage keeps nobody from deleting it; the store knows its lock.
            Err(ObjectsError::Damaged { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match objects.delete_version(key, &version.version).await {
            Ok(()) | Err(ObjectsError::NotFound { .. }) => Ok(None),
            Err(ObjectsError::Locked { until, .. }) => Ok(Some(Lock(Some(until)))),
            Err(ObjectsError::Held { .. }) => Ok(Some(Lock(None))),
            Err(error) => Err(error.into()),
        }
    }

    /// Every version of a key: all are listed before any is deleted, so that none is passed over.
    async fn versions(&self, name: &Key) -> Result<Vec<Listed>, Error> {
        let objects = &self.sealer.placer.objects;
        let prefix = Prefix::new(name.as_str()).map_err(ObjectsError::from)?;
        let (mut found, mut after) = (Vec::new(), None::<VersionCursor>);
        loop {
            let page = objects.list_versions(&prefix, after.as_ref(), MAX_LIST).await?;
            after = page.last().map(VersionCursor::from);
            let is_last = page.len() < MAX_LIST || page.last().is_some_and(|last| last.key != *name);
            found.extend(page.into_iter().filter(|listed| listed.key == *name));
            if is_last {
                return Ok(found);
            }
            if found.len() >= VERSIONS_MAX {
                return Err(Error::Busy { what: "the number of an object's versions", bound: VERSIONS_MAX });
            }
        }
    }
}

/// What keeps a version now. Of a hold the end is not known, whatever its lock says.
fn lock(head: &Head, now: Timestamp) -> Option<Lock> {
    if head.legal_hold == LegalHold::On {
        return Some(Lock(None));
    }
    head.retain_until.filter(|until| *until > now).map(|until| Lock(Some(until)))
}
