//! What archive does about an erasure: says in a signed addendum what nobody can open any more, and deletes the objects
//! of which nothing opens.
//!
//! What opens is crypto's answer alone, asked each time after the recording was read: what a document names had its entries
//! before, so that what does not open will not.
//! Every step may be done again, and a crash anywhere is finished by doing all of it again: the erasure's row is written
//! once, the addendum is put where none lies, an object that is gone already is gone.

mod clearing;

use std::sync::Arc;

use eventlog::{Ends, EventLog};
use kernel::topics::AUDIO;
use kernel::{ErasureId, PurposeName};
use seal::manifest::ReasonCode;
use seal::signing::DocumentKind as Signed;

use crate::document;
use crate::erased;
use crate::error::Error;
use crate::fact::{Gone, RecordingKey};
use crate::mesh::OpenSpans;
use crate::sealing::Sealer;
use crate::store::{Document, ErasureRow, History, State};

pub use clearing::Locked;

/// How often others may make the recording's next document before one call gives up.
const TRIES: u32 = 5;

/// Erases what crypto does not open any more.
#[derive(Clone)]
pub struct Eraser {
    pub(crate) sealer: Sealer,
    pub(crate) log: Arc<dyn EventLog>,
}

/// An erasure of one recording, as archive is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// Of which recording.
    pub recording: RecordingKey,
    /// The act.
    pub erasure: ErasureId,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Purposes that went whole.
    pub purposes: Vec<PurposeName>,
}

/// What archive made of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Spans that nobody can open since this act.
    pub spans: u64,
    /// Its last addendum; none where no span became unreadable.
    pub addendum: Option<Document>,
    /// Objects with spans of this act that are gone in all versions, whichever call has deleted them: one whose answer
    /// was lost is asked again.
    pub deleted: u32,
    /// Objects with spans of this act of which nothing opens any more, and which a lock keeps.
    pub locked: Vec<Locked>,
    /// The event log holds nothing of the recording any more.
    pub log_passed: bool,
}

/// A recording, and what crypto said after it was read.
struct Seen {
    history: History,
    open: Vec<OpenSpans>,
}

impl Eraser {
    /// Does what an erasure asks of archive, as far as it can be done now.
    pub async fn erase(&self, asked: &Erasure) -> Result<Outcome, Error> {
        let key = &asked.recording;
        match self.history(key).await?.recording.state {
            State::Open | State::Sealing => return Err(Error::NotSealedYet(key.id)),
            State::NotRecorded => return Ok(Outcome { log_passed: true, ..Outcome::default() }),
            State::Sealed | State::Addended | State::Erased => {}
        }
        let seen = self.look(key).await?;
        refuse_open(asked, &seen)?;
        let ends = self.ends(seen.history.recording.partition).await?;
        let gone = asked.purposes.iter().map(|purpose| gone(purpose, &asked.reason)).collect();
        let row = self.sealer.store.erasing(key, asked.erasure, ends.high, gone).await?;

        // Another call for the same act may have said it since this one looked.
        let seen = if row.through > newest(&seen.history) { self.look(key).await? } else { seen };
        let Seen { history, open } = self.say(asked, &row, seen).await?;
        self.sealer.store.looked(key, asked.erasure, newest(&history)).await?;
        let cleared = self.clear(&history, &erased::open(&open)).await?;

        let own = || history.erased.iter().filter(|row| row.erasure == asked.erasure);
        let last = own().map(|row| row.document).max();
        let spans = erased::all(own());
        let is_own = |object| erased::touches(&history, object, &spans);
        Ok(Outcome {
            spans: own().map(|row| row.spans.len()).sum(),
            addendum: history.documents.iter().find(|document| Some(document.version) == last).cloned(),
            deleted: cleared.gone.into_iter().filter(|object| is_own(object)).count() as u32,
            locked: cleared
                .kept
                .into_iter()
                .filter(|(object, _)| is_own(object))
                .map(|kept| kept.1)
                .collect(),
            log_passed: ends.low >= row.log_end,
        })
    }

    /// The recording, and then what opens of it.
    async fn look(&self, key: &RecordingKey) -> Result<Seen, Error> {
        let history = self.named(key).await?;
        let open = self.sealer.mesh.open_spans(key).await?;
        Ok(Seen { history, open })
    }

    /// The recording, once what was stored late has its addendum: only what a document names is spoken of here.
    async fn named(&self, key: &RecordingKey) -> Result<History, Error> {
        let mut history = self.history(key).await?;
        for _ in 0..TRIES {
            if !history.recording.has_unnamed {
                break;
            }
            self.sealer.addend(key).await?;
            history = self.history(key).await?;
        }
        Ok(history)
    }

    /// Signs what became unreadable, if anything did, and answers the recording as it is then. Where another document
    /// was placed first, that one is brought to its end, and what is left is said after it: by another look, because
    /// what that one names may have had its entries only since.
    async fn say(&self, asked: &Erasure, row: &ErasureRow, mut seen: Seen) -> Result<Seen, Error> {
        for _ in 0..TRIES {
            let Seen { history, open } = &seen;
            let spans = erased::fresh(history, through(row, history), &erased::open(open))?;
            if spans.is_empty() {
                return Ok(seen);
            }
            let addendum = document::erasure(history, asked.erasure, &asked.reason, spans);
            let addendum = addendum.ok_or(Error::NotSealedYet(asked.recording.id))?;
            let version = addendum.number + 1;
            let payload = addendum.encode()?;
            let placed = self.sealer.placer.place(history, version, Signed::Addendum, payload).await?;
            self.sealer.settle_addendum(history, &placed).await?;
            seen = self.look(&asked.recording).await?;
        }
        Err(Error::Contended(asked.recording.id))
    }

    async fn ends(&self, partition: u32) -> Result<Ends, Error> {
        let ends = self.log.ends(&AUDIO).await?;
        let own = ends.into_iter().find(|ends| ends.partition == partition);
        own.ok_or(Error::Answer { peer: "the event log", what: "the audio topic's partitions" })
    }

    async fn history(&self, key: &RecordingKey) -> Result<History, Error> {
        self.sealer.store.history(key).await?.ok_or(Error::NotFound(key.id))
    }
}

/// The version of a recording's last document.
fn newest(history: &History) -> u32 {
    history.documents.last().map_or(0, |document| document.version)
}

/// How far an erasure has spoken: by its row, or where a crash came before that by its own addendum.
fn through(row: &ErasureRow, history: &History) -> u32 {
    let own = history.erased.iter().filter(|erased| erased.erasure == row.erasure);
    own.map(|erased| erased.document).max().unwrap_or(0).max(row.through)
}

/// A purpose that still opens something stored has not gone whole, whoever says so.
fn refuse_open(asked: &Erasure, Seen { history, open }: &Seen) -> Result<(), Error> {
    let own = erased::open(open.iter().filter(|row| asked.purposes.contains(&row.purpose)));
    if history.objects.iter().any(|object| erased::touches(history, object, &own)) {
        return Err(Error::StillOpens(asked.recording.id));
    }
    Ok(())
}

fn gone(purpose: &PurposeName, reason: &ReasonCode) -> Gone {
    Gone { purpose: purpose.clone(), reason: reason.as_str().to_owned() }
}
