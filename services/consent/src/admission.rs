//! Whether something that was said is taken, and what follows from it: pure.
//!
//! A call reports that a notice was played and then that somebody agreed. A notice whose purposes rest on
//! consent puts the question, so it brings an `ASKED` event along. A grant that names its notice and was never
//! asked for in that scope (a form, an app) brings both. Restrictions need no notice and no question.

mod refusal;
mod said;

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{Basis, NoticeName, PurposeName, SubjectId, Timestamp};
use policy::consent::{ConsentState, fold_one};

pub use self::refusal::Refusal;
pub use self::said::Said;
use crate::event::{
    EventKind, Expression, IMPLIED_NOTICE, IMPLIED_QUESTION, NewEvent, NoticeRef, Reach, StoredEvent,
    derived_id, is_restrictive,
};
use crate::policies::PolicyVersion;

/// What an event is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'g> {
    /// Whose will it is.
    pub subject: SubjectId,
    /// The policy that the call, or else the tenant, goes by.
    pub policy: Option<&'g PolicyVersion>,
    /// Every purpose that the tenant ever had; asked for restrictions only.
    pub purposes_ever: &'g BTreeSet<PurposeName>,
    /// The notice that was last presented in the call.
    pub last_notice: Option<&'g NoticeRef>,
    /// The subject's events, at least those of the event's scope.
    pub history: &'g [StoredEvent],
    /// The present.
    pub now: Timestamp,
    /// How far a sender's clock may be ahead.
    pub ahead: Duration,
}

/// Takes an event: itself and what follows from it, in their order.
pub fn admit(said: &Said, grounds: &Grounds<'_>) -> Result<Vec<NewEvent>, Refusal> {
    match said.kind {
        EventKind::NoticePresented => present(said, grounds),
        EventKind::Asked => ask(said, grounds),
        EventKind::Given => give(said, grounds),
        EventKind::Unspecified
        | EventKind::Refused
        | EventKind::Deferred
        | EventKind::Withdrawn
        | EventKind::Expired
        | EventKind::Revoked
        | EventKind::Invalidated => restrict(said, grounds),
    }
}

fn present(said: &Said, grounds: &Grounds<'_>) -> Result<Vec<NewEvent>, Refusal> {
    let name = said.notice.as_ref().ok_or(Refusal::NoticeMissing)?;
    let (notice, purposes) = notice(name, grounds)?;
    if !said.purposes.is_subset(purposes) {
        return Err(Refusal::NoticeNotForPurpose);
    }
    let at = in_time(said, grounds)?;
    let asked = purposes.iter().filter(|name| on_consent(name, grounds) == Ok(true)).cloned().collect();
    let told = NewEvent {
        purposes: purposes.clone(),
        notice: Some(notice.clone()),
        expression: Expression::Unspecified,
        ..event(said, grounds, at)
    };
    Ok([told].into_iter().chain(question(said, grounds, at, Some(notice), asked)).collect())
}

fn ask(said: &Said, grounds: &Grounds<'_>) -> Result<Vec<NewEvent>, Refusal> {
    all_on_consent(said, grounds)?;
    let notice = match &said.notice {
        Some(name) => Some(notice(name, grounds)?.0),
        None => None,
    };
    let at = in_time(said, grounds)?;
    Ok(vec![NewEvent { notice, ..event(said, grounds, at) }])
}

fn give(said: &Said, grounds: &Grounds<'_>) -> Result<Vec<NewEvent>, Refusal> {
    all_on_consent(said, grounds)?;
    if said.expression == Expression::Unspecified {
        return Err(Refusal::ExpressionMissing);
    }
    let (notice, told) = notice_of_answer(said, grounds)?;
    if !said.purposes.is_subset(told) {
        return Err(Refusal::NoticeNotForPurpose);
    }
    let at = in_time(said, grounds)?;
    let unasked: BTreeSet<_> =
        said.purposes.iter().filter(|p| needs_question(said, p, grounds, at)).cloned().collect();
    let mut events = Vec::with_capacity(3);
    if !unasked.is_empty() {
        let presented = NewEvent {
            id: derived_id(said.id, IMPLIED_NOTICE),
            kind: EventKind::NoticePresented,
            purposes: unasked.clone(),
            notice: Some(notice.clone()),
            expression: Expression::Unspecified,
            ..event(said, grounds, at)
        };
        events.push(presented);
        events.extend(question(said, grounds, at, Some(notice.clone()), unasked));
    }
    events.push(NewEvent { notice: Some(notice), ..event(said, grounds, at) });
    stands(said, grounds, &events, at)?;
    Ok(events)
}

fn restrict(said: &Said, grounds: &Grounds<'_>) -> Result<Vec<NewEvent>, Refusal> {
    if said.purposes.is_empty() {
        return Err(Refusal::PurposeMissing);
    }
    let known = |name: &PurposeName| {
        grounds.policy.is_some_and(|policy| policy.policy.purposes.contains_key(name))
            || grounds.purposes_ever.contains(name)
    };
    if !said.purposes.iter().all(known) {
        return Err(Refusal::UnknownPurpose);
    }
    // The evidence names the notice where it is known; a restriction is not refused for an unknown one.
    let notice = said.notice.as_ref().and_then(|name| notice(name, grounds).ok()).map(|(notice, _)| notice);
    let at = in_time(said, grounds)?;
    Ok(vec![NewEvent { notice, ..event(said, grounds, at) }])
}

