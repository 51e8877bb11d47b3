//! What was done with a request.

mod deciding;
mod linking;
mod receiving;

use kernel::{HoldId, RecordingId, RequestId, Timestamp};
use policy::deadline;
use policy::request::{Ending, ItemKey, PlanName, Proof};
use policy::rights::Right;
use proto::dsar::v1::request_event::Act as WireAct;
use proto::dsar::v1::{
    Acknowledged, AnsweredWith, AuthorityShown, CallsConfirmed, Delivered, Extended, ItemsDeferred,
    ItemsDone, Lifted, Nothing, PlanFrozen, PlanSeen, ProbesFailed, Proved, Restricted, Unmerged, Withdrawn,
};
use seal::Hash;

use super::read;
use crate::act::Act;
use crate::error::Error;

const NO_CALL: &str = "an act on no known recordings";

pub(super) fn to_wire(act: &Act) -> WireAct {
    match act {
        Act::Received(received) => WireAct::Received(receiving::to_wire(received)),
        Act::Acknowledged { hold } => {
            let hold_id = hold.map_or_else(Vec::new, |hold| hold.to_bytes().to_vec());
            WireAct::Acknowledged(Acknowledged { hold_id })
        }
        Act::Proved(proof) => WireAct::Proved(Proved { proof: proof.number() }),
        Act::Wrong(proof) => WireAct::Wrong(Proved { proof: proof.number() }),
        Act::Authority { filed, rights } => {
            let rights = rights.iter().map(|right| right.number()).collect();
            WireAct::Authority(AuthorityShown { filed: filed.to_string(), rights })
        }
        Act::Verified => WireAct::Verified(Nothing {}),
        Act::Doubted => WireAct::Doubted(Nothing {}),
        Act::Answered => WireAct::Answered(Nothing {}),
        Act::IdentityFailed => WireAct::IdentityFailed(Nothing {}),
        Act::PlanFrozen { plan, ruleset, items } => {
            WireAct::PlanFrozen(PlanFrozen { plan: plan.to_string(), ruleset: *ruleset, items: *items })
        }
        Act::Decided(decided) => WireAct::Decided(deciding::to_wire(decided)),
        Act::DecisionsClosed => WireAct::DecisionsClosed(Nothing {}),
        Act::Approved(plan) => WireAct::Approved(seen(plan)),
        Act::Rejected(plan) => WireAct::Rejected(seen(plan)),
        Act::ItemsDone { items, filed } => {
            let filed = filed.as_ref().map_or_else(String::new, ToString::to_string);
            WireAct::ItemsDone(ItemsDone { items: names(items), filed })
        }
        Act::ItemsDeferred { items, hold } => {
            WireAct::ItemsDeferred(ItemsDeferred { items: names(items), hold: hold.to_string() })
        }
        Act::ExecutionClosed => WireAct::ExecutionClosed(Nothing {}),
        Act::ProbesPassed => WireAct::ProbesPassed(Nothing {}),
        Act::ProbesFailed(items) => WireAct::ProbesFailed(ProbesFailed { items: names(items) }),
        Act::Delivered { letter } => {
            WireAct::Delivered(Delivered { letter_hash: letter.as_bytes().to_vec() })
        }
        Act::Extended { reason, notice_delivered_at } => WireAct::Extended(Extended {
            reason: reason.number(),
            notice_delivered_at: notice_delivered_at.0,
        }),
        Act::TakenBack => WireAct::TakenBack(Nothing {}),
        Act::Withdrawn(purposes) => {
            let purposes = purposes.iter().map(ToString::to_string).collect();
            WireAct::Withdrawn(Withdrawn { purposes })
        }
        Act::DuplicateOf(other) => WireAct::DuplicateOf(linking::other(*other)),
        Act::Merged(part) => WireAct::Merged(linking::to_wire(part)),
        Act::MergedInto(other) => WireAct::MergedInto(linking::other(*other)),
        Act::Unmerged { other, to_assess } => {
            WireAct::Unmerged(Unmerged { request_id: other.to_bytes().to_vec(), to_assess: names(to_assess) })
        }
        Act::NotTheirs(items) => WireAct::NotTheirs(ItemsDone { items: names(items), filed: String::new() }),
        Act::AnsweredWith { into, ending } => WireAct::AnsweredWith(AnsweredWith {
            request_id: into.to_bytes().to_vec(),
            ending: ending.number(),
        }),
        Act::CallsConfirmed { theirs, not_theirs } => WireAct::CallsConfirmed(CallsConfirmed {
            theirs: theirs.iter().map(|id| id.to_bytes().to_vec()).collect(),
            not_theirs: not_theirs.iter().map(|id| id.to_bytes().to_vec()).collect(),
        }),
        Act::Restricted(holds) => WireAct::Restricted(Restricted {
            hold_ids: holds.iter().map(|id| id.to_bytes().to_vec()).collect(),
        }),
        Act::Lifted { notice_delivered_at } => {
            WireAct::Lifted(Lifted { notice_delivered_at: notice_delivered_at.0 })
        }
    }
}

