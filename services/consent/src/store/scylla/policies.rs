//! Policies and notices: kept for good, and which policy each tenant has now.

use std::collections::BTreeMap;

use cql::{Batch, Cql, Error, Space, Statement};
use futures::stream::{self, StreamExt, TryStreamExt};
use kernel::{NoticeName, TenantId, Timestamp};
use policy::PolicyHash;

use super::event_row::hash;
use super::failure::{Failure, bad};
use crate::event::NoticeRef;
use crate::store::{NoticeRow, PolicyChange, PolicyRow, columns};

/// Tenants, a tenant's policies, a policy's texts: rows of one partition.
const MAX_ROWS: usize = 100_000;
/// Tenants whose policy changes in one conditional write; a load that changes more takes several.
const TENANTS: usize = 900;
/// How often a change is tried again when other processes were first.
const ATTEMPTS: u32 = 50;
/// Requests of one act that run at once.
const AT_ONCE: usize = 16;

pub(super) struct Policies {
    cql: Cql,
    document: Statement,
    term: Statement,
    terms: Statement,
    in_force: Statement,
    notice: Statement,
    insert_text: Statement,
    insert_document: Statement,
    insert_term: Statement,
    insert_notice: Statement,
    change: Statement,
    begin: Statement,
    end: Statement,
}

/// The policies in force, and how often they have changed.
struct InForce {
    change: Option<i64>,
    policies: BTreeMap<TenantId, (PolicyHash, Timestamp)>,
}

