//! The list of a package's files, signed: last in it, so that whoever has it can tell that nothing is
//! missing.

use kernel::{ServiceError, Timestamp};
use platform::Instance;
use platform::error::status;
use seal::signing::DocumentKind;
use serde::Serialize;
use tonic::Status;

use super::container::Packed;
use crate::act::RequestKey;
use crate::error::Error;

/// How a package is checked.
pub(super) const README: &str = include_str!("README.txt");

#[derive(Serialize)]
struct Manifest<'a> {
    package: String,
    made_at: String,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    bytes: u64,
    sha256: String,
}

/// The list of these files.
pub(super) fn manifest(key: &RequestKey, at: Timestamp, files: &[Packed]) -> Result<Vec<u8>, Error> {
    let files = files.iter().map(|file| Listed {
        name: &file.name,
        bytes: file.bytes,
        sha256: file.sha256.to_string(),
    });
    json(&Manifest { package: key.id.to_string(), made_at: at.to_string(), files: files.collect() })
}

/// A signed document of it.
pub(super) fn sign(instance: &Instance, manifest: Vec<u8>, at: Timestamp) -> Result<Vec<u8>, Error> {
    let signed = instance.sign(DocumentKind::Package, manifest, at).map_err(|error| unsigned(&error))?;
    signed.encode().map_err(|error| not_made(&error.to_string()))
}

/// Whether it can be signed now: it would be late to find that out at the end.
pub(super) fn can_be_signed(instance: &Instance, at: Timestamp) -> Result<(), Error> {
    sign(instance, Vec::new(), at).map(|_| ())
}

/// Something as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| not_made(&error.to_string()))
}

fn unsigned(error: &dyn ServiceError) -> Error {
    Error::peer("the signer", "sign a package")(status(error))
}

fn not_made(why: &str) -> Error {
    Error::peer("the package", "take a document")(Status::internal(why))
}
