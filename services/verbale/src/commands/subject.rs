//! `verbale subject show|link|merge|unmerge|reassign|shared`: who is who.

use anyhow::{Context, Result, bail};
use kernel::Timestamp;
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{self as wire, get_subject_request};
use serde_json::{Value, json};

use crate::cli::{LinkArgs, Named, PairArgs, SubjectCommand, Whom};
use crate::commands::moment;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// Runs one of them.
pub async fn run(caller: &Caller, command: SubjectCommand, out: Output) -> Result<Exit> {
    match command {
        SubjectCommand::Show(whom) => show(caller, whom, out).await,
        SubjectCommand::Link(LinkArgs { a, b, act, evidence }) => {
            let op = if act.unmerge { wire::LinkOp::Unmerge } else { wire::LinkOp::Merge };
            link(caller, op, PairArgs { a, b, evidence }, out).await
        }
        SubjectCommand::Merge(pair) => link(caller, wire::LinkOp::Merge, pair, out).await,
        SubjectCommand::Unmerge(pair) => link(caller, wire::LinkOp::Unmerge, pair, out).await,
        SubjectCommand::Reassign { named, from } => reassign(caller, named, &from, out).await,
        SubjectCommand::Shared { named, off } => shared(caller, named, !off, out).await,
    }
}

async fn show(caller: &Caller, whom: Whom, out: Output) -> Result<Exit> {
    let Whom { id, phone, crm, email, employee } = whom;
    let subject = match id {
        Some(id) => get_subject_request::Subject::SubjectId(id.to_bytes().to_vec()),
        None => get_subject_request::Subject::Identifier(identifier(Named { phone, crm, email, employee })?),
    };
    let request = caller.request(wire::GetSubjectRequest { subject: Some(subject) })?;
    let found = ConsentClient::new(caller.wire()).get_subject(request).await;
    let found = found.context("the subject")?.into_inner();
    out.value(&shown_subject(&found), |_| drawn(&found));
    Ok(Exit::Ok)
}

async fn link(caller: &Caller, op: wire::LinkOp, pair: PairArgs, out: Output) -> Result<Exit> {
    let PairArgs { a, b, evidence } = pair;
    let request = caller.request(wire::LinkSubjectsRequest {
        a_id: a.to_bytes().to_vec(),
        b_id: b.to_bytes().to_vec(),
        op: op.into(),
        evidence: evidence.to_string(),
    })?;
    let linked = ConsentClient::new(caller.wire()).link_subjects(request).await?.into_inner();
    let link = linked.link.unwrap_or_default();
    let person = ids(&linked.person_ids);
    out.value(&json!({"link": shown_link(&link), "person": person}), |_| told(&link, &person));
    Ok(Exit::Ok)
}

async fn reassign(caller: &Caller, named: Named, from: &str, out: Output) -> Result<Exit> {
    let from = moment(from)?;
    let identifier = Some(identifier(named)?);
    let request = caller.request(wire::ReassignIdentifierRequest { identifier, from: from.0 })?;
    let handed = ConsentClient::new(caller.wire()).reassign_identifier(request).await?.into_inner();
    let (before, after) = (shown::id(&handed.before_id), shown::id(&handed.subject_id));
    let value = json!({"before": before, "subject": after, "from": shown::time(from.0)});
    out.value(&value, |_| {
        format!("subject {after} has it from {from} on, and subject {before} had it before")
    });
    Ok(Exit::Ok)
}

async fn shared(caller: &Caller, named: Named, shared: bool, out: Output) -> Result<Exit> {
    let identifier = Some(identifier(named)?);
    let request = caller.request(wire::MarkSharedLineRequest { identifier, shared })?;
    let marked = ConsentClient::new(caller.wire()).mark_shared_line(request).await?.into_inner();
    let subject = shown::id(&marked.subject_id);
    out.value(&json!({"subject": subject, "shared_line": shared}), |_| match shared {
        true => format!("a shared line, which subject {subject} has now"),
        false => format!("no shared line; subject {subject} has it"),
    });
    Ok(Exit::Ok)
}

fn identifier(named: Named) -> Result<Identifier> {
    let (kind, value) = match (named.phone, named.crm, named.email, named.employee) {
        (Some(phone), ..) => (IdentifierKind::Phone, phone),
        (_, Some(crm), ..) => (IdentifierKind::Crm, crm),
        (_, _, Some(email), _) => (IdentifierKind::Email, email),
        (.., Some(employee)) => (IdentifierKind::Employee, employee),
        (None, None, None, None) => bail!("say which: --phone, --crm, --email or --employee"),
    };
    Ok(Identifier { kind: kind.into(), value })
}

fn ids(ids: &[Vec<u8>]) -> Vec<String> {
    ids.iter().map(|id| shown::id(id)).collect()
}

fn op_word(link: &wire::SubjectLink) -> String {
    shown::word(link.op().as_str_name(), "LINK_OP_")
}

/// What came of asking, or of agreeing.
fn told(link: &wire::SubjectLink, person: &[String]) -> String {
    let (a, b, op) = (shown::id(&link.a_id), shown::id(&link.b_id), op_word(link));
    if link.agreed_by.is_empty() {
        return format!(
            "the {op} of {a} and {b} is asked for: another person must agree, on evidence {}",
            link.evidence
        );
    }
    let now = person.join(", ");
    format!(
        "the {op} of {a} and {b} holds: asked by {}, agreed by {}\none person now: {now}",
        link.asked_by, link.agreed_by
    )
}

