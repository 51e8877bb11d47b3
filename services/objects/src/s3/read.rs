//! Reading: what is known of a version, and its bytes.

use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ObjectLockMode;
use bytes::Bytes;
use uuid::Uuid;

use super::Bucket;
use super::failure::Failure;
use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::rules;
use crate::store::{Head, MAX_OBJECT, Object, sha256};

mod answer;
mod body;

const READ: &str = "read an object";
const LOOK: &str = "look at an object";

/// What is known of a version here, beyond what the port says.
pub(super) struct Found {
    pub(super) head: Head,
    /// How its lock is held.
    pub(super) mode: Option<ObjectLockMode>,
    /// Which put made it.
    pub(super) put_id: Option<Uuid>,
}

impl Bucket {
    /// What is known of a version, or of the latest.
    pub(super) async fn find(&self, key: &Key, version: Option<&Version>) -> Result<Found, Error> {
        let answer = match self.look(&self.named(key.as_str()), version).await {
            Err(failure) if version.is_none() && failure.is_marked() => {
                let below = self.below_marker(key).await?;
                self.look(&self.named(key.as_str()), Some(&below)).await
            }
            looked => looked,
        };
        answer.map_err(|failure| failure.into_error_about(key, version, LOOK))?.found(key)
    }

    /// A version's bytes, or a range of them.
    pub(super) async fn get(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<Range<u64>>,
    ) -> Result<Object, Error> {
        let Some(range) = range else { return self.whole(key, version).await };
        let bound = MAX_OBJECT as u64;
        // Neither can be said in a request.
        if range.is_empty() || range.start >= bound {
            return Err(self.outside(key, version, range).await);
        }
        let cut = range.start..range.end.min(bound);
        match self.read_unmarked(key, version, Some(&cut)).await? {
            Ok(answer) => self.part(key, answer, &cut).await,
            Err(failure) if failure.is_outside() => Err(self.outside(key, version, range).await),
            Err(failure) => Err(failure.into_error_about(key, version, READ)),
        }
    }

    async fn whole(&self, key: &Key, version: Option<&Version>) -> Result<Object, Error> {
        let answer = self.read_unmarked(key, version, None).await?;
        let answer = answer.map_err(|failure| failure.into_error_about(key, version, READ))?;
        let head = answer::of_get(&answer, None)?.found(key)?.head;
        let bytes = self.collect(answer, key, head.length).await?;
        if sha256(&bytes) != head.sha256 {
            return Err(Error::Damaged {
                key: key.clone(),
                reason: "its SHA-256 is not that of what was put",
            });
        }
        Ok(Object { head, bytes })
    }

    async fn part(&self, key: &Key, answer: GetObjectOutput, asked: &Range<u64>) -> Result<Object, Error> {
        let unreadable = || Failure::unreadable("no range or another one than asked for").into_error(READ);
        let sent = answer.content_range().and_then(answer::content_range).ok_or_else(unreadable)?;
        let head = answer::of_get(&answer, Some(sent.length))?.found(key)?.head;
        if sent.range != rules::cut(key, head.length, asked.clone())? {
            return Err(unreadable());
        }
        let bytes = self.collect(answer, key, sent.range.end - sent.range.start).await?;
        Ok(Object { head, bytes })
    }

    /// The error for a range that has nothing, with the object's length.
    async fn outside(&self, key: &Key, version: Option<&Version>, range: Range<u64>) -> Error {
        match self.find(key, version).await {
            Ok(found) => match rules::cut(key, found.head.length, range) {
                Err(error) => error,
                // It was read as too short for the range a moment ago.
                Ok(_) => {
                    Failure::unreadable("an object of another length than a moment ago").into_error(READ)
                }
            },
            Err(error) => error,
        }
    }

    async fn collect(&self, answer: GetObjectOutput, key: &Key, length: u64) -> Result<Bytes, Error> {
        let damaged = || Error::Damaged { key: key.clone(), reason: "its length is not what was put" };
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_OBJECT);
        let collecting = body::collect(answer.body, length.ok_or_else(damaged)?);
        let collected = tokio::time::timeout(self.options.timeout, collecting).await;
        match collected.unwrap_or_else(|late| Err(Failure::TimedOut(late.into()))) {
            Ok(bytes) => Ok(bytes),
            Err(failure) => Err(failure.into_error(READ)),
        }
    }

    /// Whether a version of a name is there, whatever it holds.
    pub(super) async fn exists(&self, name: &str, version: &Version) -> Result<bool, Failure> {
        match self.look(name, Some(version)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_missing(true) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Reads; where a delete marker hides the latest version, what lies below it.
    async fn read_unmarked(
        &self,
        key: &Key,
        version: Option<&Version>,
        range: Option<&Range<u64>>,
    ) -> Result<Result<GetObjectOutput, Failure>, Error> {
        let name = self.named(key.as_str());
        match self.read(&name, version, range).await {
            Err(failure) if version.is_none() && failure.is_marked() => {
                let below = self.below_marker(key).await?;
                Ok(self.read(&name, Some(&below), range).await)
            }
            read => Ok(read),
        }
    }

    /// The latest version of a key whose latest entry is a delete marker.
    async fn below_marker(&self, key: &Key) -> Result<Version, Error> {
        // No key that begins with this one comes before it.
        let first = self.list_versions(&Prefix::from(key), None, 1).await?.pop();
        let own = first.filter(|listed| listed.key == *key).map(|listed| listed.version);
        own.ok_or_else(|| Error::NotFound { key: key.clone(), version: None })
    }

    /// Asks for what is known. An answer to a HEAD has no body, so the reason of a refusal is asked for again
    /// by reading one byte: a bucket that is gone, or credentials that have expired, are no missing object.
    async fn look(&self, name: &str, version: Option<&Version>) -> Result<answer::Answer, Failure> {
        let failure = match self.look_bare(name, version).await {
            Ok(answer) => return answer::of_head(&answer),
            Err(failure) if failure.is_refusal() && !failure.is_marked() => failure,
            Err(failure) => return Err(failure),
        };
        match self.read(name, version, Some(&(0..1))).await {
            Err(told) if told.is_outside() => Err(failure),
            Err(told) => Err(told),
            Ok(read) => {
                let sent = read.content_range().and_then(answer::content_range);
                answer::of_get(&read, sent.map(|sent| sent.length)).map_err(|_| failure)
            }
        }
    }

    async fn look_bare(&self, name: &str, version: Option<&Version>) -> Result<HeadObjectOutput, Failure> {
        let version = version.map(|version| version.as_str().to_owned());
        let request = self.client.head_object().bucket(self.name()).key(name).set_version_id(version);
        Ok(Box::pin(request.send()).await?)
    }

    async fn read(
        &self,
        name: &str,
        version: Option<&Version>,
        range: Option<&Range<u64>>,
    ) -> Result<GetObjectOutput, Failure> {
        let version = version.map(|version| version.as_str().to_owned());
        let range = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let request = self.client.get_object().bucket(self.name()).key(name);
        Ok(Box::pin(request.set_version_id(version).set_range(range).send()).await?)
    }
}
