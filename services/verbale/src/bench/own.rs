//! A mesh to be measured: every role in one process of its own, on fresh directories that go with it.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kernel::{EventId, PurposeName, TenantId};
use platform::tls::ClientAuth;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::bench::figures::Shape;
use crate::config::{Config, Storage};
use crate::connect::{self, Caller, Speaker};

/// No regime: nothing that it makes is locked.
const POLICY: &str = "tenant: bench\njurisdiction: IT\npurposes:\n  bench: { basis: legitimate_interest, \
                      retention: P1D, from: start, roles: [compliance] }\n";
/// How long it may take to come up, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which mesh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// On embedded storage.
    Embedded,
    /// The same, called over TLS.
    EmbeddedTls,
    /// On the engines that the configuration names.
    Engines,
}

/// A running one; dies with this.
pub(super) struct Own {
    kind: Kind,
    folder: TempDir,
    config: Config,
    process: Child,
    // Kept open, so that the program can go on writing.
    _stdout: BufReader<ChildStdout>,
    server: String,
    metrics: SocketAddr,
}

pub(super) fn tenant() -> TenantId {
    TenantId::new("bench").expect("a plain word")
}

pub(super) fn purpose() -> PurposeName {
    PurposeName::new("bench").expect("a plain word")
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::EmbeddedTls => "embedded, TLS",
            Self::Engines => "engines",
        }
    }
}

impl Own {
    /// Starts it and waits until it is up.
    pub(super) async fn start(kind: Kind, given: &Config) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("verbale-bench-").tempdir()?;
        let metrics = free_address()?;
        let config = configure(kind, given, folder.path(), metrics);
        std::fs::create_dir_all(folder.path().join("policies/bench"))?;
        std::fs::write(folder.path().join("policies/bench/policy.yaml"), POLICY)?;
        let file = folder.path().join("verbale.toml");
        std::fs::write(&file, platform::config::dump(&config)?)?;
        match kind {
            Kind::Embedded => {}
            Kind::EmbeddedTls => {
                let certs = folder.path().join("certs");
                run(program()?.args(["certs", "dev", "--out"]).arg(certs)).await?;
            }
            Kind::Engines => run(program()?.args(["migrate", "--config"]).arg(&file)).await?,
        }
        let (process, stdout, server) = up(folder.path(), &file).await?;
        Ok(Self { kind, folder, config, process, _stdout: stdout, server, metrics })
    }

    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }
    pub(super) fn config(&self) -> &Config {
        &self.config
    }
    pub(super) fn metrics(&self) -> SocketAddr {
        self.metrics
    }
    pub(super) fn pid(&self) -> Result<u32> {
        self.process.id().context("the mesh has ended")
    }
    pub(super) fn sender(&self) -> Result<Caller> {
        self.caller(Speaker::Sender)
    }
    pub(super) fn person(&self) -> Result<Caller> {
        self.caller(Speaker::Person)
    }

    /// What it leaves on engines.
    pub(super) fn left(&self) -> Option<Vec<String>> {
        let Storage { store, objects, .. } = &self.config.storage;
        let names = [format!("topics {}*", self.config.kafka.prefix), plain(store), plain(objects)];
        (self.kind == Kind::Engines).then(|| names.into())
    }

    /// Stops it in order, and tells what was measured; or, where that failed, what the mesh has to say.
    pub(super) async fn stop(mut self, measured: Result<Shape>) -> Result<Shape> {
        let pid = self.pid()?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await.context("cannot stop the mesh")?;
        let ended = timeout(PATIENCE, self.process.wait()).await.context("the mesh does not stop")??;
        let shape = measured.with_context(|| said(self.folder.path(), self.name()))?;
        ensure!(ended.success(), "{}", said(self.folder.path(), self.name()));
        Ok(shape)
    }

    fn caller(&self, speaker: Speaker) -> Result<Caller> {
        let token = connect::own_token(&self.config, speaker, Some(&tenant()))?;
        let ca = self.folder.path().join("certs/ca.crt");
        let tls = connect::tls(&self.server, Some(&ca), &platform::tls::Config::default())?;
        Caller::over(&self.server, &self.config.wire, tls.as_ref(), token, Some(tenant()))
    }
}

/// As it was given, but alone: nobody else's topics, tables, objects, keys or peers.
fn configure(kind: Kind, given: &Config, folder: &Path, metrics: SocketAddr) -> Config {
    let mut config = given.clone();
    let default = Config::default();
    (config.tls, config.peers, config.auth) = (default.tls, default.peers, default.auth);
    config.server.listen = "127.0.0.1:0".to_owned();
    config.server.metrics = Some(metrics.to_string());
    let places = Storage {
        data: folder.join("data"),
        keys: Some(folder.join("keys")),
        policies: Some(folder.join("policies")),
        ..default.storage
    };
    let given = std::mem::replace(&mut config.storage, places);
    match kind {
        Kind::Embedded => {}
        Kind::EmbeddedTls => {
            config.tls.cert = Some(folder.join("certs/ingest.crt"));
            config.tls.key = Some(folder.join("certs/ingest.key"));
            config.tls.client_auth = ClientAuth::None;
        }
        Kind::Engines => {
            let own = EventId::new().to_string().replace('-', "");
            config.kafka.prefix = format!("bench-{own}.");
            config.storage.log = given.log;
            config.storage.store = in_keyspace(&given.store, &format!("bench_{own}"));
            config.storage.objects = in_folder(&given.objects, &format!("bench-{own}"));
        }
    }
    config
}

