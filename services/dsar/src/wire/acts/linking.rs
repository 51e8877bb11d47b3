//! Requests that belong together.

use kernel::{RequestId, Timestamp};
use policy::deadline::{Extension, Reason, Region};
use policy::jurisdiction::Jurisdiction;
use policy::rights::Right;
use proto::dsar::v1::{ExtendedBefore, Merged, OtherRequest};

use crate::act::MergedPart;
use crate::error::Error;
use crate::wire::read;

pub(super) const NO_OTHER: &str = "a link to no known request";

pub(super) fn other(id: RequestId) -> OtherRequest {
    OtherRequest { request_id: id.to_bytes().to_vec() }
}

pub(super) fn other_of(wire: &OtherRequest) -> Result<RequestId, Error> {
    read::id(&wire.request_id, RequestId::from_slice, NO_OTHER)
}

pub(super) fn to_wire(part: &MergedPart) -> Merged {
    let extended = part.extended.map(|extended| ExtendedBefore {
        reason: extended.reason.number(),
        notice_delivered_at: extended.notice_delivered_at.0,
        extended_at: extended.extended_at.0,
    });
    Merged {
        request_id: part.request.to_bytes().to_vec(),
        rights: part.rights.iter().map(|right| right.number()).collect(),
        received_at: part.received_at.0,
        jurisdiction: part.jurisdiction.to_string(),
        region: part.region.map_or_else(String::new, |region| region.to_string()),
        calendar: part.calendar.into(),
        extended,
    }
}

pub(super) fn from_wire(wire: Merged) -> Result<MergedPart, Error> {
    let extended = wire.extended.map(|extended| {
        Ok::<_, Error>(Extension {
            reason: read::number(extended.reason, Reason::from_number, "an extension for no known reason")?,
            notice_delivered_at: Timestamp(extended.notice_delivered_at),
            extended_at: Timestamp(extended.extended_at),
        })
    });
    let jurisdiction = wire.jurisdiction.parse::<Jurisdiction>();
    let calendar = u16::try_from(wire.calendar);
    Ok(MergedPart {
        request: read::id(&wire.request_id, RequestId::from_slice, NO_OTHER)?,
        rights: read::numbers(&wire.rights, Right::from_number, "a merged request of no known right")?,
        received_at: Timestamp(wire.received_at),
        jurisdiction: jurisdiction.map_err(|_| Error::Damaged("a merged request under no known law"))?,
        region: region(&wire.region)?,
        calendar: calendar.map_err(|_| Error::Damaged("a merged request by no known calendar"))?,
        extended: extended.transpose()?,
    })
}

fn region(code: &str) -> Result<Option<Region>, Error> {
    if code.is_empty() {
        return Ok(None);
    }
    code.parse().map(Some).map_err(|_| Error::Damaged("a merged request in no known region"))
}
