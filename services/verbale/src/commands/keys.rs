//! `verbale keys status|turn|canary|check`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use crypto::backend::file::FileBackend;
use crypto::copies::sqlite::Checked;
use kernel::{ErrorCode, ServiceError, Timestamp};
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
        "last_erasure_at": shown::time(status.last_erasure_at),
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
        if status.last_erasure_at != 0 {
            let at = Timestamp(status.last_erasure_at);
            text.push_str(&format!("\nthe last erasure that these key tables know of was at {at}"));
        }
        for warning in &status.warnings {
            text.push_str(&format!("\nwarning: {warning}"));
        }
        text
    });
    Ok(Exit::Ok)
}

/// Ends the active epoch, unless that has only just begun in a turn that is not over, and takes ended ones as far as
/// they go.
pub async fn turn(caller: &Caller, out: Output) -> Result<Exit> {
    let request = caller.request(wire::TurnRequest { begin: true })?;
    let turned = KeysClient::new(caller.wire()).turn(request).await?.into_inner();
    let (shown, held_back) = (turned.epochs.iter().map(shown_epoch), &turned.held_back);
    let value = json!({"epochs": shown.collect::<Vec<_>>(), "held_back": held_back});
    out.value(&value, |_| {
        let mut text = epochs(&turned.epochs);
        if !held_back.is_empty() {
            text.push_str(&format!("\nno epoch was begun: {held_back}"));
        }
        text
    });
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
                "neighbour_opens": canary.neighbour_opens, "neighbour_unknown": canary.neighbour_unknown,
                "ok": canary.ok,
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
            let verdict = match (canary.ok, canary.neighbour_unknown, canary.removed_opens) {
                (true, true, _) => {
                    "the key tables are older than it: a new pair is placed once an epoch is in use"
                }
                (true, false, true) => "as it must be: its epoch is not destroyed yet",
                (true, false, false) => "as it must be",
                (false, _, _) => "NOT AS IT MUST BE",
            };
            let epoch = canary.epoch.to_string();
            vec![epoch, opens(canary.removed_opens), opens(canary.neighbour_opens), verdict.to_owned()]
        });
        table(&["epoch", "what was removed", "its neighbour", "verdict"], rows)
    });
    Ok(if well { Exit::Ok } else { Exit::Fault })
}

/// The key tables in the keys directory.
const TABLES: &str = "keys.db";

/// Whether every entry of a copy of the key tables opens with the backend keys of today.
pub async fn check(copy: &Path, keys: &Path, out: Output) -> Result<Exit> {
    ensure!(!copy.is_dir(), "{} is a directory; name one of the copies in it", copy.display());
    if !copy.exists() {
        let missing = anyhow::Error::msg(format!("there is no copy {}", copy.display()));
        out.complain(&missing, Exit::NotFound, Some("`verbale keys status` says where keys are copied to"));
        return Ok(Exit::NotFound);
    }
    ensure!(copy.is_file(), "{} is no file", copy.display());
    ensure!(keys.is_dir(), "there is no keys directory {}; give --keys", keys.display());
    let backend = FileBackend::open(keys)?;
    let (found, problem) = match look_into(copy, &keys.join(TABLES), &backend).await? {
        Ok(found) => (found, None),
        Err(problem) => (Checked::default(), Some(problem)),
    };
    let value = json!({
        "copy": copy, "opens": problem.is_none(), "problem": problem,
        "pages": found.pages, "entries": found.entries,
    });
    out.value(&value, |_| match &problem {
        None => format!(
            "{} opens, with every entry that it holds: entries {}, on pages {}",
            copy.display(),
            found.entries,
            found.pages
        ),
        Some(problem) => format!(
            "{} does not open: {problem}\nA copy from before an epoch was destroyed opens nothing of it, on purpose: \
             what was erased then would come back. Take a newer one.",
            copy.display()
        ),
    });
    Ok(if problem.is_none() { Exit::Ok } else { Exit::Fault })
}

/// What a copy holds, or else what is wrong with it.
async fn look_into(
    copy: &Path,
    tables: &Path,
    backend: &FileBackend,
) -> Result<std::result::Result<Checked, String>> {
    match sqlite::backup::is_whole(copy) {
        Ok(true) => {}
        Ok(false) => return Ok(Err("the file is damaged".to_owned())),
        Err(error) if error.code() == ErrorCode::DataLoss => return Ok(Err(kernel::chain(&error))),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", copy.display()));
        }
    }
    let found = match crypto::copies::sqlite::check(copy, backend).await {
        Ok(found) => found,
        Err(error) => return Ok(Err(kernel::chain(&error))),
    };
    // Tables that are lost or cannot be read are why somebody looks for a copy.
    let is_emptied = found.pages == 0
        && tables.is_file()
        && crypto::copies::sqlite::has_pages(tables).await.unwrap_or(false);
    if is_emptied {
        return Ok(Err(format!("it has no page, and {} has some", tables.display())));
    }
    Ok(Ok(found))
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

#[cfg(test)]
mod tests {
    use crypto::store::sqlite::SqliteKeyStore;
    use crypto::store::{KeyStore, PageRow, PageState};
    use kernel::{InstanceId, KeyEpoch, PageId, PurposeName, TenantId};

    use super::*;

    /// A page that nothing was written on yet.
    fn page() -> PageRow {
        PageRow {
            page: PageId::new(),
            tenant: TenantId::new("banca-alfa").unwrap(),
            purpose: PurposeName::new("quality").unwrap(),
            epoch: KeyEpoch(1),
            generation: 1,
            version: 1,
            owner: InstanceId::new(),
            state: PageState::Open,
            key: b"wrapped".to_vec(),
            dirty: false,
            added: 0,
            removed: 0,
            bytes: 0,
        }
    }

    #[tokio::test]
    async fn a_copy_that_is_damaged_is_a_fault_and_one_that_is_not_there_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, out) = (folder.path().join("keys"), Output::new(false));
        FileBackend::open(&keys).unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(check(&at("none.db"), &keys, out).await.unwrap(), Exit::NotFound);
        let refused = check(folder.path(), &keys, out).await.unwrap_err();
        assert!(refused.to_string().contains("is a directory"), "{refused}");
        std::fs::write(at("text.db"), "no database, but longer than the header of one: ".repeat(20)).unwrap();
        assert_eq!(check(&at("text.db"), &keys, out).await.unwrap(), Exit::Fault);
        std::fs::write(at("empty.db"), "").unwrap();
        assert_eq!(check(&at("empty.db"), &keys, out).await.unwrap(), Exit::Fault, "it has no tables");
    }

    #[tokio::test]
    async fn a_copy_without_a_page_is_a_fault_where_the_key_tables_have_some() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, out) = (folder.path().join("keys"), Output::new(false));
        FileBackend::open(&keys).unwrap();
        let copy = folder.path().join("copy.db");
        let tables = SqliteKeyStore::open(&keys.join(TABLES)).await.unwrap();
        sqlite::backup::copy(&keys.join(TABLES), &copy).unwrap();
        assert_eq!(check(&copy, &keys, out).await.unwrap(), Exit::Ok, "there is nothing to lose yet");
        tables.open_page(&page()).await.unwrap();
        assert_eq!(check(&copy, &keys, out).await.unwrap(), Exit::Fault);
    }
}
