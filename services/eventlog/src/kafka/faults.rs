//! What the client library says, in the port's words; and what it logs.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, warn};

use crate::error::{Cause, Error};

/// The engine did not do what was attempted.
pub(super) fn unavailable(attempt: &'static str) -> impl Fn(KafkaError) -> Error {
    move |error| Error::Unavailable { attempt, source: cause(error) }
}

/// The same, from the code that a topic or partition came back with.
pub(super) fn refused(attempt: &'static str, code: RDKafkaErrorCode) -> Error {
    Error::Unavailable { attempt, source: code.into() }
}

/// The engine did not answer within the time it had.
pub(super) fn late(attempt: &'static str) -> Error {
    refused(attempt, RDKafkaErrorCode::OperationTimedOut)
}

/// A client's settings may be secret: the library's error repeats their values.
fn cause(error: KafkaError) -> Cause {
    match error {
        KafkaError::ClientConfig(_, _, key, _) => format!("the client library refuses setting {key}").into(),
        other => other.into(),
    }
}

/// Whether the same request may succeed in a moment: a leader or coordinator moves, or a topic is not yet
/// known everywhere.
pub(super) fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerNotAvailable
            | Code::BrokerTransportFailure
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::FencedLeaderEpoch
            | Code::LeaderNotAvailable
            | Code::NetworkException
            | Code::NotCoordinator
            | Code::NotLeaderForPartition
            | Code::OffsetNotAvailable
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::UnknownLeaderEpoch
            | Code::UnknownPartition
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::WaitingForCoordinator
    )
}

/// The context of clients that need nothing of theirs but their logs.
#[derive(Clone, Copy)]
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        log(level, fac, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ConsumerContext for Quiet {}

/// A line of the library's log: names of brokers, topics and groups, never a record's contents.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => warn!(facility, message, "the kafka client has trouble"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            debug!(facility, message, "the kafka client notes");
        }
    }
}

/// An error of a client that no call of ours is told of: it recovers by itself.
pub(super) fn report(error: &KafkaError, reason: &str) {
    debug!(error = %error, reason, "the kafka client met an error");
}
