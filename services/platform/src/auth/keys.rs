//! Where an issuer's public keys come from, and which of them are good enough.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// Largest key set that is read.
pub(super) const SET_MAX: usize = 256 << 10;
/// Most keys of one set.
const KEYS_MAX: usize = 100;
/// Shortest RSA modulus, in bytes.
const RSA_MIN: usize = 256;
/// How long a URL may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Brings an issuer's JSON Web Key Set, as text.
#[async_trait]
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The set as it stands now, at most 256 KiB.
    async fn fetch(&self) -> Result<String, KeyError>;
}

/// Keys that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("key set {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The URL does not answer with a key set.
    #[error("key set cannot be fetched from {url}")]
    Fetch {
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The set is larger than a key set can be.
    #[error("the key set is larger than {SET_MAX} bytes")]
    TooLarge,
    /// The text is not a key set.
    #[error("the key set is not JSON with a list of keys")]
    Malformed,
    /// None of its keys can be used.
    #[error("the key set has no EdDSA, ES256 or RS256 key with an id")]
    NoKey,
}

/// A key set in a file, as Kubernetes mounts one.
#[derive(Clone, Debug)]
pub struct JwksFile(pub PathBuf);

#[async_trait]
impl KeySource for JwksFile {
    async fn fetch(&self) -> Result<String, KeyError> {
        let unreadable = |source| KeyError::File { path: self.0.clone(), source };
        if tokio::fs::metadata(&self.0).await.map_err(unreadable)?.len() > SET_MAX as u64 {
            return Err(KeyError::TooLarge);
        }
        tokio::fs::read_to_string(&self.0).await.map_err(unreadable)
    }
}

/// A key set behind a URL, as identity providers publish theirs.
#[derive(Clone, Debug)]
pub struct JwksUrl {
    url: String,
    client: reqwest::Client,
}

impl JwksUrl {
    /// Prepares to fetch from here; nothing is fetched yet.
    pub fn new(url: impl Into<String>) -> Result<Self, KeyError> {
        let url = url.into();
        let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build();
        client
            .map(|client| Self { url: url.clone(), client })
            .map_err(|source| KeyError::Fetch { url, source })
    }
}

#[async_trait]
impl KeySource for JwksUrl {
    async fn fetch(&self) -> Result<String, KeyError> {
        let failed = |source| KeyError::Fetch { url: self.url.clone(), source };
        let answer = self.client.get(&self.url).send().await.and_then(|a| a.error_for_status());
        let mut answer = answer.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > SET_MAX {
                return Err(KeyError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| KeyError::Malformed)
    }
}

/// A public key and the one algorithm that it is for.
#[derive(Clone)]
pub(super) struct PublicKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// The usable keys of a set by their ids. Keys for other uses, of other kinds or too weak are passed over, so
/// that an issuer may publish those too.
pub(super) fn usable(set: &str) -> Result<HashMap<String, PublicKey>, KeyError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    if set.len() > SET_MAX {
        return Err(KeyError::TooLarge);
    }
    let set: Set = serde_json::from_str(set).map_err(|_| KeyError::Malformed)?;
    let parsed =
        set.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let keys: HashMap<_, _> =
        parsed.filter_map(|jwk| Some((jwk.common.key_id.clone()?, public_key(&jwk)?))).collect();
    if keys.is_empty() { Err(KeyError::NoKey) } else { Ok(keys) }
}

fn public_key(jwk: &Jwk) -> Option<PublicKey> {
    if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::RSA(key) if modulus_len(&key.n)? >= RSA_MIN => Algorithm::RS256,
        _ => return None,
    };
    let stated = jwk.common.key_algorithm.map(|stated| Algorithm::try_from(stated).ok() == Some(algorithm));
    if stated == Some(false) {
        return None;
    }
    Some(PublicKey { algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
}

fn modulus_len(text: &str) -> Option<usize> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(bytes.iter().skip_while(|byte| **byte == 0).count())
}
