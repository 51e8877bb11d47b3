//! Copies of the SQLite key tables as files of a directory.
//!
//! A copy is written under a name that nobody takes for one, read back, fsynced, and only then named for the moment
//! it was made. It is complete or it is not there.

mod look;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ::sqlite::rusqlite::{Connection, OpenFlags};
use async_trait::async_trait;
use kernel::{Clock, ErrorCode, EventId, KeyEpoch, PageId, ServiceError, TenantId, Timestamp};
use seal::EpochKey;
use tokio::sync::Mutex;

use self::look::Look;
use super::{CopyError, KeyCopies};
use crate::backend::{KeyBackend, KeyName};
use crate::error::Error;
use crate::pages::{open_own, unwrap_key};
use crate::store::PageRow;

/// Copies that are kept: one that turns out to be bad is not the only one.
const KEPT: usize = 3;
/// How often a copy is made anew because the tables' counts before and after it say too little.
const ATTEMPTS: usize = 5;

const BEGIN: &str = "keys-";
const END: &str = ".db";
/// What an attempt that was cut off leaves; the next one sweeps it.
const UNFINISHED: &str = ".keys-";

/// Copies of one file of key tables.
pub struct SqliteCopies {
    tables: PathBuf,
    directory: PathBuf,
    backend: Arc<dyn KeyBackend>,
    clock: Arc<dyn Clock>,
    /// One at a time.
    making: Mutex<()>,
    /// When the tables were last written to, as of the last copy that this process made.
    copied: parking_lot::Mutex<Option<SystemTime>>,
}

impl SqliteCopies {
    /// Copies of the file at `tables` in a directory, which is made with mode 0700 where there is none. That every
    /// entry opens is shown with this backend.
    pub fn open(
        tables: &Path,
        directory: &Path,
        backend: Arc<dyn KeyBackend>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CopyError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(failed("make a directory for copies of the key tables"))?;
        let (tables, directory) = (tables.to_owned(), directory.to_owned());
        Ok(Self {
            tables,
            directory,
            backend,
            clock,
            making: Mutex::default(),
            copied: parking_lot::Mutex::default(),
        })
    }

    /// Makes a copy under a name of its own and compares it with what is copied.
    async fn make(&self) -> Result<PathBuf, CopyError> {
        let path = self.directory.join(format!("{UNFINISHED}{}", EventId::new()));
        let (tables, directory, copy) = (self.tables.clone(), self.directory.clone(), path.clone());
        blocking(move || {
            sweep(&directory).map_err(failed("sweep unfinished copies of the key tables"))?;
            write(&tables, &copy)
        })
        .await?;
        Ok(path)
    }
}

#[async_trait]
impl KeyCopies for SqliteCopies {
    async fn copy(&self) -> Result<Timestamp, CopyError> {
        let _one = self.making.lock().await;
        let at = self.clock.now();
        let path = self.make().await?;
        check(&path, self.backend.as_ref()).await?;
        let (directory, name) = (self.directory.clone(), self.directory.join(name_of(at)));
        blocking(move || {
            keep(&directory, &path, &name).map_err(failed("keep a copy of the key tables"))?;
            prune(&directory).map_err(failed("remove old copies of the key tables"))
        })
        .await?;
        Ok(at)
    }

    async fn keep_up(&self) -> Result<(), CopyError> {
        let written = last_written(&self.tables);
        if written.is_some() && *self.copied.lock() == written {
            return Ok(());
        }
        self.copy().await?;
        *self.copied.lock() = written;
        Ok(())
    }

    async fn newest(&self) -> Result<Option<Timestamp>, CopyError> {
        let directory = self.directory.clone();
        let listed = blocking(move || list(&directory).map_err(failed("list the copies of the key tables")));
        Ok(listed.await?.last().map(|(at, _)| *at))
    }

    fn place(&self) -> Option<String> {
        Some(self.directory.display().to_string())
    }
}

/// What a copy of the key tables holds, all of which opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Pages, those without an entry among them.
    pub pages: u64,
    /// Entries.
    pub entries: u64,
}

/// The KEKs of epochs that have pages, open.
type Keks = HashMap<(TenantId, KeyEpoch), Arc<EpochKey>>;

const OPEN: &str = "open every entry of a copy of the key tables";

/// Opens every entry of a copy with the keys that the backend has now, and looks that each page holds as many as were
/// counted on it; the error says what is not so. No key is asked for a page without entries: it may have been opened
/// under an epoch that is over, and holds nothing.
pub async fn check(path: &Path, backend: &dyn KeyBackend) -> Result<Checked, CopyError> {
    let copy = path.to_owned();
    let epochs = blocking(move || look::epochs(&open(&copy)?)).await?;
    let mut keks = Keks::new();
    let mut checked = Checked::default();
    let mut after: Option<PageId> = None;
    loop {
        let copy = path.to_owned();
        let pages = blocking(move || look::pages(&open(&copy)?, after)).await?;
        let Some(last) = pages.last() else { return Ok(checked) };
        after = Some(last.page);
        for page in pages.iter().filter(|page| page.added > page.removed) {
            let (tenant, epoch) = (page.tenant.clone(), page.epoch);
            let name = (tenant.clone(), epoch);
            if let Entry::Vacant(unknown) = keks.entry(name) {
                let own = epochs.iter().find(|own| own.tenant == tenant && own.epoch == epoch);
                let own = own.ok_or_else(|| damaged(OPEN, Error::UnknownEpoch { tenant, epoch }))?;
                let kek = kek(own, backend).await;
                unknown.insert(Arc::new(kek.map_err(|error| CopyError::new(OPEN, error.code(), error))?));
            }
        }
        checked.pages += pages.len() as u64;
        let (copy, known) = (path.to_owned(), keks.clone());
        checked.entries += blocking(move || open_entries(&open(&copy)?, &pages, &known)).await?;
    }
}

