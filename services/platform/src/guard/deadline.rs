//! How long a call may take: as its caller says (`grpc-timeout`), or the default.

use std::time::Duration;

use http::HeaderMap;
use kernel::ErrorCode;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::error::{refusal, word};

const HEADER: &str = "grpc-timeout";
/// Longer than any call: a deadline far away must not run over.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// When an answer must have begun, and for streams whether it must have ended by then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Deadline {
    at: Instant,
    stated: bool,
}

impl Deadline {
    pub(super) fn of(headers: &HeaderMap, default: Duration) -> Self {
        let stated = headers.get(HEADER).and_then(|value| parse(value.to_str().ok()?));
        Self { at: Instant::now() + stated.unwrap_or(default).min(LONGEST), stated: stated.is_some() }
    }
    /// When the answer must have begun.
    pub(super) fn at(self) -> Instant {
        self.at
    }
    /// When a stream must have ended: only where the caller said so, since calls last as long as people talk.
    pub(super) fn of_streams(self) -> Option<Instant> {
        self.stated.then_some(self.at)
    }
}

/// What a call gets whose time is up.
pub(super) fn exceeded() -> Status {
    let word = word(Code::DeadlineExceeded);
    refusal(ErrorCode::DeadlineExceeded, word, "the call took longer than its deadline")
}

/// At most eight digits and a unit, as the gRPC protocol has it; anything else is as if it were not there.
fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_the_protocol_writes_it() {
        assert_eq!(parse("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for bad in ["", "m", "1", "-1S", "123456789S", "1x", "1 S", "1é"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
