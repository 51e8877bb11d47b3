//! `verbale consent show|give|withdraw`.

use std::collections::HashMap;

use anyhow::{Result, bail};
use consent::event::{IMPLIED_NOTICE, IMPLIED_QUESTION, derived_id};
use kernel::{Basis, Clock, EventId, PurposeName, RecordingId, SystemClock, Timestamp};
use policy::TenantPolicy;
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{self as wire, get_state_request, record_event_request};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::cli::{ConsentCommand, Expression, Person};
use crate::commands::recordings;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::{shown, timeline};

/// Runs one of them.
pub async fn run(caller: &Caller, command: ConsentCommand, out: Output) -> Result<Exit> {
    match command {
        ConsentCommand::Show { person } => show(caller, person, out).await,
        ConsentCommand::Give { person, purpose, notice, by } => {
            let event = event(person, wire::EventKind::Given, &purpose, None, notice, by)?;
            give(caller, event, out).await
        }
        ConsentCommand::Withdraw { person, purpose, recording, by } => {
            let event = event(person, wire::EventKind::Withdrawn, &purpose, recording, String::new(), by)?;
            withdraw(caller, event, &purpose, recording, out).await
        }
    }
}

enum Who {
    Subject(Vec<u8>),
    Identifier(Identifier),
}

fn who(person: Person) -> Result<Who> {
    let identifier = |kind: IdentifierKind, value| Who::Identifier(Identifier { kind: kind.into(), value });
    Ok(match (person.subject, person.phone, person.crm, person.email, person.employee) {
        (Some(id), ..) => Who::Subject(id.to_bytes().to_vec()),
        (_, Some(phone), ..) => identifier(IdentifierKind::Phone, phone),
        (_, _, Some(crm), ..) => identifier(IdentifierKind::Crm, crm),
        (_, _, _, Some(email), _) => identifier(IdentifierKind::Email, email),
        (.., Some(employee)) => identifier(IdentifierKind::Employee, employee),
        (None, None, None, None, None) => bail!("say who: --subject, --phone, --crm, --email or --employee"),
    })
}

async fn show(caller: &Caller, person: Person, out: Output) -> Result<Exit> {
    let subject = match who(person)? {
        Who::Subject(id) => get_state_request::Subject::SubjectId(id),
        Who::Identifier(identifier) => get_state_request::Subject::Identifier(identifier),
    };
    let request = caller.request(wire::GetStateRequest { subject: Some(subject) })?;
    let state = ConsentClient::new(caller.wire()).get_state(request).await?.into_inner();
    let implied = Implied::of(&state.history);
    out.value(&implied.shown(&state), |_| {
        let states = state.states.iter().map(|s| {
            let scope =
                if s.recording_id.is_empty() { "every call".into() } else { shown::id(&s.recording_id) };
            vec![s.purpose.clone(), s.state.clone(), Timestamp(s.since).to_string(), scope]
        });
        let history = state.history.iter().map(|event| history_row(event, implied.by(event)));
        format!(
            "subject {}\n{}\n{}",
            shown::id(&state.subject_id),
            table(&["purpose", "state", "since", "for"], states),
            table(&["when", "what", "purposes", "notice", "scope", "recording"], history),
        )
    });
    Ok(Exit::Ok)
}

/// Events that nobody reported, each with the one that brought it along: an answer on a form is taken for the form's
/// notice and question, too, and a notice that names consent purposes for their question.
struct Implied<'h>(HashMap<EventId, &'h wire::ConsentEvent>);

impl<'h> Implied<'h> {
    fn of(history: &'h [wire::ConsentEvent]) -> Self {
        let mut implied = HashMap::new();
        for event in history {
            let Ok(id) = EventId::from_slice(&event.event_id) else { continue };
            for what in [IMPLIED_NOTICE, IMPLIED_QUESTION] {
                implied.insert(derived_id(id, what), event);
            }
        }
        Self(implied)
    }

    /// What brought an event along; none where somebody reported it.
    fn by(&self, event: &wire::ConsentEvent) -> Option<&'h wire::ConsentEvent> {
        let id = EventId::from_slice(&event.event_id).ok()?;
        self.0.get(&id).copied()
    }

    fn shown(&self, state: &wire::GetStateResponse) -> Value {
        let mut shown = shown::consent(state);
        let rows = shown["history"].as_array_mut().into_iter().flatten();
        for (row, event) in rows.zip(&state.history) {
            row["implied_by"] = json!(self.by(event).map(|by| shown::id(&by.event_id)));
        }
        shown
    }
}

