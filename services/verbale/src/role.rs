//! The single list of roles.

use std::fmt;
use std::str::FromStr;

/// A role of the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// Calls come in.
    Ingest,
    /// Subjects, notices, consent, policies.
    Consent,
    /// Keys and the unwrap gate.
    Crypto,
    /// Objects, manifests, replay.
    Archive,
    /// Periods, holds, erasures.
    Retention,
    /// People's requests.
    Dsar,
    /// The ledger.
    Audit,
}

impl RoleName {
    /// Every role, in the order in which they are built.
    pub const ALL: [Self; 7] =
        [Self::Crypto, Self::Consent, Self::Ingest, Self::Archive, Self::Retention, Self::Dsar, Self::Audit];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Consent => "consent",
            Self::Crypto => "crypto",
            Self::Archive => "archive",
            Self::Retention => "retention",
            Self::Dsar => "dsar",
            Self::Audit => "audit",
        }
    }
}

impl RoleName {
    /// The roles that it calls. Every process calls crypto: it certifies signers and keeps epoch keys.
    pub fn calls(self) -> &'static [Self] {
        match self {
            Self::Ingest => &[Self::Consent, Self::Crypto],
            Self::Consent | Self::Audit => &[Self::Crypto],
            Self::Crypto => &[Self::Consent, Self::Retention],
            Self::Archive => &[Self::Crypto, Self::Consent, Self::Ingest],
            Self::Retention => &[Self::Crypto, Self::Archive, Self::Consent],
            Self::Dsar => &[Self::Crypto, Self::Archive, Self::Retention, Self::Consent, Self::Audit],
        }
    }

    /// The full names of its gRPC services.
    pub fn services(self) -> &'static [&'static str] {
        match self {
            Self::Ingest => &[proto::ingest::v1::recorder_server::SERVICE_NAME],
            Self::Consent => &[proto::consent::v1::consent_server::SERVICE_NAME],
            Self::Crypto => &[proto::crypto::v1::keys_server::SERVICE_NAME],
            Self::Archive => &[proto::archive::v1::recordings_server::SERVICE_NAME],
            Self::Retention => &[proto::retention::v1::retention_server::SERVICE_NAME],
            Self::Dsar => &[
                proto::dsar::v1::requests_server::SERVICE_NAME,
                proto::dsar::v1::disclosures_server::SERVICE_NAME,
            ],
            Self::Audit => &[proto::audit::v1::ledger_server::SERVICE_NAME],
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoleName {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> Result<Self, anyhow::Error> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            let legal: Vec<_> = Self::ALL.iter().map(|role| role.as_str()).collect();
            anyhow::anyhow!("{text:?} is no role; the roles are {}", legal.join(", "))
        })
    }
}
