//! The configuration: one section a part, all with working embedded defaults.

pub mod dump;
mod engines;
mod peers;
mod storage;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use platform::config::{Loader, Strings};
use serde::{Deserialize, Serialize};

pub use engines::{Cql, Kafka};
pub use peers::Peers;
pub use storage::{Engine, Storage};

use crate::cli::Global;
use crate::drill::Drill;

/// Everything that can be configured. `verbale config dump` prints it with its defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which engines, and where.
    pub storage: Storage,
    /// How Apache Kafka is used, where `storage.log` names one.
    pub kafka: Kafka,
    /// How the CQL cluster is used, where `storage.store` names one.
    pub cql: Cql,
    /// Where roles are served that do not run in this process.
    pub peers: Peers,
    /// Where gRPC is served, and its bounds.
    pub server: platform::server::Config,
    /// TLS, for those who call and those who are called.
    pub tls: platform::tls::Config,
    /// Calls to other processes.
    pub wire: platform::wire::Config,
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
    /// Periods, holds, erasures.
    pub retention: retention::Config,
    /// People's requests.
    pub dsar: dsar::Config,
    /// The ledger.
    pub ledger: audit::Config,
    /// Drills.
    pub drill: Drill,
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

/// Refuses a configuration that cannot work, by the first of its [`problems`].
pub fn check_roles(config: &Config) -> Result<()> {
    match problems(config).into_iter().next() {
        Some(problem) => Err(anyhow::anyhow!(problem)),
        None => Ok(()),
    }
}

/// What the roles say of their own sections, and what one section promises to another; each problem begins with its
/// key.
pub fn problems(config: &Config) -> Vec<String> {
    let [log, store, objects, journal] = engine_urls(config);
    let sections = [
        ("storage", log),
        ("storage", store),
        ("storage", objects),
        ("storage", journal),
        ("kafka", config.kafka.check()),
        ("cql", config.cql.check()),
        ("server", config.server.check()),
        ("tls", config.tls.check()),
        ("wire", config.wire.check()),
        ("auth", config.auth.check()),
        ("telemetry", config.telemetry.check()),
        ("audit", config.audit.check()),
        ("outbox", config.outbox.check()),
        ("ingest", config.ingest.check()),
        ("consent", config.consent.check()),
        ("crypto", config.crypto.check()),
        ("archive", config.archive.check()),
        ("retention", config.retention.check()),
        ("dsar", config.dsar.check()),
        ("ledger", config.ledger.check()),
    ];
    let own = sections.into_iter().filter_map(|(section, checked)| Some((section, checked.err()?)));
    let own = own.map(|(section, problem)| format!("{section}.{problem}"));
    own.chain(broken_promises(config)).collect()
}

/// Whether the engines that `storage` names take their URLs, for log, store, objects and journal: by the parsers that open
/// them, but without their credentials, which may be there at the start alone.
fn engine_urls(config: &Config) -> [Result<(), String>; 4] {
    let Config { storage, kafka, cql, .. } = config;
    [
        storage.log().and_then(|engine| engine.taken_by("log", |url| kafka.options(url))),
        storage.store().and_then(|engine| engine.taken_by("store", |url| cql.at(url))),
        storage
            .objects()
            .and_then(|engine| engine.taken_by("objects", |url| url.parse::<objects::S3Options>())),
        storage
            .journal()
            .and_then(|engine| engine.taken_by("journal", |url| url.parse::<objects::S3Options>())),
    ]
}

