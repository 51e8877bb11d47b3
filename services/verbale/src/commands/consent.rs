//! `verbale consent show|give|withdraw`.

use anyhow::{Result, bail};
use kernel::{Clock, EventId, PurposeName, RecordingId, SystemClock, Timestamp};
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{self as wire, get_state_request, record_event_request};
use serde_json::json;

use crate::cli::{ConsentCommand, Expression, Person};
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// Runs one of them.
pub async fn run(caller: &Caller, command: ConsentCommand, out: Output) -> Result<Exit> {
    match command {
        ConsentCommand::Show { person } => show(caller, person, out).await,
        ConsentCommand::Give { person, purpose, notice, by } => {
            let event = event(person, wire::EventKind::Given, &purpose, None, notice, by)?;
            record(caller, event, out).await
        }
        ConsentCommand::Withdraw { person, purpose, recording, by } => {
            let event = event(person, wire::EventKind::Withdrawn, &purpose, recording, String::new(), by)?;
            record(caller, event, out).await
        }
    }
}

enum Who {
    Subject(Vec<u8>),
    Identifier(Identifier),
}

fn who(person: Person) -> Result<Who> {
    let identifier = |kind: IdentifierKind, value| Who::Identifier(Identifier { kind: kind.into(), value });
    Ok(match (person.subject, person.phone, person.crm, person.email) {
        (Some(id), ..) => Who::Subject(id.to_bytes().to_vec()),
        (_, Some(phone), ..) => identifier(IdentifierKind::Phone, phone),
        (_, _, Some(crm), _) => identifier(IdentifierKind::Crm, crm),
        (_, _, _, Some(email)) => identifier(IdentifierKind::Email, email),
        (None, None, None, None) => bail!("say who: --subject, --phone, --crm or --email"),
    })
}

async fn show(caller: &Caller, person: Person, out: Output) -> Result<Exit> {
    let subject = match who(person)? {
        Who::Subject(id) => get_state_request::Subject::SubjectId(id),
        Who::Identifier(identifier) => get_state_request::Subject::Identifier(identifier),
    };
    let request = caller.request(wire::GetStateRequest { subject: Some(subject) })?;
    let state = ConsentClient::new(caller.wire()).get_state(request).await?.into_inner();
    out.value(&shown::consent(&state), |_| {
        let states = state.states.iter().map(|s| {
            let scope =
                if s.recording_id.is_empty() { "every call".into() } else { shown::id(&s.recording_id) };
            vec![s.purpose.clone(), s.state.clone(), Timestamp(s.since).to_string(), scope]
        });
        let history = state.history.iter().map(|e| {
            vec![
                Timestamp(e.occurred_at).to_string(),
                shown::word(e.kind().as_str_name(), "EVENT_KIND_"),
                e.purposes.join(", "),
                e.notice.clone(),
            ]
        });
        format!(
            "subject {}\n{}\n{}",
            shown::id(&state.subject_id),
            table(&["purpose", "state", "since", "for"], states),
            table(&["when", "what", "purposes", "notice"], history),
        )
    });
    Ok(Exit::Ok)
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

async fn record(caller: &Caller, event: wire::RecordEventRequest, out: Output) -> Result<Exit> {
    let id = shown::id(&event.event_id);
    let request = caller.request(event)?;
    let answer = ConsentClient::new(caller.wire()).record_event(request).await?.into_inner();
    let states: Vec<_> =
        answer.states.iter().map(|s| json!({"purpose": s.purpose, "state": s.state})).collect();
    out.value(&json!({"event": id, "subject": shown::id(&answer.subject_id), "states": states}), |_| {
        let words: Vec<_> = answer.states.iter().map(|s| format!("{} is {}", s.purpose, s.state)).collect();
        format!("recorded as {id}: {}", words.join(", "))
    });
    Ok(Exit::Ok)
}
