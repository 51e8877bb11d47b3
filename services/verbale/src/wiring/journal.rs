//! The restrictive journal: where no backup of the data reaches it.

use std::sync::Arc;

use anyhow::{Context, Result};
use journal::Journal;
use kernel::Clock;
use objects::{DirectoryObjects, ObjectStore, Prefix, S3Objects};

use crate::config::{Config, Engine};

/// The prefix of its records in a bucket; no tenant has this name.
const PREFIX: &str = "journal/";
/// Its directory among the keys.
const FOLDER: &str = "journal";

/// Opens it. `objects` is the store of the data's objects, whose bucket it shares where nothing else is said.
pub(super) async fn open(
    config: &Config,
    objects: &Arc<dyn ObjectStore>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Journal>> {
    let (shelf, prefix) = shelf(config, objects, clock).await?;
    let horizon = config.retention.backup_horizon.0;
    let opened = Journal::open(shelf, Prefix::new(prefix)?, Arc::clone(clock), horizon).await;
    Ok(Arc::new(opened.context("the restrictive journal cannot be opened")?))
}

async fn shelf(
    config: &Config,
    objects: &Arc<dyn ObjectStore>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn ObjectStore>, &'static str)> {
    let storage = &config.storage;
    match storage.journal().map_err(anyhow::Error::msg)? {
        Engine::Embedded => {
            let folder = storage.keys().join(FOLDER);
            let opened = DirectoryObjects::open(folder, Arc::clone(clock)).await;
            Ok((Arc::new(opened.context("the restrictive journal's directory cannot be opened")?), ""))
        }
        Engine::At(_) if storage.journal.is_none() => Ok((Arc::clone(objects), PREFIX)),
        Engine::At(url) => {
            let options = url.parse().context("storage.journal cannot be used")?;
            let opened = S3Objects::open(options, Arc::clone(clock)).await;
            Ok((Arc::new(opened.context("the restrictive journal's bucket cannot be used")?), PREFIX))
        }
    }
}
