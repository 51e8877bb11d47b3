//! consent's acts: authorises calls, takes what is said, tells states. What it decides is decided purely in
//! [`crate::admission`] and [`crate::standing`]; here it is loaded, written and told.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{
    Clock, Envelope, InstanceId, PurposeName, RecordingId, SubjectId, TenantId, Timestamp, TraceParent,
};
use policy::grant::{decide, decide_without_policy};
use policy::{CallFacts, Decision, Party, PolicyHash};

use crate::admission::{Grounds, Said, admit};
use crate::config::Config;
use crate::error::Error;
use crate::event::{NewEvent, Reach, StoredEvent, is_restrictive};
use crate::identifier::Identifier;
use crate::identity::Conflict;
use crate::keys::Keys;
use crate::policies::{Policies, PolicyVersion};
use crate::standing::{self, Gone, Histories};
use crate::store::{Addition, Appended, History, Identifiers, PartyRow, RecordingRow, Store};
use crate::subjects::Subjects;
use crate::watching::Watching;

/// Attempts to add to a history that others are changing.
const ATTEMPTS: u32 = 16;

/// What the service stands on.
#[derive(Clone)]
pub struct Ports {
    /// Facts and ciphertext.
    pub store: Arc<dyn Store>,
    /// The identifier index.
    pub identifiers: Arc<dyn Identifiers>,
    /// crypto.
    pub keys: Arc<dyn Keys>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
}

/// One running consent.
pub struct Service {
    /// The tenants' policies.
    pub policies: Arc<Policies>,
    /// Who watches.
    pub watching: Watching,
    /// Who people are.
    pub subjects: Subjects,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    cfg: Config,
}

/// A call that is to be authorised.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which recording.
    pub recording: RecordingId,
    /// When it started, on the sender's clock.
    pub started_at: Timestamp,
    /// Who is in it.
    pub parties: Vec<CallParty>,
    /// What it is to be recorded for.
    pub purposes: BTreeSet<PurposeName>,
}

/// Somebody in a call.
#[derive(Clone, Debug)]
pub struct CallParty {
    /// Who they are to policy.
    pub party: Party,
    /// What they are known by.
    pub identifiers: Vec<Identifier>,
}

/// Who the parties are: what the audit entry says before anything is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Met {
    /// In the order of the parties.
    pub subjects: Vec<SubjectId>,
    /// What had to be decided against.
    pub conflicts: Vec<Conflict>,
}

/// The decision on a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authorised {
    /// In the order of the parties.
    pub subjects: Vec<SubjectId>,
    /// One grant per requested purpose, and the policy's hash.
    pub decision: Decision,
    /// The version of changes that it reflects at least.
    pub version: u64,
}

/// Whom an event or a question is about.
#[derive(Clone, Debug)]
pub enum Who {
    /// By id.
    Subject(SubjectId),
    /// By what they are known by.
    Identifier(Identifier),
}

/// A state of a subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// On which purpose.
    pub purpose: PurposeName,
    /// In which scope.
    pub reach: Reach,
    /// The state.
    pub consent: policy::consent::Consent,
}

/// What became of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Whose.
    pub subject: SubjectId,
    /// The event's version.
    pub version: u64,
    /// The subject's states on its purposes in its scope.
    pub states: Vec<State>,
}

/// What is known of a subject's consent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Who.
    pub subject: SubjectId,
    /// Every state.
    pub states: Vec<State>,
    /// The newest events, oldest first.
    pub history: Vec<StoredEvent>,
}

impl Service {
    /// Over these ports, with the policies that were loaded.
    pub fn new(cfg: &Config, ports: Ports, policies: Arc<Policies>) -> Self {
        let Ports { store, identifiers, keys, clock } = ports;
        let writer = InstanceId::new();
        let subjects = Subjects::new(Arc::clone(&store), identifiers, keys, Arc::clone(&clock), writer);
        let watching = Watching::new(Arc::clone(&store), cfg);
        Self { policies, watching, subjects, store, clock, cfg: cfg.clone() }
    }

    /// Domain time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Decides on a call and remembers it; `entry` makes the audit entry that is kept with it.
    pub async fn authorise(
        &self,
        tenant: &TenantId,
        call: &Call,
        entry: impl FnOnce(&Met) -> Option<Envelope>,
    ) -> Result<Authorised, Error> {
        let known = self.store.recording(tenant, call.recording).await?;
        let met = self.meet(tenant, call, known.as_ref()).await?;
        // A call goes on under the policy that it started with.
        let stamped = known.as_ref().and_then(|row| row.policy);
        let policy = self.policies.stamped(tenant, stamped).await?;
        let now = self.clock.now();
        let places = (0u32..).zip(&call.parties).zip(&met.subjects);
        let parties: Vec<_> = places
            .map(|((place, one), subject)| PartyRow { place, party: one.party, subject: *subject })
            .collect();
        let row = RecordingRow {
            tenant: tenant.clone(),
            recording: call.recording,
            policy: policy.as_ref().map(|version| version.hash()),
            started_at: call.started_at,
            authorised_at: now,
            purposes: call.purposes.clone(),
            parties,
        };
        // Remembered first: an event that comes while this is decided then finds who is in the call. The
        // version is read before the histories: what is missed by them comes after it.
        self.store.remember(&row, entry(&met)).await?;
        let version = self.store.version().await?;
        let decision = self.decide(tenant, &row, policy.as_deref(), now).await?;
        Ok(Authorised { subjects: met.subjects, decision, version })
    }

