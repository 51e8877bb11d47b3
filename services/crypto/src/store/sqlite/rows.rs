//! From columns to rows; a value that cannot be is refused, never guessed.

use ::sqlite::Error;
use ::sqlite::rusqlite::{Connection, Params, Row};
use kernel::{
    ErasureId, InstanceId, KeyEpoch, LegNo, PageId, PurposeName, RecordingId, SectionNo, SessionEpoch,
    TenantId, Timestamp,
};
use seal::{Hash, SectionAddress, SectionKind};

use crate::marks::Mark;
use crate::store::{
    EntryBody, EntryKey, EntryRow, EpochRow, EpochState, Holder, Locator, LocatorState, PageRow, PageState,
    Place, RecordingRow, RecordingState, SectionRow, mark as columns,
};

/// Every row of a query.
pub(super) fn all<T>(
    connection: &Connection,
    query: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn epoch(row: &Row<'_>) -> Result<EpochRow, Error> {
    let bad = |what| Error::Row { table: "epoch", what };
    Ok(EpochRow {
        tenant: tenant(row, bad)?,
        epoch: KeyEpoch(row.get("epoch")?),
        from: Timestamp(row.get("starts")?),
        until: Timestamp(row.get("ends")?),
        state: EpochState::from_number(row.get("state")?).ok_or(bad("a state"))?,
        kek: row.get("kek")?,
        hpke_secret: row.get("hpke_secret")?,
        hpke_public: row.get("hpke_public")?,
        destroyed_at: row.get::<_, Option<i64>>("destroyed_at")?.map(Timestamp),
    })
}

pub(super) fn holder(row: &Row<'_>) -> Result<Holder, Error> {
    Ok(Holder { instance: InstanceId::from_bytes(row.get("instance")?), since: Timestamp(row.get("since")?) })
}

pub(super) fn section(row: &Row<'_>) -> Result<SectionRow, Error> {
    let bad = |what| Error::Row { table: "section", what };
    Ok(SectionRow {
        tenant: tenant(row, bad)?,
        section: address(row)?,
        kind: SectionKind::from_number(row.get("kind")?).ok_or(bad("a kind"))?,
        reserved: purpose(row, "reserved", bad)?,
        key_epoch: KeyEpoch(row.get("key_epoch")?),
        writer: InstanceId::from_bytes(row.get("writer")?),
        session_epoch: SessionEpoch(row.get("session_epoch")?),
        fingerprint: Hash(row.get("fingerprint")?),
        adopted_at: Timestamp(row.get("adopted_at")?),
    })
}

pub(super) fn recording(row: &Row<'_>) -> Result<RecordingRow, Error> {
    let bad = |what| Error::Row { table: "recording", what };
    Ok(RecordingRow {
        tenant: tenant(row, bad)?,
        recording: RecordingId::from_bytes(row.get("recording")?),
        version: row.get("version")?,
        state: RecordingState::from_number(row.get("state")?).ok_or(bad("a state"))?,
        policy_hash: Hash(row.get("policy_hash")?),
        timeline_hash: Hash(row.get("timeline_hash")?),
        span_table_hash: Hash(row.get("span_table_hash")?),
    })
}

pub(super) fn locator(row: &Row<'_>) -> Result<Locator, Error> {
    let bad = |what| Error::Row { table: "locator", what };
    Ok(Locator {
        key: EntryKey { section: address(row)?, purpose: purpose(row, "purpose", bad)? },
        place: Place { page: PageId::from_bytes(row.get("page")?), slot: row.get("slot")? },
        state: LocatorState::from_number(row.get("state")?).ok_or(bad("a state"))?,
    })
}

pub(super) fn mark(row: &Row<'_>) -> Result<Mark, Error> {
    let bad = |what| Error::Row { table: "mark", what };
    Ok(Mark {
        tenant: tenant(row, bad)?,
        recording: RecordingId::from_bytes(row.get("recording")?),
        erasure: ErasureId::from_bytes(row.get("erasure")?),
        purposes: columns::read_purposes(&row.get::<_, String>("purposes")?).map_err(bad)?,
        spans: columns::read_spans(&row.get::<_, Vec<u8>>("spans")?).map_err(bad)?,
        at: Timestamp(row.get("marked_at")?),
    })
}

pub(crate) fn page(row: &Row<'_>) -> Result<PageRow, Error> {
    let bad = |what| Error::Row { table: "page", what };
    Ok(PageRow {
        page: PageId::from_bytes(row.get("page")?),
        tenant: tenant(row, bad)?,
        purpose: purpose(row, "purpose", bad)?,
        epoch: KeyEpoch(row.get("epoch")?),
        generation: row.get("generation")?,
        version: row.get("version")?,
        owner: InstanceId::from_bytes(row.get("owner")?),
        state: PageState::from_number(row.get("state")?).ok_or(bad("a state"))?,
        key: row.get("key")?,
        dirty: row.get("dirty")?,
        added: row.get("added")?,
        removed: row.get("removed")?,
        bytes: row.get("bytes")?,
    })
}

pub(super) fn entry(row: &Row<'_>) -> Result<EntryRow, Error> {
    let sealed: Option<Vec<u8>> = row.get("sealed")?;
    Ok(EntryRow {
        slot: row.get("slot")?,
        generation: row.get("generation")?,
        body: sealed.map_or(EntryBody::Destroyed, EntryBody::Sealed),
    })
}

fn address(row: &Row<'_>) -> Result<SectionAddress, Error> {
    Ok(SectionAddress {
        recording: RecordingId::from_bytes(row.get("recording")?),
        leg: LegNo(row.get("leg")?),
        section: SectionNo(row.get("section")?),
    })
}

pub(super) fn named(row: &Row<'_>) -> Result<TenantId, Error> {
    tenant(row, |what| Error::Row { table: "epoch", what })
}

fn tenant(row: &Row<'_>, bad: impl Fn(&'static str) -> Error) -> Result<TenantId, Error> {
    TenantId::new(row.get::<_, String>("tenant")?).map_err(|_| bad("a tenant"))
}

fn purpose(row: &Row<'_>, column: &str, bad: impl Fn(&'static str) -> Error) -> Result<PurposeName, Error> {
    PurposeName::new(row.get::<_, String>(column)?).map_err(|_| bad("a purpose"))
}
