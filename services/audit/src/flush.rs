//! Entries of the index into entry objects, a tenant's own objects each, then the partition's state.
//!
//! An object's key is its first index, and what is in it never changes. A writer that finds one of a flush that
//! was cut short reads how far it goes and goes on behind it, so no entry is written twice.

use std::collections::{BTreeMap, BTreeSet};

use kernel::TenantId;
use objects::{Error as ObjectsError, PutOptions};
use tracing::warn;

use crate::entry_object::{EntryObject, Record, record_len};
use crate::error::Error;
use crate::files::{LedgerFiles, ObjectFiles, keys};
use crate::finding::Place;
use crate::name::{self, LogName};
use crate::plan::Producers;
use crate::shared::Shared;
use crate::state::State;
use crate::store::{Head, LedgerStore, Part};

/// Rows read from the index at once.
const PAGE: u32 = 512;
/// Bytes of records that wait for all tenants together before the largest is written early.
const WAITING: usize = 64 << 20;

/// One flush of one partition.
pub(crate) struct Flush<'s> {
    pub(crate) shared: &'s Shared,
    pub(crate) place: Place,
}

#[derive(Default)]
struct Buffer {
    records: Vec<Record>,
    bytes: usize,
}

/// Sealed bytes of the entries from an index on.
pub(crate) async fn unflushed(store: &dyn LedgerStore, part: Part, from: u64) -> Result<u64, Error> {
    let (mut at, mut bytes) = (from, 0);
    loop {
        let rows = store.rows(part, at, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(bytes) };
        at = last.index + 1;
        bytes += rows.iter().map(|row| row.sealed.bytes.len() as u64).sum::<u64>();
    }
}

