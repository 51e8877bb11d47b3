//! C2SP signed notes: a text with one or more signatures under it.
//!
//! ```text
//! <text, its last line ending in a newline>
//!
//! — <key name> <base64 of the 4-byte key id and the signature>
//! ```
//!
//! Only Ed25519 (type 0x01) is verified here; signatures of other types or by unknown keys are kept and ignored, as
//! the specification asks, so that a witness's cosignature survives a round trip.

use std::fmt;

use crate::NoteError;
use crate::text::{base64, from_base64};

pub use key::{KeyId, KeyName, NoteKey};

mod key;

/// The longest note that is read or written. Sixteen post-quantum signatures fit.
pub const MAX_NOTE_BYTES: usize = 256 * 1024;
/// The most signature lines that are read or written; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 64;

const DASH: &str = "\u{2014} ";
const ID_LEN: usize = 4;

/// A note of correct form with at least one signature. That it parsed says nothing of whether it is genuine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// The name of the key that is said to have signed.
    pub name: KeyName,
    /// Its id.
    pub id: KeyId,
    /// The signature, without the id before it.
    pub bytes: Vec<u8>,
}

/// A note that known keys have signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened<'a> {
    /// The text, with its last newline.
    pub text: &'a str,
    /// Those of the known keys that signed, each once: compare with the policy's quorum.
    pub signers: Vec<&'a NoteKey>,
}

impl Note {
    /// A note over `text` with one signature, made by `sign` over the text's bytes. What `sign` returns is verified
    /// with `key` first, so that a wrong key never leaves as a note that nobody can open.
    pub fn sign(
        text: impl Into<String>,
        key: &NoteKey,
        sign: &dyn Fn(&[u8]) -> [u8; 64],
    ) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        let mut note = Self { text, signatures: Vec::new() };
        note.cosign(key, sign)?;
        Ok(note)
    }

    /// Adds the signature of another key.
    pub fn cosign(&mut self, key: &NoteKey, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Result<(), NoteError> {
        let bytes = sign(self.text.as_bytes()).to_vec();
        let signature = NoteSignature { name: key.name().clone(), id: key.id(), bytes };
        signature.verify(&self.text, key)?;
        self.add(signature)
    }

    /// Adds a signature made elsewhere, such as a witness's.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { max: MAX_SIGNATURES });
        }
        self.signatures.push(signature);
        let len = self.to_string().len();
        if len > MAX_NOTE_BYTES {
            self.signatures.pop();
            return Err(NoteError::TooLong { len, max: MAX_NOTE_BYTES });
        }
        Ok(())
    }

    /// Reads a note; verifies nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { len: bytes.len(), max: MAX_NOTE_BYTES });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        // The text may have empty lines too: the last one separates.
        let blank = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, signatures) = (&note[..=blank], &note[blank + 2..]);
        check_text(text)?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { max: MAX_SIGNATURES });
        }
        let parse = |(line, text)| NoteSignature::parse(text).ok_or(NoteError::SignatureLine { line });
        let signatures = (1..).zip(lines.split('\n')).map(parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, if at least one of the `known` keys signed it and no signature by one of them fails.
    pub fn open<'a>(&'a self, known: &'a [NoteKey]) -> Result<Opened<'a>, NoteError> {
        let mut signers: Vec<&NoteKey> = Vec::new();
        for signature in &self.signatures {
            for key in known.iter().filter(|key| signature.is_by(key)) {
                signature.verify(&self.text, key)?;
                if !signers.contains(&key) {
                    signers.push(key);
                }
            }
        }
        if signers.is_empty() { Err(NoteError::Unsigned) } else { Ok(Opened { text: &self.text, signers }) }
    }

    /// The text, whoever wrote it. Not to be acted upon: see [`Note::open`].
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signatures, whether genuine or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// Reads a signature line, without its newline.
    fn parse(line: &str) -> Option<Self> {
        let (name, payload) = line.strip_prefix(DASH)?.split_once(' ')?;
        let name = KeyName::new(name).ok()?;
        let payload = from_base64(payload)?;
        let (id, bytes) = payload.split_first_chunk::<ID_LEN>()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self { name, id: KeyId::from(*id), bytes: bytes.to_vec() })
    }

    fn is_by(&self, key: &NoteKey) -> bool {
        self.name == *key.name() && self.id == key.id()
    }

    fn verify(&self, text: &str, key: &NoteKey) -> Result<(), NoteError> {
        if key.verifies(text.as_bytes(), &self.bytes) {
            return Ok(());
        }
        Err(NoteError::BadSignature { name: self.name.clone(), id: self.id })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = [self.id.as_bytes().as_slice(), &self.bytes].concat();
        write!(f, "{DASH}{} {}", self.name, base64(payload))
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_NOTE_BYTES {
        return Err(NoteError::TooLong { len: text.len(), max: MAX_NOTE_BYTES });
    }
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Text);
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::Form) }
}

#[cfg(test)]
mod tests;
