use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

use super::*;
use crate::KeyError;

// The keys, the text and the signatures are those of golang.org/x/mod/sumdb/note, note_test.go (BSD-3-Clause).
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

// The note at the head of c2sp.org/signed-note (CC BY 4.0); its text has a blank line of its own.
const QUASIMODO: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u{e8} subito sera.\n\n\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

fn peter() -> NoteKey {
    PETER.parse().unwrap()
}

fn enoch() -> NoteKey {
    ENOCH.parse().unwrap()
}

fn peters_hand(text: &[u8]) -> [u8; 64] {
    let seed = from_base64(PETER_SEED).unwrap();
    SigningKey::from_bytes(seed[1..].try_into().unwrap()).sign(text).to_bytes()
}

fn parse(text: &str) -> Result<Note, NoteError> {
    Note::parse(text.as_bytes())
}

fn note(signatures: &str) -> Note {
    parse(&format!("{TEXT}\n{signatures}")).unwrap()
}

#[test]
fn verifier_keys_read_back_as_they_were_written() {
    assert_eq!(peter().to_string(), PETER);
    assert_eq!(enoch().to_string(), ENOCH);
    assert_eq!(peter().id().to_string(), "c74f20a3");
    let again = NoteKey::ed25519(peter().name().clone(), peter().public()).unwrap();
    assert_eq!(again, peter());
}

#[test]
fn no_part_of_a_verifier_key_and_no_changed_one_is_taken() {
    for start in 0..PETER.len() {
        for end in start..=PETER.len() {
            let whole = (start, end) == (0, PETER.len());
            assert_eq!(PETER[start..end].parse::<NoteKey>().is_ok(), whole, "{start}..{end}");
        }
    }
    for at in 0..PETER.len() {
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[at] += 1;
        assert!(String::from_utf8(bytes).unwrap().parse::<NoteKey>().is_err(), "{at}");
    }
}

#[test]
fn keys_of_another_length_type_or_order_are_refused() {
    // The first two are from the same Go tests, with the ids that fit them.
    let cases = [
        ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", KeyError::Form),
        ("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Type),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
        ("PeterNeumann+c74f20a3", KeyError::Form),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<NoteKey>(), Err(error), "{text}");
    }
    let name = KeyName::new("weak.example").unwrap();
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(NoteKey::ed25519(name.clone(), &identity), Err(KeyError::Point));
    assert_eq!(NoteKey::ed25519(name, &[0; 32]), Err(KeyError::Point));
}

#[test]
fn names_follow_the_rules() {
    for name in ["", " ", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{2003}b", "a\u{1}b", "\t"] {
        assert_eq!(KeyName::new(name), Err(KeyError::Name), "{name:?}");
    }
    assert_eq!(KeyName::new("banca.example/ledger-3").unwrap().as_str(), "banca.example/ledger-3");
}

#[test]
fn signing_gives_the_published_note() {
    let note = Note::sign(TEXT, &peter(), &peters_hand).unwrap();
    assert_eq!(note.to_string(), format!("{TEXT}\n{PETER_LINE}"));
}

#[test]
fn a_signature_by_another_hand_never_becomes_a_note() {
    let refused = NoteError::BadSignature { name: enoch().name().clone(), id: enoch().id() };
    assert_eq!(Note::sign(TEXT, &enoch(), &peters_hand), Err(refused));
}

#[test]
fn a_note_opens_with_each_key_that_signed_it() {
    let note = note(&format!("{PETER_LINE}{ENOCH_LINE}"));
    let both = [peter(), enoch()];
    let opened = note.open(&both).unwrap();
    assert_eq!((opened.text, opened.signers), (TEXT, vec![&both[0], &both[1]]));
    assert_eq!(note.open(&both[..1]).unwrap().signers, [&both[0]]);
    assert_eq!(note.open(&both[1..]).unwrap().signers, [&both[1]]);
    assert_eq!(note.open(&[]), Err(NoteError::Unsigned));
}

#[test]
fn a_repeated_signature_counts_once() {
    let keys = [peter()];
    assert_eq!(note(&PETER_LINE.repeat(3)).open(&keys).unwrap().signers.len(), 1);
}

#[test]
fn a_bad_signature_of_a_known_key_refuses_the_note_and_of_an_unknown_one_is_ignored() {
    let mut bad = note(ENOCH_LINE);
    bad.signatures[0].bytes[5] ^= 1;
    bad.cosign(&peter(), &peters_hand).unwrap();
    assert!(bad.open(&[peter()]).is_ok());
    let refused = NoteError::BadSignature { name: enoch().name().clone(), id: enoch().id() };
    assert_eq!(bad.open(&[peter(), enoch()]), Err(refused.clone()));
    let mut longer = note(ENOCH_LINE);
    longer.signatures[0].bytes.push(0);
    assert_eq!(longer.open(&[enoch()]), Err(refused));
}

#[test]
fn a_key_with_the_same_name_or_the_same_id_is_another_key() {
    let mut other = note(PETER_LINE);
    other.signatures[0].id = KeyId::from([0; 4]);
    assert_eq!(other.open(&[peter()]), Err(NoteError::Unsigned));
    let mut other = note(PETER_LINE);
    other.signatures[0].name = enoch().name().clone();
    assert_eq!(other.open(&[peter()]), Err(NoteError::Unsigned));
}

