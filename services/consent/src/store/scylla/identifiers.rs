//! The identifier index in a CQL cluster: in the keyspace for keys. It holds HMACs, never values.
//!
//! Whom a party's identifiers mean depends on all rows of everybody that they lead to, so that a condition on one
//! row does not do: two calls, one with a number and one with that number and a customer id, would make two
//! people of one. A tenant's additions have one order ([`super::sequence`]). A call of people who are known adds
//! nothing and waits for nobody.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use cql::{Batch, Cql, Error, Space, Statement};
use futures::stream::{self, StreamExt, TryStreamExt};
use kernel::{EventId, SectionNo, SubjectId, TenantId, Timestamp};

use super::event_row::hash;
use super::failure::{Failure, bad, failed};
use super::queue::{Queue, Worker};
use super::sequence::{Decided, Ordered, Sequence};
use crate::identifier::Kind;
use crate::identity::{Choice, IndexValue, Known, Presented, choose};
use crate::store::{Identifiers, StoreError};

/// Requests of one act that run at once.
const AT_ONCE: usize = 32;
/// Identifiers of one subject, and of one batch.
const MAX_ROWS: usize = 100_000;
/// Rows of one batch.
const ROWS: usize = 100;
/// How often a number is tried to be claimed when others were first.
const ATTEMPTS: u32 = 50;

/// The index; cheap to clone.
#[derive(Clone)]
pub struct ScyllaIdentifiers(Arc<Inner>);

struct Inner {
    index: Arc<Sequence<Index>>,
    queue: Queue<Asked, Choice>,
}

/// The index's tables.
struct Index {
    cql: Cql,
    find: Statement,
    theirs: Statement,
    insert: Statement,
    insert_theirs: Statement,
    stage: Statement,
    staged: Statement,
    unstage: Statement,
    seal: Statement,
    next: Statement,
    claim: Statement,
}

/// Somebody is to be found or made.
struct Asked {
    tenant: TenantId,
    presented: Vec<Presented>,
    fresh: SubjectId,
    now: Timestamp,
}

/// An identifier that becomes somebody's.
struct Added {
    tenant: String,
    known: Known,
}

impl ScyllaIdentifiers {
    /// On tables that [`super::COMPONENTS`] made.
    pub async fn open(cql: Cql) -> Result<Self, StoreError> {
        let open = async {
            let index = Index::prepare(&cql).await?;
            Sequence::open(&cql, Space::Keys, index).await
        };
        let index = Arc::new(open.await.map_err(failed("open the index"))?);
        let queue = Queue::start(Arc::clone(&index) as Arc<dyn Worker<Asked, Choice>>);
        Ok(Self(Arc::new(Inner { index, queue })))
    }

    fn index(&self) -> &Index {
        &self.0.index.ordered
    }
}

#[async_trait]
impl Identifiers for ScyllaIdentifiers {
    async fn find(&self, tenant: &TenantId, presented: &[Presented]) -> Result<Vec<Known>, StoreError> {
        let found = self.index().find(tenant.as_str(), presented).await;
        found.map_err(failed("look an identifier up"))
    }

    async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Known>, StoreError> {
        let found = self.index().of_subject(tenant.as_str(), subject).await;
        found.map_err(failed("read a subject's identifiers"))
    }

    async fn resolve(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        fresh: SubjectId,
        now: Timestamp,
    ) -> Result<Choice, StoreError> {
        let asked = Asked { tenant: tenant.clone(), presented: presented.to_vec(), fresh, now };
        self.0.queue.submit(asked).await.map_err(failed("resolve identifiers"))
    }

    async fn claim_section(&self, tenant: &TenantId, subject: SubjectId) -> Result<SectionNo, StoreError> {
        let claimed = self.index().claim_section(tenant.as_str(), subject).await;
        claimed.map_err(failed("claim a section"))
    }

