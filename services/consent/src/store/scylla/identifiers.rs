//! The identifier index in a CQL cluster: in the keyspace for keys. It holds HMACs, never values.
//!
//! Whom a party's identifiers mean depends on all rows of everybody that they lead to, so that a condition on one
//! row does not do: two calls, one with a number and one with that number and a customer id, would make two
//! people of one. A tenant's additions have one order ([`super::sequence`]). A call of people who are known adds
//! nothing and waits for nobody.
//!
//! Who has an identifier after its first owner is in a table of its own, one partition an identifier, and
//! goes by a conditional write: whoever decides on a call at that moment decides as if it had come before
//! or after.

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
use crate::identity::{
    Choice, IndexValue, Known, Line, Owner, Presented, Reassigned, choose, in_turn, reassign,
};
use crate::store::{Identifiers, StoreError};

/// Requests of one act that run at once.
const AT_ONCE: usize = 32;
/// Identifiers of one subject, and of one batch.
const MAX_ROWS: usize = 100_000;
/// Rows of one batch.
const ROWS: usize = 100;
/// How often a number, or an identifier's next time, is tried to be claimed when others were first.
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
    first: Statement,
    later: Statement,
    theirs: Statement,
    insert: Statement,
    insert_theirs: Statement,
    stage: Statement,
    staged: Statement,
    unstage: Statement,
    last: Statement,
    insert_later: Statement,
    share: Statement,
    seal: Statement,
    seal_later: Statement,
    next: Statement,
    claim: Statement,
}

