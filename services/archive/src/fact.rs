//! What archive learns of a recording from its audio partition, in domain types.
//!
//! Facts only ever add up: each has an identity, the same fact twice is one fact, and nothing here is ever
//! changed by a later one. What they come to is folded where it is asked ([`crate::history`]).

use kernel::{
    Basis, EventId, FrameNo, InstanceId, Interval, KeyEpoch, LegNo, MarkLabel, Position, RecordingId,
    RegimeName, SectionNo, SessionEpoch, SpanNo, SubjectId, TenantId, Timestamp,
};
use objects::Key;
use policy::BasisChange;
use proto::common::v1::Grant;
use seal::{Hash, SectionKind};

/// The leg of a call's identifying metadata.
pub const META_LEG: LegNo = LegNo(u16::MAX);

/// A recording of a tenant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordingKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: RecordingId,
}

/// A section of a recording.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SectionKey {
    /// Whose, and which recording.
    pub recording: RecordingKey,
    /// Which leg.
    pub leg: LegNo,
    /// Which section.
    pub section: SectionNo,
}

/// A fact and where it was learnt.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// About which recording.
    pub recording: RecordingKey,
    /// The event that told it; with the fact's kind, its identity.
    pub event: EventId,
    /// The audio partition that the recording lives on.
    pub partition: u32,
    /// When it happened, in domain time: as its event says, so that a redelivery is no sign of life.
    pub at: Timestamp,
    /// What it says.
    pub what: What,
}

/// What a fact says.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// That the recording is alive: spans came.
    Heard,
    /// A sender opened the recording, or opened it again.
    Opened(Opened),
    /// A section began.
    SectionBegan(SectionBegan),
    /// Where RTP time meets the timeline.
    Anchored(Anchors),
    /// Spans are in an object.
    Stored(StoredObject),
    /// A purpose's basis changed.
    Basis(BasisChange),
    /// A pause began or ended.
    Pause(PauseEdge),
    /// A mark began or ended.
    Mark(MarkEdge),
    /// Something with a position that changes no basis.
    Note(Note),
    /// Frames that are not stored.
    Dropped(Dropped),
    /// A leg ended.
    LegClosed(LegClosed),
    /// The session ended.
    Closed(Closed),
    /// Nothing of the call was recorded, says ingest.
    NotRecorded(NotRecorded),
}

/// An opened session.
#[derive(Clone, PartialEq, Debug)]
pub struct Opened {
    /// The sender's fencing number.
    pub session_epoch: SessionEpoch,
    /// Position 0 on the sender's clock.
    pub started_at: Timestamp,
    /// `ingest.v1.Direction`'s number.
    pub direction: i32,
    /// BCP 47, as the sender gave it.
    pub language: String,
    /// The tenant's policy when the call opened.
    pub policy_hash: Hash,
    /// Who takes part, in the order of `Open.parties`.
    pub parties: Vec<Party>,
    /// Its legs.
    pub legs: Vec<Leg>,
    /// What became of the requested purposes.
    pub grants: Vec<Grant>,
    /// HMACs of correlation ids.
    pub correlations: Vec<Hash>,
}

/// Somebody who takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party {
    /// Who.
    pub subject: SubjectId,
    /// `common.v1.PartyRole`'s number.
    pub role: i32,
}

/// A leg as the sender announced it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leg {
    /// Its number.
    pub leg: LegNo,
    /// RTP encoding name.
    pub codec: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Index into the parties.
    pub party: u32,
}

/// A section's beginning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionBegan {
    /// Its leg.
    pub leg: LegNo,
    /// Its number.
    pub section: SectionNo,
    /// What it holds.
    pub kind: SectionKind,
    /// The session epoch that it was sealed in.
    pub session_epoch: SessionEpoch,
    /// The epoch whose key its leg key was sealed to.
    pub key_epoch: KeyEpoch,
    /// The ingest instance that sealed it.
    pub writer: InstanceId,
}

/// Anchors of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anchors {
    /// Its leg.
    pub leg: LegNo,
    /// Its number.
    pub section: SectionNo,
    /// Where RTP time meets the timeline.
    pub anchors: Vec<Anchor>,
}

/// Where RTP time meets the timeline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Anchor {
    /// First frame that goes by it.
    pub frame: FrameNo,
    /// RTP timestamp, extended.
    pub rtp_timestamp: u64,
    /// The position that it has.
    pub position: Position,
    /// The stream that it belongs to.
    pub ssrc: u32,
}

