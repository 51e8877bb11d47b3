//! Fences in a CQL cluster: one row a partition, raised by conditional writes.

use std::time::Duration;

use async_trait::async_trait;
use cql::{Component, Cql, Space, Statement};

use super::Fences;
use crate::error::Error;
use crate::log::TopicPartition;

/// The table of fences.
pub const FENCE_TABLES: Component = Component {
    name: "eventlog",
    space: Space::Data,
    steps: &["CREATE TABLE IF NOT EXISTS {ks}.fence (
        group_name text,
        topic text,
        partition int,
        fence bigint,
        PRIMARY KEY ((group_name, topic, partition))
    )"],
};

const FIND: &str = "SELECT fence FROM {ks}.fence WHERE group_name = ? AND topic = ? AND partition = ?";
const MAKE: &str =
    "INSERT INTO {ks}.fence (group_name, topic, partition, fence) VALUES (?, ?, ?, ?) IF NOT EXISTS";
const RAISE: &str =
    "UPDATE {ks}.fence SET fence = ? WHERE group_name = ? AND topic = ? AND partition = ? IF fence = ?";

/// Raises of one partition meet where it changes hands twice in a moment, and not more often.
const TRIES: u32 = 10;
/// Between them.
const PAUSE: Duration = Duration::from_millis(20);

/// Fences in a CQL cluster; all processes of a deployment see the same ones.
pub struct CqlFences {
    cql: Cql,
    find: Statement,
    make: Statement,
    raise: Statement,
}

impl CqlFences {
    /// On tables that [`FENCE_TABLES`] made.
    pub async fn open(cql: Cql) -> Result<Self, Error> {
        let prepare = async |text| cql.prepare(Space::Data, text).await.map_err(failed("prepare for fences"));
        let (find, make, raise) = (prepare(FIND).await?, prepare(MAKE).await?, prepare(RAISE).await?);
        Ok(Self { cql, find, make, raise })
    }

    async fn find(&self, group: &str, at: TopicPartition) -> Result<Option<i64>, Error> {
        let key = (group, at.topic, partition(at)?);
        // Serially: a raise that is under way counts.
        let found: Option<(i64,)> =
            self.cql.serial_row(&self.find, key).await.map_err(failed("ask for a fence"))?;
        Ok(found.map(|(fence,)| fence))
    }

    /// Whether the fence was raised from this one. Where that is uncertain it may be another's raise to the
    /// same number: it does not count as ours.
    async fn raise_from(&self, group: &str, at: TopicPartition, before: Option<i64>) -> Result<bool, Error> {
        let partition = partition(at)?;
        let raised = match before {
            None => self.cql.apply(&self.make, (group, at.topic, partition, 1_i64)).await,
            Some(before) => {
                let values = (before.saturating_add(1), group, at.topic, partition, before);
                self.cql.apply(&self.raise, values).await
            }
        };
        match raised {
            Ok(raised) => Ok(raised),
            Err(error) if error.is_uncertain() => Ok(false),
            Err(error) => Err(failed(RAISE_IT)(error)),
        }
    }
}

const RAISE_IT: &str = "raise a fence";

#[async_trait]
impl Fences for CqlFences {
    async fn raise(&self, group: &str, at: TopicPartition) -> Result<u64, Error> {
        for _ in 0..TRIES {
            let before = self.find(group, at).await?;
            if self.raise_from(group, at, before).await? {
                return number(at, before.unwrap_or(0).saturating_add(1));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::Unavailable { attempt: RAISE_IT, source: "others raised it each time, or no answer came".into() })
    }

    async fn current(&self, group: &str, at: TopicPartition) -> Result<u64, Error> {
        number(at, self.find(group, at).await?.unwrap_or(0))
    }
}

fn partition(at: TopicPartition) -> Result<i32, Error> {
    i32::try_from(at.partition)
        .map_err(|_| Error::Invalid { what: "number of a partition", reason: "is too large" })
}

fn number(at: TopicPartition, fence: i64) -> Result<u64, Error> {
    u64::try_from(fence).map_err(|_| Error::Damaged(format!("the fence of {at} is negative")))
}

fn failed(attempt: &'static str) -> impl Fn(cql::Error) -> Error {
    move |source| Error::Unavailable { attempt, source: source.into() }
}

#[cfg(test)]
mod tests;
