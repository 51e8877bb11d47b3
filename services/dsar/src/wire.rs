//! The wire form of acts, of plan items and of disclosures, as they are stored and published.
//!
//! Everything that is read is checked, whoever wrote it: what cannot be is [`Error::Damaged`], and is never
//! guessed. An empty text, an empty id and a number 0 stand for what is not there. [`acts`] has what was
//! done, [`planned`] what lies in a plan's pages, [`disclosures`] who got what.

mod acts;
mod disclosures;
mod planned;
mod read;

use kernel::{EventId, RequestId, TenantId, Timestamp};
use policy::request::Actor;
use prost::Message;
use proto::dsar::v1::{PlanPage, RequestEvent};

pub use self::disclosures::{disclosure_bytes, disclosure_event, disclosure_from, notice};
use crate::act::{Record, RequestKey};
use crate::error::Error;
use crate::plan::{PAGE, PlanItem};

/// Most bytes that are read as one act or one page: an act that names as much as it may has half of it.
const MAX_BYTES: usize = 512 << 10;

/// An act on a request, as it is stored and published.
pub fn event(record: &Record) -> RequestEvent {
    RequestEvent {
        event_id: record.id.to_bytes().to_vec(),
        tenant: record.key.tenant.to_string(),
        request_id: record.key.id.to_bytes().to_vec(),
        version: record.version,
        at: record.at.0,
        by: record.by.to_string(),
        act: Some(acts::to_wire(&record.act)),
    }
}

/// An act on a request, from what was stored or published.
pub fn record(event: RequestEvent) -> Result<Record, Error> {
    if event.version == 0 {
        return Err(Error::Damaged("an act without a version"));
    }
    let act = event.act.ok_or(Error::Damaged("an act of no known kind"))?;
    Ok(Record {
        id: read::id(&event.event_id, EventId::from_slice, "an act without its id")?,
        key: RequestKey {
            tenant: TenantId::new(event.tenant).map_err(|_| Error::Damaged("an act without its tenant"))?,
            id: read::id(&event.request_id, RequestId::from_slice, "an act without its request")?,
        },
        version: event.version,
        at: Timestamp(event.at),
        by: Actor::new(event.by).map_err(|_| Error::Damaged("an act of nobody"))?,
        act: acts::from_wire(act)?,
    })
}

/// An act as bytes.
pub fn encode(record: &Record) -> Vec<u8> {
    event(record).encode_to_vec()
}

/// An act from bytes.
pub fn decode(bytes: &[u8]) -> Result<Record, Error> {
    record(message(bytes, "an act that cannot be read")?)
}

/// A page of a plan as bytes: the same items are the same bytes, by which a plan has its name.
pub fn page(items: &[PlanItem]) -> Vec<u8> {
    PlanPage { items: items.iter().map(planned::to_wire).collect() }.encode_to_vec()
}

/// The items of a page.
pub fn items(bytes: &[u8]) -> Result<Vec<PlanItem>, Error> {
    let page: PlanPage = message(bytes, "a page that cannot be read")?;
    if page.items.len() > PAGE {
        return Err(Error::Damaged("a page of too many items"));
    }
    page.items.into_iter().map(planned::from_wire).collect()
}

fn message<M: Message + Default>(bytes: &[u8], damaged: &'static str) -> Result<M, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::Damaged(damaged));
    }
    M::decode(bytes).map_err(|_| Error::Damaged(damaged))
}

#[cfg(test)]
mod tests;
