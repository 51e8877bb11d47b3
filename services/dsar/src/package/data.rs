//! What a person is told, as data: `data.json`, and what the page is made of. Its schema lies beside it in
//! the package.

mod recipients;

use kernel::Timestamp;
use serde::Serialize;

pub(super) use self::recipients::{Copied, Recipient, Telling};

/// The name of the form that `data.json` has.
pub(super) const SCHEMA: &str = "verbale-access/1";
/// Its JSON Schema.
pub(super) const SCHEMA_JSON: &str = include_str!("schema.json");

/// All of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Data {
    /// [`SCHEMA`].
    pub(super) schema: &'static str,
    /// The request.
    pub(super) request: Asked,
    /// The calls, oldest first.
    pub(super) recordings: Vec<Call>,
    /// What the person consented to; empty where that was not granted.
    pub(super) consent: Consent,
    /// The texts that told of recording.
    pub(super) notices: Vec<Notice>,
    /// Who has listened, oldest first; empty where that was not granted.
    pub(super) consultations: Vec<Consultation>,
    /// The person's other requests, oldest first; empty where they were not granted.
    pub(super) requests: Vec<Own>,
    /// To whom outside of the controller anything of the calls was given, oldest first, as far as that is recorded here.
    /// Of others the controller tells.
    pub(super) recipients: Vec<Recipient>,
    /// The copies that the person has got before, oldest first.
    pub(super) copies: Vec<Copied>,
    /// Where all of it comes from, and what is not done with it.
    pub(super) processing: Processing,
    /// Whether the consent history was granted.
    #[serde(skip)]
    pub(super) tells_consent: bool,
    /// Whether the list of who has listened was.
    #[serde(skip)]
    pub(super) tells_consultations: bool,
}

/// The request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Asked {
    /// Its id.
    pub(super) id: String,
    /// When it was received.
    pub(super) received_at: String,
    /// What was asked.
    pub(super) rights: Vec<&'static str>,
    /// Under whose law.
    pub(super) jurisdiction: &'static str,
    /// When this copy was made.
    pub(super) made_at: String,
    /// That moment.
    #[serde(skip)]
    pub(super) made: Timestamp,
    /// Whether somebody asks for the person.
    #[serde(skip)]
    pub(super) for_somebody: bool,
}

/// What is true of every copy, by codes (GDPR Art. 15(1)(b), (f), (g) and (h)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Processing {
    /// Where the data comes from.
    pub(super) source: &'static str,
    /// What kinds of data there are.
    pub(super) categories: [&'static str; 5],
    /// Whether this service decides anything by itself about people.
    pub(super) automated_decisions: bool,
    /// Whether this service takes anything to a third country.
    pub(super) third_country_transfers: bool,
    /// How the identifiers are kept by which the person is known.
    pub(super) identifiers: &'static str,
}

/// The only one.
pub(super) const PROCESSING: Processing = Processing {
    source: "calls",
    categories: ["sound-recordings", "call-facts", "consent", "access-log", "requests"],
    automated_decisions: false,
    third_country_transfers: false,
    identifiers: "sealed",
};

/// Another request of the person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Own {
    /// Its id.
    pub(super) id: String,
    /// When it was received.
    pub(super) received_at: String,
    /// What was asked.
    pub(super) rights: Vec<&'static str>,
    /// What it ended as; none while it is open.
    pub(super) ended: Option<&'static str>,
    /// That moment of its receipt.
    #[serde(skip)]
    pub(super) received: Timestamp,
}

/// A call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Call {
    /// Its id.
    pub(super) id: String,
    /// `sealed`, `erased` ...
    pub(super) state: &'static str,
    /// When it began.
    pub(super) started_at: String,
    /// How long it lasted.
    pub(super) duration_micros: u64,
    /// Nothing of it is missing that was to be kept.
    pub(super) complete: bool,
    /// In which language it was held, where that is known.
    pub(super) language: Option<String>,
    /// What the person was in it.
    pub(super) your_role: &'static str,
    /// What the others were.
    pub(super) others: Vec<&'static str>,
    /// For what it is kept.
    pub(super) purposes: Vec<Purpose>,
    /// The audio of each party.
    pub(super) legs: Vec<Leg>,
    /// Where recording was paused.
    pub(super) pauses: Vec<Stretch>,
    /// What was marked.
    pub(super) marks: Vec<Stretch>,
    /// What was noted: a notice that was played, a right that was asked for.
    pub(super) notes: Vec<Note>,
    /// What people have stated about it, which belongs with its sound (GDPR Art. 16).
    pub(super) statements: Vec<Statement>,
    /// That moment of its beginning.
    #[serde(skip)]
    pub(super) began: Timestamp,
    /// What its files are called by.
    #[serde(skip)]
    pub(super) stem: String,
}

