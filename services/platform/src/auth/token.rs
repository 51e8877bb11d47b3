//! A bearer token: wiped when dropped, never shown.

use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

/// A compact JSON Web Token as it travels.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Longest token that is looked at.
    pub const MAX_LEN: usize = 8 << 10;

    /// Takes a token's text; whether it is one, the verifier says.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
    /// The text, for the metadata of a call or the person who asked for it.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// The `authorization` value; `None` if the text cannot be one.
    pub fn bearer(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.expose())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
    /// The token in an `authorization` value.
    pub fn from_bearer(value: &HeaderValue) -> Option<Self> {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let fits = scheme.eq_ignore_ascii_case("bearer") && token.len() <= Self::MAX_LEN;
        fits.then(|| Self::new(token.trim()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}
