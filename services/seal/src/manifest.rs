//! The manifest: everything about a recording that a stranger needs to verify and place its objects, in a
//! few KiB, signed; with its addenda, and the record of a call that was not recorded.
//!
//! It holds random ids, numbers, times, hashes and policy codes: nothing that names a person, because it
//! lies under a lock that outlives erasure. Read [`Manifest`], then [`Leg`], then [`Addendum`].

mod addendum;
mod codes;
mod leg;
mod not_recorded;
mod parts;

use kernel::{RecordingId, TenantId, Timestamp};

pub use addendum::{Addendum, AddendumChange, ErasedSpans};
pub use codes::{Completeness, DropReason, EndCause, NotRecordedReason, PartyRole, ReasonCode};
pub use leg::{Anchor, Dropped, FrameRange, Leg, SectionRow};
pub use not_recorded::{Denial, NotRecorded};
pub use parts::{BasisInterval, Evidence, Mark, ObjectRow, Superseded};

use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::hash::Hash;
use crate::signing::{DocumentKind, SignedCert, SignedDocument, SigningKey, TrustRoots};

/// The role whose certificate signs manifests and addenda.
pub const SIGNER_ROLE: &str = "archive";
/// Most legs of a recording.
pub const MAX_LEGS: usize = 1_024;
/// Most rows of any other list of a manifest.
pub const MAX_ROWS: usize = 65_536;

/// What was kept of one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The recording.
    pub recording: RecordingId,
    /// The call's start: position 0.
    pub started_at: Timestamp,
    /// The call's end.
    pub ended_at: Timestamp,
    /// Why it ended.
    pub cause: EndCause,
    /// Whether every frame is accounted for.
    pub completeness: Completeness,
    /// The policy that was stamped at the start.
    pub policy_hash: Hash,
    /// Its legs, by number.
    pub legs: Vec<Leg>,
    /// Its objects, by name.
    pub objects: Vec<ObjectRow>,
    /// From when to when each purpose had its basis.
    pub bases: Vec<BasisInterval>,
    /// Marked stretches.
    pub marks: Vec<Mark>,
    /// Frames that lie in spans which a higher session epoch or a later span holds too.
    pub superseded: Vec<Superseded>,
    /// Hash of the folded timeline that crypto was given.
    pub timeline: Hash,
    /// Hash of the span table that crypto was given.
    pub span_table: Hash,
}

const DOCUMENT: &str = "manifest";

impl Manifest {
    /// Signs it as archive.
    pub fn sign(&self, at: Timestamp, cert: &SignedCert, key: &SigningKey) -> Result<SignedDocument, Error> {
        SignedDocument::sign(DocumentKind::Manifest, self.encode()?, at, cert, key)
    }

    /// Verifies and reads a signed manifest of this tenant.
    pub fn verify(document: &SignedDocument, roots: &TrustRoots, tenant: &TenantId) -> Result<Self, Error> {
        let verified = document.verify(roots, DocumentKind::Manifest, SIGNER_ROLE, tenant)?;
        let manifest = Self::decode(verified.payload)?;
        if manifest.tenant != *tenant {
            return Err(Error::invalid(DOCUMENT, "is of another tenant"));
        }
        Ok(manifest)
    }

    /// Its one encoding (`FORMAT.md`, manifest).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut w = Writer::new();
        w.map(14).key(1).text(self.tenant.as_str()).key(2).bytes(&self.recording.to_bytes());
        w.key(3).int(self.started_at.0).key(4).int(self.ended_at.0);
        w.key(5).uint(self.cause.number()).key(6).uint(self.completeness.number());
        w.key(7).bytes(&self.policy_hash.0);
        write_list(&mut w, 8, &self.legs, Leg::write);
        write_list(&mut w, 9, &self.objects, ObjectRow::write);
        write_list(&mut w, 10, &self.bases, BasisInterval::write);
        write_list(&mut w, 11, &self.marks, Mark::write);
        write_list(&mut w, 12, &self.superseded, Superseded::write);
        w.key(13).bytes(&self.timeline.0).key(14).bytes(&self.span_table.0);
        Ok(w.finish())
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let manifest = Self::read(bytes)?;
        manifest.check()?;
        Ok(manifest)
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
        r.field(&mut f, 4, "ended at")?;
        let ended_at = Timestamp(r.int()?);
        r.field(&mut f, 5, "cause")?;
        let cause = EndCause::read(&mut r)?;
        r.field(&mut f, 6, "completeness")?;
        let completeness = Completeness::read(&mut r)?;
        r.field(&mut f, 7, "policy hash")?;
        let policy_hash = Hash(r.fixed()?);
        r.field(&mut f, 8, "legs")?;
        let legs = r.list(MAX_LEGS, Leg::read)?;
        r.field(&mut f, 9, "objects")?;
        let objects = r.list(MAX_ROWS, ObjectRow::read)?;
        r.field(&mut f, 10, "bases")?;
        let bases = r.list(MAX_ROWS, BasisInterval::read)?;
        r.field(&mut f, 11, "marks")?;
        let marks = r.list(MAX_ROWS, Mark::read)?;
        r.field(&mut f, 12, "superseded")?;
        let superseded = r.list(MAX_ROWS, Superseded::read)?;
        r.field(&mut f, 13, "timeline hash")?;
        let timeline = Hash(r.fixed()?);
        r.field(&mut f, 14, "span table hash")?;
        let span_table = Hash(r.fixed()?);
        r.end(&f)?;
        r.finish()?;
        Ok(Self {
            tenant,
            recording,
            started_at,
            ended_at,
            cause,
            completeness,
            policy_hash,
            legs,
            objects,
            bases,
            marks,
            superseded,
            timeline,
            span_table,
        })
    }

    /// Lists in order, each thing once: so that one recording has one manifest.
    fn check(&self) -> Result<(), Error> {
        Error::bounded("number of legs", self.legs.len(), MAX_LEGS)?;
        let rows = [self.objects.len(), self.bases.len(), self.marks.len(), self.superseded.len()];
        Error::bounded("number of rows", rows.into_iter().max().unwrap_or(0), MAX_ROWS)?;
        if !self.legs.is_sorted_by(|a, b| a.leg < b.leg) {
            return Err(Error::invalid(DOCUMENT, "has legs out of order or twice"));
        }
        if !self.objects.is_sorted_by(|a, b| a.place() < b.place()) {
            return Err(Error::invalid(DOCUMENT, "has objects out of order or twice"));
        }
        self.legs.iter().try_for_each(Leg::check)
    }
}

/// A field that holds a list of rows.
pub(crate) fn write_list<T>(w: &mut Writer, key: u64, rows: &[T], write: impl Fn(&T, &mut Writer)) {
    w.key(key).array(rows.len());
    for row in rows {
        write(row, w);
    }
}

#[cfg(test)]
mod tests;
