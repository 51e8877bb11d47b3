//! Project Wycheproof's vectors (Apache-2.0), through the very code that seals; counts are exact, so that
//! none is skipped unseen.

use std::io::Read;

use ed25519_dalek::Verifier;
use hkdf::Hkdf;
use sha2::{Digest, Sha512};
use wycheproof::{TestResult, aead, chunked_encryption, eddsa, hkdf as hkdf_vectors};
use zeroize::Zeroizing;

use crate::aead::{Gcm, TAG_LEN};
use crate::cobblestone::{self, Message, PREAMBLE_LEN};
use crate::error::Error;
use crate::key::SpanKey;
use crate::signing::VerifyingKey;

#[test]
fn aes_256_gcm_agrees_with_wycheproof() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    assert_eq!(set.number_of_tests, 316);
    let (mut opened, mut refused) = (0, 0);
    for group in set.test_groups.iter().filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128)) {
        for test in &group.tests {
            let gcm = Gcm::new(test.key.as_slice().try_into().unwrap());
            let nonce = test.nonce.as_slice().try_into().unwrap();
            let sealed = [test.ct.as_slice(), &test.tag].concat();
            let mut out = Zeroizing::new(Vec::new());
            let result = gcm.open_into(nonce, &test.aad, &sealed, &mut out);
            if test.result == TestResult::Valid {
                assert_eq!((result, out.as_slice()), (Ok(()), test.pt.as_slice()), "{}", test.tc_id);
                let mut again = Vec::new();
                gcm.seal_into(nonce, &test.aad, &test.pt, &mut again);
                assert_eq!(again, sealed, "{}", test.tc_id);
                assert_eq!(sealed.len(), test.pt.len() + TAG_LEN);
                opened += 1;
            } else {
                assert!(result.is_err() && out.is_empty(), "{}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert_eq!((opened, refused), (39, 27));
}

#[test]
fn cobblestone_256_agrees_with_wycheproof() {
    let set = chunked_encryption::TestSet::load(chunked_encryption::TestName::Cobblestone256).unwrap();
    assert_eq!(set.number_of_tests, 35);
    let (mut opened, mut refused, mut raw) = (0, 0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut sealed = Vec::new();
        flate2::read::ZlibDecoder::new(test.ct.as_slice()).read_to_end(&mut sealed).unwrap();
        let Ok(key) = SpanKey::from_slice(&test.key) else {
            assert!(test.flags.contains(&chunked_encryption::TestFlag::InvalidKeySize), "{}", test.tc_id);
            refused += 1;
            continue;
        };
        let result = cobblestone::open(&key, &test.ctx, &sealed);
        if let (Some(key), Some(nonce)) = (&test.aead_key, &test.base_nonce)
            && sealed.len() >= PREAMBLE_LEN
        {
            let message =
                Message::raw(key.as_slice().try_into().unwrap(), nonce.as_slice().try_into().unwrap());
            let by_chunks = message.open_chunks(&sealed[PREAMBLE_LEN..]);
            assert_eq!(by_chunks.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
            raw += 1;
        }
        if test.result == TestResult::Valid {
            let message = result.unwrap();
            assert_eq!(Some(message.len()), test.msg_length, "{}", test.tc_id);
            let digest = Sha512::digest(message.as_slice());
            assert_eq!(digest.as_slice(), test.msg_sha512.as_ref().unwrap().as_slice(), "{}", test.tc_id);
            assert_eq!(sealed.len(), cobblestone::sealed_len(message.len()));
            let salt = sealed[..cobblestone::SALT_LEN].try_into().unwrap();
            let mut again = Vec::new();
            let write = |out: &mut Vec<u8>| out.extend_from_slice(&message);
            cobblestone::seal_into(&key, &test.ctx, salt, message.len(), write, &mut again);
            assert!(again == sealed, "{}", test.tc_id);
            opened += 1;
        } else {
            let error = result.unwrap_err();
            if test.flags.contains(&chunked_encryption::TestFlag::HeaderFailure) {
                assert!(matches!(error, Error::Commitment | Error::Truncated(_)), "{}", test.tc_id);
            }
            refused += 1;
        }
    }
    assert_eq!((opened, refused, raw), (10, 25, 25));
}

#[test]
fn hkdf_sha512_agrees_with_wycheproof() {
    let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha512).unwrap();
    assert_eq!(set.number_of_tests, 83);
    let (mut derived, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut okm = vec![0; test.size];
        let result = Hkdf::<Sha512>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm);
        if test.result.must_fail() {
            assert!(result.is_err(), "{}", test.tc_id);
            refused += 1;
        } else {
            assert!(result.is_ok() && okm == *test.okm, "{}", test.tc_id);
            derived += 1;
        }
    }
    assert_eq!((derived, refused), (80, 3));
}

#[test]
fn ed25519_agrees_with_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    assert_eq!(set.number_of_tests, 151);
    let (mut good, mut bad) = (0, 0);
    for group in &set.test_groups {
        let key = VerifyingKey::from_bytes(group.key.pk.as_slice().try_into().unwrap()).unwrap();
        for test in &group.tests {
            let verifies =
                test.sig.as_slice().try_into().is_ok_and(|signature| key.verifies(&test.msg, signature));
            assert_eq!(verifies, test.result == TestResult::Valid, "{}", test.tc_id);
            if verifies { good += 1 } else { bad += 1 }
        }
    }
    assert_eq!((good, bad), (88, 63));
}

#[test]
fn a_key_of_small_order_is_no_verifying_key() {
    let identity = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    };
    // The identity verifies R = [S]B for any message where weak keys are let through.
    let weak = ed25519_dalek::VerifyingKey::from_bytes(&identity).unwrap();
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(weak.verify(b"anything", &ed25519_dalek::Signature::from_bytes(&signature)).is_ok());
    assert!(VerifyingKey::from_bytes(&identity).is_err());
}
