//! What archive keeps of recordings: facts and documents' names, no audio and no key.

mod row;
pub mod scylla;
pub mod sqlite;

use std::collections::BTreeMap;

use async_trait::async_trait;
use kernel::{
    Envelope, ErasureId, ErrorCode, LegNo, Position, RequestId, Retry, SectionNo, ServiceError, SessionEpoch,
    SpanNo, SubjectId, TenantId, Timestamp,
};
use objects::Key;
use policy::BasisChange;
use proto::common::v1::Grant;
use seal::manifest::ReasonCode;
use seal::receipt::PlainCode;
use seal::{Hash, SpanSet};

use crate::fact::{
    Anchors, ClosedSection, Dropped, Fact, Gone, Leg, MarkEdge, Note, Party, PauseEdge, RecordingKey,
    SectionBegan, SectionKey, Span, StoredObject,
};

/// Facts about recordings, and what was made of them.
///
/// Every write is idempotent: the same facts again, or the same settlement again, change nothing. Any number of
/// processes may use a store at once.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Adds facts. A batch that contradicts itself or what is known is refused, [`Error::Conflict`], and nothing of
    /// it is there. An object is there with all of its spans or not at all. Where the store fails on the way, or
    /// another puts a span elsewhere at the same moment, other facts of the batch may be there already: it must be
    /// given again until it is taken, or refused.
    async fn record(&self, facts: Vec<Fact>) -> Result<(), Error>;

    /// A recording's own row.
    async fn recording(&self, key: &RecordingKey) -> Result<Option<Recording>, Error>;

    /// Everything known of a recording. Facts that are added while this reads may be missing, one by one; what came
    /// before is there, and a document with all that it settled.
    async fn history(&self, key: &RecordingKey) -> Result<Option<History>, Error>;

    /// Which spans of a section are in objects.
    async fn stored_spans(&self, key: &SectionKey) -> Result<SpanSet, Error>;

    /// One stored span's ciphertext root.
    async fn span_root(&self, key: &SectionKey, span: SpanNo) -> Result<Option<Hash>, Error>;

    /// Recordings of a partition that still need something: open, being sealed, or with an object that no
    /// document names. In order of key, after `after`, at most `limit`.
    async fn unsettled(
        &self,
        partition: u32,
        after: Option<&RecordingKey>,
        limit: usize,
    ) -> Result<Vec<Recording>, Error>;

    /// Says that a recording is being sealed, and why it ended where no sender said so.
    async fn sealing(&self, key: &RecordingKey, cause: &str, end: Position) -> Result<(), Error>;

    /// Writes a document's row with the new state and the outgoing event, as one act: all of it is seen or nothing.
    /// A version that exists already with the same hash changes nothing; with another hash it is
    /// [`Error::Conflict`]. An object that is stored meanwhile is never taken for named.
    async fn settle(&self, settlement: Settlement) -> Result<(), Error>;

    /// Remembers an erasure and the purposes that went with it, and answers how it is remembered: the first word on
    /// either stays.
    async fn erasing(
        &self,
        key: &RecordingKey,
        erasure: ErasureId,
        log_end: u64,
        gone: Vec<Gone>,
    ) -> Result<ErasureRow, Error>;

    /// Raises how far an erasure has looked; it never goes back.
    async fn looked(&self, key: &RecordingKey, erasure: ErasureId, through: u32) -> Result<(), Error>;

    /// Says that objects are gone in all versions; their rows stay, with the first such date.
    async fn mark_deleted(&self, key: &RecordingKey, names: Vec<Key>, at: Timestamp) -> Result<(), Error>;

    /// Recordings of a tenant, newest first; erased ones are not among them.
    async fn list(&self, query: &Query) -> Result<Vec<Recording>, Error>;
}

/// A recording's own row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// Whose, and which.
    pub key: RecordingKey,
    /// The audio partition that it lives on.
    pub partition: u32,
    /// How far it has come.
    pub state: State,
    /// The highest session epoch seen.
    pub session_epoch: SessionEpoch,
    /// Position 0; `None` while no session was seen to open.
    pub started_at: Option<Timestamp>,
    /// `ingest.v1.Direction`'s number.
    pub direction: i32,
    /// BCP 47.
    pub language: String,
    /// The tenant's policy when the call opened.
    pub policy_hash: Hash,
    /// When its last event happened, in domain time.
    pub last_event_at: Timestamp,
    /// When the session ended, in domain time.
    pub closed_at: Option<Timestamp>,
    /// Why it ended, as a code; empty while it has not.
    pub cause: String,
    /// The end of the last frame, once the session has ended.
    pub end: Option<Position>,
    /// What ingest says of a call that was not recorded; empty otherwise.
    pub refusal: String,
    /// Whether every frame is accounted for; `None` before it is sealed.
    pub complete: Option<bool>,
    /// Whether an object is stored that no document names.
    pub has_unnamed: bool,
}

