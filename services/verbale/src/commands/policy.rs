//! `verbale policy check|explain`.

use std::path::{Component, Path};

use anyhow::{Context, Result};
use policy::{PolicyError, TenantPolicy};
use serde_json::json;

use crate::cli::PolicyCommand;
use crate::output::{Exit, Output};

/// Runs one of them.
pub fn run(command: &PolicyCommand, out: Output) -> Result<Exit> {
    match command {
        PolicyCommand::Check { file } => check(file, out),
        PolicyCommand::Explain { file } => explain(file, out),
    }
}

fn check(file: &Path, out: Output) -> Result<Exit> {
    match read(file)? {
        Ok(policy) => {
            let (tenant, hash) = (policy.tenant.to_string(), policy.hash().to_string());
            out.value(&json!({"ok": true, "tenant": tenant, "hash": hash, "problems": []}), |_| {
                format!("{}: the policy of {tenant} is sound\nhash {hash}", file.display())
            });
            Ok(Exit::Ok)
        }
        Err(error) => Ok(refuse(file, &error, out)),
    }
}

fn explain(file: &Path, out: Output) -> Result<Exit> {
    match read(file)? {
        Ok(policy) => {
            let lines = policy::explain::explain(&policy);
            out.value(&json!({"tenant": policy.tenant.as_str(), "explanation": lines}), |_| lines.join("\n"));
            Ok(Exit::Ok)
        }
        Err(error) => Ok(refuse(file, &error, out)),
    }
}

fn refuse(file: &Path, error: &PolicyError, out: Output) -> Exit {
    let problems: Vec<_> = error
        .problems
        .iter()
        .map(|p| json!({"line": p.line, "column": p.column, "message": p.message}))
        .collect();
    out.value(&json!({"ok": false, "problems": problems}), |_| {
        let lines = error.problems.iter().map(|problem| format!("{}:{problem}", file.display()));
        lines.collect::<Vec<_>>().join("\n")
    });
    Exit::Usage
}

/// Reads a policy and the notices beside it; a notice's file stays below the policy's folder.
pub fn read(file: &Path) -> Result<Result<TenantPolicy, PolicyError>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let load = |name: &str| {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        inside.then(|| std::fs::read_to_string(folder.join(name)).ok()).flatten()
    };
    Ok(policy::parse(&text, &load))
}
