//! Addenda: what changed about a sealed recording. The manifest itself is never written again.

use kernel::{EventId, LegNo, RecordingId, RequestId, SectionNo, TenantId, Timestamp};

use super::{Completeness, Leg, MAX_LEGS, MAX_ROWS, ObjectRow, ReasonCode, SIGNER_ROLE, write_list};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::hash::Hash;
use crate::receipt::PlainCode;
use crate::signing::{DocumentKind, SignedCert, SignedDocument, SigningKey, TrustRoots};
use crate::tree::SpanSet;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addendum {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// The recording.
    pub recording: RecordingId,
    /// Its place among the recording's addenda, from 1.
    pub number: u32,
    /// SHA-256 of the signed manifest's bytes.
    pub manifest: Hash,
    /// SHA-256 of the addendum before this one; none for the first.
    pub previous: Option<Hash>,
    /// What changed.
    pub change: AddendumChange,
}

/// What an addendum says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddendumChange {
    /// Late audio arrived: these legs as they are now, and the objects that were added.
    Filled {
        /// Whether every frame is accounted for now.
        completeness: Completeness,
        /// The legs that changed, whole.
        legs: Vec<Leg>,
        /// The new objects.
        objects: Vec<ObjectRow>,
    },
    /// Spans can be opened by nobody any more.
    Erased {
        /// Why, by policy code.
        reason: ReasonCode,
        /// The erasure, by its id.
        ledger: EventId,
        /// Which spans.
        spans: Vec<ErasedSpans>,
        /// Objects that are gone too, each by its first span's place.
        objects: Vec<ObjectRow>,
    },
    /// A person has stated something about it (GDPR Art. 16): it stays as it was recorded, and that is told with it. Their
    /// words are not here, which nothing could erase.
    Stated {
        /// Under which reference the statement is filed.
        filed: PlainCode,
        /// The request that it came with.
        request: RequestId,
    },
}

/// Spans of one section that were erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasedSpans {
    /// Of which leg.
    pub leg: LegNo,
    /// Of which section.
    pub section: SectionNo,
    /// Which spans.
    pub spans: SpanSet,
}

const DOCUMENT: &str = "addendum";

impl Addendum {
    /// Signs it as archive.
    pub fn sign(&self, at: Timestamp, cert: &SignedCert, key: &SigningKey) -> Result<SignedDocument, Error> {
        SignedDocument::sign(DocumentKind::Addendum, self.encode()?, at, cert, key)
    }

    /// Verifies and reads a signed addendum of this tenant.
    pub fn verify(document: &SignedDocument, roots: &TrustRoots, tenant: &TenantId) -> Result<Self, Error> {
        let verified = document.verify(roots, DocumentKind::Addendum, SIGNER_ROLE, tenant)?;
        let addendum = Self::decode(verified.payload)?;
        if addendum.tenant != *tenant {
            return Err(Error::invalid(DOCUMENT, "is of another tenant"));
        }
        Ok(addendum)
    }

