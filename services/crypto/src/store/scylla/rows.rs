//! From columns to rows; a value that cannot be is refused, never guessed.

use cql::scylla::{self, DeserializeRow};
use kernel::{
    ErasureId, InstanceId, InvalidId, KeyEpoch, LegNo, PageId, PurposeName, RecordingId, SectionNo,
    SessionEpoch, TenantId, Timestamp,
};
use seal::{Hash, SectionAddress, SectionKind};

use super::error::Error;
use crate::marks::Mark;
use crate::store::{
    EntryBody, EntryKey, EntryRow, EpochRow, EpochState, Holder, Locator, LocatorState, PageRow, PageState,
    Place, RecordingRow, RecordingState, SectionRow, mark as columns,
};

#[derive(DeserializeRow)]
pub(super) struct Epoch {
    tenant: String,
    epoch: i64,
    starts: i64,
    ends: i64,
    state: i64,
    kek: Vec<u8>,
    hpke_secret: Vec<u8>,
    hpke_public: Vec<u8>,
    destroyed_at: Option<i64>,
}

#[derive(DeserializeRow)]
pub(super) struct EpochHolder {
    instance: Vec<u8>,
    since: i64,
    pub(super) gone: bool,
}

#[derive(DeserializeRow)]
pub(super) struct Section {
    tenant: String,
    recording: Vec<u8>,
    leg: i32,
    section: i64,
    kind: i64,
    reserved: String,
    key_epoch: i64,
    writer: Vec<u8>,
    session_epoch: i64,
    fingerprint: Vec<u8>,
    adopted_at: i64,
    pub(super) act: Vec<u8>,
}

#[derive(DeserializeRow)]
pub(super) struct Recording {
    tenant: String,
    recording: Vec<u8>,
    version: i64,
    state: i64,
    policy_hash: Vec<u8>,
    timeline_hash: Vec<u8>,
    span_table_hash: Vec<u8>,
    pub(super) act: Vec<u8>,
}

#[derive(DeserializeRow)]
pub(super) struct LocatorColumns {
    recording: Vec<u8>,
    leg: i32,
    section: i64,
    purpose: String,
    page: Vec<u8>,
    slot: i32,
    state: i64,
}

#[derive(DeserializeRow)]
pub(super) struct MarkColumns {
    tenant: String,
    recording: Vec<u8>,
    erasure: Vec<u8>,
    purposes: String,
    spans: Vec<u8>,
    marked_at: i64,
}

#[derive(DeserializeRow)]
pub(super) struct Page {
    page: Vec<u8>,
    tenant: String,
    purpose: String,
    epoch: i64,
    page_generation: i64,
    version: i64,
    owner: Vec<u8>,
    state: i64,
    wrapped_key: Vec<u8>,
    dirty: bool,
    added: i64,
    removed: i64,
    bytes: i64,
}

#[derive(DeserializeRow)]
pub(super) struct Slot {
    generation: i64,
    slot: i32,
    sealed: Vec<u8>,
    entry_act: Vec<u8>,
}

/// A slot, and the write that it is from.
pub(super) struct WrittenSlot {
    pub(super) row: EntryRow,
    pub(super) act: Vec<u8>,
}

pub(super) fn epoch(columns: Epoch) -> Result<EpochRow, Error> {
    let table = Table("crypto_epoch");
    Ok(EpochRow {
        tenant: table.tenant(columns.tenant)?,
        epoch: KeyEpoch(table.number(columns.epoch, "an epoch")?),
        from: Timestamp(columns.starts),
        until: Timestamp(columns.ends),
        state: EpochState::from_number(columns.state).ok_or(table.bad("a state"))?,
        kek: columns.kek,
        hpke_secret: columns.hpke_secret,
        hpke_public: table.bytes(&columns.hpke_public, "a public key")?,
        destroyed_at: columns.destroyed_at.map(Timestamp),
    })
}

pub(super) fn tenant((name,): (String,)) -> Result<TenantId, Error> {
    Table("crypto_tenant").tenant(name)
}

pub(super) fn holder(columns: EpochHolder) -> Result<Holder, Error> {
    let table = Table("crypto_epoch_holder");
    let instance = table.id(InstanceId::from_slice(&columns.instance))?;
    Ok(Holder { instance, since: Timestamp(columns.since) })
}

pub(super) fn section(columns: Section) -> Result<SectionRow, Error> {
    let table = Table("crypto_section");
    Ok(SectionRow {
        tenant: table.tenant(columns.tenant)?,
        section: table.address(&columns.recording, columns.leg, columns.section)?,
        kind: SectionKind::from_number(table.number(columns.kind, "a kind")?).ok_or(table.bad("a kind"))?,
        reserved: table.purpose(columns.reserved)?,
        key_epoch: KeyEpoch(table.number(columns.key_epoch, "an epoch")?),
        writer: table.id(InstanceId::from_slice(&columns.writer))?,
        session_epoch: SessionEpoch(table.number(columns.session_epoch, "a session epoch")?),
        fingerprint: table.hash(&columns.fingerprint)?,
        adopted_at: Timestamp(columns.adopted_at),
    })
}

