//! Verifies tokens, with keys cached per issuer and fetched again when a new key id appears.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Validation, decode, decode_header};
use kernel::{ErrorCode, Principal, ServiceError, chain};
use parking_lot::RwLock;
use tokio::time::Instant;
use tracing::{info, warn};

use super::claims::Claims;
use super::keys::{KeyError, KeySource, PublicKey, usable};
use super::token::Token;
use crate::tls::Peer;

/// Why a token was not taken. Deliberately says nothing of the token itself.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is none.
    #[error("a bearer token is needed in the authorization metadata")]
    Missing,
    /// It is not a JSON Web Token in compact form.
    #[error("the token is malformed")]
    Malformed,
    /// Nobody trusted issued it.
    #[error("the token's issuer is not trusted")]
    UnknownIssuer,
    /// Its issuer has no such key.
    #[error("the token's key is unknown to its issuer")]
    UnknownKey,
    /// Its issuer's keys cannot be had.
    #[error("the keys of the token's issuer cannot be had")]
    NoKeys {
        /// Why.
        #[source]
        source: Arc<KeyError>,
    },
    /// It is past its end.
    #[error("the token has expired")]
    Expired,
    /// It is before its beginning.
    #[error("the token is not yet valid")]
    NotYet,
    /// The signature, audience or algorithm is wrong.
    #[error("the token does not verify")]
    Invalid,
    /// It belongs to a process that the connection is not from.
    #[error("the token is bound to another process than the one that presents it")]
    Bound,
    /// A claim is missing or has a wrong form.
    #[error("the token's claim {claim} is missing or malformed")]
    Claim {
        /// The claim's name.
        claim: &'static str,
    },
}

impl ServiceError for AuthError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoKeys { .. } => ErrorCode::Unavailable,
            Self::Missing
            | Self::Malformed
            | Self::UnknownIssuer
            | Self::UnknownKey
            | Self::Expired
            | Self::NotYet
            | Self::Invalid
            | Self::Bound
            | Self::Claim { .. } => ErrorCode::Unauthenticated,
        }
    }
}

/// An issuer whose tokens are taken.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must contain.
    pub audience: String,
    /// Where its keys are.
    pub keys: Arc<dyn KeySource>,
}

/// How keys are kept and times compared.
#[derive(Clone, Copy, Debug)]
pub struct VerifierSettings {
    /// How far clocks may differ.
    pub leeway: Duration,
    /// Keys older than this are fetched again.
    pub max_age: Duration,
    /// Keys not confirmed for so long are not trusted.
    pub stale: Duration,
    /// The least time between two fetches.
    pub floor: Duration,
}

/// Turns tokens into principals.
#[derive(Clone)]
pub struct Verifier {
    issuers: Arc<HashMap<String, Issuer>>,
    settings: VerifierSettings,
}

struct Issuer {
    trusted: TrustedIssuer,
    cached: RwLock<Cached>,
    /// Held while fetching, so that a thousand calls with a new key id cause one fetch.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Cached {
    keys: HashMap<String, PublicKey>,
    confirmed: Option<Instant>,
    tried: Option<Instant>,
    failure: Option<Arc<KeyError>>,
}

