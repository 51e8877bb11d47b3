//! What ingest says that it logged, from its metrics.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a process may take to show its metrics.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts of all processes asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) appends: u64,
}

impl Counts {
    /// None where nobody is to be asked.
    pub(super) async fn read(addresses: &[SocketAddr]) -> Result<Option<Self>> {
        let mut all: Option<Self> = None;
        for address in addresses {
            let read = tokio::time::timeout(PATIENCE, get(*address)).await;
            let text = read.map_err(anyhow::Error::new).and_then(|read| read);
            let own = Self::of(&text.with_context(|| format!("{address} shows no metrics"))?);
            all = Some(all.unwrap_or_default().plus(own));
        }
        Ok(all)
    }

    fn of(text: &str) -> Self {
        let count = |name| total(text, name);
        Self {
            records: count(ingest::LOGGED_RECORDS.name),
            bytes: count(ingest::LOGGED_BYTES.name),
            appends: count(ingest::LOG_APPENDS.name),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            bytes: self.bytes + other.bytes,
            appends: self.appends + other.appends,
        }
    }
}

async fn get(address: SocketAddr) -> Result<String> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "it answers {:?}", answer.lines().next().unwrap_or(""));
    Ok(answer)
}

/// Over all series of a counter.
fn total(text: &str, name: &str) -> u64 {
    let values = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        (series.split('{').next() == Some(name)).then(|| value.parse::<u64>().ok())?
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_the_sum_of_its_series() {
        let text = "# HELP a_total x 7\n# TYPE a_total counter\na_total{x=\"1 2\"} 3\na_total{x=\"2\"} 4\nb_total 9\na_total_more 1\n";
        for (name, wanted) in [("a_total", 7), ("b_total", 9), ("c_total", 0)] {
            assert_eq!(total(text, name), wanted, "{name}");
        }
    }
}
