use std::collections::BTreeMap;

use kernel::IntervalSet;
use proptest::prelude::*;

use super::*;
use crate::change::ChangeKind;
use crate::document::{Party, TenantPolicy};
use crate::grant::{CallFacts, PurposeConsent, decide, decide_without_consent};

mod calls;
mod order;

const POLICY: &str = "
tenant: t
jurisdiction: IT
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7 }
  quality: { basis: consent, retention: P90D }
  training: { basis: consent, retention: P90D }
  clip: { basis: consent, retention: P90D, from: mark order }
  deal: { basis: contract, retention: P2Y, from: mark order }
  tail: { basis: contract, retention: P2Y, from: mark order, until: end }
notices:
  n: { language: it, text: Parole., purposes: [quality, training, clip] }
";

fn policy() -> TenantPolicy {
    crate::parse(POLICY, &|_| None).unwrap()
}

fn purpose(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

fn order() -> MarkLabel {
    MarkLabel::new("order").unwrap()
}

fn facts(requested: &[&str]) -> CallFacts {
    let requested = requested.iter().map(|text| purpose(text)).collect();
    CallFacts { requested, parties: BTreeSet::from([Party::Customer]) }
}

fn standing(requested: &[&str]) -> Standing {
    Standing::new(&decide(&policy(), &facts(requested), &BTreeMap::new()).grants)
}

fn event(at: u64, kind: CallEventKind) -> CallEvent {
    CallEvent { id: EventId::new(), position: Position(at), derived_error_us: None, kind }
}

fn given(name: &str) -> CallEventKind {
    CallEventKind::ConsentGiven { purpose: purpose(name), evidence: EventId::from_bytes([9; 16]) }
}

fn withdrawn(name: &str) -> CallEventKind {
    CallEventKind::ConsentWithdrawn { purpose: purpose(name) }
}

/// Feeds the events and checks on the way that the fold of the changes says what `now` says.
fn run(standing: &mut Standing, events: Vec<(u64, CallEventKind)>) -> Vec<BasisChange> {
    let mut all: Vec<_> = standing.tracks.iter().flat_map(|track| track.changes.clone()).collect();
    let before = all.len();
    for (at, kind) in events {
        all.extend(standing.apply(&event(at, kind)));
        let folded = fold(&all);
        assert_eq!(folded, standing.timeline());
        for track in &standing.tracks {
            let open = folded.set(&track.purpose).contains(Position::MAX.minus(1));
            assert_eq!(standing.now().contains(&track.purpose), open, "{}", track.purpose);
        }
    }
    all.split_off(before)
}

fn spans(standing: &Standing, name: &str) -> Vec<(u64, u64)> {
    standing.timeline().set(&purpose(name)).iter().map(|i| (i.start().0, i.end().0)).collect()
}

const OPEN: u64 = u64::MAX;
