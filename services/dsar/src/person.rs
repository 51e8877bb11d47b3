//! Everybody who is one person, as consent knows it: whoever asks as one of them asks for all of them (scenario 27). Pure.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{SubjectId, Timestamp};

/// All time.
pub(crate) const EVER: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

/// The subjects that are one person; never none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    subjects: BTreeSet<SubjectId>,
    /// Of whom it is not known for some time whether it was they who were on their line: from when, and until when.
    unsure: BTreeMap<SubjectId, Vec<(Timestamp, Timestamp)>>,
    /// When somebody was last found not to be this person after all.
    parted_at: Option<Timestamp>,
}

impl Person {
    /// One subject, with those who are the same person.
    pub fn new(subject: SubjectId, others: impl IntoIterator<Item = SubjectId>) -> Self {
        let subjects = others.into_iter().chain([subject]).collect();
        Self { subjects, unsure: BTreeMap::new(), parted_at: None }
    }

    /// With those of them who are known by a line that several people use (scenario 25).
    #[must_use]
    pub fn on_shared_lines(self, subjects: impl IntoIterator<Item = SubjectId>) -> Self {
        subjects.into_iter().fold(self, |person, subject| person.unsure(subject, EVER.0, EVER.1))
    }

    /// With one of them of whom it is not known of some time whether it was they who were on their line: somebody else had it
    /// by then, and that was said only later (scenario 24).
    #[must_use]
    pub fn unsure(mut self, subject: SubjectId, from: Timestamp, until: Timestamp) -> Self {
        self.unsure.entry(subject).or_default().push((from, until));
        self
    }

    /// Whether there is any such time.
    pub fn is_unsure(&self) -> bool {
        !self.unsure.is_empty()
    }

    /// With when somebody was last found not to be this person after all.
    #[must_use]
    pub fn parted(mut self, at: Option<Timestamp>) -> Self {
        self.parted_at = at;
        self
    }

    /// Whether a party, or whoever else is named by an id, is this person.
    pub fn is(&self, id: &[u8]) -> bool {
        SubjectId::from_slice(id).is_ok_and(|id| self.subjects.contains(&id))
    }

    /// Whether a party of then may be this person, or somebody else who used the same line.
    pub fn is_one_of_several(&self, id: &[u8], at: Timestamp) -> bool {
        let times = SubjectId::from_slice(id).ok().and_then(|id| self.unsure.get(&id));
        times.into_iter().flatten().any(|(from, until)| (*from..=*until).contains(&at))
    }

    /// Each of them.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> + '_ {
        self.subjects.iter().copied()
    }

    /// When somebody was last found not to be this person after all; none where nobody was.
    pub fn parted_at(&self) -> Option<Timestamp> {
        self.parted_at
    }
}
