//! `verbale recordings list|show|verify`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{RecordingId, Timestamp};
use proto::archive::v1::RecordingState;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::archive::v1::{self as wire, list_request::By};
use proto::common::v1::{Identifier, IdentifierKind};
use serde_json::json;
use tokio::time::Instant;

use crate::cli::{ListArgs, RecordingsCommand};
use crate::commands::moment;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::{shown, timeline};

/// Runs one of them.
pub async fn run(caller: &Caller, command: RecordingsCommand, out: Output) -> Result<Exit> {
    match command {
        RecordingsCommand::List(args) => list(caller, args, out).await,
        RecordingsCommand::Show { id } => show(caller, id, out).await,
        RecordingsCommand::Verify { id } => verify(caller, id, out).await,
    }
}

async fn list(caller: &Caller, args: ListArgs, out: Output) -> Result<Exit> {
    let mut client = RecordingsClient::new(caller.wire());
    let phone = args.phone.map(|value| identifier("--phone", IdentifierKind::Phone, value)).transpose()?;
    let agent = args.agent.map(|value| identifier("--agent", IdentifierKind::Employee, value)).transpose()?;
    let by = args.subject.map(|id| By::SubjectId(id.to_bytes().to_vec()));
    let by = by.or(phone.or(agent).map(By::Identifier)).or(args.correlation.map(By::CorrelationId));
    let mut request = wire::ListRequest {
        from: args.from.as_deref().map(moment).transpose()?.map_or(0, |t| t.0),
        to: args.to.as_deref().map(moment).transpose()?.map_or(0, |t| t.0),
        by,
        page_size: args.limit.min(500),
        page_token: String::new(),
    };
    let mut found = Vec::new();
    loop {
        let page = client.list(caller.request(request.clone())?).await?.into_inner();
        found.extend(page.recordings);
        if page.next_page_token.is_empty() || found.len() >= args.limit as usize {
            break;
        }
        request.page_token = page.next_page_token;
    }
    found.truncate(args.limit as usize);
    let values: Vec<_> = found.iter().map(shown::listed).collect();
    out.value(&values, |_| {
        if found.is_empty() {
            return "no recordings".to_owned();
        }
        table(&["recording", "started", "length", "state", "ended by"], found.iter().map(row))
    });
    Ok(Exit::Ok)
}

/// An identifier as consent will read it. Refused here, because archive asks consent and could only say that it was
/// refused.
fn identifier(flag: &'static str, kind: IdentifierKind, value: String) -> Result<Identifier> {
    consent::identifier::Identifier::read(kind.into(), &value).context(flag)?;
    Ok(Identifier { kind: kind.into(), value })
}

fn row(recording: &wire::Recording) -> Vec<String> {
    vec![
        shown::id(&recording.recording_id),
        Timestamp(recording.started_at).to_string(),
        kernel::Position(recording.duration).to_string(),
        timeline::state(recording).to_owned(),
        recording.cause.clone(),
    ]
}

async fn show(caller: &Caller, id: RecordingId, out: Output) -> Result<Exit> {
    let recording = get(caller, id).await?;
    out.value(&shown::recording(&recording), |_| timeline::draw(&recording, out));
    Ok(Exit::Ok)
}

/// Fetches one recording's facts.
pub async fn get(caller: &Caller, id: RecordingId) -> Result<wire::Recording> {
    let request = caller.request(wire::GetRequest { recording_id: id.to_bytes().to_vec() })?;
    let mut client = RecordingsClient::new(caller.wire());
    Ok(client.get(request).await.with_context(|| format!("recording {id}"))?.into_inner())
}

/// Waits until a recording is sealed, or signed as not recorded.
pub async fn sealed(caller: &Caller, id: RecordingId, patience: Duration) -> Result<wire::Recording> {
    let began = Instant::now();
    loop {
        match get(caller, id).await {
            Ok(recording) => match recording.state() {
                RecordingState::Sealed
                | RecordingState::Addended
                | RecordingState::NotRecorded
                | RecordingState::Erased => return Ok(recording),
                RecordingState::Unspecified | RecordingState::Open | RecordingState::Sealing => {}
            },
            Err(error) if began.elapsed() > patience => return Err(error),
            Err(_) => {}
        }
        ensure!(began.elapsed() < patience, "recording {id} was not sealed in {patience:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn verify(caller: &Caller, id: RecordingId, out: Output) -> Result<Exit> {
    let answer = check(caller, id).await?;
    let findings: Vec<_> =
        answer.findings.iter().map(|f| json!({"name": f.name, "kind": f.kind, "detail": f.detail})).collect();
    let value = json!({
        "recording": id.to_string(), "ok": answer.ok, "objects": answer.objects, "spans": answer.spans,
        "findings": findings,
    });
    out.value(&value, |_| {
        let counts = format!("{} objects, {} spans", answer.objects, answer.spans);
        if answer.ok {
            return format!("{id}: as signed ({counts})");
        }
        let rows = answer.findings.iter().map(|f| vec![f.name.clone(), f.kind.clone(), f.detail.clone()]);
        format!("{id}: NOT as signed ({counts})\n{}", table(&["where", "what", "detail"], rows))
    });
    Ok(if answer.ok { Exit::Ok } else { Exit::Fault })
}

/// Verifies one recording at the server.
pub async fn check(caller: &Caller, id: RecordingId) -> Result<wire::VerifyResponse> {
    let request = caller.request(wire::VerifyRequest { recording_id: id.to_bytes().to_vec() })?;
    let mut client = RecordingsClient::new(caller.wire());
    Ok(client.verify(request).await.with_context(|| format!("recording {id}"))?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_telephone_number_is_refused_before_anybody_is_asked() {
        identifier("--phone", IdentifierKind::Phone, "+39 333 1234567".into()).unwrap();
        let refused = identifier("--phone", IdentifierKind::Phone, "12ab".into()).unwrap_err();
        assert_eq!(format!("{refused:#}"), "--phone: the identifier is no telephone number");
        identifier("--agent", IdentifierKind::Employee, "12ab".into()).unwrap();
    }
}
