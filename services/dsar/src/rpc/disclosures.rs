//! Who outside got something of a recording, behind its contract: read, called, noted, shown.

use kernel::{DisclosureId, PurposeName, RecordingId, Timestamp};
use platform::CallContext;
use policy::code::Code;
use policy::request::NoticeState;
use proto::dsar::v1 as wire;
use proto::dsar::v1::disclosures_server::Disclosures;
use tonic::{Request, Response};

use super::{Answer, Rpc, actor, convert, refused};
use crate::disclosure::{Disclosure, DisclosureKey, Origin};
use crate::error::Error;
use crate::service::NewDisclosure;
use crate::wire::notice;

/// Most rows of a page: with all notices that these may have they fit into one message.
const ROWS: u32 = 250;

#[tonic::async_trait]
impl Disclosures for Rpc {
    async fn record(
        &self,
        request: Request<wire::RecordDisclosureRequest>,
    ) -> Answer<wire::RecordDisclosureResponse> {
        let call = CallContext::of(&request)?;
        let new = new_disclosure(request.get_ref()).map_err(refused)?;
        let note = call.touched().object(object(new.id)).recording(new.recording);
        note.fact("recipient", &new.recipient).fact("filed", &new.filed);
        let recorded = self.service.disclose(call.tenant()?, &actor(&call)?, new).await.map_err(refused)?;
        Ok(Response::new(wire::RecordDisclosureResponse { disclosure: Some(shown(&recorded)) }))
    }

    async fn list(
        &self,
        request: Request<wire::ListDisclosuresRequest>,
    ) -> Answer<wire::ListDisclosuresResponse> {
        let call = CallContext::of(&request)?;
        let asked = request.into_inner();
        let limit = convert::page_size(asked.page_size).map_err(refused)?.min(ROWS);
        let after = last(&asked.page_token).map_err(refused)?;
        let found = if asked.recording_id.is_empty() {
            self.service.unanswered(call.tenant()?, after, limit).await
        } else {
            let recording = recording_id(&asked.recording_id).map_err(refused)?;
            call.touched().recording(recording);
            self.service.disclosures_of(call.tenant()?, recording, after, limit).await
        };
        let found = found.map_err(refused)?;
        call.touched().fact("disclosures", found.len());
        for disclosure in &found {
            call.touched().object(object(disclosure.key.id)).recording(disclosure.recording);
        }
        let next = found.last().filter(|_| found.len() == limit as usize);
        Ok(Response::new(wire::ListDisclosuresResponse {
            next_page_token: next.map(|last| last.key.id.to_string()).unwrap_or_default(),
            disclosures: found.iter().map(shown).collect(),
        }))
    }

    async fn answer(
        &self,
        request: Request<wire::AnswerNoticeRequest>,
    ) -> Answer<wire::AnswerNoticeResponse> {
        let call = CallContext::of(&request)?;
        let Answered { id, act, state, filed } = answered(request.get_ref()).map_err(refused)?;
        let note = call.touched().object(object(id));
        note.fact("act", uuid::Uuid::from_bytes(act)).fact("state", state);
        let key = DisclosureKey { tenant: call.tenant()?.clone(), id };
        let disclosure = self.service.answer_notice(&key, act, state, filed).await.map_err(refused)?;
        call.touched().recording(disclosure.recording);
        Ok(Response::new(wire::AnswerNoticeResponse { disclosure: Some(shown(&disclosure)) }))
    }
}

/// What came of a notice.
#[derive(Debug)]
struct Answered {
    id: DisclosureId,
    act: [u8; 16],
    state: NoticeState,
    filed: Option<Code>,
}

/// A disclosure as an audit entry names it.
fn object(id: DisclosureId) -> String {
    format!("disclosure/{id}")
}

/// A disclosure as somebody records it.
fn new_disclosure(asked: &wire::RecordDisclosureRequest) -> Result<NewDisclosure, Error> {
    Ok(NewDisclosure {
        id: disclosure_id(&asked.disclosure_id)?,
        recording: recording_id(&asked.recording_id)?,
        recipient: convert::code(&asked.recipient, "recipient")?,
        purpose: purpose(&asked.purpose)?,
        at: moment(asked.at)?,
        filed: convert::code(&asked.filed, "filed")?,
    })
}

fn answered(asked: &wire::AnswerNoticeRequest) -> Result<Answered, Error> {
    let state = asked.state.parse::<NoticeState>();
    Ok(Answered {
        id: disclosure_id(&asked.disclosure_id)?,
        act: asked.act_id.as_slice().try_into().map_err(|_| Error::invalid("act_id", "must be 16 bytes"))?,
        state: state.map_err(|_| Error::invalid("state", "must be acknowledged, failed or impossible"))?,
        filed: (!asked.filed.is_empty()).then(|| convert::code(&asked.filed, "filed")).transpose()?,
    })
}

fn disclosure_id(bytes: &[u8]) -> Result<DisclosureId, Error> {
    let id =
        DisclosureId::from_slice(bytes).map_err(|error| Error::invalid("disclosure_id", error.reason))?;
    // Nobody draws it; it is what a client sends that has forgotten to.
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Error::invalid("disclosure_id", "must be drawn"));
    }
    Ok(id)
}

fn recording_id(bytes: &[u8]) -> Result<RecordingId, Error> {
    RecordingId::from_slice(bytes).map_err(|error| Error::invalid("recording_id", error.reason))
}

fn purpose(text: &str) -> Result<Option<PurposeName>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let named = PurposeName::new(text).map(Some);
    named.map_err(|error| Error::invalid("purpose", format!("must be a name, which {}", error.reason)))
}

fn moment(asked: i64) -> Result<Option<Timestamp>, Error> {
    match asked {
        0 => Ok(None),
        at @ 1.. => Ok(Some(Timestamp(at))),
        _ => Err(Error::invalid("at", "must not be before 1970")),
    }
}

/// The last disclosure of the page before; none where the token is empty.
fn last(token: &str) -> Result<Option<DisclosureId>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| convert::bad_token())
}

fn shown(disclosure: &Disclosure) -> wire::Disclosure {
    let (request_id, filed) = match &disclosure.origin {
        Origin::Copy(request) => (request.to_bytes().to_vec(), String::new()),
        Origin::Filed(code) => (Vec::new(), code.to_string()),
    };
    wire::Disclosure {
        disclosure_id: disclosure.key.id.to_bytes().to_vec(),
        recording_id: disclosure.recording.to_bytes().to_vec(),
        recipient: disclosure.recipient.to_string(),
        purpose: disclosure.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
        at: disclosure.at.0,
        by: disclosure.by.to_string(),
        request_id,
        filed,
        notices: disclosure.notices.iter().map(notice).collect(),
        version: disclosure.version,
    }
}

#[cfg(test)]
mod tests;
