//! Names, ids and public keys of those who sign notes.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::KeyError;
use crate::text::{base64, from_base64};

/// The signature type of Ed25519 over the note's text, as C2SP assigns it.
const ED25519: u8 = 0x01;

/// The name of a key: not empty, without spaces, control characters and plus signs. Best a URL without schema.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Four bytes that, with the name, tell a key from others. Not a strong hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// An Ed25519 public key by its name; displayed and parsed as a verifier key, `<name>+<id>+<base64>`.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: KeyName,
    id: KeyId,
    key: VerifyingKey,
}

impl KeyName {
    /// A name, if it follows the rules.
    pub fn new(name: impl Into<String>) -> Result<Self, KeyError> {
        let name = name.into();
        let refused = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(refused) { Err(KeyError::Name) } else { Ok(Self(name)) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyId {
    /// The four bytes.
    pub fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl NoteKey {
    /// The key with these 32 bytes.
    pub fn ed25519(name: KeyName, public: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(public).map_err(|_| KeyError::Point)?;
        if key.is_weak() {
            return Err(KeyError::Point);
        }
        let id = key_id(&name, public);
        Ok(Self { name, id, key })
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its id, from name, type and key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes of the key.
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(super) fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text, &signature).is_ok())
    }
}

impl FromStr for NoteKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let bytes = from_base64(key).ok_or(KeyError::Form)?;
        let (kind, public) = bytes.split_first().ok_or(KeyError::Form)?;
        if *kind != ED25519 {
            return Err(KeyError::Type);
        }
        let public = public.try_into().map_err(|_| KeyError::Point)?;
        let key = Self::ed25519(KeyName::new(name)?, public)?;
        if key.id.to_string() == id { Ok(key) } else { Err(KeyError::Id) }
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519], self.public().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, base64(bytes))
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<[u8; 4]> for KeyId {
    fn from(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    /// Eight lower-case hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first four bytes of SHA-256 over name, newline, type and key.
fn key_id(name: &KeyName, public: &[u8; 32]) -> KeyId {
    let sha = Sha256::new().chain_update(name.as_str()).chain_update([b'\n', ED25519]).chain_update(public);
    let [a, b, c, d, ..] = <[u8; 32]>::from(sha.finalize());
    KeyId([a, b, c, d])
}
