//! Uploads in parts: each with its SHA-256, the condition on the last step, the lock set at the first.

use std::time::Duration;

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, MultipartUpload};
use bytes::Bytes;
use kernel::{Clock, SystemClock};

use super::failure::Failure;
use super::put::{META_PUT_ID, META_SHA256, Put, version_of, written};
use super::{Bucket, dates};
use crate::error::Error;
use crate::key::Version;
use crate::store::sha256;

/// Pages of uploads that one clearing looks at.
const MAX_PAGES: usize = 100;
/// The least that S3 takes for a part which is not the last.
const MIN_PART: usize = 5 << 20;

const ABORT: &str = "abort stale uploads";

impl Bucket {
    /// Stores an object in parts; what was sent is given up if that fails.
    pub(super) async fn store_in_parts(&self, put: &Put) -> Result<Version, Failure> {
        let upload = self.begin(put).await?;
        match self.send_parts(put, &upload).await {
            Ok(version) => Ok(version),
            Err(failure) => {
                // An upload that ended after all is not undone by this: it is an upload no longer.
                if let Err(error) = self.abort(&put.name, &upload).await {
                    tracing::debug!(%error, "an upload was not aborted and will be when it is stale");
                }
                Err(failure)
            }
        }
    }

    async fn begin(&self, put: &Put) -> Result<String, Failure> {
        let request = self
            .client
            .create_multipart_upload()
            .bucket(self.name())
            .key(&put.name)
            .metadata(META_SHA256, hex::encode(put.sha256))
            .metadata(META_PUT_ID, put.id.to_string())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_object_lock_mode(put.mode())
            .set_object_lock_retain_until_date(put.retain_until)
            .set_object_lock_legal_hold_status(put.hold());
        let begun = request.send().await?;
        begun.upload_id().map(str::to_owned).ok_or_else(|| Failure::unreadable("no upload id"))
    }

    async fn send_parts(&self, put: &Put, upload: &str) -> Result<Version, Failure> {
        let part_bytes = self.options.part_bytes.max(MIN_PART);
        let mut parts = Vec::new();
        for (number, start) in (1..).zip((0..put.bytes.len()).step_by(part_bytes)) {
            let end = put.bytes.len().min(start + part_bytes);
            parts.push(self.send_part(put, upload, number, put.bytes.slice(start..end)).await?);
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(self.name())
            .key(&put.name)
            .upload_id(upload)
            .multipart_upload(parts)
            .set_if_none_match(self.condition(put));
        let done = request.send().await?;
        version_of(done.version_id())
    }

    async fn send_part(
        &self,
        put: &Put,
        upload: &str,
        number: i32,
        bytes: Bytes,
    ) -> Result<CompletedPart, Failure> {
        let checksum = written(sha256(&bytes));
        let request = self
            .client
            .upload_part()
            .bucket(self.name())
            .key(&put.name)
            .upload_id(upload)
            .part_number(number)
            .checksum_sha256(&checksum)
            .body(ByteStream::from(bytes));
        let sent = request.send().await?;
        let tag = sent.e_tag().ok_or_else(|| Failure::unreadable("no tag for a part"))?;
        // Servers that keep no checksums say none, and are not told any.
        let checksum = sent.checksum_sha256().map(|_| checksum);
        Ok(CompletedPart::builder().part_number(number).e_tag(tag).set_checksum_sha256(checksum).build())
    }

    async fn abort(&self, name: &str, upload: &str) -> Result<(), Failure> {
        let request = self.client.abort_multipart_upload().bucket(self.name()).key(name).upload_id(upload);
        request.send().await?;
        Ok(())
    }

    /// Aborts this store's uploads that began this long ago.
    pub(super) async fn abort_stale_uploads(&self, older_than: Duration) -> Result<usize, Error> {
        let now = SystemClock.now();
        let is_stale = |upload: &MultipartUpload| {
            let begun = upload.initiated().map(dates::from_server);
            begun.is_some_and(|begun| begun.plus(older_than) <= now)
        };
        let (mut aborted, mut after) = (0, None);
        for _ in 0..MAX_PAGES {
            let page = self.uploads(after).await.map_err(|failure| failure.into_error(ABORT))?;
            for upload in page.uploads().iter().filter(|upload| is_stale(upload)) {
                aborted += usize::from(self.abort_own(upload).await?);
            }
            after = page
                .next_key_marker()
                .map(str::to_owned)
                .zip(page.next_upload_id_marker().map(str::to_owned));
            if after.is_none() || page.is_truncated() != Some(true) {
                break;
            }
        }
        Ok(aborted)
    }

    /// A page of uploads of the whole bucket: some servers find none by the beginning of a name.
    async fn uploads(&self, after: Option<(String, String)>) -> Result<ListMultipartUploadsOutput, Failure> {
        let (key, upload) = after.unzip();
        let request = self.client.list_multipart_uploads().bucket(self.name());
        Ok(request.set_key_marker(key).set_upload_id_marker(upload).send().await?)
    }

    /// Whether it was there to abort.
    async fn abort_own(&self, upload: &MultipartUpload) -> Result<bool, Error> {
        let own = upload.key().filter(|name| name.starts_with(&self.above()));
        let Some((name, id)) = own.zip(upload.upload_id()) else { return Ok(false) };
        match self.abort(name, id).await {
            Ok(()) => Ok(true),
            Err(failure) if failure.code() == "NoSuchUpload" => Ok(false),
            Err(failure) => Err(failure.into_error(ABORT)),
        }
    }
}
