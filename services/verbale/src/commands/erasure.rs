//! `verbale erasure order|show|list|receipt|verify`.

mod asked;
mod receipt;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kernel::{ErasureId, Timestamp};
use proto::common::v1::{Identifier, IdentifierKind, Interval};
use proto::consent::v1::ResolveSubjectRequest;
use proto::consent::v1::consent_client::ConsentClient;
use proto::retention::v1::order_erasure_request::What;
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{self as wire, ErasureState, ErasureStep};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::asked::asked;
pub use self::receipt::verify;
use crate::cli::{ErasureCommand, OrderArgs, Someone};
use crate::commands::replay::position;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// The most that one answer lists.
const PAGE: u32 = 500;

/// Runs one of them.
pub async fn run(caller: &Caller, command: ErasureCommand, out: Output) -> Result<Exit> {
    match command {
        ErasureCommand::Order(args) => {
            let erasure = order(caller, *args).await?;
            out.value(&shown_erasure(&erasure), |_| {
                format!("{}\n`verbale erasure show {}`", line(&erasure), shown::id(&erasure.erasure_id))
            });
            Ok(Exit::Ok)
        }
        ErasureCommand::Show { id } => show(caller, id, out).await,
        ErasureCommand::List { limit } => list(caller, limit, out).await,
        ErasureCommand::Receipt { id, output } => receipt::fetch(caller, id, output.as_deref(), out).await,
        // It needs no mesh, and whose it is it says itself.
        ErasureCommand::Verify(args) => verify(&args, None, out),
    }
}

async fn order(caller: &Caller, args: OrderArgs) -> Result<wire::Erasure> {
    let what = match args.recording {
        Some(id) => What::RecordingId(id.to_bytes().to_vec()),
        None => What::SubjectId(subject(caller, args.person).await?),
    };
    let stretch = match (&args.from, &args.to) {
        (Some(from), Some(to)) => {
            let (start, end) = (position(from)?, position(to)?);
            ensure!(start < end, "--from must be before --to");
            Some(Interval { start, end })
        }
        _ => None,
    };
    let request = caller.request(wire::OrderErasureRequest {
        erasure_id: args.id.unwrap_or_else(ErasureId::new).to_bytes().to_vec(),
        what: Some(what),
        purposes: args.purpose.iter().map(ToString::to_string).collect(),
        stretch,
        legs: args.leg,
        reason: args.reason,
        of_subject_id: Vec::new(),
    })?;
    let ordered = RetentionClient::new(caller.wire()).order_erasure(request).await?.into_inner();
    Ok(ordered.erasure.unwrap_or_default())
}

/// Whose recordings, by an identifier where no id is given.
async fn subject(caller: &Caller, person: Someone) -> Result<Vec<u8>> {
    let (kind, value) = match (person.subject, person.phone, person.crm, person.email, person.employee) {
        (Some(id), ..) => return Ok(id.to_bytes().to_vec()),
        (_, Some(phone), ..) => (IdentifierKind::Phone, phone),
        (_, _, Some(crm), ..) => (IdentifierKind::Crm, crm),
        (_, _, _, Some(email), _) => (IdentifierKind::Email, email),
        (.., Some(employee)) => (IdentifierKind::Employee, employee),
        (None, None, None, None, None) => {
            bail!("say of what: --recording, --subject, --phone, --crm, --email or --employee")
        }
    };
    let identifier = Some(Identifier { kind: kind.into(), value });
    let request = caller.request(ResolveSubjectRequest { identifier, at: 0 })?;
    let found = ConsentClient::new(caller.wire()).resolve_subject(request).await;
    Ok(found.context("the person")?.into_inner().subject_id)
}

async fn show(caller: &Caller, id: ErasureId, out: Output) -> Result<Exit> {
    let (erasure, recordings) = get(caller, id).await?;
    let value = json!({
        "erasure": shown_erasure(&erasure),
        "recordings": recordings.iter().map(shown_recording).collect::<Vec<_>>(),
    });
    out.value(&value, |_| {
        let mut text = line(&erasure);
        if let Some(what) = asked(&erasure).words() {
            text.push_str(&format!("\nof: {what}"));
        }
        for recording in &recordings {
            text.push_str(&format!("\n\n{}", drawn(recording)));
        }
        text
    });
    Ok(Exit::Ok)
}

