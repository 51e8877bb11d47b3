//! Codes: how a document names what was decided and filed elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The reference of an assessment or an order, such as `dpia-2026-07`. It is written into policies, stamps and
/// the ledger, none of which forget, so it has no room for a sentence about a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// A text that is no code; it is not repeated, since it may be somebody's free text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a code must have 1 to 64 letters, digits and - . _ / : and begin with a letter or digit")]
pub struct InvalidCode;

impl Code {
    /// Longest code, in characters.
    pub const MAX_LEN: usize = 64;

    /// Takes 1 to 64 characters of `A-Z a-z 0-9 - . _ / :`, the first a letter or digit.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidCode> {
        let text = text.into();
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte));
        if begins && plain && text.len() <= Self::MAX_LEN { Ok(Self(text)) } else { Err(InvalidCode) }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
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

impl FromStr for Code {
    type Err = InvalidCode;
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        Self::new(text)
    }
}

impl TryFrom<String> for Code {
    type Error = InvalidCode;
    fn try_from(text: String) -> Result<Self, InvalidCode> {
        Self::new(text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_and_plain() {
        for good in ["x", "dpia-2026-07", "CONSOB/2026:0412", "FCA_ENF.17", &"x".repeat(64)] {
            assert_eq!(Code::new(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(65);
        for bad in ["", " ", "two words", "-x", "+390612345678", "a@b.it", "à", "x\n", "x\0", &long] {
            assert_eq!(Code::new(bad), Err(InvalidCode), "{bad:?}");
        }
    }

    #[test]
    fn a_code_that_was_stored_is_checked_when_it_is_read() {
        let code = Code::new("dpia-2026-07").unwrap();
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), code);
        assert!(serde_json::from_str::<Code>("\"two words\"").is_err());
    }
}