pub(super) fn recording(columns: Recording) -> Result<RecordingRow, Error> {
    let table = Table("crypto_recording");
    Ok(RecordingRow {
        tenant: table.tenant(columns.tenant)?,
        recording: table.id(RecordingId::from_slice(&columns.recording))?,
        version: table.number(columns.version, "a version")?,
        state: RecordingState::from_number(columns.state).ok_or(table.bad("a state"))?,
        policy_hash: table.hash(&columns.policy_hash)?,
        timeline_hash: table.hash(&columns.timeline_hash)?,
        span_table_hash: table.hash(&columns.span_table_hash)?,
    })
}

pub(super) fn locator(columns: LocatorColumns) -> Result<Locator, Error> {
    let table = Table("crypto_locator");
    Ok(Locator {
        key: EntryKey {
            section: table.address(&columns.recording, columns.leg, columns.section)?,
            purpose: table.purpose(columns.purpose)?,
        },
        place: Place {
            page: table.id(PageId::from_slice(&columns.page))?,
            slot: table.number(columns.slot.into(), "a slot")?,
        },
        state: LocatorState::from_number(columns.state).ok_or(table.bad("a state"))?,
    })
}

pub(super) fn mark(row: MarkColumns) -> Result<Mark, Error> {
    let table = Table("crypto_mark");
    Ok(Mark {
        tenant: table.tenant(row.tenant)?,
        recording: table.id(RecordingId::from_slice(&row.recording))?,
        erasure: table.id(ErasureId::from_slice(&row.erasure))?,
        purposes: columns::read_purposes(&row.purposes).map_err(|what| table.bad(what))?,
        spans: columns::read_spans(&row.spans).map_err(|what| table.bad(what))?,
        at: Timestamp(row.marked_at),
    })
}

pub(super) fn page(columns: Page) -> Result<PageRow, Error> {
    let table = PAGE;
    Ok(PageRow {
        page: table.id(PageId::from_slice(&columns.page))?,
        tenant: table.tenant(columns.tenant)?,
        purpose: table.purpose(columns.purpose)?,
        epoch: KeyEpoch(table.number(columns.epoch, "an epoch")?),
        generation: table.number(columns.page_generation, "a generation")?,
        version: table.number(columns.version, "a version")?,
        owner: table.id(InstanceId::from_slice(&columns.owner))?,
        state: PageState::from_number(columns.state).ok_or(table.bad("a state"))?,
        key: columns.wrapped_key,
        dirty: columns.dirty,
        added: table.number(columns.added, "a count")?,
        removed: table.number(columns.removed, "a count")?,
        bytes: table.number(columns.bytes, "a count")?,
    })
}

pub(super) fn slot(columns: Slot) -> Result<WrittenSlot, Error> {
    let sealed = columns.sealed;
    let row = EntryRow {
        slot: PAGE.number(columns.slot.into(), "a slot")?,
        generation: PAGE.number(columns.generation, "a generation")?,
        // What is sealed has a tag at least, so that nothing sealed is empty.
        body: if sealed.is_empty() { EntryBody::Destroyed } else { EntryBody::Sealed(sealed) },
    };
    Ok(WrittenSlot { row, act: columns.entry_act })
}

const PAGE: Table = Table("crypto_page");

/// Whose row it is that cannot be.
#[derive(Clone, Copy)]
struct Table(&'static str);

impl Table {
    fn bad(self, what: &'static str) -> Error {
        cql::Error::Row { table: self.0, what }.into()
    }

    fn tenant(self, text: String) -> Result<TenantId, Error> {
        TenantId::new(text).map_err(|_| self.bad("a tenant"))
    }

    fn purpose(self, text: String) -> Result<PurposeName, Error> {
        PurposeName::new(text).map_err(|_| self.bad("a purpose"))
    }

    fn id<T>(self, read: Result<T, InvalidId>) -> Result<T, Error> {
        read.map_err(|_| self.bad("an id"))
    }

    fn number<T: TryFrom<i64>>(self, value: i64, what: &'static str) -> Result<T, Error> {
        T::try_from(value).map_err(|_| self.bad(what))
    }

    fn bytes(self, bytes: &[u8], what: &'static str) -> Result<[u8; 32], Error> {
        bytes.try_into().map_err(|_| self.bad(what))
    }

    fn hash(self, bytes: &[u8]) -> Result<Hash, Error> {
        Ok(Hash(self.bytes(bytes, "a hash")?))
    }

    fn address(self, recording: &[u8], leg: i32, section: i64) -> Result<SectionAddress, Error> {
        Ok(SectionAddress {
            recording: self.id(RecordingId::from_slice(recording))?,
            leg: LegNo(self.number(leg.into(), "a leg")?),
            section: SectionNo(self.number(section, "a section")?),
        })
    }
}
