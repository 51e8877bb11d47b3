//! Sections come in: their leg keys, sealed to an epoch, are opened and kept under a reserved purpose.
//!
//! A section's row is written before its entry and names the sealed key by its hash: whoever comes again with
//! the same key finds it adopted, whoever comes with another is told so. The entry of the reserved purpose
//! serves no reader; the sealing ends it. Of what was erased already nothing is kept.

use std::sync::Arc;

use kernel::{Clock, InstanceId, KeyEpoch, PurposeName, SessionEpoch, TenantId};
use seal::page::{SEALING, SUBJECT};
use seal::{Cover, Entry, Hash, HpkeSealed, LegKeyInfo, SectionAddress, SectionKind, SpanSet};

use crate::epochs::Epochs;
use crate::error::Error;
use crate::marks::left;
use crate::pages::{Pages, Placed};
use crate::store::{Adoption, EntryKey, EpochState, KeyStore, LocatorState, SectionRow};

/// A section whose key is to be taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSection {
    /// Which section.
    pub section: SectionAddress,
    /// What it holds.
    pub kind: SectionKind,
    /// The epoch that its key is sealed to.
    pub key_epoch: KeyEpoch,
    /// Who sealed it.
    pub writer: InstanceId,
    /// In which session epoch.
    pub session_epoch: SessionEpoch,
    /// The sealed leg key.
    pub sealed: HpkeSealed,
}

/// Whether a section was new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adopted {
    /// Its key is kept from now on.
    Now,
    /// The same key came before; whatever became of its entry since stays.
    Before,
}

/// Takes sections in.
pub struct Sections {
    store: Arc<dyn KeyStore>,
    epochs: Arc<Epochs>,
    pages: Arc<Pages>,
    clock: Arc<dyn Clock>,
}

impl Sections {
    /// Keeps keys in these pages.
    pub fn new(
        store: Arc<dyn KeyStore>,
        epochs: Arc<Epochs>,
        pages: Arc<Pages>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, epochs, pages, clock }
    }

    /// Opens the section's key and keeps it; durable when it answers.
    pub async fn adopt(&self, tenant: &TenantId, new: &NewSection) -> Result<Adopted, Error> {
        if self.is_over(tenant, new.key_epoch).await? {
            return self.adopted_before(tenant, new).await;
        }
        // The key is opened first: a row for a key that does not open would hold its address for ever.
        let cover = self.open(tenant, new).await?;
        let purpose = reserved_purpose(new.kind);
        let row = SectionRow {
            tenant: tenant.clone(),
            section: new.section,
            kind: new.kind,
            reserved: purpose.clone(),
            key_epoch: new.key_epoch,
            writer: new.writer,
            session_epoch: new.session_epoch,
            fingerprint: Hash::of(&new.sealed.to_bytes()),
            adopted_at: self.clock.now(),
        };
        let adopted = match self.store.adopt(&row).await? {
            Adoption::New => Adopted::Now,
            Adoption::Before(before) if before.fingerprint == row.fingerprint => Adopted::Before,
            Adoption::Before(_) => return Err(Error::OtherKey(new.section)),
        };
        let recording = new.section.recording;
        let key = EntryKey { section: new.section, purpose };
        let spans = left(&self.pages.marks(tenant, recording).await?, &key, &SpanSet::all());
        if spans.is_empty() {
            let erased = Entry { section: key.section, purpose: key.purpose, cover };
            self.pages.forestall(tenant, &erased).await?;
            return Ok(adopted);
        }
        // Also for a row that was there: a crash may have come between it and its entry.
        let entry = Entry { section: key.section, purpose: key.purpose, cover: cover.restrict(&spans) };
        let placed = self.pages.place(tenant, &[entry]).await?[0];
        // An erasure that crossed the placing marks first and lists what is placed then.
        self.pages.apply_marks(tenant, recording).await?;
        Ok(match placed {
            Placed::Written => Adopted::Now,
            Placed::Stood | Placed::Removed => Adopted::Before,
        })
    }

    /// Whoever sealed to an epoch leaves it only when what it sealed is in the log, and the epoch is drained only when
    /// the log was read so far: nothing new can come.
    async fn is_over(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<bool, Error> {
        Ok(match self.epochs.state(tenant, epoch).await? {
            Some(EpochState::Drained | EpochState::Destroyed) => true,
            Some(EpochState::Active | EpochState::Closing) | None => false,
        })
    }

    /// What was taken in comes again where the log is read again: a key that is kept already, or was erased since,
    /// does not keep its reader from going on.
    async fn adopted_before(&self, tenant: &TenantId, new: &NewSection) -> Result<Adopted, Error> {
        let over = || Error::EpochOver { tenant: tenant.clone(), epoch: new.key_epoch };
        let recording = new.section.recording;
        let rows = self.store.sections(tenant, recording).await?;
        let row = rows.into_iter().find(|row| row.section == new.section).ok_or_else(over)?;
        if row.fingerprint != Hash::of(&new.sealed.to_bytes()) {
            return Err(Error::OtherKey(new.section));
        }
        let key = EntryKey { section: new.section, purpose: row.reserved };
        let locators = self.pages.locators(tenant, recording).await?;
        let locator = locators.into_iter().find(|locator| locator.key == key).ok_or_else(over)?;
        let is_there = match locator.state {
            LocatorState::Claimed => self.store.entry(locator.place).await?.is_some(),
            LocatorState::Removed => true,
        };
        if is_there { Ok(Adopted::Before) } else { Err(over()) }
    }

    async fn open(&self, tenant: &TenantId, new: &NewSection) -> Result<Cover, Error> {
        let keys = self.epochs.keys(tenant, new.key_epoch).await?;
        let info = LegKeyInfo { tenant: tenant.clone(), section: new.section, epoch: new.key_epoch };
        let key = seal::hpke::open_leg_key(&keys.secret, &info, &new.sealed)
            .map_err(|source| Error::Unopened { section: new.section, source })?;
        Ok(Cover::all(&key))
    }
}

/// The purpose whose entry keeps the root of a section of this kind.
pub fn reserved_purpose(kind: SectionKind) -> PurposeName {
    match kind {
        SectionKind::Audio | SectionKind::Meta => reserved(SEALING),
        SectionKind::Subject => reserved(SUBJECT),
    }
}

/// The purposes that no policy may name and no reader is served under.
pub const RESERVED: [&str; 4] = [SEALING, SUBJECT, crate::reasons::REASON, crate::canary::CANARY];

pub(crate) fn reserved(name: &'static str) -> PurposeName {
    PurposeName::new(name).expect("reserved purposes are slugs")
}

#[cfg(test)]
mod tests;
