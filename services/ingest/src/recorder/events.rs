//! Events of the stream and of controls: placed, applied or asked about, kept, answered.

use kernel::{EventId, Position, PurposeName};
use proto::consent::v1::ConsentScope;
use proto::ingest::v1 as wire;
use proto::ingest::v1::audio_event::Event as Record;
use proto::ingest::v1::record_response::Message as Answer;
use tracing::{info, warn};

use super::Recorder;
use super::acts::{Act, Done, Reply};
use crate::authority::NotTaken;
use crate::error::Error;
use crate::flow::Item;
use crate::intake::{CallerEvent, CallerEventKind, ConsentAct};
use crate::records::id;
use crate::said::{Act as SaidAct, Moment, Said, Who};
use crate::session::{NOTICE_PLAYED, Session, SessionEvent, SessionEventKind};
use crate::store::{SessionRow, Telling};

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
        let placed = self.acting_now(SessionEvent { id: event.id, position, derived_error, at, kind });
        if let Some(earlier) = self.start.session.events().iter().find(|own| own.id == event.id) {
            let pending = self.start.session.owed().iter().any(|owed| owed.id == event.id);
            let answer = wire::Applied { pending, ..applied(event.id, earlier.effective()) };
            // In its turn: the row may not have it yet.
            return self.push(Act::Answer { answer, reply });
        }
        if let Some(code) = self.start.session.refusal(&placed) {
            return self.answer(refused(event.id, placed.effective(), code), reply);
        }
        let said = self.said(&placed);
        match said {
            None => self.apply_and_keep(placed, None, reply),
            Some(said) if placed.is_restrictive() => {
                self.apply_and_keep(placed, said.into_iter().next(), reply);
            }
            // Nobody can be named to consent before the call is decided on.
            Some(said) if said.is_empty() => self.keep_owed(placed, reply),
            Some(said) => self.push(Act::Ask { event: placed, said, reply }),
        }
    }

    /// Takes what another instance wrote into the session's row: it is kept, and in force from here.
    pub(super) fn take_row(&mut self, row: SessionRow) {
        if row.fence != self.start.fence {
            return;
        }
        let unseen = row.events.into_iter().filter(|event| !self.start.session.has_seen(event.id));
        for event in unseen.collect::<Vec<_>>() {
            let recording = self.start.fence.key.recording;
            info!(%recording, event = %event.id, "an event came from beside the owner");
            let done = self.apply(event);
            if let Some(code) = done.refused {
                warn!(%recording, code, "an event from beside the owner has no effect here");
            }
        }
        for place in 0..self.start.legs.len() {
            self.cut(place, crate::leg::Closing::Due);
        }
        self.show();
        self.tell_later();
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
            }
            Done::Asked { event, taken: Err(NotTaken::Unreachable), reply } => self.keep_owed(event, reply),
            Done::Asked { event, taken: Err(NotTaken::Refused(code)), reply } => {
                self.answer(refused(event.id, event.effective(), &code), reply);
            }
            Done::Kept { result, answer, reply } => {
                result?;
                self.answer(answer, reply);
            }
            Done::Answered { answer, reply } => self.answer(answer, reply),
            Done::Identified(opened) => self.start.flow.push(Item::Event(Record::SessionOpened(*opened?))),
        }
        match self.last_close.take() {
            Some(close) if !self.acts.is_asking() => self.close(&close),
            waiting => {
                self.last_close = waiting;
                Ok(())
            }
        }
    }

    /// In force at once; then the row, then consent, then the answer.
    pub(super) fn apply_and_keep(&mut self, event: SessionEvent, said: Option<Said>, reply: Reply) {
        let telling = if said.is_some() { Telling::Owed } else { Telling::Done };
        self.apply_and(event, telling, said.map(Box::new), reply);
    }

    /// What consent cannot take now is kept, and owed to it.
    pub(super) fn keep_owed(&mut self, event: SessionEvent, reply: Reply) {
        // consent may have taken it all the same, and its change come before its answer.
        if self.start.session.has_seen(event.id) {
            return self.answer(applied(event.id, event.effective()), reply);
        }
        let owed = owed(event, &self.start.session);
        if let Some(code) = self.start.session.refusal(&owed) {
            return self.answer(refused(owed.id, owed.effective(), code), reply);
        }
        self.apply_and(owed, Telling::Owed, None, reply);
        self.tell_later();
    }

    fn apply_and(&mut self, event: SessionEvent, telling: Telling, said: Option<Box<Said>>, reply: Reply) {
        let reached_stored = event.is_restrictive() && self.is_stored(event.effective());
        let done = self.apply(event.clone());
        if let Some(code) = done.refused {
            return self.answer(refused(event.id, done.position, code), reply);
        }
        if done.unkept {
            // In its turn: the row may not have yet what it repeats.
            return self.push(Act::Answer { answer: applied(event.id, done.position), reply });
        }
        for place in 0..self.start.legs.len() {
            self.cut(place, crate::leg::Closing::Due);
        }
        self.show();
        let mut answer = applied(event.id, done.position);
        answer.reached_stored = reached_stored && done.restricted;
        answer.pending = telling == Telling::Owed && said.is_none();
        let version = self.start.consent.version;
        self.push(Act::Keep { event, telling, said, version, answer, reply });
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

    /// An event as it acts now, where it is a restriction that was placed by wall time.
    pub(super) fn acting_now(&self, event: SessionEvent) -> SessionEvent {
        let start = &self.start;
        if self.knows_where() {
            return start.session.acting_by(event, self.newest());
        }
        start.parts.acting_unseen(&start.session, event, start.call.started_at)
    }

    /// What consent is to take of an event; none where it is none of its business, nothing where nobody is known
    /// yet whom it could be told of.
    fn said(&self, event: &SessionEvent) -> Option<Vec<Said>> {
        let (key, session) = (&self.start.fence.key, &self.start.session);
        let moment = Moment { event: event.id, position: event.position, at: event.at };
        match &event.kind {
            SessionEventKind::Consent { act, purpose, party, expression, .. } => {
                let (act, purpose, expression) = (*act, purpose.clone(), *expression);
                let scope = self.scope(act, &purpose);
                // What is told again from the row says the same, and of a restriction the row knows no notice.
                let rests_on_notice = !act.is_restrictive();
                let notice = rests_on_notice.then(|| session.last_notice(&purpose)).flatten();
                let done = SaidAct { act, purpose, expression, scope, notice };
                let said = |who| Said::act(key, moment, who, done.clone());
                Some(self.who(*party).map(said).into_iter().collect())
            }
            SessionEventKind::Note { .. } => {
                let notice = event.notice()?;
                let asked = session.asked();
                if asked.is_empty() {
                    return None;
                }
                let asked = asked.into_iter().map(|party| self.who(party));
                Some(Said::notice(key, moment, &notice, asked))
            }
            _ => None,
        }
    }

    fn wall(&self, position: Position) -> kernel::Timestamp {
        self.start.call.started_at.plus(std::time::Duration::from_micros(position.0))
    }

    pub(super) fn who(&self, party: u32) -> Option<Who> {
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
}

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

/// An event that consent could not be told, as the session and its row keep it: consent that was given is not
/// in force, a notice that was played was played.
pub(crate) fn owed(event: SessionEvent, session: &Session) -> SessionEvent {
    let kind = match event.kind {
        SessionEventKind::Consent { act: ConsentAct::Given, purpose, party, expression, .. } => {
            let notice = session.last_notice(&purpose);
            SessionEventKind::ConsentOwed { purpose, party, expression, notice }
        }
        kind => kind,
    };
    SessionEvent { kind, ..event }
}

pub(crate) fn applied(event: EventId, position: Position) -> wire::Applied {
    wire::Applied { event_id: id(event.to_bytes()), position: position.0, ..wire::Applied::default() }
}

pub(crate) fn refused(event: EventId, position: Position, code: &str) -> wire::Applied {
    wire::Applied { refused: code.to_owned(), ..applied(event, position) }
}
