//! The program as a process of its own, to be killed.

use std::fs::File;
use std::net::TcpListener;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use super::{PATIENCE, World};

/// The program's file.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_verbale-under-test");

/// A running `verbale up`; dies with this.
pub(crate) struct Child {
    process: tokio::process::Child,
    // Kept open, so that the program can go on writing.
    _stdout: BufReader<ChildStdout>,
}

/// A port that was free a moment ago, so that a restarted program listens where it did.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Child {
    /// Starts it and waits until it says that it is up.
    pub(crate) async fn up(world: &World, port: u16) -> Self {
        let log = world.folder().join("up.log");
        let appended = File::options().create(true).append(true).open(&log).unwrap();
        let mut process = Command::new(PROGRAM)
            .args(["up", "--listen", &format!("127.0.0.1:{port}")])
            .arg("--data")
            .arg(world.data())
            .arg("--keys")
            .arg(world.keys())
            .arg("--policies")
            .arg(world.policies())
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
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(read > 0 && line.contains("is up on"), "the program did not come up: {line}\n{}", said());
        Self { process, _stdout: stdout }
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}

pub(crate) fn server(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
