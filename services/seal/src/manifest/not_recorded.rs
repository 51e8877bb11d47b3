//! The record of a call that was not recorded: signed, so that its absence is not silence.

use kernel::{PurposeName, RecordingId, TenantId, Timestamp};

use super::{MAX_ROWS, NotRecordedReason, ReasonCode, SIGNER_ROLE, write_list};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::hash::Hash;
use crate::signing::{DocumentKind, SignedCert, SignedDocument, SigningKey, TrustRoots};

/// That nothing of a call was kept, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotRecorded {
    /// Whose call it was.
    pub tenant: TenantId,
    /// The id that its recording would have had.
    pub recording: RecordingId,
    /// When the call began or was announced for.
    pub started_at: Timestamp,
    /// Why.
    pub reason: NotRecordedReason,
    /// The purposes that were asked for, each with why it was denied.
    pub denials: Vec<Denial>,
    /// The policy that decided; none where the call never reached one.
    pub policy_hash: Option<Hash>,
}

/// A purpose that was denied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denial {
    /// The purpose.
    pub purpose: PurposeName,
    /// Why, by policy code.
    pub reason: ReasonCode,
}

const DOCUMENT: &str = "not-recorded record";

impl NotRecorded {
    /// Signs it as archive.
    pub fn sign(&self, at: Timestamp, cert: &SignedCert, key: &SigningKey) -> Result<SignedDocument, Error> {
        SignedDocument::sign(DocumentKind::NotRecorded, self.encode()?, at, cert, key)
    }

    /// Verifies and reads a signed record of this tenant.
    pub fn verify(document: &SignedDocument, roots: &TrustRoots, tenant: &TenantId) -> Result<Self, Error> {
        let verified = document.verify(roots, DocumentKind::NotRecorded, SIGNER_ROLE, tenant)?;
        let record = Self::decode(verified.payload)?;
        if record.tenant != *tenant {
            return Err(Error::invalid(DOCUMENT, "is of another tenant"));
        }
        Ok(record)
    }

    /// Its one encoding (`FORMAT.md`, not recorded).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        Error::bounded("number of denials", self.denials.len(), MAX_ROWS)?;
        let mut w = Writer::new();
        w.map(5 + usize::from(self.policy_hash.is_some()));
        w.key(1).text(self.tenant.as_str()).key(2).bytes(&self.recording.to_bytes());
        w.key(3).int(self.started_at.0).key(4).uint(self.reason.number());
        write_list(&mut w, 5, &self.denials, |denial, w| {
            w.array(2).text(denial.purpose.as_str()).text(denial.reason.as_str());
        });
        if let Some(hash) = &self.policy_hash {
            w.key(6).bytes(&hash.0);
        }
        Ok(w.finish())
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "tenant")?;
        let tenant = r.name()?;
        r.field(&mut f, 2, "recording")?;
        let recording = RecordingId::from_bytes(r.fixed()?);
        r.field(&mut f, 3, "started at")?;
        let started_at = Timestamp(r.int()?);
        r.field(&mut f, 4, "reason")?;
        let reason = NotRecordedReason::read(&mut r)?;
        r.field(&mut f, 5, "denials")?;
        let denials = r.list(MAX_ROWS, |r| {
            r.tuple(2)?;
            Ok(Denial { purpose: r.name()?, reason: r.name()? })
        })?;
        let policy_hash = match r.optional(&mut f, 6, "policy hash")? {
            true => Some(Hash(r.fixed()?)),
            false => None,
        };
        r.end(&f)?;
        r.finish()?;
        Ok(Self { tenant, recording, started_at, reason, denials, policy_hash })
    }
}
