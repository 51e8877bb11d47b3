use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

use super::*;
use crate::samples::{leaves, log};
use crate::{CheckpointError, KeyName, NoteError, ProofError};

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn key() -> NoteKey {
    NoteKey::ed25519(KeyName::new("log.example").unwrap(), signer().verifying_key().as_bytes()).unwrap()
}

fn proof(index: u64, size: u64) -> LogProof {
    let (tiles, head) = log(size);
    let checkpoint = Checkpoint::new("log.example", head).unwrap();
    LogProof {
        extra: None,
        inclusion: tiles.prove_inclusion(index, size).unwrap(),
        checkpoint: checkpoint.sign(&key(), &|text| signer().sign(text).to_bytes()).unwrap(),
    }
}

#[test]
fn a_proof_file_proves_its_leaf_and_no_other() {
    let written = proof(300, 1_000).to_string();
    let read = LogProof::parse(written.as_bytes()).unwrap();
    let all = leaves(1_000);
    assert_eq!(read.verify(&all[300], "log.example", &key()).unwrap().head().size, 1_000);
    let other = read.verify(&all[301], "log.example", &key());
    assert_eq!(other, Err(LogProofError::Proof(ProofError::Root { size: 1_000 })));
    let elsewhere = read.verify(&all[300], "other.example", &key());
    assert_eq!(elsewhere, Err(LogProofError::Checkpoint(CheckpointError::Origin)));
}

#[test]
fn it_is_written_as_the_specification_says() {
    let extra = LogProof { extra: Some(b"more".to_vec()), ..proof(0, 2) };
    let sibling = base64(leaves(2)[1]);
    let expected =
        format!("c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 0\n{sibling}\n\n{}", extra.checkpoint);
    assert_eq!(extra.to_string(), expected);
    assert_eq!(LogProof::parse(expected.as_bytes()), Ok(extra));
}

#[test]
fn a_log_of_one_leaf_has_a_proof_without_hashes() {
    let only = proof(0, 1);
    let read = LogProof::parse(only.to_string().as_bytes()).unwrap();
    assert_eq!(read, only);
    assert!(read.verify(&leaves(1)[0], "log.example", &key()).is_ok());
}

#[test]
fn what_is_no_proof_is_refused() {
    let good = proof(3, 10).to_string();
    let refused = [
        String::new(),
        good.replace("@v1", "@v2"),
        good.replace("index 3", "index 03"),
        good.replace("index 3", "index"),
        good.replace("index 3\n", ""),
        good.replace("index 3", "index 3\nindex 3"),
        good.replace("index 3", "extra !\nindex 3"),
        good.replace("index 3", "index 3\nextra bW9yZQ=="),
        good.replace("index 3\n", "index 3\nCsUY\n"),
        good.replace("index 3\n", &format!("index 3\n{}", "A".repeat(43) + "=\n").repeat(66)),
        good.replace("index 3\n", &("index 3\n".to_owned() + &("A".repeat(43) + "=\n").repeat(63))),
        good.replace('\n', "\r\n"),
    ];
    for text in refused {
        assert_eq!(LogProof::parse(text.as_bytes()), Err(LogProofError::Form), "{text:.200}");
    }
    let headless = LogProof::parse(b"c2sp.org/tlog-proof@v1\nindex 0\n\nno note");
    assert_eq!(headless, Err(LogProofError::Note(NoteError::Form)));
    let long = vec![b'a'; MAX_LOG_PROOF_BYTES + 1];
    let too_long = LogProofError::TooLong { len: long.len(), max: MAX_LOG_PROOF_BYTES };
    assert_eq!(LogProof::parse(&long), Err(too_long));
}

proptest! {
    #[test]
    fn a_changed_byte_never_proves_another_leaf_or_place(at: prop::sample::Index, byte: u8) {
        let original = proof(3, 10).to_string().into_bytes();
        let mut bytes = original.clone();
        bytes[at.index(original.len())] = byte;
        if let Ok(read) = LogProof::parse(&bytes) {
            prop_assert_eq!(read.to_string().into_bytes(), bytes.as_slice());
            prop_assert_eq!(read.verify(&leaves(10)[3], "log.example", &key()).is_ok(), bytes == original);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(tail in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z0-9 =\n]{0,200}") {
        let _ = LogProof::parse(&tail);
        let _ = LogProof::parse(format!("{HEADER}{text}").as_bytes());
    }
}