fn history_row(e: &wire::ConsentEvent, implied_by: Option<&wire::ConsentEvent>) -> Vec<String> {
    let kind = |event: &wire::ConsentEvent| shown::word(event.kind().as_str_name(), "EVENT_KIND_");
    let implied_by = implied_by.map(|by| format!(" (implied by {})", kind(by)));
    let scope = match e.scope() {
        wire::ConsentScope::Unspecified => String::new(),
        wire::ConsentScope::Call => "this call".to_owned(),
        wire::ConsentScope::Account => "every call".to_owned(),
    };
    vec![
        Timestamp(e.occurred_at).to_string(),
        kind(e) + &implied_by.unwrap_or_default(),
        e.purposes.join(", "),
        e.notice.clone(),
        scope,
        if e.recording_id.is_empty() { String::new() } else { shown::id(&e.recording_id) },
    ]
}

fn event(
    person: Person,
    kind: wire::EventKind,
    purposes: &[PurposeName],
    recording: Option<RecordingId>,
    notice: String,
    by: Expression,
) -> Result<wire::RecordEventRequest> {
    let subject = match who(person)? {
        Who::Subject(id) => record_event_request::Subject::SubjectId(id),
        Who::Identifier(identifier) => record_event_request::Subject::Identifier(identifier),
    };
    let scope = match recording {
        Some(_) => wire::ConsentScope::Call,
        None => wire::ConsentScope::Account,
    };
    let expression = match by {
        Expression::Dtmf => wire::Expression::Dtmf,
        Expression::Voice => wire::Expression::Voice,
        Expression::App => wire::Expression::App,
        Expression::Web => wire::Expression::Web,
        Expression::Written => wire::Expression::Written,
        Expression::Agent => wire::Expression::AgentAttested,
    };
    Ok(wire::RecordEventRequest {
        event_id: EventId::new().to_bytes().to_vec(),
        subject: Some(subject),
        kind: kind.into(),
        purposes: purposes.iter().map(ToString::to_string).collect(),
        scope: scope.into(),
        recording_id: recording.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        notice,
        position: None,
        occurred_at: SystemClock.now().0,
        expression: expression.into(),
    })
}

/// Says back what the evidence will name: on which notice, and how.
async fn give(caller: &Caller, event: wire::RecordEventRequest, out: Output) -> Result<Exit> {
    let notice = event.notice.clone();
    let expression = shown::word(event.expression().as_str_name(), "EXPRESSION_");
    let warnings: Vec<_> = newcomer(caller, &event).await?.into_iter().collect();
    let said = say(caller, event).await?;
    let mut shown = said.shown(&warnings);
    shown["notice"] = json!(notice);
    shown["expression"] = json!(expression);
    out.value(&shown, |_| {
        let words = said.words();
        format!("{words}, on notice {notice}, expression {expression}{}", lines(&warnings))
    });
    Ok(Exit::Ok)
}

/// Withdrawing consent stops what rests on it, and nothing else: whoever asked is told so.
async fn withdraw(
    caller: &Caller,
    event: wire::RecordEventRequest,
    purposes: &[PurposeName],
    recording: Option<RecordingId>,
    out: Output,
) -> Result<Exit> {
    let mut warnings: Vec<_> = newcomer(caller, &event).await?.into_iter().collect();
    let said = say(caller, event).await?;
    // The withdrawal stands, whatever comes of this.
    match policy_in_force(caller).await {
        Ok(policy) => warnings.extend(untouched(&policy, purposes)),
        Err(error) => {
            warnings.push(format!("whether all of this rests on consent could not be asked: {error:#}"));
        }
    }
    let mut exit = Exit::Ok;
    if let Some(id) = recording
        && let Err(error) = recordings::get(caller, id).await
    {
        let (ended, warning) = unfound(id, &error);
        exit = ended;
        warnings.push(warning);
    }
    out.value(&said.shown(&warnings), |_| said.words() + &lines(&warnings));
    Ok(exit)
}

