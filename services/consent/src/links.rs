//! Which subjects are one person: decided purely, so that every adapter of the store decides alike.
//!
//! Whoever finds out asks for a link, and somebody else agrees to it on the same evidence. Both are steps
//! of the pair, numbered without a hole and only ever added, so that of two who come at once the second
//! decides again. Links are those steps two by two, and who is one person is a fold over them. Nothing else
//! follows from a link: keys, consent and recordings stay whose they were, so that an unmerge has nothing
//! to put back.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kernel::{ErrorCode, SubjectId, Timestamp};
use policy::code::Code;

/// Most subjects that are one person.
pub const MAX_SUBJECTS: usize = 64;
/// Most pairs that a subject is in, merged or not.
pub const MAX_PAIRS: usize = 1_000;
/// Most steps of a pair that may still be merged.
pub const MAX_STEPS: u32 = 1_000;

/// What a link says of two subjects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LinkOp {
    /// They are one person.
    Merge,
    /// They are two after all.
    Unmerge,
}

impl LinkOp {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Merge, Self::Unmerge];

    /// The number of `verbale.consent.v1.LinkOp`: what is stored; never reused.
    pub fn number(self) -> i32 {
        match self {
            Self::Merge => 1,
            Self::Unmerge => 2,
        }
    }

    /// The one with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.number() == number)
    }

    /// The word that audit entries have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Unmerge => "unmerge",
        }
    }
}

/// How far a link is after a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// Somebody asks for it; nothing has changed.
    Asked,
    /// Somebody else agreed; it holds.
    Agreed,
}

impl Stage {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Asked, Self::Agreed];

    /// What is stored; never reused.
    pub fn number(self) -> i32 {
        match self {
            Self::Asked => 1,
            Self::Agreed => 2,
        }
    }

    /// The one with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.number() == number)
    }

    /// The word that audit entries have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Agreed => "agreed",
        }
    }
}

/// Two different subjects, in the order of their ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pair {
    a: SubjectId,
    b: SubjectId,
}

impl Pair {
    /// Of these two, in any order.
    pub fn new(one: SubjectId, other: SubjectId) -> Result<Self, LinkRefusal> {
        match one.cmp(&other) {
            Ordering::Less => Ok(Self { a: one, b: other }),
            Ordering::Greater => Ok(Self { a: other, b: one }),
            Ordering::Equal => Err(LinkRefusal::SameSubject),
        }
    }

    /// The first of them.
    pub fn a(self) -> SubjectId {
        self.a
    }

    /// The second of them.
    pub fn b(self) -> SubjectId {
        self.b
    }

    /// Both of them.
    pub fn both(self) -> [SubjectId; 2] {
        [self.a, self.b]
    }
}

/// One step of a pair; never changed or removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkStep {
    /// Of whom.
    pub pair: Pair,
    /// Its place among the pair's steps, from 1.
    pub number: u32,
    /// How far the link is with it.
    pub stage: Stage,
    /// What the link says.
    pub op: LinkOp,
    /// Under which reference the evidence is filed.
    pub evidence: Code,
    /// The account of whoever made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl LinkStep {
    /// The link that it asks for, with the step that agreed to it.
    fn link(&self, agreed: Option<&Self>) -> SubjectLink {
        SubjectLink {
            a: self.pair.a,
            b: self.pair.b,
            op: self.op,
            evidence: self.evidence.clone(),
            asked_by: self.by.clone(),
            agreed_by: agreed.map(|agreed| agreed.by.clone()),
            at: agreed.map_or(self.at, |agreed| agreed.at),
        }
    }
}

/// What was found of two subjects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectLink {
    /// One of them.
    pub a: SubjectId,
    /// The other one.
    pub b: SubjectId,
    /// What it says of them.
    pub op: LinkOp,
    /// Under which reference the evidence is filed.
    pub evidence: Code,
    /// Who asked for it.
    pub asked_by: String,
    /// Who agreed; none while nobody has, and then it has no effect.
    pub agreed_by: Option<String>,
    /// When it was agreed to, or else asked for.
    pub at: Timestamp,
}

/// What somebody wants to be said of two subjects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Of whom.
    pub pair: Pair,
    /// What.
    pub op: LinkOp,
    /// On which evidence.
    pub evidence: Code,
}

/// Why a link is not taken; nothing is changed then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum LinkRefusal {
    /// There is nothing to say of one subject.
    #[error("a subject is linked with another one, not with itself")]
    SameSubject,
    /// Two people must find the same.
    #[error("another person than the one who asked must agree")]
    SamePerson,
    /// They are one already.
    #[error("the two subjects are merged already")]
    AlreadyMerged,
    /// They were not said to be one.
    #[error("the two subjects are not merged with each other")]
    NotMerged,
    /// Whoever agrees must go by what was asked.
    #[error("the link was asked for on another evidence")]
    OtherEvidence,
    /// Nobody has so many.
    #[error("more than 64 subjects would be one person")]
    TooManySubjects,
    /// A subject is in as many pairs, or a pair has as many steps, as may be.
    #[error("the subjects have as many links as may be")]
    TooManyLinks,
}

impl LinkRefusal {
    /// Every refusal.
    pub const ALL: [Self; 7] = [
        Self::SameSubject,
        Self::SamePerson,
        Self::AlreadyMerged,
        Self::NotMerged,
        Self::OtherEvidence,
        Self::TooManySubjects,
        Self::TooManyLinks,
    ];

