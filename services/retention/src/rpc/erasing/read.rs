//! What the RPCs about erasures are asked, checked field by field.

use std::collections::BTreeSet;

use kernel::{ErasureId, Interval, LegNo, Position, PurposeName, RecordingId, SubjectId};
use policy::code::Code;
use proto::retention::v1::OrderErasureRequest;
use proto::retention::v1::order_erasure_request::What;

use crate::erasing::{Ordered, REASON_FORM};
use crate::erasure::{Scope, Target};
use crate::error::Error;

/// Rows of a page, unless the caller says.
pub(super) const PAGE: u32 = 100;
/// Rows of the largest page.
pub(super) const PAGE_MAX: u32 = 500;
/// Most legs and purposes of one order.
const NAMED_MAX: usize = 1_024;

pub(super) fn ordered(asked: OrderErasureRequest, by: &str) -> Result<Ordered, Error> {
    let target = target(asked.what, &asked.of_subject_id)?;
    if asked.purposes.len() > NAMED_MAX || asked.legs.len() > NAMED_MAX {
        return Err(Error::invalid("purposes and legs", format!("must be at most {NAMED_MAX}")));
    }
    let purposes = purposes(&asked.purposes)?;
    let legs = legs(&asked.legs)?;
    let scope = match asked.stretch {
        Some(_) if !purposes.is_empty() => {
            return Err(Error::invalid(
                "purposes",
                "must be empty where a stretch is, which goes for all of them",
            ));
        }
        Some(stretch) => {
            let interval = Interval::new(Position(stretch.start), Position(stretch.end));
            let interval = interval.ok_or_else(|| Error::invalid("stretch", "must end after it starts"))?;
            Scope::Stretch { interval, legs }
        }
        None if !legs.is_empty() => return Err(Error::invalid("legs", "must be empty where no stretch is")),
        None if purposes.is_empty() => Scope::Everything,
        None => Scope::Purposes(purposes),
    };
    Ok(Ordered {
        id: erasure_id(&asked.erasure_id)?,
        target,
        scope,
        reason: Code::new(asked.reason).map_err(|_| Error::invalid("reason", REASON_FORM))?,
        by: by.to_owned(),
    })
}

fn target(what: Option<What>, of: &[u8]) -> Result<Target, Error> {
    let subject =
        |field, id: &[u8]| SubjectId::from_slice(id).map_err(|_| Error::invalid(field, "must be 16 bytes"));
    let recording = match what {
        None => return Err(Error::invalid("what", "must be a person or a recording")),
        Some(What::SubjectId(_)) if !of.is_empty() => {
            return Err(Error::invalid("of_subject_id", "must be empty where no recording is named"));
        }
        Some(What::SubjectId(id)) => return Ok(Target::Subject(subject("subject_id", &id)?)),
        Some(What::RecordingId(id)) => {
            RecordingId::from_slice(&id).map_err(|_| Error::invalid("recording_id", "must be 16 bytes"))?
        }
    };
    match of.is_empty() {
        true => Ok(Target::Recording(recording)),
        false => Ok(Target::RecordingOf { recording, subject: subject("of_subject_id", of)? }),
    }
}

pub(super) fn erasure_id(bytes: &[u8]) -> Result<ErasureId, Error> {
    let id = ErasureId::from_slice(bytes).map_err(|_| Error::invalid("erasure_id", "must be 16 bytes"))?;
    // Nobody draws it; it is what a client sends that has forgotten to.
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Error::invalid("erasure_id", "must be drawn"));
    }
    Ok(id)
}

fn purposes(names: &[String]) -> Result<BTreeSet<PurposeName>, Error> {
    let read = |name: &String| {
        PurposeName::new(name.as_str())
            .map_err(|error| Error::invalid("purposes", format!("each {}", error.reason)))
    };
    names.iter().map(read).collect()
}

fn legs(numbers: &[u32]) -> Result<BTreeSet<LegNo>, Error> {
    let read = |number: &u32| {
        u16::try_from(*number).map(LegNo).map_err(|_| Error::invalid("legs", "must be numbers of legs"))
    };
    numbers.iter().map(read).collect()
}

pub(super) fn page_size(asked: u32) -> Result<u32, Error> {
    match asked {
        0 => Ok(PAGE),
        1..=PAGE_MAX => Ok(asked),
        _ => Err(Error::invalid("page_size", format!("must be at most {PAGE_MAX}"))),
    }
}

/// A page token is the last id of the page before.
pub(super) fn token<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<Option<T>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Error::invalid(field, "is not one that was given"))
}

pub(super) fn plan_name(text: &str) -> Result<Option<&str>, Error> {
    match text {
        "" => Ok(None),
        name if name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(Some(name)),
        _ => Err(Error::invalid("plan", "is not one that was given")),
    }
}
