//! `verbale disclosure record|list|answer`.

use anyhow::{Context, Result};
use kernel::{DisclosureId, Timestamp};
use policy::request::NoticeState;
use proto::dsar::v1 as wire;
use proto::dsar::v1::disclosures_client::DisclosuresClient;
use serde_json::{Value, json};

use crate::cli::{AnswerNoticeArgs, DisclosureCommand, ListDisclosuresArgs, RecordDisclosureArgs, Told};
use crate::commands::{ensure_policy, moment};
use crate::connect::Caller;
use crate::output::{Exit, Output};
use crate::shown::{id, time};

/// The most that one answer lists.
const PAGE: u32 = 250;

/// Runs one of them.
pub async fn run(caller: &Caller, command: DisclosureCommand, out: Output) -> Result<Exit> {
    match command {
        DisclosureCommand::Record(args) => record(caller, args, out).await,
        DisclosureCommand::List(args) => list(caller, args, out).await,
        DisclosureCommand::Answer(args) => answer(caller, args, out).await,
    }
}

async fn record(caller: &Caller, args: RecordDisclosureArgs, out: Output) -> Result<Exit> {
    let request = caller.request(wire::RecordDisclosureRequest {
        disclosure_id: args.id.unwrap_or_else(DisclosureId::new).to_bytes().to_vec(),
        recording_id: args.recording.to_bytes().to_vec(),
        recipient: args.recipient.to_string(),
        purpose: args.purpose.map(|purpose| purpose.to_string()).unwrap_or_default(),
        at: args.at.as_deref().map(moment).transpose()?.map_or(0, |at| at.0),
        filed: args.filed.to_string(),
    })?;
    let recorded = DisclosuresClient::new(caller.wire()).record(request).await;
    let recorded = recorded.with_context(|| format!("recording {}", args.recording))?.into_inner();
    Ok(tell(recorded.disclosure, out))
}

async fn list(caller: &Caller, args: ListDisclosuresArgs, out: Output) -> Result<Exit> {
    ensure_policy(caller).await?;
    let mut client = DisclosuresClient::new(caller.wire());
    let mut request = wire::ListDisclosuresRequest {
        recording_id: args.which.recording.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        page_size: args.limit.min(PAGE),
        page_token: String::new(),
    };
    let mut found = Vec::new();
    loop {
        let page = client.list(caller.request(request.clone())?).await?.into_inner();
        found.extend(page.disclosures);
        if page.next_page_token.is_empty() || found.len() >= args.limit as usize {
            break;
        }
        request.page_token = page.next_page_token;
    }
    found.truncate(args.limit as usize);
    let values: Vec<_> = found.iter().map(shown).collect();
    out.value(&values, |_| match (found.is_empty(), args.which.unanswered) {
        (true, true) => "nobody is to be told of anything".to_owned(),
        (true, false) => "no disclosures".to_owned(),
        (false, _) => found.iter().map(drawn).collect::<Vec<_>>().join("\n"),
    });
    Ok(Exit::Ok)
}

async fn answer(caller: &Caller, args: AnswerNoticeArgs, out: Output) -> Result<Exit> {
    let request = caller.request(wire::AnswerNoticeRequest {
        disclosure_id: args.id.to_bytes().to_vec(),
        act_id: args.act.to_bytes().to_vec(),
        state: state(args.state).to_string(),
        filed: args.filed.map(|filed| filed.to_string()).unwrap_or_default(),
    })?;
    let answered = DisclosuresClient::new(caller.wire()).answer(request).await;
    let answered = answered.with_context(|| format!("disclosure {}", args.id))?.into_inner();
    Ok(tell(answered.disclosure, out))
}

fn state(told: Told) -> NoticeState {
    match told {
        Told::Acknowledged => NoticeState::Acknowledged,
        Told::Failed => NoticeState::Failed,
        Told::Impossible => NoticeState::Impossible,
    }
}

fn tell(disclosure: Option<wire::Disclosure>, out: Output) -> Exit {
    let disclosure = disclosure.unwrap_or_default();
    out.value(&shown(&disclosure), |_| drawn(&disclosure));
    Exit::Ok
}

