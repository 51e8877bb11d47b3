//! The directory of policies: `<tenant>/policy.yaml`, with the texts that it names beside it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use kernel::{ErrorCode, ServiceError, TenantId};
use policy::document::{MAX_DOCUMENT_BYTES, MAX_NOTICE_BYTES};
use policy::{PolicyError, TenantPolicy};

/// The document's file in a tenant's folder.
pub const DOCUMENT: &str = "policy.yaml";

/// A document as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// What it says.
    pub policy: TenantPolicy,
    /// The YAML.
    pub text: String,
    /// The texts of the files that it names.
    pub texts: BTreeMap<String, String>,
}

/// Why a directory was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder whose name is no tenant's.
    #[error("{}: the folder's name is no tenant's", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
    },
    /// A document of another tenant than its folder's.
    #[error("{}: the document is tenant {found}'s", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it says that it is.
        found: TenantId,
    },
    /// A malformed document, with line and column.
    #[error("{}", path.display())]
    Document {
        /// Which.
        path: PathBuf,
        /// Every fault in it.
        #[source]
        source: PolicyError,
    },
}

impl ServiceError for LoadError {
    fn code(&self) -> ErrorCode {
        ErrorCode::FailedPrecondition
    }
}

/// Reads every tenant's document. Folders whose name begins with a dot and files beside the folders are not
/// looked at.
pub async fn read(directory: PathBuf) -> Result<Vec<Document>, LoadError> {
    let path = directory.clone();
    let read = tokio::task::spawn_blocking(move || read_now(&directory)).await;
    read.unwrap_or_else(|panicked| Err(LoadError::Read { path, source: std::io::Error::other(panicked) }))
}

fn read_now(directory: &Path) -> Result<Vec<Document>, LoadError> {
    let failed = |source| LoadError::Read { path: directory.to_owned(), source };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        // Not the entry's own type: folders are links where the directory is mounted from a volume.
        if !hidden && path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    folders.iter().map(|folder| document(folder)).collect()
}

fn document(folder: &Path) -> Result<Document, LoadError> {
    let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| TenantId::new(name).ok());
    let tenant = name.ok_or_else(|| LoadError::Folder { path: folder.to_owned() })?;
    let path = folder.join(DOCUMENT);
    let text = text_of(&path, MAX_DOCUMENT_BYTES);
    let text = text.map_err(|source| LoadError::Read { path: path.clone(), source })?;
    let texts = RefCell::new(BTreeMap::new());
    // policy has checked that the file's path stays below the folder.
    let parsed = policy::parse(&text, &|file| {
        let text = text_of(&folder.join(file), MAX_NOTICE_BYTES).ok()?;
        texts.borrow_mut().insert(file.to_owned(), text.clone());
        Some(text)
    });
    let policy = parsed.map_err(|source| LoadError::Document { path: path.clone(), source })?;
    if policy.tenant != tenant {
        return Err(LoadError::Foreign { path, found: policy.tenant });
    }
    Ok(Document { policy, text, texts: texts.into_inner() })
}

/// One byte more than the bound, so that policy names the bound itself.
fn text_of(path: &Path, bound: usize) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(bound as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}
