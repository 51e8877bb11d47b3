//! A request as people and scripts are told of it.

use kernel::{Position, Timestamp};
use proto::dsar::v1 as wire;
use serde_json::{Value, json};

use super::words::waits_words;
use crate::shown::{id, time};

/// A request on one line.
fn line(request: &wire::Request) -> String {
    let state = match request.ending.as_str() {
        "" => request.state.clone(),
        ending => format!("{}, {ending}", request.state),
    };
    let asker = if request.asker == "self" { String::new() } else { format!(" by a {}", request.asker) };
    format!(
        "request {} ({}){asker}, by {}, received {}: {state}",
        id(&request.request_id),
        request.rights.join(", "),
        request.channel,
        Timestamp(request.received_at),
    )
}

/// How it stands after an act, and what comes next.
pub(super) fn brief(request: &wire::Request) -> String {
    let mut lines = vec![line(request)];
    lines.extend(linked_lines(request));
    lines.extend(breach(request));
    lines.extend([due(request), waits(request), next(request)].into_iter().flatten());
    lines.join("\n")
}

/// All that is known of it.
pub(super) fn drawn(request: &wire::Request) -> String {
    let mut lines = vec![line(request), format!("  about: subject {}", id(&request.subject_id))];
    if !request.recording_id.is_empty() {
        let (recording, position) = (id(&request.recording_id), Position(request.position));
        lines.push(format!("  said in: recording {recording} at {position}"));
    }
    lines.push(format!("  answered in: {}", request.language));
    lines.extend(linked_lines(request));
    lines.extend(breach(request));
    lines.extend(due(request));
    lines.extend(request.deadline.iter().flat_map(deadline_lines));
    lines.extend(request.identity.iter().flat_map(identity_lines));
    if !request.plan.is_empty() {
        let (plan, ruleset, items) = (&request.plan, request.ruleset, request.items);
        let (undecided, unsettled) = (request.undecided, request.unsettled);
        lines.push(format!(
            "  plan {plan} (ruleset {ruleset}): {items} items, {undecided} undecided, {unsettled} unsettled"
        ));
    }
    if request.lifted_at != 0 {
        lines.push(format!("  what it has restricted was lifted: {}", Timestamp(request.lifted_at)));
    }
    lines.extend(waits(request));
    lines.extend(next(request));
    lines.join("\n")
}

/// The requests that it belongs together with.
fn linked_lines(request: &wire::Request) -> Vec<String> {
    let other =
        |what: &str, other: &[u8]| (!other.is_empty()).then(|| format!("  {what}: request {}", id(other)));
    let mut lines: Vec<_> = other("asks the same as", &request.duplicate_of).into_iter().collect();
    lines.extend(other("answered with", &request.merged_into));
    if !request.parts.is_empty() {
        let parts: Vec<_> = request.parts.iter().map(|part| id(part)).collect();
        let (parts, day) = (parts.join(", "), &request.answer_day);
        lines.push(format!("  answered with it, all by {day}: request {parts}"));
    }
    lines
}

/// What may have been given to the wrong person: whoever reads it has 72 hours.
fn breach(request: &wire::Request) -> Option<String> {
    let items = match request.to_assess.len() {
        0 => return None,
        1 => "1 item was".to_owned(),
        count => format!("{count} items were"),
    };
    Some(format!(
        "  BREACH TO ASSESS: {items} given to, or erased for, somebody who turned out to be another person. The \
         supervisory authority is told within 72 hours, unless no risk is likely (GDPR Art. 33)"
    ))
}

fn due(request: &wire::Request) -> Option<String> {
    let deadline = request.deadline.as_ref()?;
    let state = match deadline.state.as_str() {
        "" => String::new(),
        state => format!(", {state}"),
    };
    let warned = match deadline.warnings.last() {
        Some(warning) => format!(", WARNING: {warning}"),
        None => String::new(),
    };
    Some(format!("  due: {} (until {}){state}{warned}", deadline.due_day, Timestamp(deadline.due_until)))
}

fn deadline_lines(deadline: &wire::Deadline) -> Vec<String> {
    let region = if deadline.region.is_empty() { String::new() } else { format!(", {}", deadline.region) };
    let (law, calendar) = (&deadline.jurisdiction, &deadline.calendar);
    let mut lines = vec![format!("    by the law of {law}{region}, calendar {calendar}")];
    lines.push(format!("    meant to be answered by {}", deadline.target_day));
    if deadline.base_day != deadline.due_day {
        lines.push(format!("    as received it was due {}", deadline.base_day));
    }
    if deadline.effective_day != deadline.due_day {
        let day = &deadline.effective_day;
        lines.push(format!("    with the time in which identity was in doubt: {day}"));
    }
    if !deadline.extended.is_empty() {
        lines.push(format!("    extended once, for {}", deadline.extended));
    }
    lines
}

