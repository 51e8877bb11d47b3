//! Keys as files: 32 random bytes each, readable by their owner only.
//!
//! ```text
//! <keys>/signing-root.key
//! <keys>/tenants/<tenant>/epoch-0000000001.key   one per epoch, derived from nothing
//! <keys>/tenants/<tenant>/identifier.key  pseudonym.key  audit.key
//! ```
//!
//! A key is written to a file of its own name, synced, and then linked to its place, which fails where there
//! is one: two processes that create the same key end with one key, and half a key is never seen.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use kernel::EventId;
use seal::{BackendKey, InstanceCert, SignedCert, SigningKey, VerifyingKey, WrapContext};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Error, KeyBackend, KeyName};

/// The permission bits that nobody but the owner may have.
const OTHERS: u32 = 0o077;

/// The keys directory.
#[derive(Clone, Debug)]
pub struct FileBackend {
    root: PathBuf,
}

impl FileBackend {
    /// Takes the directory, or makes it with mode 0700. Refused where others than its owner may enter it.
    pub fn open(root: &Path) -> Result<Self, Error> {
        make_directory(root)?;
        make_directory(&root.join("tenants"))?;
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, name: &KeyName) -> PathBuf {
        let of = |tenant: &kernel::TenantId, file: String| {
            self.root.join("tenants").join(tenant.as_str()).join(file)
        };
        match name {
            KeyName::Epoch(tenant, epoch) => of(tenant, format!("epoch-{:010}.key", epoch.0)),
            KeyName::Identifier(tenant) => of(tenant, "identifier.key".to_owned()),
            KeyName::Pseudonym(tenant) => of(tenant, "pseudonym.key".to_owned()),
            KeyName::Audit(tenant) => of(tenant, "audit.key".to_owned()),
            KeyName::SigningRoot => self.root.join("signing-root.key"),
        }
    }

    /// Runs `act` with the key's bytes, away from the threads that serve calls.
    async fn with_key<T: Send + 'static>(
        &self,
        name: &KeyName,
        act: impl FnOnce(&KeyName, &[u8; 32]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (path, name) = (self.path(name), name.clone());
        blocking(move || act(&name, &*read_key(&path, &name)?)).await
    }
}

/// Refuses a keys directory that lies inside the data directory, where a copy of the data would take the
/// keys along. Both must exist.
pub fn check_apart(keys: &Path, data: &Path) -> Result<(), Error> {
    let real = |path: &Path| path.canonicalize().map_err(|source| unavailable("find a directory", source));
    if real(keys)?.starts_with(real(data)?) {
        return Err(Error::InsideData(keys.display().to_string()));
    }
    Ok(())
}

#[async_trait]
impl KeyBackend for FileBackend {
    async fn create(&self, name: &KeyName) -> Result<(), Error> {
        let (path, name) = (self.path(name), name.clone());
        blocking(move || create_key(&path, &name)).await
    }

    async fn wrap(&self, name: &KeyName, context: &WrapContext, value: &[u8]) -> Result<Vec<u8>, Error> {
        let (context, value) = (context.clone(), Zeroizing::new(value.to_vec()));
        self.with_key(name, move |name, key| {
            seal::wrap::wrap(&BackendKey::from_bytes(*key), &context, &value)
                .map_err(|source| Error::Refused { name: name.clone(), source })
        })
        .await
    }

    async fn unwrap(
        &self,
        name: &KeyName,
        context: &WrapContext,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (context, wrapped) = (context.clone(), wrapped.to_vec());
        self.with_key(name, move |name, key| {
            seal::wrap::unwrap(&BackendKey::from_bytes(*key), &context, &wrapped)
                .map_err(|source| Error::Refused { name: name.clone(), source })
        })
        .await
    }

    async fn hmac(&self, name: &KeyName, message: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error> {
        let message = Zeroizing::new(message.to_vec());
        self.with_key(name, move |_, key| {
            let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
            Ok(Zeroizing::new(mac.chain_update(&*message).finalize().into_bytes().into()))
        })
        .await
    }

    async fn certify(&self, cert: InstanceCert) -> Result<SignedCert, Error> {
        self.with_key(&KeyName::SigningRoot, |_, key| {
            SignedCert::issue(&SigningKey::from_bytes(key), cert).map_err(Error::Certificate)
        })
        .await
    }

    async fn signing_root(&self) -> Result<VerifyingKey, Error> {
        self.with_key(&KeyName::SigningRoot, |_, key| Ok(SigningKey::from_bytes(key).verifying_key())).await
    }

    async fn destroy(&self, name: &KeyName) -> Result<(), Error> {
        let path = self.path(name);
        blocking(move || destroy_key(&path)).await
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|lost| Err(unavailable("finish the work", io::Error::other(lost))))
}

fn create_key(path: &Path, name: &KeyName) -> Result<(), Error> {
    let directory = path.parent().expect("a key's path has a directory");
    make_directory(directory)?;
    if path.exists() {
        return read_key(path, name).map(drop);
    }
    // A name that nobody else draws, so that two creators never write to one file.
    let fresh = directory.join(format!(".{}.new", EventId::new()));
    let made = write_key(&fresh).and_then(|()| match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let swept = fs::remove_file(&fresh);
    let synced = made.and(swept).and_then(|()| sync_directory(directory));
    synced.map_err(|source| unavailable(&format!("create {name}"), source))
}

fn write_key(path: &Path) -> io::Result<()> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|_| io::Error::other("no randomness from the operating system"))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&*key)?;
    file.sync_all()
}

fn read_key(path: &Path, name: &KeyName) -> Result<Zeroizing<[u8; 32]>, Error> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing(name.clone()),
        _ => unavailable(&format!("read {name}"), source),
    };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    refuse_exposed(path, &metadata)?;
    if metadata.len() != 32 {
        return Err(Error::Damaged(name.clone()));
    }
    let mut key = Zeroizing::new([0; 32]);
    file.read_exact(&mut *key).map_err(failed)?;
    Ok(key)
}

fn destroy_key(path: &Path) -> Result<(), Error> {
    let destroyed = overwrite(path).and_then(|()| fs::remove_file(path));
    match destroyed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => {
            let directory = path.parent().expect("a key's path has a directory");
            done.and_then(|()| sync_directory(directory))
                .map_err(|source| unavailable("destroy a key", source))
        }
    }
}

/// Zeros over the key first: a file system that frees the block late holds nothing then.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&[0; 32])?;
    file.sync_all()
}

fn make_directory(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    let metadata = made.and_then(|()| fs::metadata(path));
    refuse_exposed(path, &metadata.map_err(|source| unavailable("make a keys directory", source))?)
}

fn refuse_exposed(path: &Path, metadata: &fs::Metadata) -> Result<(), Error> {
    let mode = metadata.mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(Error::Exposed { path: path.display().to_string(), mode })
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn unavailable(act: &str, source: io::Error) -> Error {
    Error::Unavailable { act: act.to_owned(), source }
}

#[cfg(test)]
mod tests;
