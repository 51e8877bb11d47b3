//! People's reasons in their own words: kept so that the ledger never holds them, and erasure reaches them.
//!
//! A reason arrives sealed to an epoch. It is sealed anew as a document section of its own, whose address is
//! made from the audit event's id, under a fresh key that lies in an entry of the reserved purpose `reason`.
//! When that entry goes, the text is gone.

use std::sync::Arc;

use kernel::{
    Clock, EventId, FrameNo, InstanceId, KeyEpoch, LegNo, Position, RecordingId, SectionNo, SessionEpoch,
    SpanNo, TenantId,
};
use seal::{
    Codec, Entry, Hash, HpkeInfo, HpkeSealed, LegKey, SectionAddress, SectionKind, SpanHeader, SpanSet,
    SpanView,
};
use zeroize::Zeroizing;

use crate::epochs::Epochs;
use crate::error::Error;
use crate::pages::Pages;
use crate::sections::reserved;
use crate::store::{EntryKey, KeyStore};

/// The reserved purpose of reasons.
pub const REASON: &str = "reason";
/// The leg of documents.
const DOCUMENT_LEG: LegNo = LegNo(u16::MAX);

/// Keeps reasons.
pub struct Reasons {
    store: Arc<dyn KeyStore>,
    epochs: Arc<Epochs>,
    pages: Arc<Pages>,
    clock: Arc<dyn Clock>,
    writer: InstanceId,
}

impl Reasons {
    /// Keeps reasons' keys in these pages.
    pub fn new(
        store: Arc<dyn KeyStore>,
        epochs: Arc<Epochs>,
        pages: Arc<Pages>,
        clock: Arc<dyn Clock>,
        writer: InstanceId,
    ) -> Self {
        Self { store, epochs, pages, clock, writer }
    }

    /// Takes a reason in, once; durable when it answers.
    pub async fn adopt(
        &self,
        tenant: &TenantId,
        event: EventId,
        epoch: KeyEpoch,
        sealed: &HpkeSealed,
    ) -> Result<(), Error> {
        if self.store.reason(tenant, event).await?.is_some() {
            return Ok(());
        }
        let keys = self.epochs.keys(tenant, epoch).await?;
        let info = HpkeInfo::Reason { tenant: tenant.clone(), epoch, event };
        let text = seal::hpke::open_from_epoch(&keys.secret, &info, sealed)
            .map_err(|source| Error::Unopened { section: address(event), source })?;
        let Some(entry) = self.entry(tenant, event).await? else {
            // Erased before it was kept.
            return Ok(());
        };
        let key = entry.cover.key(SpanNo(0)).ok_or(Error::invalid("reason", "has no key"))?;
        let container = seal::span::seal_span(&key, &self.header(tenant, event, epoch), &text)
            .map_err(Error::seal("seal a reason"))?;
        self.store.keep_reason(tenant, event, &container.bytes).await?;
        Ok(())
    }

    /// Opens a reason; nothing where there is none, or its entry was removed.
    pub async fn open(&self, tenant: &TenantId, event: EventId) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(container) = self.store.reason(tenant, event).await? else { return Ok(None) };
        let Some(entry) = self.standing(tenant, event).await? else { return Ok(None) };
        let Some(key) = entry.cover.key(SpanNo(0)) else { return Ok(None) };
        let view = SpanView::parse(&container).map_err(Error::seal("read a reason"))?;
        let text = view.open(&key).map_err(Error::seal("open a reason"))?;
        Ok(Some(Zeroizing::new(text.bytes().to_vec())))
    }

    /// The reason's entry, placed first where there is none: a container without a key would be lost.
    async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Entry>, Error> {
        let key = LegKey::generate().map_err(Error::seal("draw a reason's key"))?;
        let first = SpanSet::from_spans([SpanNo(0)]).map_err(Error::seal("name a reason's span"))?;
        let EntryKey { section, purpose } = entry_key(event);
        let fresh = Entry { section, purpose, cover: key.cover(&first) };
        self.pages.place(tenant, &[fresh]).await?;
        self.standing(tenant, event).await
    }

    async fn standing(&self, tenant: &TenantId, event: EventId) -> Result<Option<Entry>, Error> {
        let key = entry_key(event);
        let locators = self.pages.locators(tenant, key.section.recording).await?;
        match locators.iter().find(|locator| locator.key == key) {
            Some(locator) => self.pages.open(tenant, locator).await,
            None => Ok(None),
        }
    }

    fn header(&self, tenant: &TenantId, event: EventId, epoch: KeyEpoch) -> SpanHeader {
        let SectionAddress { recording, leg, section } = address(event);
        SpanHeader {
            tenant: tenant.clone(),
            recording,
            leg,
            section,
            kind: SectionKind::Meta,
            span: SpanNo(0),
            session_epoch: SessionEpoch(0),
            first_frame: FrameNo(0),
            last_frame: FrameNo(0),
            start: Position::ZERO,
            end: Position::ZERO,
            codec: Codec::Document,
            rate: 0,
            started_wall: self.clock.now(),
            writer: self.writer,
            key_epoch: epoch,
            policy_hash: Hash([0; 32]),
            regimes: Vec::new(),
        }
    }
}

/// Where a reason's key lies.
pub fn entry_key(event: EventId) -> EntryKey {
    EntryKey { section: address(event), purpose: reserved(REASON) }
}

/// Event ids and recording ids are both random: one never meets the other.
fn address(event: EventId) -> SectionAddress {
    SectionAddress {
        recording: RecordingId::from_bytes(event.to_bytes()),
        leg: DOCUMENT_LEG,
        section: SectionNo(0),
    }
}

#[cfg(test)]
mod tests;
