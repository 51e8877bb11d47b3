//! Every sentence that a letter may have. A language is whatever says all of them.

use jiff::civil::Date;
use kernel::{PurposeName, RegimeName};
use policy::deadline::{Extension, Law};
use policy::request::{Channel, Ending, Ground, Need, Remedy};
use policy::rights::{BasisState, Category, Outcome, Reason, Right, RuleId};

use super::authority::Authority;

/// How far what was decided is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Progress {
    /// It is still to be done.
    Planned,
    /// It is done.
    Done,
}

impl Progress {
    /// Of two sentences the one that is true.
    pub(super) fn pick(self, done: &'static str, planned: &'static str) -> &'static str {
        match self {
            Self::Done => done,
            Self::Planned => planned,
        }
    }
}

/// Why nothing was looked for under a right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Barrier {
    /// Who asks has not been shown yet.
    Awaited,
    /// It could not be shown.
    Failed,
    /// Nobody has shown that a representative may ask for this.
    Authority,
}

impl Barrier {
    /// Every one, in the order in which they are told.
    pub(super) const ALL: [Self; 3] = [Self::Awaited, Self::Failed, Self::Authority];
}

/// On which days something ends: from the first to the last, which may be the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Days {
    /// The first.
    pub(super) first: Date,
    /// The last.
    pub(super) last: Date,
}

/// What a group of items is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct About {
    /// What kind of data; none where a purpose as such is meant.
    pub(super) category: Option<Category>,
    /// For which purpose it is kept.
    pub(super) purpose: Option<PurposeName>,
    /// What that rests on; none where it says nothing to whoever asks.
    pub(super) basis: Option<BasisState>,
    /// Whose voice it is; none of what is no voice, and where all voices of a call are treated alike.
    pub(super) voice: Option<Voice>,
}

/// Whose voice a leg of a call has, for whoever asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Voice {
    /// Their own.
    Own,
    /// Somebody else's.
    Other,
}

/// What somebody else's voice is missing from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Missing {
    /// The whole package, which names it as left out.
    Package,
    /// What can be carried elsewhere: the package has it beside that.
    Portable,
}

/// What is kept as a proof, whatever is erased (rule E2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// Of consent.
    Consent,
    /// Of who opened what.
    Log,
    /// Of how requests were answered.
    Requests,
}

impl Kept {
    /// What a kind of data proves; none of one that is no proof.
    pub(super) fn of(category: Category) -> Option<Self> {
        match category {
            Category::ConsentEvidence => Some(Self::Consent),
            Category::AccessLog => Some(Self::Log),
            Category::DsarFile => Some(Self::Requests),
            Category::AudioLeg
            | Category::AudioMix
            | Category::Transcript
            | Category::CallMetadata
            | Category::Signalling
            | Category::Dtmf
            | Category::Screen
            | Category::AgentNote
            | Category::Derived
            | Category::Voiceprint
            | Category::SearchIndex
            | Category::Embedding
            | Category::BackupCopy => None,
        }
    }
}

impl About {
    /// Whether it rests on a consent that stands.
    pub(super) fn rests_on_consent(&self) -> bool {
        matches!(self.basis, Some(BasisState::ConsentLive | BasisState::Explicit9a))
    }

    /// A purpose's name as it is read: `verbal-contract` is a name for programs.
    pub(super) fn purpose_in_words(&self) -> Option<String> {
        self.purpose.as_ref().map(|purpose| purpose.as_str().replace('-', " "))
    }
}

/// A language.
pub(super) trait Phrases {
    /// The letter's title.
    fn title(&self, received: Date) -> String;
    /// The request's reference.
    fn reference(&self, id: &str) -> String;
    /// When the request was received, and how it came.
    fn received(&self, on: Date, channel: Channel) -> String;
    /// What comes before the list of [`Self::asked`].
    fn asked_for(&self) -> &'static str;
    /// What was asked, as one line of a list.
    fn asked(&self, right: Right) -> &'static str;
    /// Whose articles are named.
    fn law(&self, law: Law) -> &'static str;
    /// Whose data is meant where somebody asks for somebody else.
    fn on_behalf(&self) -> &'static str;
    /// That another request of theirs is answered by the same letter.
    fn answers_too(&self, received: Date, reference: &str) -> String;
    /// That this request is answered by the letter about another one of theirs.
    fn answered_with(&self, reference: &str) -> String;
    /// That so many calls turned out to be somebody else's, of which nothing is told.
    fn not_yours(&self, calls: usize) -> String;
    /// Whom to turn to.
    fn closing(&self) -> &'static str;

