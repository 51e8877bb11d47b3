//! Engines that fault tests have to themselves, to stop, kill and cut off: one set for this test process, three
//! brokers among them, brought up by `tests/engines` when first needed. One test at a time has its turn on them.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio::time::timeout;

use super::engines::Engines;
use super::not_tested;
use super::process::Environment;
use super::proxy::Proxy;

/// Ports of one set, and where sets may lie: below those that systems give out.
const PORTS: u16 = 50;
const BASES: std::ops::Range<u16> = 23_000..32_000;
/// Offsets of ports: the brokers', what they say to those who come by way of a proxy, and where these are then
/// served; the CQL store's; S3's.
const KAFKA: u16 = 1;
const KAFKA_BEHIND: u16 = 4;
const KAFKA_BEFORE: u16 = 7;
const CQL: u16 = 21;
const S3: u16 = 31;
/// Brokers of a set, numbered from 1.
pub(crate) const BROKERS: u16 = 3;
/// Longest time that a command on engines takes; the first one may have to build and fetch them.
const COMMAND: Duration = Duration::from_secs(600);
/// Of an object store that is to be full, and what is left of it then.
const SMALL_DISK: u64 = 96 << 20;

static SET: OnceCell<Set> = OnceCell::const_new();
static TURN: Mutex<()> = Mutex::const_new(());

/// The engines, as long as it is a test's turn.
pub(crate) struct Turn {
    set: &'static Set,
    _turn: MutexGuard<'static, ()>,
}

/// Where one test reaches each engine by a way of its own, which can be cut.
pub(crate) struct Ways {
    pub(crate) kafka: Vec<Proxy>,
    pub(crate) cql: Proxy,
    pub(crate) s3: Proxy,
}

struct Set {
    state: PathBuf,
    base: u16,
    /// URLs and S3's credentials, by the names of their variables.
    exports: Environment,
    is_small: AtomicBool,
    /// It reads what nobody writes, and puts the engines down when this process ends, however it ends.
    _keeper: Child,
}

impl Turn {
    /// Waits for the turn; then every engine answers, whatever the test before did. None where faults are not
    /// asked for; a failure where they are required.
    pub(crate) async fn wait() -> Option<Self> {
        if std::env::var_os("VERBALE_FAULTS").is_none() {
            not_tested("faults", "VERBALE_FAULTS is not set: no engine is stopped, killed or cut off");
            return None;
        }
        let turn = TURN.lock().await;
        let set = SET.get_or_init(Set::up).await;
        set.use_large_disk().await;
        set.run("up", &[]).await;
        Some(Self { set, _turn: turn })
    }

    /// A part of them for a world.
    pub(crate) fn engines(&self) -> Engines {
        let url = |name| self.set.export(name);
        Engines::of(url("VERBALE_KAFKA"), url("VERBALE_CQL"), url("VERBALE_S3"))
    }

    /// A part of them, reached by ways that can be cut.
    pub(crate) async fn engines_by(&self) -> (Engines, Ways) {
        let base = self.set.base;
        let brokers = (0..BROKERS).map(|n| Proxy::between(base + KAFKA_BEFORE + n, base + KAFKA_BEHIND + n));
        let kafka = futures::future::join_all(brokers).await;
        let (cql, s3) = (Proxy::between(0, base + CQL).await, Proxy::between(0, base + S3).await);
        let log: Vec<_> = kafka.iter().map(|proxy| format!("127.0.0.1:{}", proxy.port())).collect();
        let objects = self.set.export("VERBALE_S3");
        let objects = objects.replace(&format!(":{}", base + S3), &format!(":{}", s3.port()));
        let store = format!("scylla://127.0.0.1:{}", cql.port());
        let engines = Engines::of(&format!("kafka://{}", log.join(",")), &store, &objects);
        (engines, Ways { kafka, cql, s3 })
    }

    /// What a process needs to be let in by S3.
    pub(crate) fn environment(&self) -> Environment {
        let own = |(name, _): &&(String, String)| name.starts_with("AWS_");
        self.set.exports.iter().filter(own).cloned().collect()
    }

