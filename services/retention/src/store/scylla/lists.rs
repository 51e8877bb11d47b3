//! Which items run, are deferred, are owed: pointers, by erasure and recording. The row decides.
//!
//! A pointer lies with those of its erasure. Which erasures have pointers is a list of each day, and which days have any is
//! a list of its own: what is owed waits for locks of years. All three are written before the row says so, at a quorum,
//! so that an item that was added is found by whoever looks after that, whatever process added it.
//!
//! A pointer is told where its item is in that list. One whose item is not is left from a change: it is removed. One
//! without an item is left from an act that a crash cut off, and stays, since the act comes again. A list that is found
//! empty leaves the list above it, unless it was put there since [`super::MARGIN`] before the look.
//!
//! A page of pointers that are all left from changes is no page: the next is read.

use futures::{FutureExt, StreamExt, TryStreamExt, future, stream};
use kernel::{ErasureId, RecordingId, TenantId, Timestamp};

use super::error::Error;
use super::items::ItemKey;
use super::{AT_ONCE, Inner, before, day, rows};
use crate::erasure::{Item, Step};

/// Days that are read at once.
const DAYS: usize = 500;

/// A list of items; its number is stored, and never reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum List {
    Running = 1,
    Deferred = 2,
    Owed = 3,
}

/// Which item a pointer leads to.
type Place = (ErasureId, RecordingId);

/// The list of a tenant that is asked for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    tenant: &'a TenantId,
    list: List,
}

impl List {
    /// The one that has the item, if any has.
    pub(super) fn of(item: &Item) -> Option<Self> {
        match item.step {
            Step::Registered | Step::Decided | Step::KeysRemoved | Step::ObjectsErased => Some(Self::Running),
            Step::Deferred => Some(Self::Deferred),
            Step::Done => item.is_owed().then_some(Self::Owed),
            Step::Refused => None,
        }
    }

    pub(super) fn number(self) -> i64 {
        self as i64
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        [Self::Running, Self::Deferred, Self::Owed].into_iter().find(|list| list.number() == number)
    }
}

impl Inner {
    /// Leads to an item that is about to be in a list.
    pub(super) async fn point_listed(&self, key: ItemKey<'_>, list: List) -> Result<(), Error> {
        let (with, list) = (&self.statements, list.number());
        let (tenant, erasure, recording) = key.values();
        future::try_join3(
            self.cql.write(&with.point_list_day, (tenant, list, day(erasure))),
            self.cql.write(&with.point_list_erasure, (tenant, list, day(erasure), erasure)),
            self.cql.write(&with.point_listed, (tenant, list, erasure, recording)),
        )
        .await?;
        Ok(())
    }

    /// Takes a pointer away that the row was seen not to need, by a look at that time.
    pub(super) async fn unlist(
        &self,
        key: ItemKey<'_>,
        list: List,
        looked_at: Timestamp,
    ) -> Result<(), Error> {
        let (tenant, erasure, recording) = key.values();
        let values = (before(looked_at), tenant, list.number(), erasure, recording);
        Ok(self.cql.write(&self.statements.drop_listed, values).await?)
    }

