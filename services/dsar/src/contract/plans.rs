//! Pages of plans: kept once, read in their order.

use kernel::{ErrorCode, RequestId, ServiceError, Timestamp};

use super::sample::{alfa, beta, items, key, plan};
use crate::act::RequestKey;
use crate::plan::{PAGE, PlanItem};
use crate::store::Store;

async fn add(store: &dyn Store, key: &RequestKey, name: &str, number: u32, items: &[PlanItem]) {
    store.add_page(key, &plan(name), number, items).await.expect("kept");
}

async fn items_of(store: &dyn Store, key: &RequestKey, name: &str) -> Vec<PlanItem> {
    store.items(key, &plan(name)).await.expect("read")
}

/// The same one again changes nothing.
pub async fn a_page_is_kept_once(store: &dyn Store) {
    let (key, all) = (key(alfa(), RequestId::new()), items(12));
    for _ in 0..2 {
        add(store, &key, "plan-1", 0, &all).await;
        assert_eq!(items_of(store, &key, "plan-1").await, all);
    }
    add(store, &key, "plan-2", 0, &[]).await;
    assert_eq!(items_of(store, &key, "plan-2").await, []);
}

/// Whole pages, more than are read at once, whatever was kept first.
pub async fn the_items_of_a_plan_come_in_the_order_of_its_pages(store: &dyn Store) {
    let (key, all) = (key(alfa(), RequestId::new()), items(12_100));
    let pages: Vec<_> = (0..).zip(all.chunks(PAGE)).collect();
    for (number, page) in pages.iter().rev() {
        add(store, &key, "plan-1", *number, page).await;
    }
    assert_eq!(items_of(store, &key, "plan-1").await, all);
}

/// Nor of another request, nor of another tenant's.
pub async fn a_plan_has_no_items_of_another(store: &dyn Store) {
    let own = key(alfa(), RequestId::new());
    let (other, theirs) = (key(alfa(), RequestId::new()), key(beta(), own.id));
    let all = items(6);
    add(store, &own, "plan-1", 0, &all[..2]).await;
    add(store, &own, "plan-2", 0, &all[2..]).await;
    add(store, &theirs, "plan-1", 0, &all).await;
    assert_eq!(items_of(store, &own, "plan-1").await, all[..2]);
    assert_eq!(items_of(store, &own, "plan-2").await, all[2..]);
    assert_eq!(items_of(store, &other, "plan-1").await, []);
    assert_eq!(items_of(store, &theirs, "plan-1").await, all);
}

/// A plan that nobody could read again would end the request.
pub async fn a_page_that_could_not_be_read_again_is_refused(store: &dyn Store) {
    let key = key(alfa(), RequestId::new());
    let mut never = items(1);
    never[0].until = Some(Timestamp(0));
    for page in [items(501), never] {
        let refused = store.add_page(&key, &plan("plan-1"), 0, &page).await.expect_err("refused");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    assert_eq!(items_of(store, &key, "plan-1").await, []);
}