fn all_on_consent(said: &Said, grounds: &Grounds<'_>) -> Result<(), Refusal> {
    if said.purposes.is_empty() {
        return Err(Refusal::PurposeMissing);
    }
    for name in &said.purposes {
        if !on_consent(name, grounds)? {
            return Err(Refusal::PurposeNotOnConsent);
        }
    }
    Ok(())
}

fn on_consent(name: &PurposeName, grounds: &Grounds<'_>) -> Result<bool, Refusal> {
    let purpose = grounds.policy.and_then(|policy| policy.policy.purposes.get(name));
    purpose.map(|purpose| purpose.basis == Basis::Consent).ok_or(Refusal::UnknownPurpose)
}

fn notice<'g>(
    name: &NoticeName,
    grounds: &Grounds<'g>,
) -> Result<(NoticeRef, &'g BTreeSet<PurposeName>), Refusal> {
    grounds.policy.and_then(|policy| policy.notice(name)).ok_or(Refusal::UnknownNotice)
}

/// The notice that an answer names, else the one that was last presented in its call.
fn notice_of_answer<'g>(
    said: &Said,
    grounds: &Grounds<'g>,
) -> Result<(NoticeRef, &'g BTreeSet<PurposeName>), Refusal> {
    match (&said.notice, grounds.last_notice) {
        (Some(name), _) => notice(name, grounds),
        (None, Some(last)) => {
            let (known, purposes) = notice(&last.name, grounds)?;
            // A text that was changed since is not the one that they heard.
            if known == *last { Ok((known, purposes)) } else { Err(Refusal::UnknownNotice) }
        }
        (None, None) => Err(Refusal::NoticeMissing),
    }
}

/// Whether an answer brings its question along. In a call only where none was ever put: a call reports each
/// notice that it plays. Elsewhere the form that was answered is the question.
fn needs_question(said: &Said, purpose: &PurposeName, grounds: &Grounds<'_>, at: Timestamp) -> bool {
    let own = grounds.history.iter().map(|stored| &stored.event);
    let own = own.filter(|event| event.reach == said.reach && event.purposes.contains(purpose));
    match said.reach {
        Reach::Call(_) => !own.into_iter().any(|event| event.kind == EventKind::Asked),
        Reach::Account => {
            let own: Vec<_> = own.filter_map(NewEvent::to_fold).collect();
            match fold_one(&own, at).state {
                ConsentState::Given | ConsentState::Requested => false,
                ConsentState::None
                | ConsentState::Notified
                | ConsentState::Refused
                | ConsentState::Deferred
                | ConsentState::Withdrawn
                | ConsentState::Expired
                | ConsentState::Revoked
                | ConsentState::Invalidated => true,
            }
        }
    }
}

/// A grant is taken only where it is one at its own moment, whatever has ended it since.
fn stands(said: &Said, grounds: &Grounds<'_>, new: &[NewEvent], at: Timestamp) -> Result<(), Refusal> {
    for purpose in &said.purposes {
        let events = grounds.history.iter().map(|stored| &stored.event).chain(new);
        let own = events.filter(|event| event.reach == said.reach && event.purposes.contains(purpose));
        let own: Vec<_> = own.filter_map(NewEvent::to_fold).collect();
        match fold_one(&own, at).state {
            ConsentState::Given => {}
            ConsentState::None | ConsentState::Notified | ConsentState::Requested => {
                return Err(Refusal::NotAsked);
            }
            ConsentState::Refused
            | ConsentState::Deferred
            | ConsentState::Withdrawn
            | ConsentState::Expired
            | ConsentState::Revoked
            | ConsentState::Invalidated => return Err(Refusal::ConsentNotStanding),
        }
    }
    Ok(())
}

/// When it counts from. Everything that was taken before is at most at the bound of its own moment, so a
/// restriction at the bound of this one is later.
fn in_time(said: &Said, grounds: &Grounds<'_>) -> Result<Timestamp, Refusal> {
    let bound = grounds.now.plus(grounds.ahead);
    match said.occurred_at <= bound {
        true => Ok(said.occurred_at),
        false if is_restrictive(said.kind) => Ok(bound),
        false => Err(Refusal::ClockAhead),
    }
}

fn question(
    said: &Said,
    grounds: &Grounds<'_>,
    at: Timestamp,
    notice: Option<NoticeRef>,
    purposes: BTreeSet<PurposeName>,
) -> Option<NewEvent> {
    if purposes.is_empty() {
        return None;
    }
    Some(NewEvent {
        id: derived_id(said.id, IMPLIED_QUESTION),
        kind: EventKind::Asked,
        purposes,
        notice,
        expression: Expression::Unspecified,
        ..event(said, grounds, at)
    })
}

fn event(said: &Said, grounds: &Grounds<'_>, at: Timestamp) -> NewEvent {
    NewEvent {
        id: said.id,
        subject: grounds.subject,
        kind: said.kind,
        purposes: said.purposes.clone(),
        reach: said.reach,
        said_in: said.said_in,
        notice: None,
        position: said.position,
        occurred_at: at,
        recorded_at: grounds.now,
        expression: said.expression,
        policy: grounds.policy.map(PolicyVersion::hash),
        fingerprint: said.fingerprint(grounds.subject),
    }
}

#[cfg(test)]
mod tests;