fn drawn(found: &wire::GetSubjectResponse) -> String {
    let identifiers = found.identifiers.iter().map(|known| {
        let date = |micros: i64| if micros == 0 { String::new() } else { Timestamp(micros).to_string() };
        let line = if known.shared_line { "shared" } else { "" };
        vec![
            shown::word(known.kind().as_str_name(), "IDENTIFIER_KIND_"),
            date(known.valid_from),
            date(known.valid_to),
            line.to_owned(),
            shown::word(known.assurance().as_str_name(), "ASSURANCE_"),
        ]
    });
    let header = ["identifier", "from", "to", "line", "assurance"];
    let mut text = format!("subject {}\n{}", shown::id(&found.subject_id), table(&header, identifiers));
    if found.person_ids.len() > 1 {
        text.push_str(&format!("\none person: {}", ids(&found.person_ids).join(", ")));
    }
    if found.links.is_empty() {
        return text;
    }
    let links = found.links.iter().map(|link| {
        let agreed = if link.agreed_by.is_empty() { "nobody yet" } else { &link.agreed_by };
        vec![
            Timestamp(link.at).to_string(),
            op_word(link),
            shown::id(&link.a_id),
            shown::id(&link.b_id),
            link.evidence.clone(),
            link.asked_by.clone(),
            agreed.to_owned(),
        ]
    });
    let header = ["when", "what", "subject", "subject", "evidence", "asked by", "agreed by"];
    format!("{text}\n{}", table(&header, links))
}

fn shown_subject(found: &wire::GetSubjectResponse) -> Value {
    let identifiers = found.identifiers.iter().map(|known| {
        json!({
            "kind": shown::word(known.kind().as_str_name(), "IDENTIFIER_KIND_"),
            "valid_from": shown::time(known.valid_from), "valid_to": shown::time(known.valid_to),
            "shared_line": known.shared_line,
            "assurance": shown::word(known.assurance().as_str_name(), "ASSURANCE_"),
            "known_since": shown::time(known.known_since),
        })
    });
    json!({
        "subject": shown::id(&found.subject_id), "identifiers": identifiers.collect::<Vec<_>>(),
        "person": ids(&found.person_ids),
        "links": found.links.iter().map(shown_link).collect::<Vec<_>>(),
    })
}

fn shown_link(link: &wire::SubjectLink) -> Value {
    let agreed_by = (!link.agreed_by.is_empty()).then_some(&link.agreed_by);
    json!({
        "a": shown::id(&link.a_id), "b": shown::id(&link.b_id), "op": op_word(link),
        "evidence": link.evidence, "asked_by": link.asked_by, "agreed_by": agreed_by,
        "at": shown::time(link.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(agreed_by: &str) -> wire::SubjectLink {
        wire::SubjectLink {
            a_id: vec![1; 16],
            b_id: vec![2; 16],
            op: wire::LinkOp::Merge.into(),
            evidence: "case/2026-7".to_owned(),
            asked_by: "paola".to_owned(),
            agreed_by: agreed_by.to_owned(),
            at: 1_772_444_400_000_000,
        }
    }

    #[test]
    fn what_waits_for_a_second_person_says_so() {
        let told_of = |agreed_by| told(&link(agreed_by), &["x".to_owned(), "y".to_owned()]);
        assert!(told_of("").ends_with("another person must agree, on evidence case/2026-7"));
        assert!(told_of("quirin").ends_with("agreed by quirin\none person now: x, y"));
        assert_eq!(shown_link(&link(""))["agreed_by"], Value::Null);
        assert_eq!(shown_link(&link("quirin"))["agreed_by"], json!("quirin"));
    }

    #[test]
    fn what_has_no_end_is_shown_without_one() {
        let known = wire::KnownIdentifier {
            kind: IdentifierKind::Phone.into(),
            valid_to: 1_772_444_400_000_000,
            assurance: wire::Assurance::Asserted.into(),
            ..Default::default()
        };
        let found = wire::GetSubjectResponse {
            subject_id: vec![1; 16],
            identifiers: vec![known],
            person_ids: vec![vec![1; 16], vec![2; 16]],
            links: vec![link("")],
        };
        let shown = shown_subject(&found);
        assert_eq!(shown["identifiers"][0]["kind"], json!("phone"));
        assert_eq!(shown["identifiers"][0]["valid_from"], Value::Null);
        assert_eq!(shown["identifiers"][0]["assurance"], json!("asserted"));
        assert_eq!(
            (shown["person"].as_array().map(Vec::len), shown["links"][0]["op"].as_str()),
            (Some(2), Some("merge"))
        );
        let text = drawn(&found);
        assert!(text.contains("one person: ") && text.contains("asserted"), "{text}");
    }

    #[test]
    fn one_identifier_is_named() {
        let named = Named { phone: None, crm: None, email: None, employee: Some("agent-101".to_owned()) };
        let read = identifier(named).unwrap();
        assert_eq!((read.kind(), read.value.as_str()), (IdentifierKind::Employee, "agent-101"));
    }
}
