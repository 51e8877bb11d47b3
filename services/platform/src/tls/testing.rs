//! A certificate authority for the platform's tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use super::{ClientAuth, Config, PeerId, Tls};

/// An authority, and a folder for what it signs.
pub(crate) struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl TestCa {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.crt"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Trusts this authority and shows nothing.
    pub(crate) fn trusting(&self) -> Config {
        Config { ca: Some(self.path("ca.crt")), ..Config::default() }
    }

    /// Trusts this authority and shows a certificate of this role for the loopback.
    pub(crate) fn role(&self, role: &str) -> Config {
        self.named(role, &["localhost", "127.0.0.1"])
    }

    /// The same for these names or addresses.
    pub(crate) fn named(&self, role: &str, hosts: &[&str]) -> Config {
        let id = PeerId::new("example.org", role);
        let mut params =
            CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.push(SanType::URI(Ia5String::try_from(id.as_str()).unwrap()));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = Config {
            cert: Some(self.path(&format!("{role}.crt"))),
            key: Some(self.path(&format!("{role}.key"))),
            ..self.trusting()
        };
        fs::write(config.cert.as_ref().unwrap(), certificate.pem()).unwrap();
        private(config.key.as_ref().unwrap(), &key.serialize_pem());
        config
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

pub(crate) fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn load(config: &Config) -> Tls {
    config.check().unwrap();
    config.load().unwrap().unwrap()
}

pub(crate) fn asking(config: Config, client_auth: ClientAuth) -> Config {
    Config { client_auth, ..config }
}
