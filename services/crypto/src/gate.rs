//! The unwrap gate: who may open which audio, for what.
//!
//! First the policies decide, purely ([`policy_allows`]): the one under which the call was recorded and the one
//! in force must both allow it, so that a later policy narrows and never widens. Then every rule of [`REQUIRED`]
//! is asked: consent, then retention. One that refuses refuses for all; one that is silent or not registered
//! refuses, too. There is no other way to a cover.

pub mod rules;

use std::fmt;
use std::sync::Arc;

use kernel::{Basis, ErrorCode, Principal, PurposeName, RecordingId, TenantId, Use};
use policy::TenantPolicy;

use crate::error::Error;
use crate::policies::Policies;
use crate::sections::RESERVED;
use crate::store::RecordingRow;
use rules::{Answer, GateRule, Question, REQUIRED, RETENTION};

/// What somebody wants to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Whose token it is.
    pub principal: Principal,
    /// Whose recording.
    pub tenant: TenantId,
    /// Which.
    pub recording: RecordingId,
    /// Under which purpose.
    pub purpose: PurposeName,
    /// For which use.
    pub wanted: Use,
    /// What a legal claim or an authority's use rests on: a hold's id, an order's reference; empty for others.
    pub reference: String,
}

/// Why the gate refuses, as a word for the ledger and the caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The bearer does not serve the tenant.
    OtherTenant,
    /// A purpose that serves no reader.
    ReservedPurpose,
    /// No sealing of this recording has begun.
    UnknownRecording,
    /// A policy refuses.
    Policy(policy::access::Refusal),
    /// A legal claim needs a hold, and none was named, or it does not cover the recording.
    NoHold,
    /// An authority's use needs its order, and none was named, or it does not cover the recording.
    NoOrder,
    /// A rule refuses, for its own reason.
    Rule(String),
    /// A rule does not answer.
    Silent(&'static str),
    /// No entry opens anything of what was asked.
    NothingOpens,
    /// What was leased is not all open any more.
    Narrowed,
}

impl Refusal {
    /// What a rule's reason means.
    fn by_rule(rule: &str, reason: String) -> Self {
        let known = [Self::NoHold, Self::NoOrder].into_iter().find(|refusal| refusal.word() == reason);
        match known {
            Some(refusal) if rule == RETENTION => refusal,
            Some(_) | None => Self::Rule(reason),
        }
    }

    /// The word.
    pub fn word(&self) -> &str {
        match self {
            Self::OtherTenant => "other-tenant",
            Self::ReservedPurpose => "reserved-purpose",
            Self::UnknownRecording => "unknown-recording",
            Self::Policy(refusal) => refusal.as_str(),
            Self::NoHold => "no-hold",
            Self::NoOrder => "no-order",
            Self::Rule(reason) => reason,
            Self::Silent(_) => "rule-silent",
            Self::NothingOpens => "nothing-opens",
            Self::Narrowed => "narrowed",
        }
    }

    /// The kind of failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoHold | Self::NoOrder => ErrorCode::FailedPrecondition,
            Self::UnknownRecording => ErrorCode::NotFound,
            Self::Silent(_) => ErrorCode::Unavailable,
            Self::OtherTenant
            | Self::ReservedPurpose
            | Self::Policy(_)
            | Self::Rule(_)
            | Self::NothingOpens
            | Self::Narrowed => ErrorCode::PermissionDenied,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(rule) => write!(f, "the rule {rule} does not answer"),
            other => f.write_str(other.word()),
        }
    }
}

/// The gate.
pub struct Gate {
    policies: Arc<dyn Policies>,
    rules: Vec<Arc<dyn GateRule>>,
}

impl Gate {
    /// A gate that asks these rules; each of [`REQUIRED`] must be among them, or nothing opens.
    pub fn new(policies: Arc<dyn Policies>, rules: Vec<Arc<dyn GateRule>>) -> Self {
        Self { policies, rules }
    }

    /// Whether the claim may open anything now.
    pub async fn admit(&self, claim: &Claim, row: Option<&RecordingRow>) -> Result<(), Error> {
        check_claim(claim).map_err(Error::Refused)?;
        let row = row.ok_or(Error::Refused(Refusal::UnknownRecording))?;
        let recorded = self.policies.by_hash(&claim.tenant, policy::PolicyHash(row.policy_hash.0)).await?;
        let (_, in_force) = self.policies.in_force(&claim.tenant).await?;
        let bases = policy_allows(claim, &recorded, &in_force).map_err(Error::Refused)?;
        for required in REQUIRED {
            let rule = self.rules.iter().find(|rule| rule.name() == *required);
            let answer = match rule {
                Some(rule) => rule.ask(&Question { claim, bases }).await,
                None => Answer::Silent("it is not registered".to_owned()),
            };
            match answer {
                Answer::Allows => {}
                Answer::Refuses(reason) => {
                    return Err(Error::Refused(Refusal::by_rule(required, reason)));
                }
                Answer::Silent(why) => {
                    tracing::warn!(rule = required, why, "a rule of the unwrap gate is silent");
                    return Err(Error::Refused(Refusal::Silent(required)));
                }
            }
        }
        Ok(())
    }
}

/// What needs no policy to be refused.
fn check_claim(claim: &Claim) -> Result<(), Refusal> {
    if !claim.principal.serves(&claim.tenant) {
        return Err(Refusal::OtherTenant);
    }
    if RESERVED.contains(&claim.purpose.as_str()) {
        return Err(Refusal::ReservedPurpose);
    }
    Ok(())
}

/// What a purpose rests on, under the policy of the recording and the one in force.
pub type Bases = [Basis; 2];

/// Whether both policies let the bearer claim the use for the purpose, and it names what it rests on. What a hold or
/// an order covers opens without a basis; whether it does is retention's answer.
pub fn policy_allows(
    claim: &Claim,
    recorded: &TenantPolicy,
    in_force: &TenantPolicy,
) -> Result<Bases, Refusal> {
    let basis = |policy: &TenantPolicy| {
        policy::access::may_claim(policy, &claim.purpose, claim.wanted, &claim.principal.roles)?;
        let purpose = policy.purposes.get(&claim.purpose);
        purpose.map(|purpose| purpose.basis).ok_or(policy::access::Refusal::PurposeNotInPolicy)
    };
    let bases = [basis(recorded).map_err(Refusal::Policy)?, basis(in_force).map_err(Refusal::Policy)?];
    match claim.wanted {
        Use::LegalClaim if claim.reference.is_empty() => Err(Refusal::NoHold),
        Use::Authority if claim.reference.is_empty() => Err(Refusal::NoOrder),
        Use::Probe => Err(Refusal::Policy(policy::access::Refusal::UseNotAllowed)),
        Use::Replay | Use::Review | Use::Rights | Use::LegalClaim | Use::Authority => Ok(bases),
    }
}

#[cfg(test)]
mod tests;
