use std::time::Duration;

use kernel::ManualClock;

use super::*;
use crate::contract::Harness;

struct Shared {
    clock: ManualClock,
    store: MemoryObjects,
}

impl Shared {
    fn new() -> Self {
        let clock = ManualClock::at(Timestamp(1_700_000_000_000_001));
        Self { store: MemoryObjects::new(Arc::new(clock.clone())), clock }
    }
}

#[async_trait]
impl Harness for Shared {
    async fn open(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.store.clone())
    }
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

crate::contract_suite!(contract, Shared::new());
