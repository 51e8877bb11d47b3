//! `verbale request link|confirm`: which requests belong together, and whose calls are.

use anyhow::{Context, Result, bail};
use kernel::RecordingId;
use proto::dsar::v1 as wire;
use proto::dsar::v1::link_request::Link;
use proto::dsar::v1::requests_client::RequestsClient;

use super::{about, bytes, tell};
use crate::cli::{ConfirmArgs, LinkRequestArgs, LinkedRequest};
use crate::connect::Caller;
use crate::output::{Exit, Output};

pub(super) async fn link(caller: &Caller, args: LinkRequestArgs, out: Output) -> Result<Exit> {
    let LinkRequestArgs { id, linked } = args;
    let link = match linked {
        LinkedRequest { duplicate_of: Some(other), .. } => Link::DuplicateOf(bytes(other)),
        LinkedRequest { merge: Some(other), .. } => Link::Merge(bytes(other)),
        LinkedRequest { unmerge: Some(other), .. } => Link::Unmerge(bytes(other)),
        LinkedRequest { duplicate_of: None, merge: None, unmerge: None } => {
            bail!("say how: --duplicate-of, --merge or --unmerge")
        }
    };
    let request = caller.request(wire::LinkRequest { request_id: bytes(id), link: Some(link) })?;
    let linked = RequestsClient::new(caller.wire()).link(request).await;
    Ok(tell(linked.with_context(|| about(id))?.into_inner().request, out))
}

pub(super) async fn confirm(caller: &Caller, args: ConfirmArgs, out: Output) -> Result<Exit> {
    let ConfirmArgs { id, theirs, not_theirs } = args;
    let ids = |calls: Vec<RecordingId>| calls.into_iter().map(|call| call.to_bytes().to_vec()).collect();
    let request = caller.request(wire::ConfirmRequest {
        request_id: bytes(id),
        theirs: ids(theirs),
        not_theirs: ids(not_theirs),
    })?;
    let confirmed = RequestsClient::new(caller.wire()).confirm(request).await;
    Ok(tell(confirmed.with_context(|| about(id))?.into_inner().request, out))
}
