//! `verbale hold place|release|list`.

use anyhow::{Result, ensure};
use kernel::{ErrorCode, HoldId, RecordingId, Timestamp};
use platform::error::refusal;
use proto::archive::v1::{Recording, RecordingState};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{self as wire, HoldState};
use serde_json::{Value, json};

use crate::cli::{HoldCommand, HoldKind, PlaceArgs};
use crate::commands::{ensure_policy, moment, recordings};
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// The most that one answer lists.
const PAGE: u32 = 500;

/// Runs one of them.
pub async fn run(caller: &Caller, command: HoldCommand, out: Output) -> Result<Exit> {
    match command {
        HoldCommand::Place(args) => place(caller, args, out).await,
        HoldCommand::Release { id } => release(caller, id, out).await,
        HoldCommand::List { released } => list(caller, released, out).await,
    }
}

async fn place(caller: &Caller, args: PlaceArgs, out: Output) -> Result<Exit> {
    let anything = !args.recording.is_empty() || !args.subject.is_empty() || args.from.is_some();
    ensure!(anything, "say what is held: --recording, --subject, or --from and --to");
    let at = |text: &Option<String>| text.as_deref().map(moment).transpose();
    let selector = wire::HoldSelector {
        recording_ids: args.recording.iter().map(|id| id.to_bytes().to_vec()).collect(),
        subject_ids: args.subject.iter().map(|id| id.to_bytes().to_vec()).collect(),
        from: at(&args.from)?.map_or(0, |at| at.0),
        to: at(&args.to)?.map_or(0, |at| at.0),
    };
    ensure_policy(caller).await?;
    let request = caller.request(wire::PlaceHoldRequest {
        hold_id: args.id.unwrap_or_else(HoldId::new).to_bytes().to_vec(),
        kind: kind_of(args.kind).into(),
        selector: Some(selector),
        reason: args.reason,
        review_at: moment(&args.review)?.0,
        purposes: args.purpose.iter().map(ToString::to_string).collect(),
    })?;
    let placed = RetentionClient::new(caller.wire()).place_hold(request).await?.into_inner();
    let hold = placed.hold.unwrap_or_default();
    refuse_released(&hold)?;
    let ids = |ids: &[Vec<u8>]| ids.iter().map(|id| shown::id(id)).collect::<Vec<_>>();
    let (mut before, stopped) = (ids(&placed.erased_before), ids(&placed.stopped));
    let whole = left_with_nothing(caller, &args.recording, &before).await;
    before.extend(whole);
    let value = json!({"hold": shown_hold(&hold), "erased_before": before, "stopped": stopped});
    out.value(&value, |_| {
        let mut text = line(&hold);
        for id in &stopped {
            text.push_str(&format!("\nstopped the erasure of {id}, which goes on when the hold is released"));
        }
        if !before.is_empty() {
            let gone = before.join(", ");
            text.push_str(&format!("\nerased before: {gone}, this hold keeps nothing of them"));
        }
        text
    });
    Ok(Exit::Ok)
}

/// Which of the recordings that were named have long been erased whole, beside those that are told already. The hold
/// stands, whatever can be found out.
async fn left_with_nothing(caller: &Caller, named: &[RecordingId], told: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for id in named {
        let text = id.to_string();
        let is_erased = |recording: Recording| recording.state() == RecordingState::Erased;
        if !told.contains(&text) && recordings::get(caller, *id).await.is_ok_and(is_erased) {
            found.push(text);
        }
    }
    found
}

/// A repetition finds the hold as it is now; one that was released holds nothing, which nobody may miss.
fn refuse_released(hold: &wire::Hold) -> Result<()> {
    match hold.state() {
        HoldState::Placed | HoldState::ReleaseAsked | HoldState::Unspecified => Ok(()),
        HoldState::Released => {
            let text = format!(
                "hold {} was released by {} on {}: it holds nothing, and a new hold needs another --id",
                shown::id(&hold.hold_id),
                hold.released_by.join(" and "),
                Timestamp(hold.released_at)
            );
            Err(refusal(ErrorCode::FailedPrecondition, "hold-released", text).into())
        }
    }
}

