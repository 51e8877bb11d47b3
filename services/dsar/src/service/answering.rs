//! The copy and the answer: both are made of what there is when they are asked for, and kept nowhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{RecordingId, chain};
use platform::auth::Token;
use policy::request::{Actor, Ending, ItemKey, Refused, State};
use policy::rights::Right;
use seal::Hash;
use tracing::{info, warn};

use super::{Service, TRIES, itself};
use crate::act::{Act, MAX_NAMED, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::finding::Confirmed;
use crate::letter::{self, Letter};
use crate::package::{self, Earlier, Handed};
use crate::plan::Language;

impl Service {
    /// The answer as things stand, in its language or another one: one that may be sent tells of nobody else.
    pub async fn letter(&self, key: &RequestKey, language: Option<Language>) -> Result<Letter, Error> {
        let file = self.file(key).await?;
        let is_sent = file.request.state() == State::Responding && file.request.merged_into().is_none();
        let file = if is_sent { self.settled(key, file).await? } else { file };
        let language = language.unwrap_or(file.received.language);
        Ok(letter::write(&file, key, self.now(), language))
    }

    /// The answer was delivered, by this letter: that closes the request. What it was about is held no longer.
    pub async fn deliver(&self, key: &RequestKey, by: &Actor, letter: Hash) -> Result<File, Error> {
        for _ in 0..TRIES {
            let file = self.file(key).await?;
            if file.letter == Some(letter) {
                return Ok(file);
            }
            if let Some(closed) = self.deliver_of(key, by, file, letter).await? {
                info!(tenant = %key.tenant, request = %key.id, "a request was answered");
                self.answer_parts(key, &closed).await;
                return Ok(closed);
            }
        }
        Err(Error::Contended("the request"))
    }

    /// The same of a request as it was read; none where it has gone on since, and may say something else.
    async fn deliver_of(
        &self,
        key: &RequestKey,
        by: &Actor,
        file: File,
        letter: Hash,
    ) -> Result<Option<File>, Error> {
        if let Some(into) = file.request.merged_into() {
            return Err(Refused::AnsweredElsewhere { into: into.clone() }.into());
        }
        let file =
            if file.request.state() == State::Responding { self.settled(key, file).await? } else { file };
        let says = Language::ALL.map(|language| letter::write(&file, key, self.now(), language).hash);
        if !says.contains(&letter) {
            let why = "the letter is not what the answer says by now: read it again and deliver that one";
            return Err(Error::refused("other-letter", why));
        }
        if file.request.state() == State::Responding {
            self.release(key, &file).await?;
        }
        self.take_on(&file, key, by, &Act::Delivered { letter }, &Arc::default()).await
    }

    /// The request once it is known for whom it is answered, and that nobody else's is in it.
    async fn settled(&self, key: &RequestKey, file: File) -> Result<File, Error> {
        let is_undone = self.finish_merges(key, &file).await?;
        let file = if is_undone { self.file(key).await? } else { file };
        self.without_strangers(key, file).await
    }

    /// Lets go what the open request held.
    pub(crate) async fn release(&self, key: &RequestKey, file: &File) -> Result<(), Error> {
        match file.hold {
            Some(hold) => self.mesh().release(&key.tenant, hold).await,
            None => Ok(()),
        }
    }

    /// The copy, for one stream. What it has in it is done once the stream has ended well.
    pub async fn hand_out(
        self: &Arc<Self>,
        key: &RequestKey,
        token: Token,
        reason: String,
    ) -> Result<Handed, Error> {
        let file = self.file(key).await?;
        if file.request.is_taken_back() {
            return Err(Error::refused("taken-back", "whoever asked has taken the request back"));
        }
        match file.request.state() {
            State::Executing | State::Verifying | State::Responding => {}
            State::Closed => {
                let why = "the request is answered: a further copy takes a further request";
                return Err(Error::refused("closed", why));
            }
            State::Received
            | State::Identifying
            | State::AwaitingSubject
            | State::Discovering
            | State::Deciding
            | State::AwaitingApproval => {
                let why = "a copy is handed out once it was decided on, and approved where that is needed";
                return Err(Error::refused("not-decided", why));
            }
        }
        let file = self.without_strangers(key, file).await?;
        let Confirmed { theirs, not_theirs } = self.scope(key, &file).await?.confirmed;
        let file = File { theirs, not_theirs, ..file };
        let earlier = self.earlier(key, &file).await?;
        let parts = package::Parts {
            mesh: Arc::clone(&self.parts.mesh),
            disclosures: Arc::clone(&self.parts.disclosures),
            policies: Arc::clone(&self.parts.policies),
            instance: Arc::clone(&self.parts.instance),
            clock: Arc::clone(&self.parts.clock),
        };
        let Handed { items, recordings, stream: package } =
            package::hand_out(parts, key.clone(), file, token, reason, earlier).await?;
        let (service, key, named, told) = (Arc::clone(self), key.clone(), items.clone(), recordings.clone());
        let after = stream::once(async move { service.handed(&key, &named, &told).await });
        // Polled only where everything before it was well: an error ends the stream.
        let after = after.try_filter_map(|()| async { Ok(None) });
        let stream = until_error(package.chain(after).boxed());
        Ok(Handed { items, recordings, stream })
    }

    /// The person's other requests, as a copy tells of them.
    async fn earlier(&self, key: &RequestKey, file: &File) -> Result<Vec<Earlier>, Error> {
        let mut earlier = Vec::new();
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let mut heads = Vec::new();
        for subject in person.subjects() {
            heads.extend(self.store().of_subject(&key.tenant, subject).await?);
        }
        for head in heads.into_iter().filter(|head| head.key != *key) {
            let other = self.file(&head.key).await?;
            earlier.push(Earlier {
                id: head.key.id,
                received_at: other.received.received_at,
                rights: other.request.rights().into_iter().map(Right::as_str).collect(),
                ended: other.request.ended().map(Ending::as_str),
            });
        }
        Ok(earlier)
    }

    /// Writes down who got the copy, and marks what was handed out; nothing where that was done before.
    pub(super) async fn handed(
        &self,
        key: &RequestKey,
        items: &BTreeSet<ItemKey>,
        recordings: &BTreeSet<RecordingId>,
    ) -> Result<(), Error> {
        let file = self.file(key).await?;
        self.note_copy(key, file.received.asker, recordings).await?;
        if file.request.state() != State::Executing {
            return Ok(());
        }
        let open: Vec<ItemKey> =
            file.unsettled().map(|(key, _)| key.clone()).filter(|key| items.contains(key)).collect();
        for some in open.chunks(MAX_NAMED) {
            let act = Act::ItemsDone { items: some.iter().cloned().collect(), filed: None };
            self.act(key, &itself(), act).await?;
        }
        if let Err(error) = self.carry_on(key).await {
            warn!(tenant = %key.tenant, request = %key.id, error = chain(&error), "a request waits");
        }
        Ok(())
    }
}

/// The stream up to its first error, that one included.
fn until_error(
    stream: stream::BoxStream<'static, Result<Vec<u8>, Error>>,
) -> stream::BoxStream<'static, Result<Vec<u8>, Error>> {
    let ending = stream.scan(false, |has_failed, next| {
        let item = (!*has_failed).then_some(next);
        *has_failed |= matches!(item, Some(Err(_)));
        futures::future::ready(item)
    });
    ending.boxed()
}
