mod besides;
mod lines;
mod properties;
mod recordings;
mod whole;

use kernel::Basis;
use policy::rights::Question;

use super::*;
use crate::testing;

/// After every call of the tests.
pub(super) const LATER: Timestamp = Timestamp(i64::MAX);
/// No purpose was withdrawn.
pub(super) static NOTHING: BTreeSet<PurposeName> = BTreeSet::new();
/// No request of theirs has restricted anything.
pub(super) static NONE: BTreeSet<HoldId> = BTreeSet::new();
/// Of no call anything was said.
pub(super) static NOBODY: Confirmed = Confirmed { theirs: BTreeSet::new(), not_theirs: BTreeSet::new() };

/// Who asks, and for what.
#[derive(Debug)]
struct Who {
    key: RequestKey,
    subject: SubjectId,
    person: Person,
    rights: BTreeSet<Right>,
}

impl Who {
    fn asking(rights: &[Right]) -> Self {
        let key = RequestKey { tenant: testing::tenant(), id: RequestId::new() };
        let subject = SubjectId::new();
        let person = Person::new(subject, []);
        Self { key, subject, person, rights: rights.iter().copied().collect() }
    }

    fn asked(&self) -> Asked<'_> {
        let (key, rights, person) = (&self.key, &self.rights, &self.person);
        Asked {
            key,
            person,
            rights,
            own_hold: None,
            restricted: &NONE,
            received_at: LATER,
            consented_by: LATER,
            withdrawn: &NOTHING,
            confirmed: &NOBODY,
        }
    }

    /// A call with an agent, in which they are the customer.
    fn call(&self, purposes: &[(&str, Basis)]) -> Recording {
        testing::recording(RecordingId::new(), self.subject, SubjectId::new(), purposes)
    }

    /// What a call that is kept for all that it has a basis for comes to.
    fn items(&self, facts: &Recording) -> Vec<PlanItem> {
        of_recording(&self.asked(), facts, Some(&testing::explained(facts)), &BTreeMap::new()).unwrap()
    }
}

/// Items as `<right>/<leg, or metadata>: <presence>`, in order.
fn told(items: &[PlanItem], facts: &Recording) -> Vec<String> {
    let recording = format!("{}/", RecordingId::from_slice(&facts.recording_id).unwrap());
    let mut told: Vec<_> = items
        .iter()
        .map(|item| {
            let Question { right, presence, .. } = item.question;
            format!("{right}/{}: {presence}", item.artefact.to_string().replace(&recording, ""))
        })
        .collect();
    told.sort_unstable();
    told
}
