use kernel::{InstanceId, Interval, LegNo, Position, PurposeName, RecordingId};

use super::*;
use crate::samples::tenant;
use crate::signing::{InstanceCert, RoleName, TenantScope};

fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

fn code(text: &str) -> PlainCode {
    PlainCode::new(text).unwrap()
}

fn erased(number: u8) -> ReceiptRow {
    ReceiptRow {
        recording: RecordingId::from_bytes([number; 16]),
        outcome: Outcome::Erased,
        erased: vec![purpose("quality"), purpose("training")],
        stretch: None,
        kept: Vec::new(),
        spans: 412,
        entries_at: Some(Timestamp(5)),
        not_before: Some(Timestamp(900)),
        objects_at: None,
        locked_until: Some(Timestamp(70_000)),
        log_at: Some(Timestamp(8)),
        controlled_at: Some(Timestamp(7)),
    }
}

fn deferred(number: u8) -> ReceiptRow {
    let by = code("hold:01890000-0000-7000-8000-000000000000");
    ReceiptRow {
        outcome: Outcome::Deferred,
        kept: vec![KeptBack { purpose: Some(purpose("quality")), by, until: None }],
        ..erased(number).abridged()
    }
}

fn receipt(state: ErasureState, recordings: Vec<ReceiptRow>) -> Receipt {
    Receipt {
        tenant: tenant(),
        erasure: ErasureId::from_bytes([9; 16]),
        cause: ErasureCause::Order,
        reason: code("art-17-1-d"),
        ordered_at: Timestamp(-3),
        settled_at: Timestamp(10),
        state,
        is_abridged: false,
        recordings,
    }
}

fn partial() -> Receipt {
    let stretch = Stretch {
        interval: Interval::new(Position(30), Position(u64::MAX)).unwrap(),
        legs: [LegNo(0), LegNo(3)].into(),
    };
    let kept = KeptBack { purpose: None, by: code("regime:mifid2-16-7"), until: Some(Timestamp(77)) };
    let stretched = ReceiptRow { erased: Vec::new(), stretch: Some(stretch), kept: vec![kept], ..erased(2) };
    receipt(ErasureState::Partial, vec![erased(1), stretched, deferred(3)])
}

fn signer(role: &str) -> (SigningKey, SignedCert, TrustRoots) {
    let (root, key) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let cert = InstanceCert {
        instance: InstanceId::from_bytes([1; 16]),
        role: RoleName::new(role).unwrap(),
        tenants: TenantScope::All,
        not_before: Timestamp(0),
        not_after: Timestamp(1_000),
        key: key.verifying_key(),
    };
    let cert = SignedCert::issue(&root, cert).unwrap();
    (key, cert, [root.verifying_key()].into_iter().collect())
}

#[test]
fn a_receipt_comes_back_as_it_was_signed() {
    let (key, cert, roots) = signer(RECEIPT_ROLE);
    let receipt = partial();
    let signed = receipt.sign(Timestamp(11), &cert, &key).unwrap();
    let read = SignedDocument::decode(&signed.encode().unwrap()).unwrap();
    assert_eq!(Receipt::verify(&read, &roots, &tenant()).unwrap(), receipt);
}

#[test]
fn another_role_or_another_tenant_signs_no_receipt() {
    let (key, cert, roots) = signer("archive");
    let signed = partial().sign(Timestamp(11), &cert, &key).unwrap();
    assert!(matches!(
        Receipt::verify(&signed, &roots, &tenant()),
        Err(Error::OutOfScope { scope: "role", .. })
    ));
    let (key, cert, roots) = signer(RECEIPT_ROLE);
    let signed = partial().sign(Timestamp(11), &cert, &key).unwrap();
    let other = TenantId::new("telco-beta").unwrap();
    assert!(matches!(Receipt::verify(&signed, &roots, &other), Err(Error::Invalid { .. })));
}

#[test]
fn the_whole_is_what_its_recordings_come_to() {
    for (state, rows, is_good) in [
        (ErasureState::Done, vec![erased(1), erased(2)], true),
        (ErasureState::Done, vec![], true),
        (ErasureState::Done, vec![erased(1), deferred(2)], false),
        (ErasureState::Done, vec![ReceiptRow { kept: deferred(1).kept, ..erased(1) }], false),
        (ErasureState::Partial, vec![erased(1), deferred(2)], true),
        (ErasureState::Partial, vec![deferred(2)], false),
        (ErasureState::Refused, vec![deferred(2)], true),
        (ErasureState::Refused, vec![erased(1), deferred(2)], false),
    ] {
        let receipt = receipt(state, rows);
        assert_eq!(receipt.encode().is_ok(), is_good, "{receipt:?}");
    }
}

#[test]
fn a_recording_stands_in_it_once_and_in_order() {
    for rows in [vec![erased(2), erased(1)], vec![erased(1), erased(1)]] {
        assert!(receipt(ErasureState::Done, rows).encode().is_err());
    }
    let twice = ReceiptRow { erased: vec![purpose("quality"), purpose("quality")], ..erased(1) };
    assert!(receipt(ErasureState::Done, vec![twice]).encode().is_err());
}

#[test]
fn more_recordings_than_the_bound_are_refused() {
    let row = |number: usize| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        ReceiptRow { recording: RecordingId::from_bytes(id), ..erased(0) }
    };
    let most = receipt(ErasureState::Done, (0..MAX_RECORDINGS).map(row).collect());
    assert!(most.encode().is_ok());
    let more = receipt(ErasureState::Done, (0..=MAX_RECORDINGS).map(row).collect());
    assert!(matches!(more.encode(), Err(Error::TooLarge { .. })));
}

#[test]
fn an_abridged_receipt_says_outcomes_and_no_more() {
    let abridged = partial().abridged();
    assert_eq!(Receipt::decode(&abridged.encode().unwrap()).unwrap(), abridged);
    assert!(abridged.encode().unwrap().len() < partial().encode().unwrap().len());
    let outcomes = |receipt: &Receipt| receipt.recordings.iter().map(|row| row.outcome).collect::<Vec<_>>();
    assert_eq!(outcomes(&abridged), outcomes(&partial()));
    let lying = Receipt { is_abridged: true, ..partial() };
    assert!(lying.encode().is_err());
}

#[test]
fn whatever_byte_is_changed_what_reads_back_is_written_the_same() {
    let bytes = partial().encode().unwrap();
    for at in 0..bytes.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            if let Ok(read) = Receipt::decode(&changed) {
                assert_eq!(read.encode().unwrap(), changed, "byte {at}");
            }
        }
        assert!(Receipt::decode(&bytes[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn codes_are_plain() {
    for good in ["x", "art-17-1-d", "CONSOB/2026:0412", &"x".repeat(80)] {
        assert_eq!(PlainCode::new(good).unwrap().as_str(), good);
    }
    for bad in ["", "-x", "two words", "+39061234", "a@b.it", &"x".repeat(81)] {
        assert!(PlainCode::new(bad).is_err(), "{bad:?}");
    }
}