    /// Its one encoding (`FORMAT.md`, addendum).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut w = Writer::new();
        w.map(5 + usize::from(self.previous.is_some()));
        w.key(1).text(self.tenant.as_str()).key(2).bytes(&self.recording.to_bytes());
        w.key(3).uint(self.number).key(4).bytes(&self.manifest.0);
        if let Some(previous) = &self.previous {
            w.key(5).bytes(&previous.0);
        }
        match &self.change {
            AddendumChange::Filled { completeness, legs, objects } => {
                w.key(6).map(3).key(1).uint(completeness.number());
                write_list(&mut w, 2, legs, Leg::write);
                write_list(&mut w, 3, objects, ObjectRow::write);
            }
            AddendumChange::Erased { reason, ledger, spans, objects } => {
                w.key(7).map(4).key(1).text(reason.as_str()).key(2).bytes(&ledger.to_bytes());
                write_list(&mut w, 3, spans, ErasedSpans::write);
                write_list(&mut w, 4, objects, ObjectRow::write);
            }
            AddendumChange::Stated { filed, request } => {
                w.key(8).map(2).key(1).text(filed.as_str()).key(2).bytes(&request.to_bytes());
            }
        }
        Ok(w.finish())
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let addendum = Self::read(bytes)?;
        addendum.check()?;
        Ok(addendum)
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "tenant")?;
        let tenant = r.name()?;
        r.field(&mut f, 2, "recording")?;
        let recording = RecordingId::from_bytes(r.fixed()?);
        r.field(&mut f, 3, "number")?;
        let number = r.narrow()?;
        r.field(&mut f, 4, "manifest hash")?;
        let manifest = Hash(r.fixed()?);
        let previous = match r.optional(&mut f, 5, "previous hash")? {
            true => Some(Hash(r.fixed()?)),
            false => None,
        };
        let change = if r.optional(&mut f, 6, "filled")? {
            AddendumChange::read_filled(&mut r)?
        } else if r.optional(&mut f, 7, "erased")? {
            AddendumChange::read_erased(&mut r)?
        } else if r.optional(&mut f, 8, "change")? {
            AddendumChange::read_stated(&mut r)?
        } else {
            // Passed over, it would be taken for one that says nothing.
            return Err(r.wrong("is none that this reader knows"));
        };
        r.end(&f)?;
        r.finish()?;
        Ok(Self { tenant, recording, number, manifest, previous, change })
    }

    fn check(&self) -> Result<(), Error> {
        if (self.number == 1) != self.previous.is_none() || self.number == 0 {
            return Err(Error::invalid(DOCUMENT, "does not say which addendum came before it"));
        }
        let rows = match &self.change {
            AddendumChange::Filled { legs, objects, .. } => {
                legs.iter().try_for_each(Leg::check)?;
                [legs.len(), objects.len()]
            }
            AddendumChange::Erased { spans, objects, .. } => [spans.len(), objects.len()],
            AddendumChange::Stated { .. } => [0, 0],
        };
        Error::bounded("number of rows", rows[0].max(rows[1]), MAX_ROWS)
    }
}

impl AddendumChange {
    fn read_filled(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "completeness")?;
        let completeness = Completeness::read(r)?;
        r.field(&mut f, 2, "legs")?;
        let legs = r.list(MAX_LEGS, Leg::read)?;
        r.field(&mut f, 3, "objects")?;
        let objects = r.list(MAX_ROWS, ObjectRow::read)?;
        r.end(&f)?;
        Ok(Self::Filled { completeness, legs, objects })
    }

    fn read_erased(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "reason")?;
        let reason = r.name()?;
        r.field(&mut f, 2, "ledger entry")?;
        let ledger = EventId::from_bytes(r.fixed()?);
        r.field(&mut f, 3, "spans")?;
        let spans = r.list(MAX_ROWS, ErasedSpans::read)?;
        r.field(&mut f, 4, "objects")?;
        let objects = r.list(MAX_ROWS, ObjectRow::read)?;
        r.end(&f)?;
        Ok(Self::Erased { reason, ledger, spans, objects })
    }

    fn read_stated(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut f = r.map()?;
        r.field(&mut f, 1, "filed")?;
        let filed = r.name()?;
        r.field(&mut f, 2, "request")?;
        let request = RequestId::from_bytes(r.fixed()?);
        r.end(&f)?;
        Ok(Self::Stated { filed, request })
    }
}

impl ErasedSpans {
    fn write(&self, w: &mut Writer) {
        w.array(3).uint(self.leg.0).uint(self.section.0);
        self.spans.write(w);
    }
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple(3)?;
        let (leg, section) = (LegNo(r.narrow()?), SectionNo(r.narrow()?));
        Ok(Self { leg, section, spans: SpanSet::read(r)? })
    }
}
