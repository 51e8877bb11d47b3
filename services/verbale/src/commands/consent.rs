//! `verbale consent show|give|withdraw`.

use anyhow::{Result, bail};
use kernel::{Basis, Clock, EventId, PurposeName, RecordingId, SystemClock, Timestamp};
use policy::TenantPolicy;
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{self as wire, get_state_request, record_event_request};
use serde_json::{Value, json};

use crate::cli::{ConsentCommand, Expression, Person};
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::{shown, timeline};

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
            withdraw(caller, event, &purpose, out).await
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
        let history = state.history.iter().map(history_row);
        format!(
            "subject {}\n{}\n{}",
            shown::id(&state.subject_id),
            table(&["purpose", "state", "since", "for"], states),
            table(&["when", "what", "purposes", "notice", "scope", "recording"], history),
        )
    });
    Ok(Exit::Ok)
}

fn history_row(e: &wire::ConsentEvent) -> Vec<String> {
    let scope = match e.scope() {
        wire::ConsentScope::Unspecified => String::new(),
        wire::ConsentScope::Call => "this call".to_owned(),
        wire::ConsentScope::Account => "every call".to_owned(),
    };
    vec![
        Timestamp(e.occurred_at).to_string(),
        shown::word(e.kind().as_str_name(), "EVENT_KIND_"),
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

async fn record(caller: &Caller, event: wire::RecordEventRequest, out: Output) -> Result<Exit> {
    let said = say(caller, event).await?;
    out.value(&said.shown(), |_| said.words());
    Ok(Exit::Ok)
}

/// Withdrawing consent stops what rests on it, and nothing else: whoever asked is told so.
async fn withdraw(
    caller: &Caller,
    event: wire::RecordEventRequest,
    purposes: &[PurposeName],
    out: Output,
) -> Result<Exit> {
    let said = say(caller, event).await?;
    // The withdrawal stands, whatever comes of this.
    let warnings = match policy_in_force(caller).await {
        Ok(policy) => untouched(&policy, purposes),
        Err(error) => {
            vec![format!("whether all of this rests on consent could not be asked: {error:#}")]
        }
    };
    let mut shown = said.shown();
    shown["warnings"] = json!(warnings);
    out.value(&shown, |_| {
        let warnings = warnings.iter().map(|warning| format!("\nwarning: {warning}"));
        said.words() + &warnings.collect::<String>()
    });
    Ok(Exit::Ok)
}

/// What consent made of an event.
struct Said {
    event: String,
    answer: wire::RecordEventResponse,
}

impl Said {
    fn shown(&self) -> Value {
        let states = self.answer.states.iter().map(|s| json!({"purpose": s.purpose, "state": s.state}));
        json!({
            "event": self.event, "subject": shown::id(&self.answer.subject_id),
            "states": states.collect::<Vec<_>>(),
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
    use super::*;

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
            assert_eq!(history_row(&event)[4..], expected);
        };
        let id = recording.to_string();
        check(wire::ConsentScope::Call, recording.to_bytes().to_vec(), ["this call", &id]);
        check(wire::ConsentScope::Account, recording.to_bytes().to_vec(), ["every call", &id]);
        check(wire::ConsentScope::Account, Vec::new(), ["every call", ""]);
        check(wire::ConsentScope::Unspecified, Vec::new(), ["", ""]);
    }
}
