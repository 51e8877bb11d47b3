//! Who consumes which partition: the pure rule that the embedded adapters share.
//!
//! Each member, when it makes its pass, looks at who else is there and who holds what, gives up what is beyond
//! its share, and takes what is free up to it. Nobody takes from a living member, so a partition has one
//! holder at every moment; after a few passes of everyone the shares are even, and they stay where they are.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A member's number in its group; later ones are higher, and none is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MemberNo(pub u64);

/// What a member has to do with one topic's partitions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Moves {
    /// Partitions to give up.
    pub release: Vec<u32>,
    /// Partitions to take.
    pub claim: Vec<u32>,
}

/// What `me` has to do, given the living members that want the topic and each partition's holder.
pub fn moves(me: MemberNo, members: &[MemberNo], holders: &[Option<MemberNo>]) -> Moves {
    let share = share(me, members, holders.len());
    let held_by_me = |holder: &Option<MemberNo>| *holder == Some(me);
    let is_free = |holder: &Option<MemberNo>| holder.is_none_or(|holder| !members.contains(&holder));
    let mine = partitions_where(holders, held_by_me);
    let free = partitions_where(holders, is_free);
    Moves {
        claim: free.into_iter().take(share.saturating_sub(mine.len())).collect(),
        release: mine.into_iter().skip(share).collect(),
    }
}

/// How many partitions are due to `me`: an even share, the remainder to those who came first.
fn share(me: MemberNo, members: &[MemberNo], partitions: usize) -> usize {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    let Some(rank) = sorted.iter().position(|member| *member == me) else { return 0 };
    partitions / sorted.len() + usize::from(rank < partitions % sorted.len())
}

fn partitions_where(holders: &[Option<MemberNo>], is: impl Fn(&Option<MemberNo>) -> bool) -> Vec<u32> {
    (0..).zip(holders).filter(|(_, holder)| is(holder)).map(|(partition, _)| partition).collect()
}

/// What one member has seen of the others' beats, by its own clock: processes share no clock.
#[derive(Debug, Default)]
pub struct Observations(BTreeMap<MemberNo, (u64, Instant)>);

impl Observations {
    /// Notes the beats of all members and returns those that have not beaten for the timeout.
    pub fn silent(&mut self, now: Instant, timeout: Duration, beats: &[(MemberNo, u64)]) -> Vec<MemberNo> {
        self.0.retain(|member, _| beats.iter().any(|(beating, _)| beating == member));
        let mut silent = Vec::new();
        for &(member, beat) in beats {
            let seen = self.0.entry(member).or_insert((beat, now));
            if seen.0 != beat {
                *seen = (beat, now);
            }
            if now.duration_since(seen.1) >= timeout {
                silent.push(member);
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests;
