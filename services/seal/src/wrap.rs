//! Wrapping: AES-256-GCM under a key that is derived for this one wrap and bound to one place.
//!
//! `0x01 || salt[32] || ciphertext || tag[16]`; key and nonce are HKDF-SHA-512 of the wrapping key with the
//! salt, for a context that names purpose and ids. The context is part of the derivation, not associated
//! data, so a wrapped value moved to another row opens nowhere.

use hkdf::Hkdf;
use kernel::{EventId, InstanceId, KeyEpoch, PageId, TenantId};
use sha2::Sha512;
use zeroize::Zeroizing;

use crate::aead::{Gcm, TAG_LEN};
use crate::cbor::Writer;
use crate::error::Error;
use crate::key::{AuditKey, BackendKey, EpochKey, PageKey, random};
use crate::page::EntryPlace;

/// Largest value that is wrapped: a page's bound.
pub const MAX_VALUE: usize = 512 * 1_024;
/// How much longer a wrapped value is.
pub const OVERHEAD: usize = 1 + SALT_LEN + TAG_LEN;

const SALT_LEN: usize = 32;
const VERSION: u8 = 1;
const LABEL: &[u8] = b"verbale/wrap/v1\x00";

/// What is wrapped, and for which place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WrapContext {
    /// A page's key, by the epoch key.
    PageKey {
        /// Whose page.
        tenant: TenantId,
        /// Under which epoch's key.
        epoch: KeyEpoch,
        /// Which page.
        page: PageId,
        /// Which generation of its key.
        generation: u32,
    },
    /// An entry, by its page's key.
    Entry(EntryPlace),
    /// An epoch's key, by its backend key.
    EpochKey {
        /// Whose epoch.
        tenant: TenantId,
        /// Which.
        epoch: KeyEpoch,
    },
    /// An epoch's HPKE secret, by its backend key.
    HpkeSecret {
        /// Whose epoch.
        tenant: TenantId,
        /// Which.
        epoch: KeyEpoch,
    },
    /// An audit entry with its salt, by the tenant's audit key.
    AuditEntry {
        /// Whose entry.
        tenant: TenantId,
        /// Its event id.
        event: EventId,
    },
    /// A key that a tenant has outside epochs, by a backend key.
    TenantKey {
        /// Whose.
        tenant: TenantId,
        /// What for.
        usage: TenantKeyUsage,
    },
    /// An instance's or the root's signing key, by a backend key.
    SigningKey {
        /// Whose.
        instance: InstanceId,
    },
}

/// What a tenant's key outside epochs is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TenantKeyUsage {
    /// HMAC over identifiers, for consent's index.
    Identifier = 1,
    /// HMAC that makes pseudonyms in the ledger.
    Pseudonym = 2,
    /// Seals audit entries.
    Audit = 3,
}

/// A key that may wrap others.
pub trait WrappingKey: sealed::Sealed {}

impl WrappingKey for PageKey {}
impl WrappingKey for EpochKey {}
impl WrappingKey for BackendKey {}
impl WrappingKey for AuditKey {}

mod sealed {
    use crate::key::{AuditKey, BackendKey, EpochKey, PageKey};

    pub trait Sealed {
        fn bytes(&self) -> &[u8; 32];
    }
    macro_rules! sealed {
        ($($key:ident),+) => { $(
            impl Sealed for $key {
                fn bytes(&self) -> &[u8; 32] { self.expose() }
            }
        )+ };
    }
    sealed!(AuditKey, BackendKey, EpochKey, PageKey);
}

/// Wraps a value under a fresh salt.
pub fn wrap(key: &impl WrappingKey, context: &WrapContext, value: &[u8]) -> Result<Vec<u8>, Error> {
    wrap_with(key, context, value, &random()?)
}

