//! How far consumers are behind, shown by each process that runs one: over all of the group, not its own part, so
//! that a partition which nobody holds is seen, too.

use std::sync::Arc;
use std::time::Duration;

use eventlog::EventLog;
use kernel::chain;
use kernel::topics::Topic;
use tracing::warn;

use crate::drain::Task;
use crate::telemetry::{Gauge, Metrics, names};

/// How often the log is asked.
const EVERY: Duration = Duration::from_secs(10);

/// What a consumer group has yet to commit of a topic.
pub struct LagWatch {
    /// Where the topic is.
    pub log: Arc<dyn EventLog>,
    /// Who consumes it.
    pub group: &'static str,
    /// Which topic.
    pub topic: Topic,
}

impl LagWatch {
    /// The task that shows it until the process drains.
    pub fn into_task(self, metrics: &Metrics) -> Task {
        let gauge = metrics.gauge(&names::LOG_LAG, &[self.topic.name]);
        Task::new("log-lag", move |shutdown| async move {
            loop {
                tokio::select! {
                    () = shutdown.draining() => return Ok(()),
                    () = self.show(&gauge) => {}
                }
                tokio::select! {
                    () = shutdown.draining() => return Ok(()),
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        })
    }

    /// While the log does not answer, what was known stays.
    async fn show(&self, gauge: &Gauge) {
        match self.log.lag(self.group, &self.topic).await {
            Ok(lag) => gauge.set(i64::try_from(lag.iter().sum::<u64>()).unwrap_or(i64::MAX)),
            Err(error) => {
                warn!(
                    topic = self.topic.name,
                    error = chain(&error),
                    "how far the consumers are behind is not known"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eventlog::{MemoryLog, ReadLimit, Record, TopicPartition};
    use kernel::topics::AUDIO;
    use kernel::{ManualClock, Timestamp};

    use super::*;
    use crate::drain::{Tasks, shutdown};

    #[tokio::test(start_paused = true)]
    async fn what_the_group_has_not_committed_is_shown_over_all_partitions() {
        let log = Arc::new(MemoryLog::new(Arc::new(ManualClock::at(Timestamp(5)))));
        let records = (0..40).map(|n| Record::new(format!("recording-{n}"), vec![0])).collect();
        log.append(&AUDIO, records).await.unwrap();
        let metrics = Metrics::new();
        let (stopper, signal) = shutdown();
        let mut tasks = Tasks::new(signal);
        let watch = LagWatch { log: log.clone(), group: "archive", topic: AUDIO };
        tasks.start(watch.into_task(&metrics));
        let shown = metrics.gauge(&names::LOG_LAG, &[AUDIO.name]);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(shown.value(), 40);

        let mut member = log.consumer("archive", &[AUDIO]).await.unwrap();
        let mut committed = 0;
        while committed == 0 {
            let polled = member.poll(ReadLimit::default(), Duration::from_millis(10)).await.unwrap();
            if let Some(batch) = polled.batches.first() {
                let next = batch.records.last().unwrap().offset + 1;
                member.commit(TopicPartition::of(&AUDIO, batch.at.partition), next).await.unwrap();
                committed = i64::try_from(next).unwrap();
            }
        }
        assert_eq!(shown.value(), 40);
        tokio::time::sleep(EVERY).await;
        assert_eq!(shown.value(), 40 - committed);
        assert_eq!(tasks.stop(&stopper, Duration::from_secs(1)).await, 0);
    }
}
