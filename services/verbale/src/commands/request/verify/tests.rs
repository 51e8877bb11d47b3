//! Packages that are as they were signed, and all that they can be otherwise.

use std::io::{Cursor, Write};

use kernel::InstanceId;
use seal::signing::RoleName;
use seal::{InstanceCert, SignedCert, SigningKey};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const AT: Timestamp = Timestamp(500);

/// A package as it is made.
struct Making {
    files: Vec<(&'static str, Vec<u8>)>,
    kind: DocumentKind,
    role: &'static str,
    tenants: TenantScope,
}

fn making() -> Making {
    Making {
        files: vec![
            ("index.html", b"<!doctype html>".to_vec()),
            ("calls/a/leg-0-quality.wav", vec![7; 200_000]),
        ],
        kind: DocumentKind::Package,
        role: ROLE,
        tenants: TenantScope::All,
    }
}

fn list(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let files = files
        .iter()
        .map(|(name, bytes)| {
            json!({"name": name, "bytes": bytes.len(), "sha256": Hash::of(bytes).to_string()})
        })
        .collect::<Vec<_>>();
    serde_json::to_vec(&json!({"package": "019a", "made_at": "x", "files": files})).unwrap()
}

impl Making {
    /// The files with their list, the signed list, and who is trusted.
    fn signed(&self) -> (Vec<(&'static str, Vec<u8>)>, TrustRoots) {
        let (root, key) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let cert = InstanceCert {
            instance: InstanceId::from_bytes([1; 16]),
            role: RoleName::new(self.role).unwrap(),
            tenants: self.tenants.clone(),
            not_before: Timestamp(0),
            not_after: Timestamp(1_000),
            key: key.verifying_key(),
        };
        let cert = SignedCert::issue(&root, cert).unwrap();
        let manifest = list(&self.files);
        let signed = SignedDocument::sign(self.kind, manifest.clone(), AT, &cert, &key).unwrap();
        let mut files = self.files.clone();
        files.push((MANIFEST, manifest));
        files.push((SIGNED, signed.encode().unwrap()));
        (files, [root.verifying_key()].into_iter().collect())
    }
}

fn zipped(files: &[(&str, Vec<u8>)]) -> Cursor<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    Cursor::new(writer.finish().unwrap().into_inner())
}

/// What is found of a package, with the file that it is found of.
fn found(
    files: &[(&str, Vec<u8>)],
    roots: &TrustRoots,
    tenant: Option<&TenantId>,
) -> Vec<(String, &'static str)> {
    let report = check(zipped(files), roots, tenant);
    report.findings.into_iter().map(|finding| (finding.file, finding.kind)).collect()
}

#[test]
fn a_package_is_as_it_was_signed() {
    let (files, roots) = making().signed();
    let report = check(zipped(&files), &roots, None);
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!((report.package.as_deref(), report.signed_at), (Some("019a"), Some(AT)));
    assert_eq!((report.files, report.bytes), (2, 200_015));
    assert!(told(&report).starts_with("as signed: the package of request 019a, signed 1970"));
}

#[test]
fn what_was_changed_added_or_taken_away_is_named() {
    let (files, roots) = making().signed();
    let check = |spoil: fn(&mut Vec<(&'static str, Vec<u8>)>), file: &str, kind: &'static str| {
        let mut files = files.clone();
        spoil(&mut files);
        assert_eq!(found(&files, &roots, None), [(file.to_owned(), kind)]);
    };
    check(|files| files[0].1[0] = b'>', "index.html", "hash");
    check(|files| files[0].1.push(b'x'), "index.html", "length");
    check(|files| files[1].1.truncate(70_000), "calls/a/leg-0-quality.wav", "length");
    check(|files| drop(files.remove(0)), "index.html", "missing");
    check(|files| files.push(("more.txt", Vec::new())), "more.txt", "unlisted");
    check(|files| drop(files.remove(2)), MANIFEST, "missing");
    check(|files| drop(files.remove(3)), SIGNED, "missing");
    check(|files| files[3].1.truncate(9), SIGNED, "signature");
    // Another list, which agrees with other files, is not the one that was signed.
    let changed = |files: &mut Vec<(&'static str, Vec<u8>)>| {
        files[0].1.push(b'x');
        files[2].1 = list(&files[..2]);
    };
    check(changed, SIGNED, "signature");
}

#[test]
fn another_s_signature_is_none() {
    let signature = [(SIGNED.to_owned(), "signature")];
    let check = |made: Making, tenant: Option<&str>, is_good: bool| {
        let (files, roots) = made.signed();
        let tenant = tenant.map(|name| TenantId::new(name).unwrap());
        let expected = if is_good { &signature[..0] } else { &signature[..] };
        assert_eq!(found(&files, &roots, tenant.as_ref()), expected);
    };
    let only = || TenantScope::Only([TenantId::new("banca-alfa").unwrap()].into());
    check(making(), Some("banca-alfa"), true);
    check(Making { tenants: only(), ..making() }, None, true);
    check(Making { tenants: only(), ..making() }, Some("banca-alfa"), true);
    check(Making { tenants: only(), ..making() }, Some("banca-beta"), false);
    check(Making { role: "archive", ..making() }, None, false);
    check(Making { kind: DocumentKind::Receipt, ..making() }, None, false);
    let (files, _) = making().signed();
    let (_, others) = making().signed();
    assert_eq!(found(&files, &others, None), signature);
}

#[test]
fn what_is_no_package_is_refused_without_a_panic() {
    let roots = TrustRoots::default();
    let report = check(Cursor::new(b"no ZIP".to_vec()), &roots, None);
    assert_eq!(report.findings[0].kind, "zip");
    let (files, roots) = making().signed();
    let whole = zipped(&files).into_inner();
    for length in (0..whole.len()).step_by(1_013) {
        let report = check(Cursor::new(whole[..length].to_vec()), &roots, None);
        assert!(!report.findings.is_empty(), "cut off at {length}");
    }
    let listless = [(MANIFEST, b"{}".to_vec()), (SIGNED, Vec::new())];
    let kinds = found(&listless, &roots, None);
    assert_eq!(kinds, [(SIGNED.to_owned(), "signature"), (MANIFEST.to_owned(), "list")]);
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let mut report = Report::default();
    report.find("a\u{1b}[2Jb", "unlisted", "x");
    assert!(!told(&report).contains('\u{1b}'));
}
