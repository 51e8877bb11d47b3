//! consent's acts: authorises calls, takes what is said, tells states. What it decides is decided purely in
//! [`crate::admission`] and [`crate::standing`]; here it is loaded, written and told.

mod authorising;
mod people;
mod recording;

use std::collections::btree_map::Entry;
use std::sync::Arc;

use kernel::{Clock, InstanceId, PurposeName, RecordingId, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;

pub use self::authorising::{Authorised, Call, CallParty, Met};
pub use self::people::{Linked, SubjectFacts};
pub use self::recording::Recorded;
use crate::config::Config;
use crate::error::Error;
use crate::event::{Reach, StoredEvent};
use crate::identifier::Identifier;
use crate::identity;
use crate::keys::Keys;
use crate::policies::{Policies, PolicyVersion};
use crate::standing::{self, Gone, Histories};
use crate::store::{History, Identifiers, RecordingRow, Store};
use crate::subjects::Subjects;
use crate::watching::Watching;

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
        let seal_wait = cfg.seal_wait.0;
        let subjects =
            Subjects::new(Arc::clone(&store), identifiers, keys, Arc::clone(&clock), writer, seal_wait);
        let watching = Watching::new(Arc::clone(&store), cfg);
        Self { policies, watching, subjects, store, clock, cfg: cfg.clone() }
    }

    /// Domain time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
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
        let subject = self.find(tenant, who, self.clock.now()).await?.ok_or(Error::UnknownSubject)?;
        let History { mut events, .. } = self.store.history(tenant, subject, None).await?;
        let states = standing::all_states(&events, self.clock.now()).into_iter();
        let states = states.map(|((purpose, reach), consent)| State { purpose, reach, consent });
        let states = states.collect();
        let history = events.split_off(events.len().saturating_sub(self.cfg.history));
        Ok(Known { subject, states, history })
    }

    /// Who is meant, by an identifier as it was at a moment; none where it is nobody's. An unknown id is an
    /// error.
    pub async fn find(
        &self,
        tenant: &TenantId,
        who: &Who,
        at: Timestamp,
    ) -> Result<Option<SubjectId>, Error> {
        match who {
            Who::Subject(subject) if self.store.has_subject(tenant, *subject).await? => Ok(Some(*subject)),
            Who::Subject(_) => Err(Error::UnknownSubject),
            Who::Identifier(identifier) => {
                let found = self.subjects.find(tenant, identifier, at).await?;
                Ok(found.map(|known| known.subject))
            }
        }
    }

    /// Who has an identifier at a moment; nobody is an error.
    pub async fn whose(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        at: Timestamp,
    ) -> Result<identity::Known, Error> {
        self.subjects.find(tenant, identifier, at).await?.ok_or(Error::UnknownSubject)
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

    /// The events of everybody in a call that reach it.
    async fn histories(&self, tenant: &TenantId, row: &RecordingRow) -> Result<Histories, Error> {
        let mut histories = Histories::new();
        for party in &row.parties {
            if let Entry::Vacant(place) = histories.entry(party.subject) {
                let history = self.store.history(tenant, party.subject, Some(row.recording)).await?;
                place.insert(history.events);
            }
        }
        Ok(histories)
    }
}

#[cfg(test)]
mod tests;
