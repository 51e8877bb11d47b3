//! A sweep's plan: what goes, how much of what is kept that is, and its name. Pure.

use std::collections::BTreeSet;

use kernel::{HoldId, PurposeName, RecordingId, Timestamp};
use sha2::{Digest, Sha256};

use crate::erasure::Scope;

/// Most rows of a plan that are shown.
const SHOWN: usize = 500;

/// A recording that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueRow {
    /// Which.
    pub recording: RecordingId,
    /// When its first running term ended.
    pub at: Timestamp,
    /// Which purposes are due.
    pub purposes: BTreeSet<PurposeName>,
    /// What of them, as its item says it.
    pub scope: Scope,
    /// Holds that keep it nevertheless.
    pub held_by: Vec<HoldId>,
}

/// What a sweep would erase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Names exactly this plan.
    pub name: String,
    /// As of when something was due.
    pub as_of: Timestamp,
    /// How many recordings go; those beyond one erasure are counted, and go with the next sweep.
    pub recordings: u64,
    /// How many of their purposes.
    pub purposes: u64,
    /// How many are due and held.
    pub held: u64,
    /// How many recordings are kept for some purpose.
    pub kept: u64,
    /// Whether it is more than goes without a second person.
    pub over_bound: bool,
    /// The first of what is due, held ones among them.
    pub first: Vec<DueRow>,
    few: u64,
    share: u32,
}

impl Plan {
    pub(super) fn new(as_of: Timestamp, kept: u64, few: u64, share: u32) -> Self {
        let name = String::new();
        Self {
            name,
            as_of,
            recordings: 0,
            purposes: 0,
            held: 0,
            kept,
            over_bound: false,
            first: Vec::new(),
            few,
            share,
        }
    }

    /// Counts a recording that is due; true where it goes.
    pub(super) fn take(&mut self, row: &DueRow) -> bool {
        if self.first.len() < SHOWN {
            self.first.push(row.clone());
        }
        if !row.held_by.is_empty() {
            self.held += 1;
            return false;
        }
        self.recordings += 1;
        self.purposes += row.purposes.len() as u64;
        true
    }

    /// Counts recordings of which nothing but their date was looked at: rather too many, since this is what bounds.
    pub(super) fn count_hints(&mut self, hints: usize) {
        self.recordings += hints as u64;
    }

    /// Whether it is more than a sweep takes by itself: more than a few, and more than a share of what is kept.
    pub(super) fn is_over(&self) -> bool {
        let of_kept = u128::from(self.share) * u128::from(self.kept);
        self.recordings > self.few && u128::from(self.recordings) * 100 > of_kept
    }

    /// Names it by what goes.
    pub(super) fn close(&mut self, rows: &[DueRow]) {
        self.over_bound = self.is_over();
        self.name = name(rows);
    }
}

/// The first half of the SHA-256 over the recordings in order of their ids, each with what goes of it.
fn name(rows: &[DueRow]) -> String {
    let mut sorted: Vec<_> = rows.iter().collect();
    sorted.sort_unstable_by_key(|row| row.recording);
    let mut hash = Sha256::new();
    for row in sorted {
        hash.update(row.recording.to_bytes());
        let part: u8 = match &row.scope {
            Scope::Everything => 0,
            Scope::Purposes(_) => 1,
            Scope::Stretch { legs, .. } if legs.is_empty() => 2,
            Scope::Stretch { .. } => 3,
        };
        hash.update([part]);
        hash.update((row.purposes.len() as u64).to_be_bytes());
        for purpose in &row.purposes {
            hash.update((purpose.as_str().len() as u64).to_be_bytes());
            hash.update(purpose.as_str());
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u8, purposes: &[&str]) -> DueRow {
        let purposes: BTreeSet<_> = purposes.iter().map(|name| PurposeName::new(*name).unwrap()).collect();
        DueRow {
            recording: RecordingId::from_bytes([number; 16]),
            at: Timestamp(1),
            scope: Scope::Purposes(purposes.clone()),
            purposes,
            held_by: Vec::new(),
        }
    }

    #[test]
    fn a_plan_is_named_by_what_goes_whatever_the_order() {
        let (one, other) = (row(1, &["quality"]), row(2, &["quality", "training"]));
        let plan = name(&[one.clone(), other.clone()]);
        assert_eq!(plan.len(), 32);
        assert_eq!(name(&[other.clone(), one.clone()]), plan);
        let held = DueRow { held_by: vec![HoldId::new()], at: Timestamp(9), ..one.clone() };
        assert_eq!(name(&[held, other.clone()]), plan);
        assert_ne!(name(std::slice::from_ref(&one)), plan);
        assert_ne!(name(&[one.clone(), row(2, &["quality"])]), plan);
        assert_ne!(name(&[row(1, &["training"]), other]), plan);
        assert_ne!(name(&[]), name(&[one]));
    }

    #[test]
    fn a_few_go_by_themselves_and_so_does_a_small_share() {
        for (recordings, kept, over) in [
            (0, 0, false),
            (100, 100, false),
            (101, 101, true),
            (101, 1_009, true),
            (101, 1_010, false),
            (500, 5_000, false),
            (501, 5_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            let plan = Plan { recordings, ..Plan::new(Timestamp(1), kept, 100, 10) };
            assert_eq!(plan.is_over(), over, "{recordings} of {kept}");
        }
    }

    #[test]
    fn what_is_held_is_counted_apart_and_shown() {
        let mut plan = Plan::new(Timestamp(1), 10, 100, 10);
        assert!(plan.take(&row(1, &["quality", "training"])));
        assert!(!plan.take(&DueRow { held_by: vec![HoldId::new()], ..row(2, &["quality"]) }));
        assert_eq!((plan.recordings, plan.purposes, plan.held, plan.first.len()), (1, 2, 1, 2));
    }
}
