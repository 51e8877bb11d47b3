//! The `storage` section: which engines a process stands on, and where they are.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which engines, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Data directory of the embedded engines.
    pub data: PathBuf,
    /// Keys directory; unset: `<data>-keys` beside the data directory. Never inside it.
    pub keys: Option<PathBuf>,
    /// Policies, one folder a tenant; unset: `policies` beside the data directory.
    pub policies: Option<PathBuf>,
    /// The event log: `sqlite:` in the data directory, or `kafka://host:port,host:port`.
    pub log: String,
    /// The roles' tables: `sqlite:` in the data directory, or `scylla://host:port,host:port/keyspace`. Key
    /// tables lie apart: in the keys directory, or in a keyspace of their own, `<keyspace>_keys`.
    pub store: String,
    /// Objects: `dir:` in the data directory, or `s3://bucket?endpoint=...&region=...`.
    pub objects: String,
    /// The restrictive journal, which no backup of the data may hold: `dir:` in the keys directory, or a bucket as for
    /// `objects`. Unset: where the objects lie in a directory the keys directory, else the objects' bucket, under
    /// `journal/`; a backup of that bucket must leave it out.
    pub journal: Option<String>,
    /// A second place for the key tables, on another disk; unset: one disk holds the keys. Where they are in a CQL
    /// cluster its replicas and snapshots are, and this is not used.
    pub key_copies: Option<PathBuf>,
}

/// An engine, as its URL names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine<'a> {
    /// In the data directory.
    Embedded,
    /// Elsewhere: the whole URL.
    At(&'a str),
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            data: "verbale-data".into(),
            keys: None,
            policies: None,
            log: "sqlite:".to_owned(),
            store: "sqlite:".to_owned(),
            objects: "dir:".to_owned(),
            journal: None,
            key_copies: None,
        }
    }
}

impl Storage {
    /// The keys directory in force.
    pub fn keys(&self) -> PathBuf {
        let beside = || {
            let name = self.data.file_name().map_or_else(|| "verbale-data".into(), |n| n.to_string_lossy());
            let stem = name.strip_suffix("-data").unwrap_or(&name);
            let keys = if *stem == *"data" { "keys".to_owned() } else { format!("{stem}-keys") };
            self.data.with_file_name(keys)
        };
        self.keys.clone().unwrap_or_else(beside)
    }

    /// The directory of policies in force.
    pub fn policies(&self) -> PathBuf {
        self.policies.clone().unwrap_or_else(|| self.data.with_file_name("policies"))
    }

    /// The event log's engine.
    pub fn log(&self) -> Result<Engine<'_>, String> {
        engine("log", &self.log, "sqlite:", "kafka://")
    }

    /// The tables' engine.
    pub fn store(&self) -> Result<Engine<'_>, String> {
        engine("store", &self.store, "sqlite:", "scylla://")
    }

    /// The objects' engine.
    pub fn objects(&self) -> Result<Engine<'_>, String> {
        engine("objects", &self.objects, "dir:", "s3://")
    }

    /// The restrictive journal's engine.
    pub fn journal(&self) -> Result<Engine<'_>, String> {
        match &self.journal {
            Some(url) => engine("journal", url, "dir:", "s3://"),
            None => self.objects(),
        }
    }
}

impl Engine<'_> {
    /// Refuses a URL that the engine's own parser does not take, naming the key. Parsers do not repeat the URL, which
    /// may hold a password.
    pub fn taken_by<T, E: fmt::Display>(
        self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<(), String> {
        match self {
            Self::Embedded => Ok(()),
            Self::At(url) => match parse(url) {
                Ok(_) => Ok(()),
                Err(problem) => Err(format!("{key} cannot be used: {problem}")),
            },
        }
    }
}

fn engine<'a>(key: &str, url: &'a str, embedded: &str, scheme: &str) -> Result<Engine<'a>, String> {
    if url == embedded {
        return Ok(Engine::Embedded);
    }
    if url.starts_with(scheme) {
        return Ok(Engine::At(url));
    }
    Err(format!("{key} must be {embedded} for the data directory, or begin with {scheme}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn keys_lie_beside_the_data() {
        let storage = |data: &str| Storage { data: data.into(), ..Storage::default() };
        assert_eq!(storage("verbale-data").keys(), Path::new("verbale-keys"));
        assert_eq!(storage("/srv/x/data").keys(), Path::new("/srv/x/keys"));
        assert_eq!(storage("/srv/one").keys(), Path::new("/srv/one-keys"));
    }

    #[test]
    fn engines_go_by_their_scheme() {
        let default = Storage::default();
        for engine in [default.log(), default.store(), default.objects()] {
            assert_eq!(engine, Ok(Engine::Embedded));
        }
        let kafka = Storage { log: "kafka://one:9092,two:9092".into(), ..default.clone() };
        assert_eq!(kafka.log(), Ok(Engine::At("kafka://one:9092,two:9092")));
        let wrong = Storage {
            log: "redis://x".into(),
            store: "sqlite:///x".into(),
            objects: "s3:bucket".into(),
            ..default
        };
        for (key, engine) in [("log", wrong.log()), ("store", wrong.store()), ("objects", wrong.objects())] {
            let problem = engine.unwrap_err();
            assert!(problem.starts_with(key), "{problem}");
        }
    }
}