    async fn mark_sealed(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        section: SectionNo,
    ) -> Result<(), StoreError> {
        let marked = stream::iter(presented.iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(AT_ONCE, |one| self.index().mark_sealed(tenant.as_str(), one, section));
        marked.await.map_err(failed("note sealed values"))
    }
}

impl Index {
    async fn prepare(cql: &Cql) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Keys, text).await;
        Ok(Self {
            cql: cql.clone(),
            find: prepare(
                "SELECT subject, valid_from, section FROM {ks}.consent_identifier
                WHERE tenant = ? AND kind = ? AND value = ?",
            )
            .await?,
            theirs: prepare(
                "SELECT kind, value FROM {ks}.consent_subject_identifier WHERE tenant = ? AND subject = ?",
            )
            .await?,
            insert: prepare(
                "INSERT INTO {ks}.consent_identifier (tenant, kind, value, subject, valid_from)
                VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
            insert_theirs: prepare(
                "INSERT INTO {ks}.consent_subject_identifier (tenant, subject, kind, value)
                VALUES (?, ?, ?, ?)",
            )
            .await?,
            stage: prepare(
                "INSERT INTO {ks}.consent_staged_identifier
                (batch_id, kind, value, tenant, subject, valid_from) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .await?,
            staged: prepare(
                "SELECT tenant, kind, value, subject, valid_from FROM {ks}.consent_staged_identifier
                WHERE batch_id = ?",
            )
            .await?,
            unstage: prepare("DELETE FROM {ks}.consent_staged_identifier WHERE batch_id = ?").await?,
            // The first section stays: of two processes that seal the same values, the second says nothing.
            seal: prepare(
                "UPDATE {ks}.consent_identifier SET section = ? WHERE tenant = ? AND kind = ? AND value = ?
                IF section = null",
            )
            .await?,
            next: prepare(
                "SELECT next, claim FROM {ks}.consent_subject_section WHERE tenant = ? AND subject = ?",
            )
            .await?,
            // A number claimed twice would be one section key for two writers.
            claim: prepare(
                "UPDATE {ks}.consent_subject_section SET next = ?, claim = ? WHERE tenant = ? AND subject = ?
                IF next = ?",
            )
            .await?,
        })
    }

    /// In the order in which they are presented, each once.
    async fn find(&self, tenant: &str, presented: &[Presented]) -> Result<Vec<Known>, Error> {
        let mut asked: Vec<Presented> = Vec::new();
        for one in presented {
            if !asked.contains(one) {
                asked.push(*one);
            }
        }
        let found: Vec<_> = stream::iter(asked)
            .map(|one| async move { self.find_one(tenant, &one).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn find_one(&self, tenant: &str, one: &Presented) -> Result<Option<Known>, Error> {
        let bad = bad("consent_identifier");
        let Presented { kind, value } = *one;
        let key = (tenant, kind.number(), &value[..]);
        let found: Option<(Vec<u8>, i64, Option<i64>)> = self.cql.row(&self.find, key).await?;
        let Some((subject, valid_from, section)) = found else { return Ok(None) };
        let subject = SubjectId::from_slice(&subject).map_err(|_| bad("a subject"))?;
        let section =
            section.map(|column| u32::try_from(column).map_err(|_| bad("a section"))).transpose()?;
        let valid_from = Timestamp(valid_from);
        Ok(Some(Known { kind, value, subject, valid_from, sealed_in: section.map(SectionNo) }))
    }

    /// By kind and value.
    async fn of_subject(&self, tenant: &str, subject: SubjectId) -> Result<Vec<Known>, Error> {
        let bad = bad("consent_subject_identifier");
        let key = (tenant, &subject.to_bytes()[..]);
        let rows: Vec<(i32, Vec<u8>)> = self.cql.rows(&self.theirs, key, MAX_ROWS).await?;
        let read = rows.into_iter().map(|(number, column)| {
            let kind = Kind::from_number(number).ok_or(bad("a kind"))?;
            Ok(Presented { kind, value: value(&column).map_err(bad)? })
        });
        let theirs = read.collect::<Result<Vec<_>, Error>>()?;
        self.find(tenant, &theirs).await
    }

    async fn mark_sealed(&self, tenant: &str, one: &Presented, section: SectionNo) -> Result<(), Error> {
        let known = self.find_one(tenant, one).await?;
        if known.is_none_or(|known| known.sealed_in.is_some()) {
            return Ok(());
        }
        let key = (tenant, one.kind.number(), &one.value[..]);
        let values = (i64::from(section.0), key.0, key.1, key.2);
        match self.cql.apply(&self.seal, values).await {
            Err(error) if error.is_uncertain() => {
                let found: Option<(Vec<u8>, i64, Option<i64>)> = self.cql.serial_row(&self.find, key).await?;
                let is_sealed = found.is_some_and(|(_, _, section)| section.is_some());
                if is_sealed { Ok(()) } else { Err(error) }
            }
            applied => applied.map(drop),
        }
    }

    async fn claim_section(&self, tenant: &str, subject: SubjectId) -> Result<SectionNo, Failure> {
        let bad = bad("consent_subject_section");
        let subject = subject.to_bytes();
        let key = (tenant, &subject[..]);
        let claim = EventId::new().to_bytes();
        let mut next: Option<i64> = self.next(key).await?.map(|(next, _)| next);
        for _ in 0..ATTEMPTS {
            let number = next.unwrap_or(0);
            let values = (number.saturating_add(1), &claim[..], key.0, key.1, next);
            let claimed = match self.cql.apply(&self.claim, values).await {
                Ok(claimed) => claimed,
                Err(error) if error.is_uncertain() => false,
                Err(error) => return Err(error.into()),
            };
            let found = if claimed { None } else { self.next(key).await? };
            let ours = found.as_ref().is_some_and(|(_, claimed_by)| *claimed_by == claim);
            if claimed || ours {
                let number = u32::try_from(number).map_err(|_| bad("a number"))?;
                return Ok(SectionNo(number));
            }
            next = found.map(|(next, _)| next);
        }
        Err(Failure::Contended)
    }

    /// The next number, and who claimed the one before it.
    async fn next(&self, key: (&str, &[u8])) -> Result<Option<(i64, Vec<u8>)>, Error> {
        self.cql.serial_row(&self.next, key).await
    }

    /// What is known of everybody whom the asked lead to.
    async fn view(&self, tenant: &str, asked: &[Asked]) -> Result<View, Error> {
        let presented: Vec<_> = asked.iter().flat_map(|one| one.presented.iter().copied()).collect();
        let mut view = View::default();
        for known in self.find(tenant, &presented).await? {
            view.known.insert((known.kind, known.value), known);
        }
        let subjects: std::collections::BTreeSet<_> =
            view.known.values().map(|known| known.subject).collect();
        view.theirs = stream::iter(subjects)
            .map(|subject| async move { Ok::<_, Error>((subject, self.of_subject(tenant, subject).await?)) })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(view)
    }

    async fn send(&self, batches: Vec<Batch>) -> Result<(), Error> {
        stream::iter(batches.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |batch| self.cql.batch(batch))
            .await
    }
}

/// What is known before somebody is looked for, and then after each of them.
#[derive(Default)]
struct View {
    known: HashMap<(Kind, IndexValue), Known>,
    theirs: HashMap<SubjectId, Vec<Known>>,
}

impl View {
    fn choose(&mut self, asked: &Asked, added: &mut Vec<Added>) -> Choice {
        let known = asked.presented.iter().filter_map(|one| self.known.get(&(one.kind, one.value)));
        let known: Vec<_> = known.cloned().collect();
        let theirs = known.iter().flat_map(|row| self.theirs.get(&row.subject).into_iter().flatten());
        let theirs: Vec<_> = theirs.cloned().collect();
        let choice = choose(&asked.presented, &known, &theirs, asked.fresh);
        for Presented { kind, value } in &choice.added {
            let known = Known {
                kind: *kind,
                value: *value,
                subject: choice.subject,
                valid_from: asked.now,
                sealed_in: None,
            };
            self.known.insert((*kind, *value), known.clone());
            self.theirs.entry(choice.subject).or_default().push(known.clone());
            added.push(Added { tenant: asked.tenant.to_string(), known });
        }
        choice
    }
}

#[async_trait]
impl Ordered for Index {
    type Act = Asked;
    type Answer = Choice;
    type Row = Added;

    async fn decide(&self, name: &str, _last: u64, asked: &[Asked]) -> Result<Decided<Choice, Added>, Error> {
        let mut view = self.view(name, asked).await?;
        let mut rows = Vec::new();
        let answers = asked.iter().map(|one| view.choose(one, &mut rows)).collect();
        Ok(Decided { answers, rows })
    }

    async fn stage(&self, batch: &[u8], rows: &[Added]) -> Result<(), Error> {
        let mut batches = Vec::new();
        for some in rows.chunks(ROWS) {
            let mut one = Batch::unlogged();
            for Added { tenant, known } in some {
                let (kind, value) = (known.kind.number(), known.value.to_vec());
                let subject = known.subject.to_bytes().to_vec();
                let values = (batch.to_vec(), kind, value, tenant.clone(), subject, known.valid_from.0);
                one.add(&self.stage, values)?;
            }
            batches.push(one);
        }
        self.send(batches).await
    }

    async fn staged(&self, batch: &[u8]) -> Result<Vec<Added>, Error> {
        let bad = bad("consent_staged_identifier");
        let rows: Vec<(String, i32, Vec<u8>, Vec<u8>, i64)> =
            self.cql.rows(&self.staged, (batch,), MAX_ROWS).await?;
        let read = rows.into_iter().map(|(tenant, number, column, subject, valid_from)| {
            let known = Known {
                kind: Kind::from_number(number).ok_or(bad("a kind"))?,
                value: value(&column).map_err(bad)?,
                subject: SubjectId::from_slice(&subject).map_err(|_| bad("a subject"))?,
                valid_from: Timestamp(valid_from),
                sealed_in: None,
            };
            Ok(Added { tenant, known })
        });
        read.collect()
    }

    async fn unstage(&self, batch: &[u8]) -> Result<(), Error> {
        self.cql.write(&self.unstage, (batch,)).await
    }

    /// Whoever is found by an identifier has it among theirs.
    async fn write(&self, rows: &[Added]) -> Result<(), Error> {
        let (mut theirs, mut identifiers) = (Vec::new(), Vec::new());
        for Added { tenant, known } in rows {
            let (kind, value) = (known.kind.number(), known.value.to_vec());
            let subject = known.subject.to_bytes().to_vec();
            let mut one = Batch::unlogged();
            one.add(&self.insert_theirs, (tenant.clone(), subject.clone(), kind, value.clone()))?;
            theirs.push(one);
            let mut one = Batch::unlogged();
            one.add(&self.insert, (tenant.clone(), kind, value, subject, known.valid_from.0))?;
            identifiers.push(one);
        }
        self.send(theirs).await?;
        self.send(identifiers).await
    }
}

#[async_trait]
impl Worker<Asked, Choice> for Sequence<Index> {
    /// Tenants do not wait for each other.
    async fn work(&self, acts: Vec<Asked>) -> Vec<Result<Choice, Failure>> {
        let mut tenants: BTreeMap<TenantId, (Vec<usize>, Vec<Asked>)> = BTreeMap::new();
        let count = acts.len();
        for (place, asked) in acts.into_iter().enumerate() {
            let (places, of_tenant) = tenants.entry(asked.tenant.clone()).or_default();
            places.push(place);
            of_tenant.push(asked);
        }
        let committed = stream::iter(tenants)
            .map(|(tenant, (places, asked))| async move {
                (places, self.commit_all(tenant.as_str(), &asked).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut results: Vec<_> = (0..count).map(|_| Err(Failure::Closed)).collect();
        for (places, committed) in committed {
            for (place, result) in places.into_iter().zip(committed) {
                results[place] = result;
            }
        }
        results
    }
}

fn value(column: &[u8]) -> Result<IndexValue, &'static str> {
    hash(column)?.ok_or("no value")
}

#[cfg(test)]
mod tests;
