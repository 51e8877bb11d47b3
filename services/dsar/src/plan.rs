//! A request's plan: which artefacts are kept of the person, under which right and for which purpose each is looked at,
//! and what the rules ask about it. Pure.

use std::fmt;

use kernel::{HoldId, LegNo, PurposeName, RecordingId, RequestId, Timestamp};
use policy::request::{InvalidName, ItemKey, PlanName};
use policy::rights::{Category, HoldState, Presence, Question, RULESET, Right, Verdict, decide};
use sha2::{Digest, Sha256};

use crate::act::Found;
use crate::wire;

/// Most items of one plan. An agent of many years is on some hundred thousand.
pub const MAX_ITEMS: usize = policy::request::MAX_ITEMS;
/// Items in one stored page.
pub const PAGE: usize = 500;

/// In which language a request is answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Language {
    /// English.
    English,
    /// Italian.
    Italian,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Italian];

    /// By ISO 639-1.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Italian => "it",
        }
    }

    /// The language with this code.
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == code)
    }
}

/// Something that is kept of a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Artefact {
    /// The audio of one party of a recording.
    Leg(RecordingId, LegNo),
    /// What is known of a recording without its audio.
    Metadata(RecordingId),
    /// Their consent: who said what to which notice.
    Consent,
    /// Who has opened what of theirs.
    AccessLog,
    /// The file of an earlier request of theirs, or of this one.
    Request(RequestId),
    /// What lies in backups.
    Backups,
}

impl Artefact {
    /// What kind of data it is.
    pub fn category(&self) -> Category {
        match self {
            Self::Leg(..) => Category::AudioLeg,
            Self::Metadata(_) => Category::CallMetadata,
            Self::Consent => Category::ConsentEvidence,
            Self::AccessLog => Category::AccessLog,
            Self::Request(_) => Category::DsarFile,
            Self::Backups => Category::BackupCopy,
        }
    }

    /// Of which recording it is.
    pub fn recording(&self) -> Option<RecordingId> {
        match self {
            Self::Leg(id, _) | Self::Metadata(id) => Some(*id),
            Self::Consent | Self::AccessLog | Self::Request(_) | Self::Backups => None,
        }
    }
}

impl fmt::Display for Artefact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leg(id, leg) => write!(f, "{id}/leg-{leg}"),
            Self::Metadata(id) => write!(f, "{id}/metadata"),
            Self::Consent => f.write_str("consent"),
            Self::AccessLog => f.write_str("access-log"),
            Self::Request(id) => write!(f, "request-{id}"),
            Self::Backups => f.write_str("backups"),
        }
    }
}

/// One artefact, for one purpose, under one right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanItem {
    /// Which artefact.
    pub artefact: Artefact,
    /// For which purpose it is kept; none where it is kept for no one purpose.
    pub purpose: Option<PurposeName>,
    /// What the rules are asked.
    pub question: Question,
    /// What keeps it: `regime:<name>` or `hold:<id>`; empty where nothing does.
    pub kept_by: String,
    /// When that ends, or else its period; none where nobody knows.
    pub until: Option<Timestamp>,
    /// When the recording began; none where it is none of a recording.
    pub began: Option<Timestamp>,
}

impl PlanItem {
    /// Its name: `<right>/<artefact>/<purpose>`.
    pub fn key(&self) -> Result<ItemKey, InvalidName> {
        let right = self.question.right;
        match &self.purpose {
            Some(purpose) => ItemKey::new(format!("{right}/{}/{purpose}", self.artefact)),
            None => ItemKey::new(format!("{right}/{}", self.artefact)),
        }
    }

    /// The hold that keeps it; none where nothing does, or a duty.
    pub fn held_by(&self) -> Option<HoldId> {
        self.kept_by.strip_prefix("hold:")?.parse().ok()
    }

    /// Under which right.
    pub fn right(&self) -> Right {
        self.question.right
    }

    /// What the rules say, as things stand.
    pub fn proposed(&self) -> Verdict {
        decide(&self.question)
    }

    /// What they say once what was found is taken into account.
    pub fn with(&self, found: &Found) -> Verdict {
        let mut question = self.question;
        question.gate = found.gate.unwrap_or(question.gate);
        if found.own_hold_waived && question.hold == HoldState::Subject18c {
            question.hold = HoldState::None;
        }
        // Where others are heard, the copy of a leg is nobody's alone.
        let is_copied = matches!(question.right, Right::Access | Right::Port);
        let is_own = matches!(question.presence, Presence::Oneself | Presence::Dialog);
        if is_copied && is_own && !found.others_heard.is_empty() {
            question.presence = Presence::Third;
        }
        decide(&question)
    }
}

/// A plan's name: it follows from what is in the plan and from the rules, so that a plan that has changed has another.
pub fn name_of(items: &[PlanItem]) -> Result<PlanName, InvalidName> {
    let mut hash = Sha256::new();
    hash.update(RULESET.to_be_bytes());
    for page in items.chunks(PAGE) {
        hash.update(wire::page(page));
    }
    let hash: [u8; 32] = hash.finalize().into();
    PlanName::new(hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
