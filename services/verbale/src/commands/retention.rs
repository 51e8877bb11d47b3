//! `verbale retention due|sweep|explain|extend`.

use anyhow::{Context, Result};
use kernel::{RecordingId, Timestamp};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{self as wire, DataKind, TermState};
use serde_json::{Value, json};

use crate::cli::{ExtendArgs, RetentionCommand};
use crate::commands::{ensure_policy, hold, moment};
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::{shown, timeline};

/// The most that one answer lists.
const PAGE: u32 = 500;

/// Runs one of them.
pub async fn run(caller: &Caller, command: RetentionCommand, out: Output) -> Result<Exit> {
    match command {
        RetentionCommand::Due { by, limit } => due(caller, by.as_deref(), limit, out).await,
        RetentionCommand::Sweep { plan: true, .. } => plan(caller, out).await,
        RetentionCommand::Sweep { plan: false, agree } => sweep(caller, agree, out).await,
        RetentionCommand::Explain { id } => explain(caller, id, out).await,
        RetentionCommand::Extend(args) => extend(caller, args, out).await,
    }
}

async fn due(caller: &Caller, by: Option<&str>, limit: u32, out: Output) -> Result<Exit> {
    let by = by.map(moment).transpose()?.map_or(0, |at| at.0);
    ensure_policy(caller).await?;
    let mut client = RetentionClient::new(caller.wire());
    let mut request = wire::ListDueRequest { by, page_size: limit.min(PAGE), page_token: String::new() };
    let mut found = Vec::new();
    loop {
        let page = client.list_due(caller.request(request.clone())?).await?.into_inner();
        found.extend(page.recordings);
        if page.next_page_token.is_empty() || found.len() >= limit as usize {
            break;
        }
        request.page_token = page.next_page_token;
    }
    found.truncate(limit as usize);
    let values: Vec<_> = found.iter().map(due_shown).collect();
    out.value(&values, |_| if found.is_empty() { "nothing is due".to_owned() } else { due_table(&found) });
    Ok(Exit::Ok)
}

fn due_shown(due: &wire::DueRecording) -> Value {
    let held: Vec<_> = due.held_by.iter().map(|id| shown::id(id)).collect();
    json!({
        "recording": shown::id(&due.recording_id), "at": shown::time(due.at), "purposes": due.purposes,
        "held_by": held,
    })
}

fn due_table(found: &[wire::DueRecording]) -> String {
    let rows = found.iter().map(|due| {
        let held: Vec<_> = due.held_by.iter().map(|id| shown::id(id)).collect();
        let (recording, at) = (shown::id(&due.recording_id), Timestamp(due.at).to_string());
        vec![recording, at, due.purposes.join(", "), held.join(", ")]
    });
    table(&["recording", "due", "purposes", "held by"], rows)
}

async fn plan(caller: &Caller, out: Output) -> Result<Exit> {
    ensure_policy(caller).await?;
    let request = caller.request(wire::PlanSweepRequest {})?;
    let plan = RetentionClient::new(caller.wire()).plan_sweep(request).await?.into_inner();
    out.value(&plan_shown(&plan), |_| plan_drawn(&plan));
    Ok(Exit::Ok)
}

fn plan_shown(plan: &wire::SweepPlan) -> Value {
    json!({
        "plan": plan.plan, "recordings": plan.recordings, "purposes": plan.purposes, "held": plan.held,
        "kept": plan.kept, "over_bound": plan.over_bound, "asked_by": plan.asked_by,
        "first": plan.first.iter().map(due_shown).collect::<Vec<_>>(),
    })
}

fn plan_drawn(plan: &wire::SweepPlan) -> String {
    if plan.recordings == 0 {
        return format!("nothing is due ({} held, {} kept)", plan.held, plan.kept);
    }
    let bound = match (plan.over_bound, plan.asked_by.as_str()) {
        (false, _) => String::new(),
        (true, "") => "\nover the bound: needs two people".to_owned(),
        (true, asker) => format!("\nover the bound: {asker} has asked, a second person must agree"),
    };
    format!(
        "plan {}: {} purposes of {} recordings ({} more are held, {} are kept){bound}\n{}",
        plan.plan,
        plan.purposes,
        plan.recordings,
        plan.held,
        plan.kept,
        due_table(&plan.first),
    )
}

async fn sweep(caller: &Caller, plan: Option<String>, out: Output) -> Result<Exit> {
    ensure_policy(caller).await?;
    let request = caller.request(wire::SweepRequest { plan: plan.unwrap_or_default() })?;
    let swept = RetentionClient::new(caller.wire()).sweep(request).await?.into_inner();
    let plan = swept.plan.clone().unwrap_or_default();
    let erasure = if swept.erasure_id.is_empty() { Value::Null } else { json!(shown::id(&swept.erasure_id)) };
    let value = json!({
        "erasure": erasure, "waits_for_second": swept.waits_for_second, "plan": plan_shown(&plan),
    });
    out.value(&value, |_| {
        if swept.waits_for_second {
            let agree = format!("verbale retention sweep --agree {}", plan.plan);
            format!("{}\nanother person agrees with `{agree}`", plan_drawn(&plan))
        } else if swept.erasure_id.is_empty() {
            plan_drawn(&plan)
        } else {
            let id = shown::id(&swept.erasure_id);
            format!(
                "{} purposes of {} recordings go; `verbale erasure show {id}`",
                plan.purposes, plan.recordings
            )
        }
    });
    Ok(Exit::Ok)
}

