use kernel::Clock;
use prost::Message;
use proto::crypto::v1::CertifyResponse;
use seal::TrustRoots;

use super::*;
use crate::stand::{Root, by_hand, clock, tenant};

#[tokio::test]
async fn what_a_certified_instance_signs_is_verified_by_the_root() {
    let root = Root::new();
    let instance = root.instance().await;
    let document = instance.sign(DocumentKind::Receipt, vec![1, 2, 3], clock().now()).unwrap();
    let roots = TrustRoots::from_iter([root.key.verifying_key()]);
    let verified = document.verify(&roots, DocumentKind::Receipt, "test", &tenant("banca-alfa")).unwrap();
    assert_eq!((verified.payload, verified.cert.instance), ([1, 2, 3].as_slice(), instance.id()));
}

#[tokio::test]
async fn nothing_is_signed_outside_the_certificate_s_time_and_a_new_one_is_wanted() {
    let instance = Root::new().instance().await;
    let cert = instance.certificate().unwrap().cert;
    instance.sign(DocumentKind::Receipt, Vec::new(), cert.not_before).unwrap();
    for at in [Timestamp(cert.not_before.0 - 1), cert.not_after] {
        let refused = instance.sign(DocumentKind::Receipt, Vec::new(), at);
        assert!(matches!(refused, Err(InstanceError::Expired { .. })), "{refused:?}");
        instance.wants_certificate().await;
    }
}

#[test]
fn an_instance_without_certificate_signs_nothing() {
    let instance = Instance::new("ingest", Vec::new()).unwrap();
    let refused = instance.sign(DocumentKind::Receipt, Vec::new(), clock().now());
    assert!(matches!(refused, Err(InstanceError::Uncertified { .. })));
    assert!(Instance::new("In Gest", Vec::new()).is_err());
}

#[tokio::test]
async fn a_certificate_for_somebody_else_is_not_taken() {
    let other = Root::new().instance().await.certificate().unwrap().encode().unwrap();
    let wire = by_hand(move |path, _, _| {
        assert_eq!(path, "/verbale.crypto.v1.Keys/Certify");
        Ok(CertifyResponse { certificate: other.clone() }.encode_to_vec())
    });
    let instance = Instance::new("test", Vec::new()).unwrap();
    let refused = instance.certify(&KeysCertifier::new(wire)).await;
    assert!(matches!(refused, Err(InstanceError::Foreign { .. })), "{refused:?}");
    assert!(instance.certificate().is_none());
}

#[tokio::test]
async fn crypto_s_refusal_and_its_nonsense_are_errors() {
    let instance = Instance::new("test", Vec::new()).unwrap();
    let refusing = by_hand(|_, _, _| Err(tonic::Status::unavailable("away")));
    let refused = instance.certify(&KeysCertifier::new(refusing)).await;
    assert!(matches!(refused, Err(InstanceError::Refused { .. })), "{refused:?}");
    let babbling = by_hand(|_, _, _| Ok(CertifyResponse { certificate: vec![0xff; 40] }.encode_to_vec()));
    let refused = instance.certify(&KeysCertifier::new(babbling)).await;
    assert!(matches!(refused, Err(InstanceError::Seal { .. })), "{refused:?}");
}
