//! `verbale bench ingest`: how many calls a core carries, how soon they are durable, and what each of them costs.
//!
//! Machine time throughout, and ratios within one run: another machine, or this one under another load, has other
//! figures. [`load`] sends calls and looks at the clock; [`own`] is a mesh to be measured, a process of its own, so
//! that the sender's work is nobody's; [`process`] and [`metrics`] read what such processes used and logged. The
//! limits are [`sealing`] (the same bytes sealed, and nothing else) and [`bare`] (the same records through the bare
//! client library of Kafka). [`figures`] is the arithmetic, [`report`] what is printed.

pub mod figures;
pub mod report;

mod bare;
mod load;
mod metrics;
mod own;
mod process;
mod sealing;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{PurposeName, RecordingId, TenantId};
use tokio::time::Instant;

use crate::bench::figures::{Logged, Measured, Shape};
use crate::bench::load::Load;
use crate::bench::metrics::Counts;
use crate::bench::own::{Kind, Own};
use crate::bench::process::{Processes, Watched};
use crate::bench::report::{Machine, Report};
use crate::cli::BenchIngestArgs;
use crate::commands::recordings;
use crate::config::{Config, Engine};
use crate::connect::Caller;
use crate::output::{Exit, Output};

/// How long a call may take from its end to its sealing.
const SEALING_PATIENCE: Duration = Duration::from_secs(120);
/// Calls that share a connection.
const CALLS_PER_CONNECTION: usize = 100;

/// What is measured.
pub enum Target<'a> {
    /// A mesh that runs, called this way.
    Running(Box<dyn Fn() -> Result<Caller> + 'a>),
    /// Meshes of this command's own, configured like this.
    Own(Box<Config>),
}

/// Measures and tells.
pub async fn ingest(
    args: &BenchIngestArgs,
    tenant: Option<&TenantId>,
    target: Target<'_>,
    out: Output,
) -> Result<Exit> {
    let machine = Machine::look()?;
    let mut report = Report::new(machine, args.calls, args.seconds, args.speed);
    match target {
        Target::Running(caller) => {
            let tenant = tenant.context("with --server this command needs --tenant")?;
            ensure!(!args.purpose.is_empty(), "with --server this command needs --purpose");
            let load = load_of(args, tenant, &args.purpose)?;
            report.shapes.push(running(args, &load, &caller).await?);
        }
        Target::Own(config) => {
            // Before minutes are spent on the meshes that need no engines.
            crate::config::check_roles(&config)?;
            let load = load_of(args, &own::tenant(), &[own::purpose()])?;
            for kind in kinds(&config) {
                out.line(format!("{}: {} calls of {} s ...", kind.name(), args.calls, args.seconds));
                let own = Box::pin(Own::start(kind, &config)).await?;
                let (config, left) = (own.config().clone(), own.left());
                let measured = Box::pin(measure_own(&own, &load)).await;
                let shape = own.stop(measured).await?;
                report.left.extend(left.into_iter().flatten());
                report.bare = Box::pin(bare::limit(&config, &shape)).await?;
                report.shapes.push(shape);
            }
        }
    }
    report.sealing = Some(sealing::cost(args.seconds).await?);
    out.value(&report, report::tell);
    Ok(Exit::Ok)
}

/// What is compared in one run.
fn kinds(config: &Config) -> Vec<Kind> {
    let on_engines = config.storage.log() != Ok(Engine::Embedded);
    let mut kinds = vec![Kind::Embedded, Kind::EmbeddedTls];
    kinds.extend(on_engines.then_some(Kind::Engines));
    kinds
}

fn load_of(args: &BenchIngestArgs, tenant: &TenantId, purposes: &[PurposeName]) -> Result<Load> {
    Load::new(args.calls, args.seconds, args.speed, tenant, purposes)
}

async fn running(args: &BenchIngestArgs, load: &Load, caller: &dyn Fn() -> Result<Caller>) -> Result<Shape> {
    let callers = connections(load, caller)?;
    let processes = Processes::new(args.pid.clone());
    let before = (processes.used()?, Counts::read(&args.metrics).await?);
    let watched = Watched::begin(&processes)?;
    let is_measured = !args.pid.is_empty();
    let all_run = load.all_run().filter(|_| is_measured);
    let (carried, running) =
        tokio::try_join!(load.carry(&callers), process::used_within(&processes, all_run))?;
    let peak = watched.end().await;
    let after = (processes.used()?, Counts::read(&args.metrics).await?);
    Ok(Shape::of(Measured {
        name: "running",
        carried: &carried,
        calls: args.calls,
        seconds: args.seconds,
        processor: is_measured.then(|| after.0.processor.saturating_sub(before.0.processor)),
        running,
        memory: is_measured.then(|| peak.saturating_sub(before.0.memory)),
        logged: Logged::between(before.1, after.1),
    }))
}

/// With what follows a call, until the last one is sealed.
async fn measure_own(own: &Own, load: &Load) -> Result<Shape> {
    let callers = connections(load, &|| own.sender())?;
    let processes = Processes::new(vec![own.pid()?]);
    let addresses = [own.metrics()];
    let before = (processes.used()?, Counts::read(&addresses).await?);
    let watched = Watched::begin(&processes)?;
    let (carried, running) =
        tokio::try_join!(load.carry(&callers), process::used_within(&processes, load.all_run()))?;
    let peak = watched.end().await;
    settled(&own.person()?, &carried.recordings).await?;
    let after = (processes.used()?, Counts::read(&addresses).await?);
    Ok(Shape::of(Measured {
        name: own.name(),
        carried: &carried,
        calls: load.calls(),
        seconds: load.seconds(),
        processor: Some(after.0.processor.saturating_sub(before.0.processor)),
        running,
        memory: Some(peak.saturating_sub(before.0.memory)),
        logged: Logged::between(before.1, after.1),
    }))
}

fn connections(load: &Load, caller: &dyn Fn() -> Result<Caller>) -> Result<Vec<Caller>> {
    let connections = (load.calls() as usize).div_ceil(CALLS_PER_CONNECTION);
    (0..connections).map(|_| caller()).collect()
}

async fn settled(person: &Caller, ids: &[RecordingId]) -> Result<()> {
    let began = Instant::now();
    for id in ids {
        let left = SEALING_PATIENCE.saturating_sub(began.elapsed());
        recordings::sealed(person, *id, left).await?;
    }
    Ok(())
}
