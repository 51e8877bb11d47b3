//! How a request begins: received through whichever channel, then acknowledged under a hold that keeps what it is about.

use std::collections::BTreeSet;

use kernel::{
    EventId, HoldId, Position, PurposeName, RecordingId, RequestId, SubjectId, TenantId, Timestamp,
};
use policy::code::Code;
use policy::deadline::{Calendars, Region};
use policy::jurisdiction::Jurisdiction;
use policy::request::{Actor, Asker, Channel, State};
use policy::rights::Right;
use proto::common::v1::Identifier;
use sha2::{Digest, Sha256};
use tracing::{info, warn};

use super::{Service, itself};
use crate::act::{Act, Received, Record, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::finding;
use crate::mesh::{On, Restriction, RestrictionKind, Withdrawal};
use crate::plan::Language;
use crate::store::Written;

/// A request as somebody takes it in.
#[derive(Clone, PartialEq, Debug)]
pub struct NewRequest {
    /// Its id, by which a repetition is known.
    pub id: RequestId,
    /// What is asked.
    pub rights: BTreeSet<Right>,
    /// How it came.
    pub channel: Channel,
    /// Who asks.
    pub asker: Asker,
    /// About whom.
    pub who: Who,
    /// When the controller received it; now, or with the call in which it was said, where none is given.
    pub received_at: Option<Timestamp>,
    /// The call in which it was said, and where in it.
    pub said_in: Option<(RecordingId, Option<Position>)>,
    /// A region whose holidays count, too.
    pub region: Option<Region>,
    /// In which language it is answered; the country's where none is given.
    pub language: Option<Language>,
}

/// About whom a request is.
#[derive(Clone, PartialEq, Debug)]
pub enum Who {
    /// A person who is known by id.
    Subject(SubjectId),
    /// Whoever has this.
    Identifier(Identifier),
}

impl Service {
    /// Takes a request in, or answers for one that stands with this id and content.
    pub async fn open(&self, tenant: &TenantId, by: &Actor, new: NewRequest) -> Result<File, Error> {
        let key = RequestKey { tenant: tenant.clone(), id: new.id };
        let is_dated = new.received_at.is_some();
        let received = self.received(tenant, new).await?;
        let record = Record {
            id: EventId::new(),
            key: key.clone(),
            version: 1,
            at: self.now(),
            by: by.clone(),
            act: Act::Received(received.clone()),
        };
        let first = File::receive(&record)?;
        if self.append(&record, &first).await? == Written::Conflict
            && !is_same(&self.file(&key).await?.received, &received, is_dated)
        {
            let why = format!("request {} was received with another content", key.id);
            return Err(Error::refused("other-request", why));
        }
        info!(%tenant, request = %key.id, "a request was received");
        // Held before that goes which is taken back. It was received, whatever becomes of the hold: the work on open requests
        // places it, too.
        if let Err(error) = self.acknowledge(&key).await {
            warn!(%tenant, request = %key.id, error = kernel::chain(&error),
                "what an open request is about is not held yet");
            self.bell.notify_one();
        }
        self.withdraw_at_once(&key).await?;
        let file = self.file(&key).await?;
        Ok(self.linked(&key, file).await)
    }

    /// The request as it is kept.
    async fn received(&self, tenant: &TenantId, new: NewRequest) -> Result<Received, Error> {
        let NewRequest { rights, channel, asker, who, received_at, said_in, region, language, .. } = new;
        let policy = self.parts.policies.in_force(tenant).await?.policy;
        let jurisdiction = policy.jurisdiction;
        if let Some(region) = region.filter(|region| !region.is_in(jurisdiction)) {
            let problem = format!("{region} is no part of {jurisdiction}, where the controller is");
            return Err(Error::invalid("region", problem));
        }
        let subject = match who {
            Who::Subject(subject) => subject,
            Who::Identifier(identifier) => self.mesh().resolve(tenant, identifier).await?,
        };
        let person = self.mesh().person(tenant, subject).await?;
        let said_at = match said_in {
            Some((recording, position)) => {
                let facts = self.mesh().recording(tenant, recording).await?;
                if !facts.parties.iter().any(|party| person.is(&party.subject_id)) {
                    return Err(Error::invalid("recording_id", "is of a call that the person is not on"));
                }
                let position = position.unwrap_or_default().0;
                Some(Timestamp(facts.started_at.saturating_add_unsigned(position)))
            }
            None => None,
        };
        // A sender's clock may be ahead.
        let said_at = said_at.map(|at| at.min(self.now()));
        let received_at = received_at.or(said_at).unwrap_or(self.now());
        if received_at > self.now() {
            return Err(Error::invalid("received_at", "must not be in the future"));
        }
        Ok(Received {
            rights,
            channel,
            asker,
            subject,
            received_at,
            said_in,
            jurisdiction,
            region,
            calendar: Calendars::NEWEST,
            language: language.unwrap_or_else(|| spoken_in(jurisdiction)),
        })
    }

    /// Takes consent back as of the receipt, whoever asks: that is as easy as giving it was, and waits for nobody. Nothing
    /// where that is not asked, or was done.
    pub(crate) async fn withdraw_at_once(&self, key: &RequestKey) -> Result<(), Error> {
        let file = self.file(key).await?;
        if !file.received.rights.contains(&Right::Withdraw) || file.withdrawn.is_some() {
            return Ok(());
        }
        let purposes = self.withdraw(key, &file).await?;
        match self.act(key, &itself(), Act::Withdrawn(purposes)).await {
            // It was taken back or answered meanwhile.
            Err(Error::Lifecycle(_)) => Ok(()),
            done => done.map(drop),
        }
    }

    /// Takes back what each subject of a person had consented to by the receipt, and answers for which purposes: those too of
    /// a try before this one that was cut off. On a line that several people use it is taken back in the calls that are known
    /// to be the person's: what the others agreed to there stands.
    pub(crate) async fn withdraw(
        &self,
        key: &RequestKey,
        file: &File,
    ) -> Result<BTreeSet<PurposeName>, Error> {
        let Received { subject, received_at, .. } = file.received;
        let person = self.mesh().person(&key.tenant, subject).await?;
        let theirs = self.scope(key, file).await?.confirmed.theirs;
        let mut all = BTreeSet::new();
        for subject in person.subjects() {
            let consent = self.mesh().consent(&key.tenant, subject).await?;
            let calls: Vec<_> = match person.is_one_of_several(&subject.to_bytes(), self.now()) {
                true => theirs.iter().copied().map(Some).collect(),
                false => vec![None],
            };
            for call in calls {
                let event = withdrawal_of(key.id, subject, call);
                let mut own = finding::taken_back(&consent, event)?;
                if own.is_empty() {
                    own = finding::given(&consent, call, received_at)?;
                    let (purposes, at) = (own.clone(), received_at);
                    let withdrawal = Withdrawal { event, subject, call, purposes, at };
                    if !own.is_empty() {
                        self.mesh().withdraw(&key.tenant, &withdrawal).await?;
                    }
                }
                all.extend(own);
            }
        }
        Ok(all)
    }

    /// Holds what a request is about, and says so; nothing where that was done. One that was answered with another for a
    /// while is held anew: what held it may have been let go with that one, and a hold that was released is no more.
    pub(crate) async fn acknowledge(&self, key: &RequestKey) -> Result<File, Error> {
        let file = self.file(key).await?;
        if file.request.state() != State::Received && file.unheld.is_none() {
            return Ok(file);
        }
        let hold = needs_hold(&file.received.rights).then(|| match file.unheld {
            None => hold_of(key.id),
            Some(act) => HoldId::from_bytes(derived(key.id.to_bytes(), format!("hold/{act}").as_bytes())),
        });
        if let Some(id) = hold {
            let person = self.mesh().person(&key.tenant, file.received.subject).await?;
            let restriction = Restriction {
                id,
                kind: RestrictionKind::OpenRequest,
                on: On::Subjects(person.subjects().collect()),
                // The restrictive journal has it, so that a request which a restored store lacks is known by its hold.
                reason: Code::new(format!("request/{}", key.id)).expect("a word and an id are a code"),
            };
            // The same each time it is asked for, or it would be another hold.
            let review_at = file.received.received_at.max(self.first_seen(key).await?);
            let review_at = review_at.plus(self.parts.config.hold.0);
            self.mesh().restrict(&key.tenant, &restriction, review_at).await?;
        }
        if file.unheld.is_some() {
            self.release(key, &file).await?;
        }
        match self.act(key, &itself(), Act::Acknowledged { hold }).await {
            // Somebody else did.
            Err(Error::Lifecycle(_)) => self.file(key).await,
            done => done,
        }
    }

    /// When the request was written down.
    pub(crate) async fn first_seen(&self, key: &RequestKey) -> Result<Timestamp, Error> {
        Ok(self.history(key).await?.first().map_or(Timestamp(0), |first| first.at))
    }
}

/// Whether what is asked is lost where nothing holds it: a withdrawal keeps nothing.
fn needs_hold(rights: &BTreeSet<Right>) -> bool {
    rights.iter().any(|right| match right {
        Right::Withdraw | Right::ObjectMarketing => false,
        Right::Access | Right::Rectify | Right::Erase | Right::Restrict | Right::Port | Right::Object => true,
    })
}

/// Whether a repetition says what was received. When it came is compared only where it `is_dated`: else it is now.
fn is_same(standing: &Received, repeated: &Received, is_dated: bool) -> bool {
    let asked = |received: &Received| {
        let Received { rights, channel, asker, subject, said_in, region, language, .. } = received.clone();
        (rights, channel, asker, subject, said_in, region, language)
    };
    asked(standing) == asked(repeated) && (!is_dated || standing.received_at == repeated.received_at)
}

fn spoken_in(jurisdiction: Jurisdiction) -> Language {
    if jurisdiction.as_str() == "IT" { Language::Italian } else { Language::English }
}

/// The event by which a request takes a subject's consent back, in one call or all: the same each time.
fn withdrawal_of(request: RequestId, subject: SubjectId, call: Option<RecordingId>) -> EventId {
    let mut what = [&b"withdrawal"[..], &subject.to_bytes()].concat();
    what.extend(call.iter().flat_map(|call| call.to_bytes()));
    EventId::from_bytes(derived(request.to_bytes(), &what))
}

/// The hold of an open request: the same each time.
pub(crate) fn hold_of(request: RequestId) -> HoldId {
    HoldId::from_bytes(derived(request.to_bytes(), b"hold"))
}

/// An id that follows from another: the same each time, and in its place in time where the other one's is.
pub(crate) fn derived(from: [u8; 16], what: &[u8]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new().chain_update(from).chain_update(what).finalize().into();
    let mut bytes = from;
    bytes[6..].copy_from_slice(&digest[..10]);
    // RFC 9562: version 8, variant 10.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}
