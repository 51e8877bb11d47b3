//! What every adapter of the shelf must do.

use kernel::{KeyEpoch, PageId, TenantId};

use super::{CanaryCase, CanaryShelf};

fn case(number: u8) -> CanaryCase {
    CanaryCase {
        page: PageId::from_bytes([number; 16]),
        generation: u32::from(number),
        slot: u16::from(number),
        key_epoch: KeyEpoch(u64::from(number)),
        key: vec![number; 40],
        sealed: vec![number; 99],
    }
}

/// The last one that was kept for an epoch stands.
pub(crate) async fn what_is_kept_is_found_by_tenant_and_epoch(shelf: &dyn CanaryShelf) {
    let [alfa, beta] = ["banca-alfa", "telco-beta"].map(|name| TenantId::new(name).unwrap());
    assert_eq!(shelf.get(&alfa, KeyEpoch(1)).await.unwrap(), None);
    for (tenant, epoch, number) in [(&alfa, 2, 7), (&alfa, 10, 3), (&beta, 2, 4), (&alfa, 2, 5)] {
        shelf.put(tenant, KeyEpoch(epoch), &case(number)).await.unwrap();
    }
    assert_eq!(shelf.get(&alfa, KeyEpoch(2)).await.unwrap(), Some(case(5)));
    assert_eq!(shelf.list(&alfa).await.unwrap(), [(KeyEpoch(2), case(5)), (KeyEpoch(10), case(3))]);
    assert_eq!(shelf.list(&beta).await.unwrap(), [(KeyEpoch(2), case(4))]);
}
