//! What was done with a request.

mod deciding;
mod receiving;

use kernel::{HoldId, Timestamp};
use policy::deadline;
use policy::request::{ItemKey, PlanName, Proof};
use policy::rights::Right;
use proto::dsar::v1::request_event::Act as WireAct;
use proto::dsar::v1::{
    Acknowledged, AuthorityShown, Delivered, Extended, ItemsDeferred, ItemsDone, Nothing, PlanFrozen,
    PlanSeen, ProbesFailed, Proved, Withdrawn,
};
use seal::Hash;

use super::read;
use crate::act::Act;
use crate::error::Error;

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
