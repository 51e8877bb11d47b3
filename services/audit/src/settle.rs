//! Which history goes on, found out before anything is written: a restore never signs a second one.
//!
//! The restrictive journal has every root that was signed; index, objects and topic may be of any age. An index that is
//! behind is brought up from the objects, and from the topic as far as its records give the leaves that were signed. If
//! that does not reach what the journal has, or what the root log and the checkpoints say of the partitions, the
//! history is closed: what is committed of it is published once more as it is, and another one begins whose first leaf
//! names what was signed and what was found ([`crate::succession`]). An index that goes on is what was committed and
//! nothing else, so that publishing it again signs nothing new.
//!
//! ```text
//! index and journal                                    what happens
//! neither has anything, nor have the objects           the first history begins
//! no index, and the objects hold a ledger              the index is made anew, then as below
//! no index, no objects, and a root in the journal      another one begins: nothing was found
//! the objects hold one that closed the index's         the index takes it up
//! the index reaches the journal's root                 it goes on
//! the objects or the topic bring it there              it goes on
//! otherwise                                            it is closed, and another one begins
//! ```
//!
//! Every step may be the last one of a process that dies, and several processes may do this at once. One conditional
//! write decides which incarnation follows; the rest is done by whoever comes next. Roots are read from the journal
//! before heads from the index: of a writer that is at work the head is always the further one.

mod close;
mod reach;

use std::collections::BTreeSet;

use eventlog::EventLog;
use kernel::chain;
use kernel::topics::AUDIT;
use merkle::TreeHead;
use tracing::{info, warn};

use crate::error::Error;
use crate::files::ObjectFiles;
use crate::keys::Freshness;
use crate::name::{Incarnation, LogName};
use crate::rebuild::{self, catch_up};
use crate::shared::Shared;
use crate::signed::{SignedRoot, newest};
use crate::store::{Begun, Era, Generation, Head, LogId};
use crate::succession::{Lying, Succession, lying};
use crate::verify;

/// Steps of one attempt; every other one changes what is found.
const STEPS: usize = 64;

/// Which history goes on: ready to be written to.
pub(crate) async fn settle(shared: &Shared, log: &dyn EventLog) -> Result<Begun, Error> {
    for _ in 0..STEPS {
        let eras = shared.store.incarnations().await?;
        let signed = newest(&shared.journal, &closed(&eras)).await?;
        let lying = trusted(shared, &eras, signed).await?;
        // Another process may have gone on meanwhile; what was read is of one moment only if the index says so.
        if shared.store.incarnations().await? != eras {
            continue;
        }
        if let Some(begun) = (Settling { shared, log, eras, signed, lying }).step().await? {
            return Ok(begun);
        }
    }
    Err(Error::NotBegun)
}

/// Histories that do not go on: roots of them say nothing of the one that does.
fn closed(eras: &[Begun]) -> BTreeSet<Incarnation> {
    let before = eras.iter().rev().skip(1).map(|begun| begun.era.incarnation);
    let named = eras.iter().filter_map(|begun| begun.after.as_ref());
    let named = named.flat_map(|after| [Some(after.signed), after.found]).flatten();
    let mut closed: BTreeSet<_> = before.chain(named.map(|root| root.incarnation)).collect();
    if let Some(last) = eras.last() {
        closed.remove(&last.era.incarnation);
    }
    closed
}

/// The incarnations in the objects that the index has, that the journal names, or that the ledger's key has signed:
/// whoever can write there can make up others.
async fn trusted(shared: &Shared, eras: &[Begun], signed: Option<SignedRoot>) -> Result<Vec<Lying>, Error> {
    let files = ObjectFiles(shared.objects.clone());
    let mut trusted = Vec::new();
    for own in lying(&files).await? {
        let is_known = eras.iter().any(|begun| begun.era.incarnation == own.incarnation)
            || signed.is_some_and(|root| root.incarnation == own.incarnation);
        if is_known || is_signed(shared, &files, own.incarnation).await? {
            trusted.push(own);
        } else {
            warn!(incarnation = %own.incarnation, "a history in the objects is not signed, and is left alone");
        }
    }
    Ok(trusted)
}

async fn is_signed(shared: &Shared, files: &ObjectFiles, incarnation: Incarnation) -> Result<bool, Error> {
    let roots = shared.keys.roots(Freshness::Now).await?;
    let signed = verify::is_signed(files, &roots, incarnation).await;
    signed.map_err(Error::objects(LogName::Root))
}

