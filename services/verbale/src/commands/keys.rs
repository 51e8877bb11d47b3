//! `verbale keys status|turn|canary|check`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use crypto::backend::file::FileBackend;
use kernel::Timestamp;
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{self as wire};
use serde_json::{Value, json};

use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// The tenant's epochs, and where keys are copied to.
pub async fn status(caller: &Caller, out: Output) -> Result<Exit> {
    let status = ask(caller, false).await?;
    let value = json!({
        "epochs": status.epochs.iter().map(shown_epoch).collect::<Vec<_>>(), "copies": status.copies,
        "copied_at": shown::time(status.copied_at), "warnings": status.warnings,
    });
    out.value(&value, |_| {
        let mut text = epochs(&status.epochs);
        if !status.copies.is_empty() {
            let at = if status.copied_at == 0 {
                "not yet".to_owned()
            } else {
                Timestamp(status.copied_at).to_string()
            };
            text.push_str(&format!("\nkeys are copied to {}, last {at}", status.copies));
        }
        for warning in &status.warnings {
            text.push_str(&format!("\nwarning: {warning}"));
        }
        text
    });
    Ok(Exit::Ok)
}

/// Ends the active epoch, and takes ended ones as far as they go.
pub async fn turn(caller: &Caller, out: Output) -> Result<Exit> {
    let request = caller.request(wire::TurnRequest { begin: true })?;
    let turned = KeysClient::new(caller.wire()).turn(request).await?.into_inner().epochs;
    let value = json!({"epochs": turned.iter().map(shown_epoch).collect::<Vec<_>>()});
    out.value(&value, |_| epochs(&turned));
    Ok(Exit::Ok)
}

/// Opens the canaries.
pub async fn canary(caller: &Caller, out: Output) -> Result<Exit> {
    let status = ask(caller, true).await?;
    let shown: Vec<_> = status
        .canaries
        .iter()
        .map(|canary| {
            json!({
                "epoch": canary.epoch, "removed_opens": canary.removed_opens,
                "neighbour_opens": canary.neighbour_opens, "ok": canary.ok,
            })
        })
        .collect();
    let well = status.canaries.iter().all(|canary| canary.ok);
    out.value(&json!({"ok": well, "canaries": shown}), |_| {
        if status.canaries.is_empty() {
            return "no epoch has canaries yet".to_owned();
        }
        let opens = |opens: bool| if opens { "opens" } else { "does not open" }.to_owned();
        let rows = status.canaries.iter().map(|canary| {
            let verdict = match (canary.ok, canary.removed_opens) {
                (true, true) => "as it must be: its epoch is not destroyed yet",
                (true, false) => "as it must be",
                (false, _) => "NOT AS IT MUST BE",
            };
            let epoch = canary.epoch.to_string();
            vec![epoch, opens(canary.removed_opens), opens(canary.neighbour_opens), verdict.to_owned()]
        });
        table(&["epoch", "what was removed", "its neighbour", "verdict"], rows)
    });
    Ok(if well { Exit::Ok } else { Exit::Fault })
}

/// Whether a copy of the key tables opens with the backend keys of today.
pub async fn check(copy: &Path, keys: &Path, out: Output) -> Result<Exit> {
    ensure!(copy.is_file(), "there is no copy {}", copy.display());
    ensure!(keys.is_dir(), "there is no keys directory {}; give --keys", keys.display());
    let backend = FileBackend::open(keys)?;
    let whole =
        sqlite::backup::is_whole(copy).with_context(|| format!("{} cannot be read", copy.display()))?;
    let problem = match crypto::copies::sqlite::check(copy, &backend).await {
        Ok(()) if whole => None,
        Ok(()) => Some("the file is damaged".to_owned()),
        Err(error) => Some(kernel::chain(&error)),
    };
    out.value(&json!({"copy": copy, "opens": problem.is_none(), "problem": problem}), |_| match &problem {
        None => format!("{} opens, with every entry that it holds", copy.display()),
        Some(problem) => format!(
            "{} does not open: {problem}\nA copy from before an epoch was destroyed opens nothing of it, on purpose: \
             what was erased then would come back. Take a newer one.",
            copy.display()
        ),
    });
    Ok(if problem.is_none() { Exit::Ok } else { Exit::Fault })
}

async fn ask(caller: &Caller, canaries: bool) -> Result<wire::GetStatusResponse> {
    let request = caller.request(wire::GetStatusRequest { canaries })?;
    Ok(KeysClient::new(caller.wire()).get_status(request).await?.into_inner())
}

fn state(epoch: &wire::EpochStatus) -> String {
    shown::word(epoch.state().as_str_name(), "EPOCH_STATE_")
}

fn shown_epoch(epoch: &wire::EpochStatus) -> Value {
    let holders = epoch.holders.iter().map(
        |holder| json!({"instance": shown::id(&holder.instance_id), "since": shown::time(holder.since)}),
    );
    json!({
        "epoch": epoch.epoch, "state": state(epoch), "from": shown::time(epoch.from),
        "until": shown::time(epoch.until), "holders": holders.collect::<Vec<_>>(), "pages": epoch.pages,
        "dirty_pages": epoch.dirty_pages, "entries": epoch.entries, "waits_for": epoch.waits_for,
        "destroyed_at": shown::time(epoch.destroyed_at),
    })
}

fn epochs(all: &[wire::EpochStatus]) -> String {
    if all.is_empty() {
        return "no epochs yet".to_owned();
    }
    let rows = all.iter().map(|epoch| {
        vec![
            epoch.epoch.to_string(),
            state(epoch),
            Timestamp(epoch.from).to_string(),
            Timestamp(epoch.until).to_string(),
            format!("{} ({} dirty)", epoch.pages, epoch.dirty_pages),
            epoch.entries.to_string(),
            epoch.waits_for.clone(),
        ]
    });
    table(&["epoch", "state", "from", "until", "pages", "entries", "waits for"], rows)
}
