//! Where the store is and how it is asked, as a URL:
//! `s3://bucket[/root]?endpoint=https://host:port&region=eu-south-1&path_style=true`.
//!
//! | parameter | default | meaning |
//! |---|---|---|
//! | `endpoint` | AWS's own | the server's address, `http://` or `https://` |
//! | `region` | the environment's; `us-east-1` with an endpoint | the bucket's region |
//! | `path_style` | `false` | the bucket in the path rather than the host's name: MinIO, Ceph |
//! | `checksums` | `when_supported` | `when_required` for servers that refuse the SDK's own, such as Ceph |
//! | `locks` | `enforced` | `as_found` opens a bucket whose locks do not hold too, and declares so |
//! | `conditional_put` | `probed` | `not_enforced` where two conditional puts at once may both succeed |
//!
//! Credentials are no part of it: they come from the environment, a profile, a web identity or the machine's
//! role, in the SDK's order, or as [`S3Credentials`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::key::Key;

/// Characters of a store's root, which leave room for a key within S3's 1024.
const MAX_ROOT: usize = 256;

/// A URL that names no store.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("s3 URL: {what} {reason}")]
pub struct InvalidOptions {
    /// The part that is wrong; never its value.
    pub what: String,
    /// Why.
    pub reason: &'static str,
}

/// A bucket, and how it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// What the names of this store's objects begin with.
    pub root: Option<Key>,
    /// The server's address, where it is not AWS's.
    pub endpoint: Option<String>,
    /// The bucket's region.
    pub region: Option<String>,
    /// Whether the bucket is named in the path.
    pub path_style: bool,
    /// Which requests the SDK adds a checksum of its own to.
    pub checksums: Checksums,
    /// What the bucket's locks must be worth.
    pub locks: RequiredLocks,
    /// Whether to find out if racing conditional puts exclude each other, or to take it that they do not.
    pub conditional_put: ConditionalPut,
    /// Instead of those of the environment.
    pub credentials: Option<S3Credentials>,
    /// Bytes above which an object is uploaded in parts.
    pub multipart_above: usize,
    /// Bytes of a part; S3 wants at least 5 MiB of all but the last.
    pub part_bytes: usize,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// Of one try.
    pub attempt_timeout: Duration,
    /// Of one request with all its tries; more than `attempt_timeout`.
    pub timeout: Duration,
    /// Tries of one request.
    pub attempts: u32,
    /// Between the first two tries, at most.
    pub first_backoff: Duration,
    /// Between any two tries, at most.
    pub last_backoff: Duration,
    /// An upload that began this long ago is taken for abandoned; more than any upload takes.
    pub stale_uploads: Duration,
}

/// Which requests the SDK adds a checksum of its own to, beside the SHA-256 of every object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checksums {
    /// All that may have one.
    WhenSupported,
    /// Those that must.
    WhenRequired,
}

/// What a bucket's locks must be worth for the store to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequiredLocks {
    /// They hold against these credentials.
    Enforced,
    /// Whatever they are; [`Capabilities`](crate::Capabilities) say it.
    AsFound,
}

/// How it is known whether racing conditional puts exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConditionalPut {
    /// They do if the server refuses a second put, and a second upload, of one key.
    Probed,
    /// They do not.
    NotEnforced,
}

/// Who asks. Debug shows neither part.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// The name.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

impl S3Options {
    /// A bucket on AWS, with the defaults.
    pub fn bucket(name: &str) -> Result<Self, InvalidOptions> {
        if !is_bucket(name) {
            return Err(invalid("the bucket", "must have 3 to 63 characters of a-z 0-9 . -"));
        }
        Ok(Self {
            bucket: name.to_owned(),
            root: None,
            endpoint: None,
            region: None,
            path_style: false,
            checksums: Checksums::WhenSupported,
            locks: RequiredLocks::Enforced,
            conditional_put: ConditionalPut::Probed,
            credentials: None,
            multipart_above: 16 << 20,
            part_bytes: 8 << 20,
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(20),
            timeout: Duration::from_secs(50),
            attempts: 3,
            first_backoff: Duration::from_millis(200),
            last_backoff: Duration::from_secs(2),
            stale_uploads: Duration::from_secs(24 * 3_600),
        })
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidOptions> {
        match name {
            "endpoint" => self.endpoint = Some(endpoint(value)?),
            "region" => self.region = Some(region(value)?),
            "path_style" => {
                self.path_style = one_of(name, value, [("true", true), ("false", false)])?;
            }
            "checksums" => {
                let known = [
                    ("when_supported", Checksums::WhenSupported),
                    ("when_required", Checksums::WhenRequired),
                ];
                self.checksums = one_of(name, value, known)?;
            }
            "locks" => {
                let known = [("enforced", RequiredLocks::Enforced), ("as_found", RequiredLocks::AsFound)];
                self.locks = one_of(name, value, known)?;
            }
            "conditional_put" => {
                let known =
                    [("probed", ConditionalPut::Probed), ("not_enforced", ConditionalPut::NotEnforced)];
                self.conditional_put = one_of(name, value, known)?;
            }
            _ => return Err(invalid("a parameter", "is none of those that there are")),
        }
        Ok(())
    }
}

impl FromStr for S3Options {
    type Err = InvalidOptions;

    fn from_str(url: &str) -> Result<Self, InvalidOptions> {
        let rest = url.strip_prefix("s3://").ok_or_else(|| invalid("it", "must begin with s3://"))?;
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, root) = place.split_once('/').unwrap_or((place, ""));
        let mut options = Self::bucket(bucket)?;
        options.root = parse_root(root)?;
        let mut seen = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) =
                parameter.split_once('=').ok_or_else(|| invalid("a parameter", "must be name=value"))?;
            options.set(name, value)?;
            if seen.contains(&name) {
                return Err(invalid(name, "is given twice"));
            }
            seen.push(name);
        }
        Ok(options)
    }
}

fn parse_root(text: &str) -> Result<Option<Key>, InvalidOptions> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() {
        return Ok(None);
    }
    match Key::new(text) {
        Ok(root) if text.len() <= MAX_ROOT => Ok(Some(root)),
        Ok(_) => Err(invalid("the root", "must have at most 256 characters")),
        Err(error) => Err(invalid("the root", error.reason)),
    }
}

fn is_bucket(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    (3..=63).contains(&name.len()) && name.bytes().all(is_legal)
}

fn endpoint(value: &str) -> Result<String, InvalidOptions> {
    let host = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]/_".contains(&byte);
    match host {
        Some(host) if !host.is_empty() && host.bytes().all(is_legal) => Ok(value.to_owned()),
        Some(_) => Err(invalid("endpoint", "must be an address without name, password, query or escapes")),
        None => Err(invalid("endpoint", "must begin with http:// or https://")),
    }
}

fn region(value: &str) -> Result<String, InvalidOptions> {
    let is_legal = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if value.is_empty() || !is_legal {
        return Err(invalid("region", "must have the characters A-Z a-z 0-9 -"));
    }
    Ok(value.to_owned())
}

fn one_of<T: Copy, const N: usize>(
    what: &str,
    value: &str,
    known: [(&str, T); N],
) -> Result<T, InvalidOptions> {
    let found = known.into_iter().find(|(name, _)| *name == value);
    found.map(|(_, found)| found).ok_or_else(|| invalid(what, "has none of the values that it may have"))
}

fn invalid(what: &str, reason: &'static str) -> InvalidOptions {
    InvalidOptions { what: what.to_owned(), reason }
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("S3Credentials(redacted)")
    }
}

#[cfg(test)]
mod tests;
