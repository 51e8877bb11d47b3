//! Codes: plain words, so that no sentence of a person's gets into what cannot be erased.

use std::fmt;
use std::str::FromStr;

/// A text that is no code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a code must have 1 to 80 of the characters a-z 0-9 . : -")]
pub struct InvalidCode;

/// A word from a policy or a program's vocabulary, such as `purpose:quality`: 1 to 80 characters `a-z 0-9 . : -`,
/// never a sender's text and never a number that names a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(String);

impl Code {
    /// Longest code, in bytes.
    pub const MAX_LEN: usize = 80;

    /// Takes a code.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidCode> {
        let text = text.into();
        let is_legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".:-".contains(&b);
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(is_legal) {
            return Err(InvalidCode);
        }
        Ok(Self(text))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Code {
    type Err = InvalidCode;
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        Self::new(text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_plain_words() {
        for good in ["a", "art-17", "purpose:quality", "mifid2.16.7", &"x".repeat(80)] {
            assert_eq!(Code::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a_b", "a/b", "è", "+39", "a\n", &"x".repeat(81)] {
            assert_eq!(Code::new(bad), Err(InvalidCode), "{bad:?}");
        }
    }

    #[test]
    fn a_refused_code_is_not_repeated_in_its_error() {
        assert!(!Code::new("+390612345678").unwrap_err().to_string().contains("0612"));
    }
}