/// Opens a wrapped value at the very place it was wrapped for.
pub fn unwrap(
    key: &impl WrappingKey,
    context: &WrapContext,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let what = context.what();
    Error::bounded("wrapped value", wrapped.len(), MAX_VALUE + OVERHEAD)?;
    let (&version, rest) = wrapped.split_first().ok_or(Error::Truncated("wrapped value"))?;
    if version != VERSION {
        return Err(Error::invalid("wrapped value", "has an unknown version"));
    }
    let (salt, sealed) = rest.split_first_chunk::<SALT_LEN>().ok_or(Error::Truncated("wrapped value"))?;
    let (gcm, nonce) = derive(key, context, salt);
    let mut value = Zeroizing::new(Vec::with_capacity(sealed.len()));
    gcm.open_into(nonce, &[], sealed, &mut value).map_err(|_| Error::Unwrap(what))?;
    Ok(value)
}

/// With a chosen salt, for golden bytes only.
pub(crate) fn wrap_with(
    key: &impl WrappingKey,
    context: &WrapContext,
    value: &[u8],
    salt: &[u8; SALT_LEN],
) -> Result<Vec<u8>, Error> {
    Error::bounded("value", value.len(), MAX_VALUE)?;
    let (gcm, nonce) = derive(key, context, salt);
    let mut out = Vec::with_capacity(value.len() + OVERHEAD);
    out.push(VERSION);
    out.extend_from_slice(salt);
    gcm.seal_into(nonce, &[], value, &mut out);
    Ok(out)
}

fn derive(key: &impl WrappingKey, context: &WrapContext, salt: &[u8]) -> (Gcm, [u8; 12]) {
    let mut okm = Zeroizing::new([0; 32 + 12]);
    let hkdf = Hkdf::<Sha512>::new(Some(salt), key.bytes());
    hkdf.expand_multi_info(&[LABEL, &context.encode()], okm.as_mut_slice())
        .expect("44 bytes are within one expansion");
    let (gcm_key, nonce) = okm.split_first_chunk::<32>().expect("44 bytes are more than 32");
    (Gcm::new(gcm_key), nonce.try_into().expect("12 bytes are left"))
}

impl WrapContext {
    /// Its bytes in the derivation (`FORMAT.md`, wrapping).
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::PageKey { tenant, epoch, page, generation } => {
                w.map(5).key(1).uint(1u8).key(2).text(tenant.as_str()).key(3).uint(epoch.0);
                w.key(4).bytes(&page.to_bytes()).key(5).uint(*generation);
            }
            Self::Entry(EntryPlace { tenant, page, generation, slot }) => {
                w.map(5).key(1).uint(2u8).key(2).text(tenant.as_str()).key(3).bytes(&page.to_bytes());
                w.key(4).uint(*generation).key(5).uint(*slot);
            }
            Self::EpochKey { tenant, epoch } => {
                w.map(3).key(1).uint(3u8).key(2).text(tenant.as_str()).key(3).uint(epoch.0);
            }
            Self::HpkeSecret { tenant, epoch } => {
                w.map(3).key(1).uint(4u8).key(2).text(tenant.as_str()).key(3).uint(epoch.0);
            }
            Self::AuditEntry { tenant, event } => {
                w.map(3).key(1).uint(5u8).key(2).text(tenant.as_str()).key(3).bytes(&event.to_bytes());
            }
            Self::TenantKey { tenant, usage } => {
                w.map(3).key(1).uint(6u8).key(2).text(tenant.as_str()).key(3).uint(*usage as u8);
            }
            Self::SigningKey { instance } => {
                w.map(2).key(1).uint(7u8).key(2).bytes(&instance.to_bytes());
            }
        }
        w.finish()
    }

    fn what(&self) -> &'static str {
        match self {
            Self::PageKey { .. } => "page key",
            Self::Entry(_) => "entry",
            Self::EpochKey { .. } => "epoch key",
            Self::HpkeSecret { .. } => "epoch secret",
            Self::AuditEntry { .. } => "audit entry",
            Self::TenantKey { .. } => "tenant key",
            Self::SigningKey { .. } => "signing key",
        }
    }
}

#[cfg(test)]
mod tests;
