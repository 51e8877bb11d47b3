//! Calls of a line that several people use, such as a switchboard's number: whose each of them is only people can say,
//! and until they have, nothing is planned of it (scenario 25). Pure.

use std::collections::BTreeSet;

use kernel::{RecordingId, SubjectId, Timestamp};
use proto::archive::v1::Recording;
use proto::consent::v1::GetStateResponse;

use super::people::is_staff;
use crate::error::Error;
use crate::person::Person;

/// How many calls a refusal names.
const NAMED: usize = 10;

/// Whose calls of such a line are, as far as people have said.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Confirmed {
    /// The person's.
    pub theirs: BTreeSet<RecordingId>,
    /// Somebody else's: of these not even that they exist is told.
    pub not_theirs: BTreeSet<RecordingId>,
}

impl Confirmed {
    /// Takes in what was said elsewhere of calls of which nothing was said here.
    pub(crate) fn add(&mut self, other: &Self) {
        let (theirs, not_theirs) = (&self.theirs, &self.not_theirs);
        let is_new = |call: &&RecordingId| !theirs.contains(*call) && !not_theirs.contains(*call);
        let own: Vec<_> = other.theirs.iter().filter(is_new).copied().collect();
        let others: Vec<_> = other.not_theirs.iter().filter(is_new).copied().collect();
        self.theirs.extend(own);
        self.not_theirs.extend(others);
    }
}

/// Whether somebody has to say first whose a call is: the person is on it by nothing but a line that others use, too, or that
/// was somebody else's by then. Who works there is known by what they are there.
pub(crate) fn is_to_confirm(
    person: &Person,
    confirmed: &Confirmed,
    id: RecordingId,
    facts: &Recording,
) -> bool {
    let own = facts.parties.iter().filter(|party| person.is(&party.subject_id) && !is_staff(party));
    let mut own = own.peekable();
    let is_known = own.peek().is_none() || confirmed.theirs.contains(&id);
    let began = Timestamp(facts.started_at);
    !is_known && own.all(|party| person.is_one_of_several(&party.subject_id, began))
}

/// Refuses a plan while it is not known of each call whose it is.
pub(crate) fn check(to_confirm: &BTreeSet<RecordingId>) -> Result<(), Error> {
    if to_confirm.is_empty() {
        return Ok(());
    }
    let count = to_confirm.len();
    let named: Vec<_> = to_confirm.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    let calls = if count == 1 { "1 call".to_owned() } else { format!("{count} calls") };
    let why = format!(
        "others use or have got the person's line: of {calls} it is to be said first whose, {}{more}",
        named.join(", ")
    );
    Err(Error::refused("calls-to-confirm", why))
}

/// A subject's consent without what was said in calls that are somebody else's, or of which nobody has said whose they are.
pub(super) fn leave_out(
    consent: &mut GetStateResponse,
    person: &Person,
    subject: SubjectId,
    confirmed: &Confirmed,
) {
    let Confirmed { theirs, not_theirs } = confirmed;
    let (id, whole) =
        (subject.to_bytes(), person.is_one_of_several(&subject.to_bytes(), Timestamp(i64::MIN)));
    let is_theirs = |call: &[u8], is_unsure: bool| match RecordingId::from_slice(call) {
        Ok(call) => !not_theirs.contains(&call) && (!is_unsure || theirs.contains(&call)),
        // It was said in no call.
        Err(_) => true,
    };
    consent.history.retain(|event| {
        is_theirs(&event.recording_id, person.is_one_of_several(&id, Timestamp(event.occurred_at)))
    });
    consent.states.retain(|state| is_theirs(&state.recording_id, whole));
}