/// `scylla://nodes[/keyspace][?...]`, in another keyspace.
fn in_keyspace(url: &str, keyspace: &str) -> String {
    let (address, parameters) = split(url);
    let nodes = address.strip_prefix("scylla://").and_then(|rest| rest.split('/').next());
    nodes.map_or_else(|| url.to_owned(), |nodes| format!("scylla://{nodes}/{keyspace}{parameters}"))
}

/// `s3://bucket[/root][?...]`, below a folder of its own.
fn in_folder(url: &str, folder: &str) -> String {
    let (address, parameters) = split(url);
    if address.starts_with("s3://") { format!("{address}/{folder}{parameters}") } else { url.to_owned() }
}

/// The parameters with their question mark.
fn split(url: &str) -> (&str, &str) {
    url.split_at(url.find('?').unwrap_or(url.len()))
}

fn plain(url: &str) -> String {
    split(url).0.to_owned()
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The program itself. What the environment sets is in its configuration file already, where it is to have it.
fn program() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program is not found")?);
    for name in ["VERBALE_CONFIG", "VERBALE_DATA", "VERBALE_KEYS"] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERBALE__")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

async fn run(command: &mut Command) -> Result<()> {
    let ended = command.output().await?;
    ensure!(
        ended.status.success(),
        "cannot prepare a mesh: {}",
        String::from_utf8_lossy(&ended.stderr).trim()
    );
    Ok(())
}

async fn up(folder: &Path, config: &Path) -> Result<(Child, BufReader<ChildStdout>, String)> {
    let log = File::create(log(folder))?;
    let mut command = program()?;
    command.arg("up").arg("--config").arg(config).stdout(Stdio::piped()).stderr(log);
    let mut process = command.spawn().context("the mesh cannot be started")?;
    let mut stdout = BufReader::new(process.stdout.take().context("it was piped")?);
    let mut line = String::new();
    let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
    match (read, line.trim().strip_prefix("verbale is up on ")) {
        (Ok(Ok(_)), Some(server)) => Ok((process, stdout, server.to_owned())),
        (Ok(Ok(_)) | Ok(Err(_)) | Err(_), _) => bail!("{}", said(folder, "the mesh did not come up")),
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("mesh.log")
}

/// The end of what it logged.
fn said(folder: &Path, what: &str) -> String {
    let text = std::fs::read_to_string(log(folder)).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    format!("{what}; its log ends: {}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_policy_records_from_the_start_and_locks_nothing() {
        let policy = policy::parse(POLICY, &|_| None).unwrap();
        let purpose = &policy.purposes[&purpose()];
        assert_eq!((purpose.from.to_string(), &purpose.regime), ("start".to_owned(), &None));
    }

    #[test]
    fn on_engines_it_has_places_of_its_own() {
        let keyspaces = [
            ("scylla://a:1,b:2/verbale?replication=3", "scylla://a:1,b:2/x?replication=3"),
            ("scylla://a:1", "scylla://a:1/x"),
        ];
        for (given, own) in keyspaces {
            assert_eq!(in_keyspace(given, "x"), own);
        }
        let folders = [
            ("s3://bucket/root?path_style=true", "s3://bucket/root/x?path_style=true"),
            ("s3://bucket", "s3://bucket/x"),
            ("dir:", "dir:"),
        ];
        for (given, own) in folders {
            assert_eq!(in_folder(given, "x"), own);
        }
    }

    #[test]
    fn it_takes_over_bounds_but_neither_keys_nor_peers() {
        let mut given = Config::default();
        given.ingest.sessions = 7;
        given.storage.log = "kafka://a:1".into();
        given.storage.store = "scylla://a:2/verbale".into();
        given.storage.objects = "s3://bucket".into();
        given.auth.issuer_key = Some("elsewhere".into());
        given.peers.own = Some("https://a:3".to_owned());
        let folder = Path::new("/bench");
        let metrics = "127.0.0.1:1".parse().unwrap();
        let embedded = configure(Kind::Embedded, &given, folder, metrics);
        assert_eq!(embedded.storage.log, "sqlite:");
        let engines = configure(Kind::Engines, &given, folder, metrics);
        assert_eq!(engines.storage.log, "kafka://a:1");
        assert!(engines.storage.store.starts_with("scylla://a:2/bench_"), "{}", engines.storage.store);
        assert!(engines.kafka.prefix.starts_with("bench-"), "{}", engines.kafka.prefix);
        for config in [embedded, engines] {
            assert_eq!(config.ingest.sessions, 7);
            assert_eq!((config.auth.issuer_key, config.peers.own), (None, None));
            assert!(config.storage.keys().starts_with(folder) && config.storage.data.starts_with(folder));
        }
    }
}
