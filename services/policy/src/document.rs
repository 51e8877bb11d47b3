//! The tenant's policy document: what the YAML says, checked.
//!
//! ```yaml
//! tenant: banca-alfa
//! jurisdiction: IT
//! span: PT1S              # length of a span, PT0.2S to PT10S
//! hold_back: PT0S         # how long audio stays in memory before it is sealed, up to PT1M
//! marks: [order]          # labels of marks, beside those that purposes name
//! claims: { authority: [compliance] }          # who may claim a use that belongs to no one purpose
//! employee_consent: dpo-2026-014               # the decision that lets agents' consent count
//! purposes:
//!   quality: { basis: consent, retention: P90D, uses: [replay, review], roles: [supervisor],
//!              consent_of: [customer], from: consent, until: end }
//!   sale: { basis: contract, from: mark sale, until: mark, anchor: mark,
//!           retention: { audio: P2Y, metadata: P10Y }, compatible: { claims: dpia-2026-07 } }
//!   claims: { basis: legitimate_interest, retention: P90D }
//! notices:
//!   notice-it-3: { language: it, text_file: notices/it-3.txt, purposes: [quality] }
//! ```
//!
//! Only `tenant` and `jurisdiction` are mandatory. A document without purposes is legal and records nothing.
//! Defaults: `from` is `consent` for consent, the mark named like the purpose for contracts, else `start`;
//! `until` is `mark` after a mark, else `end`; `uses` is `[replay]`; `roles` is empty (it is kept and nobody
//! listens); `consent_of` is `[customer]`. One `retention` is for audio and metadata alike, and runs from the
//! `anchor`: the `start` of the recording, the `end` of the call, or the end of the purpose's last `mark`, where
//! it is recorded from a mark; from the start where nothing is said. A purpose with a regime takes its period
//! from the law, and sets neither. `compatible` names other purposes that its audio may be used for too, because
//! an assessment (GDPR Art. 6(4)), named by its code, found them compatible; never from or to consent.

mod check;
mod error;
mod read;
mod retention;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use kernel::{Basis, MarkLabel, NoticeName, PurposeName, RegimeName, Role, TenantId, Use};
use serde::{Deserialize, Serialize};

pub use self::error::{PolicyError, Problem};
pub use self::retention::{Anchor, Retention};
use crate::code::Code;
use crate::grant::Terms;
use crate::hash::PolicyHash;
use crate::jurisdiction::Jurisdiction;
use crate::words::words;

/// Longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;
/// Longest notice text, in bytes.
pub const MAX_NOTICE_BYTES: usize = 64 << 10;
/// Length of a span where the document does not say.
pub const DEFAULT_SPAN: Duration = Duration::from_secs(1);
/// Shortest and longest span.
pub const SPAN_BOUNDS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Longest hold-back.
pub const MAX_HOLD_BACK: Duration = Duration::from_secs(60);

words! {
    /// Who somebody is in a call.
    Party {
        /// Whom the centre serves.
        Customer = 1 "customer",
        /// Who serves them; an employee, whose consent is presumed not free.
        Agent = 2 "agent",
        /// Who listens in; an employee too.
        Supervisor = 3 "supervisor",
        /// Somebody else in the room.
        Bystander = 4 "bystander",
        /// Somebody for whom another one speaks.
        Represented = 5 "represented",
    }
}

impl Party {
    /// Whether the controller employs them.
    pub fn is_employee(self) -> bool {
        match self {
            Self::Agent | Self::Supervisor => true,
            Self::Customer | Self::Bystander | Self::Represented => false,
        }
    }
}

/// From when a purpose's basis stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// From the first frame.
    Start,
    /// From the moment of consent.
    Consent,
    /// While, or from when, a stretch with this label is marked; a consent purpose needs the consent too.
    Mark(MarkLabel),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Consent => f.write_str("consent"),
            Self::Mark(label) => write!(f, "mark {label}"),
        }
    }
}

