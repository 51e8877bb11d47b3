//! `verbale migrate`: makes the tables of this release in the CQL cluster.

use anyhow::{Context, Result};
use platform::config::Strings;
use serde_json::json;

use crate::config::Config;
use crate::output::{Exit, Output};
use crate::wiring;

/// Applies what is missing; running it again changes nothing.
pub async fn run(config: &Config, strings: &dyn Strings, out: Output) -> Result<Exit> {
    let cql = wiring::session(config, strings).await?;
    let cql = cql.context(
        "storage.store is sqlite:, whose tables are made by themselves; only scylla:// needs this",
    )?;
    let applied = cql.migrate(&wiring::tables()).await.context("the tables cannot be made")?;
    let steps: Vec<_> =
        applied.iter().map(|step| json!({"component": step.component, "step": step.number})).collect();
    out.value(&json!({"applied": steps}), |_| match applied.as_slice() {
        [] => "the tables are those of this release already".to_owned(),
        applied => {
            let lines =
                applied.iter().map(|step| format!("applied step {} of {}", step.number, step.component));
            lines.collect::<Vec<_>>().join("\n")
        }
    });
    Ok(Exit::Ok)
}