/// Whether a file of key tables has a page: what is said to be its copy and has none is another's.
pub async fn has_pages(tables: &Path) -> Result<bool, CopyError> {
    let tables = tables.to_owned();
    blocking(move || Ok(!look::pages(&open(&tables)?, None)?.is_empty())).await
}

/// Opens every entry of these pages, one page after the other; answers how many there are.
fn open_entries(copy: &Connection, pages: &[PageRow], keks: &Keks) -> Result<u64, CopyError> {
    let mut opened = 0;
    for page in pages {
        let entries = look::standing(copy, page)?;
        let (found, counted) = (entries.len() as u64, page.added.saturating_sub(page.removed));
        if found != counted {
            return Err(damaged(OPEN, Error::Miscounted { page: page.page, found, counted }));
        }
        if entries.is_empty() {
            continue;
        }
        let (tenant, epoch) = (page.tenant.clone(), page.epoch);
        let kek = keks.get(&(tenant.clone(), epoch));
        let kek = kek.ok_or_else(|| damaged(OPEN, Error::UnknownEpoch { tenant, epoch }))?;
        let key = unwrap_key(kek, page).map_err(|error| damaged(OPEN, error))?;
        for (slot, sealed) in &entries {
            // Told with its page: of a thousand pages an operator wants to know which.
            let entry = open_own(page, &key, *slot, sealed);
            entry.map_err(|error| {
                damaged(OPEN, format!("page {} slot {slot}: {}", page.page, kernel::chain(&error)))
            })?;
        }
        opened += found;
    }
    Ok(opened)
}

async fn kek(epoch: &look::Epoch, backend: &dyn KeyBackend) -> Result<EpochKey, Error> {
    let name = KeyName::Epoch(epoch.tenant.clone(), epoch.epoch);
    let kek = backend.unwrap(&name, &epoch.context(), &epoch.kek).await?;
    EpochKey::from_slice(&kek).map_err(Error::seal("read an epoch key"))
}

/// When something was last written, checkpointed or not.
fn last_written(tables: &Path) -> Option<SystemTime> {
    let mut log = tables.as_os_str().to_owned();
    log.push("-wal");
    let of = |file: &Path| fs::metadata(file).and_then(|found| found.modified()).ok();
    of(tables).max(of(Path::new(&log)))
}

fn failed(act: &'static str) -> impl Fn(io::Error) -> CopyError {
    move |source| CopyError::new(act, ErrorCode::Unavailable, source)
}

fn damaged(act: &'static str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CopyError {
    CopyError::new(act, ErrorCode::DataLoss, why)
}

/// What SQLite says, in the words of all files of ours.
fn refused(act: &'static str) -> impl Fn(::sqlite::Error) -> CopyError {
    move |source| CopyError::new(act, source.code(), source)
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|lost| Err(CopyError::new("finish a copy", ErrorCode::Unavailable, lost)))
}

/// The tables are written on meanwhile: each count in the copy must be what it was before, after, or between. Where
/// rows came and went at once that may fail for no fault of the copy's.
fn write(tables: &Path, copy: &Path) -> Result<(), CopyError> {
    const ACT: &str = "copy the key tables";
    let connection = open(tables)?;
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        // Made here, so that nobody but its owner may read it; SQLite takes an empty file.
        let fresh = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(copy);
        fresh.map(drop).map_err(failed(ACT))?;
        let before = Look::at(&connection)?;
        let name = copy.to_str().ok_or_else(|| damaged(ACT, "the directory's name is no text"))?;
        let copied = connection.execute("VACUUM INTO ?", [name]).map_err(::sqlite::Error::from);
        copied.map_err(refused(ACT))?;
        let after = Look::at(&connection)?;
        let found = open(copy)?;
        look::intact(&found)?;
        match Look::at(&found)?.lies_between(&before, &after) {
            Ok(()) => return Ok(()),
            Err(table) => last = table,
        }
    }
    Err(damaged(ACT, format!("table {last} has another number of rows in the copy")))
}

/// Nothing is written through it. The tables' companions are there as long as they are open, a copy has none.
fn open(path: &Path) -> Result<Connection, CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(::sqlite::Error::from);
    let connection = opened.map_err(refused("open a file of key tables"))?;
    let patient = connection.busy_timeout(::sqlite::Options::default().busy_timeout);
    patient.map_err(::sqlite::Error::from).map_err(refused("open a file of key tables"))?;
    Ok(connection)
}

/// What is named is on the disk, whatever happens next.
fn keep(directory: &Path, unfinished: &Path, name: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    fs::rename(unfinished, name)?;
    File::open(directory)?.sync_all()
}

fn prune(directory: &Path) -> io::Result<()> {
    let mut copies = list(directory)?;
    copies.truncate(copies.len().saturating_sub(KEPT));
    copies.iter().try_for_each(|(_, path)| fs::remove_file(path))
}

fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The copies that are there, oldest first.
fn list(directory: &Path) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut copies = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(at) = entry.file_name().to_str().and_then(time_of) {
            copies.push((at, entry.path()));
        }
    }
    copies.sort_unstable();
    Ok(copies)
}

/// A file's name with the moment in it, without the colons that some file systems refuse.
fn name_of(at: Timestamp) -> String {
    format!("{BEGIN}{}{END}", at.to_string().replace(':', "."))
}

fn time_of(name: &str) -> Option<Timestamp> {
    let text = name.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let (date, time) = text.split_once('T')?;
    Timestamp::parse(&format!("{date}T{}", time.replacen('.', ":", 2))).ok()
}

#[cfg(test)]
mod tests;
