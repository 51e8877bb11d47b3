//! Carries a move to one recording, or to all that a tenant keeps.

use futures::future::try_join_all;
use kernel::{Clock, TenantId};
use platform::PolicyBook;

use super::policies::Policies;
use super::terms::{Movers, apply, has_other_ends, ordered_until};
use crate::error::Error;
use crate::events;
use crate::kept::{Kept, RecordingKey};
use crate::mesh::Mesh;
use crate::service::{AT_ONCE, TRIES};
use crate::store::{MAX_LISTED, Store, Written};

/// Moves the ends of one recording; whether one is another now. A recording that is not known is left alone.
pub(crate) async fn restamp(
    store: &dyn Store,
    book: &PolicyBook,
    clock: &dyn Clock,
    mesh: &dyn Mesh,
    key: &RecordingKey,
    movers: Movers<'_>,
) -> Result<bool, Error> {
    for _ in 0..TRIES {
        let Some(kept) = store.kept(key).await? else { return Ok(false) };
        let policies = Policies::of(book, &kept).await?;
        let facts = policies.facts(&kept);
        let Some(next) = apply(&kept, policies.recorded(), &facts, movers) else { return Ok(false) };
        lock_longer(mesh, clock, &kept, &next).await?;
        if store.change(&next, &events::stamped(&next, clock.now())).await? == Written::Applied {
            return Ok(has_other_ends(&kept, &next));
        }
    }
    Err(Error::Contended("a recording"))
}

/// Has what is stored locked as long as an order keeps it. Before its row says so: a row that has its end is not met again.
pub(crate) async fn lock_longer(
    mesh: &dyn Mesh,
    clock: &dyn Clock,
    before: &Kept,
    after: &Kept,
) -> Result<(), Error> {
    match ordered_until(before, after).filter(|until| *until > clock.now()) {
        Some(until) => mesh.lock(&after.key.tenant, after.key.id, until).await,
        None => Ok(()),
    }
}

/// Moves the ends of every recording of a tenant that has a running term; of how many one is another now. Cut off, it is
/// begun again: what has moved stays as it is. One that moves to a later date is met again, and is done.
pub(crate) async fn restamp_all(
    store: &dyn Store,
    book: &PolicyBook,
    clock: &dyn Clock,
    mesh: &dyn Mesh,
    tenant: &TenantId,
    movers: Movers<'_>,
) -> Result<u64, Error> {
    let (mut moved, mut after) = (0, None);
    loop {
        let page = store.all_due(tenant, after.as_ref(), MAX_LISTED).await?;
        let keys: Vec<_> =
            page.iter().map(|due| RecordingKey { tenant: tenant.clone(), id: due.id }).collect();
        for some in keys.chunks(AT_ONCE) {
            let done = some.iter().map(|key| restamp(store, book, clock, mesh, key, movers));
            moved += try_join_all(done).await?.into_iter().filter(|has_moved| *has_moved).count() as u64;
        }
        after = match page.into_iter().last() {
            Some(last) => Some(last),
            None => return Ok(moved),
        };
    }
}
