//! Blocking calls of the client library, kept off the threads that async code runs on.

use std::ops::Deref;

use crate::error::Error;

/// Runs a call that waits for the network. It ends by itself: each call of the library has its own timeout.
pub(super) async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(act).await;
    done.unwrap_or_else(|source| Err(Error::Unavailable { attempt, source: source.into() }))
}

/// Runs what must also happen where no runtime is left, such as saying goodbye to brokers.
pub(super) fn aside(act: impl FnOnce() + Send + 'static) {
    // Without a thread the act is dropped here, which waits as long, but on this thread.
    drop(std::thread::Builder::new().name("kafka-close".to_owned()).spawn(act));
}

/// A client, dropped on a thread of its own: destroying one waits for its connections.
pub(super) struct Client<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Client<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for Client<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Client<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        aside(move || drop(client));
    }
}