#[test]
fn every_changed_character_of_the_text_is_noticed() {
    let keys = [peter()];
    for at in 0..TEXT.len() - 1 {
        let mut text = TEXT.as_bytes().to_vec();
        text[at] = if text[at] == b'a' { b'b' } else { b'a' };
        let changed = format!("{}\n{PETER_LINE}", String::from_utf8(text).unwrap());
        assert!(matches!(parse(&changed).unwrap().open(&keys), Err(NoteError::BadSignature { .. })), "{at}");
    }
}

#[test]
fn the_specifications_note_reads_back() {
    let note = parse(QUASIMODO).unwrap();
    assert!(note.unverified_text().ends_with("di sole:\n\ned \u{e8} subito sera.\n"));
    assert_eq!(note.signatures()[0].name.as_str(), "quasimodo.example/salvatore");
    assert_eq!(note.signatures()[0].id.to_string(), "367ba04b");
    assert_eq!(note.signatures()[0].bytes.len(), 64);
    assert_eq!(note.to_string(), QUASIMODO);
}

#[test]
fn what_is_no_note_is_refused() {
    let unended = &PETER_LINE[..PETER_LINE.len() - 1];
    let cases = [
        (String::new(), NoteError::Form),
        (TEXT.to_owned(), NoteError::Form),
        (format!("{TEXT}\n"), NoteError::Form),
        (format!("{TEXT}\n{unended}"), NoteError::Form),
        (format!("{TEXT}{PETER_LINE}"), NoteError::Form),
        (format!("\u{1}{TEXT}\n{PETER_LINE}"), NoteError::Text),
        (format!("{}\n\n{PETER_LINE}", "a\r"), NoteError::Text),
        (format!("{TEXT}\n{PETER_LINE}Unexpected line.\n"), NoteError::SignatureLine { line: 2 }),
        (
            format!("{TEXT}\n{}", PETER_LINE.replace("PeterNeumann", "Bad Name")),
            NoteError::SignatureLine { line: 1 },
        ),
        (format!("{TEXT}\n{}", PETER_LINE.replace('\u{2014}', "-")), NoteError::SignatureLine { line: 1 }),
        (format!("{TEXT}\n\u{2014} name x08gow==\n"), NoteError::SignatureLine { line: 1 }),
        (format!("{TEXT}\n\u{2014} name x08=\n"), NoteError::SignatureLine { line: 1 }),
        (format!("{TEXT}\n\u{2014} name \n"), NoteError::SignatureLine { line: 1 }),
        (format!("{TEXT}\n{}", PETER_LINE.repeat(65)), NoteError::TooManySignatures { max: 64 }),
        ("a".repeat(MAX_NOTE_BYTES + 1), NoteError::TooLong { len: MAX_NOTE_BYTES + 1, max: MAX_NOTE_BYTES }),
    ];
    for (text, error) in cases {
        assert_eq!(parse(&text), Err(error), "{text:.200}");
    }
    assert_eq!(Note::parse(&[TEXT.as_bytes(), b"\xff\n\n\n"].concat()), Err(NoteError::Text));
    assert!(parse(&format!("{TEXT}\n{}", PETER_LINE.repeat(64))).is_ok());
}

#[test]
fn a_text_that_would_not_read_back_is_not_signed() {
    assert_eq!(Note::sign("no newline", &peter(), &peters_hand), Err(NoteError::Form));
    assert_eq!(Note::sign("a\tb\n", &peter(), &peters_hand), Err(NoteError::Text));
    let long = "a".repeat(MAX_NOTE_BYTES - 1) + "\n";
    assert!(matches!(Note::sign(long, &peter(), &peters_hand), Err(NoteError::TooLong { .. })));
}

#[test]
fn signatures_are_added_up_to_the_bound() {
    let mut full = note(&PETER_LINE.repeat(64));
    assert_eq!(full.cosign(&peter(), &peters_hand), Err(NoteError::TooManySignatures { max: 64 }));
    let mut long = note(PETER_LINE);
    let huge = NoteSignature { bytes: vec![0; MAX_NOTE_BYTES], ..long.signatures()[0].clone() };
    assert!(matches!(long.add(huge), Err(NoteError::TooLong { .. })));
    assert_eq!(long, note(PETER_LINE));
}

proptest! {
    #[test]
    fn what_is_signed_reads_back_and_opens(text in "[^\\x00-\\x1f]{0,40}(\n[^\\x00-\\x1f]{0,20}){0,5}\n") {
        let signed = Note::sign(text.as_str(), &peter(), &peters_hand).unwrap();
        let read = Note::parse(signed.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&read, &signed);
        let keys = [peter()];
        prop_assert_eq!(read.open(&keys).unwrap().text, text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_what_it_takes_it_writes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_note_with_a_changed_byte_opens_never_or_as_before(at in 0usize..205, byte: u8) {
        let original = format!("{TEXT}\n{PETER_LINE}").into_bytes();
        let mut bytes = original.clone();
        bytes[at % original.len()] = byte;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.as_slice());
            prop_assert_eq!(note.open(&[peter()]).is_ok(), bytes == original);
        }
    }
}
