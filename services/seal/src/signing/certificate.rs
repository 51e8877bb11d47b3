//! Certificates: the signing root says which instance signs, in which role, for whom and how long.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use kernel::{InstanceId, TenantId, Timestamp};

use super::{SigningKey, VerifyingKey};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;

/// Most tenants that one certificate names.
pub const MAX_TENANTS: usize = 4_096;
/// Longest encoded certificate.
pub const MAX_CERT: usize = 512 * 1_024;

const LABEL: &[u8] = b"verbale/certificate/v1\x00";
const DOCUMENT: &str = "certificate";

/// A part of the mesh that signs: `archive`, `ingest`, `audit` ... 1 to 63 characters `a-z 0-9 -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoleName(String);

/// For which tenants an instance may sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TenantScope {
    /// Every tenant of the deployment.
    All,
    /// These only.
    Only(BTreeSet<TenantId>),
}

/// What the signing root says of an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceCert {
    /// The instance.
    pub instance: InstanceId,
    /// What it signs as.
    pub role: RoleName,
    /// For whom.
    pub tenants: TenantScope,
    /// First moment that it holds for.
    pub not_before: Timestamp,
    /// First moment that it does not hold for any more.
    pub not_after: Timestamp,
    /// The key that it signs with.
    pub key: VerifyingKey,
}

/// A certificate with the root's signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCert {
    /// What is certified.
    pub cert: InstanceCert,
    /// The root's signature over it.
    pub signature: [u8; 64],
}

impl SignedCert {
    /// Certifies an instance.
    pub fn issue(root: &SigningKey, cert: InstanceCert) -> Result<Self, Error> {
        let signature = root.sign(&cert.message()?);
        Ok(Self { cert, signature })
    }

    /// Whether this root has signed it.
    pub fn is_signed_by(&self, root: &VerifyingKey) -> bool {
        self.cert.message().is_ok_and(|message| root.verifies(&message, &self.signature))
    }

    /// Its encoding (`FORMAT.md`, certificates).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut w = Writer::new();
        w.map(2).key(1).bytes(&self.cert.encode()?).key(2).bytes(&self.signature);
        Ok(w.finish())
    }

    /// Reads exactly that encoding; nothing is verified yet.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Error::bounded(DOCUMENT, bytes.len(), MAX_CERT)?;
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "contents")?;
        let contents = r.bytes()?;
        r.field(&mut f, 2, "signature")?;
        let signature = r.fixed()?;
        r.end(&f)?;
        r.finish()?;
        Ok(Self { cert: InstanceCert::decode(contents)?, signature })
    }
}

impl InstanceCert {
    /// Whether it holds at this moment.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at < self.not_after
    }
    /// Whether its instance may sign for this tenant.
    pub fn covers(&self, tenant: &TenantId) -> bool {
        match &self.tenants {
            TenantScope::All => true,
            TenantScope::Only(tenants) => tenants.contains(tenant),
        }
    }

    fn message(&self) -> Result<Vec<u8>, Error> {
        Ok([LABEL, &self.encode()?].concat())
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut w = Writer::new();
        let only = match &self.tenants {
            TenantScope::All => None,
            TenantScope::Only(tenants) => Some(tenants),
        };
        w.map(5 + usize::from(only.is_some()));
        w.key(1).bytes(&self.instance.to_bytes()).key(2).text(self.role.as_str());
        if let Some(tenants) = only {
            Error::bounded("number of tenants", tenants.len(), MAX_TENANTS)?;
            w.key(3).array(tenants.len());
            for tenant in tenants {
                w.text(tenant.as_str());
            }
        }
        w.key(4).int(self.not_before.0).key(5).int(self.not_after.0).key(6).bytes(&self.key.to_bytes());
        Ok(w.finish())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "instance")?;
        let instance = InstanceId::from_bytes(r.fixed()?);
        r.field(&mut f, 2, "role")?;
        let role = r.name()?;
        let tenants = match r.optional(&mut f, 3, "tenants")? {
            false => TenantScope::All,
            true => TenantScope::Only(read_tenants(&mut r)?),
        };
        r.field(&mut f, 4, "not before")?;
        let not_before = Timestamp(r.int()?);
        r.field(&mut f, 5, "not after")?;
        let not_after = Timestamp(r.int()?);
        r.field(&mut f, 6, "key")?;
        let key = VerifyingKey::from_bytes(&r.fixed()?)?;
        r.end(&f)?;
        r.finish()?;
        Ok(Self { instance, role, tenants, not_before, not_after, key })
    }
}

fn read_tenants(r: &mut Reader<'_>) -> Result<BTreeSet<TenantId>, DecodeError> {
    let tenants: Vec<TenantId> = r.list(MAX_TENANTS, Reader::name)?;
    if !tenants.is_sorted_by(|a, b| a < b) {
        return Err(r.wrong("are out of order or twice"));
    }
    Ok(tenants.into_iter().collect())
}

impl RoleName {
    /// Takes 1 to 63 characters `a-z 0-9 -`.
    pub fn new(text: &str) -> Result<Self, Error> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 63 || !text.bytes().all(legal) {
            return Err(Error::invalid("role name", "must have 1 to 63 of the characters a-z 0-9 -"));
        }
        Ok(Self(text.to_owned()))
    }
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