impl Verifier {
    /// Trusts these issuers and no others. Keys are fetched when the first token comes.
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>, settings: VerifierSettings) -> Self {
        let issuers = issuers.into_iter().map(|trusted| {
            let issuer =
                Issuer { trusted, cached: RwLock::default(), fetching: tokio::sync::Mutex::default() };
            (issuer.trusted.issuer.clone(), issuer)
        });
        Self { issuers: Arc::new(issuers.collect()), settings }
    }

    /// The bearer of this token, if everything about it is in order. Whoever presents it was seen to before, or
    /// is in this process.
    pub async fn verify(&self, token: &Token) -> Result<Principal, AuthError> {
        self.claims(token).await?.principal()
    }

    /// The same for a token that came over a connection: one that is bound to a process is taken from it alone.
    pub async fn verify_from(&self, token: &Token, peer: &Peer) -> Result<Principal, AuthError> {
        let claims = self.claims(token).await?;
        if claims.verbale_peer.as_ref().is_some_and(|bound| !peer.is(bound)) {
            return Err(AuthError::Bound);
        }
        claims.principal()
    }

    async fn claims(&self, token: &Token) -> Result<Claims, AuthError> {
        let text = token.expose();
        if text.len() > Token::MAX_LEN {
            return Err(AuthError::Malformed);
        }
        let header = decode_header(text).map_err(|_| AuthError::Malformed)?;
        let stated = unverified_issuer(text)?;
        let issuer = self.issuers.get(&stated).ok_or(AuthError::UnknownIssuer)?;
        let id = header.kid.ok_or(AuthError::UnknownKey)?;
        let key = issuer.key(&id, self.settings).await?;
        Ok(decode(text, &key.key, &self.validation(&issuer.trusted, &key)).map_err(refused)?.claims)
    }

    /// The algorithm is the key's: a token cannot choose a weaker one. `nbf` is checked where it is there;
    /// OpenID providers commonly leave it out.
    fn validation(&self, trusted: &TrustedIssuer, key: &PublicKey) -> Validation {
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = self.settings.leeway.as_secs();
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&trusted.issuer]);
        validation.set_audience(&[&trusted.audience]);
        validation
    }
}

impl Issuer {
    async fn key(&self, id: &str, settings: VerifierSettings) -> Result<PublicKey, AuthError> {
        if let Some(key) = self.fresh(id, settings) {
            return Ok(key);
        }
        self.refresh(id, settings).await;
        let cached = self.cached.read();
        let trusted = cached.confirmed.is_some_and(|at| at.elapsed() < settings.stale);
        match (trusted, cached.keys.get(id), &cached.failure) {
            (true, Some(key), _) => Ok(key.clone()),
            (true, None, _) | (false, _, None) => Err(AuthError::UnknownKey),
            (false, _, Some(failure)) => Err(AuthError::NoKeys { source: Arc::clone(failure) }),
        }
    }

    fn fresh(&self, id: &str, settings: VerifierSettings) -> Option<PublicKey> {
        let cached = self.cached.read();
        let fresh = cached.confirmed.is_some_and(|at| at.elapsed() < settings.max_age);
        cached.keys.get(id).filter(|_| fresh).cloned()
    }

    async fn refresh(&self, id: &str, settings: VerifierSettings) {
        let _one_at_a_time = self.fetching.lock().await;
        let recently = self.cached.read().tried.is_some_and(|at| at.elapsed() < settings.floor);
        if recently || self.fresh(id, settings).is_some() {
            return;
        }
        let fetched = self.trusted.keys.fetch().await.and_then(|set| usable(&set));
        let mut cached = self.cached.write();
        cached.tried = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                info!(issuer = self.trusted.issuer, keys = keys.len(), "token keys fetched");
                cached.keys = keys;
                cached.confirmed = cached.tried;
                cached.failure = None;
            }
            Err(error) => {
                warn!(issuer = self.trusted.issuer, error = chain(&error), "token keys cannot be fetched");
                cached.failure = Some(Arc::new(error));
            }
        }
    }
}

fn unverified_issuer(token: &str) -> Result<String, AuthError> {
    #[derive(serde::Deserialize)]
    struct Stated {
        iss: String,
    }
    let stated = jsonwebtoken::dangerous::insecure_decode_claims::<Stated>(token);
    stated.map(|stated| stated.iss).map_err(|_| AuthError::Claim { claim: "iss" })
}

fn refused(error: jsonwebtoken::errors::Error) -> AuthError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => AuthError::Expired,
        ErrorKind::ImmatureSignature => AuthError::NotYet,
        ErrorKind::MissingRequiredClaim(name) => {
            let known = ["exp", "nbf", "iss", "aud", "sub"].into_iter().find(|known| known == name);
            AuthError::Claim { claim: known.unwrap_or("exp") }
        }
        ErrorKind::Json(_) | ErrorKind::InvalidClaimFormat(_) => AuthError::Claim { claim: "verbale_kind" },
        _ => AuthError::Invalid,
    }
}
