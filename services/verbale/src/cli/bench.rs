//! `verbale bench`.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use kernel::PurposeName;

use super::speed;

/// `verbale bench`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// How many calls a core carries, how soon they are durable, and what each costs.
    ///
    /// Without --server it measures meshes of its own, each a process of its own: on embedded storage, the same
    /// behind TLS, and, where `storage` names engines, one on these, with topics, keyspaces and a bucket's folder
    /// of its own, which are left there and named. Nothing else of these engines is touched.
    Ingest(BenchIngestArgs),
}

/// `verbale bench ingest`.
#[derive(Debug, Clone, Args)]
pub struct BenchIngestArgs {
    /// How many two-leg G.711 calls at once.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub calls: u32,
    /// How long each of them is, in seconds of audio.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
    /// Times real time; 0 sends as fast as it can, and then how soon calls are durable says little.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// With --server: a process of that mesh, on this machine; may be repeated. Its time and memory are told.
    #[arg(long, value_name = "PID", requires = "server")]
    pub pid: Vec<u32>,
    /// With --server: where an ingest of that mesh shows its metrics (`server.metrics`); may be repeated. What it
    /// logs is told.
    #[arg(long, value_name = "ADDRESS", requires = "server")]
    pub metrics: Vec<SocketAddr>,
    /// With --server: the purpose that calls are recorded for; may be repeated. The tenant's policy must grant it
    /// from the start of a call, and leave spans their length of one second.
    #[arg(long, value_name = "PURPOSE", requires = "server")]
    pub purpose: Vec<PurposeName>,
}
