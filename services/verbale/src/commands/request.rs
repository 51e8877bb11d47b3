//! `verbale request`: a person's request, from its receipt to its answer. `asking` has what whoever asks has
//! said and shown, `linking` what belongs together, `planned` and `deciding` what comes of it, `answering` what is given;
//! `steps` is the way there for programs, and `verify` needs no mesh.

mod answering;
mod asking;
mod deciding;
mod linking;
mod locked;
mod planned;
mod private;
pub mod steps;
mod told;
mod verify;
pub(crate) mod words;

use anyhow::{Context, Result};
use kernel::{RequestId, SubjectId};
use proto::dsar::v1 as wire;
use proto::dsar::v1::requests_client::RequestsClient;
use serde_json::json;

use crate::cli::RequestCommand;
use crate::commands::ensure_policy;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};

pub use self::locked::Lock;
pub use self::verify::{Finding, Report, verified, verify};

/// The most that one answer lists.
const PAGE: u32 = 500;

/// Runs one of them.
pub async fn run(caller: &Caller, command: RequestCommand, out: Output) -> Result<Exit> {
    match command {
        RequestCommand::Open(args) => asking::open(caller, *args, out).await,
        RequestCommand::Show { id } => show(caller, id, out).await,
        RequestCommand::List { open, subject, limit } => list(caller, open, subject, limit, out).await,
        RequestCommand::Identify(args) => asking::identify(caller, args, out).await,
        RequestCommand::Extend { id, reason, notice } => {
            asking::extend(caller, id, reason, &notice, out).await
        }
        RequestCommand::Link(args) => linking::link(caller, args, out).await,
        RequestCommand::Confirm(args) => linking::confirm(caller, args, out).await,
        RequestCommand::Plan { id, dry_run } => planned::plan(caller, id, dry_run, out).await,
        RequestCommand::Items { id } => planned::items(caller, id, out).await,
        RequestCommand::Decide(args) => deciding::decide(caller, *args, out).await,
        RequestCommand::Approve { id, plan, reject } => {
            deciding::approve(caller, id, plan, reject, out).await
        }
        RequestCommand::Execute { id, wait } => deciding::execute(caller, id, wait, out).await,
        RequestCommand::Done { id, plan, item, filed } => {
            deciding::done(caller, id, plan, item, &filed, out).await
        }
        RequestCommand::Lift { id, notice } => deciding::lift(caller, id, &notice, out).await,
        RequestCommand::Answer(args) => answering::answer(caller, args, out).await,
        RequestCommand::Package(args) => answering::package(caller, &args, out).await,
        RequestCommand::TakeBack { id } => asking::take_back(caller, id, out).await,
        // It needs no mesh, and whose it is follows from it.
        RequestCommand::Verify(args) => verify(&args, None, out),
    }
}

/// Fetches a request, with what was done.
pub async fn get(caller: &Caller, id: RequestId) -> Result<wire::GetResponse> {
    let request = caller.request(wire::GetRequest { request_id: bytes(id) })?;
    let found = RequestsClient::new(caller.wire()).get(request).await;
    Ok(found.with_context(|| about(id))?.into_inner())
}

async fn show(caller: &Caller, id: RequestId, out: Output) -> Result<Exit> {
    let found = get(caller, id).await?;
    let request = found.request.unwrap_or_default();
    let history: Vec<_> = found.history.iter().map(told::act_shown).collect();
    let value = json!({"request": told::shown(&request), "history": history});
    out.value(&value, |_| {
        let rows = found.history.iter().map(told::act_row);
        format!("{}\n\n{}", told::drawn(&request), table(&["act", "when", "what", "by", "facts"], rows))
    });
    Ok(Exit::Ok)
}

async fn list(
    caller: &Caller,
    open: bool,
    subject: Option<SubjectId>,
    limit: u32,
    out: Output,
) -> Result<Exit> {
    ensure_policy(caller).await?;
    let mut client = RequestsClient::new(caller.wire());
    let mut request = wire::ListRequest {
        open,
        subject_id: subject.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        page_size: limit.min(PAGE),
        page_token: String::new(),
    };
    let mut found = Vec::new();
    loop {
        let page = client.list(caller.request(request.clone())?).await?.into_inner();
        found.extend(page.requests);
        if page.next_page_token.is_empty() || found.len() >= limit as usize {
            break;
        }
        request.page_token = page.next_page_token;
    }
    found.truncate(limit as usize);
    let values: Vec<_> = found.iter().map(told::shown).collect();
    out.value(&values, |_| {
        if found.is_empty() {
            return "no requests".to_owned();
        }
        let header = ["request", "received", "rights", "state", "due", "waits for"];
        table(&header, found.iter().map(told::row))
    });
    Ok(Exit::Ok)
}

/// Tells how a request stands after an act, and what comes next.
fn tell(request: Option<wire::Request>, out: Output) -> Exit {
    let request = request.unwrap_or_default();
    out.value(&told::shown(&request), |_| told::brief(&request));
    Exit::Ok
}

fn bytes(id: RequestId) -> Vec<u8> {
    id.to_bytes().to_vec()
}

/// What an error was about.
fn about(id: RequestId) -> String {
    format!("request {id}")
}
