//! The configuration: one section a part, all with working embedded defaults.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use platform::config::{Loader, Strings};
use serde::{Deserialize, Serialize};

use crate::cli::Global;

/// Everything that can be configured. `verbale config dump` prints it with its defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which engines, and where.
    pub storage: Storage,
    /// Where gRPC is served, and its bounds.
    pub server: platform::server::Config,
    /// Whose tokens are taken.
    pub auth: platform::auth::Config,
    /// Logs and traces.
    pub telemetry: platform::telemetry::Config,
    /// How audit entries are produced.
    pub audit: platform::audit::Config,
    /// How outgoing events are published.
    pub outbox: platform::outbox::Config,
    /// Calls come in.
    pub ingest: ingest::Config,
    /// Subjects, notices, consent, policies.
    pub consent: consent::Config,
    /// Keys.
    pub crypto: crypto::Config,
    /// Recordings.
    pub archive: archive::Config,
    /// The ledger.
    pub ledger: audit::Config,
}

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
}

impl Default for Storage {
    fn default() -> Self {
        Self { data: "verbale-data".into(), keys: None, policies: None }
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
}

/// Loads it: default < file < environment < flag.
pub fn load(global: &Global, strings: &dyn Strings) -> Result<Config> {
    let mut loader = Loader::new();
    if let Some(file) = &global.config {
        loader = loader.file(file)?;
    }
    let loader = loader.env(strings).flags(global.set.iter().map(String::as_str))?;
    let mut config: Config = loader.load()?;
    if let Some(data) = &global.data {
        config.storage.data.clone_from(data);
    }
    if let Some(keys) = &global.keys {
        config.storage.keys = Some(keys.clone());
    }
    check(&config)?;
    Ok(config)
}

/// What no single section can say of itself.
fn check(config: &Config) -> Result<()> {
    let keys = config.storage.keys();
    anyhow::ensure!(
        !inside(&keys, &config.storage.data)?,
        "storage.keys: {} lies inside the data directory {}; a backup of data would then hold the keys",
        keys.display(),
        config.storage.data.display()
    );
    Ok(())
}

/// What the roles say of their own sections, each problem with its key.
pub fn check_roles(config: &Config) -> Result<()> {
    config.archive.check().map_err(|problem| anyhow::anyhow!("archive.{problem}"))?;
    config.ledger.check().map_err(anyhow::Error::msg)
}

/// Whether `path` is `folder` or below it, links resolved as far as they exist.
fn inside(path: &Path, folder: &Path) -> Result<bool> {
    Ok(resolved(path)?.starts_with(resolved(folder)?))
}

fn resolved(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))?;
    let mut existing = absolute.clone();
    let mut missing = Vec::new();
    loop {
        if let Ok(real) = existing.canonicalize() {
            return Ok(missing.iter().rev().fold(real, |path, part| path.join(part)));
        }
        match (existing.file_name().map(ToOwned::to_owned), existing.pop()) {
            (Some(name), true) => missing.push(name),
            _ => return Ok(absolute),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn nothing() -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn global(set: &[&str], data: &str, keys: Option<&str>) -> Global {
        Global {
            json: false,
            config: None,
            set: set.iter().map(ToString::to_string).collect(),
            server: String::new(),
            token: None,
            tenant: None,
            data: Some(data.into()),
            keys: keys.map(Into::into),
        }
    }

    #[test]
    fn keys_inside_the_data_directory_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let data = data.to_str().unwrap();
        load(&global(&[], data, None), &nothing()).unwrap();
        for inside in [data.to_owned(), format!("{data}/keys"), format!("{data}/../data/keys")] {
            let error = load(&global(&[], data, Some(&inside)), &nothing()).unwrap_err().to_string();
            assert!(error.contains("inside the data directory"), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = load(&global(&["server.listne=1"], "d", None), &nothing()).unwrap_err().to_string();
        assert!(error.contains("server.listne"), "{error}");
    }

    #[test]
    fn keys_lie_beside_the_data() {
        let storage = |data: &str| Storage { data: data.into(), ..Storage::default() };
        assert_eq!(storage("verbale-data").keys(), Path::new("verbale-keys"));
        assert_eq!(storage("/srv/x/data").keys(), Path::new("/srv/x/keys"));
        assert_eq!(storage("/srv/one").keys(), Path::new("/srv/one-keys"));
    }
}
