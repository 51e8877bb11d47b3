//! `verbale audit tail|query|prove|verify`.

use std::collections::BTreeSet;

use anyhow::Result;
use audit::finding::FindingKind;
use kernel::{EventId, RecordingId, Timestamp};
use platform::rules::RuleBook;
use proto::audit::v1::ledger_client::LedgerClient;
use proto::audit::v1::{self as wire};
use serde_json::json;

use crate::cli::{AuditCommand, AuditQuery};
use crate::commands::moment;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// What the ledger calls a refused call that has no action of its own.
const REFUSED: &str = "call.refused";
/// Runs one of them.
pub async fn run(caller: &Caller, command: AuditCommand, out: Output) -> Result<Exit> {
    match command {
        AuditCommand::Tail { lines } => tail(caller, lines, out).await,
        AuditCommand::Query(query) => find(caller, query, out).await,
        AuditCommand::Prove { id } => prove(caller, id, out).await,
        AuditCommand::Verify => verify(caller, out).await,
    }
}

async fn tail(caller: &Caller, lines: u32, out: Output) -> Result<Exit> {
    let request = wire::QueryRequest { newest_first: true, ..Default::default() };
    let mut entries = query(caller, request, lines as usize).await?;
    entries.reverse();
    print(&entries, out);
    Ok(Exit::Ok)
}

async fn find(caller: &Caller, args: AuditQuery, out: Output) -> Result<Exit> {
    let action = args.action.unwrap_or_default();
    let request = wire::QueryRequest {
        object: args.object.map(object).unwrap_or_default(),
        subject_id: args.subject.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        actor: args.actor.unwrap_or_default(),
        action: action.clone(),
        from: args.from.as_deref().map(moment).transpose()?.map_or(0, |t| t.0),
        to: args.to.as_deref().map(moment).transpose()?.map_or(0, |t| t.0),
        ..Default::default()
    };
    let entries = query(caller, request, args.limit as usize).await?;
    print(&entries, out);
    if entries.len() >= args.limit as usize {
        out.note(&format!("the oldest {} are shown, there may be more: see --limit and --from", args.limit));
    }
    let known = actions()?;
    // No refusal: what another release wrote may have it.
    if entries.is_empty() && !action.is_empty() && !known.contains(&action) {
        let known: Vec<_> = known.into_iter().collect();
        out.note(&format!("this release writes no action {action:?}; it writes {}", known.join(", ")));
    }
    Ok(Exit::Ok)
}

/// An object as entries name it: an id alone is a recording's, as people copy it from a list.
fn object(text: String) -> String {
    match text.parse::<RecordingId>() {
        Ok(id) => format!("recording/{id}"),
        Err(_) => text,
    }
}

/// Every action that this release writes.
fn actions() -> Result<BTreeSet<String>> {
    let book = RuleBook::of_the_contract()?;
    let calls = book.iter().map(|rule| rule.action.as_str()).filter(|action| !action.is_empty());
    let findings = FindingKind::ALL.iter().map(|kind| kind.action());
    let others = findings.chain([REFUSED]);
    Ok(calls.chain(others).map(str::to_owned).collect())
}

/// Entries page after page, at most `limit`.
pub async fn query(
    caller: &Caller,
    mut request: wire::QueryRequest,
    limit: usize,
) -> Result<Vec<wire::Entry>> {
    let mut client = LedgerClient::new(caller.wire());
    let mut entries = Vec::new();
    while entries.len() < limit {
        request.page_size = u32::try_from(limit - entries.len()).unwrap_or(u32::MAX).min(1_000);
        let page = client.query(caller.request(request.clone())?).await?.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(entries)
}

fn print(entries: &[wire::Entry], out: Output) {
    let values: Vec<_> = entries.iter().map(shown::entry).collect();
    out.value(&values, |_| {
        if entries.is_empty() {
            return "no entries".to_owned();
        }
        let rows = entries.iter().map(|e| {
            vec![
                Timestamp(e.at).to_string(),
                e.action.clone(),
                e.actor.clone(),
                e.outcome.clone(),
                e.objects.join("\n"),
                shown::id(&e.event_id),
            ]
        });
        table(&["when", "what", "who", "outcome", "on", "entry"], rows)
    });
}

async fn prove(caller: &Caller, id: EventId, out: Output) -> Result<Exit> {
    let request = caller.request(wire::ProveRequest { event_id: id.to_bytes().to_vec() })?;
    let proof = LedgerClient::new(caller.wire()).prove(request).await?.into_inner();
    let path: Vec<_> = proof.inclusion.iter().map(|hash| shown::hex(hash)).collect();
    let value = json!({
        "entry": proof.entry.as_ref().map(shown::entry),
        "canonical_entry": shown::hex(&proof.canonical_entry), "salt": shown::hex(&proof.salt),
        "leaf": shown::hex(&proof.leaf), "index": proof.index, "tree_size": proof.tree_size,
        "inclusion": path, "checkpoint": proof.checkpoint,
    });
    out.value(&value, |_| {
        format!(
            "entry {id} is leaf {} of {}\nleaf {}\npath\n  {}\ncheckpoint\n{}",
            proof.index,
            proof.tree_size,
            shown::hex(&proof.leaf),
            path.join("\n  "),
            proof.checkpoint.trim_end()
        )
    });
    Ok(Exit::Ok)
}

async fn verify(caller: &Caller, out: Output) -> Result<Exit> {
    let answer = check(caller).await?;
    let findings: Vec<_> =
        answer.findings.iter().map(|f| json!({"name": f.name, "kind": f.kind, "detail": f.detail})).collect();
    out.value(&json!({"ok": answer.ok, "entries": answer.entries, "findings": findings}), |_| {
        let rows = answer.findings.iter().map(|f| vec![f.name.clone(), f.kind.clone(), f.detail.clone()]);
        let named = table(&["where", "what", "detail"], rows);
        let entries = answer.entries;
        match (answer.ok, answer.findings.is_empty()) {
            (true, true) => format!("the ledger is as signed ({entries} entries)"),
            (true, false) => format!("what is left of the ledger is as signed ({entries} entries)\n{named}"),
            (false, _) => format!("the ledger is NOT as signed\n{named}"),
        }
    });
    Ok(if answer.ok { Exit::Ok } else { Exit::Fault })
}

/// Verifies the whole ledger at the server.
pub async fn check(caller: &Caller) -> Result<wire::VerifyLedgerResponse> {
    let request = caller.request(wire::VerifyLedgerRequest {})?;
    Ok(LedgerClient::new(caller.wire()).verify_ledger(request).await?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_alone_is_a_recording_s() {
        let id = RecordingId::new();
        for (asked, meant) in [
            (id.to_string(), format!("recording/{id}")),
            (format!("recording/{id}"), format!("recording/{id}")),
            (format!("subject/{id}"), format!("subject/{id}")),
            ("anything".to_owned(), "anything".to_owned()),
        ] {
            assert_eq!(object(asked), meant);
        }
    }

    #[test]
    fn the_actions_are_those_of_calls_refusals_and_findings() {
        let known = actions().unwrap();
        for action in [
            "recording.replayed",
            "consent.recorded",
            "call.refused",
            "ledger.gap-found",
            "ledger.history-lost",
        ] {
            assert!(known.contains(action), "{action} is not in {known:?}");
        }
        assert!(!known.contains("") && !known.contains("nope"));
    }
}
