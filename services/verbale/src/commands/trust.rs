//! `verbale trust export`: the public keys that an offline verifier needs.

use std::path::Path;

use anyhow::{Context, Result};
use proto::audit::v1::GetCheckpointsRequest;
use proto::audit::v1::ledger_client::LedgerClient;
use proto::crypto::v1::ExportTrustRequest;
use proto::crypto::v1::keys_client::KeysClient;
use seal::{TrustRoots, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::connect::Caller;
use crate::output::{Exit, Output};
use crate::shown;

/// What `trust export` writes and `verify --trust` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Ed25519 public keys of the deployment's signing roots, hexadecimal, newest first.
    pub signing_roots: Vec<String>,
    /// C2SP verifier keys of the ledger's checkpoints.
    pub ledger_keys: Vec<String>,
}

impl Trust {
    /// Reads a file that `trust export` wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no trust file", path.display()))
    }

    /// The signing roots' bytes.
    pub fn roots(&self) -> Result<Vec<[u8; 32]>> {
        let parse = |text: &String| unhex(text).with_context(|| format!("{text:?} is no public key"));
        self.signing_roots.iter().map(parse).collect()
    }

    /// The signing roots, to verify by.
    pub fn trusted(&self) -> Result<TrustRoots> {
        let keys = self.roots()?;
        let roots = keys.iter().map(VerifyingKey::from_bytes).collect::<Result<TrustRoots, _>>();
        roots.context("the trust file holds a malformed key")
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Fetches it from the mesh.
pub async fn fetch(caller: &Caller) -> Result<Trust> {
    let mut keys = KeysClient::new(caller.wire());
    let roots = keys.export_trust(caller.deployment(ExportTrustRequest {})).await?.into_inner();
    let mut ledger = LedgerClient::new(caller.wire());
    let checkpoints = ledger.get_checkpoints(caller.deployment(GetCheckpointsRequest {})).await?.into_inner();
    Ok(Trust {
        signing_roots: roots.signing_roots.iter().map(|key| shown::hex(key)).collect(),
        ledger_keys: checkpoints.verifier_keys,
    })
}

/// Runs `trust export`. The file is JSON in either form.
pub async fn export(caller: &Caller, output: Option<&Path>, out: Output) -> Result<Exit> {
    let trust = fetch(caller).await?;
    let text = serde_json::to_string_pretty(&trust)?;
    match output {
        Some(path) => {
            std::fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
            out.line(format!("wrote {}", path.display()));
        }
        None => out.value(&trust, |_| text),
    }
    Ok(Exit::Ok)
}
