//! What archive says of a recording that was sealed, checked once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{MarkLabel, PurposeName, RecordingId, SubjectId, Timestamp};
use policy::PolicyHash;
use policy::retention::{DataKind, Facts};
use proto::archive::v1::RecordingSealed;

use crate::error::Error;
use crate::kept::{MAX_PARTIES, MAX_TERMS};

/// Most purposes of one recording: each has a term for each kind of data.
pub(crate) const MAX_PURPOSES: usize = MAX_TERMS / DataKind::ALL.len();
/// Most labels of marks that an event may bring.
const MAX_MARKS: usize = 1_024;

/// A recording that was sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sealed {
    pub(crate) recording: RecordingId,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Timestamp,
    pub(crate) policy: PolicyHash,
    /// Every purpose that has an entry.
    pub(crate) purposes: BTreeSet<PurposeName>,
    /// Every purpose that had lost what it rested on by the sealing.
    pub(crate) gone: BTreeSet<PurposeName>,
    pub(crate) parties: BTreeSet<SubjectId>,
    pub(crate) marks: BTreeMap<MarkLabel, Timestamp>,
}

impl Sealed {
    /// Reads an event; whatever is wrong with it is named by its field.
    pub(crate) fn read(event: &RecordingSealed) -> Result<Self, Error> {
        let started_at = Timestamp(event.started_at);
        Ok(Self {
            recording: recording(event)?,
            started_at,
            ended_at: started_at.plus(Duration::from_micros(event.duration)),
            policy: PolicyHash::from_slice(&event.policy_hash)
                .map_err(|error| Error::invalid("policy_hash", error.to_string()))?,
            purposes: purposes(event)?,
            gone: gone(event)?,
            parties: parties(event)?,
            marks: marks(event)?,
        })
    }

    /// What its retention goes by.
    pub(crate) fn facts(&self) -> Facts {
        let Self { started_at, ended_at, .. } = *self;
        Facts { started_at, ended_at, marks_ended_at: self.marks.clone() }
    }
}

/// Which recording it is about.
pub(super) fn recording(event: &RecordingSealed) -> Result<RecordingId, Error> {
    RecordingId::from_slice(&event.recording_id)
        .map_err(|error| Error::invalid("recording_id", error.to_string()))
}

/// Both lists: an event of an archive before this one does not say what a purpose rests on.
fn purposes(event: &RecordingSealed) -> Result<BTreeSet<PurposeName>, Error> {
    at_most("kept", event.kept.len(), MAX_PURPOSES)?;
    at_most("purposes", event.purposes.len(), MAX_PURPOSES)?;
    let names = event.kept.iter().map(|kept| &kept.purpose).chain(&event.purposes);
    let names = names.map(|name| PurposeName::new(name.as_str()));
    let names: BTreeSet<_> =
        names.collect::<Result<_, _>>().map_err(|error| Error::invalid("kept", error.to_string()))?;
    at_most("kept", names.len(), MAX_PURPOSES)?;
    Ok(names)
}

fn gone(event: &RecordingSealed) -> Result<BTreeSet<PurposeName>, Error> {
    at_most("gone", event.gone.len(), MAX_PURPOSES)?;
    let names = event.gone.iter().map(|name| PurposeName::new(name.as_str()));
    names.collect::<Result<_, _>>().map_err(|error| Error::invalid("gone", error.to_string()))
}

fn parties(event: &RecordingSealed) -> Result<BTreeSet<SubjectId>, Error> {
    at_most("parties", event.parties.len(), MAX_PARTIES)?;
    let parties = event.parties.iter().map(|id| SubjectId::from_slice(id));
    parties.collect::<Result<_, _>>().map_err(|error| Error::invalid("parties", error.to_string()))
}

/// The last end of each label.
fn marks(event: &RecordingSealed) -> Result<BTreeMap<MarkLabel, Timestamp>, Error> {
    at_most("marks", event.marks.len(), MAX_MARKS)?;
    let mut marks = BTreeMap::new();
    for mark in &event.marks {
        let label = MarkLabel::new(mark.label.as_str());
        let label = label.map_err(|error| Error::invalid("marks", error.to_string()))?;
        let at = marks.entry(label).or_insert(Timestamp(mark.at));
        *at = Timestamp(mark.at).max(*at);
    }
    Ok(marks)
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit {
        return Err(Error::invalid(what, format!("must be at most {limit}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
