//! Who got what of a recording: as it is stored, and what of that is published.
//!
//! A disclosure rests on a request or on a reference, never on both. Of a notice everything that its state implies is
//! checked: one that is due was not answered, and one that failed or is impossible says why.

use std::collections::BTreeSet;

use kernel::{DisclosureId, PurposeName, RecordingId, RequestId, TenantId, Timestamp};
use policy::request::{Actor, Cause, NoticeState};
use prost::Message;
use proto::dsar::v1::{DisclosureEvent, Notice as WireNotice, StoredDisclosure, StoredNotice};

use super::{message, read};
use crate::disclosure::{Disclosure, DisclosureKey, MAX_NOTICES, Notice, Origin};
use crate::error::Error;

/// A disclosure as bytes.
pub fn disclosure_bytes(disclosure: &Disclosure) -> Vec<u8> {
    let (request_id, filed) = match &disclosure.origin {
        Origin::Copy(request) => (request.to_bytes().to_vec(), String::new()),
        Origin::Filed(code) => (Vec::new(), code.to_string()),
    };
    let stored = StoredDisclosure {
        disclosure_id: disclosure.key.id.to_bytes().to_vec(),
        tenant: disclosure.key.tenant.to_string(),
        recording_id: disclosure.recording.to_bytes().to_vec(),
        recipient: disclosure.recipient.to_string(),
        purpose: disclosure.purpose.as_ref().map_or_else(String::new, ToString::to_string),
        at: disclosure.at.0,
        by: disclosure.by.to_string(),
        request_id,
        filed,
        notices: disclosure.notices.iter().map(stored_notice).collect(),
        version: disclosure.version,
    };
    stored.encode_to_vec()
}

/// A disclosure from bytes.
pub fn disclosure_from(bytes: &[u8]) -> Result<Disclosure, Error> {
    let stored: StoredDisclosure = message(bytes, "a disclosure that cannot be read")?;
    if stored.version == 0 {
        return Err(Error::Damaged("a disclosure without a version"));
    }
    let tenant = TenantId::new(stored.tenant);
    let id = read::id(&stored.disclosure_id, DisclosureId::from_slice, "a disclosure without its id")?;
    let tenant = tenant.map_err(|_| Error::Damaged("a disclosure without its tenant"))?;
    let of_nothing = "a disclosure of no known recording";
    Ok(Disclosure {
        key: DisclosureKey { tenant, id },
        recording: read::id(&stored.recording_id, RecordingId::from_slice, of_nothing)?,
        recipient: read::code(stored.recipient, "a disclosure to nobody")?,
        purpose: purpose(stored.purpose)?,
        at: Timestamp(stored.at),
        by: Actor::new(stored.by).map_err(|_| Error::Damaged("a disclosure by nobody"))?,
        origin: origin(&stored.request_id, stored.filed)?,
        notices: notices(stored.notices)?,
        version: stored.version,
    })
}

/// What is published of a disclosure: that it was made, or what became of one of its notices.
pub fn disclosure_event(disclosure: &Disclosure, about: Option<&Notice>) -> DisclosureEvent {
    DisclosureEvent {
        disclosure_id: disclosure.key.id.to_bytes().to_vec(),
        version: disclosure.version,
        recording_id: disclosure.recording.to_bytes().to_vec(),
        recipient: disclosure.recipient.to_string(),
        notice: about.map(notice),
    }
}

/// A notice as it is published and told.
pub fn notice(notice: &Notice) -> WireNotice {
    WireNotice {
        cause: notice.cause.to_string(),
        act_id: notice.act.to_vec(),
        state: notice.state.to_string(),
        since: notice.since.0,
        told: notice.told,
        told_at: notice.told_at.0,
        answered_at: notice.answered_at.map_or(0, |at| at.0),
        filed: notice.filed.as_ref().map_or_else(String::new, ToString::to_string),
    }
}

fn stored_notice(notice: &Notice) -> StoredNotice {
    StoredNotice {
        cause: notice.cause.number(),
        act_id: notice.act.to_vec(),
        state: notice.state.number(),
        since: notice.since.0,
        told: notice.told,
        told_at: notice.told_at.0,
        answered_at: notice.answered_at.map_or(0, |at| at.0),
        filed: notice.filed.as_ref().map_or_else(String::new, ToString::to_string),
    }
}

fn purpose(name: String) -> Result<Option<PurposeName>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let purpose = PurposeName::new(name);
    purpose.map(Some).map_err(|_| Error::Damaged("a disclosure for no known purpose"))
}

fn origin(request: &[u8], filed: String) -> Result<Origin, Error> {
    let damaged = "a disclosure on no known origin";
    let request = read::maybe_id(request, RequestId::from_slice, damaged)?;
    match (request, read::maybe_code(filed, damaged)?) {
        (Some(request), None) => Ok(Origin::Copy(request)),
        (None, Some(code)) => Ok(Origin::Filed(code)),
        (Some(_), Some(_)) | (None, None) => Err(Error::Damaged(damaged)),
    }
}

/// One for each act.
fn notices(stored: Vec<StoredNotice>) -> Result<Vec<Notice>, Error> {
    if stored.len() > MAX_NOTICES {
        return Err(Error::Damaged("a disclosure with too many notices"));
    }
    let notices = stored.into_iter().map(notice_from).collect::<Result<Vec<_>, _>>()?;
    let acts: BTreeSet<_> = notices.iter().map(|notice| notice.act).collect();
    let is_once = acts.len() == notices.len();
    if is_once { Ok(notices) } else { Err(Error::Damaged("two notices of one act")) }
}

fn notice_from(stored: StoredNotice) -> Result<Notice, Error> {
    let act = <[u8; 16]>::try_from(stored.act_id.as_slice());
    let notice = Notice {
        cause: read::number(stored.cause, Cause::from_number, "a notice of no known cause")?,
        act: act.map_err(|_| Error::Damaged("a notice of no known act"))?,
        state: read::number(stored.state, NoticeState::from_number, "a notice in no known state")?,
        since: Timestamp(stored.since),
        told: stored.told,
        told_at: Timestamp(stored.told_at),
        answered_at: (stored.answered_at != 0).then_some(Timestamp(stored.answered_at)),
        filed: read::maybe_code(stored.filed, "a notice that is filed nowhere")?,
    };
    if notice.told == 0 {
        return Err(Error::Damaged("a notice that was never published"));
    }
    let (is_answered, is_filed) = (notice.answered_at.is_some(), notice.filed.is_some());
    let may_be = match notice.state {
        NoticeState::Due => !is_answered && !is_filed,
        NoticeState::Failed | NoticeState::Impossible => is_answered && is_filed,
        NoticeState::Acknowledged => is_answered,
    };
    if may_be { Ok(notice) } else { Err(Error::Damaged("a notice with another state's answer")) }
}