/// What was found.
struct Settling<'s> {
    shared: &'s Shared,
    log: &'s dyn EventLog,
    eras: Vec<Begun>,
    /// The newest root in the journal.
    signed: Option<SignedRoot>,
    /// The incarnations in the objects, oldest first.
    lying: Vec<Lying>,
}

/// How an index stands to what was signed of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reach {
    /// It has all of it.
    Whole,
    /// It is the beginning of it.
    Behind,
    /// It has something else where that was signed.
    Other,
}

impl Settling<'_> {
    /// One step; the history that goes on, once there is nothing to do.
    async fn step(self) -> Result<Option<Begun>, Error> {
        let Some(tip) = self.eras.last() else {
            self.begin_first().await?;
            return Ok(None);
        };
        if let Some(next) = self.next_of(tip) {
            let era = Era { generation: after(tip)?, incarnation: next.incarnation };
            info!(incarnation = %era.incarnation, "the index takes up the history that followed");
            self.shared.store.begin(&Begun { era, after: next.after.clone() }).await?;
            return Ok(None);
        }
        self.catch_up_closed().await;
        match self.reach(tip).await? {
            Reach::Whole => {}
            reach @ (Reach::Behind | Reach::Other) => {
                self.close(tip, reach).await?;
                return Ok(None);
            }
        }
        self.announce(tip).await?;
        Ok(Some(tip.clone()))
    }

    async fn begin_first(&self) -> Result<(), Error> {
        if !rebuild::begin(self.shared.store.as_ref(), &self.lying).await?.is_empty() {
            info!("the index is lost, and is made anew from the objects");
            return Ok(());
        }
        if let Some(signed) = &self.signed {
            let (incarnation, size) = (signed.incarnation, signed.head.size);
            warn!(%incarnation, size, "nothing is left of the ledger that was signed: another history begins");
        }
        let after = self.signed.map(|signed| Succession { signed, found: None, entries: Vec::new() });
        let era = Era { generation: Generation::FIRST, incarnation: Incarnation::new() };
        self.shared.store.begin(&Begun { era, after }).await?;
        Ok(())
    }

    /// The one in the objects that closed the index's newest, or that the journal has and the index has not.
    fn next_of(&self, tip: &Begun) -> Option<&Lying> {
        let has = |own: &Lying| self.eras.iter().any(|begun| begun.era.incarnation == own.incarnation);
        let mut others = self.lying.iter().filter(|own| !has(own));
        let signed = self.signed.map(|root| root.incarnation);
        others.rfind(|own| own.closed() == Some(tip.era.incarnation) || signed == Some(own.incarnation))
    }

    /// What is closed is looked up and proved still, and no history waits for it.
    async fn catch_up_closed(&self) {
        for begun in self.eras.iter().rev().skip(1) {
            for log in logs() {
                if let Err(error) = catch_up(self.shared, begun.era, log).await {
                    let incarnation = begun.era.incarnation;
                    warn!(%incarnation, %log, error = chain(&error), "a closed log stays behind its objects");
                }
            }
        }
    }

    /// The newest checkpoint of a log; nothing where it cannot be read, which shows where the log is taken over.
    async fn standing(&self, tip: &Begun, log: LogName) -> Result<TreeHead, Error> {
        let read = self.shared.shelf(tip.era.incarnation, log).checkpoint().await;
        let found = tried(log, read)?.flatten();
        Ok(found.map_or(TreeHead::EMPTY, |found| found.checkpoint.head()))
    }

    async fn size(&self, tip: &Begun, partition: u32) -> Result<u64, Error> {
        Ok(self.head(LogId::Part(tip.era.part(partition))).await?.tree.size)
    }

    async fn head(&self, log: LogId) -> Result<Head, Error> {
        let heads = self.shared.store.heads().await?;
        Ok(heads.into_iter().find(|(own, _)| *own == log).map_or(Head::EMPTY, |(_, head)| head))
    }
}

fn after(tip: &Begun) -> Result<Generation, Error> {
    tip.era.generation.next().ok_or(Error::TreeFull(LogName::Root))
}

fn logs() -> impl Iterator<Item = LogName> {
    (0..AUDIT.partitions).map(LogName::Partition).chain([LogName::Root])
}

/// What was done, if it could be: what is damaged is not there. What cannot be looked at may be.
fn tried<T>(log: LogName, done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error @ (Error::Damaged { .. } | Error::Entry { .. })) => {
            warn!(%log, error = chain(&error), "a log cannot be read where it should be");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
