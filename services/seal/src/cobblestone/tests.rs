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

/// GCM alone opens one ciphertext under two keys; the commitment is what tells them apart.
#[test]
fn a_chunk_that_two_keys_open_is_still_refused_by_the_commitment() {
    let salt = [9; SALT_LEN];
    let (honest, other) = (key(), SpanKey::from_bytes([8; 32]));
    let of_other = Message::derive(&other, b"", &salt);
    let mut sealed = Vec::new();
    seal_into(&honest, b"", &salt, b"quiet", &mut sealed);
    // The best that a forger with both keys can do: chunks that open under the other key, below the
    // commitment of the honest one.
    sealed.truncate(PREAMBLE_LEN);
    of_other.gcm.seal_into(of_other.nonce(0), &[], b"forged", &mut sealed);
    assert_eq!(of_other.open_chunks(&sealed[PREAMBLE_LEN..]).unwrap().as_slice(), b"forged");
    assert_eq!(open(&other, b"", &sealed).unwrap_err(), Error::Commitment);
    assert_eq!(open(&honest, b"", &sealed).unwrap_err(), Error::Chunk(0));
}
