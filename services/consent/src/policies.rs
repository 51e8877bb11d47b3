//! The tenants' policies: loaded from a directory, kept by hash for good, one of each tenant in force.
//!
//! A load is taken in whole or not at all: a fault in one document leaves everything as it was. What was ever
//! in force stays readable by its hash, because recordings and evidence name it.

pub mod directory;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use kernel::{Clock, NoticeName, PurposeName, TenantId, Timestamp};
use parking_lot::{Mutex, RwLock};
use policy::{PolicyHash, TenantPolicy};
use tracing::{info, warn};

use crate::error::Error;
use crate::event::NoticeRef;
use crate::store::{NoticeRow, PolicyChange, PolicyRow, Store};

/// Most policies out of force that are kept in memory; beyond that all are read anew.
const KEPT_MAX: usize = 4_096;

/// A policy as it was loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyVersion {
    /// The row.
    pub row: PolicyRow,
    /// What it says.
    pub policy: TenantPolicy,
}

impl PolicyVersion {
    /// What identifies it.
    pub fn hash(&self) -> PolicyHash {
        self.row.hash
    }

    /// The notice of this name, with the purposes that it tells about.
    pub fn notice(&self, name: &NoticeName) -> Option<(NoticeRef, &BTreeSet<PurposeName>)> {
        let notice = self.policy.notices.get(name)?;
        Some((NoticeRef { name: name.clone(), text_hash: notice.sha256() }, &notice.purposes))
    }

    /// Reads a stored row, and checks that it is what its hash says.
    fn read(row: PolicyRow) -> Result<Self, Error> {
        let parsed = policy::parse(&row.document, &|file| row.texts.get(file).cloned());
        let damaged = || Error::PolicyDamaged { tenant: row.tenant.clone(), hash: row.hash };
        let policy = parsed.map_err(|_| damaged())?;
        if policy.hash() != row.hash || policy.tenant != row.tenant {
            return Err(damaged());
        }
        Ok(Self { row, policy })
    }
}

/// What a load changed, by tenant.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Reloaded {
    /// Tenants with another policy than before.
    pub began: Vec<TenantId>,
    /// Tenants without a policy from now on.
    pub ended: Vec<TenantId>,
}

/// Every tenant's policies.
pub struct Policies {
    directory: PathBuf,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    in_force: RwLock<HashMap<TenantId, Arc<PolicyVersion>>>,
    by_hash: Mutex<HashMap<(TenantId, PolicyHash), Arc<PolicyVersion>>>,
    loading: tokio::sync::Mutex<()>,
}

impl Policies {
    /// Loads the directory; a fault in it refuses the start.
    pub async fn open(
        directory: PathBuf,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let policies = Self {
            directory,
            store,
            clock,
            in_force: RwLock::default(),
            by_hash: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
        };
        policies.reload().await?;
        Ok(policies)
    }

    /// Loads the directory again. What is the same as before stays; a fault leaves everything as it was.
    pub async fn reload(&self) -> Result<Reloaded, Error> {
        let _one_at_a_time = self.loading.lock().await;
        let documents = directory::read(self.directory.clone()).await?;
        let before = self.store.policies_in_force().await?;
        let before: BTreeMap<_, _> = before.into_iter().map(|row| (row.tenant.clone(), row)).collect();
        let now = self.clock.now();
        let mut change = PolicyChange::default();
        let mut after = HashMap::new();
        for document in documents {
            let version = began_or_stays(document, &before, now);
            if before.get(&version.row.tenant) != Some(&version.row) {
                change.begins.push(version.row.clone());
                change.notices.extend(notices(&version.policy));
            }
            after.insert(version.row.tenant.clone(), Arc::new(version));
        }
        change.ends = before.keys().filter(|t| !after.contains_key(t)).map(|t| (t.clone(), now)).collect();
        if change != PolicyChange::default() {
            self.store.change_policies(&change).await?;
        }
        *self.in_force.write() = after;
        Ok(told(change))
    }

    /// A tenant's policy in force.
    pub fn in_force(&self, tenant: &TenantId) -> Option<Arc<PolicyVersion>> {
        self.in_force.read().get(tenant).cloned()
    }

    /// A tenant's policy with this hash, whether in force or not.
    pub async fn by_hash(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
    ) -> Result<Option<Arc<PolicyVersion>>, Error> {
        if let Some(version) = self.in_force(tenant).filter(|version| version.hash() == hash) {
            return Ok(Some(version));
        }
        let key = (tenant.clone(), hash);
        let kept = self.by_hash.lock().get(&key).cloned();
        if kept.is_some() {
            return Ok(kept);
        }
        let Some(row) = self.store.policy(tenant, hash).await? else { return Ok(None) };
        let version = Arc::new(PolicyVersion::read(row)?);
        let mut by_hash = self.by_hash.lock();
        if by_hash.len() >= KEPT_MAX {
            by_hash.clear();
        }
        by_hash.insert(key, Arc::clone(&version));
        Ok(Some(version))
    }

    /// The policy that a call or, where it has none, the tenant goes by.
    pub async fn stamped(
        &self,
        tenant: &TenantId,
        hash: Option<PolicyHash>,
    ) -> Result<Option<Arc<PolicyVersion>>, Error> {
        match hash {
            Some(hash) => self.by_hash(tenant, hash).await,
            None => Ok(self.in_force(tenant)),
        }
    }

    /// Every purpose that any policy of the tenant ever had: what may still be refused and withdrawn.
    pub async fn purposes_ever(&self, tenant: &TenantId) -> Result<BTreeSet<PurposeName>, Error> {
        let mut purposes = BTreeSet::new();
        for row in self.store.policies(tenant).await? {
            purposes.extend(PolicyVersion::read(row)?.policy.purposes.into_keys());
        }
        Ok(purposes)
    }
}

fn began_or_stays(
    document: directory::Document,
    before: &BTreeMap<TenantId, PolicyRow>,
    now: Timestamp,
) -> PolicyVersion {
    let directory::Document { policy, text, texts } = document;
    let hash = policy.hash();
    let same = before.get(&policy.tenant).filter(|row| row.hash == hash).cloned();
    let row = same.unwrap_or_else(|| PolicyRow {
        tenant: policy.tenant.clone(),
        hash,
        document: text,
        texts,
        since: now,
    });
    PolicyVersion { row, policy }
}

fn notices(policy: &TenantPolicy) -> impl Iterator<Item = (TenantId, NoticeRow)> + '_ {
    policy.notices.iter().map(|(name, notice)| {
        let row = NoticeRow {
            notice: NoticeRef { name: name.clone(), text_hash: notice.sha256() },
            language: notice.language.clone(),
            text: notice.text.clone(),
        };
        (policy.tenant.clone(), row)
    })
}

fn told(change: PolicyChange) -> Reloaded {
    for row in &change.begins {
        info!(tenant = %row.tenant, policy = %row.hash, "a policy is in force");
    }
    for (tenant, _) in &change.ends {
        warn!(%tenant, "a tenant has no policy any more: nothing of it is recorded");
    }
    Reloaded {
        began: change.begins.into_iter().map(|row| row.tenant).collect(),
        ended: change.ends.into_iter().map(|(tenant, _)| tenant).collect(),
    }
}

#[cfg(test)]
mod tests;
