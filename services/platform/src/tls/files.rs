//! The PEM files: read within bounds, and refused by key and file when they cannot be used.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, RootCertStore};
use zeroize::Zeroizing;

use super::{Config, Own};

/// Largest file that is read.
const FILE_MAX: u64 = 1 << 20;

/// TLS that cannot be had, with the configuration's key and the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("tls.{key}: {} cannot be read", path.display())]
    Unreadable {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is too large to be what it should be.
    #[error("tls.{key}: {} is longer than {FILE_MAX} bytes", path.display())]
    TooLong {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read the key.
    #[error("tls.key: {} may be read by others than its owner; set its mode to 0600", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file is not the PEM that it should be.
    #[error("tls.{key}: {} holds no {wanted} in PEM", path.display())]
    Malformed {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The certificate and the key do not go together, or an authority cannot be one.
    #[error("tls.cert: {} cannot be used with tls.key", path.display())]
    Refused {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// What the files held when they were read.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Files {
    ca: Option<Vec<u8>>,
    cert: Option<Vec<u8>>,
    key: Option<Zeroizing<Vec<u8>>>,
}

/// What they meant.
pub(super) struct Parsed {
    pub(super) roots: Option<Arc<RootCertStore>>,
    pub(super) own: Option<Own>,
}

impl Files {
    pub(super) fn read(config: &Config) -> Result<Self, TlsError> {
        let public = |key, path: &Option<PathBuf>| path.as_deref().map(|path| read(key, path)).transpose();
        Ok(Self {
            ca: public("ca", &config.ca)?,
            cert: public("cert", &config.cert)?,
            key: config.key.as_deref().map(read_private).transpose()?,
        })
    }

    pub(super) fn parse(&self, config: &Config) -> Result<Parsed, TlsError> {
        let roots = match (&config.ca, &self.ca) {
            (Some(path), Some(pem)) => Some(roots(path, pem)?),
            _ => None,
        };
        let own = match (&config.cert, &self.cert, &config.key, &self.key) {
            (Some(cert), Some(chain), Some(path), Some(pem)) => {
                Some((certificates("cert", cert, chain)?, private_key(path, pem)?))
            }
            _ => None,
        };
        Ok(Parsed { roots, own })
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files(redacted)")
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { key, path: path.to_owned(), source };
    contents(key, path, File::open(path).map_err(unreadable)?)
}

/// A key that only its owner reads. Group may read a file of root: that is how Kubernetes mounts a secret for a
/// process that is not root, and the process cannot change it.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { key: "key", path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    let forbidden = if meta.uid() == 0 { 0o037 } else { 0o077 };
    if meta.permissions().mode() & forbidden != 0 {
        return Err(TlsError::Open { path: path.to_owned() });
    }
    contents("key", path, file).map(Zeroizing::new)
}

fn contents(key: &'static str, path: &Path, file: File) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = file.take(FILE_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|source| TlsError::Unreadable { key, path: path.to_owned(), source })?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(TlsError::TooLong { key, path: path.to_owned() });
    }
    Ok(bytes)
}

fn certificates(
    key: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let malformed = || TlsError::Malformed { key, path: path.to_owned(), wanted: "certificate" };
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|chain| !chain.is_empty()).ok_or_else(malformed)
}

fn roots(path: &Path, pem: &[u8]) -> Result<Arc<RootCertStore>, TlsError> {
    let malformed = || TlsError::Malformed { key: "ca", path: path.to_owned(), wanted: "certificate" };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca", path, pem)? {
        roots.add(certificate).map_err(|_| malformed())?;
    }
    Ok(Arc::new(roots))
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let malformed = |_| TlsError::Malformed { key: "key", path: path.to_owned(), wanted: "private key" };
    PrivateKeyDer::from_pem_slice(pem).map_err(malformed)
}