/// How far a recording has come; the numbers are `archive.v1.RecordingState`'s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// Its session runs, or waits for missing frames.
    Open = 1,
    /// Nothing is added to it any more; its documents are being made.
    Sealing = 2,
    /// Its manifest is signed.
    Sealed = 3,
    /// Its manifest has an addendum.
    Addended = 4,
    /// Nothing was recorded, and a signed document says why.
    NotRecorded = 5,
    /// No stored span of it opens for anybody: what is left is its documents.
    Erased = 6,
}

impl State {
    /// The number that leaves the process.
    pub fn number(self) -> i32 {
        self as i32
    }
    /// The state with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        let all = [Self::Open, Self::Sealing, Self::Sealed, Self::Addended, Self::NotRecorded, Self::Erased];
        all.into_iter().find(|state| state.number() == number)
    }
    /// Whether a signed document exists.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Open | Self::Sealing => false,
            Self::Sealed | Self::Addended | Self::NotRecorded | Self::Erased => true,
        }
    }
}

/// Everything known of a recording.
#[derive(Clone, PartialEq, Debug)]
pub struct History {
    /// Its own row.
    pub recording: Recording,
    /// Who takes part.
    pub parties: Vec<Party>,
    /// Its legs, in order.
    pub legs: Vec<LegRow>,
    /// What became of the requested purposes.
    pub grants: Vec<Grant>,
    /// Its sections, in order of leg and section.
    pub sections: Vec<SectionRow>,
    /// Anchors by section.
    pub anchors: Vec<Anchors>,
    /// Its spans, in order of leg, section and span.
    pub spans: Vec<Span>,
    /// Objects with their spans left out, in order of name.
    pub objects: Vec<StoredObject>,
    /// Every change of basis, in no particular order.
    pub changes: Vec<BasisChange>,
    /// Pauses' edges.
    pub pauses: Vec<PauseEdge>,
    /// Marks' edges.
    pub marks: Vec<MarkEdge>,
    /// Notes.
    pub notes: Vec<Note>,
    /// Frames not stored.
    pub dropped: Vec<Dropped>,
    /// Purposes without an entry though they had an interval.
    pub gone: Vec<Gone>,
    /// What nobody can open any more, in order of document, leg and section.
    pub erased: Vec<ErasedRow>,
    /// What people have stated about it, in order of document.
    pub statements: Vec<StatementRow>,
    /// Signed documents, in order of version.
    pub documents: Vec<Document>,
}

/// Spans of a section that an addendum says nobody can open any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErasedRow {
    /// Of which leg.
    pub leg: LegNo,
    /// Of which section.
    pub section: SectionNo,
    /// Which spans.
    pub spans: SpanSet,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// When the addendum was signed, in domain time.
    pub at: Timestamp,
    /// By which act.
    pub erasure: ErasureId,
    /// The addendum's version.
    pub document: u32,
}

/// That an addendum says that a person has stated something about a recording (GDPR Art. 16). Their words are nowhere here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementRow {
    /// Under which reference the statement is filed.
    pub filed: PlainCode,
    /// The request that it came with.
    pub request: RequestId,
    /// When the addendum was signed, in domain time.
    pub at: Timestamp,
    /// The addendum's version.
    pub document: u32,
}

/// An erasure of a recording, as archive remembers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErasureRow {
    /// Which.
    pub erasure: ErasureId,
    /// The end of the recording's audio partition when archive first heard of it: what the log held of the recording
    /// then lies below.
    pub log_end: u64,
    /// The last document whose objects it has looked at; 0 before it has looked. What becomes unreadable later in
    /// these is another erasure's to say.
    pub through: u32,
}

/// A leg and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegRow {
    /// As announced.
    pub leg: Leg,
    /// How many frames the sender numbered, once it said so.
    pub frames: Option<u64>,
}

