//! The other roles, as requests need them: a port, so that tests bring others.

mod wire;

use std::collections::BTreeSet;

use async_trait::async_trait;
use kernel::{
    Basis, ErasureId, EventId, HoldId, Interval, LegNo, PurposeName, RecordingId, RequestId, SubjectId,
    TenantId, Timestamp,
};
use policy::code::Code;
use proto::archive::v1::Recording;
use proto::audit::v1::Entry;
use proto::common::v1::Identifier;
use proto::consent::v1::GetStateResponse;
use proto::retention::v1::ExplainResponse;

use crate::error::Error;
use crate::person::Person;

pub use wire::WireMesh;

/// What a person may be in a call.
pub use proto::common::v1::PartyRole;

/// Audio for a package, as archive sends it.
pub type Audio = futures::stream::BoxStream<'static, Result<Vec<u8>, Error>>;

/// What is to be erased of one recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// The act; one that comes again is known by it.
    pub id: ErasureId,
    /// Of which recording.
    pub recording: RecordingId,
    /// Who asked for it: what a hold defers goes on only while the recording is theirs.
    pub subject: SubjectId,
    /// Only these purposes; every one where empty.
    pub purposes: BTreeSet<PurposeName>,
    /// Only this leg, all of it.
    pub leg: Option<(LegNo, Interval)>,
    /// Why.
    pub reason: Code,
}

/// How far an erasure is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Erased {
    /// Something of it is still to be done.
    Running,
    /// Nothing of what was asked can be read.
    Done,
    /// A hold stopped it; it goes on when that is released.
    Deferred(HoldId),
    /// A duty keeps all or some of it; what is left goes when that ends, without a new order.
    Kept,
}

/// Why something was erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// A period was over.
    PeriodOver,
    /// What it rested on is gone (GDPR Art. 17(1)(b)).
    BasisLost,
    /// Somebody ordered it.
    Ordered,
}

/// What an erasure has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gone {
    /// Why.
    pub why: Why,
    /// The recordings of which something is erased.
    pub recordings: BTreeSet<RecordingId>,
}

/// A restriction or hold that a request puts on recordings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restriction {
    /// Its id; one that comes again is known by it.
    pub id: HoldId,
    /// What it is.
    pub kind: RestrictionKind,
    /// On what.
    pub on: On,
    /// A code.
    pub reason: Code,
}

/// Consent that is taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawal {
    /// Its event; one that comes again is known by it.
    pub event: EventId,
    /// Whose.
    pub subject: SubjectId,
    /// For this call alone; for every one where none.
    pub call: Option<RecordingId>,
    /// For which purposes.
    pub purposes: BTreeSet<PurposeName>,
    /// As of when.
    pub at: Timestamp,
}

/// What a restriction covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum On {
    /// Whatever one of these is on.
    Subjects(BTreeSet<SubjectId>),
    /// These recordings.
    Recordings(BTreeSet<RecordingId>),
}

/// What a restriction does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RestrictionKind {
    /// Keeps what an open request is about; nobody else notices it.
    OpenRequest,
    /// Stored and not used for these purposes, as long as their periods run.
    StorageOnly(BTreeSet<PurposeName>),
    /// The person needs it for claims: stored, not used, and kept beyond its period (GDPR Art. 18(1)(c)).
    NeededByPerson,
}

/// archive, retention, consent, crypto and audit, in the words of requests. Every method may be called again: the same
/// question has the same effect once. A store that does not answer is an error, and never empty.
#[async_trait]
pub trait Mesh: Send + Sync + 'static {
    /// The person that an identifier is of; an error where nobody is known by it.
    async fn resolve(&self, tenant: &TenantId, identifier: Identifier) -> Result<SubjectId, Error>;
    /// Everybody who is the same person as a subject; an error where nobody has that id.
    async fn person(&self, tenant: &TenantId, subject: SubjectId) -> Result<Person, Error>;
    /// The recordings that a subject is on, as archive lists them (without who took part), in pages; the token goes on from the page before.
    async fn recordings(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        token: String,
    ) -> Result<(Vec<Recording>, Option<String>), Error>;
    /// One recording's facts.
    async fn recording(&self, tenant: &TenantId, recording: RecordingId) -> Result<Recording, Error>;
    /// Until when a recording is kept for each purpose, and what holds it; none where nothing of it is kept.
    async fn kept(&self, tenant: &TenantId, recording: RecordingId)
    -> Result<Option<ExplainResponse>, Error>;
    /// What a subject has consented to, and how that came.
    async fn consent(&self, tenant: &TenantId, subject: SubjectId) -> Result<GetStateResponse, Error>;
    /// Whether a purpose's basis stands for a recording; why not, where it does not.
    async fn basis_lost(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Option<String>, Error>;
    /// The ledger's entries about an object (`recording/<id>`), in pages, oldest first.
    async fn entries(
        &self,
        tenant: &TenantId,
        object: String,
        token: String,
    ) -> Result<(Vec<Entry>, Option<String>), Error>;

    /// Places a restriction.
    async fn restrict(
        &self,
        tenant: &TenantId,
        restriction: &Restriction,
        review_at: Timestamp,
    ) -> Result<(), Error>;
    /// Releases a hold that a request has placed; nothing where it is not there.
    async fn release(&self, tenant: &TenantId, hold: HoldId) -> Result<(), Error>;
    /// Orders an erasure.
    async fn erase(&self, tenant: &TenantId, erasure: &Erasure) -> Result<(), Error>;
    /// How far an erasure is.
    async fn erased(&self, tenant: &TenantId, erasure: ErasureId) -> Result<Erased, Error>;
    /// What an erasure has taken, whoever began it, in pages; the token goes on from the page before.
    async fn erasure_of(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        token: String,
    ) -> Result<(Gone, Option<String>), Error>;
    /// The recordings that a hold names and leaves to be stored only; none where it does not, or not any more, or where it
    /// names persons or a range of time.
    async fn restricted_by(&self, tenant: &TenantId, hold: HoldId) -> Result<BTreeSet<RecordingId>, Error>;
    /// Takes consent back.
    async fn withdraw(&self, tenant: &TenantId, withdrawal: &Withdrawal) -> Result<(), Error>;
    /// Attaches a person's statement to a recording, by the reference under which it is filed: the same again has no second
    /// effect.
    async fn annotate(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        request: RequestId,
        filed: &Code,
    ) -> Result<(), Error>;
    /// The purposes for which anything of a recording opens, by opening it.
    async fn opens(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<BTreeSet<(LegNo, PurposeName)>, Error>;

    /// A leg's audio as a WAV, for the person's own right, with the token of whoever hands it out.
    async fn wav(
        &self,
        tenant: &TenantId,
        token: &platform::auth::Token,
        recording: RecordingId,
        purpose: &PurposeName,
        leg: LegNo,
        reason: &str,
    ) -> Result<Audio, Error>;
}

/// What a purpose rests on, as the wire has it.
pub fn basis(number: i32) -> Option<Basis> {
    Basis::from_number(number)
}
