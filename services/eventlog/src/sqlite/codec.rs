//! Headers as one column: per header a name's length (u8), the name, a value's length (u16, big-endian), the value.

use crate::bounds::{MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS};
use crate::record::Headers;

// Both lengths fit their fields.
const _: () = assert!(MAX_HEADER_NAME <= u8::MAX as usize && MAX_HEADER_VALUE <= u16::MAX as usize);

/// The column; the headers are within their bounds.
pub(super) fn encode(headers: &Headers) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(u8::try_from(name.len()).expect("names are bounded"));
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&u16::try_from(value.len()).expect("values are bounded").to_be_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

/// The headers; `None` where the bytes are not what [`encode`] writes.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Headers> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(take(&mut bytes, 1)?[0]);
        let name = String::from_utf8(take(&mut bytes, length)?.to_vec()).ok()?;
        let length = usize::from(u16::from_be_bytes(take(&mut bytes, 2)?.try_into().ok()?));
        headers.push((name, take(&mut bytes, length)?.to_vec()));
        if headers.len() > MAX_HEADERS {
            return None;
        }
    }
    Some(headers)
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_come_back_as_they_went(
            headers in prop::collection::vec(("\\PC{0,16}", prop::collection::vec(any::<u8>(), 0..300)), 0..8),
        ) {
            prop_assert_eq!(decode(&encode(&headers)), Some(headers));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            if let Some(headers) = decode(&bytes) {
                prop_assert_eq!(encode(&headers), bytes);
            }
        }
    }
}