/// Somebody is to be found or made.
struct Asked {
    tenant: TenantId,
    presented: Vec<Presented>,
    fresh: SubjectId,
    at: Timestamp,
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
    async fn find(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        at: Timestamp,
    ) -> Result<Vec<Known>, StoreError> {
        let found = self.index().owners_of(tenant.as_str(), presented).await;
        let found = found.map_err(failed("look an identifier up"))?;
        Ok(found.into_iter().filter(|known| known.is_at(at)).collect())
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
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Choice, StoreError> {
        let asked = Asked { tenant: tenant.clone(), presented: presented.to_vec(), fresh, at, now };
        self.0.queue.submit(asked).await.map_err(failed("resolve identifiers"))
    }

    async fn reassign(
        &self,
        tenant: &TenantId,
        one: &Presented,
        from: Timestamp,
        fresh: SubjectId,
        now: Timestamp,
    ) -> Result<Reassigned, StoreError> {
        let owner = Owner { subject: fresh, since: now, valid_from: Some(from), sealed_in: None };
        let reassigned = self.index().reassign(tenant.as_str(), one, from, &owner).await;
        reassigned.map_err(failed("give an identifier to somebody new"))
    }

    async fn mark_line(&self, tenant: &TenantId, one: &Presented, line: Line) -> Result<bool, StoreError> {
        self.index().mark_line(tenant.as_str(), one, line).await.map_err(failed("mark a line"))
    }

    async fn claim_section(&self, tenant: &TenantId, subject: SubjectId) -> Result<SectionNo, StoreError> {
        let claimed = self.index().claim_section(tenant.as_str(), subject).await;
        claimed.map_err(failed("claim a section"))
    }

    async fn mark_sealed(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        presented: &[Presented],
        section: SectionNo,
    ) -> Result<(), StoreError> {
        let (index, tenant) = (self.index(), tenant.as_str());
        let marked = stream::iter(presented.iter().map(Ok::<_, Error>))
            .try_for_each_concurrent(AT_ONCE, |one| index.mark_sealed(tenant, subject, one, section));
        marked.await.map_err(failed("note sealed values"))
    }
}

impl Index {
    async fn prepare(cql: &Cql) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Keys, text).await;
        Ok(Self {
            cql: cql.clone(),
            first: prepare(
                "SELECT subject, valid_from, section FROM {ks}.consent_identifier
                WHERE tenant = ? AND kind = ? AND value = ?",
            )
            .await?,
            later: prepare(
                "SELECT shared, valid_from, subject, since, section FROM {ks}.consent_later_owner
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
            // Of two who give an identifier on at once, the second decides by what the first one did.
            last: prepare(
                "UPDATE {ks}.consent_later_owner SET last = ? WHERE tenant = ? AND kind = ? AND value = ?
                IF last = ?",
            )
            .await?,
            insert_later: prepare(
                "INSERT INTO {ks}.consent_later_owner (tenant, kind, value, valid_from, subject, since)
                VALUES (?, ?, ?, ?, ?, ?)",
            )
            .await?,
            share: prepare(
                "UPDATE {ks}.consent_later_owner SET shared = ? WHERE tenant = ? AND kind = ? AND value = ?",
            )
            .await?,
            // The first section stays: of two processes that seal the same values, the second says nothing.
            seal: prepare(
                "UPDATE {ks}.consent_identifier SET section = ? WHERE tenant = ? AND kind = ? AND value = ?
                IF section = null",
            )
            .await?,
            seal_later: prepare(
                "UPDATE {ks}.consent_later_owner SET section = ?
                WHERE tenant = ? AND kind = ? AND value = ? AND valid_from = ? IF section = null",
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

    /// Everybody who has these, in the order in which they are presented, each once and one after the other.
    async fn owners_of(&self, tenant: &str, presented: &[Presented]) -> Result<Vec<Known>, Error> {
        let mut asked: Vec<Presented> = Vec::new();
        for one in presented {
            if !asked.contains(one) {
                asked.push(*one);
            }
        }
        let found: Vec<_> = stream::iter(asked)
            .map(|one| async move { self.owners(tenant, &one).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn owners(&self, tenant: &str, one: &Presented) -> Result<Vec<Known>, Error> {
        let key = (tenant, one.kind.number(), &one.value[..]);
        let first: Option<First> = self.cql.row(&self.first, key).await?;
        let Some(first) = first else { return Ok(Vec::new()) };
        let later: Vec<Later> = self.cql.rows(&self.later, key, MAX_ROWS).await?;
        read_owners(one, first, later)
    }

    /// As every conditional write that was answered, or is still under way, leaves them.
    async fn serial_owners(&self, tenant: &str, one: &Presented) -> Result<Vec<Known>, Error> {
        let key = (tenant, one.kind.number(), &one.value[..]);
        let first: Option<First> = self.cql.serial_row(&self.first, key).await?;
        let Some(first) = first else { return Ok(Vec::new()) };
        let later: Vec<Later> = self.cql.serial_rows(&self.later, key, MAX_ROWS).await?;
        read_owners(one, first, later)
    }

    /// Whoever is found by an identifier has it among theirs, so that this is written first.
    async fn reassign(
        &self,
        tenant: &str,
        one: &Presented,
        from: Timestamp,
        owner: &Owner,
    ) -> Result<Reassigned, Failure> {
        let fresh = owner.subject;
        let mut is_theirs = false;
        for _ in 0..ATTEMPTS {
            let owners = self.serial_owners(tenant, one).await?;
            // One that we were not told of was ours all the same.
            let mut turns = owners.iter().zip(owners.iter().skip(1));
            if let Some((before, _)) = turns.find(|(_, after)| after.subject == fresh) {
                return Ok(Reassigned::Now { before: before.subject });
            }
            let reassigned = reassign(&owners, from);
            let Reassigned::Now { .. } = reassigned else { return Ok(reassigned) };
            if !is_theirs {
                let key = (tenant, &fresh.to_bytes()[..], one.kind.number(), &one.value[..]);
                self.cql.write(&self.insert_theirs, key).await?;
                is_theirs = true;
            }
            let last = owners.last().and_then(|last| last.valid_from);
            match self.append_owner(tenant, one, last, from, owner).await {
                Ok(true) => return Ok(reassigned),
                Ok(false) => {}
                Err(error) if error.is_uncertain() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::Contended)
    }

    /// Adds an owner after the one whose time begins last, if that one still is the last.
    async fn append_owner(
        &self,
        tenant: &str,
        one: &Presented,
        last: Option<Timestamp>,
        from: Timestamp,
        owner: &Owner,
    ) -> Result<bool, Error> {
        let (tenant, kind, value) = (tenant.to_owned(), one.kind.number(), one.value.to_vec());
        let mut batch = Batch::unlogged();
        let last = last.map(|last| last.0);
        batch.add(&self.last, (from.0, tenant.clone(), kind, value.clone(), last))?;
        let subject = owner.subject.to_bytes().to_vec();
        batch.add(&self.insert_later, (tenant, kind, value, from.0, subject, owner.since.0))?;
        self.cql.apply_batch(batch).await
    }

    async fn mark_line(&self, tenant: &str, one: &Presented, line: Line) -> Result<bool, Error> {
        if self.owners(tenant, one).await?.is_empty() {
            return Ok(false);
        }
        let values = (line.is_shared(), tenant, one.kind.number(), &one.value[..]);
        self.cql.write(&self.share, values).await?;
        Ok(true)
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
        let mut owned = self.owners_of(tenant, &theirs).await?;
        owned.retain(|known| known.subject == subject);
        Ok(owned)
    }

    async fn mark_sealed(
        &self,
        tenant: &str,
        subject: SubjectId,
        one: &Presented,
        section: SectionNo,
    ) -> Result<(), Error> {
        let owners = self.owners(tenant, one).await?;
        let own = owners.iter().find(|known| known.subject == subject && known.sealed_in.is_none());
        let Some(own) = own else { return Ok(()) };
        let (section, kind, value) = (i64::from(section.0), one.kind.number(), &one.value[..]);
        let sealed = match own.valid_from {
            None => self.cql.apply(&self.seal, (section, tenant, kind, value)).await,
            Some(from) => self.cql.apply(&self.seal_later, (section, tenant, kind, value, from.0)).await,
        };
        match sealed {
            Err(error) if error.is_uncertain() => {
                let owners = self.serial_owners(tenant, one).await?;
                let is_sealed = |known: &Known| known.subject == subject && known.sealed_in.is_some();
                if owners.iter().any(is_sealed) { Ok(()) } else { Err(error) }
            }
            sealed => sealed.map(drop),
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
        for known in self.owners_of(tenant, &presented).await? {
            view.known.entry((known.kind, known.value)).or_default().push(known);
        }
        let subjects: std::collections::BTreeSet<_> =
            view.known.values().flatten().map(|known| known.subject).collect();
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
    known: HashMap<(Kind, IndexValue), Vec<Known>>,
    theirs: HashMap<SubjectId, Vec<Known>>,
}

impl View {
    fn choose(&mut self, asked: &Asked, added: &mut Vec<Added>) -> Choice {
        let owners = asked.presented.iter().filter_map(|one| self.known.get(&(one.kind, one.value)));
        let known = owners.filter_map(|owners| owners.iter().find(|known| known.is_at(asked.at)));
        let known: Vec<_> = known.cloned().collect();
        let theirs = known.iter().flat_map(|row| self.theirs.get(&row.subject).into_iter().flatten());
        let theirs: Vec<_> = theirs.filter(|known| known.is_at(asked.at)).cloned().collect();
        let choice = choose(&asked.presented, &known, &theirs, asked.fresh);
        for one in &choice.added {
            let known = Known::first(one, choice.subject, asked.now);
            self.known.entry((one.kind, one.value)).or_default().push(known.clone());
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
                let values = (batch.to_vec(), kind, value, tenant.clone(), subject, known.since.0);
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
        let read = rows.into_iter().map(|(tenant, number, column, subject, since)| {
            let kind = Kind::from_number(number).ok_or(bad("a kind"))?;
            let one = Presented { kind, value: value(&column).map_err(bad)? };
            let subject = SubjectId::from_slice(&subject).map_err(|_| bad("a subject"))?;
            let known = Known::first(&one, subject, Timestamp(since));
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
            one.add(&self.insert, (tenant.clone(), kind, value, subject, known.since.0))?;
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

/// The columns of a first owner: who, when that became known, and the section.
type First = (Vec<u8>, i64, Option<i64>);
/// Whether the line is shared, and the columns of a later owner; where there is none, the first one stands
/// alone.
type Later = (Option<bool>, Option<i64>, Option<Vec<u8>>, Option<i64>, Option<i64>);

fn read_owners(one: &Presented, first: First, later: Vec<Later>) -> Result<Vec<Known>, Error> {
    let (subject, since, section) = first;
    let is_shared = later.first().and_then(|(shared, ..)| *shared).unwrap_or(false);
    let mut owners = vec![read_owner("consent_identifier", &subject, since, None, section)?];
    let table = "consent_later_owner";
    for (_, valid_from, subject, since, section) in later {
        let Some(valid_from) = valid_from else { continue };
        let subject = subject.ok_or(bad(table)("no subject"))?;
        let since = since.ok_or(bad(table)("no time"))?;
        owners.push(read_owner(table, &subject, since, Some(Timestamp(valid_from)), section)?);
    }
    Ok(in_turn(one, if is_shared { Line::Shared } else { Line::Own }, owners))
}

fn read_owner(
    table: &'static str,
    subject: &[u8],
    since: i64,
    valid_from: Option<Timestamp>,
    section: Option<i64>,
) -> Result<Owner, Error> {
    let bad = bad(table);
    let section = section.map(|column| u32::try_from(column).map_err(|_| bad("a section"))).transpose()?;
    Ok(Owner {
        subject: SubjectId::from_slice(subject).map_err(|_| bad("a subject"))?,
        since: Timestamp(since),
        valid_from,
        sealed_in: section.map(SectionNo),
    })
}

fn value(column: &[u8]) -> Result<IndexValue, &'static str> {
    hash(column)?.ok_or("no value")
}

#[cfg(test)]
mod tests;
