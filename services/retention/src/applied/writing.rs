//! Brings the rows to where a record has them.

use std::collections::BTreeSet;

use journal::Outcome;
use journal::codes::Part;
use kernel::{ErasureId, TenantId};

use super::{RestoredStore, TRIES, items, orders};
use crate::acts::{Erased, Intent, Release, Settled};
use crate::erasure::{Erasure, Item, MAX_ITEMS, State, Step};
use crate::error::Error;
use crate::events;
use crate::hold::{Hold, HoldState, Selector};
use crate::stamping::note_orders;
use crate::store::{MAX_LISTED, Order, Written};

/// Writes that bring an item to a record's version; beyond it the item is as the record says, and younger than it was.
const MAX_RAISES: u32 = 1_000;

impl RestoredStore {
    /// Places a hold, or adds to one that stands whom or what this part names.
    pub(super) async fn hold_placed(&self, placed: Hold) -> Result<Outcome, Error> {
        let now = self.clock.now();
        for _ in 0..TRIES {
            let written = match self.store.hold(&placed.tenant, placed.id).await? {
                None => {
                    let first = Hold { version: 1, ..placed.clone() };
                    self.store.place(&first, &events::hold(&first, now)).await?
                }
                Some(standing) => {
                    let Some(next) = widened(&standing, &placed) else { return Ok(Outcome::Known) };
                    self.store.change_hold(&next, &events::hold(&next, now)).await?
                }
            };
            if written == Written::Applied {
                return Ok(Outcome::Applied);
            }
        }
        Err(Error::Contended("the hold"))
    }

    /// Releases a hold, by the two who did: first the one asks, then the other agrees; or at once by the one
    /// who did alone.
    pub(super) async fn hold_released(&self, release: &Release) -> Result<Outcome, Error> {
        let now = self.clock.now();
        for _ in 0..TRIES {
            let Some(standing) = self.store.hold(&release.tenant, release.hold).await? else {
                return Ok(Outcome::NotOurs);
            };
            let mut next = Hold { version: standing.version + 1, ..standing.clone() };
            match (standing.state, release.by.split_first()) {
                (HoldState::Released, _) => return Ok(Outcome::Known),
                (HoldState::Placed, Some((first, others))) if !others.is_empty() => {
                    (next.state, next.released_by) = (HoldState::ReleaseAsked, vec![first.clone()]);
                }
                (HoldState::Placed | HoldState::ReleaseAsked, _) => {
                    next.state = HoldState::Released;
                    (next.released_by, next.released_at) = (release.by.clone(), Some(release.at));
                }
            }
            let written = self.store.change_hold(&next, &events::hold(&next, now)).await?;
            if written == Written::Applied && next.state == HoldState::Released {
                return Ok(Outcome::Applied);
            }
        }
        Err(Error::Contended("the hold"))
    }

    /// Places an order, as soon as all its parts are there, and notes that it is to be carried to the recordings: also one
    /// that is there already, whose process may have died before it had noted that.
    pub(super) async fn order_placed(&self, order: Order, part: Part) -> Result<Outcome, Error> {
        let tenant = order.tenant.clone();
        let outcome = self.order_row(order, part).await?;
        note_orders(self.store.as_ref(), &tenant).await?;
        Ok(outcome)
    }

    async fn order_row(&self, order: Order, part: Part) -> Result<Outcome, Error> {
        let standing = self.store.orders(&order.tenant).await?;
        let stands =
            |order: &Order| standing.iter().any(|other| other.order.reference == order.order.reference);
        if stands(&order) {
            return Ok(Outcome::Known);
        }
        if part.of == 1 {
            return self.place_order(&order).await;
        }
        let of_part = orders::of_part(&order, part);
        let mut outcome = Outcome::Known;
        if !stands(&of_part) {
            outcome = self.place_order(&of_part).await?;
        }
        match orders::whole(&order, part, &standing) {
            Some(whole) => self.place_order(&whole).await,
            None => Ok(outcome),
        }
    }

    async fn place_order(&self, order: &Order) -> Result<Outcome, Error> {
        let event = events::order(order);
        Ok(match self.store.order(order, &event).await? {
            Written::Applied => Outcome::Applied,
            Written::Conflict => Outcome::Known,
        })
    }

    /// Has an item registered, with its erasure.
    pub(super) async fn intended(&self, intent: &Intent) -> Result<Outcome, Error> {
        for _ in 0..TRIES {
            let written = match self.store.item(&intent.tenant, intent.erasure, intent.recording).await? {
                None => {
                    self.count_in(intent).await?;
                    let first = items::first(intent);
                    match self.store.add_item(&first).await? {
                        Written::Applied if first.version < intent.version => {
                            self.raise(first, intent.version).await?
                        }
                        written => written,
                    }
                }
                Some(item) => {
                    let Some(next) = items::announced(&item, intent) else { return Ok(Outcome::Known) };
                    self.unsettle(&intent.tenant, intent.erasure).await?;
                    self.raise(next, intent.version).await?
                }
            };
            if written == Written::Applied {
                return Ok(Outcome::Applied);
            }
        }
        Err(Error::Contended("an erasure's item"))
    }

    /// Has an item decided.
    pub(super) async fn done(&self, settled: &Settled, erased: &Erased) -> Result<Outcome, Error> {
        self.settled(settled, |item| items::done(item, settled, erased)).await
    }

    /// Has an item deferred or refused.
    pub(super) async fn refused(&self, settled: &Settled, step: Step) -> Result<Outcome, Error> {
        self.settled(settled, |item| items::refused(item, settled, step)).await
    }

