use super::*;
use crate::samples::tenant;

fn contexts() -> Vec<WrapContext> {
    let (page, event) = (PageId::from_bytes([1; 16]), EventId::from_bytes([1; 16]));
    let other = TenantId::new("telco-beta").unwrap();
    let place = |slot| EntryPlace { tenant: tenant(), page, generation: 1, slot };
    let tenant_key = |usage| WrapContext::TenantKey { tenant: tenant(), usage };
    vec![
        WrapContext::PageKey { tenant: tenant(), epoch: KeyEpoch(1), page, generation: 1 },
        WrapContext::PageKey { tenant: tenant(), epoch: KeyEpoch(1), page, generation: 2 },
        WrapContext::PageKey { tenant: tenant(), epoch: KeyEpoch(2), page, generation: 1 },
        WrapContext::PageKey { tenant: other.clone(), epoch: KeyEpoch(1), page, generation: 1 },
        WrapContext::Entry(place(0)),
        WrapContext::Entry(place(1)),
        WrapContext::Entry(EntryPlace { generation: 2, ..place(0) }),
        WrapContext::EpochKey { tenant: tenant(), epoch: KeyEpoch(1) },
        WrapContext::EpochKey { tenant: other, epoch: KeyEpoch(1) },
        WrapContext::HpkeSecret { tenant: tenant(), epoch: KeyEpoch(1) },
        WrapContext::AuditEntry { tenant: tenant(), event },
        tenant_key(TenantKeyUsage::Identifier),
        tenant_key(TenantKeyUsage::Pseudonym),
        tenant_key(TenantKeyUsage::Audit),
        WrapContext::SigningKey { instance: InstanceId::from_bytes([1; 16]) },
    ]
}

#[test]
fn a_wrapped_value_opens_at_its_own_place_only() {
    let key = EpochKey::from_bytes([3; 32]);
    let contexts = contexts();
    for own in &contexts {
        let wrapped = wrap(&key, own, b"a key of some kind").unwrap();
        assert_eq!(wrapped.len(), 18 + OVERHEAD);
        for context in &contexts {
            let opened = unwrap(&key, context, &wrapped);
            assert_eq!(opened.is_ok(), own == context, "{own:?} as {context:?}");
        }
        assert!(unwrap(&EpochKey::from_bytes([4; 32]), own, &wrapped).is_err());
    }
}

#[test]
fn no_byte_of_a_wrapped_value_can_be_changed_or_cut() {
    let (key, context) = (BackendKey::from_bytes([3; 32]), &contexts()[7]);
    let wrapped = wrap(&key, context, &[5; 32]).unwrap();
    for at in 0..wrapped.len() {
        let mut bytes = wrapped.clone();
        bytes[at] ^= 1;
        assert!(unwrap(&key, context, &bytes).is_err(), "byte {at}");
        assert!(unwrap(&key, context, &wrapped[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn every_salt_is_fresh_and_bounds_hold() {
    let (key, context) = (AuditKey::from_bytes([3; 32]), &contexts()[10]);
    assert_ne!(wrap(&key, context, b"same").unwrap(), wrap(&key, context, b"same").unwrap());
    assert!(wrap(&key, context, &vec![0; MAX_VALUE]).is_ok());
    assert!(wrap(&key, context, &vec![0; MAX_VALUE + 1]).is_err());
    assert!(unwrap(&key, context, &vec![1; MAX_VALUE + OVERHEAD + 1]).is_err());
}

#[test]
fn the_golden_wrap_is_byte_for_byte_what_format_md_says() {
    let wrapped = wrap_with(&BackendKey::from_bytes([3; 32]), &contexts()[7], &[5; 32], &[6; 32]).unwrap();
    assert_eq!(hex::encode(wrapped), GOLDEN);
}

const GOLDEN: &str = concat!(
    "01",
    "0606060606060606060606060606060606060606060606060606060606060606",
    "1be0f8fa9da03ed5e2a89f94d5380d19be46c76e217bccac9f7647657c62d6db",
    "318664a5540e30da5331eb93f7022408",
);
