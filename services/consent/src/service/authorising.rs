//! Decides on a call.

use std::collections::BTreeSet;

use kernel::{Envelope, PurposeName, RecordingId, SubjectId, TenantId, Timestamp};
use policy::grant::{decide, decide_without_policy};
use policy::{CallFacts, Decision, Party};

use super::Service;
use crate::error::Error;
use crate::identifier::Identifier;
use crate::identity::Conflict;
use crate::policies::PolicyVersion;
use crate::standing;
use crate::store::{PartyRow, RecordingRow};

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

impl Service {
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
        let consents = standing::at_opening(policy, &facts, row, &histories, now);
        Ok(decide(policy, &facts, &consents))
    }

    /// Who the parties are, by who had their identifiers when the call started. Whom nothing identifies is
    /// somebody new, and the same one when the call is authorised again.
    async fn meet(&self, tenant: &TenantId, call: &Call, known: Option<&RecordingRow>) -> Result<Met, Error> {
        let identifiers: Vec<_> = call.parties.iter().map(|party| party.identifiers.clone()).collect();
        let started_at = known.map_or(call.started_at, |row| row.started_at);
        let resolved = self.subjects.resolve(tenant, &identifiers, started_at).await?;
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
}
