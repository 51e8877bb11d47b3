//! The other roles, as the saga asks them: a port, so that tests bring others.

mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    ErasureId, Interval, LegNo, PurposeName, RecordingId, SectionNo, SubjectId, TenantId, Timestamp,
};
use policy::code::Code;
use seal::SpanSet;

use crate::error::Error;

pub use wire::WireMesh;

/// Spans of a recording's sections; none names a section twice.
pub type Sections = Vec<(LegNo, SectionNo, SpanSet)>;

/// What crypto is to make unreadable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removal {
    /// Of which recording.
    pub recording: RecordingId,
    /// The act.
    pub erasure: ErasureId,
    /// Only these purposes; every one where empty.
    pub purposes: BTreeSet<PurposeName>,
    /// Only these spans; every one, also those still to come, where none are given.
    pub spans: Option<Sections>,
}

/// What crypto made of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// How long leases on what was removed may still run, in machine time.
    pub leases: Duration,
    /// The last epoch whose end makes it final; none where nothing was removed.
    pub epoch: Option<u64>,
    /// Before when that epoch does not end.
    pub not_before: Option<Timestamp>,
}

/// What archive made of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cleared {
    /// Spans that nobody can open since this act.
    pub spans: u64,
    /// Whether they have a signed addendum.
    pub has_addendum: bool,
    /// Objects that are gone now, in all versions.
    pub deleted: u32,
    /// The last lock that keeps an object of which nothing opens any more; none where no such object is left.
    pub locked_until: Option<Timestamp>,
    /// The event log holds nothing of the recording any more.
    pub log_passed: bool,
}

/// Spans of one section that one purpose opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// Of which leg.
    pub leg: LegNo,
    /// Of which section.
    pub section: SectionNo,
    /// Which purpose; reserved ones are among them.
    pub purpose: PurposeName,
    /// Which spans.
    pub spans: SpanSet,
}

/// crypto, archive and consent, in the words of the saga. Every method may be called again: the same question has the
/// same effect once.
#[async_trait]
pub trait Mesh: Send + Sync + 'static {
    /// Whether archive knows the recording, in whatever state.
    async fn knows(&self, tenant: &TenantId, recording: RecordingId) -> Result<bool, Error>;
    /// The whole spans that a stretch touches.
    async fn spans(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        stretch: Interval,
        legs: &BTreeSet<LegNo>,
    ) -> Result<Sections, Error>;
    /// Has crypto make something unreadable.
    async fn remove(&self, tenant: &TenantId, removal: &Removal) -> Result<Removed, Error>;
    /// What still opens of a recording, for whatever purpose.
    async fn open(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Open>, Error>;
    /// Has archive sign the addendum and delete objects of which nothing opens.
    async fn clear(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        erasure: ErasureId,
        reason: &Code,
        purposes: &BTreeSet<PurposeName>,
    ) -> Result<Cleared, Error>;
    /// Has archive lengthen the locks of what is stored of a recording. What it does not know has none.
    async fn lock(&self, tenant: &TenantId, recording: RecordingId, until: Timestamp) -> Result<(), Error>;
    /// Whether a tenant's epoch is destroyed, and every earlier one that crypto knows of.
    async fn is_destroyed(&self, tenant: &TenantId, epoch: u64) -> Result<bool, Error>;
    /// When the last erasure of a tenant was that crypto's key tables know of, in domain time; none where they know of none.
    async fn last_erasure(&self, tenant: &TenantId) -> Result<Option<Timestamp>, Error>;
    /// Everybody who is the same person as a subject now, that one among them; an error where nobody has that id.
    async fn person(&self, tenant: &TenantId, subject: SubjectId) -> Result<BTreeSet<SubjectId>, Error>;
    /// Why a purpose has lost what it rested on; none where that stands.
    async fn basis_lost(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Option<String>, Error>;
}
