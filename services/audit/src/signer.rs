//! The key that signs this writer's checkpoints: drawn at start, certified by the deployment's signing root.
//!
//! A note names its key by name and id only, so the certificate is published beside the log: a verifier that
//! has the signing roots needs nothing else. A key's role is `ledger`, so that no other instance's certificate
//! stands under a checkpoint.

use std::sync::Arc;

use kernel::{Clock, InstanceId};
use merkle::{Checkpoint, Note, NoteKey};
use parking_lot::RwLock;
use platform::instance::{Certifier, InstanceError};
use seal::signing::RoleName;
use seal::{SignedCert, SigningKey};

use crate::error::Error;
use crate::name::{self, Incarnation, LogName};

/// The role in certificates of keys that sign checkpoints.
pub const ROLE: &str = "ledger";

/// Signs checkpoints of every log that this process writes.
pub struct Signer {
    instance: InstanceId,
    role: RoleName,
    key: SigningKey,
    certifier: Arc<dyn Certifier>,
    clock: Arc<dyn Clock>,
    certificate: RwLock<Option<SignedCert>>,
}

impl Signer {
    /// Draws a key.
    pub fn new(
        instance: InstanceId,
        certifier: Arc<dyn Certifier>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Signer(InstanceError::Seal { instance, source });
        let role = RoleName::new(ROLE).map_err(failed)?;
        let key = SigningKey::generate().map_err(failed)?;
        Ok(Self { instance, role, key, certifier, clock, certificate: RwLock::new(None) })
    }

    /// A certificate that holds now; a new one where there is none or it has run out.
    pub async fn certificate(&self) -> Result<SignedCert, Error> {
        let now = self.clock.now();
        let kept = self.certificate.read().clone();
        if let Some(kept) = kept.filter(|kept| kept.cert.holds_at(now)) {
            return Ok(kept);
        }
        let public = self.key.verifying_key();
        let certified = self.certifier.certify(self.instance, &self.role, &[], &public).await;
        let certificate = certified.map_err(Error::Signer)?;
        if certificate.cert.key != public || certificate.cert.role != self.role {
            return Err(Error::Signer(InstanceError::Foreign { instance: self.instance }));
        }
        *self.certificate.write() = Some(certificate.clone());
        Ok(certificate)
    }

    /// The key under the name of a log.
    pub fn note_key(&self, incarnation: Incarnation, log: LogName) -> NoteKey {
        let public = self.key.verifying_key().to_bytes();
        NoteKey::ed25519(name::key_name(incarnation, log), &public).expect("a drawn key is a usable point")
    }

    /// Signs a checkpoint of a log. Whoever calls has made sure that no other head was signed before which it
    /// does not continue.
    pub fn sign(
        &self,
        incarnation: Incarnation,
        log: LogName,
        checkpoint: &Checkpoint,
    ) -> Result<Note, Error> {
        let signed = checkpoint.sign(&self.note_key(incarnation, log), &|text| self.key.sign(text));
        signed.map_err(|source| Error::Checkpoint { log, source: source.into() })
    }
}