/// A warning where nobody is known by what a person was named by: it may be mistyped. Asked before anything is said,
/// for by then somebody is.
async fn newcomer(caller: &Caller, event: &wire::RecordEventRequest) -> Result<Option<String>> {
    let Some(record_event_request::Subject::Identifier(identifier)) = &event.subject else {
        return Ok(None);
    };
    let request =
        caller.request(wire::ResolveSubjectRequest { identifier: Some(identifier.clone()), at: 0 })?;
    let answer = ConsentClient::new(caller.wire()).resolve_subject(request).await;
    Ok(answer.err().map(|status| unresolved(identifier.kind(), event.scope(), &status)))
}

fn unresolved(kind: IdentifierKind, scope: wire::ConsentScope, status: &Status) -> String {
    let by = match kind {
        IdentifierKind::Phone => "number",
        IdentifierKind::Email => "email address",
        IdentifierKind::Crm => "CRM id",
        IdentifierKind::Employee => "employee id",
        IdentifierKind::Unspecified | IdentifierKind::SipUri | IdentifierKind::Account => "identifier",
    };
    if platform::error::reason(status) != "unknown-subject" {
        return format!("whether somebody is known by this {by} could not be asked: {}", status.message());
    }
    match scope {
        wire::ConsentScope::Account => format!("nobody is known by this {by}; kept for calls to come"),
        wire::ConsentScope::Call | wire::ConsentScope::Unspecified => format!("nobody is known by this {by}"),
    }
}

/// How a withdrawal ends whose recording is not found, and a warning. Where there is none, the one that was meant stays
/// as it is: that is no success. consent itself keeps it, for of a call that was opened while it was away it hears
/// later, or never.
fn unfound(id: RecordingId, error: &anyhow::Error) -> (Exit, String) {
    match error.downcast_ref::<Status>() {
        Some(status) if status.code() == Code::NotFound => {
            let kept = "the withdrawal is kept for that id alone and stops no other recording";
            (Exit::NotFound, format!("there is no recording {id}: {kept}"))
        }
        Some(status) => {
            let why = status.message();
            (Exit::Ok, format!("whether there is a recording {id} could not be asked: {why}"))
        }
        None => (Exit::Ok, format!("whether there is a recording {id} could not be asked: {error:#}")),
    }
}

fn lines(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("\nwarning: {warning}")).collect()
}

/// What consent made of an event.
struct Said {
    event: String,
    answer: wire::RecordEventResponse,
}

impl Said {
    fn shown(&self, warnings: &[String]) -> Value {
        let states = self.answer.states.iter().map(|s| json!({"purpose": s.purpose, "state": s.state}));
        json!({
            "event": self.event, "subject": shown::id(&self.answer.subject_id),
            "states": states.collect::<Vec<_>>(), "warnings": warnings,
        })
    }
    fn words(&self) -> String {
        let states = self.answer.states.iter().map(|s| format!("{} is {}", s.purpose, s.state));
        format!("recorded as {}: {}", self.event, states.collect::<Vec<_>>().join(", "))
    }
}

async fn say(caller: &Caller, event: wire::RecordEventRequest) -> Result<Said> {
    let id = shown::id(&event.event_id);
    let request = caller.request(event)?;
    let answer = ConsentClient::new(caller.wire()).record_event(request).await?.into_inner();
    Ok(Said { event: id, answer })
}

async fn policy_in_force(caller: &Caller) -> Result<TenantPolicy> {
    let request = caller.request(wire::GetPolicyRequest::default())?;
    let answer = ConsentClient::new(caller.wire()).get_policy(request).await?.into_inner();
    Ok(policy::parse(&answer.document, &|name| answer.texts.get(name).cloned())?)
}

