//! Signed documents: a payload, when it was signed, by whom, and the certificate that says so.

use kernel::{TenantId, Timestamp};

use super::{SignedCert, SigningKey, VerifyingKey};
use crate::cbor::{Reader, Writer};
use crate::error::Error;
use crate::signing::{InstanceCert, MAX_CERT};

/// Largest payload of a signed document.
pub const MAX_PAYLOAD: usize = 4 * 1_024 * 1_024;
/// Largest signed document.
pub const MAX_DOCUMENT: usize = MAX_PAYLOAD + MAX_CERT + 1_024;

const LABEL: &[u8] = b"verbale/document/v1\x00";
const DOCUMENT: &str = "signed document";

/// What a signed document is; a signature over one kind is none over another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DocumentKind {
    /// What was kept of a call.
    Manifest = 1,
    /// What changed about it since.
    Addendum = 2,
    /// That a call was not recorded, and why.
    NotRecorded = 3,
    /// That something was received or done.
    Receipt = 4,
    /// That a producer of audit events is alive, with its last number.
    Heartbeat = 5,
    /// What a person's package has in it.
    Package = 6,
}

/// A payload with its signature and the certificate of who signed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedDocument {
    kind: DocumentKind,
    payload: Vec<u8>,
    signed_at: Timestamp,
    certificate: SignedCert,
    signature: [u8; 64],
}

/// The deployment's signing roots: what `verbale trust export` gives away.
#[derive(Clone, Debug, Default)]
pub struct TrustRoots(Vec<VerifyingKey>);

/// A document whose signature and certificate were found good.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'d> {
    /// What it says.
    pub payload: &'d [u8],
    /// Who signed it.
    pub cert: &'d InstanceCert,
    /// When, by the signer's domain clock.
    pub signed_at: Timestamp,
}

impl SignedDocument {
    /// Signs a payload; the key must be the certificate's.
    pub fn sign(
        kind: DocumentKind,
        payload: Vec<u8>,
        signed_at: Timestamp,
        certificate: &SignedCert,
        key: &SigningKey,
    ) -> Result<Self, Error> {
        Error::bounded("document payload", payload.len(), MAX_PAYLOAD)?;
        if key.verifying_key() != certificate.cert.key {
            return Err(Error::invalid("certificate", "is not that of the signing key"));
        }
        let certificate = certificate.clone();
        let mut document = Self { kind, payload, signed_at, certificate, signature: [0; 64] };
        document.signature = key.sign(&document.message()?);
        Ok(document)
    }

    /// What it is.
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }
    /// When it says that it was signed.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
    /// The certificate that it carries.
    pub fn certificate(&self) -> &SignedCert {
        &self.certificate
    }
    /// What it says, believed without verifying: for showing what a broken document claims.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Finds it good: certified by a trusted root, within the certificate's time and tenants, of this kind
    /// and role, and signed by the certified key. The moment that counts is the one it was signed at, so a
    /// document stays good after its certificate has run out.
    pub fn verify(
        &self,
        roots: &TrustRoots,
        kind: DocumentKind,
        role: &str,
        tenant: &TenantId,
    ) -> Result<Verified<'_>, Error> {
        let cert = &self.certificate.cert;
        let instance = cert.instance;
        if !roots.0.iter().any(|root| self.certificate.is_signed_by(root)) {
            return Err(Error::Untrusted(instance));
        }
        if !cert.key.verifies(&self.message()?, &self.signature) {
            return Err(Error::Signature(instance));
        }
        let out_of = |scope| Err(Error::OutOfScope { instance, scope });
        match () {
            () if self.kind != kind => Err(Error::invalid(DOCUMENT, "is of another kind")),
            () if !cert.holds_at(self.signed_at) => out_of("time"),
            () if cert.role.as_str() != role => out_of("role"),
            () if !cert.covers(tenant) => out_of("tenant"),
            () => Ok(Verified { payload: &self.payload, cert, signed_at: self.signed_at }),
        }
    }

    /// Its encoding (`FORMAT.md`, signed documents).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut w = Writer::new();
        w.map(5);
        self.write(&mut w)?;
        w.key(5).bytes(&self.signature);
        Ok(w.finish())
    }

    /// Reads exactly that encoding; nothing is verified yet.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Error::bounded(DOCUMENT, bytes.len(), MAX_DOCUMENT)?;
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "kind")?;
        let kind = r.narrow()?;
        let kind = DocumentKind::from_number(kind).ok_or_else(|| r.wrong("is not a known kind"))?;
        r.field(&mut f, 2, "payload")?;
        let payload = r.bytes()?;
        Error::bounded("document payload", payload.len(), MAX_PAYLOAD)?;
        r.field(&mut f, 3, "signed at")?;
        let signed_at = Timestamp(r.int()?);
        r.field(&mut f, 4, "certificate")?;
        let certificate = SignedCert::decode(r.bytes()?)?;
        r.field(&mut f, 5, "signature")?;
        let signature = r.fixed()?;
        r.end(&f)?;
        r.finish()?;
        Ok(Self { kind, payload: payload.to_vec(), signed_at, certificate, signature })
    }

    /// The label, then the document's map without its signature.
    fn message(&self) -> Result<Vec<u8>, Error> {
        let mut w = Writer::new();
        w.map(4);
        self.write(&mut w)?;
        Ok([LABEL, &w.finish()].concat())
    }

    fn write(&self, w: &mut Writer) -> Result<(), Error> {
        w.key(1).uint(self.kind.number()).key(2).bytes(&self.payload).key(3).int(self.signed_at.0);
        w.key(4).bytes(&self.certificate.encode()?);
        Ok(())
    }
}

impl DocumentKind {
    /// The number that leaves the process; never reused.
    pub fn number(self) -> u32 {
        self as u32
    }
    /// The kind with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Manifest),
            2 => Some(Self::Addendum),
            3 => Some(Self::NotRecorded),
            4 => Some(Self::Receipt),
            5 => Some(Self::Heartbeat),
            6 => Some(Self::Package),
            _ => None,
        }
    }
}

impl FromIterator<VerifyingKey> for TrustRoots {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl TrustRoots {
    /// The roots' keys.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0
    }
}