    async fn settled(
        &self,
        settled: &Settled,
        next: impl Fn(&Item) -> Option<Item> + Send + Sync,
    ) -> Result<Outcome, Error> {
        let Settled { tenant, erasure, recording, version, .. } = settled;
        for _ in 0..TRIES {
            // It is announced before it comes out; a store that is through with that has it.
            let found = self.store.item(tenant, *erasure, *recording).await?;
            let unknown =
                || Error::Unknown { what: "item of erasure", id: format!("{erasure}, {recording}") };
            let Some(next) = next(&found.ok_or_else(unknown)?) else { return Ok(Outcome::Known) };
            if next.step.is_running() {
                self.unsettle(tenant, *erasure).await?;
            }
            if self.raise(next, *version).await? == Written::Applied {
                return Ok(Outcome::Applied);
            }
        }
        Err(Error::Contended("an erasure's item"))
    }

    /// Writes an item over its row, until it has the record's version.
    async fn raise(&self, mut item: Item, version: u64) -> Result<Written, Error> {
        for _ in 0..MAX_RAISES {
            item.version += 1;
            if self.store.change_item(&item).await? == Written::Conflict {
                return Ok(Written::Conflict);
            }
            if item.version >= version {
                break;
            }
        }
        Ok(Written::Applied)
    }

    /// Sees to it that the erasure of an item that is about to be added runs and counts it. What is counted is what is
    /// there, so that a crash before the item is added counts it once.
    async fn count_in(&self, intent: &Intent) -> Result<(), Error> {
        let count = self.count_items(&intent.tenant, intent.erasure).await?.saturating_add(1);
        for _ in 0..TRIES {
            let now = self.clock.now();
            let written = match self.store.erasure(&intent.tenant, intent.erasure).await? {
                None => {
                    let begun = begun(intent, count);
                    self.store.begin_erasure(&begun, &events::erasure(&begun, now)).await?
                }
                // Whoever gathers its items counts them.
                Some(erasure) if erasure.state == State::Gathering => return Ok(()),
                Some(erasure) if erasure.state == State::Running && erasure.items == count => return Ok(()),
                Some(erasure) => {
                    let (version, state) = (erasure.version + 1, State::Running);
                    let next = Erasure { version, state, items: count, ..erasure };
                    self.store.change_erasure(&next, &events::erasure(&next, now)).await?
                }
            };
            if written == Written::Applied {
                return Ok(());
            }
        }
        Err(Error::Contended("the erasure"))
    }

    /// Sees to it that the saga looks after an erasure of which an item runs again.
    async fn unsettle(&self, tenant: &TenantId, id: ErasureId) -> Result<(), Error> {
        for _ in 0..TRIES {
            let Some(erasure) = self.store.erasure(tenant, id).await? else { return Ok(()) };
            match erasure.state {
                State::Gathering | State::Running => return Ok(()),
                State::Done | State::Partial | State::Refused => {}
            }
            let next = Erasure { version: erasure.version + 1, state: State::Running, ..erasure };
            let event = events::erasure(&next, self.clock.now());
            if self.store.change_erasure(&next, &event).await? == Written::Applied {
                return Ok(());
            }
        }
        Err(Error::Contended("the erasure"))
    }

    async fn count_items(&self, tenant: &TenantId, id: ErasureId) -> Result<u32, Error> {
        let (mut count, mut after) = (0_u32, None);
        while count < MAX_ITEMS {
            let page = self.store.items(tenant, id, after, MAX_LISTED).await?;
            count = count.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
            if page.len() < MAX_LISTED as usize {
                break;
            }
            after = page.last().map(|item| item.recording);
        }
        Ok(count)
    }
}

fn begun(intent: &Intent, items: u32) -> Erasure {
    Erasure {
        tenant: intent.tenant.clone(),
        id: intent.erasure,
        version: 1,
        cause: intent.cause,
        target: intent.target.clone(),
        scope: intent.of_each.clone(),
        reason: intent.reason.clone(),
        ordered_by: intent.ordered_by.clone(),
        ordered_at: intent.ordered_at,
        state: State::Running,
        items,
        settled_at: None,
        receipt: Vec::new(),
    }
}

/// A hold with another part of it; none where the store has that, or released it. A restriction of which no
/// part with purposes was there yet restricts every one until the next comes.
fn widened(standing: &Hold, part: &Hold) -> Option<Hold> {
    if standing.state == HoldState::Released {
        return None;
    }
    let selector = covering_more(&standing.selector, &part.selector);
    let purposes = more_of(&standing.purposes, &part.purposes);
    if selector.is_none() && purposes.is_none() {
        return None;
    }
    let mut next = Hold { version: standing.version + 1, ..standing.clone() };
    if let Some(selector) = selector {
        next.selector = selector;
    }
    if let Some(purposes) = purposes {
        next.purposes = purposes;
    }
    Some(next)
}

/// What both cover, where the second covers something that the first does not.
fn covering_more(standing: &Selector, part: &Selector) -> Option<Selector> {
    match (standing, part) {
        (Selector::Recordings(some), Selector::Recordings(more)) => {
            more_of(some, more).map(Selector::Recordings)
        }
        (Selector::Subjects(some), Selector::Subjects(more)) => more_of(some, more).map(Selector::Subjects),
        // Without persons it covers everybody's already.
        (Selector::Query { from, until, subjects }, Selector::Query { subjects: more, .. })
            if !subjects.is_empty() =>
        {
            let subjects = more_of(subjects, more)?;
            Some(Selector::Query { from: *from, until: *until, subjects })
        }
        (Selector::Recordings(_) | Selector::Subjects(_) | Selector::Query { .. }, _) => None,
    }
}

/// Both, where the second has something that the first has not.
fn more_of<T: Ord + Clone>(some: &BTreeSet<T>, more: &BTreeSet<T>) -> Option<BTreeSet<T>> {
    (!more.is_subset(some)).then(|| some | more)
}
