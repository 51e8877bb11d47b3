//! What identifies a policy: SHA-256 of the deterministic CBOR of the parsed document.
//!
//! Key order, white space, comments, spelled-out defaults and where a notice's text is kept do not change
//! it; any change of meaning does. The CBOR is RFC 8949 section 4.2.1 (definite lengths, shortest integers, keys
//! in bytewise order of their encoding) of
//!
//! ```text
//! { "version": 1, "tenant": text, "jurisdiction": text, "span_us": uint, "hold_back_us": uint,
//!   "marks": [text], "claims": {use: [role]}, "employee_consent": text or absent,
//!   "purposes": {name: {"basis": text, "regime": text or absent,
//!                       "retention": text, or {"audio": text, "metadata": text} where they differ,
//!                       "anchor": text, or absent where it is the start, "uses": [text],
//!                       "roles": [text], "consent_of": [text], "from": text, "until": text,
//!                       "compatible": {name: text}, or absent where there is none}},
//!   "notices": {name: {"language": text, "sha256": 32 bytes, "purposes": [text]}} }
//! ```
//!
//! with the words of the document and every array in the words' own order. What became part of the format later
//! is absent where it says what was always so: a document in the first words keeps its hash.

mod cbor;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::cbor::Cbor;
use crate::document::{Anchor, Notice, Purpose, Retention, TenantPolicy};

/// SHA-256 of a policy, stamped into every decision made under it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyHash(pub [u8; 32]);

/// A text or bytes that are no policy hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a policy hash must be 32 bytes, or 64 hexadecimal digits")]
pub struct InvalidPolicyHash;

impl PolicyHash {
    /// Reads a hash from bytes that came from outside.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidPolicyHash> {
        bytes.try_into().map(Self).map_err(|_| InvalidPolicyHash)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PolicyHash {
    type Err = InvalidPolicyHash;
    fn from_str(text: &str) -> Result<Self, InvalidPolicyHash> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidPolicyHash)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for PolicyHash {
    type Error = InvalidPolicyHash;
    fn try_from(text: String) -> Result<Self, InvalidPolicyHash> {
        text.parse()
    }
}

impl From<PolicyHash> for String {
    fn from(hash: PolicyHash) -> Self {
        hash.to_string()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn of(policy: &TenantPolicy) -> PolicyHash {
    PolicyHash(sha256(&document(policy).encode()))
}

fn document(policy: &TenantPolicy) -> Cbor {
    let claims = policy.claims.iter().map(|(wanted, roles)| (wanted.to_string(), Cbor::texts(roles)));
    let purposes = policy.purposes.iter().map(|(name, it)| (name.to_string(), purpose(it)));
    let notices = policy.notices.iter().map(|(name, it)| (name.to_string(), notice(it)));
    let mut entries = vec![
        ("version", Cbor::Uint(1)),
        ("tenant", Cbor::text(&policy.tenant)),
        ("jurisdiction", Cbor::text(policy.jurisdiction)),
        ("span_us", micros(policy.span)),
        ("hold_back_us", micros(policy.hold_back)),
        ("marks", Cbor::texts(&policy.marks)),
        ("claims", Cbor::Map(claims.collect())),
        ("purposes", Cbor::Map(purposes.collect())),
        ("notices", Cbor::Map(notices.collect())),
    ];
    entries.extend(policy.employee_consent.iter().map(|act| ("employee_consent", Cbor::text(act))));
    Cbor::map(entries)
}

fn purpose(purpose: &Purpose) -> Cbor {
    let mut entries = vec![
        ("basis", Cbor::text(purpose.basis)),
        ("retention", periods(purpose.retention)),
        ("uses", Cbor::texts(&purpose.uses)),
        ("roles", Cbor::texts(&purpose.roles)),
        ("consent_of", Cbor::texts(&purpose.consent_of)),
        ("from", Cbor::text(&purpose.from)),
        ("until", Cbor::text(purpose.until)),
    ];
    entries.extend(purpose.regime.iter().map(|regime| ("regime", Cbor::text(regime))));
    if purpose.retention.anchor != Anchor::Start {
        entries.push(("anchor", Cbor::text(purpose.retention.anchor)));
    }
    if !purpose.compatible.is_empty() {
        let compatible = purpose.compatible.iter().map(|(name, code)| (name.to_string(), Cbor::text(code)));
        entries.push(("compatible", Cbor::Map(compatible.collect())));
    }
    Cbor::map(entries)
}

fn periods(retention: Retention) -> Cbor {
    let Retention { audio, metadata, anchor: _ } = retention;
    if audio == metadata {
        return Cbor::text(audio);
    }
    Cbor::map(vec![("audio", Cbor::text(audio)), ("metadata", Cbor::text(metadata))])
}

fn notice(notice: &Notice) -> Cbor {
    Cbor::map(vec![
        ("language", Cbor::text(&notice.language)),
        ("sha256", Cbor::Bytes(notice.sha256().to_vec())),
        ("purposes", Cbor::texts(&notice.purposes)),
    ])
}

fn micros(duration: Duration) -> Cbor {
    Cbor::Uint(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