fn identity_lines(identity: &wire::Identity) -> Vec<String> {
    let proofs = if identity.proofs.is_empty() { "nothing".to_owned() } else { identity.proofs.join(", ") };
    let wrong =
        if identity.wrong == 0 { String::new() } else { format!(", {} wrong answers", identity.wrong) };
    let failed = if identity.failed { ", FAILED" } else { "" };
    let mut lines = vec![format!("  identity: {proofs} shown{wrong}{failed}")];
    lines.extend(identity.needs.iter().map(|need| {
        let is_shown = if need.shown { "shown" } else { "not shown" };
        format!("    {} needs {}: {is_shown}", need.right, need.need)
    }));
    lines
}

fn waits(request: &wire::Request) -> Option<String> {
    let code = request.waits_for.as_str();
    (!code.is_empty()).then(|| format!("  waits for: {}", waits_words(code)))
}

/// The command to go on with; none where there is nothing to do.
fn next(request: &wire::Request) -> Option<String> {
    let (own, plan) = (id(&request.request_id), &request.plan);
    let rest = match request.waits_for.as_str() {
        "identity" if is_shown(request) => format!("identify {own} --verified"),
        "identity" => format!("identify {own} --proved WHAT"),
        "subject" => format!("identify {own} --answered"),
        "plan" => format!("plan {own}"),
        "decisions" => format!("decide {own} --plan {plan} --complete"),
        "second-person" => format!("approve {own} --plan {plan}"),
        "work" => format!("execute {own} --wait"),
        "hand-out" => format!("package {own} --out FILE --reason TEXT"),
        "by-hand" => format!("done {own} --plan {plan} --item KEY --filed CODE"),
        "delivery" => format!("answer {own} --out FILE"),
        "other-request" => format!("show {}", id(&request.merged_into)),
        _ => return None,
    };
    let who = if request.waits_for == "second-person" { "another person" } else { "next" };
    Some(format!("  {who}: `verbale request {rest}`"))
}

/// Whether all that is asked may be looked for.
fn is_shown(request: &wire::Request) -> bool {
    request.identity.as_ref().is_some_and(|identity| identity.needs.iter().all(|need| need.shown))
}

/// A request in a list.
pub(super) fn row(request: &wire::Request) -> Vec<String> {
    let due = request.deadline.as_ref().map(|deadline| match deadline.state.as_str() {
        "overdue" => format!("{} OVERDUE", deadline.due_day),
        _ => deadline.due_day.clone(),
    });
    vec![
        id(&request.request_id),
        Timestamp(request.received_at).to_string(),
        request.rights.join(", "),
        request.state.clone(),
        due.unwrap_or_default(),
        request.waits_for.clone(),
    ]
}

/// A request as JSON.
pub(super) fn shown(request: &wire::Request) -> Value {
    let given = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let other = |other: &[u8]| if other.is_empty() { Value::Null } else { json!(id(other)) };
    let said_in = (!request.recording_id.is_empty()).then(|| {
        json!({
            "recording": id(&request.recording_id), "at_s": Position(request.position).as_secs_f64(),
        })
    });
    json!({
        "request": id(&request.request_id), "subject": id(&request.subject_id), "rights": request.rights,
        "channel": request.channel, "asker": request.asker, "state": request.state,
        "received_at": time(request.received_at), "said_in": said_in, "language": request.language,
        "version": request.version, "deadline": request.deadline.as_ref().map(deadline_shown),
        "identity": request.identity.as_ref().map(identity_shown), "plan": given(&request.plan),
        "ruleset": request.ruleset, "items": request.items, "undecided": request.undecided,
        "unsettled": request.unsettled, "ending": given(&request.ending),
        "waits_for": given(&request.waits_for), "duplicate_of": other(&request.duplicate_of),
        "merged_into": other(&request.merged_into),
        "parts": request.parts.iter().map(|part| id(part)).collect::<Vec<_>>(),
        "answer_day": given(&request.answer_day), "to_assess": request.to_assess,
        "lifted_at": time(request.lifted_at),
    })
}

