//! Who says so: instances' Ed25519 keys, certified by the deployment's signing root, and documents that
//! carry their certificate, so that files alone can be verified.
//!
//! Every signature is over a label and a deterministic encoding, so that none can serve as another.
//! Read [`SignedDocument`] first, then [`SignedCert`] and [`TrustRoots`].

mod certificate;
mod document;

use std::fmt;

use ed25519_dalek::Signer;
use zeroize::{Zeroize, Zeroizing};

pub use certificate::{InstanceCert, MAX_CERT, MAX_TENANTS, RoleName, SignedCert, TenantScope};
pub use document::{DocumentKind, MAX_DOCUMENT, MAX_PAYLOAD, SignedDocument, TrustRoots, Verified};

use crate::error::Error;
use crate::key::random;

/// An Ed25519 key of an instance or of the signing root; zeroised when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// The public half of a [`SigningKey`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl SigningKey {
    /// Draws a fresh key.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = random()?;
        let key = Self::from_bytes(&seed);
        seed.zeroize();
        Ok(key)
    }
    /// The key with this 32-byte seed (RFC 8032); the caller wipes its own copy.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }
    /// The seed, for wrapping.
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
    /// Its public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }
    /// Signs bytes as they are. The caller's format must begin with a label of its own, as signed notes
    /// and everything in this crate do.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(redacted, for {:?})", self.verifying_key())
    }
}

impl VerifyingKey {
    /// Takes a point that is not of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let refused = || Error::invalid("verifying key", "is not a usable Ed25519 point");
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| refused())?;
        if key.is_weak() { Err(refused()) } else { Ok(Self(key)) }
    }
    /// Its 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
    /// Whether the signature is this key's over exactly these bytes (strict: one encoding, no small order).
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", crate::Hash(self.to_bytes()))
    }
}

#[cfg(test)]
mod tests;
