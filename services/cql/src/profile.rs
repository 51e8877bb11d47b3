//! What holds for every request: consistency, time limits, retries. Stated here and nowhere else.
//!
//! | request | consistency | tried again | asked twice |
//! |---|---|---|---|
//! | read | LOCAL_QUORUM | up to [`RETRIES`] times | after `speculate_after` |
//! | serial read | LOCAL_SERIAL | never | never |
//! | write, batch | LOCAL_QUORUM | up to [`RETRIES`] times, as all are idempotent | never |
//! | conditional write | LOCAL_SERIAL, then LOCAL_QUORUM | never | never |
//!
//! A quorum is written and a quorum is read, so that a read sees every write that was answered before it. All
//! attempts of a request share its one time limit.

use std::sync::Arc;

use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::errors::{DbError, RequestAttemptError};
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::{
    FallthroughRetryPolicy, RequestInfo, RetryDecision, RetryPolicy, RetrySession,
};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::{Consistency, SerialConsistency};

use crate::options::Options;

/// How often an idempotent request is tried again at another node.
pub(crate) const RETRIES: u32 = 2;

const CONSISTENCY: Consistency = Consistency::LocalQuorum;
const SERIAL: SerialConsistency = SerialConsistency::LocalSerial;
/// What a read that must see every conditional write is made with.
const SERIAL_READ: Consistency = Consistency::LocalSerial;

/// One profile for each kind of request.
pub(crate) struct Profiles {
    pub(crate) read: ExecutionProfileHandle,
    pub(crate) serial: ExecutionProfileHandle,
    pub(crate) write: ExecutionProfileHandle,
    pub(crate) conditional: ExecutionProfileHandle,
}

impl Profiles {
    pub(crate) fn new(options: &Options) -> Self {
        let nodes = load_balancing(options);
        let base = ExecutionProfile::builder()
            .consistency(CONSISTENCY)
            .serial_consistency(Some(SERIAL))
            .request_timeout(Some(options.request_timeout))
            .load_balancing_policy(nodes);
        let again: Arc<dyn RetryPolicy> = Arc::new(Again);
        let never: Arc<dyn RetryPolicy> = Arc::new(FallthroughRetryPolicy);
        let speculate =
            SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: options.speculate_after };
        let read = base
            .clone()
            .retry_policy(Arc::clone(&again))
            .speculative_execution_policy(Some(Arc::new(speculate)));
        let serial = base.clone().consistency(SERIAL_READ).retry_policy(Arc::clone(&never));
        Self {
            read: read.build().into_handle(),
            serial: serial.build().into_handle(),
            write: base.clone().retry_policy(again).build().into_handle(),
            conditional: base.retry_policy(never).build().into_handle(),
        }
    }
}

/// The node that has the row, within the datacentre named; never in another one, whose quorum is not ours.
fn load_balancing(options: &Options) -> Arc<dyn LoadBalancingPolicy> {
    let policy = DefaultPolicy::builder().token_aware(true).permit_dc_failover(false);
    match &options.datacenter {
        Some(name) => policy.prefer_datacenter(name.clone()).build(),
        None => policy.build(),
    }
}

/// Tries idempotent requests again where another node may do better.
#[derive(Debug)]
struct Again;

struct Attempts(u32);

impl RetryPolicy for Again {
    fn new_session(&self) -> Box<dyn RetrySession> {
        Box::new(Attempts(0))
    }
}

impl RetrySession for Attempts {
    fn decide_should_retry(&mut self, info: RequestInfo<'_>) -> RetryDecision {
        if !info.is_idempotent || self.0 >= RETRIES || !helps(info.error) {
            return RetryDecision::DontRetry;
        }
        self.0 += 1;
        RetryDecision::RetryNextTarget(None)
    }

    fn reset(&mut self) {
        self.0 = 0;
    }
}

/// Whether another node may answer what this one did not.
fn helps(error: &RequestAttemptError) -> bool {
    match error {
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => true,
        RequestAttemptError::DbError(error, _) => matches!(
            error,
            DbError::Unavailable { .. }
                | DbError::Overloaded
                | DbError::IsBootstrapping
                | DbError::ServerError
                | DbError::ReadTimeout { .. }
                | DbError::WriteTimeout { .. }
        ),
        // The statement itself is at fault, or the answer; whatever the driver adds is not tried again unseen.
        _ => false,
    }
}
