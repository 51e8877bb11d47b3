use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prost::Message;
use proto::crypto::v1::GetActiveKeyResponse;
use seal::EpochSecret;
use seal::hpke::{HpkeSealed, open_from_epoch};

use super::*;
use crate::stand::{by_hand, clock, tenant};

#[tokio::test]
async fn a_reason_is_sealed_to_the_active_epoch_which_is_asked_for_once_an_epoch() {
    let (clock, asked) = (clock(), Arc::new(AtomicU64::new(0)));
    let secret = EpochSecret::generate().unwrap();
    let answer = GetActiveKeyResponse {
        key_epoch: 4,
        public_key: secret.public().as_bytes().to_vec(),
        until: clock.now().plus(Duration::from_secs(60)).0,
    };
    let counted = Arc::clone(&asked);
    let wire = by_hand(move |path, headers, _| {
        assert_eq!(path, "/verbale.crypto.v1.Keys/GetActiveKey");
        assert_eq!(headers["verbale-tenant"], "banca-alfa");
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(answer.encode_to_vec())
    });
    let sealer = EpochSealer::new(wire, clock.clone());
    let (tenant, entry) = (tenant("banca-alfa"), EventId::new());
    for _ in 0..3 {
        let record = record(&sealer, &tenant, entry, "complaint 17").await.unwrap();
        let info = HpkeInfo::Reason { tenant: tenant.clone(), epoch: KeyEpoch(4), event: entry };
        let enc = record.sealed.enc.as_slice().try_into().unwrap();
        let opened =
            open_from_epoch(&secret, &info, &HpkeSealed { enc, ciphertext: record.sealed.ciphertext });
        let opened = opened.unwrap();
        assert_eq!(&opened[SALT..], b"complaint 17");
        assert_eq!(record.commitment, <[u8; 32]>::from(Sha256::digest(&opened)));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(61));
    record(&sealer, &tenant, entry, "again").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn no_key_or_a_bad_one_seals_nothing() {
    let tenant = tenant("banca-alfa");
    let away = by_hand(|_, _, _| Err(tonic::Status::unavailable("away")));
    let sealer = EpochSealer::new(away, clock());
    let refused = record(&sealer, &tenant, EventId::new(), "why").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    let odd = by_hand(|_, _, _| {
        Ok(GetActiveKeyResponse { public_key: vec![1], ..Default::default() }.encode_to_vec())
    });
    let sealer = EpochSealer::new(odd, clock());
    let refused = record(&sealer, &tenant, EventId::new(), "why").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Internal);
}