    /// That it is worked on.
    fn working(&self) -> &'static str;
    /// Until when it is answered.
    fn due(&self, on: Date, law: Law) -> String;
    /// That there are two months more, and why.
    fn extended(&self, extension: &Extension, told: Date) -> String;
    /// That nothing is expected of who asks.
    fn nothing_needed(&self) -> &'static str;
    /// That this is how things stand, and not the answer.
    fn interim(&self) -> &'static str;
    /// What the request came to.
    fn ending(&self, ending: Ending) -> &'static str;
    /// That all was done, and only the names of staff are left out.
    fn but_names(&self) -> &'static str;

    /// A right's name, as a heading.
    fn heading(&self, right: Right) -> &'static str;
    /// That nothing was found.
    fn nothing_found(&self) -> &'static str;
    /// That something is not decided; the same whatever the reason.
    fn examined(&self) -> &'static str;
    /// What a group is about; empty where the heading says it.
    fn about(&self, about: &About) -> String;
    /// What was done, or is to be.
    fn outcome(&self, outcome: Outcome, progress: Progress) -> &'static str;
    /// That the log of who opened what is given without the names of staff.
    fn log(&self, progress: Progress) -> &'static str;
    /// That somebody else's voice is not there.
    fn missing(&self, missing: Missing, progress: Progress) -> &'static str;
    /// Why.
    fn rule(&self, rule: RuleId) -> &'static str;
    /// What of a log is told in spite of rule A3, and what is not.
    fn log_without_names(&self) -> &'static str;
    /// What that proves which rule E2 keeps.
    fn proves(&self, kept: Kept) -> &'static str;
    /// That rule E10 withdraws no consent, and how that is done.
    fn consent_stands(&self) -> &'static str;
    /// Why somebody else's voice cannot be carried elsewhere: rule P4 speaks of what the person provided.
    fn not_provided(&self) -> &'static str;
    /// That it is kept for another person's request, and not against who asks.
    fn for_another(&self) -> &'static str;
    /// On which ground of Art. 18(1) it is restricted.
    fn ground(&self, ground: Ground) -> &'static str;
    /// That the person is told before a restriction ends (Art. 18(3)).
    fn told_first(&self) -> &'static str;
    /// That it was restricted, and is not any more.
    fn lifted(&self) -> &'static str;
    /// That the person needs no more what was kept for a claim of theirs.
    fn waived(&self) -> &'static str;
    /// A reason's code in words.
    fn reason(&self, reason: Reason) -> &'static str;
    /// The source of a duty; none of one that has no words here.
    fn regime(&self, regime: &RegimeName) -> Option<&'static str>;
    /// When a duty ends, and that it is erased then.
    fn erased_after(&self, days: Option<Days>, source: Option<&str>) -> String;
    /// Until when it is kept.
    fn kept_until(&self, days: Days) -> String;
    /// That a person did it by hand, and that it is filed.
    fn by_hand(&self) -> &'static str;
    /// What comes before a list of so many calls.
    fn calls(&self, count: usize) -> String;
    /// One call, by its day and time, with the day until which it is kept where that is not the same for all.
    fn call(&self, on: Date, at: &str, until: Option<Date>) -> String;
    /// More calls than are listed.
    fn many_calls(&self, count: usize, first: Date, last: Date) -> String;
    /// What the package tells besides (Art. 15(1)).
    fn package(&self) -> &'static str;

    /// The heading over what has to be shown.
    fn identity(&self) -> &'static str;
    /// Why nothing was looked for under the rights that follow.
    fn barred(&self, barrier: Barrier) -> &'static str;
    /// How that can be shown.
    fn proof(&self, need: Need) -> &'static str;
    /// How a representative shows that they may ask.
    fn mandate(&self) -> &'static str;

    /// The heading over remedies.
    fn remedies(&self) -> &'static str;
    /// Where to go with a refusal.
    fn remedy(&self, remedy: Remedy, authority: Authority, law: Law) -> String;

    /// The heading over codes.
    fn records(&self) -> &'static str;
    /// The rule that decided, its version, and the reason's code.
    fn record(&self, rule: RuleId, ruleset: u32, reason: Option<Reason>) -> String;
}

/// A month's name.
pub(super) fn month(names: &[&'static str; 12], date: Date) -> &'static str {
    let place = usize::try_from(date.month()).ok().and_then(|month| month.checked_sub(1));
    place.and_then(|place| names.get(place)).copied().unwrap_or_default()
}