    /// Starts an engine, or one process of it, and waits until it answers.
    pub(crate) async fn start(&self, what: &str) {
        self.set.run("ctl", &["start", what]).await;
    }
    /// Stops it in good order.
    pub(crate) async fn stop(&self, what: &str) {
        self.set.run("ctl", &["stop", what]).await;
    }
    /// `kill -9`.
    pub(crate) async fn kill(&self, what: &str) {
        self.set.run("ctl", &["kill", what]).await;
    }

    /// The object store on a small disk of its own, empty. Needs user namespaces.
    pub(crate) async fn use_small_disk(&self) {
        self.stop("s3").await;
        self.set.is_small.store(true, Ordering::SeqCst);
        let folder = self.set.disk();
        std::fs::create_dir_all(&folder).unwrap();
        let script = "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && exec \"$3\" start s3";
        let mut command = self.set.command("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh", &SMALL_DISK.to_string()]);
        finish(command.arg(folder).arg(script_of("ctl")), "start the object store on a small disk").await;
    }

    /// Takes what is left of the small disk; what is returned gives it back.
    pub(crate) fn fill_disk(&self) -> Ballast {
        let pid = std::fs::read_to_string(self.set.state.join("run/minio.pid")).unwrap();
        let pid = pid.split(' ').next().unwrap();
        // As the server sees it: nobody else does.
        let disk = self.set.disk();
        let file = Path::new("/proc").join(pid).join("root").join(disk.strip_prefix("/").unwrap());
        let file = file.join("ballast");
        let full = std::fs::write(&file, vec![0; SMALL_DISK as usize]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
        Ballast(file)
    }
}

/// What a full disk is full of.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    pub(crate) fn remove(self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

impl Set {
    async fn up() -> Self {
        let state = tempfile::Builder::new().prefix("verbale-faults-").tempdir().unwrap().keep();
        let mut set = Self {
            _keeper: keeper(&state),
            state,
            base: free_base(),
            exports: Environment::new(),
            is_small: AtomicBool::new(false),
        };
        let printed = set.run("up", &[]).await;
        let export = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        set.exports = printed.lines().filter_map(export).collect();
        set
    }

    fn export(&self, name: &str) -> &str {
        let found = self.exports.iter().find(|(own, _)| own == name);
        &found.unwrap_or_else(|| panic!("tests/engines/up exports no {name}")).1
    }

    fn disk(&self) -> PathBuf {
        self.state.join("data/minio")
    }

    async fn use_large_disk(&self) {
        if self.is_small.swap(false, Ordering::SeqCst) {
            self.run("ctl", &["stop", "s3"]).await;
        }
    }

    /// A command that finds this set and no other.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let foreign = |name: &str| name.starts_with("VERBALE") || name == "ENGINES_STARTED";
        for (name, _) in std::env::vars_os().filter(|(name, _)| foreign(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
            .env("ENGINES_STATE", &self.state)
            .env("ENGINES_PORT", self.base.to_string())
            .env("ENGINES_BROKERS", BROKERS.to_string())
            .env("ENGINES_KAFKA_HEAP", "256m");
        command
    }

    /// Runs one of the scripts; what it printed.
    async fn run(&self, script: &str, args: &[&str]) -> String {
        let mut command = self.command(script_of(script));
        finish(command.args(args), &format!("{script} {args:?}")).await
    }
}

async fn finish(command: &mut Command, what: &str) -> String {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let ended = timeout(COMMAND, running).await.expect("a command on engines ends").unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{what} failed:\n{said}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

fn script_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("engines").join(name)
}

/// In a group of its own, so that what ends this process from a terminal does not end it too.
fn keeper(state: &Path) -> Child {
    std::process::Command::new("sh")
        .args(["-c", "cat >/dev/null; exec \"$0\" --purge"])
        .arg(script_of("down"))
        .env("ENGINES_STATE", state)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Where every port of a set is free; another test process looks elsewhere first.
fn free_base() -> u16 {
    let sets = (BASES.end - BASES.start) / PORTS;
    let first = (std::process::id() % u32::from(sets)) as u16;
    let bases = (0..sets).map(|n| BASES.start + (first + n) % sets * PORTS);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let free = bases.into_iter().find(|base| (KAFKA..PORTS).all(|offset| is_free(base + offset)));
    free.expect("fifty ports in a row are free")
}
