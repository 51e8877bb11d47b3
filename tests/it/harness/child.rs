//! The program as a process of its own, to be killed.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use super::{PATIENCE, World, program};

/// The program's file.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_verbale-under-test");

/// A running `verbale up`; dies with this.
pub(crate) struct Child {
    process: tokio::process::Child,
    // Kept open, so that the program can go on writing.
    _stdout: BufReader<ChildStdout>,
}

/// Below those that connections get for themselves (32768 and above): a port that is free now is not taken by one
/// before the program listens there.
const PORTS: std::ops::Range<u16> = 12_000..20_000;
/// How many were given, so that nobody gets one twice.
static GIVEN: AtomicU16 = AtomicU16::new(0);

/// A port that is free, so that a restarted program listens where it did.
pub(crate) fn free_port() -> u16 {
    // Another process of tests begins elsewhere.
    let begin = u16::try_from(std::process::id() % 80).unwrap() * 100;
    loop {
        let next = begin + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + next % (PORTS.end - PORTS.start);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Child {
    /// Starts it and waits until it says that it is up.
    pub(crate) async fn up(world: &World, port: u16) -> Self {
        Self::start(Command::new(PROGRAM), world, port).await
    }

    /// The same, with the data directory on a disk of its own of `size` bytes, of which a ballast takes all but
    /// `room`. Needs user namespaces.
    pub(crate) async fn up_on_small_disk(world: &World, port: u16, size: u64, room: u64) -> Self {
        std::fs::create_dir_all(world.data()).unwrap();
        let script = "mount -t tmpfs -o size=\"$1\" tmpfs \"$3\" && head -c \"$2\" /dev/zero > \"$3/ballast\" \
                      && shift 3 && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        command.args([size.to_string(), (size - room).to_string()]).arg(world.data()).arg(PROGRAM);
        Self::start(command, world, port).await
    }

    /// Some roles of a mesh, as these arguments and variables say.
    pub(crate) async fn serve(args: &[&str], environment: &[(String, String)], log: &Path) -> Self {
        let mut command = program::command();
        command.args(args).envs(environment.iter().cloned());
        Self::spawn(command, log).await
    }

    async fn start(mut command: Command, world: &World, port: u16) -> Self {
        command
            .args(["up", "--listen", &format!("127.0.0.1:{port}")])
            .arg("--data")
            .arg(world.data())
            .arg("--keys")
            .arg(world.keys())
            .arg("--policies")
            .arg(world.policies());
        Self::spawn(command, &world.log()).await
    }

    async fn spawn(mut command: Command, log: &Path) -> Self {
        let appended = File::options().create(true).append(true).open(log).unwrap();
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(appended)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let read =
            timeout(PATIENCE, stdout.read_line(&mut line)).await.expect("the program comes up").unwrap();
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(read > 0 && line.contains("is up on"), "the program did not come up: {line}\n{}", said());
        Self { process, _stdout: stdout }
    }

    /// A file as the program sees it, on its own disk.
    pub(crate) fn inside(&self, file: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.process.id().unwrap());
        Path::new(&root).join(file.strip_prefix("/").unwrap())
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Asks it to stop, as an operator does, and waits for its exit code.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        self.signal("TERM").await;
        timeout(PATIENCE, self.process.wait()).await.expect("it stops").unwrap().code()
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().await.unwrap().success());
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

pub(crate) fn server(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
