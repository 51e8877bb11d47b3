//! How many two-leg G.711 calls one core carries from gRPC to the durable log: sender, mesh and disk in this one
//! process, over TCP. Both figures are calls per core: seconds of call carried per second of processor time, so
//! the sender's own work counts against them.
//!
//! `cargo bench -p verbale --bench record [-- CALLS [SECONDS]]`

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kernel::TenantId;
use tokio::task::JoinSet;
use verbale::call_file::CallFile;
use verbale::connect::{Caller, Speaker, local_token};
use verbale::mesh::{Mesh, Settings};
use verbale::sender::{Call, Pace};
use verbale::wav::{Codec, Wav};

const TENANT: &str = "bench";
const POLICY: &str = "tenant: bench\njurisdiction: IT\npurposes:\n  duty: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }\n";

#[allow(clippy::print_stdout, reason = "a bench tells its figures")]
fn main() -> Result<()> {
    // `cargo test` runs benches, too, without this word: once and small, to see that they run.
    let measuring = std::env::args().any(|arg| arg == "--bench");
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<u64>().ok());
    let calls = numbers.next().unwrap_or(if measuring { 200 } else { 2 });
    let seconds = numbers.next().unwrap_or(if measuring { 20 } else { 1 });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for (name, speed) in [("at real-time pace", 1.0), ("as fast as it can", 0.0)] {
        let run = runtime.block_on(carry(calls, seconds, speed))?;
        let per_core = (calls * seconds) as f64 / run.processor.as_secs_f64();
        println!(
            "{calls} two-leg calls of {seconds} s {name}: {:.2} s by the clock, {:.2} s of processor, \
             {per_core:.0} calls per core",
            run.clock.as_secs_f64(),
            run.processor.as_secs_f64(),
        );
    }
    Ok(())
}

struct Run {
    clock: Duration,
    processor: Duration,
}

async fn carry(calls: u64, seconds: u64, speed: f64) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("policies").join(TENANT))?;
    std::fs::write(at("policies").join(TENANT).join("policy.yaml"), POLICY)?;
    let mesh = Mesh::start(Settings::embedded(&at("data"), &at("keys"), &at("policies"))).await?;
    let tenant = TenantId::new(TENANT)?;
    let token = local_token(&at("keys"), "verbale", "bench", Speaker::Sender, Some(&tenant))?;
    let caller = Caller::new(&mesh.server(), token, Some(tenant))?;

    let (clock, processor) = (Instant::now(), processor_time()?);
    let mut running = JoinSet::new();
    for number in 0..calls {
        let (call, caller) = (call(number, seconds)?, caller.clone());
        let pace = Pace { speed, patience: Duration::from_secs(30) };
        running.spawn(async move { call.send(&caller, pace, |_| {}).await });
    }
    while let Some(sent) = running.join_next().await {
        sent??;
    }
    let run = Run { clock: clock.elapsed(), processor: processor_time()? - processor };
    mesh.stop().await?;
    Ok(run)
}

fn call(number: u64, seconds: u64) -> Result<Call> {
    let file = CallFile::parse(&format!(
        r#"{{"call_id": "bench-{number}", "tenant": "{TENANT}", "language": "it", "direction": "inbound",
            "started_at": "2026-03-02T09:00:00Z", "agent": {{"id": "agent-{number}"}},
            "customer": {{"crm_id": "C-{number}"}}, "purposes": ["duty"],
            "audio": {{"codec": "PCMA", "sample_rate_hz": 8000, "channels": ["agent", "customer"]}}}}"#
    ))?;
    let bytes = usize::try_from(seconds * 8_000)?;
    let noise = |leg: usize| (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> (7 + leg)) as u8).collect();
    let wav = Wav { codec: Codec::Pcma, rate: 8_000, channels: vec![noise(0), noise(1)] };
    Call::new(file, &wav, None)
}

/// User and system time of this process (proc(5), fields 14 and 15 of stat, in ticks of 10 ms).
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').context("stat has no name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}