/// A disclosure with its notices, on a line each.
fn drawn(disclosure: &wire::Disclosure) -> String {
    let purpose = match disclosure.purpose.as_str() {
        "" => String::new(),
        purpose => format!(" for {purpose}"),
    };
    let ground = match disclosure.filed.as_str() {
        "" => format!("the copy of request {}", id(&disclosure.request_id)),
        filed => format!("filed as {filed}"),
    };
    let line = format!(
        "disclosure {}: {} got something of recording {}{purpose} on {}, {ground}",
        id(&disclosure.disclosure_id),
        disclosure.recipient,
        id(&disclosure.recording_id),
        Timestamp(disclosure.at),
    );
    let notices = disclosure.notices.iter().map(notice_line);
    std::iter::once(line).chain(notices).collect::<Vec<_>>().join("\n")
}

fn notice_line(notice: &wire::Notice) -> String {
    let filed = match notice.filed.as_str() {
        "" => String::new(),
        filed => format!(" ({filed})"),
    };
    let times = match notice.told {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let state = match notice.answered_at {
        0 => notice.state.clone(),
        at => format!("{}{filed} on {}", notice.state, Timestamp(at)),
    };
    format!(
        "  {} by {}: {state}; to be told since {}, published {times}, last on {}",
        notice.cause,
        id(&notice.act_id),
        Timestamp(notice.since),
        Timestamp(notice.told_at),
    )
}

/// A disclosure as JSON.
fn shown(disclosure: &wire::Disclosure) -> Value {
    let own = |bytes: &[u8]| if bytes.is_empty() { Value::Null } else { json!(id(bytes)) };
    json!({
        "disclosure": id(&disclosure.disclosure_id), "recording": id(&disclosure.recording_id),
        "recipient": disclosure.recipient, "purpose": text(&disclosure.purpose), "at": time(disclosure.at),
        "by": disclosure.by, "request": own(&disclosure.request_id), "filed": text(&disclosure.filed),
        "notices": disclosure.notices.iter().map(shown_notice).collect::<Vec<_>>(),
        "version": disclosure.version,
    })
}

fn shown_notice(notice: &wire::Notice) -> Value {
    json!({
        "cause": notice.cause, "act": id(&notice.act_id), "state": notice.state, "since": time(notice.since),
        "told": notice.told, "told_at": time(notice.told_at), "answered_at": time(notice.answered_at),
        "filed": text(&notice.filed),
    })
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disclosure() -> wire::Disclosure {
        let notice = wire::Notice {
            cause: "erased".to_owned(),
            act_id: vec![8; 16],
            state: "failed".to_owned(),
            since: 1_772_438_400_000_000,
            told: 2,
            told_at: 1_773_043_200_000_000,
            answered_at: 1_772_524_800_000_000,
            filed: "smtp-550".to_owned(),
        };
        wire::Disclosure {
            disclosure_id: vec![7; 16],
            recording_id: vec![9; 16],
            recipient: "stt-vendor".to_owned(),
            at: 1_772_352_000_000_000,
            by: "anna".to_owned(),
            filed: "contract-7".to_owned(),
            notices: vec![notice],
            version: 4,
            ..Default::default()
        }
    }

    #[test]
    fn a_disclosure_is_drawn_with_what_became_of_each_notice() {
        let drawn = drawn(&disclosure());
        let lines: Vec<_> = drawn.lines().collect();
        let [first, second] = lines.as_slice() else { panic!("{drawn}") };
        assert!(first.contains("stt-vendor got something of recording 09090909-"), "{first}");
        assert!(first.ends_with("on 2026-03-01T08:00:00Z, filed as contract-7"), "{first}");
        assert!(second.contains("failed (smtp-550) on 2026-03-03T08:00:00Z"), "{second}");
        assert!(
            second.ends_with("since 2026-03-02T08:00:00Z, published 2 times, last on 2026-03-09T08:00:00Z")
        );
    }

    #[test]
    fn what_nobody_has_answered_is_due() {
        let mut due = disclosure();
        let notice = &mut due.notices[0];
        (notice.state, notice.answered_at, notice.told) = ("due".to_owned(), 0, 1);
        notice.filed.clear();
        assert!(drawn(&due).contains(": due; to be told since"), "{}", drawn(&due));
        assert!(drawn(&due).contains("published once, last on"), "{}", drawn(&due));
        assert_eq!(shown(&due)["notices"][0]["answered_at"], Value::Null);
    }

    #[test]
    fn a_copy_names_its_request() {
        let copy = wire::Disclosure { request_id: vec![5; 16], filed: String::new(), ..disclosure() };
        assert!(drawn(&copy).contains("the copy of request 05050505-"), "{}", drawn(&copy));
        let shown = shown(&copy);
        assert_eq!((&shown["filed"], &shown["purpose"]), (&Value::Null, &Value::Null));
        assert!(shown["request"].as_str().is_some_and(|id| id.starts_with("05050505-")));
    }
}
