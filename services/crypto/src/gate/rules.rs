//! The rules that must agree before anything opens.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Basis as Lawful, chain};

use super::{Bases, Claim};
use crate::consent::{Basis, ConsentPort};

/// consent's rule: a purpose on consent has its basis now.
pub const CONSENT: &str = "consent";

/// The rules that are asked, in this order. Compiled in, so that no configuration leaves one out.
pub const REQUIRED: &[&str] = &[CONSENT];

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
        if !question.bases.contains(&Lawful::Consent) {
            return Answer::Allows;
        }
        let Claim { tenant, recording, purpose, wanted, .. } = question.claim;
        match self.0.basis(tenant, *recording, purpose, *wanted).await {
            Ok(Basis::Stands) => Answer::Allows,
            Ok(Basis::Gone(reason)) => Answer::Refuses(reason),
            Err(error) => Answer::Silent(chain(&error)),
        }
    }
}