/// The purposes that a withdrawal does not stop, each with why.
fn untouched(policy: &TenantPolicy, purposes: &[PurposeName]) -> Vec<String> {
    let mut told = Vec::new();
    for name in purposes {
        if let Some(purpose) = policy.purposes.get(name).filter(|purpose| purpose.basis != Basis::Consent) {
            let basis = timeline::basis(purpose.basis.number());
            told.push(format!("{name} rests on {basis}, not on consent: calls go on being recorded for it"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use kernel::ErrorCode;
    use platform::error::refusal;

    use super::*;

    #[test]
    fn who_is_not_known_is_told_by_what_they_were_named() {
        let unknown = refusal(ErrorCode::NotFound, "unknown-subject", "there is no such subject");
        let check = |kind, scope, status: &Status, expected: &str| {
            assert_eq!(unresolved(kind, scope, status), expected);
        };
        let (call, account) = (wire::ConsentScope::Call, wire::ConsentScope::Account);
        let told = "nobody is known by this number; kept for calls to come";
        check(IdentifierKind::Phone, account, &unknown, told);
        check(IdentifierKind::Crm, call, &unknown, "nobody is known by this CRM id");
        check(IdentifierKind::Employee, call, &unknown, "nobody is known by this employee id");
        let told = "whether somebody is known by this email address could not be asked: not today";
        check(IdentifierKind::Email, account, &Status::unavailable("not today"), told);
    }

    #[test]
    fn a_withdrawal_for_no_recording_is_no_success() {
        let id = RecordingId::from_bytes([7; 16]);
        let check = |status: Status, exit: Exit, words: &str| {
            let error = anyhow::Error::new(status).context("recording 7");
            let (ended, warning) = unfound(id, &error);
            assert_eq!(ended, exit, "{warning}");
            assert!(warning.contains(words) && warning.contains(&id.to_string()), "{warning}");
        };
        check(Status::not_found("no recording"), Exit::NotFound, "there is no recording");
        check(Status::permission_denied("not you"), Exit::Ok, "could not be asked: not you");
    }

    #[test]
    fn events_that_nobody_reported_are_shown_with_what_implied_them() {
        let event = |id: EventId, kind: wire::EventKind| wire::ConsentEvent {
            event_id: id.to_bytes().to_vec(),
            kind: kind.into(),
            ..Default::default()
        };
        let (given, played) = (EventId::from_bytes([7; 16]), EventId::from_bytes([8; 16]));
        let history = vec![
            event(derived_id(given, IMPLIED_NOTICE), wire::EventKind::NoticePresented),
            event(derived_id(given, IMPLIED_QUESTION), wire::EventKind::Asked),
            event(given, wire::EventKind::Given),
            event(played, wire::EventKind::NoticePresented),
            event(derived_id(played, IMPLIED_QUESTION), wire::EventKind::Asked),
        ];
        let state = wire::GetStateResponse { history, ..Default::default() };
        let implied = Implied::of(&state.history);
        let what = |event| history_row(event, implied.by(event)).swap_remove(1);
        let expected = [
            "notice-presented (implied by given)",
            "asked (implied by given)",
            "given",
            "notice-presented",
            "asked (implied by notice-presented)",
        ];
        assert_eq!(state.history.iter().map(what).collect::<Vec<_>>(), expected);
        let shown = implied.shown(&state);
        assert_eq!(shown["history"][0]["implied_by"], json!(given.to_string()));
        assert_eq!(shown["history"][3]["implied_by"], Value::Null);
    }

    #[test]
    fn a_withdrawal_of_what_rests_on_something_else_is_warned_about() {
        let text = include_str!("../../../../tests/data/policies/shop-gamma/policy.yaml");
        let policy = policy::parse(text, &|_| Some("This call is recorded.".to_owned())).unwrap();
        let names = ["quality", "verbal-contract", "other"].map(|name| PurposeName::new(name).unwrap());
        let told = untouched(&policy, &names);
        let rests = "verbal-contract rests on contract, Art. 6(1)(b), not on consent: ";
        assert!(told.len() == 1 && told[0].starts_with(rests), "{told:?}");
    }

    #[test]
    fn an_event_s_row_says_for_which_calls_it_counts() {
        let recording = RecordingId::from_bytes([7; 16]);
        let check = |scope: wire::ConsentScope, recording_id: Vec<u8>, expected: [&str; 2]| {
            let event = wire::ConsentEvent { scope: scope.into(), recording_id, ..Default::default() };
            assert_eq!(history_row(&event, None)[4..], expected);
        };
        let id = recording.to_string();
        check(wire::ConsentScope::Call, recording.to_bytes().to_vec(), ["this call", &id]);
        check(wire::ConsentScope::Account, recording.to_bytes().to_vec(), ["every call", &id]);
        check(wire::ConsentScope::Account, Vec::new(), ["every call", ""]);
        check(wire::ConsentScope::Unspecified, Vec::new(), ["", ""]);
    }
}
