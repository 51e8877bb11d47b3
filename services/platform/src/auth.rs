//! Who calls: JSON Web Tokens, verified against the keys of the issuers that the deployment trusts.
//!
//! [`Verifier`] turns a token into a [`kernel::Principal`]. Keys come from a [`KeySource`]: a file, a URL,
//! or the deployment's own [`LocalIssuer`], whose Ed25519 key lies in the keys directory. Calls between
//! roles carry tokens from a [`TokenSource`], bound to the process that issued them where it has a
//! certificate with a name ([`crate::tls`]). Only EdDSA, ES256 and RS256 are taken, and the algorithm is the
//! key's, never the token's word. Times are machine time. No token is ever logged or shown.

mod claims;
mod keys;
mod local;
mod source;
mod token;
mod verifier;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::{Period, above_zero};

pub use claims::Claims;
pub use keys::{JwksFile, JwksUrl, KeyError, KeySource};
pub use local::{IssuerError, LocalIssuer, TokenRequest};
pub use source::{LocalTokens, TokenError, TokenSource};
pub use token::Token;
pub use verifier::{AuthError, TrustedIssuer, Verifier, VerifierSettings};

/// The `auth` section of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The outside issuer whose tokens are taken beside the deployment's own; `iss` must be exactly this.
    pub issuer: Option<String>,
    /// Its keys: a path or a URL of a JSON Web Key Set. Needed when `issuer` is set.
    pub jwks: Option<String>,
    /// What `aud` must contain.
    pub audience: String,
    /// How far clocks may differ.
    pub leeway: Period,
    /// Keys older than this are fetched again. Longer than `jwks_floor`.
    pub jwks_max_age: Period,
    /// Keys that could not be fetched again for so long are no longer trusted. Longer than `jwks_max_age`.
    pub jwks_stale: Period,
    /// The least time between two fetches, however many unknown key ids come.
    pub jwks_floor: Period,
    /// The key of the deployment's own issuer, which all of its processes share; unset: `issuer.key` in the keys
    /// directory, made at the first start.
    pub issuer_key: Option<PathBuf>,
    /// How long the deployment's own service tokens live; renewed at half of it. At least 2 s, as tokens end on
    /// whole seconds.
    pub service_token_life: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: None,
            jwks: None,
            audience: "verbale".to_owned(),
            leeway: Period::secs(30),
            jwks_max_age: Period::secs(600),
            jwks_stale: Period::secs(86_400),
            jwks_floor: Period::secs(30),
            issuer_key: None,
            service_token_life: Period::secs(600),
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        match (&self.issuer, &self.jwks) {
            (None, None) => {}
            (Some(_), None) => return Err("jwks must be set, as issuer is".to_owned()),
            (None, Some(_)) => return Err("issuer must be set, as jwks is".to_owned()),
            (Some(issuer), Some(_)) if issuer.is_empty() => {
                return Err("issuer must not be empty".to_owned());
            }
            (Some(_), Some(jwks)) if jwks.is_empty() => return Err("jwks must not be empty".to_owned()),
            (Some(_), Some(jwks)) => {
                if is_url(jwks) && reqwest::Url::parse(jwks).is_err() {
                    return Err("jwks must be a path or a URL".to_owned());
                }
            }
        }
        if self.audience.is_empty() {
            return Err("audience must not be empty".to_owned());
        }
        above_zero(&[("jwks_floor", &self.jwks_floor)])?;
        if self.jwks_max_age <= self.jwks_floor {
            return Err(format!("jwks_max_age must be above jwks_floor ({})", self.jwks_floor));
        }
        if self.jwks_stale <= self.jwks_max_age {
            return Err(format!("jwks_stale must be above jwks_max_age ({})", self.jwks_max_age));
        }
        if self.service_token_life < Period::secs(2) {
            return Err("service_token_life must be at least 2s".to_owned());
        }
        Ok(())
    }
    /// What a [`Verifier`] goes by.
    pub fn verifier(&self) -> VerifierSettings {
        VerifierSettings {
            leeway: self.leeway.0,
            max_age: self.jwks_max_age.0,
            stale: self.jwks_stale.0,
            floor: self.jwks_floor.0,
        }
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

#[cfg(test)]
mod tests;