    async fn decide(
        &self,
        tenant: &TenantId,
        row: &RecordingRow,
        policy: Option<&PolicyVersion>,
        now: Timestamp,
    ) -> Result<Decision, Error> {
        let parties = row.parties.iter().map(|one| one.party).collect();
        let facts = CallFacts { requested: row.purposes.clone(), parties };
        let Some(version) = policy else { return Ok(decide_without_policy(&facts)) };
        let policy = &version.policy;
        let histories = self.histories(tenant, row).await?;
        let consents = standing::at_opening(policy, &facts, &row.parties, &histories, row.recording, now);
        Ok(decide(policy, &facts, &consents))
    }

    /// Who the parties are. Whom nothing identifies is somebody new, and the same one when the call is
    /// authorised again.
    async fn meet(&self, tenant: &TenantId, call: &Call, known: Option<&RecordingRow>) -> Result<Met, Error> {
        let identifiers: Vec<_> = call.parties.iter().map(|party| party.identifiers.clone()).collect();
        let resolved = self.subjects.resolve(tenant, &identifiers).await?;
        let before = |place: u32, party: Party| {
            let rows = known.map_or(&[] as &[PartyRow], |row| &row.parties);
            rows.iter().find(|row| (row.place, row.party) == (place, party)).map(|row| row.subject)
        };
        let subjects =
            (0u32..).zip(&call.parties).zip(&resolved).map(|((place, one), resolved)| match resolved {
                Some(resolved) => resolved.subject,
                None => before(place, one.party).unwrap_or_else(SubjectId::new),
            });
        let conflicts = resolved.iter().flatten().filter_map(|resolved| resolved.conflict);
        Ok(Met { subjects: subjects.collect(), conflicts: conflicts.collect() })
    }

    /// Takes what somebody said; `entry` makes the audit entry that is kept with it. A repetition changes
    /// nothing and is answered as the first time; for one that is known at once no entry is made.
    pub async fn record(
        &self,
        tenant: &TenantId,
        who: &Who,
        said: &Said,
        trace: Option<TraceParent>,
        entry: impl FnOnce(SubjectId) -> Option<Envelope>,
    ) -> Result<Recorded, Error> {
        let mut found = self.find(tenant, who).await?;
        if let Some(before) = self.store.event(tenant, said.id).await? {
            return self.repeated(tenant, found, said, &before).await;
        }
        let row = match said.said_in {
            Some(recording) => self.store.recording(tenant, recording).await?,
            None => None,
        };
        let policy = self.policies.stamped(tenant, row.as_ref().and_then(|row| row.policy)).await?;
        let judged = Judged { tenant, said, policy: policy.as_deref(), row: row.as_ref() };
        let mut entry = Some(entry);
        let mut made = None;
        for _ in 0..ATTEMPTS {
            let subject = found.unwrap_or_else(SubjectId::new);
            let (events, after) = self.judge(&judged, subject).await?;
            // Only now, when it will be taken, is somebody made who was not known.
            if let (None, Who::Identifier(identifier)) = (found, who) {
                found = Some(self.make(tenant, identifier).await?);
                continue;
            }
            if let Some(entry) = entry.take() {
                made = entry(subject);
            }
            let act = said.id;
            let tenant_id = tenant.clone();
            let addition =
                Addition { tenant: tenant_id, act, events, after, entry: made.clone(), trace: trace.clone() };
            match self.store.append(&addition).await? {
                Appended::Now(stored) => return self.recorded(tenant, subject, said, &stored).await,
                Appended::Before(before) => return self.repeated(tenant, Some(subject), said, &before).await,
                Appended::IdTaken => return Err(Error::OtherContent(said.id)),
                Appended::Overtaken => {}
            }
        }
        Err(found.map_or(Error::UnknownSubject, Error::Contended))
    }

