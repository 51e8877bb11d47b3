use std::collections::BTreeSet;

use kernel::{InstanceId, TenantId, Timestamp};

use super::*;
use crate::samples::tenant;

const INSTANCE: InstanceId = InstanceId::from_bytes([0x33; 16]);

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn instance_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

fn cert() -> InstanceCert {
    InstanceCert {
        instance: INSTANCE,
        role: RoleName::new("archive").unwrap(),
        tenants: TenantScope::Only(BTreeSet::from([tenant()])),
        not_before: Timestamp(1_000),
        not_after: Timestamp(2_000),
        key: instance_key().verifying_key(),
    }
}

fn document_with(cert: InstanceCert, at: i64) -> SignedDocument {
    let cert = SignedCert::issue(&root(), cert).unwrap();
    SignedDocument::sign(DocumentKind::Manifest, b"payload".to_vec(), Timestamp(at), &cert, &instance_key())
        .unwrap()
}

fn roots() -> TrustRoots {
    [root().verifying_key()].into_iter().collect()
}

fn verify(document: &SignedDocument) -> Result<Vec<u8>, Error> {
    let verified = document.verify(&roots(), DocumentKind::Manifest, "archive", &tenant())?;
    Ok(verified.payload.to_vec())
}

#[test]
fn a_document_verifies_from_its_bytes_and_the_root_alone() {
    let bytes = document_with(cert(), 1_500).encode().unwrap();
    let read = SignedDocument::decode(&bytes).unwrap();
    assert_eq!(verify(&read).unwrap(), b"payload");
    assert_eq!(read.encode().unwrap(), bytes);
}

#[test]
fn no_byte_of_a_document_can_be_changed() {
    let bytes = document_with(cert(), 1_500).encode().unwrap();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let found = SignedDocument::decode(&bytes).and_then(|document| verify(&document));
        assert!(found.is_err(), "byte {at}");
        assert!(SignedDocument::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn what_the_certificate_does_not_cover_is_refused() {
    let scope = |document: &SignedDocument| match verify(document).unwrap_err() {
        Error::OutOfScope { scope, .. } => scope,
        other => panic!("{other}"),
    };
    assert_eq!(scope(&document_with(cert(), 999)), "time");
    assert!(verify(&document_with(cert(), 1_000)).is_ok());
    assert_eq!(scope(&document_with(cert(), 2_000)), "time");
    let ingest = InstanceCert { role: RoleName::new("ingest").unwrap(), ..cert() };
    assert_eq!(scope(&document_with(ingest, 1_500)), "role");
    let other = TenantId::new("telco-beta").unwrap();
    let others = InstanceCert { tenants: TenantScope::Only(BTreeSet::from([other])), ..cert() };
    assert_eq!(scope(&document_with(others, 1_500)), "tenant");
    let all = InstanceCert { tenants: TenantScope::All, ..cert() };
    assert!(verify(&document_with(all, 1_500)).is_ok());
}

#[test]
fn another_kind_root_or_key_is_refused() {
    let document = document_with(cert(), 1_500);
    assert!(document.verify(&roots(), DocumentKind::Addendum, "archive", &tenant()).is_err());
    let strangers: TrustRoots = [SigningKey::from_bytes(&[9; 32]).verifying_key()].into_iter().collect();
    let untrusted = document.verify(&strangers, DocumentKind::Manifest, "archive", &tenant()).unwrap_err();
    assert_eq!(untrusted, Error::Untrusted(INSTANCE));
    let none = document.verify(&TrustRoots::default(), DocumentKind::Manifest, "archive", &tenant());
    assert!(none.is_err());
    let cert = SignedCert::issue(&root(), cert()).unwrap();
    let payload = b"payload".to_vec();
    let wrong = SignedDocument::sign(DocumentKind::Manifest, payload, Timestamp(1_500), &cert, &root());
    assert!(wrong.is_err(), "a key that the certificate does not name");
}

/// An instance's signature over a document is none over a certificate of its own making.
#[test]
fn an_instance_cannot_certify_others() {
    let forged = InstanceCert { key: SigningKey::from_bytes(&[5; 32]).verifying_key(), ..cert() };
    let forged = SignedCert::issue(&instance_key(), forged).unwrap();
    let document = SignedDocument::sign(
        DocumentKind::Manifest,
        b"payload".to_vec(),
        Timestamp(1_500),
        &forged,
        &SigningKey::from_bytes(&[5; 32]),
    )
    .unwrap();
    assert_eq!(verify(&document).unwrap_err(), Error::Untrusted(INSTANCE));
}

#[test]
fn certificates_round_trip_and_their_lists_are_in_order() {
    let cert = SignedCert::issue(&root(), cert()).unwrap();
    assert_eq!(SignedCert::decode(&cert.encode().unwrap()).unwrap(), cert);
    assert!(cert.is_signed_by(&root().verifying_key()));
    assert!(!cert.is_signed_by(&instance_key().verifying_key()));
    let all = InstanceCert { tenants: TenantScope::All, ..cert.cert };
    let all = SignedCert::issue(&root(), all).unwrap();
    assert_eq!(SignedCert::decode(&all.encode().unwrap()).unwrap(), all);
}

#[test]
fn signing_keys_are_not_shown() {
    let shown = format!("{:?}", root());
    assert!(shown.contains("redacted") && !shown.contains(&"01".repeat(8)), "{shown}");
}