pub(super) fn from_wire(act: WireAct) -> Result<Act, Error> {
    Ok(match act {
        WireAct::Received(received) => Act::Received(receiving::from_wire(received)?),
        WireAct::Acknowledged(Acknowledged { hold_id }) => Act::Acknowledged {
            hold: read::maybe_id(&hold_id, HoldId::from_slice, "an acknowledgement with no known hold")?,
        },
        WireAct::Proved(Proved { proof }) => Act::Proved(proof_of(proof)?),
        WireAct::Wrong(Proved { proof }) => Act::Wrong(proof_of(proof)?),
        WireAct::Authority(AuthorityShown { filed, rights }) => Act::Authority {
            filed: read::code(filed, "an authority that is filed nowhere")?,
            rights: read::numbers(&rights, Right::from_number, "an authority for no known right")?,
        },
        WireAct::Verified(Nothing {}) => Act::Verified,
        WireAct::Doubted(Nothing {}) => Act::Doubted,
        WireAct::Answered(Nothing {}) => Act::Answered,
        WireAct::IdentityFailed(Nothing {}) => Act::IdentityFailed,
        WireAct::PlanFrozen(PlanFrozen { plan, ruleset, items }) => {
            Act::PlanFrozen { plan: read::plan(plan)?, ruleset, items }
        }
        WireAct::Decided(decided) => Act::Decided(deciding::from_wire(decided)?),
        WireAct::DecisionsClosed(Nothing {}) => Act::DecisionsClosed,
        WireAct::Approved(PlanSeen { plan }) => Act::Approved(read::plan(plan)?),
        WireAct::Rejected(PlanSeen { plan }) => Act::Rejected(read::plan(plan)?),
        WireAct::ItemsDone(ItemsDone { items, filed }) => Act::ItemsDone {
            items: read::keys(items)?,
            filed: read::maybe_code(filed, "items that are filed nowhere")?,
        },
        WireAct::ItemsDeferred(ItemsDeferred { items, hold }) => Act::ItemsDeferred {
            items: read::keys(items)?,
            hold: read::code(hold, "items that no known hold defers")?,
        },
        WireAct::ExecutionClosed(Nothing {}) => Act::ExecutionClosed,
        WireAct::ProbesPassed(Nothing {}) => Act::ProbesPassed,
        WireAct::ProbesFailed(ProbesFailed { items }) => Act::ProbesFailed(read::keys(items)?),
        WireAct::Delivered(Delivered { letter_hash }) => {
            let letter = Hash::from_slice(&letter_hash);
            Act::Delivered { letter: letter.ok_or(Error::Damaged("an answer without its letter"))? }
        }
        WireAct::Extended(Extended { reason, notice_delivered_at }) => Act::Extended {
            reason: read::number(reason, deadline::Reason::from_number, "an extension for no known reason")?,
            notice_delivered_at: Timestamp(notice_delivered_at),
        },
        WireAct::TakenBack(Nothing {}) => Act::TakenBack,
        WireAct::Withdrawn(Withdrawn { purposes }) => Act::Withdrawn(read::purposes(purposes)?),
        WireAct::DuplicateOf(other) => Act::DuplicateOf(linking::other_of(&other)?),
        WireAct::Merged(merged) => Act::Merged(linking::from_wire(merged)?),
        WireAct::MergedInto(other) => Act::MergedInto(linking::other_of(&other)?),
        WireAct::Unmerged(Unmerged { request_id, to_assess }) => Act::Unmerged {
            other: read::id(&request_id, RequestId::from_slice, linking::NO_OTHER)?,
            to_assess: read::keys(to_assess)?,
        },
        WireAct::NotTheirs(ItemsDone { items, .. }) => Act::NotTheirs(read::keys(items)?),
        WireAct::AnsweredWith(AnsweredWith { request_id, ending }) => Act::AnsweredWith {
            into: read::id(&request_id, RequestId::from_slice, linking::NO_OTHER)?,
            ending: read::number(ending, Ending::from_number, "an answer of no known ending")?,
        },
        WireAct::CallsConfirmed(CallsConfirmed { theirs, not_theirs }) => Act::CallsConfirmed {
            theirs: read::ids(&theirs, RecordingId::from_slice, NO_CALL)?,
            not_theirs: read::ids(&not_theirs, RecordingId::from_slice, NO_CALL)?,
        },
        WireAct::Restricted(Restricted { hold_ids }) => {
            Act::Restricted(read::ids(&hold_ids, HoldId::from_slice, "an act on no known restrictions")?)
        }
        WireAct::Lifted(Lifted { notice_delivered_at }) => {
            Act::Lifted { notice_delivered_at: Timestamp(notice_delivered_at) }
        }
    })
}

fn seen(plan: &PlanName) -> PlanSeen {
    PlanSeen { plan: plan.to_string() }
}

fn names<'a>(items: impl IntoIterator<Item = &'a ItemKey>) -> Vec<String> {
    items.into_iter().map(ToString::to_string).collect()
}

fn proof_of(number: i32) -> Result<Proof, Error> {
    read::number(number, Proof::from_number, "a proof of no known kind")
}
