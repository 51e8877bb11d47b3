//! Keys that are open in memory: few of them, and not for long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A bounded cache of open keys. What leaves it is zeroised by its own drop once nobody uses it.
pub(crate) struct KeyRing<K, V> {
    bound: usize,
    life: Duration,
    keys: Mutex<HashMap<K, (Instant, Arc<V>)>>,
}

impl<K: Hash + Eq + Clone, V> KeyRing<K, V> {
    pub(crate) fn new(bound: usize, life: Duration) -> Self {
        Self { bound: bound.max(1), life, keys: Mutex::default() }
    }

    pub(crate) fn get(&self, name: &K) -> Option<Arc<V>> {
        let mut keys = self.keys.lock();
        keys.retain(|_, (since, _)| since.elapsed() < self.life);
        keys.get(name).map(|(_, key)| Arc::clone(key))
    }

    /// Puts a key in; the oldest makes room for it. Its life began `since`: when it was still known that it may be
    /// kept.
    pub(crate) fn put(&self, name: K, since: Instant, key: Arc<V>) {
        let mut keys = self.keys.lock();
        if keys.len() >= self.bound && !keys.contains_key(&name) {
            let oldest = keys.iter().min_by_key(|(_, (since, _))| *since).map(|(name, _)| name.clone());
            oldest.and_then(|name| keys.remove(&name));
        }
        keys.insert(name, (since, key));
    }

    /// Lets a key go before its life is over.
    pub(crate) fn forget(&self, name: &K) {
        self.keys.lock().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_leaves_when_its_life_is_over() {
        let ring = KeyRing::new(2, Duration::from_secs(60));
        ring.put(1, Instant::now(), Arc::new('a'));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(ring.get(&1).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(ring.get(&1).is_none());
        let since = Instant::now();
        tokio::time::advance(Duration::from_secs(59)).await;
        ring.put(2, since, Arc::new('b'));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(ring.get(&2).is_none(), "its life began before it was put here");
    }

    #[tokio::test]
    async fn what_is_forgotten_is_gone_at_once() {
        let ring = KeyRing::new(2, Duration::from_secs(60));
        ring.put(1, Instant::now(), Arc::new('a'));
        ring.forget(&1);
        assert!(ring.get(&1).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_makes_room() {
        let ring = KeyRing::new(2, Duration::from_secs(60));
        for name in 1..=3 {
            ring.put(name, Instant::now(), Arc::new(name));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!([1, 2, 3].map(|name| ring.get(&name).is_some()), [false, true, true]);
    }
}
