//! Holds: placed, with whom or what they name in parts, and released.

use std::collections::BTreeSet;

use journal::codes::{FieldError, Fields, Part, code, in_parts, malformed, packed, read};
use journal::{Act, Code, Kind, MAX_CODES};
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
        Restriction "restriction",
    }
}

const RECORDINGS: &str = "recordings";
const SUBJECTS: &str = "subjects";

/// Of a hold as it was placed. Several acts where it names more than one record takes: 125 for 1,000, and up
/// to 135 with its purposes.
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
    let list = with_purposes(named, &packed("purpose", &hold.purposes), head.len());
    of_hold(hold, Kind::HoldPlaced, hold.placed_at).acts(in_parts(&head, &list))
}

/// What the parts have beside their head: the purposes first, the first one that is named again in each part
/// with them.
fn with_purposes(named: Vec<Code>, purposes: &[Code], head: usize) -> Vec<Code> {
    let Some((first, others)) = named.split_first() else { return purposes.to_vec() };
    if purposes.is_empty() {
        return named;
    }
    // A part has its number beside its head, and one code less of purposes than it has room.
    let room = MAX_CODES.saturating_sub(head + 2).max(1);
    let parts = purposes.chunks(room).flat_map(|some| std::iter::once(first).chain(some));
    parts.chain(others).cloned().collect()
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
    let keys =
        ["hold", "reason", "placed-at", "review-at", "over", "range", "recording", "subject", "purpose"];
    let fields = Fields::of(&act.codes, &[&keys[..], &account::KEYS].concat())?;
    let hold = Hold {
        tenant: act.tenant.clone(),
        id: HoldId::from_bytes(id),
        version,
        kind: of_word(fields.one("hold")?).ok_or(malformed("hold"))?,
        selector: selector(&fields)?,
        purposes: fields.read_all("purpose")?.into_iter().collect(),
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
