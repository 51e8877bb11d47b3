//! Layered, typed configuration: default < file < environment < flag.
//!
//! The configuration's struct belongs to whoever loads it (`verbale`, with a section per role); here are
//! the [`Loader`], the units, the references to secrets, and [`dump`]. Every struct of a configuration has
//! `#[serde(deny_unknown_fields, default)]`, so that a misspelt key is an error that names it.

mod amount;
mod secret;
mod strings;
mod units;

use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use amount::{Amount, above_zero};
pub use secret::{Secret, SecretError, SecretRef};
pub use strings::{ProcessEnv, Strings};
pub use units::{ByteSize, Period};

/// What every environment variable of a configuration begins with: `VERBALE__SECTION__KEY`.
pub const ENV_PREFIX: &str = "VERBALE__";
/// Largest configuration file that is read.
const FILE_MAX: u64 = 1 << 20;

/// A configuration that cannot be loaded; says which key, and which layer it came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is longer than a configuration can be.
    #[error("configuration file {} is longer than {FILE_MAX} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("configuration file {} is not TOML: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        problem: String,
    },
    /// A flag is not `key=value`.
    #[error("flag {flag} must be section.key=value")]
    Flag {
        /// The flag's key part.
        flag: String,
    },
    /// A key is unknown or its value is wrong.
    #[error("{key} (from {layer}): {problem}")]
    Key {
        /// `section.key`.
        key: String,
        /// `default`, `file PATH`, `environment` or `flag`.
        layer: String,
        /// What is wrong; never repeats the value.
        problem: String,
    },
    /// A configuration cannot be written as TOML.
    #[error("the configuration cannot be written as TOML")]
    Dump {
        /// Why.
        #[source]
        source: toml::ser::Error,
    },
}

/// Collects the layers, then loads.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    file: Option<(PathBuf, String)>,
    env: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

impl Loader {
    /// Defaults only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over the defaults: this file.
    pub fn file(mut self, path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_MAX {
            return Err(ConfigError::TooLong { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        text.parse::<toml::Table>()
            .map_err(|error| ConfigError::Syntax { path: path.to_owned(), problem: place(&text, &error) })?;
        self.file = Some((path.to_owned(), text));
        Ok(self)
    }

    /// Over the file: every `VERBALE__SECTION__KEY` of these strings.
    pub fn env(mut self, strings: &dyn Strings) -> Self {
        let dotted = |name: &str| name[ENV_PREFIX.len()..].to_lowercase().replace("__", ".");
        self.env = strings.with_prefix(ENV_PREFIX).iter().map(|(k, v)| (dotted(k), v.clone())).collect();
        self
    }

    /// Over the environment: `section.key=value`, as from the command line.
    pub fn flags<'a>(mut self, flags: impl IntoIterator<Item = &'a str>) -> Result<Self, ConfigError> {
        for flag in flags {
            let (key, value) = match flag.split_once('=') {
                Some((key, value)) if !key.is_empty() => (key, value),
                Some(_) | None => return Err(ConfigError::Flag { flag: flag.to_owned() }),
            };
            self.flags.push((key.to_owned(), value.to_owned()));
        }
        Ok(self)
    }

    /// The configuration, or the first thing wrong with it.
    pub fn load<C: Serialize + DeserializeOwned + Default>(&self) -> Result<C, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(C::default()));
        if let Some((path, text)) = &self.file {
            let layer = Named { name: format!("file {}", path.display()), inner: Toml::string(text) };
            figment = figment.merge(layer);
        }
        figment
            .merge(Pairs { name: "environment", pairs: &self.env })
            .merge(Pairs { name: "flag", pairs: &self.flags })
            .extract()
            .map_err(explain)
    }
}

/// The configuration as TOML, to be loaded again. Secrets are only references in it; URLs are as they were given.
pub fn dump<C: Serialize>(config: &C) -> Result<String, ConfigError> {
    toml::to_string_pretty(config).map_err(|source| ConfigError::Dump { source })
}

/// A provider under a layer's name, which errors then say.
struct Named<P> {
    name: String,
    inner: P,
}

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }
    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        self.inner.data()
    }
}

/// Dotted keys with values as text.
struct Pairs<'a> {
    name: &'static str,
    pairs: &'a [(String, String)],
}

impl Provider for Pairs<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }
    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let mut root = Dict::new();
        for (key, text) in self.pairs {
            let parts: Vec<_> = key.split('.').collect();
            insert(&mut root, &parts, typed(text));
        }
        Ok(Profile::Default.collect(root))
    }
}

fn insert(dict: &mut Dict, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => {
            dict.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            let below = dict.entry((*key).to_owned()).or_insert_with(|| Dict::new().into());
            if !matches!(below, Value::Dict(..)) {
                *below = Dict::new().into();
            }
            if let Value::Dict(_, below) = below {
                insert(below, rest, value);
            }
        }
    }
}

/// Text from the environment or a flag means what it would mean in TOML, or else itself.
fn typed(text: &str) -> Value {
    let table = format!("value = {text}").parse::<toml::Table>();
    let parsed = table.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    match parsed {
        Some(toml::Value::Datetime(_)) | None => Value::from(text),
        Some(value) => Value::serialize(value).unwrap_or_else(|_| Value::from(text)),
    }
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
    format!("line {line}: {}", error.message())
}

fn explain(error: figment::Error) -> ConfigError {
    let mut key = error.path.join(".");
    let problem = match error.kind {
        Kind::UnknownField(field, legal) => {
            if error.path.last() != Some(&field) {
                key = [key.as_str(), field.as_str()]
                    .iter()
                    .filter(|p| !p.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(".");
            }
            format!("no such key here; the keys are {}", legal.join(", "))
        }
        Kind::UnknownVariant(_, legal) => format!("must be one of {}", legal.join(", ")),
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => format!("must be {wanted}"),
        Kind::InvalidLength(_, wanted) => format!("must have the length {wanted}"),
        Kind::MissingField(field) => format!("{field} is missing"),
        Kind::DuplicateField(field) => format!("{field} is there twice"),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "is out of range".to_owned(),
        Kind::Unsupported(_) | Kind::UnsupportedKey(..) => "has an unsupported form".to_owned(),
        Kind::Message(text) => text,
    };
    let layer = error.metadata.map_or_else(|| "default".to_owned(), |m| m.name.into_owned());
    ConfigError::Key { key, layer, problem }
}

#[cfg(test)]
mod tests;
