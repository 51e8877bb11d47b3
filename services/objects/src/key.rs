//! Names of objects: safe as S3 keys and as paths, and without anything personal in them.

use std::fmt;
use std::str::FromStr;

/// Bytes of one key.
pub const MAX_KEY: usize = 512;
/// Bytes of one segment of a key.
pub const MAX_SEGMENT: usize = 128;
/// Bytes of a version's name.
pub const MAX_VERSION: usize = 128;

/// A key, prefix or version that no object can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("object {what} {reason}")]
pub struct InvalidKey {
    /// What was refused: key, prefix or version.
    pub what: &'static str,
    /// Why; never repeats the value.
    pub reason: &'static str,
}

/// An object's name: segments of `A-Z a-z 0-9 . _ -` with `/` between them, none of them `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// The beginning of keys; may end inside a segment, and may be empty.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Prefix(String);

/// One put of a key. Opaque: each store has its own form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Key {
    /// Takes a key's text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let refuse = |reason| Err(InvalidKey { what: "key", reason });
        if text.is_empty() || text.len() > MAX_KEY {
            return refuse("must have 1 to 512 characters");
        }
        for segment in text.split('/') {
            if segment.is_empty() || segment.len() > MAX_SEGMENT {
                return refuse("must have segments of 1 to 128 characters");
            }
            if segment == "." || segment == ".." {
                return refuse("may not have a segment . or ..");
            }
            if !segment.bytes().all(is_legal) {
                return refuse("may only have the characters A-Z a-z 0-9 . _ - between /");
            }
        }
        Ok(Self(text))
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key's segments.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

impl Prefix {
    /// The beginning of every key.
    pub const ALL: Self = Self(String::new());

    /// Takes a prefix's text: empty, or the beginning of some key.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let refuse = |reason| Err(InvalidKey { what: "prefix", reason });
        if text.len() > MAX_KEY {
            return refuse("must have at most 512 characters");
        }
        if !text.bytes().all(|byte| byte == b'/' || is_legal(byte)) {
            return refuse("may only have the characters A-Z a-z 0-9 . _ - /");
        }
        let whole = text.rsplit_once('/').map_or("", |(whole, _)| whole);
        if text.starts_with('/') || (!whole.is_empty() && Key::new(whole).is_err()) {
            return refuse("must be the beginning of a key");
        }
        Ok(Self(text))
    }

    /// The prefix's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this key begins so.
    pub fn matches(&self, key: &Key) -> bool {
        key.0.starts_with(&self.0)
    }
}

impl Version {
    /// Takes a version's text: 1 to 128 printable ASCII characters.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        if text.is_empty() || text.len() > MAX_VERSION || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey {
                what: "version",
                reason: "must have 1 to 128 printable ASCII characters",
            });
        }
        Ok(Self(text))
    }

    /// The version's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = InvalidKey;
            fn from_str(text: &str) -> Result<Self, InvalidKey> { Self::new(text) }
        }
    )+};
}
as_text!(Key, Prefix, Version);

impl From<&Key> for Prefix {
    fn from(key: &Key) -> Self {
        Self(key.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_segments_of_plain_characters() {
        let long = format!("{}/{}", "a".repeat(128), "b".repeat(128));
        for good in ["a", "banca-alfa/0197/leg0/sec0/00000000", "a/.b/c..d", "A_b.C-9", &long] {
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
        let (segment, whole) = ("a".repeat(129), "a/".repeat(256) + "a");
        for bad in [
            "", "/", "a/", "/a", "a//b", ".", "a/../b", "./a", "a b", "a=b", "è", "a\0", "a\\b", &segment,
            &whole,
        ] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_prefix_is_the_beginning_of_a_key() {
        for good in ["", "a", "a/", "a/b", "a/.", "a/.."] {
            assert!(Prefix::new(good).is_ok(), "{good:?}");
        }
        for bad in ["/", "/a", "a//", "../", "a/../", "a//b", "a b"] {
            assert!(Prefix::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refused_key_is_not_repeated_in_its_error() {
        assert!(!Key::new("+390612345678").unwrap_err().to_string().contains("0612"));
    }
}
