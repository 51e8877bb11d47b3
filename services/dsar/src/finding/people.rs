//! Who is on a recording, as seen by the person who asks. Pure.

use policy::rights::Presence;
use proto::archive::v1::{Recording, RecordingParty};

use super::ARCHIVE;
use crate::error::Error;
use crate::mesh::PartyRole;
use crate::person::Person;

/// The parties of a recording, of which at least one is the person.
pub(super) struct People<'a> {
    parties: &'a [RecordingParty],
    person: &'a Person,
}

impl<'a> People<'a> {
    pub(super) fn of(facts: &'a Recording, person: &'a Person) -> Result<Self, Error> {
        let people = Self { parties: &facts.parties, person };
        if people.parties.iter().any(|party| people.is_person(party)) {
            return Ok(people);
        }
        Err(Error::Answer { peer: ARCHIVE, what: "a recording that the person is not on" })
    }

    /// Whether the person works on the recording and is nothing else there.
    pub(super) fn is_at_work(&self) -> bool {
        let mut own = self.parties.iter().filter(|party| self.is_person(party));
        own.all(is_staff)
    }

    /// Whether a leg is the person's own.
    pub(super) fn is_own(&self, party: u32) -> bool {
        self.party(party).is_some_and(|party| self.is_person(party))
    }

    /// How the person appears in a party's leg: among others where that is another customer or a bystander,
    /// which any customer is to who works there. A leg of nobody who is named is taken for somebody else's.
    pub(super) fn on_leg(&self, party: u32) -> Presence {
        match self.party(party) {
            Some(party) if self.is_person(party) => Presence::Oneself,
            Some(party) if is_staff(party) => Presence::Dialog,
            Some(_) | None => Presence::Third,
        }
    }

    /// How the person appears in what is known of the call.
    pub(super) fn in_metadata(&self) -> Presence {
        let mut others = self.parties.iter().filter(|party| !self.is_person(party)).peekable();
        if others.peek().is_none() {
            return Presence::Oneself;
        }
        let is_dialog = self.is_at_work() || others.all(is_staff);
        if is_dialog { Presence::Dialog } else { Presence::Third }
    }

    fn party(&self, number: u32) -> Option<&RecordingParty> {
        self.parties.get(usize::try_from(number).ok()?)
    }

    fn is_person(&self, party: &RecordingParty) -> bool {
        self.person.is(&party.subject_id)
    }
}

/// Whether a party works there. Whoever has no role that is known is somebody whose rights count.
pub(super) fn is_staff(party: &RecordingParty) -> bool {
    match party.role() {
        PartyRole::Agent | PartyRole::Supervisor => true,
        PartyRole::Customer | PartyRole::Bystander | PartyRole::Unknown | PartyRole::Unspecified => false,
    }
}