/// An object and the spans in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredObject {
    /// Its name.
    pub name: Key,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// Its length.
    pub length: u64,
    /// Until when it is locked.
    pub lock_until: Option<Timestamp>,
    /// Its lock class.
    pub regimes: Vec<RegimeName>,
    /// The leg of its spans.
    pub leg: LegNo,
    /// The section of its spans.
    pub section: SectionNo,
    /// Its spans, in order.
    pub spans: Vec<Span>,
    /// The document that names it, from 1; `None` while none does.
    pub document: Option<u32>,
    /// When it was deleted in all versions, because nobody could open anything of it any more.
    pub deleted_at: Option<Timestamp>,
}

/// A stored span: facts only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its leg.
    pub leg: LegNo,
    /// Its section.
    pub section: SectionNo,
    /// Its number.
    pub span: SpanNo,
    /// First frame in it.
    pub first_frame: FrameNo,
    /// Last frame in it.
    pub last_frame: FrameNo,
    /// Where it begins.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// Its ciphertext root.
    pub ct_root: Hash,
    /// Where its container begins in the object.
    pub offset: u64,
    /// Length of its container.
    pub length: u32,
}

impl Span {
    /// From where to where it reaches; `None` for a document.
    pub fn interval(&self) -> Option<Interval> {
        Interval::new(self.start, self.end)
    }
}

/// A pause's beginning or end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PauseEdge {
    /// The sender's event.
    pub event: EventId,
    /// Where.
    pub position: Position,
    /// The reason's code where it begins; `None` where it ends.
    pub begins: Option<String>,
    /// Set where the position was derived from wall time: its error in microseconds.
    pub derived_error: Option<u64>,
}

/// A mark's beginning or end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkEdge {
    /// The sender's event.
    pub event: EventId,
    /// Where.
    pub position: Position,
    /// Which mark.
    pub label: MarkLabel,
    /// Which of the two.
    pub edge: Edge,
}

/// One end of a stretch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Edge {
    /// The stretch ends here.
    Ends = 0,
    /// The stretch begins here.
    Begins = 1,
}

/// A notice played, a right requested, a refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The sender's event.
    pub event: EventId,
    /// Where.
    pub position: Position,
    /// `notice.played`, `dsar.requested`, `consent.refused`.
    pub kind: String,
    /// A policy code.
    pub code: String,
}

/// Frames that are not stored, and never were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// Of which leg.
    pub leg: LegNo,
    /// First of them.
    pub first: FrameNo,
    /// Last of them.
    pub last: FrameNo,
    /// Why.
    pub reason: DropReason,
    /// Where the first would begin.
    pub start: Position,
    /// Where the last would end.
    pub end: Position,
}

/// Why frames are not stored; the numbers are `ingest.v1.DropReason`'s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DropReason {
    /// The recording was paused.
    Pause = 1,
    /// No purpose had its basis.
    NoBasis = 2,
    /// The sender numbered them and never sent them.
    Sender = 3,
    /// The recording was stopped.
    Stopped = 4,
}

impl DropReason {
    /// The word for manifests and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::NoBasis => "no-basis",
            Self::Sender => "sender",
            Self::Stopped => "stopped",
        }
    }
    /// The number that leaves the process.
    pub fn number(self) -> i32 {
        self as i32
    }
    /// The reason with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Pause, Self::NoBasis, Self::Sender, Self::Stopped].into_iter().find(|r| r.number() == number)
    }
}

/// A leg's end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegClosed {
    /// Which leg.
    pub leg: LegNo,
    /// How many frames the sender numbered.
    pub frames: u64,
    /// What the last writer says of its own section, if it opened one.
    pub section: Option<ClosedSection>,
}

/// What a writer says of its own section at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClosedSection {
    /// Which section.
    pub section: SectionNo,
    /// How many spans it has.
    pub spans: u32,
    /// RFC 6962 root over their ciphertext roots.
    pub root: Hash,
}

/// A session's end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    /// The session's fencing number: a writer that was overtaken ends nothing.
    pub session_epoch: SessionEpoch,
    /// Why it ended, as a code.
    pub cause: String,
    /// The end of the last frame.
    pub end: Position,
}

/// What ingest says of an `Open` that ended without recording.
#[derive(Clone, PartialEq, Debug)]
pub struct NotRecorded {
    /// Why, as a code.
    pub reason: String,
    /// What became of the requested purposes.
    pub grants: Vec<Grant>,
}

/// A purpose that lost its basis by the sealing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Gone {
    /// Which purpose.
    pub purpose: kernel::PurposeName,
    /// Why, as a code.
    pub reason: String,
}

/// The basis that a purpose goes by, as a grant names it.
pub fn basis_of(grant: &Grant) -> Option<Basis> {
    Basis::from_number(grant.basis)
}
