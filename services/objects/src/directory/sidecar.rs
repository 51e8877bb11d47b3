//! What is kept about a version, as a small JSON file beside its bytes.

use std::fs;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::disk::{failed, is_missing};
use super::layout::{self, Layout};
use crate::error::Error;
use crate::key::{Key, Version};
use crate::store::{Head, LegalHold};

/// Bytes of a sidecar.
const MAX: u64 = 4 << 10;
/// The form of this file.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar {
    format: u32,
    key: String,
    version: String,
    length: u64,
    sha256: String,
    /// Microseconds since 1970, domain time; so is `retain_until`.
    put_at: Timestamp,
    retain_until: Option<Timestamp>,
    legal_hold: bool,
}

/// The file's bytes.
pub(super) fn encode(head: &Head) -> Vec<u8> {
    let sidecar = Sidecar {
        format: FORMAT,
        key: head.key.to_string(),
        version: head.version.to_string(),
        length: head.length,
        sha256: hex::encode(head.sha256),
        put_at: head.put_at,
        retain_until: head.retain_until,
        legal_hold: head.legal_hold == LegalHold::On,
    };
    serde_json::to_vec_pretty(&sidecar).expect("names and numbers are JSON")
}

/// What the bytes say, if they say it in our form.
pub(super) fn decode(bytes: &[u8]) -> Option<Head> {
    let sidecar: Sidecar = serde_json::from_slice(bytes).ok()?;
    let mut sha256 = [0; 32];
    hex::decode_to_slice(&sidecar.sha256, &mut sha256).ok()?;
    let is_ours = sidecar.format == FORMAT && layout::is_version(&sidecar.version);
    is_ours.then_some(Head {
        key: Key::new(sidecar.key).ok()?,
        version: Version::new(sidecar.version).ok()?,
        length: sidecar.length,
        sha256,
        put_at: sidecar.put_at,
        retain_until: sidecar.retain_until,
        legal_hold: if sidecar.legal_hold { LegalHold::On } else { LegalHold::Off },
    })
}

/// A version's sidecar, or `None` where the version does not exist.
pub(super) fn read(layout: &Layout, key: &Key, version: &Version) -> Result<Option<Head>, Error> {
    if !layout::is_version(version.as_str()) {
        return Ok(None);
    }
    let damaged = |reason| Error::Damaged { key: key.clone(), reason };
    let path = layout.sidecar(key, version);
    let bytes = match fs::metadata(&path)
        .and_then(|found| if found.len() > MAX { Ok(None) } else { fs::read(&path).map(Some) })
    {
        Ok(bytes) => bytes.ok_or_else(|| damaged("its sidecar is too long"))?,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(failed("read a sidecar")(error)),
    };
    let head = decode(&bytes).ok_or_else(|| damaged("its sidecar cannot be read"))?;
    if head.key != *key || head.version != *version {
        return Err(damaged("its sidecar is another one's"));
    }
    Ok(Some(head))
}
