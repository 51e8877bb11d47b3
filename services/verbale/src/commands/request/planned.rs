//! `verbale request plan|items`: what is kept of the person, and what the rules say of it, by recording.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kernel::{RequestId, Timestamp};
use proto::dsar::v1 as wire;
use proto::dsar::v1::requests_client::RequestsClient;
use serde_json::{Value, json};

use super::words::{outcome_words, reason_words, rule_words};
use super::{PAGE, about, bytes, told};
use crate::connect::Caller;
use crate::output::{Exit, Output};
use crate::shown::{id, time};

/// How much of an item is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What would happen.
    Proposal,
    /// Its key, too, what was decided and what was done.
    Whole,
}

pub(super) async fn plan(caller: &Caller, own: RequestId, dry_run: bool, out: Output) -> Result<Exit> {
    let request = caller.request(wire::PlanRequest { request_id: bytes(own), dry_run })?;
    let planned = RequestsClient::new(caller.wire()).plan(request).await;
    let mut planned = planned.with_context(|| about(own))?.into_inner();
    // Of a plan that is kept the rest can be read.
    if !dry_run && planned.total > planned.items.len() as u64 {
        let (name, items) = all(caller, own).await?;
        ensure!(name == planned.plan, "request {own} was planned anew meanwhile");
        planned.items = items;
    }
    let request = planned.request.clone().unwrap_or_default();
    let stores =
        planned.stores.iter().map(|store| json!({"store": store.store, "artefacts": store.artefacts}));
    let value = json!({
        "request": told::shown(&request), "plan": planned.plan, "kept": !dry_run, "total": planned.total,
        "outcomes": counts(&planned.items), "stores": stores.collect::<Vec<_>>(),
        "items": planned.items.iter().map(shown).collect::<Vec<_>>(),
    });
    out.value(&value, |_| plan_drawn(own, dry_run, &planned, &request));
    Ok(Exit::Ok)
}

fn plan_drawn(
    own: RequestId,
    dry_run: bool,
    planned: &wire::PlanResponse,
    request: &wire::Request,
) -> String {
    let mut blocks: Vec<_> = groups(&planned.items, Detail::Proposal);
    let stores: Vec<_> =
        planned.stores.iter().map(|store| format!("{} {}", store.store, store.artefacts)).collect();
    blocks.push(format!("asked: {}", stores.join(", ")));
    blocks.push(summary(&planned.items, planned.total));
    let end = if dry_run {
        format!("nothing was kept of this; `verbale request plan {own}` freezes a plan")
    } else {
        format!("{}\n`verbale request items {own}` has each item's key", told::brief(request))
    };
    blocks.push(format!("plan {}\n{end}", planned.plan));
    blocks.join("\n\n")
}

pub(super) async fn items(caller: &Caller, own: RequestId, out: Output) -> Result<Exit> {
    let (plan, items) = all(caller, own).await?;
    let value = json!({
        "request": own.to_string(), "plan": plan, "outcomes": counts(&items),
        "items": items.iter().map(shown).collect::<Vec<_>>(),
    });
    out.value(&value, |_| {
        if plan.is_empty() {
            return format!("nothing was planned yet; `verbale request plan {own}`");
        }
        let mut blocks = groups(&items, Detail::Whole);
        blocks.push(format!("{}\nplan {plan}", summary(&items, items.len() as u64)));
        blocks.join("\n\n")
    });
    Ok(Exit::Ok)
}

/// The items of the frozen plan, and its name.
async fn all(caller: &Caller, own: RequestId) -> Result<(String, Vec<wire::Item>)> {
    let mut client = RequestsClient::new(caller.wire());
    let mut request =
        wire::ListItemsRequest { request_id: bytes(own), page_size: PAGE, page_token: String::new() };
    let (mut plan, mut items) = (None, Vec::new());
    loop {
        let page = client.list_items(caller.request(request.clone())?).await;
        let page = page.with_context(|| about(own))?.into_inner();
        let first = plan.get_or_insert_with(|| page.plan.clone());
        ensure!(*first == page.plan, "request {own} was planned anew meanwhile");
        items.extend(page.items);
        if page.next_page_token.is_empty() {
            return Ok((page.plan, items));
        }
        request.page_token = page.next_page_token;
    }
}