    /// The code that callers get.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameSubject => "same-subject",
            Self::SamePerson => "same-person",
            Self::AlreadyMerged => "already-merged",
            Self::NotMerged => "not-merged",
            Self::OtherEvidence => "other-evidence",
            Self::TooManySubjects => "too-many-subjects",
            Self::TooManyLinks => "too-many-links",
        }
    }

    /// The kind of failure.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::SameSubject => ErrorCode::InvalidArgument,
            Self::SamePerson => ErrorCode::PermissionDenied,
            Self::AlreadyMerged
            | Self::NotMerged
            | Self::OtherEvidence
            | Self::TooManySubjects
            | Self::TooManyLinks => ErrorCode::FailedPrecondition,
        }
    }
}

/// Which subjects are one person now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Links {
    /// With whom each is merged, both ways; nobody has an empty set.
    merged: BTreeMap<SubjectId, BTreeSet<SubjectId>>,
}

impl Links {
    /// Folds what was agreed to; of each pair in its own order.
    pub fn fold(history: &[SubjectLink]) -> Self {
        let mut links = Self::default();
        for link in history.iter().filter(|link| link.agreed_by.is_some()) {
            match link.op {
                LinkOp::Merge => links.join(link.a, link.b),
                LinkOp::Unmerge => links.cut(link.a, link.b),
            }
        }
        links
    }

    /// Whether these two are merged with each other, and not only through others.
    pub fn is_merged(&self, pair: Pair) -> bool {
        self.merged.get(&pair.a).is_some_and(|others| others.contains(&pair.b))
    }

    /// Everybody who is the same person, this subject among them.
    pub fn person(&self, subject: SubjectId) -> BTreeSet<SubjectId> {
        let mut person = BTreeSet::new();
        let mut waiting = vec![subject];
        while let Some(next) = waiting.pop() {
            if person.insert(next) {
                waiting.extend(self.merged.get(&next).into_iter().flatten());
            }
        }
        person
    }

    fn join(&mut self, a: SubjectId, b: SubjectId) {
        for (one, other) in [(a, b), (b, a)] {
            self.merged.entry(one).or_default().insert(other);
        }
    }

    fn cut(&mut self, a: SubjectId, b: SubjectId) {
        for (one, other) in [(a, b), (b, a)] {
            if let Some(others) = self.merged.get_mut(&one) {
                others.remove(&other);
            }
        }
        self.merged.retain(|_, others| !others.is_empty());
    }
}

/// The links that these steps come to, in their order: what was agreed to, and what still waits for
/// somebody to agree. Steps are by pair and number.
pub fn history(steps: &[LinkStep]) -> Vec<SubjectLink> {
    let mut links = Vec::new();
    for (place, asked) in steps.iter().enumerate().filter(|(_, step)| step.stage == Stage::Asked) {
        let next = steps.get(place + 1).filter(|next| next.pair == asked.pair);
        match next.map(|next| (next.stage, next)) {
            Some((Stage::Agreed, agreed)) => links.push(asked.link(Some(agreed))),
            // Whoever asked has asked anew.
            Some((Stage::Asked, _)) => {}
            None => links.push(asked.link(None)),
        }
    }
    links
}

/// Decides what step follows from what somebody wants; `steps` are those of everybody who is one person
/// with either subject, by pair and number. Whoever has asked may ask anew on another evidence, in the
/// place of the first.
pub fn decide(wanted: &Wanted, by: &str, at: Timestamp, steps: &[LinkStep]) -> Result<LinkStep, LinkRefusal> {
    let Wanted { pair, op, evidence } = wanted;
    let links = Links::fold(&history(steps));
    match (op, links.is_merged(*pair)) {
        (LinkOp::Merge, true) => return Err(LinkRefusal::AlreadyMerged),
        (LinkOp::Unmerge, false) => return Err(LinkRefusal::NotMerged),
        (LinkOp::Merge, false) => check_room(*pair, &links, steps)?,
        (LinkOp::Unmerge, true) => {}
    }
    let last = steps.iter().rfind(|step| step.pair == *pair);
    let stage = match last.filter(|step| step.stage == Stage::Asked) {
        None => Stage::Asked,
        Some(asked) => match (asked.by == by, asked.evidence == *evidence) {
            (true, true) => return Err(LinkRefusal::SamePerson),
            (true, false) => Stage::Asked,
            (false, true) => Stage::Agreed,
            (false, false) => return Err(LinkRefusal::OtherEvidence),
        },
    };
    let number = last.map_or(0, |step| step.number).saturating_add(1);
    let (evidence, by) = (evidence.clone(), by.to_owned());
    Ok(LinkStep { pair: *pair, number, stage, op: *op, evidence, by, at })
}

/// Whether a merge keeps to the bounds.
fn check_room(pair: Pair, links: &Links, steps: &[LinkStep]) -> Result<(), LinkRefusal> {
    let mut person = links.person(pair.a);
    person.extend(links.person(pair.b));
    if person.len() > MAX_SUBJECTS {
        return Err(LinkRefusal::TooManySubjects);
    }
    let own = steps.iter().filter(|step| step.pair == pair);
    let is_long = own.map(|step| step.number).max().is_some_and(|number| number >= MAX_STEPS);
    let others: BTreeSet<Pair> = steps.iter().map(|step| step.pair).filter(|other| *other != pair).collect();
    let pairs_of = |subject| others.iter().filter(|other| other.both().contains(&subject)).count();
    let is_full = pair.both().into_iter().any(|subject| pairs_of(subject) >= MAX_PAIRS);
    if is_long || is_full { Err(LinkRefusal::TooManyLinks) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
