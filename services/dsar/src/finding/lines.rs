//! Calls of a line that several people use, such as a switchboard's number: whose each of them is only people can say,
//! and until they have, nothing is planned of it (scenario 25). Pure.

use std::collections::BTreeSet;

use kernel::RecordingId;
use proto::archive::v1::Recording;
use proto::consent::v1::GetStateResponse;

use super::Asked;
use super::people::is_staff;
use crate::error::Error;

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

/// Whether somebody has to say first whose a call is: the person is on it by nothing but a line that others use, too. Who
/// works there is known by what they are there.
pub(super) fn is_to_confirm(asked: &Asked<'_>, id: RecordingId, facts: &Recording) -> bool {
    let own = facts.parties.iter().filter(|party| asked.person.is(&party.subject_id) && !is_staff(party));
    let mut own = own.peekable();
    let is_known = own.peek().is_none() || asked.confirmed.theirs.contains(&id);
    !is_known && own.all(|party| asked.person.is_one_of_several(&party.subject_id))
}

/// Refuses a plan while it is not known of each call whose it is.
pub(super) fn check(to_confirm: &BTreeSet<RecordingId>) -> Result<(), Error> {
    if to_confirm.is_empty() {
        return Ok(());
    }
    let count = to_confirm.len();
    let named: Vec<_> = to_confirm.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    let calls = if count == 1 { "1 call".to_owned() } else { format!("{count} calls") };
    let why = format!(
        "several people use the person's line: of {calls} it is to be said first whose, {}{more}",
        named.join(", ")
    );
    Err(Error::refused("calls-to-confirm", why))
}

/// Consent without what was said in calls that are somebody else's.
pub(crate) fn leave_out(consent: &mut GetStateResponse, not_theirs: &BTreeSet<RecordingId>) {
    let is_theirs = |call: &[u8]| {
        let call = RecordingId::from_slice(call);
        !call.is_ok_and(|call| not_theirs.contains(&call))
    };
    consent.history.retain(|event| is_theirs(&event.recording_id));
    consent.states.retain(|state| is_theirs(&state.recording_id));
}
