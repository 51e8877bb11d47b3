//! The program as a command: what it prints, and how it ends.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use super::World;
use super::child::PROGRAM;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// What was printed, as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What it failed with, as JSON: the last line of standard error.
    pub(crate) fn error(&self) -> Value {
        let last = self.err.lines().last().unwrap_or_default();
        let told: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        told["error"].clone()
    }
}

/// The program, with nothing of this process's environment that configures it.
pub(crate) fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERBALE")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command in a folder.
pub(crate) async fn run(folder: &Path, args: &[&str]) -> Ended {
    let ran = command()
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: ran.status.code().unwrap_or(-1), out: text(&ran.stdout), err: text(&ran.stderr) }
}

impl World {
    /// Runs a command beside this world's keys, against a server, about a tenant.
    pub(crate) async fn run(&self, server: &str, tenant: &str, args: &[&str]) -> Ended {
        let (keys, ca, issuer) = (self.keys(), self.authority(), self.issuer_key());
        let mut all = args.to_vec();
        all.extend(["--server", server, "--tenant", tenant, "--keys", keys.to_str().unwrap()]);
        let issuer = issuer.map(|path| format!("auth.issuer_key={}", path.display()));
        if let (Some(ca), Some(issuer)) = (&ca, &issuer) {
            all.extend(["--ca", ca.to_str().unwrap(), "--set", issuer]);
        }
        run(self.folder(), &all).await
    }
}
