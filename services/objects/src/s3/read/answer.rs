//! What an answer's headers say of a version.

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode};
use uuid::Uuid;

use super::Found;
use crate::error::Error;
use crate::key::{Key, Version};
use crate::s3::dates;
use crate::s3::failure::Failure;
use crate::s3::put::{META_PUT_ID, META_SHA256};
use crate::store::{Head, LegalHold};

/// The headers that count, whichever request they answer.
pub(in crate::s3) struct Answer {
    version: Option<String>,
    length: u64,
    last_modified: Option<DateTime>,
    metadata: HashMap<String, String>,
    mode: Option<ObjectLockMode>,
    retain_until: Option<DateTime>,
    hold: Option<ObjectLockLegalHoldStatus>,
}

/// A part of an object: where it lies, and the whole's length.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) range: Range<u64>,
    pub(super) length: u64,
}

pub(super) fn of_head(answer: &HeadObjectOutput) -> Result<Answer, Failure> {
    let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
    Ok(Answer {
        version: answer.version_id().map(str::to_owned),
        length: length.ok_or_else(|| Failure::unreadable("no length"))?,
        last_modified: answer.last_modified().copied(),
        metadata: answer.metadata().cloned().unwrap_or_default(),
        mode: answer.object_lock_mode().cloned(),
        retain_until: answer.object_lock_retain_until_date().copied(),
        hold: answer.object_lock_legal_hold_status().cloned(),
    })
}

/// With the whole's length, where a part was sent.
pub(super) fn of_get(answer: &GetObjectOutput, whole: Option<u64>) -> Result<Answer, Error> {
    let sent = answer.content_length().and_then(|length| u64::try_from(length).ok());
    let length = whole.or(sent).ok_or_else(|| Failure::unreadable("no length").into_error(super::READ))?;
    Ok(Answer {
        version: answer.version_id().map(str::to_owned),
        length,
        last_modified: answer.last_modified().copied(),
        metadata: answer.metadata().cloned().unwrap_or_default(),
        mode: answer.object_lock_mode().cloned(),
        retain_until: answer.object_lock_retain_until_date().copied(),
        hold: answer.object_lock_legal_hold_status().cloned(),
    })
}

impl Answer {
    /// As the port has it.
    pub(in crate::s3) fn found(self, key: &Key) -> Result<Found, Error> {
        let damaged = |reason| Error::Damaged { key: key.clone(), reason };
        let mut sha256 = [0; 32];
        let kept = self.metadata.get(META_SHA256);
        let kept = kept.ok_or_else(|| damaged("no SHA-256 is kept with it"))?;
        hex::decode_to_slice(kept, &mut sha256).map_err(|_| damaged("the SHA-256 kept with it is none"))?;
        let put_id = self.metadata.get(META_PUT_ID).and_then(|id| Uuid::parse_str(id).ok());
        let is_held = self.hold == Some(ObjectLockLegalHoldStatus::On);
        let head = Head {
            key: key.clone(),
            version: Version::new(self.version.unwrap_or_else(|| NO_VERSION.to_owned()))?,
            length: self.length,
            sha256,
            put_at: dates::put_at(self.last_modified.as_ref()),
            retain_until: self.retain_until.as_ref().map(dates::from_server),
            legal_hold: if is_held { LegalHold::On } else { LegalHold::Off },
        };
        Ok(Found { head, mode: self.mode, put_id })
    }
}

/// What S3 calls a version that was put before the bucket kept any.
const NO_VERSION: &str = "null";

/// Reads `bytes 3-4/10`.
pub(super) fn content_range(text: &str) -> Option<Sent> {
    let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, length): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, length.parse().ok()?);
    (first <= last && last < length).then_some(Sent { range: first..last + 1, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_lies_within_its_object() {
        assert_eq!(content_range("bytes 3-4/10"), Some(Sent { range: 3..5, length: 10 }));
        for bad in
            ["", "bytes */10", "bytes 3-4/*", "bytes 4-3/10", "bytes 3-10/10", "3-4/10", "bytes -1-2/3"]
        {
            assert_eq!(content_range(bad), None, "{bad}");
        }
        assert_eq!(content_range(&format!("bytes 0-{0}/{0}", u64::MAX)), None);
    }
}
