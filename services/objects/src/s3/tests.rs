use std::io::Write;

use aws_sdk_s3::primitives::ByteStream;
use kernel::SystemClock;
use uuid::Uuid;

use super::*;
use crate::contract::{Harness, key};

mod damage;
mod listing;
mod locks;
mod opening;
mod parts;
mod unanswered;

/// The bucket that the environment names, below a root that no other test has.
struct Server {
    options: S3Options,
}

impl Server {
    /// None, and a line that says so, where the environment names no bucket and does not require one.
    fn from_env() -> Option<Self> {
        let Ok(url) = std::env::var("VERBALE_S3") else {
            let required = std::env::var("VERBALE_REQUIRE").unwrap_or_default();
            assert!(
                !required.split(',').any(|engine| engine.trim() == "s3"),
                "s3 is required: set VERBALE_S3"
            );
            // Straight to the descriptor: the test runner keeps back what a test that passes prints.
            std::io::stderr().write_all(b"NOT TESTED: the S3 adapter; set VERBALE_S3\n").unwrap();
            return None;
        };
        let options: S3Options = url.parse().unwrap();
        let above = options.root.as_ref().map(|root| format!("{root}/")).unwrap_or_default();
        let root = key(&format!("{above}test/{}", Uuid::new_v4()));
        // The contract's large object goes in parts, the others do not.
        Some(Self { options: S3Options { root: Some(root), multipart_above: 1 << 20, ..options } })
    }

    async fn store(&self) -> S3Objects {
        S3Objects::open(self.options.clone(), Arc::new(SystemClock)).await.unwrap()
    }

    /// Another bucket on the same server.
    fn bucket(&self, name: &str) -> S3Options {
        S3Options { bucket: name.to_owned(), root: None, ..self.options.clone() }
    }
}

#[async_trait]
impl Harness for Server {
    async fn open(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.store().await)
    }
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

crate::contract_suite!(contract, if Server::from_env());

/// This much later, on a whole second.
fn later(seconds: u64) -> Timestamp {
    dates::whole_second(SystemClock.now().plus(Duration::from_secs(seconds)))
}

/// Bytes that no two parts have alike.
fn bytes_of(length: usize) -> Bytes {
    let mut state = 1_u32;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    next.take(length).collect::<Vec<_>>().into()
}

/// Puts past the port, as any other client may.
async fn put_raw(store: &S3Objects, name: &str, bytes: &'static [u8], sha256: Option<&str>) {
    let bucket = &store.0.bucket;
    let mut request = bucket.client.put_object().bucket(bucket.name()).key(bucket.named(name));
    if let Some(sha256) = sha256 {
        request = request.metadata(put::META_SHA256, sha256);
    }
    request.body(ByteStream::from_static(bytes)).send().await.unwrap();
}

/// Places a delete marker past the port.
async fn mark(store: &S3Objects, at: &str) {
    let bucket = &store.0.bucket;
    bucket.client.delete_object().bucket(bucket.name()).key(bucket.named(at)).send().await.unwrap();
}

/// An error with what lies below it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        said = format!("{said}: {below}");
        source = below.source();
    }
    said
}
