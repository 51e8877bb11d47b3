//! Tokens for the calls that one role makes to another.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{ErrorCode, PrincipalKind, Role, ServiceError, TenantId};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::local::{IssuerError, LocalIssuer, TokenRequest};
use super::token::Token;
use crate::tls::Tls;

/// Most tenants whose tokens are kept; beyond that all are minted anew.
const KEPT_MAX: usize = 4_096;

/// A service token that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The local issuer refused.
    #[error("no service token can be issued")]
    Issue {
        /// Why.
        #[source]
        source: IssuerError,
    },
    /// An outside source does not answer.
    #[error("no service token can be had from {origin}")]
    Unavailable {
        /// Which source.
        origin: String,
    },
}

impl ServiceError for TokenError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Issue { .. } => ErrorCode::Internal,
            Self::Unavailable { .. } => ErrorCode::Unavailable,
        }
    }
}

/// Brings the token of a call between roles.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// A token that is good for at least some seconds, for a call that names this tenant or none.
    async fn token(&self, tenant: Option<&TenantId>) -> Result<Token, TokenError>;
}

/// Mints service tokens with the deployment's own issuer, each for one tenant or none, so that a token that
/// leaks opens no other's data; renews them at half of their life.
#[derive(Debug)]
pub struct LocalTokens {
    issuer: LocalIssuer,
    subject: String,
    life: Duration,
    tls: Option<Tls>,
    kept: Mutex<HashMap<Option<TenantId>, (Token, Instant)>>,
    minted: AtomicU64,
}

impl LocalTokens {
    /// Tokens that say `service/<name>`.
    pub fn new(issuer: LocalIssuer, name: &str, life: Duration) -> Self {
        Self {
            issuer,
            subject: format!("service/{name}"),
            life,
            tls: None,
            kept: Mutex::default(),
            minted: AtomicU64::new(0),
        }
    }
    /// Binds them to this process, where its certificate carries a name: others then take them only from a
    /// connection that proved it.
    pub fn bound_to(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
    }
    /// How many were minted so far.
    pub fn minted(&self) -> u64 {
        self.minted.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl TokenSource for LocalTokens {
    async fn token(&self, tenant: Option<&TenantId>) -> Result<Token, TokenError> {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        if let Some((token, renew)) = kept.get(&tenant.cloned())
            && now < *renew
        {
            return Ok(token.clone());
        }
        let request = TokenRequest {
            subject: self.subject.clone(),
            kind: PrincipalKind::Service,
            roles: BTreeSet::from([Role::Service]),
            tenants: tenant.cloned().into_iter().collect(),
            life: self.life,
        };
        let peer = self.tls.as_ref().and_then(Tls::id);
        let token =
            self.issuer.issue_for(&request, peer.as_ref()).map_err(|source| TokenError::Issue { source })?;
        self.minted.fetch_add(1, Ordering::Relaxed);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(tenant.cloned(), (token.clone(), now + self.life / 2));
        Ok(token)
    }
}
