use eventlog::{MemoryLog, Record};
use kernel::topics::RECORDINGS;
use kernel::{ManualClock, Timestamp};
use parking_lot::Mutex;

use super::*;
use crate::drain::{Task, Tasks, shutdown};

const GROUP: &str = "a-group";

/// Notes what it takes; a record with this value is refused so often first.
#[derive(Default)]
struct Notes {
    taken: Mutex<Vec<Vec<u8>>>,
    refused: Mutex<(Vec<u8>, u32)>,
}

#[derive(Debug, thiserror::Error)]
#[error("not now")]
struct NotNow;

#[async_trait]
impl Take for Notes {
    type Error = NotNow;
    async fn take(&self, record: &Stored) -> Result<(), NotNow> {
        let mut refused = self.refused.lock();
        if refused.0 == record.value && refused.1 > 0 {
            refused.1 -= 1;
            return Err(NotNow);
        }
        self.taken.lock().push(record.value.to_vec());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn records_are_taken_in_order_and_one_that_fails_keeps_those_behind_it() {
    let log = Arc::new(MemoryLog::new(Arc::new(ManualClock::at(Timestamp(5)))));
    let records = (0..20_u8).map(|n| Record::new("one-key", vec![n])).collect();
    log.append(&RECORDINGS, records).await.unwrap();
    let notes = Arc::new(Notes { refused: Mutex::new((vec![7], 3)), ..Notes::default() });
    let (stopper, signal) = shutdown();
    let mut tasks = Tasks::new(signal);
    let feed = Feed { log: log.clone(), group: GROUP, topic: RECORDINGS };
    let taker = Arc::clone(&notes);
    tasks.start(Task::new("feed", move |shutdown| async move {
        feed.follow(taker.as_ref(), &shutdown).await;
        Ok(())
    }));
    while log.lag(GROUP, &RECORDINGS).await.unwrap().iter().sum::<u64>() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(notes.refused.lock().1, 0);
    let expected: Vec<_> = (0..20_u8).map(|n| vec![n]).collect();
    assert_eq!(*notes.taken.lock(), expected, "each once, since each is committed or sought by itself");
    assert_eq!(tasks.stop(&stopper, Duration::from_secs(1)).await, 0);
}
