use kernel::{
    Basis, EventId, FrameNo, InstanceId, Interval, LegNo, MarkLabel, Position, PurposeName, RegimeName,
    RequestId, SectionNo, SpanNo,
};

use super::*;
use crate::header::{Codec, SectionKind};
use crate::receipt::PlainCode;
use crate::samples::{RECORDING, tenant};
use crate::signing::{InstanceCert, RoleName, TenantScope};
use crate::tree::SpanSet;

fn interval(from: u64, to: u64) -> Interval {
    Interval::new(Position(from * 1_000_000), Position(to * 1_000_000)).unwrap()
}

fn frames(first: u64, last: u64) -> FrameRange {
    FrameRange::new(FrameNo(first), FrameNo(last)).unwrap()
}

fn leg(number: u16, seconds: u64) -> Leg {
    Leg {
        leg: LegNo(number),
        kind: SectionKind::Audio,
        party: if number == 0 { PartyRole::Customer } else { PartyRole::Agent },
        codec: Codec::Pcma,
        rate: 8_000,
        anchors: vec![Anchor { rtp_timestamp: 160, captured_at: Timestamp(-5), position: Position(20) }],
        last_frame: Some(FrameNo(seconds * 50 - 1)),
        sections: vec![SectionRow {
            section: SectionNo(0),
            writer: InstanceId::from_bytes([3; 16]),
            span_count: seconds as u32,
            span_root: Hash([4; 32]),
        }],
        gaps: vec![frames(7, 9)],
        pauses: vec![interval(30, 40)],
        dropped: vec![Dropped { frames: frames(1_500, 1_999), reason: DropReason::Pause }],
    }
}

fn object(leg: u16, first_span: u32) -> ObjectRow {
    ObjectRow {
        leg: LegNo(leg),
        section: SectionNo(0),
        first_span: SpanNo(first_span),
        sha256: Hash([5; 32]),
        root: Hash([6; 32]),
        length: 4_190_000,
        lock_until: Some(Timestamp(1_900_000_000_000_000)),
        regimes: vec![RegimeName::new("mifid2-16-7").unwrap()],
    }
}

fn basis(purpose: &str, from: u64, to: u64) -> BasisInterval {
    BasisInterval {
        purpose: PurposeName::new(purpose).unwrap(),
        basis: Basis::Consent,
        interval: interval(from, to),
        evidence: Some(Evidence { event: EventId::from_bytes([7; 16]), ct_root: Some(Hash([8; 32])) }),
        derived_error_us: Some(1_200),
    }
}

fn manifest(seconds: u64) -> Manifest {
    let objects = |leg: u16| (0..=seconds as u32 / 470).map(move |n| object(leg, n * 470));
    Manifest {
        tenant: tenant(),
        recording: RECORDING,
        started_at: Timestamp(1_760_000_000_000_000),
        ended_at: Timestamp(1_760_000_000_000_000 + seconds as i64 * 1_000_000),
        cause: EndCause::Closed,
        completeness: Completeness::Complete,
        policy_hash: Hash([1; 32]),
        legs: vec![leg(0, seconds), leg(1, seconds)],
        objects: objects(0).chain(objects(1)).collect(),
        bases: vec![
            BasisInterval {
                evidence: None,
                derived_error_us: None,
                ..basis("mifid2-transaction", 0, seconds)
            },
            basis("quality", 1, seconds),
        ],
        marks: vec![Mark { label: MarkLabel::new("order").unwrap(), interval: interval(60, 90) }],
        superseded: vec![Superseded {
            leg: LegNo(0),
            section: SectionNo(0),
            span: SpanNo(3),
            frames: frames(150, 160),
        }],
        timeline: Hash([2; 32]),
        span_table: Hash([3; 32]),
    }
}

fn signer() -> (SignedCert, SigningKey, TrustRoots) {
    let (root, key) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let cert = InstanceCert {
        instance: InstanceId::from_bytes([3; 16]),
        role: RoleName::new(SIGNER_ROLE).unwrap(),
        tenants: TenantScope::All,
        not_before: Timestamp(0),
        not_after: Timestamp(i64::MAX),
        key: key.verifying_key(),
    };
    let roots = [root.verifying_key()].into_iter().collect();
    (SignedCert::issue(&root, cert).unwrap(), key, roots)
}

#[test]
fn an_hours_call_has_a_manifest_of_a_few_kib() {
    let (cert, key, _) = signer();
    let manifest = manifest(3_600);
    let signed = manifest.sign(manifest.ended_at, &cert, &key).unwrap();
    let length = signed.encode().unwrap().len();
    assert!(length < 4_096, "{length} bytes");
}

#[test]
fn a_manifest_comes_out_as_it_went_in_and_verifies() {
    let (cert, key, roots) = signer();
    let manifest = manifest(100);
    let encoded = manifest.encode().unwrap();
    assert_eq!(Manifest::decode(&encoded).unwrap(), manifest);
    let signed = manifest.sign(manifest.ended_at, &cert, &key).unwrap();
    assert_eq!(Manifest::verify(&signed, &roots, &tenant()).unwrap(), manifest);
    let other = TenantId::new("telco-beta").unwrap();
    assert!(Manifest::verify(&signed, &roots, &other).is_err(), "of another tenant");
}

#[test]
fn every_cut_and_every_changed_byte_of_a_manifest_is_another_manifest_or_none() {
    let manifest = manifest(100);
    let encoded = manifest.encode().unwrap();
    for at in 0..encoded.len() {
        assert!(Manifest::decode(&encoded[..at]).is_err(), "cut at {at}");
        let mut bytes = encoded.clone();
        bytes[at] ^= 1 << (at % 8);
        if let Ok(other) = Manifest::decode(&bytes) {
            assert_eq!(other.encode().unwrap(), bytes, "byte {at}: one meaning, one encoding");
            assert_ne!(other, manifest);
        }
    }
}