/// What one section promises to another and does not keep.
fn broken_promises(config: &Config) -> Vec<String> {
    let Config { storage, server, audit, outbox, ingest, consent, archive, retention, dsar, ledger, .. } =
        config;
    let session = match storage.log() {
        Ok(Engine::At(_)) => config.kafka.session_timeout.0,
        Ok(Engine::Embedded) | Err(_) => eventlog::SqliteLogOptions::default().session_timeout,
    };
    let promises = [
        (
            !matches!(storage.log(), Ok(Engine::At(_))) || storage.store() != Ok(Engine::Embedded),
            "storage.store must be scylla:// where storage.log is kafka://: fences of partitions are kept there"
                .to_owned(),
        ),
        (server.deadline > audit.wait, format!("server.deadline must be above audit.wait ({})", audit.wait)),
        (
            retention.patience.0 < server.deadline.0,
            format!("retention.patience must be below server.deadline ({})", server.deadline),
        ),
        (
            dsar.hold.0 <= retention.review.0,
            format!("dsar.hold must be at most retention.review ({})", retention.review),
        ),
        (
            ingest.drain < server.drain,
            format!("ingest.drain must be below server.drain ({})", server.drain),
        ),
        (
            outbox.batch <= audit.queue,
            format!("outbox.batch must be at most audit.queue ({})", audit.queue),
        ),
        (
            consent.crypto_wait.0.saturating_add(consent.seal_wait.0) < ingest.call.0,
            format!(
                "consent.crypto_wait and consent.seal_wait together must be below ingest.call ({})",
                ingest.call
            ),
        ),
        (
            consent.beat.0.saturating_mul(4) <= ingest.consent_silence.0,
            format!(
                "consent.beat must be at most a quarter of ingest.consent_silence ({})",
                ingest.consent_silence
            ),
        ),
        (
            ledger.silence.0 >= audit.heartbeat.0.saturating_mul(3),
            format!("ledger.silence must be at least three times audit.heartbeat ({})", audit.heartbeat),
        ),
        (
            archive.poll_wait.0 < session,
            format!("archive.poll_wait must be below the log's session timeout ({session:?})"),
        ),
        (
            archive.turn.0 < session,
            format!("archive.turn must be below the log's session timeout ({session:?})"),
        ),
        (
            ledger.poll.0 < session,
            format!("ledger.poll must be below the log's session timeout ({session:?})"),
        ),
    ];
    promises.into_iter().filter(|(kept, _)| !kept).map(|(_, problem)| problem).collect()
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
            server: None,
            ca: None,
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
    fn a_key_that_kafka_s_security_does_not_take_is_refused_by_name() {
        for (set, named) in [
            ("kafka.security.bogus=5", "kafka.security.bogus (from flag)"),
            ("kafka.security.password=hunter2", "kafka.security.password (from flag)"),
            ("kafka.security.username=a", "username"),
        ] {
            let error = load(&global(&[set], "d", None), &nothing()).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains("hunter2"), "{set}: {error}");
        }
        let set = ["kafka.security.protocol=tls", "kafka.security.ca_file=/etc/ca.pem"];
        let config = load(&global(&set, "d", None), &nothing()).unwrap();
        let tls = eventlog::Security::Tls { ca_file: Some("/etc/ca.pem".into()), identity: None };
        assert_eq!(config.kafka.security, tls);
    }

    #[test]
    fn every_problem_of_a_configuration_is_told() {
        let set = [
            "storage.log=kafka://",
            "storage.store=scylla://",
            "storage.objects=s3://",
            "storage.journal=s3://",
            "kafka.queue=0",
            "ledger.batch=0",
            "consent.beat=501ms",
        ];
        let config = load(&global(&set, "d", None), &nothing()).unwrap();
        let told = problems(&config);
        let keys: Vec<_> = told.iter().filter_map(|problem| problem.split(' ').next()).collect();
        let wanted = [
            "storage.log",
            "storage.store",
            "storage.objects",
            "storage.journal",
            "kafka.queue",
            "ledger.batch",
            "consent.beat",
        ];
        assert_eq!(keys, wanted, "{told:?}");
    }

    #[test]
    fn an_engine_s_url_is_refused_by_its_engine_and_shown_nowhere() {
        for (key, url) in [
            ("storage.log", "kafka://user:hunter2@a:9092"),
            ("storage.store", "scylla://user:hunter2@a:9042/verbale"),
            ("storage.store", "scylla://a:9042/verbale?password=hunter2"),
            ("storage.objects", "s3://user:hunter2@bucket"),
            ("storage.objects", "s3://bucket?endpoint=http://user:hunter2@a:9000"),
            ("storage.objects", "s3://bucket?secret=hunter2"),
        ] {
            let set = format!("{key}={url}");
            let config = load(&global(&[set.as_str()], "d", None), &nothing()).unwrap();
            let told = problems(&config);
            assert!(told[0].starts_with(&format!("{key} ")), "{url}: {told:?}");
            let shown = dump::redacted(&config);
            let dumped = [dump::text(&shown).unwrap(), serde_json::to_string(&shown).unwrap()];
            let all = [told.concat(), dumped.concat()].concat();
            assert!(!all.contains("hunter2"), "{url}: {all}");
        }
    }

    #[test]
    fn engines_are_checked_without_the_credentials_of_their_start() {
        let set = [
            "storage.log=kafka://a:9092,b:9092",
            "storage.store=scylla://a:9042/verbale?replication=3",
            "storage.objects=s3://bucket?endpoint=http://a:9000&path_style=true",
            "cql.user=verbale",
            "cql.password=env:SET_AT_THE_START",
        ];
        let config = load(&global(&set, "d", None), &nothing()).unwrap();
        assert_eq!(problems(&config), Vec::<String>::new());
    }

    #[test]
    fn values_that_cannot_work_are_refused_with_section_and_key() {
        check_roles(&Config::default()).unwrap();
        let cases = [
            ("storage.log", "redis://log"),
            ("storage.store", "sqlite://x"),
            ("storage.objects", "s3:bucket"),
            ("storage.log", "kafka://"),
            ("storage.store", "scylla://"),
            ("storage.objects", "s3://"),
            ("kafka.queue", "0"),
            ("cql.password", "env:PASSWORD"),
            ("server.deadline", "0s"),
            ("tls.key", "a.key"),
            ("wire.connect", "0s"),
            ("auth.issuer", "https://id.example"),
            ("telemetry.otlp_ratio", "2.0"),
            ("audit.queue", "0"),
            ("outbox.batch", "0"),
            ("ingest.window_frames", "100"),
            ("consent.watches", "0"),
            ("crypto.leases", "0"),
            ("archive.replays", "0"),
            ("retention.share", "101"),
            ("dsar.rest", "0s"),
            ("ledger.batch", "0"),
            // What one section promises to another.
            ("server.deadline", "5s"),
            ("retention.patience", "30s"),
            ("dsar.hold", "9000h"),
            ("ingest.drain", "20s"),
            ("outbox.batch", "10000"),
            ("consent.crypto_wait", "2s"),
            ("consent.beat", "501ms"),
            ("ledger.silence", "29s"),
            ("archive.poll_wait", "30s"),
            ("archive.turn", "30s"),
        ];
        for (key, value) in cases {
            let set = [format!("{key}={value}"), "audit.queue=9999".to_owned()];
            let set: Vec<_> = set.iter().rev().map(String::as_str).collect();
            let problem = check_roles(&load(&global(&set, "d", None), &nothing()).unwrap()).unwrap_err();
            let named = match key {
                "auth.issuer" => "auth.jwks",
                "tls.key" => "tls.cert",
                own => own,
            };
            assert!(problem.to_string().starts_with(&format!("{named} ")), "{key}={value}: {problem}");
        }
    }
}
