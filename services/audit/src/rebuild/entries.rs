//! The entries of one partition, read back from objects.

use std::collections::{BTreeMap, VecDeque};

use kernel::TenantId;
use objects::Key;

use crate::entry_object::{EntryObject, Record};
use crate::error::Error;
use crate::files::{LedgerFiles, ObjectFiles, keys};
use crate::name::{self, Incarnation, LogName};
use crate::state::State;

/// A partition's entries in order of index, out of every tenant's objects; of each tenant one is in memory.
pub(super) struct Entries<'e> {
    files: &'e ObjectFiles,
    log: LogName,
    tenants: BTreeMap<TenantId, Cursor>,
}

struct Cursor {
    objects: VecDeque<Key>,
    records: VecDeque<Record>,
}

impl<'e> Entries<'e> {
    /// Those of the tenants that the partition's state names.
    pub(super) async fn of(
        files: &'e ObjectFiles,
        incarnation: Incarnation,
        partition: u32,
        state: &State,
    ) -> Result<Self, Error> {
        let log = LogName::Partition(partition);
        let mut tenants = BTreeMap::new();
        for tenant in &state.tenants {
            let objects = keys(files, &name::entries_of(tenant, incarnation, partition)).await;
            let objects = objects.map_err(Error::objects(log))?;
            tenants.insert(tenant.clone(), Cursor { objects: objects.into(), records: VecDeque::new() });
        }
        Ok(Self { files, log, tenants })
    }

    /// The entry at this index, which is not before the one asked for last.
    pub(super) async fn next(&mut self, index: u64) -> Result<(TenantId, Record), Error> {
        for (tenant, cursor) in &mut self.tenants {
            if let Some(record) = cursor.at(self.files, self.log, index).await? {
                return Ok((tenant.clone(), record));
            }
        }
        Err(Error::damaged(self.log, "an entry is in no entry object"))
    }
}

impl Cursor {
    /// The record at this index, if it is this tenant's; earlier ones are done with.
    async fn at(&mut self, files: &ObjectFiles, log: LogName, index: u64) -> Result<Option<Record>, Error> {
        loop {
            while self.records.front().is_some_and(|record| record.index < index) {
                self.records.pop_front();
            }
            if let Some(first) = self.records.front() {
                return Ok(if first.index == index { self.records.pop_front() } else { None });
            }
            let Some(key) = self.objects.pop_front() else { return Ok(None) };
            let bytes = files.read(&key).await.map_err(Error::objects(log))?.unwrap_or_default();
            let object = EntryObject::decode(&bytes);
            let object = object.map_err(|_| Error::damaged(log, "an entry object is damaged"))?;
            self.records = object.records.into();
        }
    }
}
