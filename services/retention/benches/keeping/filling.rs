//! What is kept: calls of customers with agents. Some of them are to go, scattered over all.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kernel::{Envelope, EventId, PurposeName, RecordingId, RegimeName, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;
use policy::retention::{DataKind, RanFrom, Rule, Stamp};
use retention::Store;
use retention::kept::{Kept, RecordingKey, Term, TermState};
use retention::store::Written;

/// 2026-03-02T09:00:00+01:00: when the first round begins.
pub(crate) const START: Timestamp = Timestamp(1_772_438_400_000_000);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Stamps that are under way at once: they share commits.
pub(crate) const AT_ONCE: usize = 4_096;
const AGENTS: usize = 200;
/// Calls of a customer, one after the other.
const CALLS: usize = 4;

/// How many are kept, and which of them go.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) kept: usize,
    pub(crate) rounds: usize,
    /// In a round: so many are due, and so many are of one person.
    pub(crate) each: usize,
}

/// Why a call goes.
#[derive(Clone, Copy)]
enum Part {
    /// It stays.
    None,
    /// It is due in this round.
    Due(usize),
    /// It is of the person of this round.
    Ordered(usize),
}

impl Layout {
    /// Calls of one round lie as far from each other as they can.
    fn part(&self, call: usize) -> Part {
        let kinds = 2 * self.rounds;
        let step = self.kept / (kinds * self.each);
        assert!(step > 0, "{} recordings are fewer than what is to go", self.kept);
        let (number, is_one) = (call / step, call.is_multiple_of(step));
        match number % kinds {
            _ if !is_one || number >= kinds * self.each => Part::None,
            kind if kind < self.rounds => Part::Due(kind),
            kind => Part::Ordered(kind - self.rounds),
        }
    }
}

/// The moment at which a round begins.
pub(crate) fn beginning(round: usize) -> Timestamp {
    START.plus(DAY * u32::try_from(round).expect("few rounds"))
}

/// Stamps all of them, and returns the person of each round.
pub(crate) async fn fill(store: &Arc<dyn Store>, tenant: &TenantId, layout: Layout) -> Vec<SubjectId> {
    let persons: Vec<_> = (0..layout.rounds).map(|_| SubjectId::new()).collect();
    let ordered = persons.clone();
    let agents: Vec<_> = (0..AGENTS).map(|_| SubjectId::new()).collect();
    let mut customer = SubjectId::new();
    let calls = (0..layout.kept).map(move |call| {
        if call % CALLS == 0 {
            customer = SubjectId::new();
        }
        let part = layout.part(call);
        let caller = match part {
            Part::None | Part::Due(_) => customer,
            Part::Ordered(round) => ordered[round],
        };
        let key = RecordingKey { tenant: tenant.clone(), id: RecordingId::new() };
        recording(key, call, part, vec![caller, agents[call % AGENTS]])
    });
    let stamps = stream::iter(calls).map(|kept| async move {
        let event = stamped(&kept);
        store.stamp(&kept, &event).await.expect("a stamp")
    });
    let mut stamps = stamps.buffer_unordered(AT_ONCE);
    while let Some(written) = stamps.next().await {
        assert_eq!(written, Written::Applied);
    }
    persons
}

/// What stays is kept for a duty as well; what goes goes whole.
fn recording(key: RecordingKey, call: usize, part: Part, parties: Vec<SubjectId>) -> Kept {
    let started_at = Timestamp(START.0 - 86_400_000_000 + i64::try_from(call).expect("few calls") * 1_000);
    let over = match part {
        Part::Due(round) => Timestamp(beginning(round).0 - 1 - i64::try_from(call).expect("few calls")),
        Part::None | Part::Ordered(_) => started_at.plus(DAY * 90),
    };
    let mut terms = both("quality", over, &quality());
    match part {
        Part::None => terms.splice(0..0, both("duty", started_at.plus(DAY * 1_826), &duty())).for_each(drop),
        Part::Due(_) | Part::Ordered(_) => {}
    }
    let ended_at = started_at.plus(Duration::from_secs(240));
    Kept { key, version: 1, started_at, ended_at, policy: PolicyHash([7; 32]), parties, terms }
}

fn both(purpose: &str, ends: Timestamp, rule: &Rule) -> Vec<Term> {
    let purpose = PurposeName::new(purpose).expect("a slug");
    let term = |kind| Term {
        stamp: Stamp { purpose: purpose.clone(), kind, ends, rule: rule.clone() },
        state: TermState::Running,
    };
    [DataKind::Audio, DataKind::Metadata].map(term).to_vec()
}

fn quality() -> Rule {
    let period = "P90D".parse().expect("a period");
    Rule::Policy { hash: PolicyHash([7; 32]), period, anchor: RanFrom::Start }
}

fn duty() -> Rule {
    Rule::Regime { name: RegimeName::new("mifid2-16-7").expect("a slug") }
}

fn stamped(kept: &Kept) -> Envelope {
    Envelope {
        id: EventId::new(),
        kind: "verbale.recording.stamped".to_owned(),
        tenant: kept.key.tenant.clone(),
        aggregate: kept.key.id.to_string(),
        version: kept.version,
        at: START,
        trace: None,
        // As long as the message is.
        payload: vec![7; 32],
    }
}
