use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

use super::*;
use crate::{EMPTY_ROOT, KeyName, leaf_hash};

// The example of c2sp.org/tlog-checkpoint (CC BY 4.0).
const SOFA: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key(name: &str) -> NoteKey {
    NoteKey::ed25519(KeyName::new(name).unwrap(), signer().verifying_key().as_bytes()).unwrap()
}

fn sign(text: &[u8]) -> [u8; 64] {
    signer().sign(text).to_bytes()
}

fn head() -> TreeHead {
    TreeHead { size: 20_852_163, root: leaf_hash(b"root") }
}

#[test]
fn the_specifications_checkpoint_reads_back() {
    let note = Note::parse(SOFA.as_bytes()).unwrap();
    assert_eq!(note.to_string(), SOFA);
    assert_eq!(note.signatures()[0].id.to_string(), "033de0ae");
    let checkpoint = Checkpoint::parse(note.unverified_text()).unwrap();
    assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.head().size, 20_852_163);
    let root = "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62";
    assert_eq!(checkpoint.head().root.to_string(), root);
    assert!(checkpoint.extensions().is_empty());
    assert_eq!(checkpoint.to_string(), note.unverified_text());
}

#[test]
fn a_signed_checkpoint_opens_with_its_key_and_origin_alone() {
    let checkpoint = Checkpoint::new("ledger.example/0", head()).unwrap();
    let note = checkpoint.sign(&key("ledger.example/0"), &sign).unwrap();
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(Checkpoint::open(&note, "ledger.example/0", &key("ledger.example/0")), Ok(checkpoint));
    let other_log = Checkpoint::open(&note, "ledger.example/1", &key("ledger.example/0"));
    assert_eq!(other_log, Err(CheckpointError::Origin));
    let other_key = Checkpoint::open(&note, "ledger.example/0", &key("ledger.example/1"));
    assert_eq!(other_key, Err(CheckpointError::Note(NoteError::Unsigned)));
}

#[test]
fn extension_lines_are_kept() {
    let lines = vec!["fence 12".to_owned(), "offset 99".to_owned()];
    let checkpoint = Checkpoint::with_extensions("o", head(), lines.clone()).unwrap();
    let read = Checkpoint::parse(&checkpoint.to_string()).unwrap();
    assert_eq!((read.extensions(), &read), (lines.as_slice(), &checkpoint));
}

#[test]
fn an_empty_log_and_the_largest_one_have_checkpoints() {
    for size in [0, 1, u64::MAX] {
        let checkpoint = Checkpoint::new("o", TreeHead { size, root: EMPTY_ROOT }).unwrap();
        assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let cases = [
        (String::new(), CheckpointError::Form),
        ("o\n".to_owned(), CheckpointError::Form),
        ("o\n1\n".to_owned(), CheckpointError::Form),
        (format!("o\n1\n{root}"), CheckpointError::Form),
        (format!("\n1\n{root}\n"), CheckpointError::Form),
        (format!("o\n1\n{root}\n\n"), CheckpointError::Form),
        (format!("o\n1\n{root}\n\nx\n"), CheckpointError::Form),
        (format!("o\r\n1\n{root}\n"), CheckpointError::Form),
        (format!("o\n\n{root}\n"), CheckpointError::Size),
        (format!("o\n01\n{root}\n"), CheckpointError::Size),
        (format!("o\n00\n{root}\n"), CheckpointError::Size),
        (format!("o\n+1\n{root}\n"), CheckpointError::Size),
        (format!("o\n-1\n{root}\n"), CheckpointError::Size),
        (format!("o\n1 \n{root}\n"), CheckpointError::Size),
        (format!("o\n0x1\n{root}\n"), CheckpointError::Size),
        (format!("o\n18446744073709551616\n{root}\n"), CheckpointError::Size),
        ("o\n1\n\n".to_owned(), CheckpointError::Root),
        ("o\n1\nCsUY\n".to_owned(), CheckpointError::Root),
        (format!("o\n1\n{}\n", &root[..43]), CheckpointError::Root),
        (format!("o\n1\n{}\n", root.replace("2I=", "2J=")), CheckpointError::Root),
        (format!("o\n1\n{root} \n"), CheckpointError::Root),
    ];
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
}

#[test]
fn lines_that_would_forge_others_are_refused() {
    for line in ["", "evil\n999", "a\rb", "a\tb"] {
        assert_eq!(Checkpoint::new(line, head()), Err(CheckpointError::Form), "{line:?}");
        let extended = Checkpoint::with_extensions("o", head(), vec![line.to_owned()]);
        assert_eq!(extended, Err(CheckpointError::Form), "{line:?}");
    }
}

proptest! {
    #[test]
    fn a_checkpoint_reads_back(origin in "[^\\x00-\\x1f]{1,30}", size: u64, root: [u8; 32],
                               extensions in prop::collection::vec("[^\\x00-\\x1f]{1,20}", 0..4)) {
        let head = TreeHead { size, root: root.into() };
        let checkpoint = Checkpoint::with_extensions(origin, head, extensions).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }

    #[test]
    fn what_parses_is_written_the_same_way(text in "[ -~]{0,5}\n[0-9+]{0,21}\n[A-Za-z0-9+/=]{0,44}\n([ -~]{0,3}\n){0,2}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }
}
