//! What passes through a log, kept as it passes: consumers delete what they have put away.

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Error, EventLog, ReadLimit, Stored};
use kernel::topics::{ALL, Topic};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long to wait before the log is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Reads every topic from now until it is stopped.
pub(crate) struct Tap {
    stop: watch::Sender<bool>,
    reading: JoinSet<Vec<(&'static Topic, Stored)>>,
}

impl Tap {
    /// On a log whose topics are there.
    pub(crate) fn open(log: Arc<dyn EventLog>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut reading = JoinSet::new();
        reading.spawn(read(log, stopped));
        Self { stop, reading }
    }

    /// Everything that passed, to the ends as they are now.
    pub(crate) async fn close(mut self) -> Vec<(&'static Topic, Stored)> {
        self.stop.send_replace(true);
        self.reading.join_next().await.unwrap().unwrap()
    }
}

async fn read(log: Arc<dyn EventLog>, mut stopped: watch::Receiver<bool>) -> Vec<(&'static Topic, Stored)> {
    let mut places: Vec<_> = ALL
        .iter()
        .flat_map(|topic| (0..topic.partitions).map(move |partition| (topic, partition, 0)))
        .collect();
    let mut passed = Vec::new();
    loop {
        let last = *stopped.borrow();
        for (topic, partition, next) in &mut places {
            loop {
                match log.read(topic, *partition, *next, ReadLimit::default()).await {
                    Ok(records) => {
                        let Some(end) = records.last() else { break };
                        *next = end.offset + 1;
                        passed.extend(records.into_iter().map(|record| (*topic, record)));
                    }
                    Err(Error::Gone { low, .. }) => *next = low,
                    Err(error) => panic!("{} cannot be read: {error}", topic.name),
                }
            }
        }
        if last {
            return passed;
        }
        // Sooner where it is to end.
        let _time_is_over = timeout(LOOK_AGAIN, stopped.changed()).await;
    }
}
