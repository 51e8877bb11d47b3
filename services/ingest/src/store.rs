//! What ingest remembers of a session, and on which conditions it may be changed.
//!
//! One row per session, changed at open, takeover, decision, new section, event and close, never per span.
//! Every change by a stream is conditional on its session epoch, so that a stream that was overtaken changes
//! nothing any more; [`Store::open`] and [`Store::fence`] are the only ones that take a session over.

mod sqlite;

use async_trait::async_trait;
use kernel::{
    EventId, InstanceId, LegNo, NoticeName, PurposeName, RecordingId, SectionNo, SessionEpoch, SubjectId,
    TenantId, Timestamp,
};
use proto::common::v1::{Grant, PartyRole};
use proto::consent::v1::ConsentScope;
use proto::ingest::v1 as wire;

use crate::anchor::Anchor;
use crate::error::Error;
use crate::intake::{ConsentAct, Expression};
use crate::leg::LegSpec;
use crate::session::SessionEvent;

pub use sqlite::SqliteStore;

/// The leg number under which a call's identifying metadata is sealed.
pub const META_LEG: LegNo = LegNo(u16::MAX);

/// Which session: a recording id is unique in its tenant only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which recording.
    pub recording: RecordingId,
}

/// A session as one stream holds it: what it writes is refused once another has a higher epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fence {
    /// Which session.
    pub key: SessionKey,
    /// The epoch that this stream opened it with.
    pub epoch: SessionEpoch,
}

/// Where a session's row stands; pauses and stops are events of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Opened, not yet decided on.
    Opening = 1,
    /// It takes audio.
    Open = 2,
    /// Closed by its sender.
    Ended = 3,
    /// Fenced by archive.
    Abandoned = 4,
    /// Every purpose was denied: nothing is recorded.
    Rejected = 5,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 5] = [Self::Opening, Self::Open, Self::Ended, Self::Abandoned, Self::Rejected];
    /// The number that is stored; never reused.
    pub fn number(self) -> i64 {
        self as i64
    }
    /// The phase with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.number() == number)
    }
    /// Why a session in this phase takes no more audio; none where it does.
    pub fn over(self) -> Option<&'static str> {
        match self {
            Self::Opening | Self::Open => None,
            Self::Ended => Some("ended"),
            Self::Abandoned => Some("fenced"),
            Self::Rejected => Some("rejected"),
        }
    }
}

/// What an `Open` asks the row to become.
#[derive(Clone, PartialEq, Debug)]
pub struct Opening {
    /// The session, with the new epoch.
    pub fence: Fence,
    /// The instance that owns it now.
    pub owner: InstanceId,
    /// Position 0; must be the stored one.
    pub started_at: Timestamp,
    /// Who called whom.
    pub direction: wire::Direction,
    /// BCP 47, or empty.
    pub language: String,
    /// Who is in the call; must be the stored ones.
    pub parties: Vec<PartyRole>,
    /// Must be the stored ones.
    pub legs: Vec<LegSpec>,
    /// When, in domain time.
    pub at: Timestamp,
}

/// What was decided when a call was authorised.
#[derive(Clone, PartialEq, Debug)]
pub struct Authorisation {
    /// Per party, in order; none where consent could not be heard.
    pub subjects: Vec<SubjectId>,
    /// Per requested purpose.
    pub grants: Vec<Grant>,
    /// The policy in force.
    pub policy_hash: [u8; 32],
    /// The version of consent's changes that the grants reflect.
    pub consent_version: u64,
}

/// A leg as its row has it.
#[derive(Clone, PartialEq, Debug)]
pub struct LegRow {
    /// What it carries.
    pub spec: LegSpec,
    /// How many sections were claimed.
    pub sections: u32,
    /// The anchor in force when the last one was.
    pub anchor: Option<Anchor>,
}