async fn explain(caller: &Caller, id: RecordingId, out: Output) -> Result<Exit> {
    let told = explained(caller, id).await?;
    out.value(&explained_shown(&told), |_| explained_drawn(&told));
    Ok(Exit::Ok)
}

/// What retention says of a recording.
pub async fn explained(caller: &Caller, id: RecordingId) -> Result<wire::ExplainResponse> {
    let request = caller.request(wire::ExplainRequest { recording_id: id.to_bytes().to_vec() })?;
    let mut client = RetentionClient::new(caller.wire());
    Ok(client.explain(request).await.with_context(|| format!("recording {id}"))?.into_inner())
}

fn kind(term: &wire::Term) -> &'static str {
    match term.kind() {
        DataKind::Audio => "audio",
        DataKind::Metadata => "metadata",
        DataKind::Unspecified => "unknown",
    }
}

fn state(term: &wire::Term) -> &'static str {
    match term.state() {
        TermState::Running => "runs",
        TermState::Ending => "is ending",
        TermState::Ended => "ended",
        TermState::Unspecified => "unknown",
    }
}

fn explained_shown(told: &wire::ExplainResponse) -> Value {
    let term = |term: &wire::Term| {
        let considered = term.considered.iter().map(|rule| {
            json!({
                "rule": rule.rule, "article": rule.article, "set_by": rule.set_by, "ends": shown::time(rule.ends),
                "verdict": rule.verdict,
            })
        });
        json!({
            "purpose": term.purpose, "kind": kind(term), "state": state(term), "ends": shown::time(term.ends),
            "rule": term.rule, "article": term.article, "considered": considered.collect::<Vec<_>>(),
        })
    };
    json!({
        "recording": shown::id(&told.recording_id),
        "started_at": shown::time(told.started_at), "ended_at": shown::time(told.ended_at),
        "policy_hash": shown::hex(&told.policy_hash),
        "terms": told.terms.iter().map(term).collect::<Vec<_>>(),
        "holds": told.holds.iter().map(hold::shown_hold).collect::<Vec<_>>(),
        "earliest": shown::time(told.earliest), "latest": shown::time(told.latest),
        "erasures": told.erasure_ids.iter().map(|id| shown::id(id)).collect::<Vec<_>>(),
    })
}

fn explained_drawn(told: &wire::ExplainResponse) -> String {
    let mut text = format!("recording {}", shown::id(&told.recording_id));
    let rows = told.terms.iter().map(|term| {
        let ends = Timestamp(term.ends).to_string();
        let rule = if term.article.is_empty() {
            term.rule.clone()
        } else {
            format!("{} ({})", term.rule, term.article)
        };
        vec![term.purpose.clone(), kind(term).to_owned(), state(term).to_owned(), ends, rule]
    });
    text.push_str(&format!("\n{}", table(&["purpose", "data", "state", "until", "because of"], rows)));
    for term in told.terms.iter().filter(|term| term.considered.len() > 1) {
        let rows = term.considered.iter().map(|rule| {
            let ends = Timestamp(rule.ends).to_string();
            vec![rule.rule.clone(), rule.article.clone(), rule.set_by.clone(), ends, rule.verdict.clone()]
        });
        let rules = table(&["rule", "article", "set by", "until", "verdict"], rows);
        text.push_str(&format!("\n{} ({}): every rule\n{rules}", term.purpose, kind(term)));
    }
    for held in &told.holds {
        text.push_str(&format!("\n{}: {}", timeline::effect(held), hold::line(held)));
    }
    for id in &told.erasure_ids {
        text.push_str(&format!("\nerasure {}", shown::id(id)));
    }
    text
}

async fn extend(caller: &Caller, args: ExtendArgs, out: Output) -> Result<Exit> {
    let request = caller.request(wire::ExtendRequest {
        reference: args.reference.clone(),
        regime: args.regime.to_string(),
        until: moment(&args.until)?.0,
        from: moment(&args.from)?.0,
        to: moment(&args.to)?.0,
        subject_ids: args.subject.iter().map(|id| id.to_bytes().to_vec()).collect(),
    })?;
    let extended = RetentionClient::new(caller.wire()).extend(request).await?.into_inner();
    let value = json!({"reference": args.reference, "lengthened": extended.lengthened});
    out.value(&value, |_| {
        format!("{}: {} recordings are kept longer; later ones follow", args.reference, extended.lengthened)
    });
    Ok(Exit::Ok)
}
