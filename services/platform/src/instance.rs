//! One running role of a process, as a signer: its key is drawn at start and certified by the deployment's
//! signing root, so that what it signs is verified from files alone, long after it is gone.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{ErrorCode, InstanceId, ServiceError, TenantId, Timestamp};
use parking_lot::RwLock;
use proto::crypto::v1::CertifyRequest;
use proto::crypto::v1::keys_client::KeysClient;
use seal::signing::{DocumentKind, RoleName};
use seal::{SignedCert, SignedDocument, SigningKey, VerifyingKey};
use tokio::sync::Notify;

use crate::wire::Wire;

/// An instance that cannot sign, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// No certificate yet.
    #[error("instance {instance} has no certificate yet")]
    Uncertified {
        /// The instance.
        instance: InstanceId,
    },
    /// Its certificate does not cover the moment: a new one is asked for.
    #[error("the certificate of instance {instance} does not cover the moment")]
    Expired {
        /// The instance.
        instance: InstanceId,
    },
    /// crypto does not certify it.
    #[error("instance {instance} was not certified")]
    Refused {
        /// The instance.
        instance: InstanceId,
        /// What crypto said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The certificate is for another instance, role or key.
    #[error("instance {instance} was given a certificate that is not its own")]
    Foreign {
        /// The instance.
        instance: InstanceId,
    },
    /// The key, the certificate or the document is malformed.
    #[error("instance {instance} cannot sign")]
    Seal {
        /// The instance.
        instance: InstanceId,
        /// Why.
        #[source]
        source: seal::Error,
    },
}

impl ServiceError for InstanceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Uncertified { .. } | Self::Expired { .. } | Self::Refused { .. } => ErrorCode::Unavailable,
            Self::Foreign { .. } | Self::Seal { .. } => ErrorCode::Internal,
        }
    }
}

/// Asks the deployment's signing root for a certificate.
#[async_trait]
pub trait Certifier: Send + Sync + 'static {
    /// A certificate for this instance's key; no tenants means all of the deployment's.
    async fn certify(
        &self,
        instance: InstanceId,
        role: &RoleName,
        tenants: &[TenantId],
        key: &VerifyingKey,
    ) -> Result<SignedCert, InstanceError>;
}

/// A signer. Shared as an [`Arc`]; certified after it is made, because crypto may run in the same process.
pub struct Instance {
    id: InstanceId,
    role: RoleName,
    tenants: Vec<TenantId>,
    key: SigningKey,
    certificate: RwLock<Option<SignedCert>>,
    /// Rung when a certificate is wanted before its renewal is due.
    wanted: Notify,
}

impl Instance {
    /// Draws an id and a key for a role (`ingest`, `archive` ...); no tenants means all.
    pub fn new(role: &str, tenants: Vec<TenantId>) -> Result<Arc<Self>, InstanceError> {
        let id = InstanceId::new();
        let failed = |source| InstanceError::Seal { instance: id, source };
        let role = RoleName::new(role).map_err(failed)?;
        let key = SigningKey::generate().map_err(failed)?;
        Ok(Arc::new(Self { id, role, tenants, key, certificate: RwLock::new(None), wanted: Notify::new() }))
    }

    /// Its id: the writer in span headers, the producer in audit entries.
    pub fn id(&self) -> InstanceId {
        self.id
    }
    /// Its role.
    pub fn role(&self) -> &str {
        self.role.as_str()
    }
    /// Its certificate, once it has one.
    pub fn certificate(&self) -> Option<SignedCert> {
        self.certificate.read().clone()
    }

    /// Gets a certificate, or a new one before the present one ends.
    pub async fn certify(&self, certifier: &dyn Certifier) -> Result<(), InstanceError> {
        let public = self.key.verifying_key();
        let signed = certifier.certify(self.id, &self.role, &self.tenants, &public).await?;
        let cert = &signed.cert;
        if cert.instance != self.id || cert.key != public || cert.role != self.role {
            return Err(InstanceError::Foreign { instance: self.id });
        }
        *self.certificate.write() = Some(signed);
        Ok(())
    }

    /// Until a certificate is wanted that it does not have: domain time may have leapt beyond the one it has.
    pub async fn wants_certificate(&self) {
        self.wanted.notified().await;
    }

    /// Signs a document in domain time. Nothing is signed outside the certificate's time: nobody would take it.
    pub fn sign(
        &self,
        kind: DocumentKind,
        payload: Vec<u8>,
        at: Timestamp,
    ) -> Result<SignedDocument, InstanceError> {
        let certificate = self.certificate.read();
        let certificate = certificate.as_ref().ok_or(InstanceError::Uncertified { instance: self.id })?;
        if !certificate.cert.holds_at(at) {
            self.wanted.notify_one();
            return Err(InstanceError::Expired { instance: self.id });
        }
        SignedDocument::sign(kind, payload, at, certificate, &self.key)
            .map_err(|source| InstanceError::Seal { instance: self.id, source })
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Instance");
        shown.field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Asks crypto's `Certify`.
#[derive(Clone)]
pub struct KeysCertifier(Wire);

impl KeysCertifier {
    /// Through this wire, which brings the token.
    pub fn new(wire: Wire) -> Self {
        Self(wire)
    }
}

#[async_trait]
impl Certifier for KeysCertifier {
    async fn certify(
        &self,
        instance: InstanceId,
        role: &RoleName,
        tenants: &[TenantId],
        key: &VerifyingKey,
    ) -> Result<SignedCert, InstanceError> {
        let request = CertifyRequest {
            instance_id: instance.to_bytes().to_vec(),
            role: role.to_string(),
            tenants: tenants.iter().map(ToString::to_string).collect(),
            public_key: key.to_bytes().to_vec(),
        };
        let answer = KeysClient::new(self.0.clone()).certify(request).await;
        let answer =
            answer.map_err(|status| InstanceError::Refused { instance, source: Box::new(status) })?;
        SignedCert::decode(&answer.into_inner().certificate)
            .map_err(|source| InstanceError::Seal { instance, source })
    }
}

#[cfg(test)]
mod tests;
