use std::sync::LazyLock;
use std::time::Duration;

use kernel::topics::Retention;
use uuid::Uuid;

use super::*;
use crate::contract::Harness;
use crate::fences::MemoryFences;

mod consuming;
mod durability;
mod killing;

/// The cluster to test on; `None` where there is none and none is required.
fn url() -> Option<&'static str> {
    static URL: LazyLock<Option<String>> = LazyLock::new(|| {
        let url = std::env::var("VERBALE_KAFKA").ok();
        let required = std::env::var("VERBALE_REQUIRE").unwrap_or_default();
        assert!(
            url.is_some() || !required.split(',').any(|engine| engine.trim() == "kafka"),
            "kafka is required, but VERBALE_KAFKA does not say where it is"
        );
        url
    });
    if URL.is_none() {
        eprintln!("NOT TESTED: the Kafka adapter, as VERBALE_KAFKA does not say where a cluster is");
    }
    URL.as_deref()
}

/// One mesh's topics and groups in the cluster that all tests share.
struct Mesh {
    prefix: String,
    fences: Arc<MemoryFences>,
}

impl Mesh {
    fn new() -> Self {
        Self { prefix: format!("test-{}-", Uuid::new_v4().simple()), fences: Arc::default() }
    }

    fn options(&self) -> KafkaOptions {
        KafkaOptions {
            prefix: self.prefix.clone(),
            replication: 1,
            min_in_sync: 1,
            accept_weak: true,
            ..KafkaOptions::at(url().expect("asked for where there is a cluster")).unwrap()
        }
    }

    fn log(&self, options: KafkaOptions) -> KafkaLog {
        KafkaLog::open(options, self.fences.clone()).unwrap()
    }
}

#[async_trait]
impl Harness for Mesh {
    /// Whoever is paused leaves its group by itself, which the broker then tells the others within a beat:
    /// those must not be taken for paused meanwhile.
    async fn open(&self, session_timeout: Duration) -> Arc<dyn EventLog> {
        let session_timeout = session_timeout.max(Duration::from_secs(3));
        Arc::new(self.log(KafkaOptions { session_timeout, ..self.options() }))
    }

    fn is_there(&self) -> bool {
        url().is_some()
    }
}

crate::contract_suite!(contract, Mesh::new());

const TOPIC: Topic = Topic { name: "kafka.test.v1", partitions: 2, retention: Retention::UntilDeleted };
