//! Listings. Both go over versions, because a listing of objects leaves out what a delete marker hides.

use aws_sdk_s3::types::ObjectVersion;

use super::failure::Failure;
use super::{Bucket, dates};
use crate::error::Error;
use crate::key::{Key, Prefix, Version};
use crate::store::{Listed, MAX_LIST, VersionCursor};

const LIST: &str = "list objects";
/// The least that is asked for at once: a short page may hold nothing but delete markers.
const MIN_PAGE: usize = 16;

/// Where a page begins: after this version of this name, or after all of its versions.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Marker {
    name: String,
    version: Option<String>,
}

/// What a page holds: versions without delete markers, and where the next one begins.
pub(super) struct Page {
    pub(super) versions: Vec<ObjectVersion>,
    pub(super) next: Option<Marker>,
}

impl Bucket {
    /// Whether the bucket answers.
    pub(super) async fn check(&self) -> Result<(), Error> {
        let request = self.client.list_objects_v2().bucket(self.name()).prefix(self.above()).max_keys(1);
        let answer = Box::pin(request.send()).await;
        answer.map_err(|error| Failure::from(error).into_error("ask the bucket"))?;
        Ok(())
    }

    /// The latest version of each key.
    pub(super) async fn list(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        let limit = limit.min(MAX_LIST);
        let mut found: Vec<Listed> = Vec::new();
        let mut from = after.map(|key| Marker { name: self.named(key.as_str()), version: None });
        let mut passed_over = None;
        while found.len() < limit {
            let page = self.page(&self.named(prefix.as_str()), from.as_ref(), 2 * limit).await?;
            for listed in self.listed(&page, prefix)? {
                let last = found.last().map(|last| &last.key).or(after);
                if found.len() < limit && last.is_none_or(|last| *last < listed.key) {
                    found.push(listed);
                }
            }
            let Some(next) = page.next else { break };
            from = Some(self.past_older_versions(next, &found, &mut passed_over));
        }
        Ok(found)
    }

    /// Every version.
    pub(super) async fn list_versions(
        &self,
        prefix: &Prefix,
        after: Option<&VersionCursor>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        let limit = limit.min(MAX_LIST);
        let mut found = Vec::new();
        let mut from = after.map(|cursor| Marker {
            name: self.named(cursor.key.as_str()),
            version: Some(cursor.version.as_str().to_owned()),
        });
        while found.len() < limit {
            let wanted = limit - found.len();
            let page = self.page(&self.named(prefix.as_str()), from.as_ref(), wanted).await?;
            found.extend(self.listed(&page, prefix)?.into_iter().take(wanted));
            let Some(next) = page.next else { break };
            from = Some(next);
        }
        Ok(found)
    }

    /// A page of everything whose name begins so.
    pub(super) async fn page(
        &self,
        prefix: &str,
        from: Option<&Marker>,
        wanted: usize,
    ) -> Result<Page, Error> {
        let size = wanted.clamp(MIN_PAGE, MAX_LIST);
        let request = self
            .client
            .list_object_versions()
            .bucket(self.name())
            .prefix(prefix)
            .set_key_marker(from.map(|from| from.name.clone()))
            .set_version_id_marker(from.and_then(|from| from.version.clone()))
            .max_keys(i32::try_from(size).unwrap_or(i32::MAX));
        let answer = Box::pin(request.send()).await;
        let answer = answer.map_err(|error| Failure::from(error).into_error(LIST))?;
        let next = match (answer.is_truncated(), answer.next_key_marker()) {
            (Some(true), Some(name)) => {
                let version = answer.next_version_id_marker().map(str::to_owned);
                Some(Marker { name: name.to_owned(), version })
            }
            (Some(true), None) => return Err(astray()),
            (Some(false) | None, _) => None,
        };
        if next.is_some() && next.as_ref() == from {
            return Err(astray());
        }
        Ok(Page { versions: answer.versions.unwrap_or_default(), next })
    }

    /// What of a page are objects of this store; what no put of ours can have made is none.
    fn listed(&self, page: &Page, prefix: &Prefix) -> Result<Vec<Listed>, Error> {
        let above = self.above();
        let mut listed = Vec::new();
        for version in &page.versions {
            let key = version.key().and_then(|name| name.strip_prefix(&above)).map(Key::new);
            let Some(Ok(key)) = key.filter(|key| key.as_ref().is_ok_and(|key| prefix.matches(key))) else {
                continue;
            };
            listed.push(Listed {
                key,
                version: Version::new(version.version_id().unwrap_or("null"))?,
                length: version.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                put_at: dates::put_at(version.last_modified()),
            });
        }
        Ok(listed)
    }

    /// A page that ends within a key whose latest version is listed goes on after that key: its older versions
    /// may be many. Once a key, so that a server which would not have it so is still read to its end.
    fn past_older_versions(
        &self,
        next: Marker,
        found: &[Listed],
        passed_over: &mut Option<String>,
    ) -> Marker {
        let is_listed = found.last().is_some_and(|last| self.named(last.key.as_str()) == next.name);
        if !is_listed || passed_over.as_ref() == Some(&next.name) {
            return next;
        }
        *passed_over = Some(next.name.clone());
        Marker { name: next.name, version: None }
    }
}

fn astray() -> Error {
    Failure::unreadable("a listing that does not say where it goes on").into_error(LIST)
}
