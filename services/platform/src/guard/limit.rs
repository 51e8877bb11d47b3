//! How many calls of a role run at once. More are refused, not queued: roles call each other, and a queue
//! that waits for itself would never move.

use std::sync::Arc;

use kernel::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::error::refusal;
use crate::rules::{Rule, Shape};
use crate::server;

/// Held while a call runs; by a stream until it ends.
pub(super) type Permit = OwnedSemaphorePermit;

pub(super) struct Limits {
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Limits {
    pub(super) fn new(config: &server::Config) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { calls: semaphore(config.concurrent_calls), streams: semaphore(config.concurrent_streams) }
    }

    /// A restrictive act always gets in.
    pub(super) fn enter(&self, rule: &Rule) -> Result<Option<Permit>, Status> {
        if rule.may_restrict {
            return Ok(None);
        }
        let permits = match rule.shape {
            Shape::Unary => &self.calls,
            Shape::ClientStream | Shape::ServerStream | Shape::Bidirectional => &self.streams,
        };
        Arc::clone(permits).try_acquire_owned().map(Some).map_err(|_| {
            refusal(
                ErrorCode::ResourceExhausted,
                "concurrency",
                "too many calls run at once; try again later",
            )
        })
    }
}
