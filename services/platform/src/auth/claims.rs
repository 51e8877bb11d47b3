//! What a token says, and the principal that it makes.

use std::collections::BTreeSet;

use kernel::{Principal, PrincipalKind, Role, TenantId};
use serde::{Deserialize, Serialize};

use super::verifier::AuthError;

/// Longest `sub`.
const SUBJECT_MAX: usize = 200;
/// Most tenants of one token.
const TENANTS_MAX: usize = 1_000;

/// The claims that verbale reads and writes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// For whom it is meant; a string or a list of them.
    #[serde(deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// The bearer's account id.
    pub sub: String,
    /// Not valid from here on, in seconds since 1970.
    pub exp: u64,
    /// Not valid before, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// `person` or `service`.
    pub verbale_kind: PrincipalKind,
    /// Names of [`kernel::Role`]; one that is unknown gives no right.
    #[serde(default)]
    pub verbale_roles: Vec<String>,
    /// Names of tenants.
    #[serde(default)]
    pub verbale_tenants: Vec<String>,
    /// The one process that may present it, by the name in its certificate; anybody may where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbale_peer: Option<String>,
}

impl Claims {
    /// The principal, once everything else about the token is verified.
    pub(super) fn principal(self) -> Result<Principal, AuthError> {
        let shown = self.sub.chars().all(|c| c.is_ascii_graphic());
        if self.sub.is_empty() || self.sub.len() > SUBJECT_MAX || !shown {
            return Err(AuthError::Claim { claim: "sub" });
        }
        if self.verbale_tenants.len() > TENANTS_MAX {
            return Err(AuthError::Claim { claim: "verbale_tenants" });
        }
        let tenants: Result<BTreeSet<_>, _> = self.verbale_tenants.into_iter().map(TenantId::new).collect();
        Ok(Principal {
            id: self.sub,
            kind: self.verbale_kind,
            roles: self.verbale_roles.iter().filter_map(|role| role.parse::<Role>().ok()).collect(),
            tenants: tenants.map_err(|_| AuthError::Claim { claim: "verbale_tenants" })?,
        })
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(deserializer)? {
        Audience::One(name) => vec![name],
        Audience::Many(names) => names,
    })
}
