//! An erasure's receipt, as its rows have it.

use kernel::Timestamp;
use seal::Receipt;
use seal::receipt::{ErasureCause, ErasureState, KeptBack, Outcome, PlainCode, ReceiptRow, Stretch};
use seal::signing::MAX_PAYLOAD;

use crate::erasure::{self, Cause, Erasure, Item, KeptBy, Scope, State, Step};
use crate::error::Error;

/// What is signed: with all that there is to say, or abridged where that is more than a document holds.
pub(super) fn payload(erasure: &Erasure, items: &[Item], now: Timestamp) -> Result<Vec<u8>, Error> {
    let receipt = receipt(erasure, items, now)?;
    let payload = receipt.encode()?;
    if payload.len() <= MAX_PAYLOAD {
        return Ok(payload);
    }
    Ok(receipt.abridged().encode()?)
}

fn receipt(erasure: &Erasure, items: &[Item], now: Timestamp) -> Result<Receipt, Error> {
    let mut recordings: Vec<_> = items.iter().map(row).collect::<Result<_, _>>()?;
    recordings.sort_unstable_by_key(|row| row.recording);
    Ok(Receipt {
        tenant: erasure.tenant.clone(),
        erasure: erasure.id,
        cause: match erasure.cause {
            Cause::PeriodOver => ErasureCause::PeriodOver,
            Cause::BasisLost => ErasureCause::BasisLost,
            Cause::Order => ErasureCause::Order,
        },
        reason: PlainCode::new(erasure.reason.as_str())?,
        ordered_at: erasure.ordered_at,
        settled_at: now,
        state: match erasure.state {
            State::Done => ErasureState::Done,
            State::Partial | State::Gathering | State::Running => ErasureState::Partial,
            State::Refused => ErasureState::Refused,
        },
        is_abridged: false,
        recordings,
    })
}

fn row(item: &Item) -> Result<ReceiptRow, seal::Error> {
    let report = &item.report;
    let stretch = match &item.scope {
        Scope::Everything | Scope::Purposes(_) => None,
        Scope::Stretch { interval, legs } => Some(Stretch { interval: *interval, legs: legs.clone() }),
    };
    Ok(ReceiptRow {
        recording: item.recording,
        outcome: match item.step {
            Step::Done => Outcome::Erased,
            Step::Refused => Outcome::Refused,
            Step::Registered | Step::Decided | Step::KeysRemoved | Step::ObjectsErased | Step::Deferred => {
                Outcome::Deferred
            }
        },
        erased: erased(item),
        stretch,
        kept: item.kept.iter().map(kept).collect::<Result<_, _>>()?,
        spans: report.spans,
        entries_at: report.entries_at,
        not_before: report.not_before,
        objects_at: report.objects_at,
        locked_until: report.locked_until,
        log_at: report.log_at,
        controlled_at: report.probed_at,
    })
}

/// Of a recording on which nothing was left the purposes that were asked for: they are gone, if not by this.
fn erased(item: &Item) -> Vec<kernel::PurposeName> {
    match (&item.scope, item.step) {
        (Scope::Purposes(asked), Step::Done) if item.erased.is_empty() => asked.iter().cloned().collect(),
        (Scope::Everything | Scope::Purposes(_) | Scope::Stretch { .. }, _) => {
            item.erased.iter().cloned().collect()
        }
    }
}

fn kept(kept: &erasure::KeptBack) -> Result<KeptBack, seal::Error> {
    let by = match &kept.by {
        KeptBy::Hold(hold) => PlainCode::new(format!("hold:{hold}"))?,
        KeptBy::Rule(code) => PlainCode::new(code.as_str())?,
    };
    Ok(KeptBack { purpose: kept.purpose.clone(), by, until: kept.until })
}