/// What counts of an item: what was decided, or else what the rules say.
fn verdict(item: &wire::Item) -> wire::Verdict {
    item.decided.clone().or_else(|| item.proposed.clone()).unwrap_or_default()
}

/// How many items come to what.
fn counts(items: &[wire::Item]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(verdict(item).outcome).or_default() += 1;
    }
    counts
}

fn summary(items: &[wire::Item], total: u64) -> String {
    let counts = counts(items).into_iter().map(|(outcome, count)| format!("{count} {outcome}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    match items.len() as u64 {
        0 => "nothing is kept of the person".to_owned(),
        shown if shown < total => format!("the first {shown} of {total} items: {counts}"),
        shown => format!("{shown} items: {counts}"),
    }
}

/// A block for each recording, in order of time, and one for what is of none.
fn groups(items: &[wire::Item], detail: Detail) -> Vec<String> {
    let mut groups: BTreeMap<_, Vec<&wire::Item>> = BTreeMap::new();
    for item in items {
        let place = (item.recording_id.is_empty(), item.began, item.recording_id.as_slice());
        groups.entry(place).or_default().push(item);
    }
    let block = |((is_beside, began, recording), items): ((bool, i64, &[u8]), Vec<&wire::Item>)| {
        let mut text = match (is_beside, began) {
            (true, _) => "beside the calls".to_owned(),
            (false, 0) => format!("recording {}", id(recording)),
            (false, began) => format!("{}  recording {}", Timestamp(began), id(recording)),
        };
        for item in items {
            text.push_str(&drawn(item, detail));
        }
        text
    };
    groups.into_iter().map(block).collect()
}

fn drawn(item: &wire::Item, detail: Detail) -> String {
    let verdict = verdict(item);
    let purpose = if item.purpose.is_empty() { String::new() } else { format!(", for {}", item.purpose) };
    let mut text =
        format!("\n  {}{purpose} ({}): {}", artefact(item), item.right, outcome_words(&verdict.outcome));
    if !verdict.also.is_empty() {
        text.push_str(&format!("; and {}", outcome_words(&verdict.also)));
    }
    text.push_str(&format!(
        "\n    rule {}: {}{}",
        verdict.rule,
        rule_words(&verdict.rule),
        reasons(&verdict)
    ));
    text.push_str(&kept(item));
    if item.needs_second_person && item.approved_by.is_empty() {
        text.push_str("\n    takes another person's yes");
    }
    if detail == Detail::Whole {
        text.push_str(&handled(item));
    }
    text
}

/// What an artefact is.
fn artefact(item: &wire::Item) -> String {
    match (item.leg, item.category.as_str()) {
        (Some(leg), _) => format!("audio of leg {leg}"),
        (None, "call-metadata") => "what is known of the call".to_owned(),
        (None, "consent-evidence") => "consent".to_owned(),
        (None, "access-log") => "who opened what".to_owned(),
        (None, "dsar-file") => "the file of a request".to_owned(),
        (None, "backup-copy") => "backups".to_owned(),
        (None, other) => other.to_owned(),
    }
}

fn reasons(verdict: &wire::Verdict) -> String {
    let named = verdict.reasons.iter().map(|reason| format!("{reason}, {}", reason_words(reason)));
    let named: Vec<_> = named.collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join("; ")) }
}

fn kept(item: &wire::Item) -> String {
    let until = if item.until == 0 { String::new() } else { format!(" until {}", Timestamp(item.until)) };
    match (item.kept_by.as_str(), until.as_str()) {
        ("", "") => String::new(),
        ("", until) => format!("\n    its period runs{until}"),
        (by, until) => format!("\n    kept by {by}{until}"),
    }
}

/// What was decided and done, and the name to decide it by.
fn handled(item: &wire::Item) -> String {
    let decided = match (item.decided_by.as_str(), item.approved_by.as_str()) {
        ("", _) => "not decided".to_owned(),
        (by, "") => format!("decided by {by}"),
        (by, second) => format!("decided by {by}, approved by {second}"),
    };
    let filed = if item.filed.is_empty() { String::new() } else { format!(", filed {}", item.filed) };
    format!("\n    {decided}: {}{filed}\n    key {}", item.state, item.key)
}