words! {
    /// Until when a purpose's basis stands, where nothing takes it away before.
    Until {
        /// Until the call ends.
        End = 1 "end",
        /// Until the mark ends that it began with.
        Mark = 2 "mark",
    }
}

/// One purpose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purpose {
    /// What makes it lawful.
    pub basis: Basis,
    /// The retention duty; exactly where the basis is a legal obligation.
    pub regime: Option<RegimeName>,
    /// How long it may be kept; from the regime where there is one.
    pub retention: Retention,
    /// What its roles may do with it: `replay`, `review`.
    pub uses: BTreeSet<Use>,
    /// Who may.
    pub roles: BTreeSet<Role>,
    /// Whose consent it takes, all of those present; empty unless the basis is consent.
    pub consent_of: BTreeSet<Party>,
    /// From when.
    pub from: From,
    /// Until when.
    pub until: Until,
    /// Other purposes that its audio may be used for, by the assessment that found them compatible.
    pub compatible: BTreeMap<PurposeName, Code>,
}

impl Purpose {
    /// What a call's grant carries of it.
    pub fn terms(&self) -> Terms {
        Terms { basis: self.basis, regime: self.regime.clone(), from: self.from.clone(), until: self.until }
    }
}

/// A text that tells people about recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// BCP 47 tag, such as `it` or `en-GB`.
    pub language: String,
    /// The words, without white space at their ends and with `\n` line ends.
    pub text: String,
    /// What it tells about.
    pub purposes: BTreeSet<PurposeName>,
}

impl Notice {
    /// SHA-256 of its text: what consent evidence names.
    pub fn sha256(&self) -> [u8; 32] {
        crate::hash::sha256(self.text.as_bytes())
    }
}

/// A tenant's policy, parsed and checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantPolicy {
    /// Whose it is.
    pub tenant: TenantId,
    /// Whose law and clock it goes by.
    pub jurisdiction: Jurisdiction,
    /// Length of a span.
    pub span: Duration,
    /// How long audio stays in memory before it is sealed, so that a late pause still finds it there.
    pub hold_back: Duration,
    /// Labels of marks, those that purposes wait for included.
    pub marks: BTreeSet<MarkLabel>,
    /// Who may claim a use that belongs to no one purpose: `rights`, `legal_claim`, `authority`.
    pub claims: BTreeMap<Use, BTreeSet<Role>>,
    /// The decision by which employees' consent counts; without it the document may not ask for it.
    pub employee_consent: Option<String>,
    /// Why it keeps audio.
    pub purposes: BTreeMap<PurposeName, Purpose>,
    /// How it tells people.
    pub notices: BTreeMap<NoticeName, Notice>,
}

impl TenantPolicy {
    /// What identifies it: see [`crate::hash`].
    pub fn hash(&self) -> PolicyHash {
        crate::hash::of(self)
    }

    /// Whether a mark may bear this label.
    pub fn accepts_mark(&self, label: &MarkLabel) -> bool {
        self.marks.contains(label)
    }

    /// The notices that tell of this purpose, by name.
    pub fn notices_for<'a>(
        &'a self,
        purpose: &'a PurposeName,
    ) -> impl Iterator<Item = (&'a NoticeName, &'a Notice)> + 'a {
        self.notices.iter().filter(move |(_, notice)| notice.purposes.contains(purpose))
    }
}

/// Reads and checks a document. `load` gives the text of a `text_file`, whose path is relative to the document
/// and stays below it; it answers `None` where there is no such file.
pub fn parse(text: &str, load: &dyn Fn(&str) -> Option<String>) -> Result<TenantPolicy, PolicyError> {
    let root = crate::yaml::parse(text, MAX_DOCUMENT_BYTES)
        .map_err(|problem| PolicyError { problems: vec![problem] })?;
    let mut reader = read::Reader::new(load);
    let draft = reader.document(&root);
    let policy = draft.map(|draft| check::check(draft, &mut reader.problems));
    match policy {
        Some(policy) if reader.problems.is_empty() => Ok(policy),
        _ => Err(PolicyError::new(reader.problems)),
    }
}

#[cfg(test)]
mod tests;
