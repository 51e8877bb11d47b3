//! Requests and their items, as the contract has them.

use kernel::{RequestId, Timestamp};
use policy::deadline::DueDay;
use policy::request::{Identity, Item, ItemKey, ItemState, Need, PlanName, State};
use policy::rights::{Question, Verdict};
use proto::dsar::v1 as wire;

use crate::act::MAX_NAMED;
use crate::error::Error;
use crate::file::File;
use crate::plan::{Artefact, PlanItem};
use crate::service::Planned;

/// The state of an item that turned out to be somebody else's.
const NOT_THEIRS: &str = "not-theirs";

/// A request as it stands now.
pub(super) fn request(id: RequestId, file: &File, now: Timestamp) -> wire::Request {
    let File { received, request, .. } = file;
    let (recording, position) = match received.said_in {
        Some((recording, position)) => (recording.to_bytes().to_vec(), position.unwrap_or_default().0),
        None => (Vec::new(), 0),
    };
    wire::Request {
        request_id: id.to_bytes().to_vec(),
        subject_id: received.subject.to_bytes().to_vec(),
        rights: request.rights().iter().map(ToString::to_string).collect(),
        channel: request.channel().to_string(),
        asker: request.asker().to_string(),
        state: request.state().to_string(),
        received_at: received.received_at.0,
        recording_id: recording,
        position,
        language: received.language.as_str().to_owned(),
        version: file.version,
        deadline: Some(deadline(file, now)),
        identity: Some(identity(file)),
        plan: plan(file).map(ToString::to_string).unwrap_or_default(),
        ruleset: request.plan().map_or(0, |frozen| frozen.ruleset),
        items: file.items.len() as u64,
        undecided: file.undecided().count() as u64,
        unsettled: file.unsettled().count() as u64,
        ending: request.ended().map(|ending| ending.to_string()).unwrap_or_default(),
        waits_for: file.waits_for().to_owned(),
        duplicate_of: bytes(file.duplicate_of()),
        merged_into: bytes(file.merged_into()),
        parts: file.parts().into_iter().map(|part| part.to_bytes().to_vec()).collect(),
        answer_day: request.due_clock(now).due_as_of(now).strict.date.to_string(),
        to_assess: file.to_assess.iter().take(MAX_NAMED).map(ToString::to_string).collect(),
        lifted_at: file.lifted.map_or(0, |at| at.0),
    }
}

/// Another request, or none.
fn bytes(other: Option<RequestId>) -> Vec<u8> {
    other.map(|id| id.to_bytes().to_vec()).unwrap_or_default()
}

/// The frozen plan's name.
fn plan(file: &File) -> Option<&PlanName> {
    file.request.plan().map(|frozen| &frozen.name)
}

/// Until when it must be answered. What is answered runs no more, and nothing is warned of.
fn deadline(file: &File, now: Timestamp) -> wire::Deadline {
    let clock = file.request.due_clock(now);
    let is_open = file.request.state() != State::Closed;
    let (calendar, due) = (clock.calendar(), clock.due_as_of(now));
    let day = |due: DueDay| due.date.to_string();
    let warnings = if is_open { clock.warnings(now) } else { Vec::new() };
    wire::Deadline {
        state: if is_open { clock.state(now).to_string() } else { String::new() },
        jurisdiction: clock.jurisdiction().to_string(),
        calendar: format!("{}-v{}", calendar.id, calendar.version),
        region: clock.region().map(|region| region.to_string()).unwrap_or_default(),
        base_day: day(clock.base_due()),
        base_until: clock.base_due().ends.0,
        due_day: day(due.strict),
        due_until: due.strict.ends.0,
        effective_day: day(due.effective),
        target_day: day(clock.internal_target()),
        extended: clock.extension().map(|extension| extension.reason.to_string()).unwrap_or_default(),
        warnings: warnings.iter().map(|warning| warning.kind.to_string()).collect(),
    }
}

fn identity(file: &File) -> wire::Identity {
    let request = &file.request;
    let shown: &Identity = request.identity();
    let needs = request.rights().into_iter().map(|right| wire::IdentityNeed {
        right: right.to_string(),
        need: Need::of(right).to_string(),
        shown: request.is_cleared(right),
    });
    wire::Identity {
        proofs: shown.proofs().iter().map(ToString::to_string).collect(),
        wrong: shown.wrong().into(),
        failed: shown.has_failed(),
        needs: needs.collect(),
    }
}

