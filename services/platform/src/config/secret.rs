//! Secrets in a configuration are only ever named: by file, or by environment variable.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::Strings;

/// Largest secret file that is read.
const FILE_MAX: u64 = 64 << 10;

/// Where a secret is: `file:PATH` or `env:NAME`. The secret itself is never in a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretRef {
    /// In this file; a newline at its end does not count.
    File(PathBuf),
    /// In this environment variable.
    Env(String),
}

/// A secret's text: wiped when dropped, never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// A secret that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file cannot be read.
    #[error("secret file {} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its file is too large to be a secret.
    #[error("secret file {} is longer than {FILE_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Its variable is not set.
    #[error("environment variable {name} is not set")]
    Unset {
        /// The variable.
        name: String,
    },
}

impl Secret {
    /// Takes a secret's text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl SecretRef {
    /// Reads the secret.
    pub fn resolve(&self, strings: &dyn Strings) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => {
                strings.get(name).map(Secret::new).ok_or_else(|| SecretError::Unset { name: name.clone() })
            }
            Self::File(path) => {
                let unreadable = |source| SecretError::File { path: path.clone(), source };
                if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_MAX {
                    return Err(SecretError::TooLong { path: path.clone() });
                }
                let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
                Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
            }
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

impl FromStr for SecretRef {
    type Err = &'static str;
    /// The error does not repeat the text: it may be the secret itself, put here by mistake.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(_) | None => Err("must be file:PATH or env:NAME; a secret is never written here itself"),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
