//! A body's bytes, never more than were announced.

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};

use crate::s3::failure::Failure;

/// Reads exactly this many bytes, which the caller has bounded.
pub(super) async fn collect(mut body: ByteStream, length: usize) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::with_capacity(length);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Failure::Unreadable(error.into()))?;
        if bytes.len() + chunk.len() > length {
            return Err(Failure::unreadable("more bytes than announced"));
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() != length {
        return Err(Failure::unreadable("fewer bytes than announced"));
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_has_what_was_announced_or_is_refused() {
        let body = || ByteStream::from_static(b"0123456789");
        assert_eq!(collect(body(), 10).await.unwrap(), "0123456789");
        for announced in [0, 9, 11] {
            assert!(matches!(collect(body(), announced).await, Err(Failure::Unreadable(_))));
        }
    }
}
