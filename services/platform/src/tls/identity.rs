//! The name that a certificate proves.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// What a name begins with.
const SCHEME: &str = "spiffe://";
/// Longest name that is looked at.
const NAME_MAX: usize = 2_048;

/// A process' name in its certificate: a SPIFFE id such as `spiffe://example.org/verbale/ingest`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PeerId(Arc<str>);

impl PeerId {
    /// The id of a process with this role.
    pub fn new(trust_domain: &str, role: &str) -> Self {
        Self(format!("{SCHEME}{trust_domain}/verbale/{role}").into())
    }
    /// The first one in the certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = EndEntityCert::try_from(certificate).ok()?;
        let found = parsed.valid_uri_names().find(|uri| uri.starts_with(SCHEME) && uri.len() <= NAME_MAX);
        found.map(|uri| Self(uri.into()))
    }
    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who is at the other end of a connection, as far as its certificate proves it. Every request that came over a
/// connection has one among its extensions; one of this process has none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Peer(Option<PeerId>);

impl Peer {
    /// Nobody that can be told: plain text, no certificate, or one without a name.
    pub fn unnamed() -> Self {
        Self(None)
    }
    /// The owner of this certificate, which the handshake verified.
    pub fn with(certificate: &CertificateDer<'_>) -> Self {
        Self(PeerId::of(certificate))
    }
    /// Its name.
    pub fn id(&self) -> Option<&PeerId> {
        self.0.as_ref()
    }
    /// Whether it proved this name.
    pub fn is(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|id| id.as_str() == name)
    }
}
