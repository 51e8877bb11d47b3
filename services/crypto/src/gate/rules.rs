//! The rules that must agree before anything opens.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Basis as Lawful, Use, chain};

use super::{Bases, Claim};
use crate::consent::{Basis, ConsentPort};
use crate::retention::{RetentionPort, Serve};

/// consent's rule: a purpose on consent has its basis now, for the uses that need one.
pub const CONSENT: &str = "consent";

/// retention's rule: the purpose's period runs and nothing restricts it, or what was named covers the use.
pub const RETENTION: &str = "retention";

/// The rules that are asked, in this order. Compiled in, so that no configuration leaves one out.
pub const REQUIRED: &[&str] = &[CONSENT, RETENTION];

/// What a rule is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'c> {
    /// Who wants to open what.
    pub claim: &'c Claim,
    /// What the purpose rests on.
    pub bases: Bases,
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing against it.
    Allows,
    /// Not for this reason, a code.
    Refuses(String),
    /// It cannot say, for this cause.
    Silent(String),
}

/// A rule of the gate.
#[async_trait]
pub trait GateRule: Send + Sync + 'static {
    /// Its name in [`REQUIRED`].
    fn name(&self) -> &'static str;
    /// Its answer now.
    async fn ask(&self, question: &Question<'_>) -> Answer;
}

/// Asks consent.
pub struct ConsentRule(pub Arc<dyn ConsentPort>);

#[async_trait]
impl GateRule for ConsentRule {
    fn name(&self) -> &'static str {
        CONSENT
    }

    async fn ask(&self, question: &Question<'_>) -> Answer {
        let Claim { tenant, recording, purpose, wanted, .. } = question.claim;
        let needs_basis = match wanted {
            // A hold or an order opens what has lost its basis: that is what it is for. And whoever takes consent back keeps
            // the right to a copy of what is still there (GDPR Art. 15(1)).
            Use::LegalClaim | Use::Authority | Use::Rights => false,
            Use::Replay | Use::Review | Use::Probe => question.bases.contains(&Lawful::Consent),
        };
        if !needs_basis {
            return Answer::Allows;
        }
        match self.0.basis(tenant, *recording, purpose, *wanted).await {
            Ok(Basis::Stands) => Answer::Allows,
            Ok(Basis::Gone(reason)) => Answer::Refuses(reason),
            Err(error) => Answer::Silent(chain(&error)),
        }
    }
}

/// Asks retention.
pub struct RetentionRule(pub Arc<dyn RetentionPort>);

#[async_trait]
impl GateRule for RetentionRule {
    fn name(&self) -> &'static str {
        RETENTION
    }

    async fn ask(&self, question: &Question<'_>) -> Answer {
        let Claim { tenant, recording, purpose, wanted, reference, .. } = question.claim;
        match self.0.may_serve(tenant, *recording, purpose, *wanted, reference).await {
            Ok(Serve::Allows) => Answer::Allows,
            Ok(Serve::Refuses(reason)) => Answer::Refuses(reason),
            Err(error) => Answer::Silent(chain(&error)),
        }
    }
}
