//! How a restored store catches up with the restrictive journal: an event that it lacks is added to its subject's history,
//! with the times and the evidence that it had, and leaves for the topic again; whoever knows it by its id drops it. It gets
//! a new version, since the store's own go on from where it was restored to.
//!
//! What consent comes to is a fold over when things were said, so it does not matter in which order they come back. Notices
//! and questions do not: consent that was given is only one where the question was put before, so that its own is put back
//! with it where the store lacks that one as well ([`unasked`]). It was taken because there had been one.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use journal::{Applied, Outcome, Record, StoreError};
use kernel::PurposeName;
use policy::consent::{ConsentState, fold_one};

use crate::acts::{self, Said};
use crate::error::Error;
use crate::event::{EventKind, Expression, NewEvent, StoredEvent, derived_id};
use crate::store::{Addition, Appended, History, Store};

/// Attempts to add to a history that others are changing.
const ATTEMPTS: u32 = 16;
/// The question that comes back with consent, for [`derived_id`]; never changes, or a repetition would be a second one.
const ASKED_BEFORE: &str = "asked-before";

/// Consent's store, as the journal is applied to it.
pub struct RestoredStore {
    /// The store.
    pub store: Arc<dyn Store>,
}

#[async_trait]
impl Applied for RestoredStore {
    async fn position(&self) -> Result<u64, StoreError> {
        let position = self.store.journal_position().await;
        position.map_err(|error| StoreError::new("say how far it is in the journal", error))
    }

    async fn apply(&self, record: &Record) -> Result<Outcome, StoreError> {
        let said = acts::read(&record.act).map_err(|error| StoreError::new("read what was said", error))?;
        let Some(said) = said else { return Ok(Outcome::NotOurs) };
        self.put_back(&said).await.map_err(|error| StoreError::new("put back what was said", error))
    }

    async fn save(&self, position: u64) -> Result<(), StoreError> {
        let saved = self.store.set_journal_position(position).await;
        saved.map_err(|error| StoreError::new("note how far it is in the journal", error))
    }
}

impl RestoredStore {
    async fn put_back(&self, said: &Said) -> Result<Outcome, Error> {
        let StoredEvent { tenant, event, .. } = &said.event;
        if self.has(said).await? {
            return Ok(Outcome::Known);
        }
        self.store.add_subject(tenant, event.subject, event.recorded_at).await?;
        for _ in 0..ATTEMPTS {
            let History { events: before, latest } = self.store.history(tenant, event.subject, None).await?;
            let events = question(&before, event).into_iter().chain([event.clone()]).collect();
            let (tenant, act, after) = (tenant.clone(), event.id, latest);
            let addition = Addition { tenant, act, events, after, entry: None, trace: None };
            match self.store.append(&addition).await? {
                Appended::Now(_) => return Ok(Outcome::Applied),
                Appended::Before(_) => return Ok(Outcome::Known),
                Appended::IdTaken => return Err(Error::OtherContent(event.id)),
                Appended::Overtaken => {}
            }
        }
        Err(Error::Contended(event.subject))
    }

    /// Whether the store has the event, or of one that came in parts this one or all of it.
    async fn has(&self, said: &Said) -> Result<bool, Error> {
        let StoredEvent { tenant, event, .. } = &said.event;
        if self.store.event(tenant, event.id).await?.is_some() {
            return Ok(true);
        }
        if said.of == event.id {
            return Ok(false);
        }
        let whole = self.store.event(tenant, said.of).await?;
        Ok(whole.is_some_and(|whole| event.purposes.is_subset(&whole.event.purposes)))
    }
}

/// The question that must be put back with an event; none where it needs none.
fn question(before: &[StoredEvent], event: &NewEvent) -> Option<NewEvent> {
    let purposes = unasked(before, event);
    (!purposes.is_empty()).then(|| NewEvent {
        id: derived_id(event.id, ASKED_BEFORE),
        kind: EventKind::Asked,
        purposes,
        expression: Expression::Unspecified,
        ..event.clone()
    })
}

/// Purposes on which consent was given, and which it would not be on at its own moment for want of a question.
fn unasked(before: &[StoredEvent], event: &NewEvent) -> BTreeSet<PurposeName> {
    if event.kind != EventKind::Given {
        return BTreeSet::new();
    }
    let is_unasked = |purpose: &&PurposeName| {
        let own = before.iter().map(|stored| &stored.event).chain([event]);
        let own = own.filter(|other| other.reach == event.reach && other.purposes.contains(*purpose));
        let own: Vec<_> = own.filter_map(NewEvent::to_fold).collect();
        fold_one(&own, event.occurred_at).state != ConsentState::Given
    };
    event.purposes.iter().filter(is_unasked).cloned().collect()
}

#[cfg(test)]
mod tests;