/// A session's row.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionRow {
    /// The session, with the epoch in force.
    pub fence: Fence,
    /// The instance that opened it last.
    pub owner: InstanceId,
    /// How often it was opened: which stream of the session this is, from 1.
    pub streams: u32,
    /// Where it stands.
    pub phase: Phase,
    /// Position 0.
    pub started_at: Timestamp,
    /// Who called whom.
    pub direction: wire::Direction,
    /// BCP 47, or empty.
    pub language: String,
    /// Who is in the call.
    pub parties: Vec<PartyRole>,
    /// In order.
    pub legs: Vec<LegRow>,
    /// None until it is decided on.
    pub authorisation: Option<Authorisation>,
    /// The identifying metadata is sealed and logged.
    pub meta_sealed: bool,
    /// Everything that happened, in order of arrival.
    pub events: Vec<SessionEvent>,
}

/// An event that consent has not yet taken.
#[derive(Clone, PartialEq, Debug)]
pub struct Untold {
    /// Of which session.
    pub key: SessionKey,
    /// Its id.
    pub event: EventId,
    /// What it says.
    pub word: UntoldWord,
    /// Where in the recording.
    pub position: u64,
    /// When.
    pub at: Timestamp,
}

/// What an event that consent has not yet taken says.
#[derive(Clone, PartialEq, Debug)]
pub enum UntoldWord {
    /// Somebody did something with their consent.
    Act {
        /// Who.
        subject: SubjectId,
        /// What they did.
        act: ConsentAct,
        /// For which purpose.
        purpose: PurposeName,
        /// How.
        expression: Expression,
        /// For this call, or for every one: given for the call, taken back as far as it stood when the call
        /// was opened.
        scope: ConsentScope,
        /// The notice that a grant rests on.
        notice: Option<NoticeName>,
    },
    /// A notice was played to everybody whose consent the call takes.
    Notice(NoticeName),
}

/// Whether consent has taken an event already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// Consent has it, or need not know.
    Done,
    /// It has yet to be told.
    Owed,
}

/// Where sessions are kept.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes the row, or takes it over with a higher epoch: [`Error::Overtaken`] where the epoch is not above
    /// the stored one, [`Error::Over`] where the session takes no more audio, [`Error::Differs`] where the
    /// call is another one. Returns the row as it is then.
    async fn open(&self, opening: Opening) -> Result<SessionRow, Error>;

    /// The row, if there is one.
    async fn load(&self, key: &SessionKey) -> Result<Option<SessionRow>, Error>;

    /// Keeps what was decided, and the phase that follows from it.
    async fn authorise(&self, fence: &Fence, decided: Authorisation, phase: Phase) -> Result<(), Error>;

    /// Adds an event, with the version of consent's changes that it reflects. A repeated id changes nothing.
    async fn record(
        &self,
        fence: &Fence,
        event: SessionEvent,
        telling: Telling,
        consent_version: u64,
    ) -> Result<(), Error>;

    /// Claims the leg's next section, before any use of it; keeps the anchor in force there.
    async fn claim_section(
        &self,
        fence: &Fence,
        leg: LegNo,
        anchor: Option<Anchor>,
    ) -> Result<SectionNo, Error>;

    /// Says that the identifying metadata is sealed and logged.
    async fn meta_sealed(&self, fence: &Fence) -> Result<(), Error>;

    /// Ends the session.
    async fn end(&self, fence: &Fence, at: Timestamp) -> Result<(), Error>;

    /// Fences the session, so that nobody opens or changes it again, and returns its row. One that has ended
    /// stays ended. [`Error::NoSession`] where there is none.
    async fn fence(&self, key: &SessionKey, at: Timestamp) -> Result<SessionRow, Error>;

    /// Events that consent has not taken, oldest first: what somebody did whose subject is known, and notices of
    /// calls whose parties are.
    async fn untold(&self, limit: u32) -> Result<Vec<Untold>, Error>;

    /// Says that consent has taken an event.
    async fn told(&self, key: &SessionKey, event: EventId) -> Result<(), Error>;
}
