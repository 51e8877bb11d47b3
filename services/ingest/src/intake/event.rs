//! Events: what happens in a call beside its audio.

use kernel::{EventId, MarkLabel, NoticeName, Position, PurposeName, Timestamp};
use proto::ingest::v1 as wire;

use super::code;
use crate::error::BadInput;

/// An event as its sender tells it, not yet placed on the timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerEvent {
    /// Chosen by the sender; a repeated one has no second effect.
    pub id: EventId,
    /// Where; unset, it is placed by its wall time.
    pub position: Option<Position>,
    /// When, on the sender's clock.
    pub wall_time: Timestamp,
    /// What; or why it is not understood, as a code to answer with.
    pub kind: Result<CallerEventKind, &'static str>,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallerEventKind {
    /// A notice was played or read.
    NoticePlayed(NoticeName),
    /// Somebody agreed, declined or took it back.
    Consent {
        /// Which of these.
        act: ConsentAct,
        /// For what.
        purpose: PurposeName,
        /// How.
        expression: Expression,
        /// Who: a place in the call's parties.
        party: u32,
    },
    /// Nothing is stored from here until a resume.
    Pause {
        /// A code.
        reason: String,
    },
    /// Storing goes on.
    Resume,
    /// A marked stretch begins.
    MarkBegin(MarkLabel),
    /// It ends.
    MarkEnd(MarkLabel),
    /// Nothing is stored from here, for good.
    Stop {
        /// A code.
        reason: String,
    },
    /// Somebody asked for a right of theirs.
    RightRequested {
        /// A code.
        right: String,
    },
}

/// What somebody did with their consent; the last four come from consent itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentAct {
    /// Agreed.
    Given = 1,
    /// Declined.
    Refused = 2,
    /// Took it back.
    Withdrawn = 3,
    /// Its period ran out.
    Expired = 4,
    /// The controller gave it up.
    Revoked = 5,
    /// It was never valid.
    Invalidated = 6,
}

impl ConsentAct {
    /// Every act.
    pub const ALL: [Self; 6] =
        [Self::Given, Self::Refused, Self::Withdrawn, Self::Expired, Self::Revoked, Self::Invalidated];

    /// The number that is stored; never reused.
    pub fn number(self) -> i64 {
        self as i64
    }
    /// The act with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.number() == number)
    }
    /// Whether it takes something away.
    pub fn is_restrictive(self) -> bool {
        self != Self::Given
    }
}

/// How consent was expressed.
pub type Expression = wire::Expression;

/// Latest position that an event may have: a year into the call.
const MAX_POSITION: u64 = 366 * 86_400 * 1_000_000;

impl CallerEvent {
    /// Checks an event. Only its id and place must be right for it to be answered: what is not understood is
    /// answered with a code.
    pub fn read(event: wire::Event) -> Result<Self, BadInput> {
        let id = EventId::from_slice(&event.event_id)
            .map_err(|problem| BadInput::Id { place: "event.event_id", problem })?;
        if let Some(found) = event.position.filter(|at| *at > MAX_POSITION) {
            return Err(BadInput::Bound { place: "event.position", found, bound: MAX_POSITION });
        }
        if event.position.is_none() && event.wall_time <= 0 {
            return Err(BadInput::Missing("event.position or event.wall_time"));
        }
        let kind = event.kind.ok_or("unknown-event").and_then(|kind| read_kind(kind, event.party));
        let (position, wall_time) = (event.position.map(Position), Timestamp(event.wall_time));
        Ok(Self { id, position, wall_time, kind })
    }

    /// Checks where its wall time places it in a call that started then. A restriction is not refused for a clock: it
    /// acts now at the latest.
    pub fn check_wall_time(&self, started_at: Timestamp) -> Result<(), BadInput> {
        let since = u64::try_from(self.wall_time.0.saturating_sub(started_at.0)).unwrap_or(0);
        if self.position.is_some() || self.is_restrictive() || since <= MAX_POSITION {
            return Ok(());
        }
        let place = "time from open.started_at to event.wall_time";
        Err(BadInput::Bound { place, found: since, bound: MAX_POSITION })
    }

    fn is_restrictive(&self) -> bool {
        match &self.kind {
            Ok(CallerEventKind::Consent { act, .. }) => act.is_restrictive(),
            Ok(
                CallerEventKind::Pause { .. } | CallerEventKind::MarkEnd(_) | CallerEventKind::Stop { .. },
            ) => true,
            Ok(
                CallerEventKind::NoticePlayed(_)
                | CallerEventKind::Resume
                | CallerEventKind::MarkBegin(_)
                | CallerEventKind::RightRequested { .. },
            )
            | Err(_) => false,
        }
    }
}

fn read_kind(kind: wire::event::Kind, party: u32) -> Result<CallerEventKind, &'static str> {
    use wire::event::Kind;
    let consent = |act, purpose: String, expression: i32| {
        let purpose = PurposeName::new(purpose).map_err(|_| "purpose-not-in-policy")?;
        let expression = Expression::try_from(expression).unwrap_or(Expression::Unspecified);
        Ok(CallerEventKind::Consent { act, purpose, expression, party })
    };
    let label = |label: String| MarkLabel::new(label).map_err(|_| "mark-not-in-policy");
    Ok(match kind {
        Kind::NoticePlayed(it) => {
            CallerEventKind::NoticePlayed(NoticeName::new(it.notice).map_err(|_| "notice-not-in-policy")?)
        }
        Kind::ConsentGiven(it) => return consent(ConsentAct::Given, it.purpose, it.expression),
        Kind::ConsentRefused(it) => return consent(ConsentAct::Refused, it.purpose, it.expression),
        Kind::ConsentWithdrawn(it) => return consent(ConsentAct::Withdrawn, it.purpose, it.expression),
        Kind::Pause(it) => CallerEventKind::Pause { reason: reason(&it.reason) },
        Kind::Resume(_) => CallerEventKind::Resume,
        Kind::MarkBegin(it) => CallerEventKind::MarkBegin(label(it.label)?),
        Kind::MarkEnd(it) => CallerEventKind::MarkEnd(label(it.label)?),
        Kind::Stop(it) => CallerEventKind::Stop { reason: reason(&it.reason) },
        Kind::RightRequested(it) => {
            CallerEventKind::RightRequested { right: code(&it.right).ok_or("right-unknown")?.to_owned() }
        }
    })
}

/// A restriction is never refused for its words: a reason that is no code becomes `unspecified`.
fn reason(text: &str) -> String {
    code(text).unwrap_or("unspecified").to_owned()
}