/// Why a call is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Purpose {
    /// Its name in the policy.
    pub(super) name: String,
    /// What makes it lawful.
    pub(super) basis: &'static str,
    /// Where the law has that; empty where nothing of it is known.
    pub(super) article: String,
    /// From when to when it stood.
    pub(super) stands: Vec<Span>,
    /// Until when it is kept.
    pub(super) kept: Vec<Kept>,
    /// Why its basis is gone, where it is.
    pub(super) lost: Option<String>,
}

/// Until when something is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Kept {
    /// `audio` or `metadata`.
    pub(super) data: &'static str,
    /// Until when.
    pub(super) until: String,
    /// The rule that says so.
    pub(super) rule: String,
    /// Where the law has it; empty where it is the controller's own.
    pub(super) article: String,
    /// That moment.
    #[serde(skip)]
    pub(super) ends: Timestamp,
}

/// The audio of one party.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Leg {
    /// Its number.
    pub(super) leg: u32,
    /// `you`, or what that party was.
    pub(super) whose: &'static str,
    /// Its files in the package.
    pub(super) audio: Vec<Sound>,
    /// Why it has none.
    pub(super) withheld: Option<Withheld>,
    /// Where it is silent, and why.
    pub(super) gaps: Vec<Stretch>,
    /// Where this copy was made silent, and why.
    pub(super) silenced: Vec<Stretch>,
    /// Words by which the gate refused a piece of it.
    #[serde(skip)]
    pub(super) refused: Vec<String>,
}

/// A file of audio.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Sound {
    /// Its name in the package.
    pub(super) file: String,
    /// For which purpose it is kept.
    pub(super) purpose: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256.
    pub(super) sha256: String,
}

/// Why there is no audio of a leg.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Withheld {
    /// As codes; empty where the rules name none.
    pub(super) because: Vec<String>,
}

/// From when to when, on the call's timeline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Span {
    /// From.
    pub(super) start_micros: u64,
    /// Up to.
    pub(super) end_micros: u64,
}

/// A stretch that bears a word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Stretch {
    /// From.
    pub(super) start_micros: u64,
    /// Up to.
    pub(super) end_micros: u64,
    /// The word.
    pub(super) what: String,
}

/// Something that was noted in a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Note {
    /// Where.
    pub(super) position_micros: u64,
    /// What kind of thing.
    pub(super) kind: String,
    /// Which.
    pub(super) code: String,
}

/// That somebody has stated something about a call. Their words are with the controller, under that reference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Statement {
    /// Under which reference it is filed.
    pub(super) filed: String,
    /// When it was attached to the call.
    pub(super) at: String,
    /// The person's own request that it came with; none where it was another's, even who that is.
    pub(super) request: Option<String>,
    /// That moment.
    #[serde(skip)]
    pub(super) attached: Timestamp,
}

/// Consent, as it stands and as it came about.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub(super) struct Consent {
    /// How each purpose stands.
    pub(super) states: Vec<Standing>,
    /// What was said.
    pub(super) history: Vec<Said>,
}

/// How a purpose stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Standing {
    /// Which.
    pub(super) purpose: String,
    /// `given`, `withdrawn` ...
    pub(super) state: String,
    /// Since when; none where nothing was said.
    pub(super) since: Option<String>,
    /// `call` or `account`.
    pub(super) scope: &'static str,
    /// Of which call, where it is of one.
    pub(super) recording: Option<String>,
}

/// What was said about consent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Said {
    /// Its id, which evidence names.
    pub(super) event: Option<String>,
    /// When.
    pub(super) at: String,
    /// What.
    pub(super) what: &'static str,
    /// For which purposes.
    pub(super) purposes: Vec<String>,
    /// `call` or `account`.
    pub(super) scope: &'static str,
    /// In which call.
    pub(super) recording: Option<String>,
    /// To which notice.
    pub(super) notice: Option<String>,
    /// SHA-256 of its text.
    pub(super) notice_sha256: Option<String>,
    /// How.
    pub(super) how: Option<&'static str>,
    /// That moment.
    #[serde(skip)]
    pub(super) occurred: Timestamp,
}

/// A text that told of recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Notice {
    /// Its name in the policy.
    pub(super) name: String,
    /// SHA-256 of its text; none where only its name is known.
    pub(super) sha256: Option<String>,
    /// Its language.
    pub(super) language: Option<String>,
    /// Its words.
    pub(super) text: Option<String>,
    /// When it was shown or played.
    pub(super) shown_at: Vec<String>,
}

/// Somebody heard a call, or handed a copy out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Consultation {
    /// Which call.
    pub(super) recording: String,
    /// When.
    pub(super) at: String,
    /// `listened`, `opened` for the exercise of a right, or `handed-out` to the person.
    pub(super) what: &'static str,
    /// Whether it was a `person` or a `service`; never who.
    pub(super) by: &'static str,
    /// For which purpose.
    pub(super) purpose: Option<String>,
    /// For which use: `replay`, `review`, `rights` ...
    #[serde(rename = "use")]
    pub(super) wanted: Option<String>,
    /// That moment.
    #[serde(skip)]
    pub(super) moment: Timestamp,
}
