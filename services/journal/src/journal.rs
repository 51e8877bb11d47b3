//! One sequence over all processes: record n lies under the key of n, and is put there only where nothing is.
//!
//! A writer reads on to the end and puts its record behind it. Where another was first, it reads what that one wrote
//! and takes the next number; where a put is not answered, it looks what stands there before it does anything else,
//! and tries no other number while nothing does, because the put may still arrive. So there is no gap, and an act
//! that was stored and not answered is found by its id.
//!
//! An act stands once as far back as its writer looks: 128 records when it opens the journal, 1,024 of those that it
//! read or wrote since. A repetition from further back stands again, and is known by its id to whoever applies it.
//!
//! Each record has the hash of the one before it, so that whoever reads in order sees one that was replaced or
//! removed; of the last record only its writer knows. Records may be deleted from the front once their locks have
//! run out, never the last one: the next number comes from it.

mod end;
mod shelf;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernel::{Clock, Retry, ServiceError};
use objects::{MAX_LIST, ObjectStore, Prefix};
use tokio::sync::Mutex;

use self::end::End;
use self::shelf::Shelf;
use crate::error::{Break, Error};
use crate::record::{Act, BEFORE_FIRST, Record};

/// How old a backup may be that is still restored: 400 days, where nothing else is configured.
pub const BACKUP_HORIZON: Duration = Duration::from_secs(400 * 24 * 3_600);
/// Acts of one append; not more than a writer looks back, so that a batch that was cut off by a crash is known.
pub const MAX_ACTS: usize = 128;
/// Records of one read.
pub const MAX_READ: usize = MAX_LIST;

/// Records that a writer reads before the first it writes.
const LOOK_BACK: u64 = 128;
/// Numbers that an act may lose to other writers.
const TRIES: u32 = 100;
/// Puts of an act that may be left unanswered with nothing stored.
const UNANSWERED: u32 = 3;
/// Before such a put is tried again, times its number.
const PAUSE: Duration = Duration::from_millis(100);

const _: () = assert!(MAX_ACTS as u64 <= LOOK_BACK && LOOK_BACK as usize <= end::REMEMBERED);

/// The restrictive journal, as one process holds it; others may write to it at the same time.
pub struct Journal {
    shelf: Shelf,
    /// One append at a time: they would only take each other's numbers.
    end: Mutex<End>,
    /// A record that is known to be there, so that a look for the last need not begin with the first.
    seen: AtomicU64,
}

impl Journal {
    /// Opens the journal below this prefix, which ends with a `/` or is empty, and in which nothing else lies.
    /// Records are locked for `horizon` by this clock, where the store enforces locks.
    pub async fn open(
        objects: Arc<dyn ObjectStore>,
        prefix: Prefix,
        clock: Arc<dyn Clock>,
        horizon: Duration,
    ) -> Result<Self, Error> {
        let shelf = Shelf::new(objects, prefix, clock, horizon)?;
        let journal = Self { shelf, end: Mutex::new(End::new()), seen: AtomicU64::new(0) };
        let mut end = journal.end.lock().await;
        journal.advance(&mut end).await?;
        drop(end);
        Ok(journal)
    }

    /// Writes a record for each act that has none, in this order; answers the highest number that one of them has,
    /// or the last number where there are no acts. When this returns all of them are durable.
    ///
    /// After an error some may stand: whoever repeats all of them does no harm.
    pub async fn append(&self, acts: Vec<Act>) -> Result<u64, Error> {
        if acts.len() > MAX_ACTS {
            return Err(Error::TooManyActs { found: acts.len(), limit: MAX_ACTS });
        }
        for act in &acts {
            if let Some(problem) = act.problem() {
                return Err(Error::Refused { act: act.id, problem });
            }
        }
        let mut end = self.end.lock().await;
        self.advance(&mut end).await?;
        let mut highest: Option<u64> = None;
        for act in acts {
            highest = highest.max(Some(self.append_one(&mut end, act).await?));
        }
        Ok(highest.unwrap_or(end.number))
    }

    /// The records after `after`, in order, at most `limit` (at most [`MAX_READ`]). Fewer than `limit` means that
    /// there are no more. What was removed or replaced is [`Error::Broken`]; where what comes after has run out it
    /// is [`Error::TooOld`], and where the journal does not reach so far [`Error::Ahead`].
    pub async fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, Error> {
        let limit = limit.min(MAX_READ);
        if limit == 0 {
            return Ok(Vec::new());
        }
        // How far there are records; which, is asked by number. A folder that is written to while it is listed may
        // leave one out.
        let listed = self.shelf.numbers_after(after, limit).await?;
        let Some(last) = listed.last() else {
            self.check_reaches(after).await?;
            return Ok(Vec::new());
        };
        let last = after.saturating_add(limit as u64).min(*last);
        let mut before = self.hash_of(after).await?;
        let mut records = Vec::with_capacity(listed.len());
        for number in after.saturating_add(1)..=last {
            let (record, hash) = self.there(number, before).await?;
            before = Some(hash);
            records.push(record);
        }
        Ok(records)
    }

    /// The number of the last record; 0 where there is none.
    pub async fn tail(&self) -> Result<u64, Error> {
        let seen = self.seen.load(Ordering::Relaxed);
        let page = self.shelf.numbers_after(seen, MAX_LIST).await?;
        let tail = match page.last() {
            Some(last) if page.len() == MAX_LIST => self.last_from(*last).await?,
            Some(last) => *last,
            None => seen,
        };
        self.seen.fetch_max(tail, Ordering::Relaxed);
        Ok(tail)
    }