fn shown(item: &wire::Item) -> Value {
    let given = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let verdict = |verdict: &wire::Verdict| {
        json!({
            "rule": verdict.rule, "rule_words": rule_words(&verdict.rule), "outcome": verdict.outcome,
            "outcome_words": outcome_words(&verdict.outcome), "also": given(&verdict.also),
            "reasons": verdict.reasons,
        })
    };
    let recording = (!item.recording_id.is_empty()).then(|| id(&item.recording_id));
    json!({
        "key": item.key, "right": item.right, "category": item.category, "recording": recording,
        "leg": item.leg, "purpose": given(&item.purpose), "basis": item.basis, "hold": item.hold,
        "presence": item.presence, "gate": item.gate, "proposed": item.proposed.as_ref().map(verdict),
        "decided": item.decided.as_ref().map(verdict), "decided_by": given(&item.decided_by),
        "approved_by": given(&item.approved_by), "state": item.state, "kept_by": given(&item.kept_by),
        "until": time(item.until), "needs_second_person": item.needs_second_person,
        "began": time(item.began), "filed": given(&item.filed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(recording: u8, began: i64, leg: Option<u32>, rule: &str, outcome: &str) -> wire::Item {
        let recording_id = if recording == 0 { Vec::new() } else { vec![recording; 16] };
        wire::Item {
            right: "erase".to_owned(),
            category: if leg.is_some() { "audio-leg" } else { "consent-evidence" }.to_owned(),
            recording_id,
            began,
            leg,
            state: "open".to_owned(),
            proposed: Some(wire::Verdict {
                rule: rule.to_owned(),
                outcome: outcome.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_kept_is_grouped_by_recording_in_order_of_time() {
        let second = item(1, 2_000_000, Some(0), "E10", "erase");
        let first = item(2, 1_000_000, Some(1), "E5", "defer-restrict");
        let items = [item(0, 0, None, "E2", "retain-minimal"), second.clone(), first, second];
        let blocks = groups(&items, Detail::Proposal);
        assert_eq!(blocks.len(), 3);
        assert!(blocks[0].starts_with("1970-01-01T00:00:01Z  recording 0202"), "{}", blocks[0]);
        assert_eq!(blocks[1].matches("audio of leg 0").count(), 2);
        assert!(blocks[2].starts_with("beside the calls\n  consent (erase): it is kept"), "{}", blocks[2]);
        assert_eq!(summary(&items, 4), "4 items: 1 defer-restrict, 2 erase, 1 retain-minimal");
        assert_eq!(summary(&items[..1], 9), "the first 1 of 9 items: 1 retain-minimal");
        assert_eq!(summary(&[], 0), "nothing is kept of the person");
    }

    #[test]
    fn an_item_says_what_happens_by_which_rule_why_and_until_when() {
        let mut kept = item(1, 0, Some(0), "E5", "defer-restrict");
        kept.purpose = "duty".to_owned();
        kept.kept_by = "regime:mifid2-16-7".to_owned();
        kept.until = 1_000_000;
        kept.proposed.as_mut().unwrap().reasons = vec!["A17LegallyRequired".to_owned()];
        let told = drawn(&kept, Detail::Proposal);
        let expected = [
            "",
            "  audio of leg 0, for duty (erase): it is restricted now, and erased once nothing forbids that",
            "    rule E5: a duty to keep it runs (A17LegallyRequired, Art. 17(3)(b))",
            "    kept by regime:mifid2-16-7 until 1970-01-01T00:00:01Z",
        ];
        assert_eq!(told.split('\n').collect::<Vec<_>>(), expected);
        kept.decided_by = "officer".to_owned();
        kept.key = "erase/x".to_owned();
        let told = drawn(&kept, Detail::Whole);
        assert!(told.ends_with("\n    decided by officer: open\n    key erase/x"), "{told}");
    }

    #[test]
    fn what_was_decided_counts_before_what_the_rules_said() {
        let mut refused = item(1, 0, Some(0), "E10", "erase");
        refused.decided =
            Some(wire::Verdict { rule: "G2".to_owned(), outcome: "refuse".to_owned(), ..Default::default() });
        assert_eq!(counts(&[refused]), BTreeMap::from([("refuse".to_owned(), 1)]));
    }
}
