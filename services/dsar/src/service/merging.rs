//! Verified requests of one person that are answered as one, and are taken apart again where it was not one person
//! (scenario 27).
//!
//! Two requests are two rows, and no write is of both. Whichever takes the other in is always written first, when they are
//! put together and when they are taken apart; so what is half done says by itself which of the two it was, and the same
//! call again, or the work on open requests, does the other half:
//!
//! | the one | the other | what is half done |
//! |---|---|---|
//! | has it as a part | is not merged | the merge |
//! | does not | is merged into it | the unmerge |
//!
//! Meanwhile both are answered, never none.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{EventId, RequestId, chain};
use policy::request::{Actor, State};
use tracing::{info, warn};

use super::{Service, TRIES, itself};
use crate::act::{Act, MAX_ACTS, Record, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::store::Written;

impl Service {
    /// From now on a request is answered with this one.
    pub(super) async fn merge(&self, key: &RequestKey, by: &Actor, part: RequestId) -> Result<File, Error> {
        let other = key.beside(part);
        let (own, theirs) = (self.file(key).await?, self.file(&other).await?);
        if !own.has_part(part) {
            self.check_one_person(key, &own, &theirs).await?;
            // Of what cannot be merged neither half is written.
            theirs.check_part_of(key.id, by, self.now())?;
            self.act(key, by, Act::Merged(theirs.as_part()?)).await?;
        }
        self.finish_merge(key, by, part).await?;
        self.file(key).await
    }

    /// Refuses two requests that are not known to be of one person.
    pub(super) async fn check_one_person(
        &self,
        key: &RequestKey,
        own: &File,
        theirs: &File,
    ) -> Result<(), Error> {
        let person = self.mesh().person(&key.tenant, own.received.subject).await?;
        if person.is(&theirs.received.subject.to_bytes()) {
            return Ok(());
        }
        let why = "the two requests are not known to be of one person: merge the subjects first";
        Err(Error::refused("another-person", why))
    }

    /// The other half of a merge. A request that has gone on meanwhile answers for itself: then nothing is merged, and that
    /// is refused.
    async fn finish_merge(&self, key: &RequestKey, by: &Actor, part: RequestId) -> Result<(), Error> {
        let other = key.beside(part);
        if self.file(&other).await?.merged_into() == Some(key.id) {
            return Ok(());
        }
        let Err(error) = self.act(&other, by, Act::MergedInto(key.id)).await else {
            info!(tenant = %key.tenant, request = %part, into = %key.id, "a request is answered with another");
            return Ok(());
        };
        let is_refused = matches!(error, Error::Lifecycle(_));
        // Somebody else may have done it at the same moment.
        if is_refused && self.file(&other).await?.merged_into() != Some(key.id) {
            self.act(key, &itself(), Act::Unmerged { other: part, to_assess: BTreeSet::new() }).await?;
            return Err(error);
        }
        if is_refused { Ok(()) } else { Err(error) }
    }

    /// Does the other half of each merge of a request; true where one of them cannot be, and is undone.
    pub(crate) async fn finish_merges(&self, key: &RequestKey, file: &File) -> Result<bool, Error> {
        if file.request.state() == State::Closed {
            return Ok(false);
        }
        let mut is_undone = false;
        for part in file.parts() {
            match self.finish_merge(key, &itself(), part).await {
                Err(Error::Lifecycle(refused)) => {
                    warn!(tenant = %key.tenant, request = %part, into = %key.id, why = %refused,
                        "a request went on while it was merged, and answers for itself");
                    is_undone = true;
                }
                done => done?,
            }
        }
        Ok(is_undone)
    }

    /// Takes two requests apart, whichever of them has the other one.
    pub(super) async fn unmerge(
        &self,
        key: &RequestKey,
        by: &Actor,
        other: RequestId,
    ) -> Result<File, Error> {
        let beside = key.beside(other);
        let (own, theirs) = (self.file(key).await?, self.file(&beside).await?);
        let is_theirs = theirs.has_part(key.id) || own.merged_into() == Some(other);
        let (into, part) = if is_theirs { (&beside, key) } else { (key, &beside) };
        let (taking, taken) = if is_theirs { (&theirs, &own) } else { (&own, &theirs) };
        let is_half_done = !taking.has_part(part.id) && taken.merged_into() == Some(into.id);
        if !is_half_done {
            self.take_out(into, by, part.id).await?;
        }
        self.finish_unmerge(part, by, into.id).await?;
        self.file(key).await
    }

    /// Takes a request out of the one that has it, with what was done by then: as that stands when it is written.
    async fn take_out(&self, into: &RequestKey, by: &Actor, part: RequestId) -> Result<(), Error> {
        for _ in 0..TRIES {
            let file = self.file(into).await?;
            if file.version >= MAX_ACTS {
                return Err(Error::TooMany { what: "acts of one request", bound: MAX_ACTS });
            }
            let to_assess = file.assessed_without(part, by, self.now())?;
            let record = Record {
                id: EventId::new(),
                key: into.clone(),
                version: file.version + 1,
                at: self.now(),
                by: by.clone(),
                act: Act::Unmerged { other: part, to_assess },
            };
            let next = file.apply(&record, Arc::default())?;
            if self.append(&record, &next).await? == Written::Applied {
                let (tenant, to_assess) = (&into.tenant, next.to_assess.len());
                warn!(%tenant, request = %part, into = %into.id, to_assess, "two requests are not of one person");
                self.bell.notify_one();
                return Ok(());
            }
        }
        Err(Error::Contended("the request"))
    }

    /// The other half of an unmerge; nothing where that was done.
    async fn finish_unmerge(&self, part: &RequestKey, by: &Actor, into: RequestId) -> Result<(), Error> {
        if self.file(part).await?.merged_into() != Some(into) {
            return Ok(());
        }
        self.act(part, by, Act::Unmerged { other: into, to_assess: BTreeSet::new() }).await.map(drop)
    }

    /// What is next of a request that is answered with another: it is answered once that one is. None where it waits.
    pub(crate) async fn answered_with(&self, key: &RequestKey, file: &File) -> Result<Option<Act>, Error> {
        let Some(into) = file.merged_into() else { return Ok(None) };
        let other = self.file(&key.beside(into)).await?;
        if !other.has_part(key.id) {
            return Ok(Some(Act::Unmerged { other: into, to_assess: BTreeSet::new() }));
        }
        let Some(ending) = other.request.ended() else { return Ok(None) };
        self.release(key, file).await?;
        Ok(Some(Act::AnsweredWith { into, ending }))
    }

    /// Answers those that are answered with a request. What breaks off here the work on open requests does.
    pub(crate) async fn answer_parts(&self, key: &RequestKey, file: &File) {
        for part in file.parts() {
            if let Err(error) = self.carry_on(&key.beside(part)).await {
                warn!(tenant = %key.tenant, request = %part, error = chain(&error), "a request waits");
            }
        }
    }

    /// Lets go what a request holds, and those that are answered with it.
    pub(crate) async fn release_all(&self, key: &RequestKey, file: &File) -> Result<(), Error> {
        self.release(key, file).await?;
        for part in file.parts() {
            let part = key.beside(part);
            let theirs = self.file(&part).await?;
            if theirs.merged_into() == Some(key.id) {
                self.release(&part, &theirs).await?;
            }
        }
        Ok(())
    }
}
