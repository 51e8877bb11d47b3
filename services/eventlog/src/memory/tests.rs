use std::time::Duration;

use kernel::ManualClock;

use super::*;
use crate::contract::Harness;

struct Shared(MemoryLog);

impl Shared {
    fn new() -> Self {
        Self(MemoryLog::new(Arc::new(ManualClock::at(Timestamp(1)))))
    }
}

#[async_trait]
impl Harness for Shared {
    /// The contents outlive a handle, as the harness holds one; the timeout is the log's.
    async fn open(&self, session_timeout: Duration) -> Arc<dyn EventLog> {
        if session_timeout < self.0.0.session_timeout {
            let durability = self.0.0.durability;
            return Arc::new(MemoryLog::with(self.0.0.clock.clone(), durability, session_timeout));
        }
        Arc::new(self.0.clone())
    }
}

crate::contract_suite!(contract, Shared::new());

#[tokio::test]
async fn it_says_that_nothing_outlives_the_process() {
    let topic = kernel::topics::AUDIO;
    let durability = Shared::new().0.durability(&topic).await.unwrap();
    assert!(!durability.is_logged());
    let weak = Durability { replication: 3, min_in_sync: 1, only_log: false };
    let log = MemoryLog::with(Arc::new(ManualClock::default()), weak, Duration::from_secs(1));
    assert!(!log.durability(&topic).await.unwrap().is_logged());
    assert!(Durability { min_in_sync: 2, ..weak }.is_logged());
}

#[tokio::test]
async fn records_go_when_their_topics_retention_has_passed() {
    let clock = ManualClock::at(Timestamp(0));
    let log = MemoryLog::new(Arc::new(clock.clone()));
    let topic = kernel::topics::CONSENT;
    let Retention::For(kept) = topic.retention else { panic!("consent events expire") };
    let placed = log.append(&topic, vec![Record::new("a", "1")]).await.unwrap()[0];
    clock.advance(kept);
    log.append(&topic, vec![Record::new("a", "2")]).await.unwrap();
    let ends = log.ends(&topic).await.unwrap()[placed.partition as usize];
    assert_eq!((ends.low, ends.high), (1, 2));
}