/// An erasure with all its recordings.
pub async fn get(caller: &Caller, id: ErasureId) -> Result<(wire::Erasure, Vec<wire::ErasedRecording>)> {
    let mut client = RetentionClient::new(caller.wire());
    let mut request = wire::GetErasureRequest {
        erasure_id: id.to_bytes().to_vec(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let mut recordings = Vec::new();
    loop {
        let page = client.get_erasure(caller.request(request.clone())?).await;
        let page = page.with_context(|| format!("erasure {id}"))?.into_inner();
        recordings.extend(page.recordings);
        if page.next_page_token.is_empty() {
            return Ok((page.erasure.unwrap_or_default(), recordings));
        }
        request.page_token = page.next_page_token;
    }
}

/// Waits until every recording of an erasure is settled.
pub async fn settled(
    caller: &Caller,
    id: ErasureId,
    patience: Duration,
) -> Result<(wire::Erasure, Vec<wire::ErasedRecording>)> {
    let began = Instant::now();
    loop {
        let (erasure, recordings) = get(caller, id).await?;
        match erasure.state() {
            ErasureState::Done | ErasureState::Partial | ErasureState::Refused => {
                return Ok((erasure, recordings));
            }
            ErasureState::Running | ErasureState::Unspecified => {}
        }
        let stuck = recordings.iter().find(|recording| !recording.failure.is_empty());
        let why = stuck.map_or_else(String::new, |recording| format!(": {}", recording.failure));
        ensure!(began.elapsed() < patience, "erasure {id} was not settled in {patience:?}{why}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn list(caller: &Caller, limit: u32, out: Output) -> Result<Exit> {
    let found = all(caller, limit).await?;
    let values: Vec<_> = found.iter().map(shown_erasure).collect();
    out.value(&values, |_| {
        if found.is_empty() {
            return "no erasures".to_owned();
        }
        let rows = found.iter().map(|erasure| {
            vec![
                shown::id(&erasure.erasure_id),
                Timestamp(erasure.ordered_at).to_string(),
                cause(erasure),
                erasure.reason.clone(),
                erasure.recordings.to_string(),
                state(erasure),
                erasure.ordered_by.clone(),
            ]
        });
        table(&["erasure", "ordered", "cause", "reason", "recordings", "state", "by"], rows)
    });
    Ok(Exit::Ok)
}

/// The newest erasures.
pub async fn all(caller: &Caller, limit: u32) -> Result<Vec<wire::Erasure>> {
    let mut client = RetentionClient::new(caller.wire());
    let mut request = wire::ListErasuresRequest { page_size: limit.min(PAGE), page_token: String::new() };
    let mut found = Vec::new();
    loop {
        let page = client.list_erasures(caller.request(request.clone())?).await?.into_inner();
        found.extend(page.erasures);
        if page.next_page_token.is_empty() || found.len() >= limit as usize {
            break;
        }
        request.page_token = page.next_page_token;
    }
    found.truncate(limit as usize);
    Ok(found)
}

fn cause(erasure: &wire::Erasure) -> String {
    shown::word(erasure.cause().as_str_name(), "ERASURE_CAUSE_")
}

fn state(erasure: &wire::Erasure) -> String {
    shown::word(erasure.state().as_str_name(), "ERASURE_STATE_")
}

fn step(recording: &wire::ErasedRecording) -> String {
    shown::word(recording.step().as_str_name(), "ERASURE_STEP_")
}

/// An erasure on one line.
pub fn line(erasure: &wire::Erasure) -> String {
    format!(
        "erasure {} ({}, {}) of {} recordings, ordered by {}: {}",
        shown::id(&erasure.erasure_id),
        cause(erasure),
        erasure.reason,
        erasure.recordings,
        erasure.ordered_by,
        state(erasure),
    )
}

fn shown_erasure(erasure: &wire::Erasure) -> Value {
    json!({
        "erasure": shown::id(&erasure.erasure_id), "cause": cause(erasure), "reason": erasure.reason,
        "ordered_by": erasure.ordered_by, "ordered_at": shown::time(erasure.ordered_at),
        "state": state(erasure), "recordings": erasure.recordings,
        "settled_at": shown::time(erasure.settled_at), "of": asked(erasure).shown(),
    })
}

fn shown_recording(recording: &wire::ErasedRecording) -> Value {
    let kept = recording
        .kept
        .iter()
        .map(|kept| json!({"purpose": kept.purpose, "by": kept.by, "until": shown::time(kept.until)}));
    let stores = recording
        .stores
        .iter()
        .map(|store| json!({"store": store.store, "state": store.state, "at": shown::time(store.at)}));
    json!({
        "recording": shown::id(&recording.recording_id), "step": step(recording), "erased": recording.erased,
        "kept": kept.collect::<Vec<_>>(), "stores": stores.collect::<Vec<_>>(), "failure": recording.failure,
        "tries": recording.tries,
    })
}

fn drawn(recording: &wire::ErasedRecording) -> String {
    let mut text = format!("recording {}: {}", shown::id(&recording.recording_id), step(recording));
    if !recording.erased.is_empty() {
        let word = match recording.step() {
            ErasureStep::Registered | ErasureStep::Decided => "going",
            _ => "gone",
        };
        text.push_str(&format!("\n  {word}: {}", recording.erased.join(", ")));
    }
    for kept in &recording.kept {
        let what = if kept.purpose.is_empty() { "the stretch" } else { &kept.purpose };
        let until = if kept.until == 0 { String::new() } else { format!(" until {}", Timestamp(kept.until)) };
        text.push_str(&format!("\n  kept: {what}, by {}{until}", kept.by));
    }
    if !recording.failure.is_empty() {
        text.push_str(&format!("\n  failed {} times: {}", recording.tries, recording.failure));
    }
    let rows = recording.stores.iter().map(|store| {
        let at = if store.at == 0 { String::new() } else { Timestamp(store.at).to_string() };
        vec![store.store.clone(), store.state.clone(), at]
    });
    if recording.stores.is_empty() {
        return text;
    }
    format!("{text}\n{}", table(&["store", "state", "when"], rows))
}