async fn release(caller: &Caller, id: HoldId, out: Output) -> Result<Exit> {
    let request = caller.request(wire::ReleaseHoldRequest { hold_id: id.to_bytes().to_vec() })?;
    let hold = RetentionClient::new(caller.wire()).release_hold(request).await?.into_inner().hold;
    let hold = hold.unwrap_or_default();
    out.value(&shown_hold(&hold), |_| match hold.state() {
        HoldState::Released => format!("hold {id} is released"),
        HoldState::ReleaseAsked => {
            format!("hold {id} still stands: a second person must agree to its release")
        }
        HoldState::Placed | HoldState::Unspecified => line(&hold),
    });
    Ok(Exit::Ok)
}

async fn list(caller: &Caller, released: bool, out: Output) -> Result<Exit> {
    let mut client = RetentionClient::new(caller.wire());
    let mut request = wire::ListHoldsRequest { released, page_size: PAGE, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = client.list_holds(caller.request(request.clone())?).await?.into_inner();
        found.extend(page.holds);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let values: Vec<_> = found.iter().map(shown_hold).collect();
    out.value(&values, |_| {
        if found.is_empty() {
            return "no holds".to_owned();
        }
        let rows = found.iter().map(|hold| {
            let (kind, covers) = (kind_word(hold), covers(hold));
            let review = Timestamp(hold.review_at).to_string();
            vec![shown::id(&hold.hold_id), kind, covers, hold.reason.clone(), state_word(hold), review]
        });
        table(&["hold", "kind", "covers", "reason", "state", "review"], rows)
    });
    Ok(Exit::Ok)
}

fn kind_of(kind: HoldKind) -> wire::HoldKind {
    match kind {
        HoldKind::Litigation => wire::HoldKind::Litigation,
        HoldKind::Regulator => wire::HoldKind::Regulator,
        HoldKind::Subject => wire::HoldKind::Subject,
        HoldKind::OpenRequest => wire::HoldKind::OpenRequest,
        HoldKind::Restriction => wire::HoldKind::Restriction,
    }
}

fn kind_word(hold: &wire::Hold) -> String {
    shown::word(hold.kind().as_str_name(), "HOLD_KIND_")
}

fn state_word(hold: &wire::Hold) -> String {
    shown::word(hold.state().as_str_name(), "HOLD_STATE_")
}

/// What it is over, and of a restriction for which purposes.
fn covers(hold: &wire::Hold) -> String {
    let over = selected(hold);
    if hold.purposes.is_empty() { over } else { format!("{over} for {}", hold.purposes.join(", ")) }
}

fn selected(hold: &wire::Hold) -> String {
    let selector = hold.selector.clone().unwrap_or_default();
    let (recordings, people) = (selector.recording_ids.len(), selector.subject_ids.len());
    let range = format!("{} to {}", Timestamp(selector.from), Timestamp(selector.to));
    match (recordings, people, selector.to != 0) {
        (0, 0, _) => range,
        (0, people, false) => format!("{people} persons"),
        (0, people, true) => format!("{people} persons, {range}"),
        (recordings, _, _) => format!("{recordings} recordings"),
    }
}

/// A hold on one line.
pub fn line(hold: &wire::Hold) -> String {
    format!(
        "hold {} ({}, {}) over {}, placed by {}, {}",
        shown::id(&hold.hold_id),
        kind_word(hold),
        hold.reason,
        covers(hold),
        hold.placed_by,
        state_word(hold),
    )
}

/// A hold as JSON.
pub fn shown_hold(hold: &wire::Hold) -> Value {
    let selector = hold.selector.clone().unwrap_or_default();
    let ids = |ids: &[Vec<u8>]| ids.iter().map(|id| shown::id(id)).collect::<Vec<_>>();
    json!({
        "hold": shown::id(&hold.hold_id), "kind": kind_word(hold), "state": state_word(hold),
        "recordings": ids(&selector.recording_ids), "subjects": ids(&selector.subject_ids),
        "from": shown::time(selector.from), "to": shown::time(selector.to), "purposes": hold.purposes,
        "reason": hold.reason,
        "placed_by": hold.placed_by, "placed_at": shown::time(hold.placed_at),
        "review_at": shown::time(hold.review_at), "released_by": hold.released_by,
        "released_at": shown::time(hold.released_at),
    })
}