#[test]
fn rows_out_of_order_are_refused() {
    let legs = Manifest { legs: vec![leg(1, 10), leg(0, 10)], ..manifest(10) };
    let objects = Manifest { objects: vec![object(0, 9), object(0, 9)], ..manifest(10) };
    let gaps = Leg { gaps: vec![frames(5, 9), frames(9, 11)], ..leg(0, 10) };
    let gaps = Manifest { legs: vec![gaps], ..manifest(10) };
    for wrong in [legs, objects, gaps] {
        assert!(wrong.encode().is_err());
    }
}

#[test]
fn every_code_keeps_its_number() {
    fn numbers<T: Copy>(all: &[T], number: impl Fn(T) -> u32) -> Vec<u32> {
        all.iter().map(|&code| number(code)).collect()
    }
    assert_eq!(numbers(EndCause::ALL, EndCause::number), [1, 2, 3, 4]);
    assert_eq!(numbers(Completeness::ALL, Completeness::number), [1, 2]);
    assert_eq!(numbers(PartyRole::ALL, PartyRole::number), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(numbers(DropReason::ALL, DropReason::number), [1, 2, 3, 4]);
    assert_eq!(numbers(NotRecordedReason::ALL, NotRecordedReason::number), [1, 2, 3, 4, 5, 6]);
    assert_eq!(DropReason::from_number(5), None);
}

fn erased(number: u32, previous: Option<Hash>) -> Addendum {
    Addendum {
        tenant: tenant(),
        recording: RECORDING,
        number,
        manifest: Hash([9; 32]),
        previous,
        change: AddendumChange::Erased {
            reason: ReasonCode::new("consent_withdrawn").unwrap(),
            ledger: EventId::from_bytes([1; 16]),
            spans: vec![ErasedSpans {
                leg: LegNo(0),
                section: SectionNo(0),
                spans: SpanSet::from_ranges([4..9, 12..13]).unwrap(),
            }],
            objects: vec![object(0, 0)],
        },
    }
}

#[test]
fn addenda_come_out_as_they_went_in_and_verify() {
    let (cert, key, roots) = signer();
    let filled = Addendum {
        change: AddendumChange::Filled {
            completeness: Completeness::Complete,
            legs: vec![leg(0, 10)],
            objects: vec![object(0, 400)],
        },
        ..erased(2, Some(Hash([7; 32])))
    };
    for addendum in [erased(1, None), filled, stated("CONSOB/2026:0412")] {
        assert_eq!(Addendum::decode(&addendum.encode().unwrap()).unwrap(), addendum);
        let signed = addendum.sign(Timestamp(5), &cert, &key).unwrap();
        assert_eq!(Addendum::verify(&signed, &roots, &tenant()).unwrap(), addendum);
        let as_manifest = Manifest::verify(&signed, &roots, &tenant());
        assert!(as_manifest.is_err(), "an addendum is no manifest");
    }
}

fn stated(filed: &str) -> Addendum {
    let filed = PlainCode::new(filed).unwrap();
    let change = AddendumChange::Stated { filed, request: RequestId::from_bytes([7; 16]) };
    Addendum { change, ..erased(1, None) }
}

#[test]
fn a_statement_has_the_bytes_that_the_format_says() {
    let golden = "a5016a62616e63612d616c6661025011111111111111111111111111111111030104582009090909\
         0909090909090909090909090909090909090909090909090909090908a2016b73746174656d656e\
         742d37025007070707070707070707070707070707";
    let bytes = hex::decode(golden).unwrap();
    assert_eq!(stated("statement-7").encode().unwrap(), bytes);
    assert_eq!(Addendum::decode(&bytes).unwrap(), stated("statement-7"));
    for at in 0..bytes.len() {
        assert!(Addendum::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn an_addendum_whose_change_nobody_knows_is_refused_in_words() {
    let mut bytes = stated("statement-7").encode().unwrap();
    let key = bytes.iter().rposition(|byte| *byte == 0xa2).unwrap() - 1;
    assert_eq!(bytes[key], 8);
    bytes[key] = 9;
    let refused = Addendum::decode(&bytes).unwrap_err().to_string();
    assert!(refused.contains("change") && refused.contains("none that this reader knows"), "{refused}");
}

#[test]
fn addenda_are_a_chain() {
    assert!(erased(0, None).encode().is_err());
    assert!(erased(1, Some(Hash([1; 32]))).encode().is_err());
    assert!(erased(2, None).encode().is_err());
}

#[test]
fn a_call_that_was_not_recorded_says_so_and_why() {
    let (cert, key, roots) = signer();
    let record = NotRecorded {
        tenant: tenant(),
        recording: RECORDING,
        started_at: Timestamp(1),
        reason: NotRecordedReason::NoPurposeGranted,
        denials: vec![Denial {
            purpose: PurposeName::new("quality").unwrap(),
            reason: ReasonCode::new("consent_refused").unwrap(),
        }],
        policy_hash: Some(Hash([1; 32])),
    };
    let signed = record.sign(Timestamp(5), &cert, &key).unwrap();
    assert_eq!(NotRecorded::verify(&signed, &roots, &tenant()).unwrap(), record);
    let without = NotRecorded { policy_hash: None, denials: vec![], ..record };
    assert_eq!(NotRecorded::decode(&without.encode().unwrap()).unwrap(), without);
    assert!(ReasonCode::new("she said no").is_err());
}
