//! One group's members and claims.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use kernel::topics::Topic;
use tokio::time::Instant;

use crate::group::{self, MemberNo};
use crate::log::{Assigned, TopicPartition};
use crate::session::Seat;

#[derive(Default)]
pub(super) struct Group {
    pub(super) members: BTreeMap<MemberNo, Member>,
    pub(super) claims: BTreeMap<TopicPartition, Claim>,
}

pub(super) struct Member {
    pub(super) beat: u64,
    pub(super) seat: Weak<Seat>,
    pub(super) topics: Vec<&'static str>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Claim {
    pub(super) fence: u64,
    pub(super) owner: Option<MemberNo>,
    pub(super) next: u64,
}

impl Group {
    pub(super) fn drop_the_gone(&mut self, seat: &Arc<Seat>, now: Instant, timeout: Duration) -> bool {
        let beats: Vec<_> = self.members.iter().map(|(no, member)| (*no, member.beat)).collect();
        let mut gone = seat.observations.lock().silent(now, timeout, &beats);
        let me = self.member_of(seat);
        gone.retain(|member| Some(*member) != me);
        let without_seat = |member: &Member| member.seat.upgrade().is_none_or(|seat| seat.is_gone());
        gone.extend(self.members.iter().filter(|(_, member)| without_seat(member)).map(|(no, _)| *no));
        for member in &gone {
            self.drop_member(*member);
        }
        !gone.is_empty()
    }

    pub(super) fn drop_member(&mut self, member: MemberNo) {
        self.members.remove(&member);
        for claim in self.claims.values_mut().filter(|claim| claim.owner == Some(member)) {
            claim.owner = None;
        }
    }

    pub(super) fn member_of(&self, seat: &Arc<Seat>) -> Option<MemberNo> {
        let seat = Arc::downgrade(seat);
        self.members.iter().find(|(_, member)| member.seat.ptr_eq(&seat)).map(|(no, _)| *no)
    }

    pub(super) fn beat(&mut self, seat: &Arc<Seat>) -> Option<MemberNo> {
        let me = self.member_of(seat)?;
        self.members.get_mut(&me)?.beat += 1;
        Some(me)
    }

    pub(super) fn join(&mut self, seat: &Arc<Seat>, last_member: &mut u64) -> MemberNo {
        *last_member += 1;
        let me = MemberNo(*last_member);
        let topics = seat.topics.iter().map(|topic| topic.name).collect();
        self.members.insert(me, Member { beat: 1, seat: Arc::downgrade(seat), topics });
        me
    }

    pub(super) fn regroup(&mut self, me: MemberNo, topics: &[Topic]) -> bool {
        let mut changed = false;
        for topic in topics {
            let wants = |member: &Member| member.topics.contains(&topic.name);
            let members: Vec<_> =
                self.members.iter().filter(|(_, member)| wants(member)).map(|(no, _)| *no).collect();
            let claims = &mut self.claims;
            let at = |partition| TopicPartition::of(topic, partition);
            let holder = |partition| claims.get(&at(partition)).and_then(|claim| claim.owner);
            let holders: Vec<_> = (0..topic.partitions).map(holder).collect();
            let moves = group::moves(me, &members, &holders);
            changed |= moves != group::Moves::default();
            for partition in moves.release {
                claims.entry(at(partition)).or_default().owner = None;
            }
            for partition in moves.claim {
                let claim = claims.entry(at(partition)).or_default();
                claim.owner = Some(me);
                claim.fence += 1;
            }
        }
        changed
    }

    pub(super) fn held(&self, me: MemberNo) -> Vec<Assigned> {
        let mine = self.claims.iter().filter(|(_, claim)| claim.owner == Some(me));
        mine.map(|(at, claim)| Assigned { at: *at, fence: claim.fence, next: claim.next }).collect()
    }
}
