//! Takes what somebody said.

use std::collections::BTreeSet;

use kernel::{Envelope, PurposeName, SubjectId, TenantId, Timestamp, TraceParent};

use super::{Service, State, Who};
use crate::admission::{Grounds, Said, admit};
use crate::error::Error;
use crate::event::{NewEvent, Reach, StoredEvent, is_restrictive};
use crate::identifier::Identifier;
use crate::policies::PolicyVersion;
use crate::standing;
use crate::store::{Addition, Appended, History, RecordingRow};

/// Attempts to add to a history that others are changing.
const ATTEMPTS: u32 = 16;

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

impl Service {
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
        // By an identifier whoever had it when it was said.
        let mut found = self.find(tenant, who, said.occurred_at).await?;
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
                found = Some(self.make(tenant, identifier, said.occurred_at).await?);
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

    async fn make(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        at: Timestamp,
    ) -> Result<SubjectId, Error> {
        let resolved = self.subjects.resolve(tenant, &[vec![identifier.clone()]], at).await?;
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
}

/// What an event is judged with.
#[derive(Clone, Copy)]
struct Judged<'j> {
    tenant: &'j TenantId,
    said: &'j Said,
    policy: Option<&'j PolicyVersion>,
    row: Option<&'j RecordingRow>,
}
