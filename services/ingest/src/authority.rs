//! What ingest asks consent: who may be recorded for what, and to take what somebody said.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kernel::{ErrorCode, EventId, PurposeName, Retry, SubjectId, TenantId};
use parking_lot::Mutex;
use platform::error::{error_code, reason};
use platform::{CallMetadata, KnownPolicy, PolicyBook, Wire, request};
use policy::grant::decide_without_consent;
use policy::{CallFacts, DenyReason, Grant, Outcome, PolicyHash, TenantPolicy};
use proto::common::v1::{Basis, Grant as WireGrant, GrantOutcome, PartyRole};
use proto::consent::v1 as wire;
use proto::consent::v1::consent_client::ConsentClient;
use tonic::Status;

use crate::error::{Cause, Error};
use crate::intake::OpenCall;
use crate::said::Said;
use crate::store::Authorisation;

/// Asks consent, within a bounded time each.
pub(crate) struct Authority {
    wire: Wire,
    policies: Arc<PolicyBook>,
    patience: Duration,
    /// The last policy seen of each tenant: what calls go by while consent is away.
    last: Mutex<HashMap<TenantId, KnownPolicy>>,
}

/// What was decided on a call.
pub(crate) struct Decided {
    pub(crate) authorisation: Authorisation,
    pub(crate) policy: Arc<TenantPolicy>,
    pub(crate) grants: Vec<Grant>,
    /// Consent could not be heard.
    pub(crate) degraded: bool,
}

/// Why consent did not take something.
pub(crate) enum NotTaken {
    /// It does not answer.
    Unreachable,
    /// It refuses, with this code.
    Refused(String),
}

impl Authority {
    pub(crate) fn new(wire: Wire, policies: Arc<PolicyBook>, patience: Duration) -> Self {
        Self { wire, policies, patience, last: Mutex::default() }
    }

    /// Decides on a call; without consent where it cannot be heard and the policy is known.
    pub(crate) async fn authorise(&self, tenant: &TenantId, call: &OpenCall) -> Result<Decided, Error> {
        match self.ask(tenant, call).await {
            Ok(answer) => self.decided(tenant, answer).await,
            Err(status) if is_away(&status) => {
                let known = self.last.lock().get(tenant).cloned();
                let known = match known {
                    Some(known) => known,
                    None => self.policies.in_force(tenant).await.map_err(|error| unheard(error.into()))?,
                };
                Ok(decided_alone(call, &known))
            }
            Err(status) => Err(unheard(status.into())),
        }
    }

    /// The policy that a stored session was decided under.
    pub(crate) async fn policy(&self, tenant: &TenantId, hash: [u8; 32]) -> Result<Arc<TenantPolicy>, Error> {
        let hash = PolicyHash::from_slice(&hash).map_err(|bad| unheard(bad.into()))?;
        let known = self.last.lock().get(tenant).cloned();
        if let Some(known) = known.filter(|known| known.hash == hash) {
            return Ok(known.policy);
        }
        let policy = tokio::time::timeout(self.patience, self.policies.by_hash(tenant, hash)).await;
        policy.map_err(|late| unheard(late.into()))?.map_err(|error| unheard(error.into()))
    }

    /// Has consent take what somebody said; for consent to be given, whether it stands then.
    pub(crate) async fn tell(&self, said: &Said) -> Result<(), NotTaken> {
        let asked = request(&said.key.tenant, said.request()).within(self.patience);
        let call = async { ConsentClient::new(self.wire.clone()).record_event(asked).await };
        let answer = match tokio::time::timeout(self.patience, call).await {
            Err(_) => return Err(NotTaken::Unreachable),
            Ok(Err(status)) if is_away(&status) => return Err(NotTaken::Unreachable),
            Ok(Err(status)) => return Err(NotTaken::Refused(reason(&status).to_owned())),
            Ok(Ok(answer)) => answer.into_inner(),
        };
        if said.kind != wire::EventKind::Given {
            return Ok(());
        }
        let recording = said.key.recording.to_bytes();
        let here = |state: &&wire::PurposeState| {
            state.scope != wire::ConsentScope::Call as i32 || state.recording_id == recording
        };
        let given = said.purposes.iter().all(|purpose| {
            answer.states.iter().filter(here).any(|s| s.purpose == purpose.as_str() && s.state == "given")
        });
        if given { Ok(()) } else { Err(NotTaken::Refused("consent-not-standing".to_owned())) }
    }

    async fn ask(&self, tenant: &TenantId, call: &OpenCall) -> Result<wire::AuthorizeResponse, Status> {
        let parties = call
            .parties
            .iter()
            .map(|party| wire::Party { role: party.role as i32, identifiers: party.identifiers.clone() });
        let asked = wire::AuthorizeRequest {
            recording_id: call.recording.to_bytes().to_vec(),
            started_at: call.started_at.0,
            parties: parties.collect(),
            purposes: call.purposes.iter().map(ToString::to_string).collect(),
            language: call.language.clone(),
        };
        let asked = request(tenant, asked).within(self.patience);
        let ask = async { ConsentClient::new(self.wire.clone()).authorize(asked).await };
        match tokio::time::timeout(self.patience, ask).await {
            Ok(answer) => answer.map(tonic::Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded("consent did not answer in time")),
        }
    }