    /// The number of the first record that is still there; 1 where there is none.
    pub async fn floor(&self) -> Result<u64, Error> {
        Ok(self.shelf.first_after(0).await?.unwrap_or(1))
    }

    async fn append_one(&self, end: &mut End, act: Act) -> Result<u64, Error> {
        let mut unanswered = 0;
        for _ in 0..TRIES {
            if let Some(standing) = end.find(&act)? {
                return Ok(standing);
            }
            let number = end.number.saturating_add(1);
            let record = Record { number, before: end.hash, act: act.clone() };
            let bytes = record.encode();
            let hash = objects::sha256(&bytes);
            let Err(failure) = self.shelf.put(number, bytes).await else {
                end.push(record, hash);
                return Ok(number);
            };
            let is_taken = matches!(failure, objects::Error::AlreadyExists { .. });
            if !is_taken && failure.retry() == Retry::No {
                return Err(Error::Put { number, source: failure });
            }
            // What stands there is another's, or our own that was stored and not answered.
            self.follow(end).await?;
            if end.number < number {
                unanswered += 1;
                if unanswered == UNANSWERED {
                    return Err(Error::Put { number, source: failure });
                }
                tokio::time::sleep(PAUSE * unanswered).await;
            }
        }
        end.find(&act)?.ok_or(Error::Contended { act: act.id, tries: TRIES })
    }

    /// Goes to the last record: over what is there since, or the last [`LOOK_BACK`] records of it. What lies before
    /// those is verified by whoever reads it.
    async fn advance(&self, end: &mut End) -> Result<(), Error> {
        let tail = self.tail().await?;
        if tail <= end.number {
            return Ok(());
        }
        let next = end.number + 1;
        let looked = tail.saturating_sub(LOOK_BACK - 1);
        let first = next.max(looked).max(self.floor().await?).min(tail);
        if first > next {
            let (record, hash) = self.there(first, None).await?;
            end.push(record, hash);
        }
        while end.number < tail {
            let (record, hash) = self.there(end.number + 1, Some(end.hash)).await?;
            end.push(record, hash);
        }
        Ok(())
    }

    /// Reads what others have written behind the end, as long as there is more.
    async fn follow(&self, end: &mut End) -> Result<(), Error> {
        for _ in 0..LOOK_BACK {
            let next = end.number.saturating_add(1);
            let Some((record, hash)) = self.look(next, Some(end.hash)).await? else { break };
            end.push(record, hash);
        }
        Ok(())
    }

    /// A record and its hash, if it is there. It must follow from what is before it, where that is known.
    async fn look(&self, number: u64, before: Option<[u8; 32]>) -> Result<Option<(Record, [u8; 32])>, Error> {
        let Some(bytes) = self.shelf.get(number).await? else { return Ok(None) };
        let broken = |source| Error::Broken { number, source };
        let record = Record::decode(&bytes).map_err(|error| broken(Break::Malformed(error)))?;
        if record.number != number {
            return Err(broken(Break::Misplaced(record.number)));
        }
        if before.is_some_and(|before| before != record.before) {
            return Err(broken(Break::Unlinked));
        }
        Ok(Some((record, objects::sha256(&bytes))))
    }

    /// A record that must be there, as later ones are.
    async fn there(&self, number: u64, before: Option<[u8; 32]>) -> Result<(Record, [u8; 32]), Error> {
        if let Some(found) = self.look(number, before).await? {
            return Ok(found);
        }
        let floor = self.floor().await?;
        if floor > number {
            return Err(Error::TooOld { position: number.saturating_sub(1), floor });
        }
        Err(Error::Broken { number, source: Break::Missing })
    }

    /// What the record after this position must be linked to: unknown where the one at it has just run out.
    async fn hash_of(&self, position: u64) -> Result<Option<[u8; 32]>, Error> {
        if position == 0 {
            return Ok(Some(BEFORE_FIRST));
        }
        if let Some(bytes) = self.shelf.get(position).await? {
            return Ok(Some(objects::sha256(&bytes)));
        }
        let floor = self.floor().await?;
        match floor.checked_sub(1) {
            Some(before) if before == position => Ok(None),
            Some(before) if before > position => Err(Error::TooOld { position, floor }),
            Some(_) | None => Err(Error::Broken { number: position, source: Break::Missing }),
        }
    }

    /// Whether a position after which nothing is listed is the end, and not beyond it.
    async fn check_reaches(&self, position: u64) -> Result<(), Error> {
        if position == 0 || self.shelf.has(position).await? {
            return Ok(());
        }
        Err(Error::Ahead { position, tail: self.tail().await? })
    }

    /// The last number, from one that is there: steps that double until nothing lies behind, then halves.
    async fn last_from(&self, number: u64) -> Result<u64, Error> {
        let mut low = number;
        let mut step = MAX_LIST as u64;
        let mut high = loop {
            let probe = low.saturating_add(step);
            match self.shelf.first_after(probe).await? {
                Some(found) => low = found,
                None => break probe,
            }
            step = step.saturating_mul(2);
        };
        while low < high {
            let middle = low + (high - low) / 2;
            match self.shelf.first_after(middle).await? {
                Some(found) => low = found,
                None => high = middle,
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests;