    /// The items of a list, in order of erasure and recording, after one.
    pub(super) async fn listed_items(
        &self,
        tenant: &TenantId,
        list: List,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        let (wanted, mut after, mut found) = (Wanted { tenant, list }, after, Vec::new());
        while found.len() < limit {
            let (looked_at, room) = (self.clock.now(), limit - found.len());
            let places = self.places(wanted, after, room).await?;
            let is_last = places.len() < room;
            after = places.last().copied().or(after);
            let looks: Vec<_> =
                places.into_iter().map(|place| self.look_listed(wanted, place, looked_at).boxed()).collect();
            let told: Vec<Option<Item>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
            found.extend(told.into_iter().flatten());
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The next pointers of a list.
    async fn places(
        &self,
        wanted: Wanted<'_>,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Place>, Error> {
        let mut first = after.map_or(i64::MIN, |(erasure, _)| day(erasure.to_bytes()));
        let mut found = Vec::new();
        loop {
            let values = (wanted.tenant.as_str(), wanted.list.number(), first);
            let days: Vec<(i64,)> = self.cql.rows(&self.statements.list_days, values, DAYS).await?;
            for (day,) in &days {
                self.places_of_day(wanted, *day, after, limit, &mut found).await?;
                if found.len() >= limit {
                    return Ok(found);
                }
            }
            match days.last() {
                Some((day,)) if days.len() == DAYS => first = day.saturating_add(1),
                Some(_) | None => return Ok(found),
            }
        }
    }

    /// Adds the pointers to items of one day's erasures, until there are as many as are wanted.
    async fn places_of_day(
        &self,
        wanted: Wanted<'_>,
        day: i64,
        after: Option<Place>,
        limit: usize,
        found: &mut Vec<Place>,
    ) -> Result<(), Error> {
        let after = after.filter(|(erasure, _)| super::day(erasure.to_bytes()) == day);
        let mut cursor = after.map_or(Vec::new(), |(erasure, _)| erasure.to_bytes().to_vec());
        let mut is_whole = after.is_none();
        while found.len() < limit {
            let (looked_at, room) = (self.clock.now(), limit - found.len());
            let values = (wanted.tenant.as_str(), wanted.list.number(), day, cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.list_erasures, values, AT_ONCE).await?;
            let Some((last,)) = ids.last() else {
                return if is_whole { self.drop_day(wanted, day, looked_at).await } else { Ok(()) };
            };
            let is_last = ids.len() < AT_ONCE;
            // The first id above it.
            (cursor, is_whole) = ([last.as_slice(), &[0]].concat(), false);
            let erasures = ids.iter().map(|(id,)| rows::erasure_id("retention_list_erasure", id));
            let erasures: Vec<ErasureId> = erasures.collect::<Result<_, _>>()?;
            let reads = erasures.into_iter().map(|erasure| {
                let after = after.filter(|(own, _)| *own == erasure).map(|(_, recording)| recording);
                self.places_of(wanted, erasure, after, room).boxed()
            });
            let reads: Vec<_> = reads.collect();
            let parts: Vec<Vec<Place>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            found.extend(parts.into_iter().flatten().take(room));
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next pointers to items of one erasure.
    async fn places_of(
        &self,
        wanted: Wanted<'_>,
        erasure: ErasureId,
        after: Option<RecordingId>,
        limit: usize,
    ) -> Result<Vec<Place>, Error> {
        let looked_at = self.clock.now();
        let cursor = after.map_or(Vec::new(), |after| after.to_bytes().to_vec());
        let values = (wanted.tenant.as_str(), wanted.list.number(), erasure.to_bytes(), cursor);
        let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.listed, values, limit).await?;
        if ids.is_empty() && after.is_none() {
            self.drop_erasure(wanted, erasure, looked_at).await?;
        }
        let place = |(id,): &(Vec<u8>,)| Ok((erasure, rows::recording_id("retention_listed", id)?));
        ids.iter().map(place).collect()
    }

    /// The item, if it is in the list. Who stops what runs goes by the row as every change leaves it that is still under
    /// way, too; what is deferred or owed is seen as the last change left it that was answered.
    async fn look_listed(
        &self,
        wanted: Wanted<'_>,
        place: Place,
        looked_at: Timestamp,
    ) -> Result<Option<Item>, Error> {
        let Wanted { tenant, list } = wanted;
        let (erasure, recording) = place;
        let key = ItemKey { tenant, erasure, recording };
        let is_in = |item: &Item| List::of(item) == Some(list);
        let answered = match list {
            List::Running => None,
            List::Deferred | List::Owed => self.item(tenant, erasure, recording).await?,
        };
        if answered.as_ref().is_some_and(is_in) {
            return Ok(answered);
        }
        let Some(item) = self.settled_item(key).await? else { return Ok(None) };
        if is_in(&item) {
            return Ok(Some(item));
        }
        self.unlist(key, list, looked_at).await?;
        Ok(None)
    }

    async fn drop_erasure(
        &self,
        empty: Wanted<'_>,
        erasure: ErasureId,
        looked_at: Timestamp,
    ) -> Result<(), Error> {
        let id = erasure.to_bytes();
        let values = (before(looked_at), empty.tenant.as_str(), empty.list.number(), day(id), id);
        Ok(self.cql.write(&self.statements.drop_list_erasure, values).await?)
    }

    async fn drop_day(&self, empty: Wanted<'_>, day: i64, looked_at: Timestamp) -> Result<(), Error> {
        let values = (before(looked_at), empty.tenant.as_str(), empty.list.number(), day);
        Ok(self.cql.write(&self.statements.drop_list_day, values).await?)
    }
}
