//! Acts on a request, as whoever looks into its file is told of them: words, codes and numbers.

use std::collections::BTreeSet;
use std::fmt::Display;

use proto::dsar::v1 as wire;

use crate::act::{Act, Decided, Received, Record};

/// What of an act is told: its name and its value.
type Facts = Vec<(&'static str, String)>;

/// One act.
pub(super) fn act(record: &Record) -> wire::Act {
    let facts = facts(&record.act).into_iter().map(|(name, value)| (name.to_owned(), value));
    wire::Act {
        version: record.version,
        at: record.at.0,
        by: record.by.to_string(),
        what: word(&record.act).to_owned(),
        facts: facts.collect(),
    }
}

/// Which act it is: the event's name in the contract.
pub(super) fn word(act: &Act) -> &'static str {
    match act {
        Act::Received(_) => "received",
        Act::Acknowledged { .. } => "acknowledged",
        Act::Proved(_) => "proved",
        Act::Wrong(_) => "wrong",
        Act::Authority { .. } => "authority",
        Act::Verified => "verified",
        Act::Doubted => "doubted",
        Act::Answered => "answered",
        Act::IdentityFailed => "identity-failed",
        Act::PlanFrozen { .. } => "plan-frozen",
        Act::Decided(_) => "decided",
        Act::DecisionsClosed => "decisions-closed",
        Act::Approved(_) => "approved",
        Act::Rejected(_) => "rejected",
        Act::ItemsDone { .. } => "items-done",
        Act::ItemsDeferred { .. } => "items-deferred",
        Act::ExecutionClosed => "execution-closed",
        Act::ProbesPassed => "probes-passed",
        Act::ProbesFailed(_) => "probes-failed",
        Act::Delivered { .. } => "delivered",
        Act::Extended { .. } => "extended",
        Act::TakenBack => "taken-back",
        Act::Withdrawn(_) => "withdrawn",
        Act::DuplicateOf(_) => "duplicate-of",
        Act::Merged(_) => "merged",
        Act::MergedInto(_) => "merged-into",
        Act::Unmerged { .. } => "unmerged",
        Act::NotTheirs(_) => "not-theirs",
        Act::AnsweredWith { .. } => "answered-with",
        Act::CallsConfirmed { .. } => "calls-confirmed",
        Act::Restricted(_) => "restricted",
        Act::Lifted { .. } => "lifted",
    }
}

/// Words, comma-separated.
pub(super) fn words<T: Display>(all: &BTreeSet<T>) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn facts(act: &Act) -> Facts {
    match act {
        Act::Received(received) => received_facts(received),
        Act::Acknowledged { hold } => hold.iter().map(|hold| ("hold", hold.to_string())).collect(),
        Act::Proved(proof) | Act::Wrong(proof) => vec![("proof", proof.to_string())],
        Act::Authority { filed, rights } => vec![("filed", filed.to_string()), ("rights", words(rights))],
        Act::PlanFrozen { plan, ruleset, items } => {
            vec![("plan", plan.to_string()), ("ruleset", ruleset.to_string()), ("items", items.to_string())]
        }
        Act::Decided(decided) => decided_facts(decided),
        Act::Approved(plan) | Act::Rejected(plan) => vec![("plan", plan.to_string())],
        Act::ItemsDone { items, filed } => {
            let filed = filed.iter().map(|filed| ("filed", filed.to_string()));
            [("items", items.len().to_string())].into_iter().chain(filed).collect()
        }
        Act::ItemsDeferred { items, hold } => {
            vec![("items", items.len().to_string()), ("hold", hold.to_string())]
        }
        Act::ProbesFailed(items) | Act::NotTheirs(items) => vec![("items", items.len().to_string())],
        Act::Delivered { letter } => vec![("letter", letter.to_string())],
        Act::Extended { reason, notice_delivered_at } => {
            vec![("reason", reason.to_string()), ("notice-delivered-at", notice_delivered_at.to_string())]
        }
        Act::Verified
        | Act::Doubted
        | Act::Answered
        | Act::IdentityFailed
        | Act::DecisionsClosed
        | Act::ExecutionClosed
        | Act::ProbesPassed
        | Act::TakenBack => Facts::new(),
        Act::Withdrawn(purposes) => {
            let names: Vec<_> = purposes.iter().map(ToString::to_string).collect();
            Facts::from([("purposes", names.join(", "))])
        }
        Act::DuplicateOf(other) | Act::MergedInto(other) => vec![("request", other.to_string())],
        Act::Unmerged { other, to_assess } => {
            vec![("request", other.to_string()), ("to-assess", to_assess.len().to_string())]
        }
        Act::Merged(part) => {
            vec![("request", part.request.to_string()), ("rights", words(&part.rights))]
        }
        Act::AnsweredWith { into, ending } => {
            vec![("request", into.to_string()), ("ending", ending.to_string())]
        }
        Act::CallsConfirmed { theirs, not_theirs } => {
            vec![("theirs", theirs.len().to_string()), ("not-theirs", not_theirs.len().to_string())]
        }
        Act::Restricted(holds) => vec![("holds", words(holds))],
        Act::Lifted { notice_delivered_at } => {
            vec![("notice-delivered-at", notice_delivered_at.to_string())]
        }
    }
}

fn received_facts(received: &Received) -> Facts {
    let mut facts = vec![
        ("rights", words(&received.rights)),
        ("channel", received.channel.to_string()),
        ("asker", received.asker.to_string()),
        ("received-at", received.received_at.to_string()),
        ("jurisdiction", received.jurisdiction.to_string()),
        ("calendar", received.calendar.to_string()),
        ("language", received.language.as_str().to_owned()),
    ];
    facts.extend(received.region.iter().map(|region| ("region", region.to_string())));
    facts.extend(received.said_in.iter().map(|(recording, _)| ("recording", recording.to_string())));
    facts
}

/// How many items a decision names; every one that was not decided where it says `open`.
fn decided_facts(decided: &Decided) -> Facts {
    let items = match decided.items.len() {
        0 => "open".to_owned(),
        count => count.to_string(),
    };
    let mut facts = vec![("plan", decided.plan.to_string()), ("items", items)];
    facts.extend(decided.found.gate.iter().map(|gate| ("gate", gate.to_string())));
    if let Some(excess) = &decided.found.excess {
        facts.push(("excess", excess.reason.to_string()));
        facts.push(("evidence", words(&excess.evidence)));
        facts.push(("filed", excess.filed.to_string()));
    }
    if decided.found.own_hold_waived {
        facts.push(("own-hold", "waived".to_owned()));
    }
    if !decided.found.others_heard.is_empty() {
        facts.push(("others-heard", decided.found.others_heard.iter().count().to_string()));
    }
    facts.extend(decided.found.ground.iter().map(|ground| ("ground", ground.to_string())));
    facts.extend(decided.left.iter().map(|left| ("left", left.to_string())));
    facts
}
