//! A request as it came in.

use kernel::{Position, RecordingId, SubjectId, Timestamp};
use policy::deadline::Region;
use policy::jurisdiction::Jurisdiction;
use policy::request::{Asker, Channel};
use policy::rights::Right;
use proto::dsar::v1::Received as WireReceived;

use crate::act::Received;
use crate::error::Error;
use crate::plan::Language;
use crate::wire::read;

pub(super) fn to_wire(received: &Received) -> WireReceived {
    let said_in = received.said_in;
    WireReceived {
        rights: received.rights.iter().map(|right| right.number()).collect(),
        channel: received.channel.number(),
        asker: received.asker.number(),
        subject_id: received.subject.to_bytes().to_vec(),
        received_at: received.received_at.0,
        recording_id: said_in.map_or_else(Vec::new, |(recording, _)| recording.to_bytes().to_vec()),
        position: said_in.and_then(|(_, position)| position).map(|Position(position)| position),
        jurisdiction: received.jurisdiction.to_string(),
        region: received.region.map_or_else(String::new, |region| region.to_string()),
        language: received.language.as_str().to_owned(),
        calendar: received.calendar.into(),
    }
}

pub(super) fn from_wire(wire: WireReceived) -> Result<Received, Error> {
    let jurisdiction = wire.jurisdiction.parse::<Jurisdiction>();
    let calendar = u16::try_from(wire.calendar);
    Ok(Received {
        rights: read::numbers(&wire.rights, Right::from_number, "a receipt of no known right")?,
        channel: read::number(wire.channel, Channel::from_number, "a receipt by no known channel")?,
        asker: read::number(wire.asker, Asker::from_number, "a receipt from nobody")?,
        subject: read::id(&wire.subject_id, SubjectId::from_slice, "a receipt about nobody")?,
        received_at: Timestamp(wire.received_at),
        said_in: said_in(&wire.recording_id, wire.position)?,
        jurisdiction: jurisdiction.map_err(|_| Error::Damaged("a receipt under no known law"))?,
        region: region(&wire.region)?,
        calendar: calendar.map_err(|_| Error::Damaged("a receipt by no known calendar"))?,
        language: Language::named(&wire.language).ok_or(Error::Damaged("a receipt in no known language"))?,
    })
}

fn said_in(
    recording: &[u8],
    position: Option<u64>,
) -> Result<Option<(RecordingId, Option<Position>)>, Error> {
    let damaged = "a receipt in no known recording";
    let recording = read::maybe_id(recording, RecordingId::from_slice, damaged)?;
    match (recording, position) {
        (Some(recording), position) => Ok(Some((recording, position.map(Position)))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::Damaged(damaged)),
    }
}

fn region(code: &str) -> Result<Option<Region>, Error> {
    if code.is_empty() {
        return Ok(None);
    }
    code.parse::<Region>().map(Some).map_err(|_| Error::Damaged("a receipt in no known region"))
}
