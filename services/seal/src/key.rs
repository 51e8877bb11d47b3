//! Secret keys, each of its own type, zeroised when dropped and never shown.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::Error;
use crate::hash::Hash;

/// Fills an array from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

macro_rules! secret_key {
    ($($(#[$doc:meta])* $name:ident,)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Draws a fresh key from the operating system.
            pub fn generate() -> Result<Self, Error> {
                let mut bytes = random::<32>()?;
                let key = Self(bytes);
                bytes.zeroize();
                Ok(key)
            }
            /// The key with exactly these bytes; the caller wipes its own copy.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
            /// Takes exactly 32 bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
                let bytes = bytes.try_into().map_err(|_| Error::invalid("key", "must be 32 bytes"))?;
                Ok(Self(bytes))
            }
            /// The key's bytes, for wrapping and deriving.
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )+ };
}

secret_key! {
    /// Opens one span: a leaf of its section's key tree.
    SpanKey,
    /// Opens every span of a section: the root of its key tree.
    LegKey,
    /// Seals the entries of one page.
    PageKey,
    /// Wraps the page keys of one tenant and epoch (the epoch's KEK).
    EpochKey,
    /// Wraps an epoch's keys; destroyed with its epoch. A file's, or derived from a key backend's answer.
    BackendKey,
    /// Seals one tenant's audit entries, outside epochs.
    AuditKey,
    /// Turns a tenant's identifiers into index values, or ids into pseudonyms, outside epochs.
    MacKey,
}

impl MacKey {
    /// HMAC-SHA-256 over the parts, each behind its length, so that no two lists of parts run together.
    /// The first part says what kind of value it is.
    pub fn mac(&self, parts: &[&[u8]]) -> Hash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Hash(mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = LegKey::from_bytes([0xab; 32]);
        assert_eq!(format!("{key:?}"), "LegKey(redacted)");
    }

    #[test]
    fn parts_do_not_run_together() {
        let key = MacKey::from_bytes([1; 32]);
        assert_eq!(key.mac(&[b"phone", b"1"]), key.mac(&[b"phone", b"1"]));
        assert_ne!(key.mac(&[b"phone", b"1"]), key.mac(&[b"phone1"]));
        assert_ne!(key.mac(&[b"phone", b"1"]), key.mac(&[b"phon", b"e1"]));
        assert_ne!(key.mac(&[b"phone", b"1"]), MacKey::from_bytes([2; 32]).mac(&[b"phone", b"1"]));
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(SpanKey::generate().unwrap().expose(), SpanKey::generate().unwrap().expose());
    }
}
