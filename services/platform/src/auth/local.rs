//! The deployment's own issuer: an Ed25519 key in the keys directory, made once.
//!
//! Every process of a deployment issues the tokens of its own calls and trusts those of the others: they share
//! this one key (`auth.issuer_key`). Where it is named, it is never made: two processes that each made their own
//! would not trust each other.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use kernel::{PrincipalKind, Role, TenantId};
use zeroize::Zeroizing;

use super::Config;
use super::claims::Claims;
use super::keys::{KeyError, KeySource};
use super::token::Token;
use super::verifier::TrustedIssuer;
use crate::tls::PeerId;

/// The key's file in the keys directory: the 32 bytes of the Ed25519 seed.
const FILE: &str = "issuer.key";
/// What `iss` says in tokens of this issuer.
const ISSUER: &str = "verbale-local";
/// PKCS#8 version 1 of an Ed25519 key up to its seed (RFC 8410).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// An issuer key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The file cannot be read or made.
    #[error("issuer key {} cannot be read or made", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error("issuer key {} may be read by others than its owner; set its mode to 0600", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold a key.
    #[error("issuer key {} does not hold 32 bytes", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The signing library refused the key or the claims.
    #[error("the issuer cannot sign")]
    Sign {
        /// Why.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
}

/// What a token is to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRequest {
    /// The bearer's account id.
    pub subject: String,
    /// Person or machine.
    pub kind: PrincipalKind,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// Whose data it may touch.
    pub tenants: BTreeSet<TenantId>,
    /// How long from now, in machine time.
    pub life: Duration,
}

/// Issues tokens; clones share the key.
#[derive(Clone)]
pub struct LocalIssuer {
    key: Arc<EncodingKey>,
    jwk: Jwk,
    audience: String,
}

impl LocalIssuer {
    /// The issuer that the configuration names, or else the one of this keys directory.
    pub fn of(config: &Config, keys: &Path) -> Result<Self, IssuerError> {
        match &config.issuer_key {
            Some(path) => Self::read(path, &config.audience),
            None => Self::open(keys, &config.audience),
        }
    }

    /// Opens the issuer with this key, which must be there.
    pub fn read(path: &Path, audience: &str) -> Result<Self, IssuerError> {
        Self::with(&read(path)?, audience)
    }

    /// Opens the issuer of this keys directory, and makes its key if there is none yet.
    pub fn open(keys: &Path, audience: &str) -> Result<Self, IssuerError> {
        let path = keys.join(FILE);
        let seed = match read(&path) {
            Err(IssuerError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                make(keys, &path).map_err(|source| IssuerError::File { path: path.clone(), source })?;
                read(&path)?
            }
            read => read?,
        };
        Self::with(&seed, audience)
    }

    fn with(seed: &Zeroizing<[u8; 32]>, audience: &str) -> Result<Self, IssuerError> {
        let mut der = Zeroizing::new(PKCS8.to_vec());
        der.extend_from_slice(seed.as_slice());
        let key = EncodingKey::from_ed_der(&der);
        let jwk = published(&key).map_err(|source| IssuerError::Sign { source })?;
        Ok(Self { key: Arc::new(key), jwk, audience: audience.to_owned() })
    }

    /// Issues a token that anybody may present.
    pub fn issue(&self, request: &TokenRequest) -> Result<Token, IssuerError> {
        self.issue_for(request, None)
    }

    /// Issues a token that is taken only from a connection of this process, if one is given.
    pub fn issue_for(&self, request: &TokenRequest, peer: Option<&PeerId>) -> Result<Token, IssuerError> {
        self.sign(request, peer, get_current_timestamp())
    }

    /// Issues a token as if it were `now`, in seconds since 1970 of machine time.
    #[cfg(test)]
    pub(crate) fn issue_at(&self, request: &TokenRequest, now: u64) -> Result<Token, IssuerError> {
        self.sign(request, None, now)
    }

    fn sign(&self, request: &TokenRequest, peer: Option<&PeerId>, now: u64) -> Result<Token, IssuerError> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: vec![self.audience.clone()],
            sub: request.subject.clone(),
            exp: now.saturating_add(request.life.as_secs()),
            nbf: Some(now),
            verbale_kind: request.kind,
            verbale_roles: request.roles.iter().map(ToString::to_string).collect(),
            verbale_tenants: request.tenants.iter().map(ToString::to_string).collect(),
            verbale_peer: peer.map(ToString::to_string),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = self.jwk.common.key_id.clone();
        encode(&header, &claims, &self.key).map(Token::new).map_err(|source| IssuerError::Sign { source })
    }

    /// Its public keys as a JSON Web Key Set.
    pub fn jwks(&self) -> String {
        serde_json::json!({ "keys": [self.jwk] }).to_string()
    }

    /// This issuer, for a [`Verifier`](super::Verifier).
    pub fn trusted(&self) -> TrustedIssuer {
        TrustedIssuer {
            issuer: ISSUER.to_owned(),
            audience: self.audience.clone(),
            keys: Arc::new(OwnKeys(self.jwks())),
        }
    }
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalIssuer").field("kid", &self.jwk.common.key_id).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct OwnKeys(String);

#[async_trait]
impl KeySource for OwnKeys {
    async fn fetch(&self) -> Result<String, KeyError> {
        Ok(self.0.clone())
    }
}

fn published(key: &EncodingKey) -> Result<Jwk, jsonwebtoken::errors::Error> {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::EdDSA)?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
    Ok(jwk)
}

fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, IssuerError> {
    let failed = |source| IssuerError::File { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    // Group may read a file of root: that is how Kubernetes mounts a secret for a process that is not root.
    let forbidden = if meta.uid() == 0 { 0o037 } else { 0o077 };
    if meta.permissions().mode() & forbidden != 0 {
        return Err(IssuerError::Open { path: path.to_owned() });
    }
    if meta.len() != 32 {
        return Err(IssuerError::Malformed { path: path.to_owned() });
    }
    let mut seed = Zeroizing::new([0; 32]);
    file.read_exact(seed.as_mut_slice()).map_err(failed)?;
    Ok(seed)
}

/// Whole or not at all, and never over another process's key: written aside, synced, then linked.
fn make(keys: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(keys)?;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(io::Error::other)?;
    let aside = keys.join(format!(".{FILE}.{}", kernel::EventId::new()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(seed.as_slice())?;
    file.sync_all()?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) | Ok(()) => {}
    }
    File::open(keys)?.sync_all()
}
