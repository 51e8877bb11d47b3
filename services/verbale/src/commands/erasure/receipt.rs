//! `verbale erasure receipt|verify`: fetches a signed receipt, and verifies one from a file alone.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use kernel::{ErasureId, TenantId, Timestamp, chain};
use proto::retention::v1::GetReceiptRequest;
use proto::retention::v1::retention_client::RetentionClient;
use seal::receipt::{ErasureCause, ErasureState, Outcome, ReceiptRow, Stretch};
use seal::{Receipt, SignedDocument, TrustRoots};
use serde_json::{Value, json};

use crate::cli::VerifyReceiptArgs;
use crate::commands::trust::Trust;
use crate::connect::Caller;
use crate::output::{Exit, Output};
use crate::shown;

/// Larger than any signed document.
const MAX_FILE: u64 = 1 << 28;
/// Columns of what a date is of.
const NAMES: usize = 22;

/// Fetches one, and writes the signed document to a file where one is named.
pub(super) async fn fetch(caller: &Caller, id: ErasureId, file: Option<&Path>, out: Output) -> Result<Exit> {
    let request = caller.request(GetReceiptRequest { erasure_id: id.to_bytes().to_vec() })?;
    let answer = RetentionClient::new(caller.wire()).get_receipt(request).await;
    let answer = answer.with_context(|| format!("erasure {id}"))?.into_inner();
    if let Some(file) = file {
        std::fs::write(file, &answer.document).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let signed = SignedDocument::decode(&answer.document)?;
    let receipt = Receipt::decode(signed.unverified_payload())?;
    let value = json!({
        "erasure": id.to_string(), "sha256": shown::hex(&answer.sha256),
        "signed_at": shown::time(signed.signed_at().0), "recordings": receipt.recordings.len(),
        "outcomes": outcomes_shown(&receipt), "file": file,
    });
    out.value(&value, |_| {
        let counts = outcomes(&receipt);
        let kept =
            file.map_or_else(String::new, |file| format!("; the signed document is in {}", file.display()));
        format!("receipt of erasure {id}: {counts}, SHA-256 {}{kept}", shown::hex(&answer.sha256))
    });
    Ok(Exit::Ok)
}

/// Verifies one offline. Whose it must be is the tenant's that was given, or else whose it says that it is.
pub fn verify(args: &VerifyReceiptArgs, tenant: Option<&TenantId>, out: Output) -> Result<Exit> {
    let roots = Trust::read(&args.trust)?.trusted()?;
    let file = args.file.display();
    let length = std::fs::metadata(&args.file).with_context(|| format!("cannot read {file}"))?.len();
    ensure!(length <= MAX_FILE, "{file} is larger than any receipt");
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {file}"))?;
    match verified(&bytes, &roots, tenant) {
        Ok((signed_at, receipt)) => {
            out.value(&told_shown(&receipt, signed_at), |_| told(&receipt, signed_at));
            Ok(Exit::Ok)
        }
        Err(error) => {
            let finding = chain(&error);
            out.value(&json!({"ok": false, "finding": finding}), |_| {
                format!("NOT a receipt as signed: {finding}")
            });
            Ok(Exit::Fault)
        }
    }
}

fn verified(
    bytes: &[u8],
    roots: &TrustRoots,
    tenant: Option<&TenantId>,
) -> Result<(Timestamp, Receipt), seal::Error> {
    let signed = SignedDocument::decode(bytes)?;
    let own = match tenant {
        Some(tenant) => tenant.clone(),
        None => Receipt::decode(signed.unverified_payload())?.tenant,
    };
    let receipt = Receipt::verify(&signed, roots, &own)?;
    Ok((signed.signed_at(), receipt))
}

fn count(receipt: &Receipt, outcome: Outcome) -> usize {
    receipt.recordings.iter().filter(|row| row.outcome == outcome).count()
}

/// How many recordings came to what.
fn outcomes(receipt: &Receipt) -> String {
    let all = [Outcome::Erased, Outcome::Deferred, Outcome::Refused];
    all.map(|outcome| format!("{} {}", count(receipt, outcome), outcome_word(outcome))).join(", ")
}

fn outcomes_shown(receipt: &Receipt) -> Value {
    json!({
        "erased": count(receipt, Outcome::Erased), "deferred": count(receipt, Outcome::Deferred),
        "refused": count(receipt, Outcome::Refused),
    })
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Erased => "erased",
        Outcome::Deferred => "deferred",
        Outcome::Refused => "refused",
    }
}

fn cause_word(cause: ErasureCause) -> &'static str {
    match cause {
        ErasureCause::PeriodOver => "period-over",
        ErasureCause::BasisLost => "basis-lost",
        ErasureCause::Order => "order",
    }
}