    async fn decided(&self, tenant: &TenantId, answer: wire::AuthorizeResponse) -> Result<Decided, Error> {
        let wrong = |what: &'static str| unheard(what.into());
        let hash: [u8; 32] = match answer.policy_hash.as_slice() {
            // A tenant without a policy: everything is denied.
            [] => [0; 32],
            hash => hash.try_into().map_err(|_| wrong("the policy's hash is not one"))?,
        };
        let subjects = answer.subject_ids.iter().map(|bytes| SubjectId::from_slice(bytes));
        let subjects = subjects.collect::<Result<_, _>>().map_err(|_| wrong("a subject id is not one"))?;
        let policy = if hash == [0; 32] { no_policy(tenant) } else { self.policy(tenant, hash).await? };
        if hash != [0; 32] {
            let known = KnownPolicy { hash: policy.hash(), policy: Arc::clone(&policy) };
            self.last.lock().insert(tenant.clone(), known);
        }
        let grants =
            grants(&policy, &answer.grants).ok_or_else(|| wrong("a grant does not fit the policy"))?;
        let authorisation = Authorisation {
            subjects,
            grants: answer.grants,
            policy_hash: hash,
            consent_version: answer.version,
        };
        Ok(Decided { authorisation, policy, grants, degraded: false })
    }
}

/// The grants of an answer or of a row, with their terms from the policy; `None` where they do not fit it.
pub(crate) fn grants(policy: &TenantPolicy, grants: &[WireGrant]) -> Option<Vec<Grant>> {
    grants.iter().map(|grant| read_grant(policy, grant)).collect()
}

fn read_grant(policy: &TenantPolicy, grant: &WireGrant) -> Option<Grant> {
    let purpose = PurposeName::new(grant.purpose.clone()).ok()?;
    let terms = policy.purposes.get(&purpose).map(policy::Purpose::terms);
    let outcome = match GrantOutcome::try_from(grant.outcome).ok()? {
        GrantOutcome::Unspecified => return None,
        GrantOutcome::Granted => Outcome::Granted,
        GrantOutcome::AwaitsConsent => Outcome::AwaitingConsent,
        GrantOutcome::AwaitsMark => Outcome::AwaitingMark(grant.mark.parse().ok()?),
        GrantOutcome::Denied => Outcome::Denied(grant.reason.parse().ok()?),
    };
    if terms.is_none() && !matches!(outcome, Outcome::Denied(_)) {
        return None;
    }
    let evidence = match grant.evidence.as_slice() {
        [] => None,
        bytes => Some(EventId::from_slice(bytes).ok()?),
    };
    Some(Grant { purpose, terms, outcome, evidence })
}

/// A grant as the wire has it.
pub(crate) fn wire_grant(grant: &Grant) -> WireGrant {
    let (outcome, mark, reason) = match &grant.outcome {
        Outcome::Granted => (GrantOutcome::Granted, String::new(), String::new()),
        Outcome::AwaitingConsent => (GrantOutcome::AwaitsConsent, String::new(), String::new()),
        Outcome::AwaitingMark(label) => (GrantOutcome::AwaitsMark, label.to_string(), String::new()),
        Outcome::Denied(reason) => (GrantOutcome::Denied, String::new(), reason.as_str().to_owned()),
    };
    WireGrant {
        purpose: grant.purpose.to_string(),
        outcome: outcome as i32,
        basis: grant.basis().map_or(Basis::Unspecified as i32, kernel::Basis::number),
        regime: grant.regime().map(ToString::to_string).unwrap_or_default(),
        mark,
        reason,
        evidence: grant.evidence.map(|event| event.to_bytes().to_vec()).unwrap_or_default(),
        until_mark: grant.terms.as_ref().is_some_and(|terms| terms.until == policy::Until::Mark),
    }
}

/// Who somebody is to policy. An unknown person is taken for a customer: their consent counts.
pub(crate) fn policy_party(role: PartyRole) -> policy::Party {
    match role {
        PartyRole::Agent => policy::Party::Agent,
        PartyRole::Supervisor => policy::Party::Supervisor,
        PartyRole::Bystander => policy::Party::Bystander,
        PartyRole::Customer | PartyRole::Unknown | PartyRole::Unspecified => policy::Party::Customer,
    }
}

fn decided_alone(call: &OpenCall, known: &KnownPolicy) -> Decided {
    let facts = CallFacts {
        requested: call.purposes.iter().cloned().collect(),
        parties: call.parties.iter().map(|party| policy_party(party.role)).collect::<BTreeSet<_>>(),
    };
    let grants = decide_without_consent(&known.policy, &facts).grants;
    let authorisation = Authorisation {
        subjects: Vec::new(),
        grants: grants.iter().map(wire_grant).collect(),
        policy_hash: *known.hash.as_bytes(),
        consent_version: 0,
    };
    Decided { authorisation, policy: Arc::clone(&known.policy), grants, degraded: true }
}

/// What a tenant without a policy goes by: no purpose, so nothing is recorded.
fn no_policy(tenant: &TenantId) -> Arc<TenantPolicy> {
    let text = format!("tenant: {tenant}\njurisdiction: IT\n");
    Arc::new(policy::parse(&text, &|_| None).expect("a document without purposes is legal"))
}

/// Why nothing at all of this call is recorded; none where some purpose may be.
pub(crate) fn nothing_because(grants: &[Grant]) -> Option<DenyReason> {
    let decision = policy::Decision { policy: None, grants: grants.to_vec(), alarm: None };
    decision.nothing_because()
}

fn is_away(status: &Status) -> bool {
    match error_code(status.code()) {
        Some(ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::ResourceExhausted) => true,
        // What consent cannot say now, it cannot say: closed is the safe side.
        Some(ErrorCode::Internal | ErrorCode::DataLoss) => true,
        _ => false,
    }
}

fn unheard(source: Cause) -> Error {
    Error::Role { role: "consent", attempt: "decide on the call", retry: Retry::Backoff, source }
}
