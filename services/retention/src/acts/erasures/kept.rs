//! What keeps something back, in as many codes as are left: all of it, or else only by what, or else the first of those.

use std::collections::{BTreeMap, BTreeSet};

use journal::Code;
use journal::codes::{FieldError, Fields, code, packed, read, read_text};
use kernel::{PurposeName, Timestamp};

use crate::acts::coded;
use crate::erasure::{KeptBack, KeptBy};

/// Keys of the codes that say so.
pub(super) const KEYS: [&str; 5] = [BY_HOLD, BY_RULE, UNTIL, OF, LEFT_OUT];
/// Codes that are enough to name one and to say how many are left out.
pub(super) const LEAST: usize = 3;

const BY_HOLD: &str = "kept-by-hold";
const BY_RULE: &str = "kept-by-rule";
const UNTIL: &str = "kept-until";
const OF: &str = "kept";
const LEFT_OUT: &str = "kept-more";

/// In at most `room` codes, at least [`LEAST`].
pub(super) fn codes(kept: &[KeptBack], room: usize) -> Vec<Code> {
    let full = full(kept);
    if full.len() <= room { full } else { brief(kept, room) }
}

/// One group for all that one thing keeps until one moment. A stretch has no purpose, and is a group of its own.
fn full(kept: &[KeptBack]) -> Vec<Code> {
    let mut groups: BTreeMap<(&KeptBy, Option<Timestamp>, bool), BTreeSet<&PurposeName>> = BTreeMap::new();
    for KeptBack { purpose, by, until } in kept {
        groups.entry((by, *until, purpose.is_some())).or_default().extend(purpose);
    }
    let mut codes = Vec::new();
    for ((by, until, _), purposes) in groups {
        codes.extend(keeper(by));
        codes.extend(until.map(|until| code(UNTIL, until.0)));
        codes.extend(packed(OF, purposes));
    }
    codes
}

fn brief(kept: &[KeptBack], room: usize) -> Vec<Code> {
    let keepers: BTreeSet<_> = kept.iter().map(|kept| &kept.by).collect();
    let (mut codes, mut left_out) = (Vec::new(), 0_usize);
    for keeper in keepers.into_iter().map(keeper) {
        match codes.len() + keeper.len() < room {
            true => codes.extend(keeper),
            false => left_out += 1,
        }
    }
    if left_out > 0 {
        codes.push(code(LEFT_OUT, left_out));
    }
    codes
}

fn keeper(by: &KeptBy) -> Vec<Code> {
    match by {
        KeptBy::Hold(hold) => vec![code(BY_HOLD, hold)],
        KeptBy::Rule(rule) => coded(BY_RULE, rule),
    }
}

/// By what, until when, which purposes.
type Group = (KeptBy, Option<Timestamp>, Vec<PurposeName>);

/// What an act says of it.
pub(super) fn read_back(fields: &Fields) -> Result<Vec<KeptBack>, FieldError> {
    let mut groups: Vec<Group> = Vec::new();
    for (key, value) in fields.iter() {
        match key {
            UNTIL => last(&mut groups)?.1 = Some(Timestamp(read(UNTIL, value)?)),
            OF => {
                for purpose in value.split(':') {
                    last(&mut groups)?.2.push(read(OF, purpose)?);
                }
            }
            BY_HOLD => groups.push((KeptBy::Hold(read(BY_HOLD, value)?), None, Vec::new())),
            BY_RULE => groups.push((KeptBy::Rule(read_text(BY_RULE, value)?), None, Vec::new())),
            _ => {}
        }
    }
    let kept = groups.into_iter().flat_map(|(by, until, purposes)| {
        let purposes = match purposes.is_empty() {
            true => vec![None],
            false => purposes.into_iter().map(Some).collect(),
        };
        purposes.into_iter().map(move |purpose| KeptBack { purpose, by: by.clone(), until })
    });
    Ok(kept.collect())
}

fn last(groups: &mut [Group]) -> Result<&mut Group, FieldError> {
    groups.last_mut().ok_or(FieldError { field: OF, problem: "is kept by nothing" })
}