impl Flush<'_> {
    /// Puts all committed entries from `head.stored` on into objects, then says so.
    pub(crate) async fn run(&self, head: &Head, producers: &Producers) -> Result<(), Error> {
        let mut buffers: BTreeMap<TenantId, Buffer> = BTreeMap::new();
        let (mut at, mut waiting) = (head.stored, 0);
        while at < head.tree.size {
            let rows = self.shared.store.rows(self.place.part(), at, PAGE).await?;
            let Some(last) = rows.last() else {
                return Err(Error::damaged(self.log(), "committed entries are missing from the index"));
            };
            at = last.index + 1;
            for row in rows {
                let buffer = buffers.entry(row.tenant.clone()).or_default();
                let len = record_len(&row.sealed);
                buffer.records.push(Record { index: row.index, sealed: row.sealed });
                (buffer.bytes, waiting) = (buffer.bytes + len, waiting + len);
                if buffer.bytes >= self.shared.config.entry_object_size.as_usize() {
                    waiting -= buffer.bytes;
                    self.put(&row.tenant, std::mem::take(buffer).records).await?;
                }
            }
            if waiting >= WAITING {
                waiting -= self.put_largest(&mut buffers).await?;
            }
        }
        for (tenant, buffer) in &mut buffers {
            self.put(tenant, std::mem::take(&mut buffer.records)).await?;
        }
        self.put_state(head, buffers.into_keys().collect(), producers).await?;
        Ok(self.shared.store.mark_stored(self.place.part(), head.tree.size).await?)
    }

    async fn put_largest(&self, buffers: &mut BTreeMap<TenantId, Buffer>) -> Result<usize, Error> {
        let Some((tenant, buffer)) = buffers.iter_mut().max_by_key(|(_, buffer)| buffer.bytes) else {
            return Ok(0);
        };
        let Buffer { records, bytes } = std::mem::take(buffer);
        self.put(tenant, records).await?;
        Ok(bytes)
    }

    /// Writes records, behind those that an earlier flush has written.
    async fn put(&self, tenant: &TenantId, mut records: Vec<Record>) -> Result<(), Error> {
        let (incarnation, partition) = (self.place.incarnation(), self.place.partition);
        while let Some(first) = records.first() {
            let key = name::entries(tenant, incarnation, partition, first.index);
            let object = EntryObject { tenant: tenant.clone(), incarnation, partition, records };
            match self.shared.objects.put(&key, object.encode().into(), PutOptions::default()).await {
                Ok(_) => return Ok(()),
                Err(ObjectsError::AlreadyExists { .. }) => {
                    let standing = self.standing(&key).await?;
                    records = behind(object.records, &standing)
                        .ok_or(Error::damaged(self.log(), "an entry object holds other entries"))?;
                }
                Err(source) => return Err(Error::objects(self.log())(source)),
            }
        }
        Ok(())
    }

    async fn standing(&self, key: &objects::Key) -> Result<Vec<Record>, Error> {
        let files = ObjectFiles(self.shared.objects.clone());
        let bytes = files.read(key).await.map_err(Error::objects(self.log()))?.unwrap_or_default();
        let object = EntryObject::decode(&bytes);
        Ok(object.map_err(|_| Error::damaged(self.log(), "an entry object is damaged"))?.records)
    }

    async fn put_state(
        &self,
        head: &Head,
        mut tenants: BTreeSet<TenantId>,
        producers: &Producers,
    ) -> Result<(), Error> {
        let (incarnation, partition) = (self.place.incarnation(), self.place.partition);
        let files = ObjectFiles(self.shared.objects.clone());
        let earlier = keys(&files, &name::states(incarnation, partition)).await;
        let earlier = earlier.map_err(Error::objects(self.log()))?;
        let key = name::state(incarnation, partition, head.tree.size);
        if let Some(newest) = earlier.last() {
            if *newest > key {
                // This index was restored from before it.
                return Ok(());
            }
            let bytes = files.read(newest).await.map_err(Error::objects(self.log()))?.unwrap_or_default();
            let state = State::decode(&bytes);
            tenants.extend(state.ok_or(Error::damaged(self.log(), "its state is damaged"))?.tenants);
        }
        let state = State {
            size: head.tree.size,
            next_offset: head.next_offset,
            tenants,
            producers: producers.clone(),
        };
        let options = PutOptions { if_exists: objects::IfExists::NewVersion, ..PutOptions::default() };
        let put = self.shared.objects.put(&key, state.encode().into(), options).await;
        put.map_err(Error::objects(self.log()))?;
        for superseded in earlier.iter().filter(|own| **own != key) {
            self.drop_state(superseded).await;
        }
        Ok(())
    }

    /// What stays does no harm: the newest state counts.
    async fn drop_state(&self, key: &objects::Key) {
        let dropped = match self.shared.objects.head(key, None).await {
            Ok(head) => self.shared.objects.delete_version(key, &head.version).await,
            Err(error) => Err(error),
        };
        if let Err(error) = dropped {
            warn!(log = %self.log(), error = kernel::chain(&error), "a superseded state stays");
        }
    }

    fn log(&self) -> LogName {
        LogName::Partition(self.place.partition)
    }
}

/// The records behind those that stand; `None` if what stands is not what these records say. Sealed bytes
/// differ each time an entry is sealed, commitments never.
fn behind(records: Vec<Record>, standing: &[Record]) -> Option<Vec<Record>> {
    let last = standing.last()?.index;
    let said = |record: &Record| (record.index, record.sealed.event, record.sealed.commitment);
    let (over, rest): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.index <= last);
    // An index that was restored from before may have come less far than what stands.
    let is_same =
        over.len() <= standing.len() && over.iter().map(said).eq(standing.iter().map(said).take(over.len()));
    let is_whole = rest.is_empty() || over.len() == standing.len();
    (is_same && is_whole).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn records(indexes: std::ops::Range<u64>) -> Vec<Record> {
        let keys = samples::keys("banca-alfa");
        let record = |index| Record { index, sealed: keys.seal(&samples::entry(index)).unwrap() };
        indexes.map(record).collect()
    }

    fn rest(ours: std::ops::Range<u64>, standing: std::ops::Range<u64>) -> Option<Vec<u64>> {
        let rest = behind(records(ours), &records(standing))?;
        Some(rest.iter().map(|record| record.index).collect())
    }

    #[test]
    fn what_an_earlier_flush_wrote_is_not_written_again() {
        assert_eq!(rest(3..9, 3..6), Some(vec![6, 7, 8]));
        assert_eq!(rest(3..6, 3..6), Some(vec![]));
        assert_eq!(rest(3..5, 3..6), Some(vec![]));
        assert_eq!(rest(3..6, 4..6), None);
    }
}
