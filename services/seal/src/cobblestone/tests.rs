use proptest::prelude::*;

use super::*;

const LENGTHS: [usize; 9] = [0, 1, 8_500, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 100_000];

fn key() -> SpanKey {
    SpanKey::from_bytes([7; 32])
}

fn message(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

#[test]
fn the_cobblestone_crate_opens_what_we_seal_and_the_other_way_round() {
    let oracle = cobblestone::Key256::from_bytes(key().expose());
    for length in LENGTHS {
        let plaintext = message(length);
        let sealed = seal(&key(), b"context", &plaintext).unwrap();
        assert_eq!(sealed.len(), sealed_len(length));
        assert_eq!(cobblestone::decrypt(&oracle, b"context", &sealed).unwrap(), plaintext);
        let sealed = cobblestone::encrypt(&oracle, b"context", &plaintext).unwrap();
        assert_eq!(*open(&key(), b"context", &sealed).unwrap(), plaintext);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_messages_and_contexts_agree_with_the_cobblestone_crate(
        bytes in any::<[u8; 32]>(),
        context in prop::collection::vec(any::<u8>(), 0..80),
        near in prop::sample::select(vec![0usize, CHUNK, 2 * CHUNK]),
        offset in 0usize..40,
    ) {
        let plaintext = message((near + offset).saturating_sub(20));
        let (key, oracle) = (SpanKey::from_bytes(bytes), cobblestone::Key256::from_bytes(&bytes));
        let sealed = seal(&key, &context, &plaintext).unwrap();
        prop_assert_eq!(&cobblestone::decrypt(&oracle, &context, &sealed).unwrap(), &plaintext);
        let sealed = cobblestone::encrypt(&oracle, &context, &plaintext).unwrap();
        prop_assert_eq!(&*open(&key, &context, &sealed).unwrap(), &plaintext);
    }

    #[test]
    fn random_bytes_never_open(sealed in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(open(&key(), b"", &sealed).is_err());
    }
}

#[test]
fn every_salt_is_fresh() {
    let first = seal(&key(), b"", b"same").unwrap();
    let second = seal(&key(), b"", b"same").unwrap();
    assert_ne!(first[..SALT_LEN], second[..SALT_LEN]);
}

#[test]
fn a_message_cut_anywhere_does_not_open() {
    let sealed = seal(&key(), b"", &message(CHUNK + 100)).unwrap();
    for length in (0..PREAMBLE_LEN + 3).chain(PREAMBLE_LEN + SEALED_CHUNK - 2..sealed.len()) {
        let error = open(&key(), b"", &sealed[..length]).unwrap_err();
        let named = match length {
            0..PREAMBLE_LEN => matches!(error, Error::Truncated(_)),
            _ if length <= PREAMBLE_LEN => matches!(error, Error::Truncated(_)),
            _ => matches!(error, Error::Chunk(_) | Error::Truncated(_)),
        };
        assert!(named, "{length}: {error}");
    }
    let at_boundary = open(&key(), b"", &sealed[..PREAMBLE_LEN + SEALED_CHUNK]).unwrap_err();
    assert_eq!(at_boundary, Error::Truncated("sealed message"));
}

#[test]
fn chunks_moved_doubled_or_dropped_do_not_open() {
    let sealed = seal(&key(), b"", &message(3 * CHUNK + 5)).unwrap();
    let (preamble, body) = sealed.split_at(PREAMBLE_LEN);
    let chunks: Vec<&[u8]> = body.chunks(SEALED_CHUNK).collect();
    let with = |order: &[usize]| {
        let body: Vec<&[u8]> = order.iter().map(|&at| chunks[at]).collect();
        open(&key(), b"", &[preamble, &body.concat()].concat())
    };
    assert!(with(&[0, 1, 2, 3]).is_ok());
    assert_eq!(with(&[1, 0, 2, 3]).unwrap_err(), Error::Chunk(0));
    assert_eq!(with(&[0, 1, 1, 2, 3]).unwrap_err(), Error::Chunk(2));
    assert_eq!(with(&[0, 2, 3]).unwrap_err(), Error::Chunk(1));
    assert_eq!(with(&[0, 1, 3]).unwrap_err(), Error::Chunk(2));
}

/// GCM alone opens one ciphertext under two keys ("invisible salamanders"): such a chunk is made here, both
/// keys' tags pass, and the commitment is what refuses the second key.
#[test]
fn a_chunk_that_two_keys_open_is_refused_by_the_commitment() {
    let salt = [9; SALT_LEN];
    let (honest, other) = (key(), SpanKey::from_bytes([8; 32]));
    let chunk = salamander(&honest, &other, &salt);
    let (of_honest, of_other) = (Message::derive(&honest, b"", &salt), Message::derive(&other, b"", &salt));
    let (first, second) = (of_honest.open_chunks(&chunk).unwrap(), of_other.open_chunks(&chunk).unwrap());
    assert_ne!(first, second, "one ciphertext, two meanings");

    let sealed = [salt.as_slice(), &of_honest.commitment, &chunk].concat();
    assert_eq!(open(&honest, b"", &sealed).unwrap(), first);
    assert_eq!(open(&other, b"", &sealed).unwrap_err(), Error::Commitment);
}

/// Two ciphertext blocks, the second solved so that GHASH gives one tag under both keys.
fn salamander(one: &SpanKey, two: &SpanKey, salt: &[u8; SALT_LEN]) -> Vec<u8> {
    let ((h1, mask1), (h2, mask2)) = (ghash_parts(one, salt), ghash_parts(two, salt));
    let (free, lengths) = (0x1234_5678u128 << 64, 32u128 * 8);
    let (square1, square2) = (times(h1, h1), times(h2, h2));
    let (cube1, cube2) = (times(square1, h1), times(square2, h2));
    let rest = times(free, cube1 ^ cube2) ^ times(lengths, h1 ^ h2) ^ mask1 ^ mask2;
    let solved = times(rest, inverse(square1 ^ square2));
    let tag = times(free, cube1) ^ times(solved, square1) ^ times(lengths, h1) ^ mask1;
    [free, solved, tag].map(u128::to_be_bytes).concat()
}

/// GCM's hash key, and the block that masks the tag of chunk 0.
fn ghash_parts(key: &SpanKey, salt: &[u8]) -> (u128, u128) {
    use aes_gcm::aes::Aes256;
    use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt};
    let okm = expand(key, b"", salt);
    let aes = <Aes256 as aes_gcm::KeyInit>::new_from_slice(&okm[..32]).unwrap();
    let encrypt = |block: [u8; 16]| {
        let mut block = Array::from(block);
        aes.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    };
    let mut first_counter = [0; 16];
    first_counter[..12].copy_from_slice(&okm[32..44]);
    first_counter[15] = 1;
    (encrypt([0; 16]), encrypt(first_counter))
}

/// Multiplication in GHASH's field (NIST SP 800-38D section 6.3).
fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut shifted) = (0, y);
    for bit in (0..128).rev() {
        product ^= if x >> bit & 1 == 1 { shifted } else { 0 };
        let carry = if shifted & 1 == 1 { 0xe1 << 120 } else { 0 };
        shifted = shifted >> 1 ^ carry;
    }
    product
}

/// x^(2^128 - 2).
fn inverse(x: u128) -> u128 {
    let (mut result, mut power) = (1 << 127, times(x, x));
    for _ in 1..128 {
        result = times(result, power);
        power = times(power, power);
    }
    result
}
