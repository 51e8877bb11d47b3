//! The key backend: named keys that never leave it, and are destroyed with their epoch.
//!
//! What opens a tenant's epoch is wrapped under a backend key of that epoch alone, so that destroying this
//! one key destroys everything that was removed in the epoch, in every copy. Files now; transit engines and
//! HSMs later behind the same port and the same `contract` suite.

pub mod file;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

use std::fmt;

use async_trait::async_trait;
use kernel::{ErrorCode, KeyEpoch, ServiceError, TenantId};
use seal::{InstanceCert, SignedCert, VerifyingKey, WrapContext};
use zeroize::Zeroizing;

/// A key of the backend. One name is one key for ever: a destroyed epoch's name is not used again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyName {
    /// Wraps the KEK and the HPKE secret of one tenant's epoch; destroyed with it.
    Epoch(TenantId, KeyEpoch),
    /// HMACs the identifiers that a tenant's subjects are found by.
    Identifier(TenantId),
    /// HMACs ids into the pseudonyms that leave the tenant.
    Pseudonym(TenantId),
    /// Yields the tenant's audit key.
    Audit(TenantId),
    /// Signs the certificates of instances; the deployment's own.
    SigningRoot,
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch(tenant, epoch) => write!(f, "{tenant}/epoch-{epoch}"),
            Self::Identifier(tenant) => write!(f, "{tenant}/identifier"),
            Self::Pseudonym(tenant) => write!(f, "{tenant}/pseudonym"),
            Self::Audit(tenant) => write!(f, "{tenant}/audit"),
            Self::SigningRoot => f.write_str("signing-root"),
        }
    }
}

/// What the backend did not do, on which key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has created it, or it was destroyed.
    #[error("key {0} does not exist")]
    Missing(KeyName),
    /// What is kept under this name is not a key.
    #[error("key {0} is damaged")]
    Damaged(KeyName),
    /// Others than its owner may read the keys.
    #[error("{path} may be read by others than its owner, mode {mode:o}")]
    Exposed {
        /// The file or directory.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The keys would be copied with the data.
    #[error("the keys directory {0} lies inside the data directory")]
    InsideData(String),
    /// The value was wrapped under another key or context, or was altered.
    #[error("a value wrapped by key {name} does not open")]
    Refused {
        /// Whose key.
        name: KeyName,
        /// What the cipher says.
        #[source]
        source: seal::Error,
    },
    /// The certificate breaks its own rules.
    #[error("a certificate cannot be signed")]
    Certificate(#[source] seal::Error),
    /// The backend does not answer.
    #[error("cannot {act} in the key backend")]
    Unavailable {
        /// What was attempted, with the key's name.
        act: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Missing(_) | Self::Exposed { .. } | Self::InsideData(_) => ErrorCode::FailedPrecondition,
            Self::Damaged(_) | Self::Refused { .. } => ErrorCode::DataLoss,
            Self::Certificate(_) => ErrorCode::InvalidArgument,
            Self::Unavailable { .. } => ErrorCode::Unavailable,
        }
    }
}

/// Named keys: created once, used inside, destroyed.
#[async_trait]
pub trait KeyBackend: Send + Sync + 'static {
    /// Makes the key where there is none. Of two callers at once both end with the same key. Durable when it
    /// answers.
    async fn create(&self, name: &KeyName) -> Result<(), Error>;
    /// Wraps a small value (at most 256 bytes) for one context.
    async fn wrap(&self, name: &KeyName, context: &WrapContext, value: &[u8]) -> Result<Vec<u8>, Error>;
    /// Opens what [`KeyBackend::wrap`] made, in the same context alone.
    async fn unwrap(
        &self,
        name: &KeyName,
        context: &WrapContext,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error>;
    /// HMAC-SHA-256 of the message.
    async fn hmac(&self, name: &KeyName, message: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error>;
    /// Certifies an instance with the signing root.
    async fn certify(&self, cert: InstanceCert) -> Result<SignedCert, Error>;
    /// The public half of the signing root.
    async fn signing_root(&self) -> Result<VerifyingKey, Error>;
    /// Destroys the key for good; nothing happens where it is gone already.
    async fn destroy(&self, name: &KeyName) -> Result<(), Error>;
}
