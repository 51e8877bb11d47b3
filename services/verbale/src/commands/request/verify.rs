//! `verbale request verify`: a package from its file alone. Its signed list must be the deployment's, and
//! every file of it as long as the list says, with the hash that the list says. Whoever wrote the file is not
//! believed: what is read at once is bounded, and files are hashed as they come.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use anyhow::{Context, Result};
use kernel::{TenantId, Timestamp, chain};
use seal::signing::{DocumentKind, MAX_DOCUMENT, MAX_PAYLOAD, TenantScope};
use seal::{Hash, SignedDocument, TrustRoots};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::cli::VerifyPackageArgs;
use crate::commands::trust::Trust;
use crate::output::{Exit, Output, table};

/// As whom packages are signed.
const ROLE: &str = "dsar";
/// The list of files.
const MANIFEST: &str = "manifest.json";
/// The signed document of it.
const SIGNED: &str = "manifest.signed";
/// More files than the list of any package has room for.
const MAX_FILES: usize = 65_536;
/// Bytes that are hashed at once.
const BUFFER: usize = 64 << 10;

/// Verifies one. Whose it must be is the tenant's that was given, or else one that the signer may sign for.
pub fn verify(args: &VerifyPackageArgs, tenant: Option<&TenantId>, out: Output) -> Result<Exit> {
    let report = verified(args, tenant)?;
    let ok = report.findings.is_empty();
    let signed_at = report.signed_at.map(|at| at.to_string());
    let value = json!({
        "ok": ok, "request": report.package, "signed_at": signed_at, "files": report.files,
        "bytes": report.bytes, "findings": report.findings,
    });
    out.value(&value, |_| told(&report));
    Ok(if ok { Exit::Ok } else { Exit::Fault })
}

/// What is wrong with a package, and what is right.
pub fn verified(args: &VerifyPackageArgs, tenant: Option<&TenantId>) -> Result<Report> {
    let roots = Trust::read(&args.trust)?.trusted()?;
    let name = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("cannot read {name}"))?;
    Ok(check(BufReader::new(file), &roots, tenant))
}

/// What was looked at, and what is wrong.
#[derive(Debug, Default)]
pub struct Report {
    /// Which request's it is, as its list says.
    pub package: Option<String>,
    /// When it was signed, where the signature is good.
    pub signed_at: Option<Timestamp>,
    /// Files that are as signed.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong; nothing where it is as it was signed.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of which file; empty where it is of the whole.
    pub file: String,
    /// What, as a code.
    pub kind: &'static str,
    /// In words.
    pub detail: String,
}

impl Report {
    fn find(&mut self, file: &str, kind: &'static str, detail: impl Into<String>) {
        self.findings.push(Finding { file: file.to_owned(), kind, detail: detail.into() });
    }
}

/// The list of a package's files.
#[derive(Debug, Deserialize)]
struct Manifest {
    package: String,
    files: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    bytes: u64,
    sha256: String,
}

fn check<R: Read + Seek>(package: R, roots: &TrustRoots, tenant: Option<&TenantId>) -> Report {
    let mut report = Report::default();
    let mut archive = match ZipArchive::new(package) {
        Ok(archive) => archive,
        Err(error) => {
            report.find("", "zip", format!("it is no whole ZIP file: {error}"));
            return report;
        }
    };
    if archive.len() > MAX_FILES {
        report.find("", "zip", format!("it has more than {MAX_FILES} files"));
        return report;
    }
    let manifest = whole(&mut archive, MANIFEST, MAX_PAYLOAD, &mut report);
    let signed = whole(&mut archive, SIGNED, MAX_DOCUMENT, &mut report);
    let (Some(manifest), Some(signed)) = (manifest, signed) else { return report };
    match signature(&signed, &manifest, roots, tenant) {
        Ok(signed_at) => report.signed_at = Some(signed_at),
        Err(detail) => report.find(SIGNED, "signature", detail),
    }
    match serde_json::from_slice::<Manifest>(&manifest) {
        Ok(manifest) => files(&mut archive, manifest, &mut report),
        Err(error) => report.find(MANIFEST, "list", format!("it is no list of files: {error}")),
    }
    report
}

