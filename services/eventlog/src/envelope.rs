//! An event as a record and back: CloudEvents 1.0, Kafka binding, binary mode.
//!
//! The key is the aggregate's id, the value the protobuf payload; all else is headers. Tenant and version are
//! extension attributes. Headers that are not known here are for others and ignored.

use kernel::{Envelope, EventId, TenantId, Timestamp, TraceParent};

use crate::record::{Record, Stored};

/// `ce_specversion`: always `1.0`.
pub const SPEC_VERSION: &str = "ce_specversion";
/// `ce_id`: the event's id.
pub const ID: &str = "ce_id";
/// `ce_type`: the event's kind.
pub const TYPE: &str = "ce_type";
/// `ce_source`: which role says so, as a URI reference.
pub const SOURCE: &str = "ce_source";
/// `ce_time`: when it happened, RFC 3339.
pub const TIME: &str = "ce_time";
/// `ce_subject`: the aggregate's id.
pub const SUBJECT: &str = "ce_subject";
/// `ce_verbaletenant`: whose data it is about.
pub const TENANT: &str = "ce_verbaletenant";
/// `ce_verbaleversion`: the aggregate's version after the event, in decimal.
pub const VERSION: &str = "ce_verbaleversion";
/// `traceparent`: the W3C trace context, where there is one.
pub const TRACE: &str = "traceparent";
/// `content-type`: always `application/protobuf`.
pub const CONTENT_TYPE: &str = "content-type";

const SPEC: &str = "1.0";
const PROTOBUF: &str = "application/protobuf";

/// A record that is not one of our events.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// A header that every event has is missing.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header's value is not what this header holds; the value is not repeated.
    #[error("header {0} has a value that cannot be")]
    Malformed(&'static str),
    /// The key is not the event's aggregate.
    #[error("the key is not the event's subject")]
    Key,
}

/// The event as a record; `source` is the role's CloudEvents source, such as `/verbale/consent`.
pub fn to_record(envelope: &Envelope, source: &str) -> Record {
    let mut headers = vec![
        header(SPEC_VERSION, SPEC),
        header(ID, &envelope.id.to_string()),
        header(TYPE, &envelope.kind),
        header(SOURCE, source),
        header(TIME, &envelope.at.to_string()),
        header(SUBJECT, &envelope.aggregate),
        header(TENANT, envelope.tenant.as_str()),
        header(VERSION, &envelope.version.to_string()),
        header(CONTENT_TYPE, PROTOBUF),
    ];
    headers.extend(envelope.trace.as_ref().map(|trace| header(TRACE, trace.as_str())));
    Record { key: envelope.aggregate.clone().into_bytes(), headers, value: envelope.payload.clone().into() }
}

/// The event that a record holds.
pub fn from_record(record: &Stored) -> Result<Envelope, EnvelopeError> {
    if text(record, SPEC_VERSION)? != SPEC {
        return Err(EnvelopeError::Malformed(SPEC_VERSION));
    }
    if text(record, CONTENT_TYPE)? != PROTOBUF {
        return Err(EnvelopeError::Malformed(CONTENT_TYPE));
    }
    let aggregate = text(record, SUBJECT)?;
    if record.key != aggregate.as_bytes() {
        return Err(EnvelopeError::Key);
    }
    Ok(Envelope {
        id: parsed(ID, text(record, ID)?.parse::<EventId>())?,
        kind: text(record, TYPE)?.to_owned(),
        tenant: parsed(TENANT, TenantId::new(text(record, TENANT)?))?,
        aggregate: aggregate.to_owned(),
        version: parsed(VERSION, text(record, VERSION)?.parse())?,
        at: parsed(TIME, Timestamp::parse(text(record, TIME)?))?,
        trace: trace(record)?,
        payload: record.value.to_vec(),
    })
}

/// The `ce_source` of a record.
pub fn source(record: &Stored) -> Result<&str, EnvelopeError> {
    text(record, SOURCE)
}

fn header(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

fn text<'r>(record: &'r Stored, name: &'static str) -> Result<&'r str, EnvelopeError> {
    let value = record.header(name).ok_or(EnvelopeError::Missing(name))?;
    std::str::from_utf8(value).map_err(|_| EnvelopeError::Malformed(name))
}

fn parsed<T, E>(name: &'static str, value: Result<T, E>) -> Result<T, EnvelopeError> {
    value.map_err(|_| EnvelopeError::Malformed(name))
}

fn trace(record: &Stored) -> Result<Option<TraceParent>, EnvelopeError> {
    if record.header(TRACE).is_none() {
        return Ok(None);
    }
    TraceParent::parse(text(record, TRACE)?).map(Some).ok_or(EnvelopeError::Malformed(TRACE))
}

#[cfg(test)]
mod tests;
