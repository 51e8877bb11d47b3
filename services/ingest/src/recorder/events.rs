//! Events of the stream and of controls: placed, applied or asked about, kept, answered.

use kernel::{EventId, NoticeName, Position, PurposeName};
use proto::consent::v1::{ConsentScope, EventKind};
use proto::ingest::v1 as wire;
use proto::ingest::v1::record_response::Message as Answer;

use super::Recorder;
use super::acts::{Act, Done, Reply};
use crate::authority::{NotTaken, Said, Who, event_kind};
use crate::error::Error;
use crate::intake::{CallerEvent, CallerEventKind, ConsentAct, Expression};
use crate::records::id;
use crate::session::{SessionEvent, SessionEventKind};

impl Recorder {
    /// Takes an event of the sender or of a control.
    pub(super) fn take_event(&mut self, event: CallerEvent, reply: Reply) {
        let kind = match event.kind.clone() {
            Ok(kind) => kind,
            Err(code) => return self.answer(refused(event.id, self.place(&event).0, code), reply),
        };
        let kind = session_kind(kind, event.id);
        let (position, derived_error) = self.place(&event);
        let at = if event.wall_time.0 > 0 { event.wall_time } else { self.wall(position) };
        let placed = SessionEvent { id: event.id, position, derived_error, at, kind };
        if let Some(earlier) = self.start.session.events().iter().find(|own| own.id == event.id) {
            let answer = applied(event.id, earlier.effective());
            return self.answer(answer, reply);
        }
        if let Some(code) = self.refusal(&placed) {
            return self.answer(refused(event.id, placed.effective(), code), reply);
        }
        match self.said(&placed) {
            Some(said) if !placed.is_restrictive() => self.push(Act::Ask { event: placed, said, reply }),
            Some(said) => self.apply_and_keep(placed, said.into_iter().next(), reply),
            None => self.apply_and_keep(placed, None, reply),
        }
    }

    /// What became of an act.
    pub(super) fn act_done(&mut self, done: Done) -> Result<(), Error> {
        match done {
            Done::Asked { event, taken: Ok(()), reply } => {
                // Something else may have come in between.
                match self.start.session.refusal(&event) {
                    Some(code) => self.answer(refused(event.id, event.effective(), code), reply),
                    None => self.apply_and_keep(event, None, reply),
                }
                Ok(())
            }
            Done::Asked { event, taken: Err(not_taken), reply } => {
                let code = match not_taken {
                    NotTaken::Unreachable => "consent-unreachable".to_owned(),
                    NotTaken::Refused(code) => code,
                };
                self.answer(refused(event.id, event.effective(), &code), reply);
                Ok(())
            }
            Done::Kept { result: Ok(()), answer, reply } => {
                self.answer(answer, reply);
                Ok(())
            }
            Done::Kept { result: Err(error), .. } | Done::Identified(Err(error)) => Err(error),
            Done::Identified(Ok(())) => Ok(()),
        }
    }

    /// In force at once; then the row, then consent, then the answer.
    pub(super) fn apply_and_keep(&mut self, event: SessionEvent, said: Option<Said>, reply: Reply) {
        let reached_stored = event.is_restrictive() && self.is_stored(event.effective());
        let done = self.apply(event.clone());
        if let Some(code) = done.refused {
            return self.answer(refused(event.id, done.position, code), reply);
        }
        for place in 0..self.start.legs.len() {
            self.cut(place, crate::leg::Closing::Due);
        }
        self.show();
        let mut answer = applied(event.id, done.position);
        answer.reached_stored = reached_stored && done.restricted;
        let version = self.start.consent.version;
        self.push(Act::Keep { event, said: said.map(Box::new), version, answer, reply });
    }

    pub(super) fn push(&mut self, act: Act) {
        self.acts.push(act, &self.start.parts, &self.start.fence);
    }

    fn answer(&mut self, answer: wire::Applied, reply: Reply) {
        match reply {
            Reply::Stream => self.out.push_back(Answer::Applied(answer)),
            Reply::Control(sender) => {
                // A caller that has gone has no use for its answer.
                let _gone = sender.send(Ok((answer, self.media_state())));
            }
            Reply::Nobody => {}
        }
    }

    /// Whether a position lies in or before audio that was stored.
    fn is_stored(&self, position: Position) -> bool {
        self.start.legs.iter().zip(&self.start.had_sections).any(|(leg, had)| {
            let by_this_stream = leg.stored_until().is_some_and(|until| position < until);
            let by_an_earlier_one = *had && leg.first_position().is_none_or(|first| position < first);
            by_this_stream || by_an_earlier_one
        })
    }

    /// An event without a position is placed by its wall time, with an error of at least the drift seen.
    fn place(&self, event: &CallerEvent) -> (Position, Option<u64>) {
        match event.position {
            Some(position) => (position, None),
            None => self.place_by_wall(event.wall_time),
        }
    }

    pub(super) fn place_by_wall(&self, at: kernel::Timestamp) -> (Position, Option<u64>) {
        let since = at.0.saturating_sub(self.start.call.started_at.0);
        let drift = self.start.legs.iter().map(crate::leg::Leg::drift).max().unwrap_or(0);
        let least = u64::try_from(self.start.parts.config.derived_error.0.as_micros()).unwrap_or(u64::MAX);
        (Position(u64::try_from(since).unwrap_or(0)), Some(drift.max(least)))
    }

