//! What the turn writes: an epoch's state, and a page's next generation. Each is one transaction.

use ::sqlite::rusqlite::params;
use ::sqlite::{Error, Tx};
use kernel::{KeyEpoch, PageId, TenantId, Timestamp};

use super::entries;
use crate::store::{EpochState, NextGeneration, StoreError, Written};

/// Why a page was not turned.
pub(super) enum Refusal {
    /// It has moved on.
    Conflict,
    /// What it was to become does not follow from it.
    Wrong(StoreError),
    /// SQLite says no.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<::sqlite::rusqlite::Error> for Refusal {
    fn from(error: ::sqlite::rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) fn set_epoch(
    tx: &Tx<'_>,
    tenant: &TenantId,
    epoch: KeyEpoch,
    (from, to): (EpochState, EpochState),
    at: Timestamp,
) -> Result<Written, Error> {
    let (tenant, from) = (tenant.as_str(), from.number());
    let written = if to == EpochState::Destroyed {
        let destroy = "UPDATE epoch SET state = ?, destroyed_at = ?, kek = x'', hpke_secret = x''
            WHERE tenant = ? AND epoch = ? AND state = ?";
        tx.prepare_cached(destroy)?.execute(params![to.number(), at.0, tenant, epoch.0, from])?
    } else {
        let update = "UPDATE epoch SET state = ? WHERE tenant = ? AND epoch = ? AND state = ?";
        tx.prepare_cached(update)?.execute(params![to.number(), tenant, epoch.0, from])?
    };
    Ok(if written == 1 { Written::Applied } else { Written::Conflict })
}

pub(super) fn turn_page(
    tx: &Tx<'_>,
    page: PageId,
    version: u64,
    next: &NextGeneration,
) -> Result<(), Refusal> {
    let before = entries::page(tx, page)?.filter(|row| row.version == version);
    let before = before.ok_or(Refusal::Conflict)?;
    let after = next.after(&before).map_err(Refusal::Wrong)?;
    match next {
        NextGeneration::Rewrapped { .. } => {}
        NextGeneration::Resealed { generation, entries, .. } => {
            let mut put = tx.prepare_cached("INSERT INTO entry VALUES (?, ?, ?, ?)")?;
            for (slot, sealed) in entries {
                put.execute(params![page.to_bytes(), generation, slot, sealed])?;
            }
            let sweep = "DELETE FROM entry WHERE page = ? AND generation = ?";
            tx.prepare_cached(sweep)?.execute(params![page.to_bytes(), before.generation])?;
        }
    }
    tx.prepare_cached(
        "UPDATE page SET epoch = ?, generation = ?, version = ?, key = ?, dirty = ?, bytes = ? WHERE page = ?",
    )?
    .execute(params![
        after.epoch.0,
        after.generation,
        after.version,
        after.key,
        after.dirty,
        after.bytes,
        page.to_bytes(),
    ])?;
    Ok(())
}
