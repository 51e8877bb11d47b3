//! Messages as domain types: what is wrong in itself is refused here, by the name of its field.

use kernel::{ErasureId, LegNo, MarkLabel, Position, PurposeName, RequestId, Use};
use policy::code::Code;
use proto::archive::v1::{AnnotateRequest, EraseRequest, ReplayRequest};
use proto::common::v1::Interval;
use seal::manifest::ReasonCode;
use seal::receipt::PlainCode;

use super::invalid;
use crate::annotating::Statement;
use crate::erasing::Erasure;
use crate::error::Error;
use crate::fact::RecordingKey;
use crate::replay;

/// Most ranges of one replay.
const RANGES_MAX: usize = 1_000;
/// Most legs that are named at once.
const LEGS_MAX: usize = 1_000;
/// Longest reference of a hold or an order, in bytes.
const REFERENCE_MAX: usize = 256;
/// Most purposes that one erasure names.
const PURPOSES_MAX: usize = 1_000;

/// What a replay wants to hear.
pub(super) fn wanted(asked: &ReplayRequest) -> Result<replay::Request, Error> {
    if asked.ranges.len() > RANGES_MAX {
        return Err(invalid("ranges", "must be at most 1000"));
    }
    let mark = (!asked.mark.is_empty())
        .then(|| MarkLabel::new(asked.mark.as_str()).map_err(|_| invalid("mark", "is not a label")));
    Ok(replay::Request {
        ranges: asked.ranges.iter().map(|range| (Position(range.start), Position(range.end))).collect(),
        mark: mark.transpose()?,
        legs: legs(&asked.legs)?,
    })
}

/// What covers a use that needs a hold or an order; no other use has one.
pub(super) fn reference(asked: &ReplayRequest, use_for: Use) -> Result<String, Error> {
    if asked.reference.is_empty() {
        return Ok(String::new());
    }
    match use_for {
        Use::LegalClaim | Use::Authority if asked.reference.len() <= REFERENCE_MAX => {
            Ok(asked.reference.clone())
        }
        Use::LegalClaim | Use::Authority => Err(invalid("reference", "must have at most 256 bytes")),
        Use::Replay | Use::Review | Use::Rights | Use::Probe => {
            Err(invalid("reference", "covers a legal claim or an authority's use alone"))
        }
    }
}

/// Legs as they are named.
pub(super) fn legs(legs: &[u32]) -> Result<Vec<LegNo>, Error> {
    if legs.len() > LEGS_MAX {
        return Err(invalid("legs", "must be at most 1000"));
    }
    let leg =
        |leg: &u32| u16::try_from(*leg).map(LegNo).map_err(|_| invalid("a leg", "is not in this recording"));
    legs.iter().map(leg).collect()
}

/// The ends of a stretch, which must be given.
pub(super) fn stretch(stretch: Option<Interval>) -> Result<(Position, Position), Error> {
    let stretch = stretch.ok_or(invalid("stretch", "must be given"))?;
    Ok((Position(stretch.start), Position(stretch.end)))
}

/// An erasure of a recording.
pub(super) fn erasure(recording: RecordingKey, asked: &EraseRequest) -> Result<Erasure, Error> {
    let erasure = ErasureId::from_slice(&asked.erasure_id);
    let reason = ReasonCode::new(&asked.reason);
    if asked.purposes.len() > PURPOSES_MAX {
        return Err(invalid("purposes", "must be at most 1000"));
    }
    let purposes = asked.purposes.iter().map(|name| PurposeName::new(name.as_str()));
    Ok(Erasure {
        recording,
        erasure: erasure.map_err(|_| invalid("erasure_id", "must be 16 bytes"))?,
        reason: reason.map_err(|_| invalid("reason", "must be a code"))?,
        purposes: purposes.collect::<Result<_, _>>().map_err(|_| invalid("purposes", "must be names"))?,
    })
}

/// A statement about a recording: by the reference under which it is filed, never in words.
pub(super) fn statement(recording: RecordingKey, asked: &AnnotateRequest) -> Result<Statement, Error> {
    let request = RequestId::from_slice(&asked.request_id);
    // The same codes as for whatever else is filed; a document takes longer ones.
    let filed = Code::new(asked.filed.as_str()).ok().and_then(|code| PlainCode::new(code.as_str()).ok());
    Ok(Statement {
        recording,
        request: request.map_err(|_| invalid("request_id", "must be 16 bytes"))?,
        filed: filed.ok_or(invalid("filed", "must be a code"))?,
    })
}
