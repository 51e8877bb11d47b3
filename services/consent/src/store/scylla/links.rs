//! The steps of two subjects' link.
//!
//! A pair is a partition, and a step is added by a conditional write. Before it, in one logged batch, both
//! subjects come to lead to the pair: a process that dies in between leaves a pair without that step, and
//! nothing else.

use cql::{Batch, Cql, Error, Space, Statement};
use futures::stream::{self, StreamExt, TryStreamExt};
use kernel::{SubjectId, TenantId, Timestamp};

use super::failure::bad;
use crate::links::{LinkStep, Pair};
use crate::store::{Stepped, columns};

/// Pairs of one subject, and steps of one pair.
const MAX_ROWS: usize = 100_000;
/// Pairs that are read at once.
const AT_ONCE: usize = 32;

pub(super) struct Links {
    cql: Cql,
    others: Statement,
    lead: Statement,
    steps: Statement,
    step: Statement,
    add: Statement,
}

/// A step's columns: number, stage, op, evidence, who made it, and when.
type Columns = (i64, i32, i32, String, String, i64);

impl Links {
    pub(super) async fn open(cql: &Cql) -> Result<Self, Error> {
        let prepare = async |text: &str| cql.prepare(Space::Data, text).await;
        Ok(Self {
            cql: cql.clone(),
            others: prepare("SELECT other FROM {ks}.consent_link WHERE tenant = ? AND subject = ?").await?,
            lead: prepare("INSERT INTO {ks}.consent_link (tenant, subject, other) VALUES (?, ?, ?)").await?,
            steps: prepare(
                "SELECT number, stage, op, evidence, made_by, made_at FROM {ks}.consent_link_step
                WHERE tenant = ? AND a = ? AND b = ?",
            )
            .await?,
            step: prepare(
                "SELECT number, stage, op, evidence, made_by, made_at FROM {ks}.consent_link_step
                WHERE tenant = ? AND a = ? AND b = ? AND number = ?",
            )
            .await?,
            // Two steps of one number would be two answers to one question.
            add: prepare(
                "INSERT INTO {ks}.consent_link_step
                (tenant, a, b, number, stage, op, evidence, made_by, made_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            )
            .await?,
        })
    }

    /// By pair and number.
    pub(super) async fn steps(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<LinkStep>, Error> {
        let bad = bad("consent_link");
        let key = (tenant.as_str(), &subject.to_bytes()[..]);
        let others: Vec<(Vec<u8>,)> = self.cql.rows(&self.others, key, MAX_ROWS).await?;
        let pairs = others.into_iter().map(|(other,)| {
            let other = SubjectId::from_slice(&other).map_err(|_| bad("a subject"))?;
            Pair::new(subject, other).map_err(|_| bad("a pair of subjects"))
        });
        let mut pairs = pairs.collect::<Result<Vec<_>, Error>>()?;
        pairs.sort();
        let steps: Vec<_> = stream::iter(pairs)
            .map(|pair| async move { self.of_pair(tenant, pair).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(steps.into_iter().flatten().collect())
    }

    pub(super) async fn add(&self, tenant: &TenantId, step: &LinkStep) -> Result<Stepped, Error> {
        let [a, b] = step.pair.both().map(|subject| subject.to_bytes().to_vec());
        let mut leads = Batch::logged();
        leads.add(&self.lead, (tenant.to_string(), a.clone(), b.clone()))?;
        leads.add(&self.lead, (tenant.to_string(), b.clone(), a.clone()))?;
        self.cql.batch(leads).await?;
        let (number, stage, op) = (i64::from(step.number), step.stage.number(), step.op.number());
        let said = (step.evidence.as_str(), step.by.as_str(), step.at.0);
        let values = (tenant.as_str(), &a, &b, number, stage, op, said.0, said.1, said.2);
        match self.cql.apply(&self.add, values).await {
            Ok(true) => Ok(Stepped::Now),
            Ok(false) => Ok(Stepped::Overtaken),
            Err(error) if error.is_uncertain() => {
                let key = (tenant.as_str(), &a, &b, number);
                let found: Option<Columns> = self.cql.serial_row(&self.step, key).await?;
                match found.map(|columns| read(step.pair, columns)).transpose()? {
                    Some(found) if found == *step => Ok(Stepped::Now),
                    Some(_) => Ok(Stepped::Overtaken),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// By number.
    async fn of_pair(&self, tenant: &TenantId, pair: Pair) -> Result<Vec<LinkStep>, Error> {
        let [a, b] = pair.both().map(|subject| subject.to_bytes());
        let key = (tenant.as_str(), &a[..], &b[..]);
        let rows: Vec<Columns> = self.cql.rows(&self.steps, key, MAX_ROWS).await?;
        rows.into_iter().map(|columns| read(pair, columns)).collect()
    }
}

fn read(pair: Pair, (number, stage, op, evidence, by, at): Columns) -> Result<LinkStep, Error> {
    let bad = bad("consent_link_step");
    Ok(LinkStep {
        pair,
        number: u32::try_from(number).map_err(|_| bad("a number"))?,
        stage: columns::stage(stage).map_err(bad)?,
        op: columns::link_op(op).map_err(bad)?,
        evidence: columns::evidence(evidence).map_err(bad)?,
        by,
        at: Timestamp(at),
    })
}
