//! What marks take from entries: in what is opened at once, in what lies there as soon as somebody gets to it.
//!
//! An erasure marks first and lists the locators then; a writer claims its places first and reads the marks then. So
//! one of them sees the other, and both apply marks by the one function here. A claim that is not yet written is
//! left to its writer where only some of its spans are marked.

use kernel::{RecordingId, TenantId};
use seal::{Cover, Entry, SpanSet};

use super::{Pages, key_of};
use crate::error::Error;
use crate::marks::{Mark, left};
use crate::store::{Locator, LocatorState};

/// How often a recording's entries are gone through for what others have added meanwhile.
const PASSES: usize = 16;
/// How often one entry is narrowed anew because others have changed it meanwhile.
const ATTEMPTS: usize = 16;

/// What marks have taken now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// Entries that were removed.
    pub removed: u32,
    /// Entries that were narrowed.
    pub narrowed: u32,
    /// Claims whose slot was empty, and is not written any more.
    pub forestalled: u32,
}

impl Applied {
    /// Whether everything was as it should be already.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of one entry.
enum Lessened {
    Kept,
    Narrowed,
    Removed,
    Forestalled,
}

impl Pages {
    /// What was erased of a recording.
    pub async fn marks(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Mark>, Error> {
        Ok(self.store.marks(tenant, recording).await?)
    }

    /// What a locator leads to, as far as no mark has taken it; nothing where nothing is left. The only way to what
    /// is handed out or said to open.
    pub async fn serving(
        &self,
        tenant: &TenantId,
        locator: &Locator,
        marks: &[Mark],
    ) -> Result<Option<Cover>, Error> {
        let Some(entry) = self.open(tenant, locator).await? else { return Ok(None) };
        let spans = left(marks, &locator.key, &entry.cover.spans());
        Ok((!spans.is_empty()).then(|| entry.cover.restrict(&spans)))
    }

    /// Takes the place of an entry that was erased before it came: its locator tells so for ever, and not a byte of
    /// it ever lies anywhere. Only of an entry of which the marks leave nothing.
    pub async fn forestall(&self, tenant: &TenantId, entry: &Entry) -> Result<(), Error> {
        let claim = (key_of(entry), self.filling.reserve(tenant, entry).await?);
        for locator in self.store.claim(tenant, &[claim]).await? {
            self.remove(tenant, &locator).await?;
        }
        Ok(())
    }

    /// Takes from a recording's entries what its marks have taken, until nothing is left to take.
    pub async fn apply_marks(&self, tenant: &TenantId, recording: RecordingId) -> Result<Applied, Error> {
        let mut all = Applied::default();
        for _ in 0..PASSES {
            let marks = self.marks(tenant, recording).await?;
            if marks.is_empty() {
                return Ok(all);
            }
            let before = all;
            for locator in self.locators(tenant, recording).await? {
                match self.lessen(tenant, &locator, &marks).await? {
                    Lessened::Kept => {}
                    Lessened::Narrowed => all.narrowed += 1,
                    Lessened::Removed => all.removed += 1,
                    Lessened::Forestalled => all.forestalled += 1,
                }
            }
            if all == before {
                return Ok(all);
            }
        }
        Err(Error::Contended("what is erased of a recording"))
    }

    async fn lessen(&self, tenant: &TenantId, locator: &Locator, marks: &[Mark]) -> Result<Lessened, Error> {
        let key = &locator.key;
        let every = left(marks, key, &SpanSet::all());
        if locator.state == LocatorState::Removed || every == SpanSet::all() {
            return Ok(Lessened::Kept);
        }
        for _ in 0..ATTEMPTS {
            let Some(stands) = self.open(tenant, locator).await? else {
                if !every.is_empty() {
                    return Ok(Lessened::Kept);
                }
                self.remove(tenant, locator).await?;
                return Ok(Lessened::Forestalled);
            };
            let have = stands.cover.spans();
            let spans = left(marks, key, &have);
            if spans == have {
                return Ok(Lessened::Kept);
            }
            if spans.is_empty() {
                self.remove(tenant, locator).await?;
                return Ok(Lessened::Removed);
            }
            let narrowed = Entry { cover: stands.cover.restrict(&spans), ..stands.clone() };
            match self.replace(tenant, locator, &stands, &narrowed).await {
                Ok(true) => return Ok(Lessened::Narrowed),
                Ok(false) => return Ok(Lessened::Kept),
                // Another instance changed it: what stands now is narrowed.
                Err(Error::Contended(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended("an entry"))
    }
}
