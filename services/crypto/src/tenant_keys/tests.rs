//! Keys outside epochs: one per tenant and use, for good.

use kernel::{ErrorCode, ServiceError};
use seal::SigningKey;

use super::*;
use crate::testing::{Bench, WEEK, other_tenant, tenant};

fn values<const N: usize>(texts: [&[u8]; N]) -> Vec<Zeroizing<Vec<u8>>> {
    texts.iter().map(|text| Zeroizing::new(text.to_vec())).collect()
}

#[tokio::test]
async fn macs_depend_on_tenant_key_and_value_and_survive_a_restart() {
    let bench = Bench::new().await;
    let asked = values([b"+390600000000", b"mario@example.org"]);
    let keys = &bench.service.tenant_keys;
    let macs = keys.hmac(&tenant(), HmacKey::Identifier, &asked).await.unwrap();
    assert_eq!(macs.len(), 2);
    assert_ne!(macs[0], macs[1]);
    assert_eq!(bench.another().tenant_keys.hmac(&tenant(), HmacKey::Identifier, &asked).await.unwrap(), macs);
    assert_ne!(keys.hmac(&tenant(), HmacKey::Pseudonym, &asked).await.unwrap(), macs);
    assert_ne!(keys.hmac(&other_tenant(), HmacKey::Identifier, &asked).await.unwrap(), macs);
    bench.clock.advance(WEEK * 60);
    assert_eq!(keys.hmac(&tenant(), HmacKey::Identifier, &asked).await.unwrap(), macs, "outside epochs");
}

#[tokio::test]
async fn too_many_or_too_long_values_are_refused_with_the_bound() {
    let bench = Bench::new().await;
    let keys = &bench.service.tenant_keys;
    let many = vec![Zeroizing::new(vec![1]); MAX_VALUES + 1];
    let long = vec![Zeroizing::new(vec![1; MAX_VALUE + 1])];
    for (asked, bound) in [(&many, "64"), (&long, "1,024")] {
        let refused = keys.hmac(&tenant(), HmacKey::Identifier, asked).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
        assert!(refused.to_string().contains(bound), "{refused}");
    }
    keys.hmac(&tenant(), HmacKey::Identifier, &many[1..]).await.unwrap();
}

#[tokio::test]
async fn each_tenant_has_one_audit_key() {
    let bench = Bench::new().await;
    let own = bench.service.tenant_keys.audit_key(&tenant()).await.unwrap();
    let again = bench.another().tenant_keys.audit_key(&tenant()).await.unwrap();
    let other = bench.service.tenant_keys.audit_key(&other_tenant()).await.unwrap();
    assert_eq!(own.expose(), again.expose());
    assert_ne!(own.expose(), other.expose());
}

#[tokio::test]
async fn a_certificate_holds_for_thirty_days_under_the_exported_root() {
    let bench = Bench::new().await;
    let keys = &bench.service.tenant_keys;
    let key = SigningKey::generate().unwrap().verifying_key();
    let role = || RoleName::new("archive").unwrap();
    let signed = keys.certify(InstanceId::new(), role(), TenantScope::All, key).await.unwrap();
    let roots = bench.another().tenant_keys.signing_roots().await.unwrap();
    assert_eq!(roots.len(), 1);
    assert!(signed.is_signed_by(&roots[0]));
    assert!(signed.cert.holds_at(bench.clock.now()));
    bench.clock.advance(Duration::from_secs(30 * 86_400));
    assert!(!signed.cert.holds_at(bench.clock.now()));
}
