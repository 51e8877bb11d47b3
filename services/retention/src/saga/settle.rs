//! When no item of an erasure runs, it is settled: what became of the whole, and the signed receipt. What a hold had
//! deferred may go on later; then it is settled anew, and the receipt says what has become of it by then.

use std::collections::BTreeSet;

use kernel::{ErasureId, TenantId};
use seal::signing::DocumentKind;
use tracing::info;

use super::{Saga, receipt};
use crate::erasure::{Erasure, Item, State, Step};
use crate::error::Error;
use crate::events;
use crate::store::{MAX_LISTED, Written};

impl Saga {
    /// Settles the erasures of a tenant of which no item runs; true where one was.
    pub(super) async fn settle_all(
        &self,
        tenant: &TenantId,
        busy: &BTreeSet<ErasureId>,
    ) -> Result<bool, Error> {
        let mut settled = false;
        for id in self.erasing.store().unsettled_erasures(tenant).await? {
            if busy.contains(&id) {
                continue;
            }
            let Some(erasure) = self.erasing.store().erasure(tenant, id).await? else { continue };
            settled |= erasure.state == State::Running && self.settle(erasure).await?;
        }
        Ok(settled)
    }

    /// A change in between is a conflict, and it is looked at again.
    async fn settle(&self, erasure: Erasure) -> Result<bool, Error> {
        let items = self.items_of(&erasure).await?;
        let Some(state) = state_of(&items) else { return Ok(false) };
        let now = self.erasing.now();
        let mut next = Erasure { version: erasure.version + 1, state, settled_at: Some(now), ..erasure };
        let payload = receipt::payload(&next, &items, now)?;
        next.receipt = self.erasing.parts.instance.sign(DocumentKind::Receipt, payload, now)?.encode()?;
        let event = events::erasure(&next, now);
        if self.erasing.store().change_erasure(&next, &event).await? == Written::Conflict {
            return Ok(false);
        }
        info!(erasure = %next.id, ?state, recordings = items.len(), "an erasure is settled");
        Ok(true)
    }

    async fn items_of(&self, erasure: &Erasure) -> Result<Vec<Item>, Error> {
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let page = self.erasing.store().items(&erasure.tenant, erasure.id, after, MAX_LISTED).await?;
            let is_last = page.len() < MAX_LISTED as usize;
            after = page.last().map(|last| last.recording);
            items.extend(page);
            if is_last {
                return Ok(items);
            }
        }
    }
}

/// What the items come to; none while one runs.
pub(super) fn state_of(items: &[Item]) -> Option<State> {
    if items.iter().any(|item| item.step.is_running()) {
        return None;
    }
    let is_erased = |item: &Item| item.step == Step::Done;
    Some(match () {
        () if items.iter().all(|item| is_erased(item) && item.kept.is_empty()) => State::Done,
        () if items.iter().any(is_erased) => State::Partial,
        () => State::Refused,
    })
}