/// How many artefacts a store has named.
pub(super) fn store((name, artefacts): &(&'static str, u64)) -> wire::StoreAnswer {
    wire::StoreAnswer { store: (*name).to_owned(), artefacts: *artefacts }
}

/// An item of a plan, kept or not. What was decided of another plan is not told of this one.
pub(super) fn planned(found: &PlanItem, planned: &Planned) -> Result<wire::Item, Error> {
    let key = found.key().map_err(|_| Error::Damaged("an item whose name is too long"))?;
    let file = (plan(&planned.file) == Some(&planned.name)).then_some(&planned.file);
    Ok(item(&key, found, file))
}

/// A page of the frozen plan's items, from one place on.
pub(super) fn items(file: &File, from: usize, limit: usize) -> wire::ListItemsResponse {
    let page = file.items.iter().skip(from).take(limit);
    let items: Vec<_> = page.map(|(key, planned)| item(key, planned, Some(file))).collect();
    let behind = from + items.len();
    let has_more = !items.is_empty() && behind < file.items.len();
    wire::ListItemsResponse {
        plan: plan(file).map(ToString::to_string).unwrap_or_default(),
        items,
        next_page_token: if has_more { (behind - 1).to_string() } else { String::new() },
    }
}

/// An item, with what was decided and done where a file says so.
fn item(key: &ItemKey, planned: &PlanItem, file: Option<&File>) -> wire::Item {
    let handled = file.and_then(|file| file.request.items().get(key));
    let decision = handled.and_then(Item::decision);
    let approval = handled.and_then(Item::approval);
    let proposed = handled.map_or_else(|| planned.proposed(), Item::proposed);
    let needs_second_person = match (handled, decision) {
        (Some(handled), Some(_)) => handled.needs_second_person(),
        (_, None) | (None, _) => proposed.needs_second_person(),
    };
    let Question { right, category, basis, hold, presence, gate } = planned.question;
    let filed = file.and_then(|file| file.filed.get(key));
    wire::Item {
        key: key.to_string(),
        right: right.to_string(),
        category: category.to_string(),
        recording_id: planned.artefact.recording().map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        leg: leg(&planned.artefact),
        purpose: planned.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
        basis: basis.to_string(),
        hold: hold.to_string(),
        presence: presence.to_string(),
        gate: gate.to_string(),
        proposed: Some(verdict(proposed)),
        decided: decision.map(|decision| verdict(decision.verdict)),
        decided_by: decision.map(|decision| decision.by.to_string()).unwrap_or_default(),
        approved_by: approval.map(|approval| approval.by.to_string()).unwrap_or_default(),
        state: state(key, handled, file).to_owned(),
        kept_by: kept_by(planned, handled),
        until: planned.until.map_or(0, |until| until.0),
        needs_second_person,
        began: planned.began.map_or(0, |began| began.0),
        filed: filed.map(ToString::to_string).unwrap_or_default(),
    }
}

/// What turned out to be somebody else's is done with, and was not done.
fn state(key: &ItemKey, handled: Option<&Item>, file: Option<&File>) -> &'static str {
    if file.is_some_and(|file| file.strange.contains(key)) {
        return NOT_THEIRS;
    }
    handled.map_or(ItemState::Open, Item::state).as_str()
}

fn leg(artefact: &Artefact) -> Option<u32> {
    match artefact {
        Artefact::Leg(_, leg) => Some(leg.0.into()),
        Artefact::Metadata(_)
        | Artefact::Consent
        | Artefact::AccessLog
        | Artefact::Request(_)
        | Artefact::Backups => None,
    }
}

/// What keeps it: as it was found, or the hold that stopped its erasure.
fn kept_by(planned: &PlanItem, handled: Option<&Item>) -> String {
    let hold = handled.and_then(Item::hold).map(|hold| match hold.as_str() {
        named if named.starts_with("hold:") => named.to_owned(),
        id => format!("hold:{id}"),
    });
    hold.unwrap_or_else(|| planned.kept_by.clone())
}

fn verdict(verdict: Verdict) -> wire::Verdict {
    wire::Verdict {
        rule: verdict.rule().to_string(),
        outcome: verdict.outcome().to_string(),
        also: verdict.also().map(|also| also.to_string()).unwrap_or_default(),
        reasons: verdict.reasons().iter().map(ToString::to_string).collect(),
    }
}
