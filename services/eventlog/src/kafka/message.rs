//! A record as the client library sends it, and one as it comes back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use kernel::Timestamp;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message, OwnedHeaders};

use crate::bounds::MAX_HEADERS;
use crate::record::{Headers, Stored};

/// Headers to send.
pub(super) fn headers(own: &Headers) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(own.len());
    own.iter().fold(empty, |headers, (name, value)| {
        headers.insert(Header { key: name, value: Some(value.as_slice()) })
    })
}

/// A record that came; `None` where its offset cannot be.
pub(super) fn stored(message: &BorrowedMessage<'_>) -> Option<Stored> {
    Some(Stored {
        offset: u64::try_from(message.offset()).ok()?,
        timestamp: Timestamp(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1_000)),
        key: message.key().unwrap_or_default().to_vec(),
        headers: message.headers().map(received).unwrap_or_default(),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
    })
}

/// Headers that came. Anybody may have written them: the library panics at a name that is not UTF-8, and such
/// a header is none of ours, as are those beyond the bound.
fn received(headers: &rdkafka::message::BorrowedHeaders) -> Headers {
    let one = |index| {
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok().flatten()?;
        Some((header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
    };
    (0..headers.count().min(MAX_HEADERS)).filter_map(one).collect()
}
