//! Groups in the file: members with their beats, and each partition's claim with fence and committed offset.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use kernel::Timestamp;
use kernel::topics::Topic;
use parking_lot::Mutex;
use sqlite::Tx;
use sqlite::rusqlite::{Connection, OptionalExtension, params};
use tokio::time::Instant;

use super::instances::Instances;
use super::streams::{self, Stream, StreamId};
use crate::error::Error;
use crate::group::{self, MemberNo, Moves};
use crate::log::Assigned;
use crate::session::{Changed, Passed, Seat, Standing};

/// The seats of this process: a member whose seat is not among them is gone, however its consumer ended.
#[derive(Clone, Default)]
pub(super) struct Seats(Arc<Mutex<HashMap<String, Weak<Seat>>>>);

impl Seats {
    pub(super) fn add(&self, seat: &Arc<Seat>) {
        let mut seats = self.0.lock();
        seats.retain(|_, seat| seat.strong_count() > 0);
        seats.insert(seat.id.to_string(), Arc::downgrade(seat));
    }

    fn is_taken(&self, seat: &str) -> bool {
        let seat = self.0.lock().get(seat).and_then(Weak::upgrade);
        seat.is_some_and(|seat| !seat.is_gone())
    }
}

/// One member's pass: all of it in one transaction, so that no two passes cross.
pub(super) struct Pass {
    pub(super) seat: Arc<Seat>,
    pub(super) topics: Vec<(Topic, Arc<[Stream]>)>,
    pub(super) seats: Seats,
    pub(super) instances: Instances,
    pub(super) now: Instant,
    pub(super) session_timeout: Duration,
    pub(super) at: Timestamp,
}

struct Member {
    no: MemberNo,
    instance: String,
    seat: String,
    beat: u64,
}

impl Pass {
    pub(super) fn run(self, tx: &Tx<'_>) -> Result<Passed, Error> {
        if self.seat.is_gone() {
            // Its caller stopped waiting and it was dropped meanwhile: it must not join again.
            return Ok(Passed { held: Vec::new(), changed: Changed::No });
        }
        let mut changed = self.drop_the_gone(tx)?;
        let (me, joined) = self.join(tx)?;
        changed |= joined;
        let mut held = Vec::new();
        for (topic, streams) in &self.topics {
            changed |= self.regroup(tx, me, topic, streams)?;
            for stream in streams.iter() {
                streams::expire(tx, *stream, topic.retention, self.at)?;
                held.extend(self.held(tx, me, *stream)?);
            }
        }
        Ok(Passed { held, changed: if changed { Changed::Yes } else { Changed::No } })
    }

    fn drop_the_gone(&self, tx: &Tx<'_>) -> Result<bool, Error> {
        let members = members(tx, &self.seat.group)?;
        let beats: Vec<_> = members.iter().map(|member| (member.no, member.beat)).collect();
        let silent = self.seat.observations.lock().silent(self.now, self.session_timeout, &beats);
        let own = self.seat.id.to_string();
        let mut dropped = false;
        for member in members.iter().filter(|member| member.seat != own) {
            if silent.contains(&member.no) || self.has_ended(member) {
                drop_member(tx, member.no)?;
                dropped = true;
            }
        }
        Ok(dropped)
    }

    fn has_ended(&self, member: &Member) -> bool {
        if member.instance == self.instances.own() {
            return !self.seats.is_taken(&member.seat);
        }
        !self.instances.is_alive(&member.instance)
    }

    fn join(&self, tx: &Tx<'_>) -> Result<(MemberNo, bool), Error> {
        if let Some(me) = beat(tx, &self.seat)? {
            return Ok((me, false));
        }
        tx.prepare_cached("INSERT INTO member (group_name, instance, seat, beat) VALUES (?, ?, ?, 1)")?
            .execute(params![self.seat.group, self.instances.own(), self.seat.id.to_string()])?;
        let no = tx.last_insert_rowid();
        let mut subscribe = tx.prepare_cached("INSERT INTO subscription (member, topic) VALUES (?, ?)")?;
        for (topic, _) in &self.topics {
            subscribe.execute(params![no, topic.name])?;
        }
        Ok((MemberNo(no.unsigned_abs()), true))
    }