    /// Whether a purpose may be used of a recording now.
    pub async fn may_use(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Result<(), Gone>, Error> {
        let Some(row) = self.store.recording(tenant, recording).await? else {
            return Ok(Err(Gone::UnknownRecording));
        };
        let Some(hash) = row.policy else { return Ok(Err(Gone::NoPolicy)) };
        let version = self.policy(tenant, Some(hash)).await?;
        let Some(terms) = version.policy.purposes.get(purpose) else { return Ok(Err(Gone::UnknownPurpose)) };
        let histories = self.histories(tenant, &row).await?;
        Ok(standing::may_use(purpose, terms, &row, &histories, self.clock.now()))
    }

    /// Everything about a subject's consent.
    pub async fn states(&self, tenant: &TenantId, who: &Who) -> Result<Known, Error> {
        let subject = self.find(tenant, who).await?.ok_or(Error::UnknownSubject)?;
        let History { mut events, .. } = self.store.history(tenant, subject, None).await?;
        let states = standing::all_states(&events, self.clock.now()).into_iter();
        let states = states.map(|((purpose, reach), consent)| State { purpose, reach, consent });
        let states = states.collect();
        let history = events.split_off(events.len().saturating_sub(self.cfg.history));
        Ok(Known { subject, states, history })
    }

    /// Who is meant; none where an identifier is nobody's. An unknown id is an error.
    pub async fn find(&self, tenant: &TenantId, who: &Who) -> Result<Option<SubjectId>, Error> {
        match who {
            Who::Subject(subject) if self.store.has_subject(tenant, *subject).await? => Ok(Some(*subject)),
            Who::Subject(_) => Err(Error::UnknownSubject),
            Who::Identifier(identifier) => self.subjects.find(tenant, identifier).await,
        }
    }

    /// A policy, by hash or the one in force.
    pub async fn policy(
        &self,
        tenant: &TenantId,
        hash: Option<PolicyHash>,
    ) -> Result<Arc<PolicyVersion>, Error> {
        let found = self.policies.stamped(tenant, hash).await?;
        found.ok_or_else(|| Error::UnknownPolicy { tenant: tenant.clone(), hash })
    }

    async fn make(&self, tenant: &TenantId, identifier: &Identifier) -> Result<SubjectId, Error> {
        let resolved = self.subjects.resolve(tenant, &[vec![identifier.clone()]]).await?;
        let subject = resolved.into_iter().flatten().next().ok_or(Error::UnknownSubject)?.subject;
        self.store.add_subject(tenant, subject, self.clock.now()).await?;
        Ok(subject)
    }

    /// What an event comes to for a subject, and the version that this was decided after.
    async fn judge(&self, judged: &Judged<'_>, subject: SubjectId) -> Result<(Vec<NewEvent>, u64), Error> {
        let Judged { tenant, said, policy, row } = *judged;
        if let (Reach::Call(_), Some(row)) = (said.reach, row)
            && !row.parties.iter().any(|party| party.subject == subject)
        {
            return Err(Error::UnknownSubject);
        }
        let History { events, latest } = self.store.history(tenant, subject, said.said_in).await?;
        let last_notice = match said.said_in {
            Some(recording) if said.notice.is_none() => self.store.last_notice(tenant, recording).await?,
            Some(_) | None => None,
        };
        let in_policy = |name: &PurposeName| policy.is_some_and(|p| p.policy.purposes.contains_key(name));
        let purposes_ever = match is_restrictive(said.kind) && !said.purposes.iter().all(in_policy) {
            true => self.policies.purposes_ever(tenant).await?,
            false => BTreeSet::new(),
        };
        let grounds = Grounds {
            subject,
            policy,
            purposes_ever: &purposes_ever,
            last_notice: last_notice.as_ref(),
            history: &events,
            now: self.clock.now(),
            ahead: self.cfg.ahead.0,
        };
        let events = admit(said, &grounds).map_err(|refusal| Error::Refused { event: said.id, refusal })?;
        Ok((events, latest))
    }

    async fn repeated(
        &self,
        tenant: &TenantId,
        found: Option<SubjectId>,
        said: &Said,
        before: &StoredEvent,
    ) -> Result<Recorded, Error> {
        let subject = before.event.subject;
        if found != Some(subject) || before.event.fingerprint != said.fingerprint(subject) {
            return Err(Error::OtherContent(said.id));
        }
        self.recorded(tenant, subject, said, std::slice::from_ref(before)).await
    }

    async fn recorded(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        said: &Said,
        stored: &[StoredEvent],
    ) -> Result<Recorded, Error> {
        if let Some(last) = stored.last() {
            self.watching.committed(last.version);
        }
        let act = stored.iter().find(|stored| stored.event.id == said.id);
        let purposes = act.map(|act| act.event.purposes.clone()).unwrap_or_default();
        let History { events, .. } = self.store.history(tenant, subject, said.reach.recording()).await?;
        let at = standing::as_of(&events, self.clock.now());
        let states = purposes.into_iter().filter_map(|purpose| {
            let consent = standing::consent_in(&events, &purpose, said.reach, at)?;
            Some(State { purpose, reach: said.reach, consent })
        });
        Ok(Recorded { subject, version: act.map_or(0, |act| act.version), states: states.collect() })
    }

    /// The events of everybody in a call that reach it.
    async fn histories(&self, tenant: &TenantId, row: &RecordingRow) -> Result<Histories, Error> {
        let mut histories = Histories::new();
        for party in &row.parties {
            if !histories.contains_key(&party.subject) {
                let history = self.store.history(tenant, party.subject, Some(row.recording)).await?;
                histories.insert(party.subject, history.events);
            }
        }
        Ok(histories)
    }
}

/// What an event is judged with.
#[derive(Clone, Copy)]
struct Judged<'j> {
    tenant: &'j TenantId,
    said: &'j Said,
    policy: Option<&'j PolicyVersion>,
    row: Option<&'j RecordingRow>,
}

#[cfg(test)]
mod tests;
