use kernel::{KeyEpoch, LegNo, SectionNo};

use super::*;
use crate::samples::{leg_key, section, tenant};

fn info() -> LegKeyInfo {
    LegKeyInfo { tenant: tenant(), section: section(), epoch: KeyEpoch(7) }
}

#[test]
fn a_leg_key_comes_out_for_its_own_section_and_epoch_only() {
    let secret = EpochSecret::generate().unwrap();
    let sealed = seal_leg_key(&secret.public(), &info(), &leg_key()).unwrap();
    let sealed = HpkeSealed::from_slice(&sealed.to_bytes()).unwrap();
    assert_eq!(open_leg_key(&secret, &info(), &sealed).unwrap().expose(), leg_key().expose());
    let refused = Err(Error::Unwrap("HPKE secret"));
    for other in [
        LegKeyInfo { tenant: kernel::TenantId::new("telco-beta").unwrap(), ..info() },
        LegKeyInfo { section: SectionAddress { leg: LegNo(0), ..section() }, ..info() },
        LegKeyInfo { section: SectionAddress { section: SectionNo(0), ..section() }, ..info() },
        LegKeyInfo { epoch: KeyEpoch(8), ..info() },
    ] {
        assert_eq!(open_leg_key(&secret, &other, &sealed).map(|key| *key.expose()), refused);
    }
    let other = EpochSecret::generate().unwrap();
    assert_eq!(open_leg_key(&other, &info(), &sealed).map(|key| *key.expose()), refused);
}

#[test]
fn no_byte_of_a_sealed_key_can_be_changed() {
    let secret = EpochSecret::generate().unwrap();
    let bytes = seal_leg_key(&secret.public(), &info(), &leg_key()).unwrap().to_bytes();
    assert_eq!(bytes.len(), 32 + 32 + 16);
    for at in 0..bytes.len() {
        // X25519 ignores the top bit of a public key, but HPKE hashes the key as it came.
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x80;
        let sealed = HpkeSealed::from_slice(&bytes).unwrap();
        assert!(open_leg_key(&secret, &info(), &sealed).is_err(), "byte {at}");
    }
}

#[test]
fn a_reason_is_no_leg_key() {
    let secret = EpochSecret::generate().unwrap();
    let reason =
        HpkeInfo::Reason { tenant: tenant(), epoch: KeyEpoch(7), event: EventId::from_bytes([9; 16]) };
    let sealed = seal_to_epoch(&secret.public(), &reason, &[0; 32]).unwrap();
    assert_eq!(open_from_epoch(&secret, &reason, &sealed).unwrap().as_slice(), [0; 32]);
    assert!(open_leg_key(&secret, &info(), &sealed).is_err());
    assert!(seal_to_epoch(&secret.public(), &reason, &vec![0; MAX_SECRET + 1]).is_err());
}

#[test]
fn public_keys_are_those_of_rfc_9180() {
    // RFC 9180 appendix A.1.1 (DHKEM(X25519, HKDF-SHA256), base mode): skRm and pkRm.
    let secret = hex::decode("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8").unwrap();
    let public = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";
    assert_eq!(hex::encode(EpochSecret::from_slice(&secret).unwrap().public().as_bytes()), public);
}

#[test]
fn a_public_key_of_zeroes_is_refused() {
    let zero = EpochPublic::from_slice(&[0; 32]);
    let sealed = zero.and_then(|public| seal_leg_key(&public, &info(), &leg_key()));
    assert!(sealed.is_err());
    assert!(EpochPublic::from_slice(&[1; 31]).is_err());
}