fn state_word(state: ErasureState) -> &'static str {
    match state {
        ErasureState::Done => "done",
        ErasureState::Partial => "partial",
        ErasureState::Refused => "refused",
    }
}

fn told(receipt: &Receipt, signed_at: Timestamp) -> String {
    let mut text = format!(
        "as signed: receipt of erasure {} ({}, {}) of {}: {}, {}\n  ordered {}, settled {}, signed {signed_at}",
        receipt.erasure,
        cause_word(receipt.cause),
        receipt.reason,
        receipt.tenant,
        state_word(receipt.state),
        outcomes(receipt),
        receipt.ordered_at,
        receipt.settled_at,
    );
    for row in &receipt.recordings {
        text.push_str(&format!("\n{}", row_told(row, receipt.is_abridged)));
    }
    text
}

/// A recording, what of it went and stays, and when each store was done with it.
fn row_told(row: &ReceiptRow, is_abridged: bool) -> String {
    let (outcome, spans) = (outcome_word(row.outcome), row.spans);
    let mut text = format!("recording {}: {outcome}, {spans} spans that nobody can open", row.recording);
    if is_abridged {
        return text;
    }
    if row.outcome == Outcome::Erased {
        let purposes = names(row);
        let gone = if purposes.is_empty() { "every purpose".to_owned() } else { purposes.join(", ") };
        let of = row.stretch.as_ref().map_or_else(String::new, |stretch| format!(" of {}", span(stretch)));
        text.push_str(&format!("\n  gone: {gone}{of}"));
    }
    for kept in &row.kept {
        let what = kept.purpose.as_ref().map_or_else(|| "the stretch".to_owned(), ToString::to_string);
        let until = kept.until.map_or_else(String::new, |until| format!(" until {until}"));
        text.push_str(&format!("\n  kept: {what}, by {}{until}", kept.by));
    }
    for (what, _, at) in dates(row) {
        if let Some(at) = at {
            text.push_str(&format!("\n  {what:NAMES$} {at}"));
        }
    }
    text
}

fn names(row: &ReceiptRow) -> Vec<String> {
    row.erased.iter().map(ToString::to_string).collect()
}

fn span(stretch: &Stretch) -> String {
    let (start, end) = (stretch.interval.start(), stretch.interval.end());
    let legs: Vec<_> = stretch.legs.iter().map(|leg| leg.0.to_string()).collect();
    let on = if legs.is_empty() { "every leg".to_owned() } else { format!("legs {}", legs.join(" and ")) };
    format!("{start}-{end} on {on}")
}

/// What each date is of, for people and for scripts.
fn dates(row: &ReceiptRow) -> [(&'static str, &'static str, Option<Timestamp>); 6] {
    [
        ("no key was left", "entries_at", row.entries_at),
        ("final, not before", "not_before", row.not_before),
        ("objects were gone", "objects_at", row.objects_at),
        ("an object locked until", "locked_until", row.locked_until),
        ("event log was clear", "log_at", row.log_at),
        ("probe opened nothing", "controlled_at", row.controlled_at),
    ]
}

fn told_shown(receipt: &Receipt, signed_at: Timestamp) -> Value {
    json!({
        "ok": true, "erasure": receipt.erasure.to_string(), "tenant": receipt.tenant.as_str(),
        "cause": cause_word(receipt.cause), "reason": receipt.reason.as_str(), "state": state_word(receipt.state),
        "ordered_at": shown::time(receipt.ordered_at.0), "settled_at": shown::time(receipt.settled_at.0),
        "signed_at": shown::time(signed_at.0), "abridged": receipt.is_abridged,
        "outcomes": outcomes_shown(receipt),
        "recordings": receipt.recordings.iter().map(row_shown).collect::<Vec<_>>(),
    })
}

fn row_shown(row: &ReceiptRow) -> Value {
    let stretch = row.stretch.as_ref().map(|stretch| {
        json!({
            "start_s": stretch.interval.start().as_secs_f64(), "end_s": stretch.interval.end().as_secs_f64(),
            "legs": stretch.legs.iter().map(|leg| leg.0).collect::<Vec<_>>(),
        })
    });
    let kept = row.kept.iter().map(|kept| {
        json!({
            "purpose": kept.purpose.as_ref().map(ToString::to_string), "by": kept.by.as_str(),
            "until": kept.until.map(|until| until.to_string()),
        })
    });
    let mut value = json!({
        "recording": row.recording.to_string(), "outcome": outcome_word(row.outcome), "spans": row.spans,
        "erased": names(row), "stretch": stretch, "kept": kept.collect::<Vec<_>>(),
    });
    for (_, key, at) in dates(row) {
        value[key] = json!(at.map(|at| at.to_string()));
    }
    value
}
