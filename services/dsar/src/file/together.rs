//! Requests that belong together: which others a request is linked to, and what another one takes of it. Pure.

use std::collections::BTreeSet;

use kernel::{RequestId, Timestamp};
use policy::deadline::{CalendarId, CalendarStamp, Clock};
use policy::request::{Actor, Event, ItemKey, Part, RequestKey as Key};

use super::File;
use crate::act::{MAX_NAMED, MergedPart};
use crate::error::Error;

impl File {
    /// Which request asks the same; none where none was found.
    pub fn duplicate_of(&self) -> Option<RequestId> {
        self.request.duplicate_of().and_then(id_of)
    }

    /// With which request it is answered; none where it is answered by itself.
    pub fn merged_into(&self) -> Option<RequestId> {
        self.request.merged_into().and_then(id_of)
    }

    /// The requests that are answered with it.
    pub fn parts(&self) -> Vec<RequestId> {
        self.request.parts().filter_map(|part| id_of(part.key())).collect()
    }

    /// Whether another one is answered with it.
    pub fn has_part(&self, other: RequestId) -> bool {
        self.parts().contains(&other)
    }

    /// This request, as another one takes it in; refused where it cannot be.
    pub fn as_part(&self) -> Result<MergedPart, Error> {
        self.request.part()?;
        let clock = self.request.clock();
        Ok(MergedPart {
            request: id_of(self.request.key()).ok_or(Error::Damaged("a request's id"))?,
            rights: self.request.rights(),
            received_at: clock.received_at(),
            jurisdiction: clock.jurisdiction(),
            region: clock.region(),
            calendar: clock.calendar().version,
            extended: clock.extension(),
        })
    }

    /// Refuses a request that cannot be answered with another one.
    pub fn check_part_of(&self, into: RequestId, by: &Actor, now: Timestamp) -> Result<(), Error> {
        self.request.apply(Event::MergedInto { into: name(into)?, by: by.clone() }, now)?;
        Ok(())
    }

    /// What may have been another person's, once another request is taken apart from this one: at most [`MAX_NAMED`], those
    /// first that are not written down yet. Refused where the two are not merged.
    pub fn assessed_without(
        &self,
        other: RequestId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<BTreeSet<ItemKey>, Error> {
        let apart = self.request.apply(Event::Unmerged { other: name(other)?, by: by.clone() }, now)?;
        let new = apart.to_assess().difference(&self.to_assess);
        Ok(new.chain(&self.to_assess).take(MAX_NAMED).cloned().collect())
    }
}

/// A request's name in the lifecycle.
pub(super) fn name(id: RequestId) -> Result<Key, Error> {
    Key::new(id.to_string()).map_err(|_| Error::Damaged("a request's id"))
}

/// The request that has a name; each of them was made by [`name`].
fn id_of(name: &Key) -> Option<RequestId> {
    name.as_str().parse().ok()
}

/// Another request, as it stood when it was merged.
pub(super) fn part_of(part: &MergedPart) -> Result<Part, Error> {
    let calendar = CalendarStamp { id: CalendarId::of(part.jurisdiction), version: part.calendar };
    let MergedPart { received_at, jurisdiction, region, extended, .. } = *part;
    let clock = Clock::restore(received_at, jurisdiction, region, calendar, extended, Vec::new())?;
    Ok(Part::restored(name(part.request)?, part.rights.clone(), clock))
}