    fn regroup(&self, tx: &Tx<'_>, me: MemberNo, topic: &Topic, streams: &[Stream]) -> Result<bool, Error> {
        let group = &self.seat.group;
        let members = subscribers(tx, group, topic)?;
        let holders =
            streams.iter().map(|stream| holder(tx, group, stream.id)).collect::<Result<Vec<_>, _>>()?;
        let moves = group::moves(me, &members, &holders);
        let mut release =
            tx.prepare_cached("UPDATE claim SET owner = NULL WHERE group_name = ? AND stream = ?")?;
        for partition in &moves.release {
            release.execute(params![group, streams[*partition as usize].id])?;
        }
        let mut claim = tx.prepare_cached(
            "INSERT INTO claim (group_name, stream, fence, owner, next) VALUES (?1, ?2, 1, ?3, 0)
             ON CONFLICT (group_name, stream) DO UPDATE SET fence = fence + 1, owner = ?3",
        )?;
        for partition in &moves.claim {
            claim.execute(params![group, streams[*partition as usize].id, me.0])?;
        }
        Ok(moves != Moves::default())
    }

    fn held(&self, tx: &Tx<'_>, me: MemberNo, stream: Stream) -> Result<Option<Assigned>, Error> {
        let mut select = tx.prepare_cached(
            "SELECT fence, next FROM claim WHERE group_name = ? AND stream = ? AND owner = ?",
        )?;
        let claim = select.query_row(params![self.seat.group, stream.id, me.0], |row| {
            Ok(Assigned { at: stream.at, fence: row.get(0)?, next: row.get(1)? })
        });
        Ok(claim.optional()?)
    }
}

/// Raises a committed offset under its fence.
pub(super) fn commit(
    tx: &Tx<'_>,
    seat: &Seat,
    stream: StreamId,
    fence: u64,
    next: u64,
) -> Result<Standing, Error> {
    let Some(me) = beat(tx, seat)? else { return Ok(Standing::Fenced) };
    let mut raise = tx.prepare_cached(
        "UPDATE claim SET next = max(next, ?) WHERE group_name = ? AND stream = ? AND owner = ? AND fence = ?",
    )?;
    let raised = raise.execute(params![next, seat.group, stream, me.0, fence])?;
    Ok(if raised == 1 { Standing::Holds } else { Standing::Fenced })
}

/// The group's committed offsets.
pub(super) fn committed(connection: &Connection, group: &str, streams: &[Stream]) -> Result<Vec<u64>, Error> {
    let mut select =
        connection.prepare_cached("SELECT next FROM claim WHERE group_name = ? AND stream = ?")?;
    let mut committed = Vec::new();
    for stream in streams {
        let next = select.query_row(params![group, stream.id], |row| row.get(0)).optional()?;
        committed.push(next.unwrap_or(0));
    }
    Ok(committed)
}

/// Gives up everything that the seat's member holds.
pub(super) fn leave(tx: &Tx<'_>, seat: &Seat) -> Result<(), Error> {
    beat(tx, seat)?.map_or(Ok(()), |me| drop_member(tx, me))
}

/// Shows life, where the seat has a member.
fn beat(tx: &Tx<'_>, seat: &Seat) -> Result<Option<MemberNo>, Error> {
    let mut update = tx.prepare_cached("UPDATE member SET beat = beat + 1 WHERE seat = ? RETURNING no")?;
    Ok(update.query_row([seat.id.to_string()], |row| row.get(0)).optional()?.map(MemberNo))
}

fn drop_member(tx: &Tx<'_>, member: MemberNo) -> Result<(), Error> {
    // Its claims keep their fences and offsets, and have no owner from here on.
    tx.prepare_cached("DELETE FROM member WHERE no = ?")?.execute([member.0])?;
    Ok(())
}

fn members(tx: &Tx<'_>, group: &str) -> Result<Vec<Member>, Error> {
    let mut select =
        tx.prepare_cached("SELECT no, instance, seat, beat FROM member WHERE group_name = ? ORDER BY no")?;
    let members = select.query_map([group], |row| {
        Ok(Member { no: MemberNo(row.get(0)?), instance: row.get(1)?, seat: row.get(2)?, beat: row.get(3)? })
    })?;
    Ok(members.collect::<Result<_, _>>()?)
}

fn subscribers(tx: &Tx<'_>, group: &str, topic: &Topic) -> Result<Vec<MemberNo>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT no FROM member JOIN subscription ON member = no WHERE group_name = ? AND topic = ? ORDER BY no",
    )?;
    let members = select.query_map(params![group, topic.name], |row| row.get(0).map(MemberNo))?;
    Ok(members.collect::<Result<_, _>>()?)
}

fn holder(tx: &Tx<'_>, group: &str, stream: StreamId) -> Result<Option<MemberNo>, Error> {
    let mut select = tx.prepare_cached("SELECT owner FROM claim WHERE group_name = ? AND stream = ?")?;
    let owner: Option<Option<u64>> = select.query_row(params![group, stream], |row| row.get(0)).optional()?;
    Ok(owner.flatten().map(MemberNo))
}
