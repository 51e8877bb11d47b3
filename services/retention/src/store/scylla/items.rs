//! Items: a row each. What leads to one comes first: its erasure, its recording, and the list that it is in ([`List`]).
//!
//! The pointer in the list is written anew with each try, so that it is not old when the row comes: whoever finds it and
//! not yet the row takes away only what is older than [`super::MARGIN`].

use futures::{FutureExt, StreamExt, TryStreamExt, future, stream};
use kernel::{ErasureId, RecordingId, TenantId};
use uuid::Uuid;

use super::decision::{TRIES, outcome};
use super::error::{Error, version};
use super::lists::List;
use super::rows::{self, ItemColumns};
use super::{AT_ONCE, Inner};
use crate::erasure::Item;
use crate::kept::RecordingKey;
use crate::store::{MAX_LISTED, Written};

/// Which item.
#[derive(Clone, Copy)]
pub(super) struct ItemKey<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) erasure: ErasureId,
    pub(super) recording: RecordingId,
}

/// How its row stands.
struct ItemStanding {
    version: i64,
    act: Uuid,
    /// The number of the list that it is in.
    in_list: Option<i64>,
}

impl Inner {
    pub(super) async fn add_item(&self, item: &Item) -> Result<Written, Error> {
        let key = ItemKey::of(item);
        if self.item_stands(key).await?.is_some() {
            return Ok(Written::Conflict);
        }
        let (tenant, erasure, recording) = key.values();
        let with = &self.statements;
        future::try_join(
            self.cql.write(&with.point_item, (tenant, erasure, recording)),
            self.cql.write(&with.point_erasure_of, (tenant, recording, erasure)),
        )
        .await?;
        self.decide_item(item, List::of(item)).await
    }

    pub(super) async fn change_item(&self, item: &Item) -> Result<Written, Error> {
        let (key, looked_at) = (ItemKey::of(item), self.clock.now());
        let before = version(item.version)? - 1;
        let stands = self.item_stands(key).await?.filter(|stands| stands.version == before);
        let Some(stands) = stands else { return Ok(Written::Conflict) };
        let (left, list) = (stands.in_list.and_then(List::from_number), List::of(item));
        if left == list {
            return self.decide_item(item, None).await;
        }
        let written = self.decide_item(item, list).await?;
        if let (Written::Applied, Some(left)) = (written, left) {
            // Where that fails the next look at the list does it.
            self.unlist(key, left, looked_at).await.ok();
        }
        Ok(written)
    }

    /// As the last change that was answered left it.
    pub(super) async fn item(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        recording: RecordingId,
    ) -> Result<Option<Item>, Error> {
        let values = ItemKey { tenant, erasure, recording }.values();
        let found: Option<ItemColumns> = self.cql.row(&self.statements.item, values).await?;
        found.map(rows::item).transpose()
    }

    /// As every change leaves it that is still under way, too.
    pub(super) async fn settled_item(&self, key: ItemKey<'_>) -> Result<Option<Item>, Error> {
        let found: Option<ItemColumns> = self.cql.serial_row(&self.statements.item, key.values()).await?;
        found.map(rows::item).transpose()
    }

    pub(super) async fn items(
        &self,
        tenant: &TenantId,
        erasure: ErasureId,
        after: Option<RecordingId>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        let mut cursor = after.map_or(Vec::new(), |after| after.to_bytes().to_vec());
        let mut found = Vec::new();
        while found.len() < limit {
            let room = limit - found.len();
            let values = (tenant.as_str(), erasure.to_bytes(), cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.items, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { break };
            let is_last = ids.len() < room;
            cursor = last;
            let ids = ids.iter().map(|(id,)| rows::recording_id("retention_item_of", id));
            let ids: Vec<RecordingId> = ids.collect::<Result<_, _>>()?;
            let reads: Vec<_> = ids.into_iter().map(|id| self.item(tenant, erasure, id).boxed()).collect();
            let read: Vec<Option<Item>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            found.extend(read.into_iter().flatten());
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn erasures_of(&self, key: &RecordingKey) -> Result<Vec<ErasureId>, Error> {
        let (limit, mut cursor, mut found) = (MAX_LISTED as usize, Vec::new(), Vec::new());
        while found.len() < limit {
            let room = limit - found.len();
            let values = (key.tenant.as_str(), key.id.to_bytes(), cursor.as_slice());
            let ids: Vec<(Vec<u8>,)> = self.cql.rows(&self.statements.erasures_of, values, room).await?;
            let Some((last,)) = ids.last().cloned() else { break };
            let is_last = ids.len() < room;
            cursor = last;
            let ids = ids.iter().map(|(id,)| rows::erasure_id("retention_erasure_of", id));
            let ids: Vec<ErasureId> = ids.collect::<Result<_, _>>()?;
            let looks: Vec<_> = ids.into_iter().map(|erasure| self.touches(key, erasure).boxed()).collect();
            let told: Vec<Option<ErasureId>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
            found.extend(told.into_iter().flatten());
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The erasure, if it has the recording among its items.
    async fn touches(&self, key: &RecordingKey, erasure: ErasureId) -> Result<Option<ErasureId>, Error> {
        let item = self.item(&key.tenant, erasure, key.id).await?;
        Ok(item.map(|_| erasure))
    }

    /// Writes the row, leading to it before by the list that it comes into, if any. Where the answer is no, or does not
    /// come, the row is read at SERIAL before anything else is decided.
    async fn decide_item(&self, item: &Item, comes_into: Option<List>) -> Result<Written, Error> {
        let (key, before, act) = (ItemKey::of(item), version(item.version)? - 1, Uuid::new_v4());
        let mut last = Error::Contended;
        for _ in 0..TRIES {
            if let Some(list) = comes_into {
                self.point_listed(key, list).await?;
            }
            match self.apply_item(item, act, before).await {
                Ok(true) => return Ok(Written::Applied),
                Ok(false) => {}
                Err(Error::Cql(error)) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error),
            }
            let stands = self.item_stands(key).await?.map(|stands| (stands.version, stands.act));
            if let Some(written) = outcome(stands, before, act) {
                return Ok(written);
            }
        }
        Err(last)
    }

    async fn apply_item(&self, item: &Item, act: Uuid, before: i64) -> Result<bool, Error> {
        let with = &self.statements;
        let applied = match before {
            0 => self.cql.apply(&with.add_item, rows::added(item, act)?).await,
            _ => self.cql.apply(&with.change_item, rows::changed_item(item, act, before)?).await,
        };
        Ok(applied?)
    }

    async fn item_stands(&self, key: ItemKey<'_>) -> Result<Option<ItemStanding>, Error> {
        let found: Option<(i64, Uuid, Option<i64>)> =
            self.cql.serial_row(&self.statements.item_stands, key.values()).await?;
        Ok(found.map(|(version, act, in_list)| ItemStanding { version, act, in_list }))
    }
}

impl<'a> ItemKey<'a> {
    fn of(item: &'a Item) -> Self {
        Self { tenant: &item.tenant, erasure: item.erasure, recording: item.recording }
    }

    pub(super) fn values(self) -> (&'a str, [u8; 16], [u8; 16]) {
        (self.tenant.as_str(), self.erasure.to_bytes(), self.recording.to_bytes())
    }
}
