//! Items by how far they have come: what runs, what is deferred, what is owed.

use kernel::{ErasureId, RecordingId, TenantId};

use super::erasures::id_of;
use super::items::{added, at_step, changed_to, some_item};
use super::{alfa, moment};
use crate::erasure::{Item, Report, Step};
use crate::store::{Store, StoreError};

/// The three lists of items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listing {
    Running,
    Deferred,
    Owed,
}

pub(crate) const LISTINGS: [Listing; 3] = [Listing::Running, Listing::Deferred, Listing::Owed];

impl Listing {
    async fn page<S: Store + ?Sized>(
        self,
        store: &S,
        tenant: &TenantId,
        after: Option<(ErasureId, RecordingId)>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        match self {
            Self::Running => store.running_items(tenant, after, limit).await,
            Self::Deferred => store.deferred_items(tenant, after, limit).await,
            Self::Owed => store.owed_items(tenant, after, limit).await,
        }
    }

    /// Everything in it, page by page.
    pub(crate) async fn all<S: Store + ?Sized>(self, store: &S, tenant: &TenantId, limit: u32) -> Vec<Item> {
        let mut found: Vec<Item> = Vec::new();
        loop {
            let after = found.last().map(|item| (item.erasure, item.recording));
            let page = self.page(store, tenant, after, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                return found;
            }
            found.extend(page);
        }
    }
}

/// Stopped by a hold and going on; owed by one store after the other; refused.
pub async fn items_are_listed_by_how_far_they_have_come(store: &dyn Store) {
    let owed = |report| (Step::Done, report, Some(Listing::Owed));
    let is = |step, listing| (step, Report::default(), listing);
    let through = Report { log_at: Some(moment(1, 0)), ..Report::default() };
    let waits_for_epoch = Report { epoch: Some(7), ..through.clone() };
    let waits_for_lock =
        Report { final_at: Some(moment(2, 0)), locked_until: Some(moment(9, 0)), ..waits_for_epoch.clone() };
    let over = Report { objects_at: Some(moment(9, 1)), ..waits_for_lock.clone() };
    let mut item = some_item(id_of(0, 7));
    let other = some_item(id_of(0, 8));
    added(store, &item).await;
    added(store, &other).await;
    for (step, report, listing) in [
        is(Step::Registered, Some(Listing::Running)),
        is(Step::Deferred, Some(Listing::Deferred)),
        is(Step::Registered, Some(Listing::Running)),
        is(Step::Deferred, Some(Listing::Deferred)),
        is(Step::Deferred, Some(Listing::Deferred)),
        is(Step::Decided, Some(Listing::Running)),
        is(Step::KeysRemoved, Some(Listing::Running)),
        is(Step::ObjectsErased, Some(Listing::Running)),
        owed(Report::default()),
        owed(waits_for_epoch),
        owed(waits_for_lock),
        (Step::Done, over, None),
        (Step::Done, through, None),
        is(Step::Refused, None),
        is(Step::Registered, Some(Listing::Running)),
    ] {
        item = Item { report, ..at_step(&item, step) };
        changed_to(store, &item).await;
        for each in LISTINGS {
            let listed = each.all(store, &alfa(), 10).await;
            let mut expected = if listing == Some(each) { vec![item.clone()] } else { Vec::new() };
            expected.extend((each == Listing::Running).then(|| other.clone()));
            assert_eq!(listed, expected, "{each:?} at version {}", item.version);
        }
    }
}

/// Over erasures of several days; a page goes on after the one before it, whatever has left the list meanwhile.
pub async fn listed_items_come_in_order_over_erasures_and_pages(store: &dyn Store) {
    let steps =
        [(Listing::Running, Step::Decided), (Listing::Deferred, Step::Deferred), (Listing::Owed, Step::Done)];
    let erasures = [id_of(40, 1), id_of(-40, 9), id_of(0, 3), id_of(0, 2), id_of(0, 4)];
    for (listing, step) in steps {
        let mut items = Vec::new();
        for (number, erasure) in erasures.into_iter().enumerate() {
            for _ in 0..=number % 3 {
                let item = Item { step, ..some_item(erasure) };
                added(store, &item).await;
                items.push(item);
            }
            let left = some_item(erasure);
            added(store, &Item { step, ..left.clone() }).await;
            changed_to(store, &at_step(&left, Step::Refused)).await;
        }
        items.sort_by_key(|item| (item.erasure, item.recording));
        for limit in [1, 2, 5, 1_000] {
            assert_eq!(listing.all(store, &alfa(), limit).await, items, "{listing:?}, {limit} at once");
        }
        let after = Some((id_of(0, 2), RecordingId::from_bytes([0xff; 16])));
        let rest = listing.page(store, &alfa(), after, 100).await.expect("read");
        let expected: Vec<_> = items.into_iter().filter(|item| item.erasure > id_of(0, 2)).collect();
        assert_eq!(rest, expected, "after one that is not there");
    }
}
