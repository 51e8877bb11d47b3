//! Holds: placed, with whom or what they name in parts, and released.

use std::collections::BTreeSet;

use journal::codes::{FieldError, Fields, Part, code, in_parts, malformed, packed, read};
use journal::{Act, Code, Kind};
use kernel::{HoldId, TenantId, Timestamp};

use super::said::{Release, Said};
use super::{Head, account, coded, words};
use crate::hold::{Hold, HoldKind, HoldState, Selector};

words! {
    HoldKind {
        Litigation "litigation",
        Regulator "regulator",
        Subject "subject",
        OpenRequest "open-request",
    }
}

const RECORDINGS: &str = "recordings";
const SUBJECTS: &str = "subjects";

/// Of a hold as it was placed. Several acts where it names more than one record takes: 125 for 1,000.
pub fn hold_placed(hold: &Hold) -> Vec<Act> {
    let (over, named) = selected(&hold.selector);
    let mut head = vec![code("hold", word(hold.kind))];
    head.extend(coded("reason", &hold.reason));
    head.extend([
        code("placed-at", hold.placed_at.0),
        code("review-at", hold.review_at.0),
        account::by(&hold.placed_by),
        over,
    ]);
    of_hold(hold, Kind::HoldPlaced, hold.placed_at).acts(in_parts(&head, &named))
}

/// Of a hold that was released.
pub fn hold_released(hold: &Hold) -> Act {
    let by = hold.released_by.iter().map(|account| account::by(account)).collect();
    let at = hold.released_at.unwrap_or(hold.placed_at);
    of_hold(hold, Kind::HoldReleased, at).act(Part::WHOLE, by)
}

fn of_hold(hold: &Hold, kind: Kind, at: Timestamp) -> Head<'_> {
    let (tenant, id, version) = (&hold.tenant, hold.id.to_bytes(), hold.version);
    Head { kind, tenant, id, version, within: None, at }
}

fn selected(selector: &Selector) -> (Code, Vec<Code>) {
    let one_each = |ids: &BTreeSet<kernel::SubjectId>| ids.iter().map(|id| code("subject", id)).collect();
    match selector {
        Selector::Recordings(ids) => {
            (code("over", RECORDINGS), ids.iter().map(|id| code("recording", id)).collect())
        }
        Selector::Subjects(ids) => (code("over", SUBJECTS), one_each(ids)),
        Selector::Query { from, until, subjects } => {
            (packed("range", [from.0, until.0]).remove(0), one_each(subjects))
        }
    }
}

pub(super) fn placed(act: &Act, id: [u8; 16], version: u64) -> Result<Said, FieldError> {
    let keys = ["hold", "reason", "placed-at", "review-at", "over", "range", "recording", "subject"];
    let fields = Fields::of(&act.codes, &[&keys[..], &account::KEYS].concat())?;
    let hold = Hold {
        tenant: act.tenant.clone(),
        id: HoldId::from_bytes(id),
        version,
        kind: of_word(fields.one("hold")?).ok_or(malformed("hold"))?,
        selector: selector(&fields)?,
        reason: fields.read_text("reason")?,
        placed_by: account::one(&fields)?,
        placed_at: Timestamp(fields.read("placed-at")?),
        review_at: Timestamp(fields.read("review-at")?),
        state: HoldState::Placed,
        released_by: Vec::new(),
        released_at: None,
    };
    Ok(Said::HoldPlaced { hold, part: fields.part()? })
}

fn selector(fields: &Fields) -> Result<Selector, FieldError> {
    let subjects = fields.values("subject").map(|id| read("subject", id));
    let subjects: BTreeSet<_> = subjects.collect::<Result<_, _>>()?;
    let recordings = fields.values("recording").map(|id| read("recording", id));
    let recordings: BTreeSet<_> = recordings.collect::<Result<_, _>>()?;
    match (fields.find("over")?, fields.read_two("range")?) {
        (Some(RECORDINGS), None) if subjects.is_empty() => Ok(Selector::Recordings(recordings)),
        (Some(SUBJECTS), None) if recordings.is_empty() => Ok(Selector::Subjects(subjects)),
        (None, Some((from, until))) if recordings.is_empty() => {
            Ok(Selector::Query { from: Timestamp(from), until: Timestamp(until), subjects })
        }
        (Some(_) | None, _) => Err(FieldError { field: "over", problem: "is not one thing" }),
    }
}

pub(super) fn released(act: &Act, id: [u8; 16], version: u64) -> Result<Said, FieldError> {
    let fields = Fields::of(&act.codes, &account::KEYS)?;
    let tenant = TenantId::clone(&act.tenant);
    let (hold, by) = (HoldId::from_bytes(id), account::named(&fields)?);
    Ok(Said::HoldReleased(Release { tenant, hold, version, by, at: act.at }))
}
