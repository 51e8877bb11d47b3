//! The one way in which numbers and hashes are written in notes, proofs and paths.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;

/// A decimal without sign and leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    // Rust's own parser takes a plus sign.
    if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Standard base64 with its padding, unused bits zero.
pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// What [`base64`] writes, read back.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A hash in base64.
pub(crate) fn hash(text: &str) -> Option<Hash> {
    // A longer text is refused unread: a hash takes 44 characters.
    let bytes = if text.len() == 44 { from_base64(text)? } else { return None };
    Hash::try_from(bytes.as_slice()).ok()
}
