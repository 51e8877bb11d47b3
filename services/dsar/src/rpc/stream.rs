//! A package as messages, pulled by whoever takes it.

use futures::stream::{self, BoxStream, StreamExt};
use platform::call::Sent;
use proto::dsar::v1::PackageChunk;
use tonic::Status;

use crate::error::{Error, told};

/// Most bytes of one message.
pub(super) const CHUNK: usize = 256 << 10;

/// The bytes in messages of at most [`CHUNK`] bytes; an error ends them.
pub(super) fn chunks(
    bytes: BoxStream<'static, Result<Vec<u8>, Error>>,
    sent: Sent,
) -> BoxStream<'static, Result<PackageChunk, Status>> {
    let messages = bytes.flat_map(|part| stream::iter(cut(part)));
    let counted = messages.inspect(move |message| {
        if message.is_ok() {
            sent.message();
        }
    });
    counted.boxed()
}

fn cut(part: Result<Vec<u8>, Error>) -> Vec<Result<PackageChunk, Status>> {
    match part {
        // Most parts are small enough, and not copied.
        Ok(data) if data.len() <= CHUNK => vec![Ok(PackageChunk { data })],
        Ok(data) => data.chunks(CHUNK).map(|some| Ok(PackageChunk { data: some.to_vec() })).collect(),
        Err(error) => vec![Err(told(&error))],
    }
}
