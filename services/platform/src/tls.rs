//! TLS between the processes of a deployment, and towards those who call it.
//!
//! One section, [`Config`], names the certificate authorities that are trusted, and this process' own
//! certificate and key. The same certificate serves and calls: with `client_auth = "required"` both ends of
//! every connection know each other (mTLS). Files are read again every `reload`, so that certificates are
//! renewed by replacing them; connections made before go on. System roots are never used: what is not under
//! `ca` is not trusted.
//!
//! A certificate may carry the process' name as a URI, `spiffe://<trust domain>/verbale/<role>`. Such a process
//! binds the service tokens that it issues to that name ([`PeerId`]), and the guard takes them only from a
//! connection that proved it, so that a leaked token alone opens nothing.

mod files;
mod identity;
mod io;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use kernel::chain;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tracing::{info, warn};

use self::files::{Files, Parsed};
use crate::config::{Period, above_zero};
use crate::drain::{Shutdown, Task, TaskResult};

pub use files::TlsError;
pub use identity::{Peer, PeerId};
pub(crate) use io::Io;

/// The only protocol that is spoken over TLS.
const HTTP2: &[u8] = b"h2";

/// The `tls` section of a configuration. Nothing set: plain text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The certificate authorities that are trusted, as a PEM file; for the other ends that this process calls,
    /// and for those who call it.
    pub ca: Option<PathBuf>,
    /// This process' certificate and its chain, as a PEM file, the process' own first.
    pub cert: Option<PathBuf>,
    /// The certificate's private key, as a PEM file that only its owner reads.
    pub key: Option<PathBuf>,
    /// Whether those who call must show a certificate.
    pub client_auth: ClientAuth,
    /// How often the files are looked at again.
    pub reload: Period,
    /// How long a caller may take for its handshake.
    pub handshake: Period,
    /// Most handshakes at once; further callers wait.
    pub handshakes: usize,
}

/// Whether those who call must show a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Yes, one under `ca`.
    Required,
    /// One that is shown must be under `ca`. For a port that recorders and people call, too.
    Optional,
    /// None is asked for.
    None,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ca: None,
            cert: None,
            key: None,
            client_auth: ClientAuth::Required,
            reload: Period::secs(60),
            handshake: Period::secs(5),
            handshakes: 256,
        }
    }
}

impl Config {
    /// Refuses values that cannot work, naming the key.
    pub fn check(&self) -> Result<(), String> {
        match (&self.cert, &self.key) {
            (Some(_), None) => return Err("key must be set, as cert is".to_owned()),
            (None, Some(_)) => return Err("cert must be set, as key is".to_owned()),
            (Some(_), Some(_)) if self.ca.is_none() && self.client_auth != ClientAuth::None => {
                return Err("ca must be set, as client_auth is not none".to_owned());
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        above_zero(&[
            ("reload", &self.reload),
            ("handshake", &self.handshake),
            ("handshakes", &self.handshakes),
        ])
    }

    /// Reads the files; none where none is named.
    pub fn load(&self) -> Result<Option<Tls>, TlsError> {
        if self.ca.is_none() && self.cert.is_none() {
            return Ok(None);
        }
        let material = Material::read(self)?;
        Ok(Some(Tls(Arc::new(Shared { config: self.clone(), now: RwLock::new(material) }))))
    }
}

/// What a process shows and trusts, as of now; clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    config: Config,
    now: RwLock<Material>,
}

/// What the files said when they were last read.
#[derive(Clone)]
struct Material {
    files: Files,
    server: Option<Arc<ServerConfig>>,
    client: Option<Arc<ClientConfig>>,
    id: Option<PeerId>,
}

impl Tls {
    /// Whether this process has a certificate, and so can be called over TLS.
    pub fn serves(&self) -> bool {
        self.0.now.read().server.is_some()
    }
    /// Whether this process has authorities to trust, and so can call over TLS.
    pub fn calls(&self) -> bool {
        self.0.now.read().client.is_some()
    }
    /// The name in this process' certificate, if it carries one.
    pub fn id(&self) -> Option<PeerId> {
        self.0.now.read().id.clone()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }
    pub(crate) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.0.now.read().server.clone()
    }
    pub(crate) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.0.now.read().client.clone()
    }

    /// Reads the files again, and says whether they had changed. What is in force stays if they cannot be used.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let files = Files::read(&self.0.config)?;
        if files == self.0.now.read().files {
            return Ok(false);
        }
        let material = Material::of(&self.0.config, files)?;
        *self.0.now.write() = material;
        Ok(true)
    }

    /// The task that reads the files again.
    pub fn into_task(self) -> Task {
        Task::new("tls-reload", move |shutdown| run(self, shutdown))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("config", &self.0.config).field("id", &self.id()).finish_non_exhaustive()
    }
}

async fn run(tls: Tls, shutdown: Shutdown) -> TaskResult {
    loop {
        tokio::select! {
            () = shutdown.draining() => return Ok(()),
            () = tokio::time::sleep(tls.config().reload.0) => {}
        }
        let reading = tls.clone();
        match tokio::task::spawn_blocking(move || reading.reload()).await? {
            Ok(true) => info!("certificates were replaced"),
            Ok(false) => {}
            Err(error) => {
                warn!(error = chain(&error), "certificates cannot be read again; the old ones stay")
            }
        }
    }
}

impl Material {
    fn read(config: &Config) -> Result<Self, TlsError> {
        Self::of(config, Files::read(config)?)
    }

    fn of(config: &Config, files: Files) -> Result<Self, TlsError> {
        let Parsed { roots, own } = files.parse(config)?;
        let id = own.as_ref().and_then(|(chain, _)| chain.first()).and_then(PeerId::of);
        let refused = |source| TlsError::Refused { path: config.cert.clone().unwrap_or_default(), source };
        let client = roots.clone().map(|roots| client(roots, own.as_ref())).transpose().map_err(refused)?;
        let server = match own {
            Some(own) => Some(server(config, roots, own).map_err(refused)?),
            None => None,
        };
        Ok(Self { files, server, client, id })
    }
}

/// A certificate's chain and its key.
type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn server(
    config: &Config,
    roots: Option<Arc<RootCertStore>>,
    own: Own,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match verifier(config.client_auth, roots)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = own;
    let mut made = builder.with_single_cert(chain, key)?;
    made.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(made))
}

fn verifier(
    client_auth: ClientAuth,
    roots: Option<Arc<RootCertStore>>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, rustls::Error> {
    let Some(roots) = roots else { return Ok(None) };
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let builder = match client_auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
        ClientAuth::None => return Ok(None),
    };
    builder.build().map(Some).map_err(|error| rustls::Error::General(error.to_string()))
}

fn client(roots: Arc<RootCertStore>, own: Option<&Own>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    let mut made = match own {
        Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    made.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(made))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