/// A section and what its writer said of it at its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionRow {
    /// How it began.
    pub began: SectionBegan,
    /// How it ended, where its writer lived to say so.
    pub closed: Option<ClosedSection>,
}

/// A signed document's row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// 1 is the manifest or the not-recorded document, each addendum one more.
    pub version: u32,
    /// What it is.
    pub kind: DocumentKind,
    /// Its object's name.
    pub name: Key,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// When it was settled, in domain time.
    pub at: Timestamp,
}

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DocumentKind {
    /// The signed manifest.
    Manifest = 1,
    /// The signed record of a call that was not recorded.
    NotRecorded = 2,
    /// A signed addendum.
    Addendum = 3,
}

impl DocumentKind {
    /// The number that leaves the process.
    pub fn number(self) -> i32 {
        self as i32
    }
    /// The kind with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Manifest, Self::NotRecorded, Self::Addendum].into_iter().find(|kind| kind.number() == number)
    }
}

/// A document and what it makes of its recording.
#[derive(Clone, PartialEq, Debug)]
pub struct Settlement {
    /// Of which recording.
    pub recording: RecordingKey,
    /// The state from now on.
    pub state: State,
    /// Whether every frame is accounted for.
    pub complete: bool,
    /// The document.
    pub document: Document,
    /// The objects that it names.
    pub objects: Vec<Key>,
    /// Purposes that got no entry, beside those known before.
    pub gone: Vec<Gone>,
    /// What it says that nobody can open any more.
    pub erased: Vec<ErasedRow>,
    /// What it says that somebody has stated.
    pub stated: Option<StatementRow>,
    /// What the rest of the world is told.
    pub event: Envelope,
}

/// Which recordings to list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// Whose.
    pub tenant: TenantId,
    /// First `started_at`.
    pub from: Timestamp,
    /// First `started_at` that is too late.
    pub to: Timestamp,
    /// Found by what.
    pub by: By,
    /// The last recording of the page before.
    pub after: Option<(Timestamp, kernel::RecordingId)>,
    /// How many at most.
    pub limit: usize,
}

/// What recordings are found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Time alone.
    Time,
    /// A subject that takes part: customer or agent.
    Subject(SubjectId),
    /// The HMAC of a correlation id.
    Correlation(Hash),
}

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine failed.
    #[error("archive's store failed")]
    Engine {
        /// The kind of failure.
        code: ErrorCode,
        /// Whether to try again.
        retry: Retry,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Rows that cannot be what the code wrote.
    #[error("{table} holds {what} that cannot be")]
    Row {
        /// The table.
        table: &'static str,
        /// Which value.
        what: &'static str,
    },
    /// A document or span that exists with other contents.
    #[error("{what} of recording {recording} exists with other contents")]
    Conflict {
        /// What.
        what: &'static str,
        /// Of which recording.
        recording: kernel::RecordingId,
    },
    /// No such recording.
    #[error("no recording {0}")]
    Unknown(kernel::RecordingId),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Engine { code, .. } => *code,
            Self::Row { .. } => ErrorCode::DataLoss,
            Self::Conflict { .. } => ErrorCode::AlreadyExists,
            Self::Unknown(_) => ErrorCode::NotFound,
        }
    }
    fn retry(&self) -> Retry {
        match self {
            Self::Engine { retry, .. } => *retry,
            Self::Row { .. } | Self::Conflict { .. } | Self::Unknown(_) => Retry::No,
        }
    }
}

impl History {
    /// The timeline's length: the session's end, or the last position that anything reached.
    pub fn duration(&self) -> Position {
        let spans = self.spans.iter().map(|span| span.end);
        let dropped = self.dropped.iter().map(|dropped| dropped.end);
        let reached = spans.chain(dropped).max().unwrap_or_default();
        self.recording.end.map_or(reached, |end| end.max(reached))
    }
    /// Spans of audio legs.
    pub fn audio(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(|span| span.leg != crate::fact::META_LEG)
    }
    /// The session epoch of every section, by leg and section.
    pub fn epochs(&self) -> BTreeMap<(LegNo, SectionNo), SessionEpoch> {
        let of = |row: &SectionRow| ((row.began.leg, row.began.section), row.began.session_epoch);
        self.sections.iter().map(of).collect()
    }
}
