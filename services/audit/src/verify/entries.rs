//! Entry objects of a partition against the leaves of its log.

use std::collections::BTreeSet;

use kernel::TenantId;
use merkle::Hash;
use objects::{Error, Key};

use super::{FindingKind, Means, Report, read};
use crate::entry_object::EntryObject;
use crate::files::{LedgerFiles, keys};
use crate::leaf;
use crate::name::{self, Incarnation};
use crate::state::State;

/// How often a state that is gone is looked for again.
const LOOKS: u32 = 5;

/// How many of a partition's first leaves have been there for so long. The state is not signed and says only what
/// whoever can write there lets it say; these come from signed roots, or from the index.
pub(super) struct Due {
    /// That the partition has a state.
    pub(super) stated: u64,
    /// That their entries are in objects.
    pub(super) stored: u64,
}

/// Verifies every entry that is said to be in objects, and that those are there that must be.
pub(super) async fn verify(
    files: &dyn LedgerFiles,
    means: Means<'_>,
    incarnation: Incarnation,
    partition: u32,
    hashes: &[Hash],
    due: Due,
    report: &mut Report,
) -> Result<(), Error> {
    let told = report.findings.len();
    let Some(state) = state(files, incarnation, partition, report).await? else {
        if due.stated > 0 && report.findings.len() == told {
            let name = format!("ledger/{incarnation}/{partition}/state");
            let detail = format!("is missing, and {} entries must be in objects by now", due.stated);
            report.find(name, FindingKind::Entry, detail);
        }
        return Ok(());
    };
    let mut check = Check { files, means, incarnation, partition, hashes, seen: BTreeSet::new() };
    for tenant in &state.tenants {
        check.tenant(tenant, report).await?;
    }
    let is_whole = report.findings.len() == told;
    let missing =
        (0..state.size.max(due.stored).min(hashes.len() as u64)).find(|index| !check.seen.contains(index));
    if let (Some(index), true) = (missing, is_whole) {
        let name = format!("ledger/{incarnation}/{partition}/entry/{index}");
        report.find(name, FindingKind::Entry, "is in no entry object");
    }
    report.stored += check.seen.len() as u64;
    Ok(())
}

/// The newest state, if there is one. A writer takes a state away once a newer one stands, so one that is gone is
/// looked for again, and so is one that a list missed because it was made meanwhile.
async fn state(
    files: &dyn LedgerFiles,
    incarnation: Incarnation,
    partition: u32,
    report: &mut Report,
) -> Result<Option<State>, Error> {
    let told = report.findings.len();
    let mut is_listed = false;
    for _ in 0..LOOKS {
        let states = keys(files, &name::states(incarnation, partition)).await?;
        let Some(newest) = states.last() else { continue };
        is_listed = true;
        let Some(bytes) = read(files, newest, FindingKind::Entry, report).await? else {
            if report.findings.len() > told {
                return Ok(None);
            }
            continue;
        };
        let state = State::decode(&bytes);
        if state.is_none() {
            report.find(newest, FindingKind::Entry, "is malformed");
        }
        return Ok(state);
    }
    if is_listed {
        let name = format!("ledger/{incarnation}/{partition}/state");
        report.find(name, FindingKind::Entry, "is listed and cannot be read");
    }
    Ok(None)
}

struct Check<'c> {
    files: &'c dyn LedgerFiles,
    means: Means<'c>,
    incarnation: Incarnation,
    partition: u32,
    hashes: &'c [Hash],
    seen: BTreeSet<u64>,
}

impl Check<'_> {
    async fn tenant(&mut self, tenant: &TenantId, report: &mut Report) -> Result<(), Error> {
        let prefix = name::entries_of(tenant, self.incarnation, self.partition);
        for key in keys(self.files, &prefix).await? {
            if let Some(bytes) = read(self.files, &key, FindingKind::Entry, report).await? {
                self.object(tenant, &key, &bytes, report);
            }
        }
        Ok(())
    }

    fn object(&mut self, tenant: &TenantId, key: &Key, bytes: &[u8], report: &mut Report) {
        let object = match EntryObject::decode(bytes) {
            Ok(object) => object,
            Err(error) => return report.find(key, FindingKind::Entry, error),
        };
        let place = (tenant, self.incarnation, self.partition);
        if (&object.tenant, object.incarnation, object.partition) != place {
            return report.find(key, FindingKind::Entry, "is of another place than its key says");
        }
        let keys = self.means.keys.filter(|keys| keys.tenant() == tenant);
        for record in &object.records {
            let index = usize::try_from(record.index).ok();
            let Some(hash) = index.and_then(|index| self.hashes.get(index)) else {
                // Committed and not signed yet: the next checkpoint has it.
                continue;
            };
            if leaf::hash(&record.sealed.commitment) != *hash {
                let detail = format!("entry {} is not what its leaf commits to", record.index);
                return report.find(key, FindingKind::Entry, detail);
            }
            if let Some(Err(error)) = keys.map(|keys| keys.open(&record.sealed)) {
                return report.find(key, FindingKind::Entry, format!("entry {}: {error}", record.index));
            }
            report.opened += u64::from(keys.is_some());
            self.seen.insert(record.index);
        }
    }
}