    fn refusal(&self, event: &SessionEvent) -> Option<&'static str> {
        if let SessionEventKind::Note { kind, code } = &event.kind
            && kind == NOTICE_PLAYED
        {
            let name = NoticeName::new(code.clone()).ok();
            let is_known =
                name.is_some_and(|name| self.start.session.facts().policy.notices.contains_key(&name));
            if !is_known {
                return Some("notice-not-in-policy");
            }
        }
        self.start.session.refusal(event)
    }

    /// What consent is to take of an event; none where it is none of its business.
    fn said(&self, event: &SessionEvent) -> Option<Vec<Said>> {
        match &event.kind {
            SessionEventKind::Consent { act, purpose, party, expression, .. } => {
                let subject = self.who(*party)?;
                // What is told again from the row says the same, and the row knows of no notice.
                let rests_on_notice = !act.is_restrictive();
                let notice = rests_on_notice.then(|| self.last_notice(purpose)).flatten();
                let base = self.say(event, event.id, subject, event_kind(*act));
                let scope = self.scope(*act, purpose);
                let purposes = vec![purpose.clone()];
                Some(vec![Said { purposes, scope, notice, expression: *expression, ..base }])
            }
            SessionEventKind::Note { kind, code } if kind == NOTICE_PLAYED => {
                let notice = NoticeName::new(code.clone()).ok();
                let asked = self.start.session.asked();
                let told = asked.into_iter().filter_map(|party| Some((party, self.who(party)?)));
                let said: Vec<_> = told
                    .enumerate()
                    .map(|(count, (_, subject))| {
                        let id = if count == 0 { event.id } else { derived_id(event.id, count as u64) };
                        let base = self.say(event, id, subject, EventKind::NoticePresented);
                        Said { notice: notice.clone(), ..base }
                    })
                    .collect();
                (!said.is_empty()).then_some(said)
            }
            _ => None,
        }
    }

    fn say(&self, event: &SessionEvent, id: EventId, subject: Who, kind: EventKind) -> Said {
        Said {
            event: id,
            key: self.start.fence.key.clone(),
            subject,
            kind,
            purposes: Vec::new(),
            scope: ConsentScope::Call,
            notice: None,
            position: event.position.0,
            at: event.at,
            expression: Expression::Unspecified,
        }
    }

    fn wall(&self, position: Position) -> kernel::Timestamp {
        self.start.call.started_at.plus(std::time::Duration::from_micros(position.0))
    }

    fn who(&self, party: u32) -> Option<Who> {
        let place = party as usize;
        if let Some(subject) = self.start.subjects.get(place) {
            return Some(Who::Subject(*subject));
        }
        let identifier = self.start.call.parties.get(place)?.identifiers.first()?;
        Some(Who::Identifier(identifier.clone()))
    }

    /// Consent given in a call is for that call. Taken back, it is taken back as far as it was given.
    fn scope(&self, act: ConsentAct, purpose: &PurposeName) -> ConsentScope {
        let grant = self.start.session.grants().iter().find(|grant| grant.purpose == *purpose);
        let stood_before = grant.is_some_and(|grant| grant.evidence.is_some());
        if act.is_restrictive() && stood_before { ConsentScope::Account } else { ConsentScope::Call }
    }

    /// The notice that an answer about a purpose rests on: the last one played that tells of it.
    fn last_notice(&self, purpose: &PurposeName) -> Option<NoticeName> {
        let policy = &self.start.session.facts().policy;
        self.start.session.events().iter().rev().find_map(|event| match &event.kind {
            SessionEventKind::Note { kind, code } if kind == NOTICE_PLAYED => {
                let name = NoticeName::new(code.clone()).ok()?;
                let tells = policy.notices.get(&name)?.purposes.contains(purpose);
                tells.then_some(name)
            }
            _ => None,
        })
    }
}

/// What a notice that was played is called in the log.
pub(crate) const NOTICE_PLAYED: &str = "notice.played";
/// What a spoken request is called in the log.
pub(crate) const RIGHT_REQUESTED: &str = "dsar.requested";

/// A sender's event as the session has it.
pub(crate) fn session_kind(kind: CallerEventKind, event: EventId) -> SessionEventKind {
    let note = |kind: &str, code: String| SessionEventKind::Note { kind: kind.to_owned(), code };
    match kind {
        CallerEventKind::NoticePlayed(notice) => note(NOTICE_PLAYED, notice.to_string()),
        CallerEventKind::Consent { act, purpose, expression, party } => {
            SessionEventKind::Consent { act, purpose, party, expression, evidence: event }
        }
        CallerEventKind::Pause { reason } => SessionEventKind::Pause { reason },
        CallerEventKind::Resume => SessionEventKind::Resume,
        CallerEventKind::MarkBegin(label) => SessionEventKind::MarkBegin { label },
        CallerEventKind::MarkEnd(label) => SessionEventKind::MarkEnd { label },
        CallerEventKind::Stop { reason } => SessionEventKind::Stop { reason },
        CallerEventKind::RightRequested { right } => note(RIGHT_REQUESTED, right),
    }
}

/// One event may speak of several purposes and persons: each further one has an id that follows from it, so
/// that a repetition is known.
pub(crate) fn derived_id(event: EventId, count: u64) -> EventId {
    let mut bytes = event.to_bytes();
    let spread = count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    bytes[8..].iter_mut().zip(spread).for_each(|(byte, spread)| *byte ^= spread);
    EventId::from_bytes(bytes)
}

pub(crate) fn applied(event: EventId, position: Position) -> wire::Applied {
    wire::Applied { event_id: id(event.to_bytes()), position: position.0, ..wire::Applied::default() }
}

pub(crate) fn refused(event: EventId, position: Position, code: &str) -> wire::Applied {
    wire::Applied { refused: code.to_owned(), ..applied(event, position) }
}
