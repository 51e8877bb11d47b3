//! Tables by steps: each component has a list that only ever grows, and its keyspace remembers what was applied.

mod lock;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::options::Space;
use crate::session::Cql;
use lock::Lock;

/// A part that keeps tables in a keyspace, with the steps that make them.
///
/// A released step is never changed or taken away, as keyspaces remember its hash: what must change is a new step
/// at the end. A step is one or more statements with `;` between, whose tables are named as `{ks}.table`. A
/// server cannot undo a table, so that a step which stopped half-way is repeated whole: each of its statements
/// says `CREATE TABLE IF NOT EXISTS`, or is refused.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// Its name; all components of a keyspace have different ones.
    pub name: &'static str,
    /// Where its tables are.
    pub space: Space,
    /// Step 1, step 2, ...
    pub steps: &'static [&'static str],
}

/// A step that was missing and was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// Whose.
    pub component: &'static str,
    /// Which, from 1.
    pub number: usize,
}

/// Reads as stores do, from a table that each migrated keyspace has.
pub(crate) const PROBE: &str = "SELECT number FROM {ks}.applied_step WHERE component = 'readiness' LIMIT 1";

/// The row of number 0 and component `lock` is the migration's lock.
const APPLIED: &str = "CREATE TABLE IF NOT EXISTS {ks}.applied_step (
    component text,
    number int,
    digest blob,
    PRIMARY KEY (component, number)
)";
const EXISTS: &str =
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'applied_step'";
const FIND: &str = "SELECT number, digest FROM {ks}.applied_step WHERE component = ?";
const REMEMBER: &str = "INSERT INTO {ks}.applied_step (component, number, digest) VALUES (?, ?, ?)";

/// Steps that a component may have.
const MAX_STEPS: usize = 1_000;
const REPEATABLE: &str = "CREATE TABLE IF NOT EXISTS ";

/// What a keyspace remembers of a component: the hash of each step.
type Remembered = BTreeMap<usize, Vec<u8>>;

/// Applies what is missing, under the lock.
pub(crate) async fn apply(cql: &Cql, components: &[Component]) -> Result<Vec<Applied>, Error> {
    refuse_unrepeatable(components)?;
    // The keyspace for data has the lock.
    let spaces: BTreeSet<_> =
        components.iter().map(|component| component.space).chain([Space::Data]).collect();
    for space in spaces {
        cql.change_schema(space, &keyspace(cql)).await?;
        cql.change_schema(space, APPLIED).await?;
    }
    let lock = Lock::take(cql).await?;
    let applied = apply_locked(cql, components, &lock).await;
    // A lock that cannot be given back ends by itself.
    let released = lock.release().await;
    let applied = applied?;
    released?;
    Ok(applied)
}

/// Refuses tables that lack a step, have one too many, or were made by another text.
pub(crate) async fn check(cql: &Cql, components: &[Component]) -> Result<(), Error> {
    for component in components {
        let remembered = if is_made(cql, component.space).await? {
            remembered(cql, component).await?
        } else {
            Remembered::new()
        };
        let missing = missing(component, &remembered)?;
        if missing > 0 {
            let known = component.steps.len();
            return Err(Error::MissingStep { component: component.name, found: known - missing, known });
        }
    }
    Ok(())
}

async fn apply_locked(cql: &Cql, components: &[Component], lock: &Lock<'_>) -> Result<Vec<Applied>, Error> {
    let mut applied = Vec::new();
    for component in components {
        let missing = missing(component, &remembered(cql, component).await?)?;
        let done = component.steps.len() - missing;
        for (index, text) in component.steps.iter().enumerate().skip(done) {
            lock.hold().await?;
            let step = Applied { component: component.name, number: index + 1 };
            apply_step(cql, component.space, step, text).await.map_err(|source| Error::Step {
                component: step.component,
                number: step.number,
                source: Box::new(source),
            })?;
            applied.push(step);
        }
    }
    Ok(applied)
}

async fn apply_step(cql: &Cql, space: Space, step: Applied, text: &str) -> Result<(), Error> {
    for statement in statements(text) {
        cql.change_schema(space, statement).await?;
    }
    let remember = cql.prepare(space, REMEMBER).await?;
    let number = i32::try_from(step.number).unwrap_or(i32::MAX);
    cql.write(&remember, (step.component, number, digest(text))).await
}

async fn is_made(cql: &Cql, space: Space) -> Result<bool, Error> {
    let exists = cql.prepare(space, EXISTS).await?;
    let found: Option<(String,)> = cql.row(&exists, (cql.options().keyspace.of(space),)).await?;
    Ok(found.is_some())
}

async fn remembered(cql: &Cql, component: &Component) -> Result<Remembered, Error> {
    let find = cql.prepare(component.space, FIND).await?;
    let rows: Vec<(i32, Vec<u8>)> = cql.rows(&find, (component.name,), MAX_STEPS).await?;
    Ok(rows
        .into_iter()
        .filter_map(|(number, digest)| Some((usize::try_from(number).ok()?, digest)))
        .collect())
}

/// How many steps at the end are not applied yet. Those that are must be the first ones, by the same text.
fn missing(component: &Component, remembered: &Remembered) -> Result<usize, Error> {
    let (component, steps) = (component.name, component.steps);
    let found = remembered.keys().max().copied().unwrap_or(0);
    if found > steps.len() {
        return Err(Error::NewerSchema { component, found, known: steps.len() });
    }
    for (index, text) in steps.iter().enumerate().take(found) {
        if remembered.get(&(index + 1)) != Some(&digest(text)) {
            return Err(Error::StepChanged { component, number: index + 1 });
        }
    }
    Ok(steps.len() - found)
}

fn refuse_unrepeatable(components: &[Component]) -> Result<(), Error> {
    for component in components {
        for (index, text) in component.steps.iter().enumerate() {
            if !statements(text).all(|statement| statement.starts_with(REPEATABLE)) {
                let source = Box::new(Error::Kind { expected: "statement that can be repeated" });
                return Err(Error::Step { component: component.name, number: index + 1, source });
            }
        }
    }
    Ok(())
}

/// The statements of a step. None of them has a `;` inside, as tables hold no texts.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty())
}

fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

fn keyspace(cql: &Cql) -> String {
    let (replication, options) = (cql.options().replication.to_cql(), cql.features().keyspace_options());
    format!("CREATE KEYSPACE IF NOT EXISTS {{ks}} WITH replication = {replication}{options}")
}

#[cfg(test)]
mod tests;