fn deadline_shown(deadline: &wire::Deadline) -> Value {
    json!({
        "state": deadline.state, "jurisdiction": deadline.jurisdiction, "calendar": deadline.calendar,
        "region": deadline.region, "base_day": deadline.base_day, "base_until": time(deadline.base_until),
        "due_day": deadline.due_day, "due_until": time(deadline.due_until),
        "effective_day": deadline.effective_day, "target_day": deadline.target_day,
        "extended": deadline.extended, "warnings": deadline.warnings,
    })
}

fn identity_shown(identity: &wire::Identity) -> Value {
    let needs = identity.needs.iter();
    let needs = needs.map(|need| json!({"right": need.right, "need": need.need, "shown": need.shown}));
    json!({
        "proofs": identity.proofs, "wrong": identity.wrong, "failed": identity.failed,
        "needs": needs.collect::<Vec<_>>(),
    })
}

/// An act in a history.
pub(super) fn act_row(act: &wire::Act) -> Vec<String> {
    let mut facts: Vec<_> = act.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    facts.sort_unstable();
    vec![
        act.version.to_string(),
        Timestamp(act.at).to_string(),
        act.what.clone(),
        act.by.clone(),
        facts.join(", "),
    ]
}

/// An act as JSON.
pub(super) fn act_shown(act: &wire::Act) -> Value {
    json!({
        "version": act.version, "at": time(act.at), "what": act.what, "by": act.by, "facts": act.facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(waits_for: &str) -> wire::Request {
        wire::Request {
            request_id: vec![7; 16],
            rights: vec!["access".to_owned(), "erase".to_owned()],
            channel: "letter".to_owned(),
            asker: "self".to_owned(),
            state: "deciding".to_owned(),
            plan: "p1".to_owned(),
            waits_for: waits_for.to_owned(),
            ..wire::Request::default()
        }
    }

    #[test]
    fn what_it_waits_for_leads_to_the_next_command() {
        let own = "07070707-0707-0707-0707-070707070707";
        let check = |code: &str, expected: Option<&str>| {
            let rest = expected.map(|rest| rest.replace("ID", own));
            assert_eq!(next(&request(code)), rest, "{code}");
        };
        check("", None);
        check("something-new", None);
        check("plan", Some("  next: `verbale request plan ID`"));
        check("decisions", Some("  next: `verbale request decide ID --plan p1 --complete`"));
        check("second-person", Some("  another person: `verbale request approve ID --plan p1`"));
        check("identity", Some("  next: `verbale request identify ID --proved WHAT`"));
        let need = wire::IdentityNeed { shown: true, ..Default::default() };
        let identity = Some(wire::Identity { needs: vec![need], ..Default::default() });
        let shown = next(&wire::Request { identity, ..request("identity") }).unwrap();
        assert!(shown.contains("--verified"), "{shown}");
    }

    #[test]
    fn what_belongs_together_and_what_is_a_breach_to_assess_is_said_aloud() {
        let alone = brief(&request("plan"));
        assert!(!alone.contains("answered with") && !alone.contains("BREACH"), "{alone}");
        let parts = wire::Request {
            parts: vec![vec![8; 16], vec![9; 16]],
            answer_day: "2026-03-20".to_owned(),
            to_assess: vec!["access/consent".to_owned()],
            ..request("plan")
        };
        let told = brief(&parts);
        assert!(told.contains("answered with it, all by 2026-03-20: request 08080808"), "{told}");
        assert!(told.contains("BREACH TO ASSESS: 1 item was given") && told.contains("72 hours"), "{told}");
        assert_eq!(shown(&parts)["to_assess"], json!(["access/consent"]));
        let part = wire::Request { merged_into: vec![8; 16], ..request("other-request") };
        let told = drawn(&part);
        assert!(told.contains("answered with: request 08080808"), "{told}");
        assert!(told.contains("`verbale request show 08080808"), "{told}");
        let again = wire::Request { duplicate_of: vec![8; 16], ..request("identity") };
        assert!(brief(&again).contains("asks the same as: request 08080808"));
        assert_eq!(
            (&shown(&again)["merged_into"], &shown(&again)["lifted_at"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn a_deadline_tells_only_what_differs() {
        let deadline = wire::Deadline {
            state: "overdue".to_owned(),
            base_day: "2026-04-02".to_owned(),
            due_day: "2026-04-02".to_owned(),
            effective_day: "2026-04-20".to_owned(),
            warnings: vec!["due-soon".to_owned(), "overdue".to_owned()],
            ..Default::default()
        };
        let told = drawn(&wire::Request { deadline: Some(deadline), ..request("decisions") });
        assert!(told.contains("overdue, WARNING: overdue"), "{told}");
        assert!(told.contains("in doubt: 2026-04-20") && !told.contains("as received"), "{told}");
    }
}