impl Policies {
    pub(super) async fn open(cql: &Cql) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Data, text).await;
        Ok(Self {
            cql: cql.clone(),
            document: prepare(
                "SELECT document, file, words FROM {ks}.consent_policy WHERE tenant = ? AND hash = ?",
            )
            .await?,
            term: prepare("SELECT since FROM {ks}.consent_policy_term WHERE tenant = ? AND hash = ? LIMIT 1")
                .await?,
            terms: prepare("SELECT hash, since FROM {ks}.consent_policy_term WHERE tenant = ?").await?,
            in_force: prepare(
                "SELECT change, tenant, hash, since FROM {ks}.consent_in_force WHERE scope = 'all'",
            )
            .await?,
            notice: prepare(
                "SELECT language, words FROM {ks}.consent_notice
                WHERE tenant = ? AND name = ? AND text_hash = ?",
            )
            .await?,
            insert_text: prepare(
                "INSERT INTO {ks}.consent_policy (tenant, hash, file, words) VALUES (?, ?, ?, ?)",
            )
            .await?,
            insert_document: prepare(
                "INSERT INTO {ks}.consent_policy (tenant, hash, document) VALUES (?, ?, ?)",
            )
            .await?,
            insert_term: prepare(
                "INSERT INTO {ks}.consent_policy_term (tenant, hash, since) VALUES (?, ?, ?)",
            )
            .await?,
            insert_notice: prepare(
                "INSERT INTO {ks}.consent_notice (tenant, name, text_hash, language, words)
                VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
            // Two processes that load different directories would otherwise each leave half of its own.
            change: prepare("UPDATE {ks}.consent_in_force SET change = ? WHERE scope = 'all' IF change = ?")
                .await?,
            begin: prepare(
                "INSERT INTO {ks}.consent_in_force (scope, tenant, hash, since) VALUES ('all', ?, ?, ?)",
            )
            .await?,
            end: prepare("DELETE FROM {ks}.consent_in_force WHERE scope = 'all' AND tenant = ?").await?,
        })
    }

    pub(super) async fn in_force(&self) -> Result<Vec<PolicyRow>, Error> {
        let rows = self.cql.rows(&self.in_force, (), MAX_ROWS).await?;
        stream::iter(InForce::read(rows)?.policies)
            .map(|(tenant, (hash, since))| async move { self.document(&tenant, hash, since).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    pub(super) async fn policy(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
    ) -> Result<Option<PolicyRow>, Error> {
        let key = (tenant.as_str(), &hash.as_bytes()[..]);
        let since: Option<(i64,)> = self.cql.row(&self.term, key).await?;
        let Some((since,)) = since else { return Ok(None) };
        self.document(tenant, hash, Timestamp(since)).await.map(Some)
    }

    /// By hash.
    pub(super) async fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRow>, Error> {
        let bad = bad("consent_policy_term");
        let rows: Vec<(Vec<u8>, i64)> = self.cql.rows(&self.terms, (tenant.as_str(),), MAX_ROWS).await?;
        let mut terms: BTreeMap<[u8; 32], i64> = BTreeMap::new();
        for (column, since) in rows {
            let hash = hash(&column).map_err(bad)?.ok_or(bad("no hash"))?;
            let last = terms.entry(hash).or_insert(since);
            *last = since.max(*last);
        }
        stream::iter(terms)
            .map(|(hash, since)| async move { self.document(tenant, PolicyHash(hash), Timestamp(since)).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    pub(super) async fn notice(
        &self,
        tenant: &TenantId,
        name: &NoticeName,
        text_hash: [u8; 32],
    ) -> Result<Option<NoticeRow>, Error> {
        let key = (tenant.as_str(), name.as_str(), &text_hash[..]);
        let found: Option<(String, String)> = self.cql.row(&self.notice, key).await?;
        let notice = NoticeRef { name: name.clone(), text_hash };
        Ok(found.map(|(language, text)| NoticeRow { notice, language, text }))
    }

    /// Documents and notices first, which nobody looks for yet; then, in one conditional write, what is in force.
    /// What another process has brought into force already stays as it is.
    pub(super) async fn change(&self, change: &PolicyChange) -> Result<(), Failure> {
        stream::iter(change.notices.iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(AT_ONCE, |(tenant, notice)| self.keep_notice(tenant, notice))
            .await?;
        for _ in 0..ATTEMPTS {
            let rows = self.cql.serial_rows(&self.in_force, (), MAX_ROWS).await?;
            let now = InForce::read(rows)?;
            let begins: Vec<_> = change.begins.iter().filter(|row| now.lacks(row)).take(TENANTS).collect();
            let ends = change.ends.iter().map(|(tenant, _)| tenant);
            let ends = ends.filter(|tenant| now.policies.contains_key(tenant));
            let ends: Vec<_> = ends.take(TENANTS - begins.len()).collect();
            if begins.is_empty() && ends.is_empty() {
                return Ok(());
            }
            stream::iter(begins.iter().map(Ok::<_, Error>))
                .try_for_each_concurrent(AT_ONCE, |row| self.keep_policy(row))
                .await?;
            match self.replace(&now, &begins, &ends).await {
                // What is still lacking then is looked at again, also where another process was first.
                Ok(_) => {}
                Err(error) if error.is_uncertain() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::Contended)
    }

    async fn replace(&self, now: &InForce, begins: &[&PolicyRow], ends: &[&TenantId]) -> Result<bool, Error> {
        let mut batch = Batch::unlogged();
        batch.add(&self.change, (now.change.unwrap_or(0).saturating_add(1), now.change))?;
        for row in begins {
            let values = (row.tenant.to_string(), row.hash.as_bytes().to_vec(), row.since.0);
            batch.add(&self.begin, values)?;
        }
        for tenant in ends {
            batch.add(&self.end, (tenant.to_string(),))?;
        }
        self.cql.apply_batch(batch).await
    }

    /// The first document of a hash stays. Its term is written last: a policy without one is none yet.
    async fn keep_policy(&self, row: &PolicyRow) -> Result<(), Error> {
        let PolicyRow { tenant, hash, document, texts, since } = row;
        let (tenant, hash) = (tenant.as_str(), &hash.as_bytes()[..]);
        if self.find(tenant, hash).await?.is_none() {
            for (file, text) in texts {
                self.cql.write(&self.insert_text, (tenant, hash, file, text)).await?;
            }
            self.cql.write(&self.insert_document, (tenant, hash, document)).await?;
        }
        self.cql.write(&self.insert_term, (tenant, hash, since.0)).await
    }

    /// The first one stays.
    async fn keep_notice(&self, tenant: &TenantId, row: &NoticeRow) -> Result<(), Error> {
        let NoticeRow { notice: NoticeRef { name, text_hash }, language, text } = row;
        if self.notice(tenant, name, *text_hash).await?.is_some() {
            return Ok(());
        }
        let values = (tenant.as_str(), name.as_str(), &text_hash[..], language, text);
        self.cql.write(&self.insert_notice, values).await
    }

    async fn document(
        &self,
        tenant: &TenantId,
        hash: PolicyHash,
        since: Timestamp,
    ) -> Result<PolicyRow, Error> {
        let found = self.find(tenant.as_str(), &hash.as_bytes()[..]).await?;
        let (document, texts) = found.ok_or(bad("consent_policy_term")("a policy that is missing"))?;
        Ok(PolicyRow { tenant: tenant.clone(), hash, document, texts, since })
    }

    async fn find(
        &self,
        tenant: &str,
        hash: &[u8],
    ) -> Result<Option<(String, BTreeMap<String, String>)>, Error> {
        let rows: Vec<(Option<String>, Option<String>, Option<String>)> =
            self.cql.rows(&self.document, (tenant, hash), MAX_ROWS).await?;
        // It is written after its texts.
        let Some(document) = rows.first().and_then(|(document, ..)| document.clone()) else {
            return Ok(None);
        };
        let texts = rows.into_iter().filter_map(|(_, file, text)| Some((file?, text?)));
        Ok(Some((document, texts.collect())))
    }
}

type Columns = (Option<i64>, Option<String>, Option<Vec<u8>>, Option<i64>);

impl InForce {
    fn read(rows: Vec<Columns>) -> Result<Self, Error> {
        let bad = bad("consent_in_force");
        let mut read = Self { change: None, policies: BTreeMap::new() };
        for (change, tenant, column, since) in rows {
            read.change = change;
            // Where no tenant has a policy any more, one row tells of the changes alone.
            let Some(tenant) = tenant else { continue };
            let column = column.ok_or(bad("no hash"))?;
            let hash = hash(&column).map_err(bad)?.ok_or(bad("no hash"))?;
            let since = Timestamp(since.ok_or(bad("no time"))?);
            read.policies.insert(columns::tenant(tenant).map_err(bad)?, (PolicyHash(hash), since));
        }
        Ok(read)
    }

    fn lacks(&self, row: &PolicyRow) -> bool {
        self.policies.get(&row.tenant).is_none_or(|(hash, _)| *hash != row.hash)
    }
}
