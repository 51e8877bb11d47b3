//! Tells waiting consumers of this process at once that a topic has new records or its group has changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use kernel::topics::Topic;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// All the listeners of one log.
#[derive(Default)]
pub(crate) struct Bell(Mutex<Vec<Weak<Listener>>>);

/// One consumer's ear. What rings while nobody waits is heard at the next wait.
pub(crate) struct Listener {
    topics: Vec<&'static str>,
    rung: Notify,
    regroup: AtomicBool,
}

impl Bell {
    pub(crate) fn listener(&self, topics: &[Topic]) -> Arc<Listener> {
        let listener = Arc::new(Listener {
            topics: topics.iter().map(|topic| topic.name).collect(),
            rung: Notify::new(),
            regroup: AtomicBool::new(false),
        });
        let mut listeners = self.0.lock();
        listeners.retain(|other| other.strong_count() > 0);
        listeners.push(Arc::downgrade(&listener));
        listener
    }

    /// New records.
    pub(crate) fn records(&self, topic: &str) {
        self.each(|listener| {
            if listener.topics.contains(&topic) {
                listener.rung.notify_one();
            }
        });
    }

    /// Somebody joined, left, or gave something up: everyone else makes a pass.
    pub(crate) fn regroup(&self, by: &Arc<Listener>) {
        self.each(|listener| {
            if !Arc::ptr_eq(listener, by) {
                listener.ask_to_regroup();
            }
        });
    }

    fn each(&self, act: impl Fn(&Arc<Listener>)) {
        for listener in self.0.lock().iter().filter_map(Weak::upgrade) {
            act(&listener);
        }
    }
}

impl Listener {
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    pub(crate) fn ask_to_regroup(&self) {
        self.regroup.store(true, Ordering::SeqCst);
        self.rung.notify_one();
    }

    /// Whether a pass was asked for since the last time.
    pub(crate) fn take_regroup(&self) -> bool {
        self.regroup.swap(false, Ordering::SeqCst)
    }
}