/// All of a file that has at most so many bytes.
fn whole<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    name: &str,
    most: usize,
    report: &mut Report,
) -> Option<Vec<u8>> {
    let bytes = archive.by_name(name).map_err(io::Error::from).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    match bytes {
        Ok(bytes) if bytes.len() <= most => return Some(bytes),
        Ok(_) => report.find(name, "bytes", "it is larger than it can be"),
        Err(error) => report.find(name, "missing", format!("it cannot be read: {error}")),
    }
    None
}

/// When the list was signed; what is wrong with its signature, otherwise.
fn signature(
    signed: &[u8],
    manifest: &[u8],
    roots: &TrustRoots,
    tenant: Option<&TenantId>,
) -> Result<Timestamp, String> {
    let words = |error: seal::Error| chain(&error);
    let signed = SignedDocument::decode(signed).map_err(words)?;
    let tenant = tenant.cloned().or_else(|| signed_for(&signed));
    let tenant = tenant.ok_or("its signer may sign for nobody")?;
    let verified = signed.verify(roots, DocumentKind::Package, ROLE, &tenant).map_err(words)?;
    if verified.payload != manifest {
        return Err(format!("what it signs is not {MANIFEST}"));
    }
    Ok(verified.signed_at)
}

/// One of those whom the signer may sign for: any, where it is every tenant of the deployment.
fn signed_for(signed: &SignedDocument) -> Option<TenantId> {
    match &signed.certificate().cert.tenants {
        TenantScope::All => TenantId::new(TenantId::DEPLOYMENT).ok(),
        TenantScope::Only(tenants) => tenants.first().cloned(),
    }
}

/// Every file that is listed, and no other, as it is listed.
fn files<R: Read + Seek>(archive: &mut ZipArchive<R>, manifest: Manifest, report: &mut Report) {
    report.package = Some(manifest.package);
    let mut listed = BTreeSet::from([MANIFEST.to_owned(), SIGNED.to_owned()]);
    for row in manifest.files {
        if listed.contains(&row.name) {
            report.find(&row.name, "list", "it is listed twice");
            continue;
        }
        match hashed(archive, &row) {
            Ok(()) => {
                report.files += 1;
                report.bytes = report.bytes.saturating_add(row.bytes);
            }
            Err((kind, detail)) => report.find(&row.name, kind, detail),
        }
        listed.insert(row.name);
    }
    for name in archive.file_names() {
        match name {
            Ok(name) if listed.contains(name.as_ref()) => {}
            Ok(name) => report.find(&name, "unlisted", "the signed list does not name it"),
            Err(error) => report.find("?", "name", format!("a file's name cannot be read: {error}")),
        }
    }
}

/// What is wrong with a file that is listed so.
fn hashed<R: Read + Seek>(archive: &mut ZipArchive<R>, row: &Listed) -> Result<(), (&'static str, String)> {
    let file =
        archive.by_name(&row.name).map_err(|error| ("missing", format!("it cannot be read: {error}")))?;
    // One byte more than listed shows that it is longer; no more of it is read.
    let mut file = file.take(row.bytes.saturating_add(1));
    let (mut digest, mut length, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; BUFFER]);
    loop {
        let read =
            file.read(&mut buffer).map_err(|error| ("bytes", format!("it cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
        length += read as u64;
    }
    if length != row.bytes {
        let than = if length > row.bytes { "longer" } else { "shorter" };
        return Err(("length", format!("it is {than} than the {} bytes that were signed", row.bytes)));
    }
    let digest: [u8; 32] = digest.finalize().into();
    if Hash(digest).to_string() == row.sha256 {
        Ok(())
    } else {
        Err(("hash", "its bytes are not those that were signed".to_owned()))
    }
}

/// For people. Names come from the file, so that nothing of them reaches the terminal as it is.
fn told(report: &Report) -> String {
    let counts = format!("{} files, {} bytes as listed", report.files, report.bytes);
    let package = report.package.as_ref().map(|package| format!(" of request {}", package.escape_debug()));
    let package = package.unwrap_or_default();
    match (report.findings.as_slice(), report.signed_at) {
        ([], Some(at)) => format!("as signed: the package{package}, signed {at} ({counts})"),
        (findings, _) => {
            let plain = |text: &str| text.escape_debug().to_string();
            let rows = findings
                .iter()
                .map(|found| vec![plain(&found.file), found.kind.to_owned(), plain(&found.detail)]);
            format!(
                "NOT a package as signed{package} ({counts})\n{}",
                table(&["file", "what", "detail"], rows)
            )
        }
    }
}

#[cfg(test)]
mod tests;
