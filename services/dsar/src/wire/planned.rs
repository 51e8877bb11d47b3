//! Items of a plan. Which artefact an item is follows from its category, its id and its leg. Its name follows
//! from all of that: it is written so that whoever reads a page by hand finds an item, and checked when it is
//! read.

use kernel::{LegNo, PurposeName, RecordingId, RequestId, Timestamp};
use policy::rights::{BasisState, Category, Gate, HoldState, Presence, Question, Right};
use proto::dsar::v1::PlanItem as WireItem;

use super::read;
use crate::error::Error;
use crate::plan::{Artefact, PlanItem};

/// Most characters that say what keeps an item: those of a regime's name and the word before it, and room.
const MAX_KEPT_BY: usize = 128;

pub(super) fn to_wire(item: &PlanItem) -> WireItem {
    let question = item.question;
    let (recording_id, leg) = id_and_leg(&item.artefact);
    WireItem {
        // Made of ids and slugs, it is far from too long; one that were no name is refused on reading.
        key: item.key().map_or_else(|_| String::new(), |key| key.to_string()),
        right: question.right.number(),
        category: question.category.number(),
        basis: question.basis.number(),
        hold: question.hold.number(),
        presence: question.presence.number(),
        gate: question.gate.number(),
        recording_id,
        leg,
        purpose: item.purpose.as_ref().map_or_else(String::new, ToString::to_string),
        kept_by: item.kept_by.clone(),
        until: number(item.until),
        began: number(item.began),
    }
}

pub(super) fn from_wire(wire: WireItem) -> Result<PlanItem, Error> {
    let question = Question {
        right: read::number(wire.right, Right::from_number, "an item under no known right")?,
        category: read::number(wire.category, Category::from_number, "an item of no known category")?,
        basis: read::number(wire.basis, BasisState::from_number, "an item on no known basis")?,
        hold: read::number(wire.hold, HoldState::from_number, "an item under no known hold")?,
        presence: read::number(wire.presence, Presence::from_number, "an item of no known presence")?,
        gate: read::number(wire.gate, Gate::from_number, "an item of no known gate")?,
    };
    let item = PlanItem {
        artefact: artefact(question.category, &wire.recording_id, wire.leg)?,
        purpose: purpose(wire.purpose)?,
        question,
        kept_by: kept_by(wire.kept_by)?,
        until: moment(wire.until),
        began: moment(wire.began),
    };
    match item.key() {
        Ok(key) if key.as_str() == wire.key => Ok(item),
        Ok(_) | Err(_) => Err(Error::Damaged("an item of another name")),
    }
}

/// The id of what an artefact is of, and its leg.
fn id_and_leg(artefact: &Artefact) -> (Vec<u8>, Option<u32>) {
    match artefact {
        Artefact::Leg(recording, LegNo(leg)) => (recording.to_bytes().to_vec(), Some((*leg).into())),
        Artefact::Metadata(recording) => (recording.to_bytes().to_vec(), None),
        Artefact::Request(request) => (request.to_bytes().to_vec(), None),
        Artefact::Consent | Artefact::AccessLog | Artefact::Backups => (Vec::new(), None),
    }
}

fn artefact(category: Category, id: &[u8], leg: Option<u32>) -> Result<Artefact, Error> {
    let recording = || read::id(id, RecordingId::from_slice, "an item of no known recording");
    let found = match category {
        Category::AudioLeg => Artefact::Leg(recording()?, leg_of(leg)?),
        Category::CallMetadata => Artefact::Metadata(recording()?),
        Category::DsarFile => {
            Artefact::Request(read::id(id, RequestId::from_slice, "an item of no known request")?)
        }
        Category::ConsentEvidence => Artefact::Consent,
        Category::AccessLog => Artefact::AccessLog,
        Category::BackupCopy => Artefact::Backups,
        Category::AudioMix
        | Category::Transcript
        | Category::Signalling
        | Category::Dtmf
        | Category::Screen
        | Category::AgentNote
        | Category::Derived
        | Category::Voiceprint
        | Category::SearchIndex
        | Category::Embedding => return Err(Error::Damaged("an item of a category that nothing has")),
    };
    // What is of no recording has no id, and only audio has a leg.
    let (its_id, its_leg) = id_and_leg(&found);
    if its_id == id && its_leg == leg { Ok(found) } else { Err(Error::Damaged("an item of something else")) }
}

fn leg_of(leg: Option<u32>) -> Result<LegNo, Error> {
    let leg = leg.and_then(|leg| u16::try_from(leg).ok());
    leg.map(LegNo).ok_or(Error::Damaged("an item of no known leg"))
}

fn purpose(name: String) -> Result<Option<PurposeName>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    PurposeName::new(name).map(Some).map_err(|_| Error::Damaged("an item for no known purpose"))
}

fn kept_by(text: String) -> Result<String, Error> {
    let is_plain = text.len() <= MAX_KEPT_BY && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { Ok(text) } else { Err(Error::Damaged("an item that nothing known keeps")) }
}

/// 1970 is nobody's end and no call's beginning.
fn moment(number: i64) -> Option<Timestamp> {
    (number != 0).then_some(Timestamp(number))
}

fn number(moment: Option<Timestamp>) -> i64 {
    moment.map_or(0, |moment| moment.0)
}
