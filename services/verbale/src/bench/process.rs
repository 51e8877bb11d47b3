//! What processes of this machine have used, as proc(5) tells.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A tick of `utime` and `stime`: what the kernel tells programs is always in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Processes that are measured together.
#[derive(Clone, Debug)]
pub(super) struct Processes(Vec<u32>);

/// What they have used so far, and have now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Used {
    /// Time of a processor, user's and system's.
    pub(super) processor: Duration,
    /// Resident bytes.
    pub(super) memory: u64,
}

impl Processes {
    pub(super) fn new(pids: Vec<u32>) -> Self {
        Self(pids)
    }

    /// This process.
    pub(super) fn own() -> Self {
        Self(vec![std::process::id()])
    }

    pub(super) fn used(&self) -> Result<Used> {
        let mut used = Used::default();
        for pid in &self.0 {
            used.processor += processor(&read(*pid, "stat")?).with_context(|| unreadable(*pid))?;
            used.memory += memory(&read(*pid, "status")?).with_context(|| unreadable(*pid))?;
        }
        Ok(used)
    }
}

/// What they used within a stretch of time that is counted from now; none where none is named.
pub(super) async fn used_within(
    processes: &Processes,
    stretch: Option<Range<Duration>>,
) -> Result<Option<Within>> {
    let Some(stretch) = stretch else { return Ok(None) };
    let now = Instant::now();
    tokio::time::sleep_until(now + stretch.start).await;
    let (began, before) = (Instant::now(), processes.used()?.processor);
    tokio::time::sleep_until(now + stretch.end).await;
    let processor = processes.used()?.processor.saturating_sub(before);
    Ok(Some(Within { clock: began.elapsed(), processor }))
}

/// A stretch of time, and the processor time used in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Within {
    pub(super) clock: Duration,
    pub(super) processor: Duration,
}

/// Processes whose memory is looked at again and again.
pub(super) struct Watched {
    end: oneshot::Sender<()>,
    looking: JoinSet<u64>,
}

impl Watched {
    pub(super) fn begin(processes: &Processes) -> Result<Self> {
        let mut peak = processes.used()?.memory;
        let (end, mut ended) = oneshot::channel();
        let processes = processes.clone();
        let mut looking = JoinSet::new();
        looking.spawn(async move {
            let mut ticks = tokio::time::interval(LOOK);
            loop {
                tokio::select! {
                    _ = &mut ended => return peak,
                    _ = ticks.tick() => peak = peak.max(processes.used().map_or(0, |used| used.memory)),
                }
            }
        });
        Ok(Self { end, looking })
    }

    /// The most that they had at once.
    pub(super) async fn end(mut self) -> u64 {
        drop(self.end);
        self.looking.join_next().await.and_then(Result::ok).unwrap_or(0)
    }
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).with_context(|| format!("process {pid} is not there: cannot read {path}"))
}

fn unreadable(pid: u32) -> String {
    format!("what /proc says of process {pid} cannot be read")
}

/// Fields 14 and 15 of `stat`; the second, the name, may hold anything.
fn processor(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}

/// `VmRSS` of `status`, in kB.
fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_is_read_whatever_a_process_is_called() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 17 0 0 20 0 9 0 1000 1 2";
        assert_eq!(processor(stat), Some(Duration::from_millis(2_670)));
        assert_eq!(processor("42 (cut"), None);
        assert_eq!(processor("42 (short) S 1"), None);
        assert_eq!(memory("Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t9\n"), Some(2 << 20));
        assert_eq!(memory("Name:\tx\n"), None);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        assert!(Processes::own().used().unwrap().memory > 0);
        // Above the largest that the kernel gives.
        let gone = Processes::new(vec![1 << 30]).used().unwrap_err();
        assert!(gone.to_string().contains("1073741824"), "{gone}");
    }
}
