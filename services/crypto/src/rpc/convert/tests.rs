//! What is malformed is refused by the name of its field.

use kernel::{ErrorCode, ServiceError};
use proto::ingest::v1::LegOpened;

use super::*;

fn range(first: u32, last: u32) -> SpanRange {
    SpanRange { first, last }
}

fn adopt() -> wire::AdoptRequest {
    let leg = LegOpened {
        recording_id: vec![1; 16].into(),
        leg: 65_535,
        section: 7,
        session_epoch: 2,
        key_epoch: 3,
        writer: vec![2; 16].into(),
        hpke_enc: vec![3; 32].into(),
        hpke_ciphertext: vec![4; 48].into(),
        kind: 2,
        anchors: Vec::new(),
    };
    wire::AdoptRequest { leg_opened: Some(leg), reserved_purpose: "sealing".to_owned() }
}

fn seal() -> wire::SealRequest {
    let entry = wire::SectionEntry {
        leg: 0,
        section: 1,
        purpose: "quality".to_owned(),
        on_consent: true,
        spans: vec![range(0, 4), range(7, 7)],
    };
    wire::SealRequest {
        recording_id: vec![1; 16],
        entries: vec![entry],
        complete: false,
        seen: vec![wire::SectionSpans { leg: 0, section: 1, spans: vec![range(0, 9)] }],
        timeline_hash: vec![5; 32],
        span_table_hash: vec![6; 32],
        policy_hash: vec![7; 32],
    }
}

fn refused<T>(result: Result<T, Error>, field: &str) {
    let error = result.err().expect("refused");
    assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
    assert!(kernel::chain(&error).contains(field), "{error} should name {field}");
}

#[test]
fn a_section_is_read_whole() {
    let new = new_section(adopt()).unwrap();
    assert_eq!(new.section.leg, LegNo(65_535));
    assert_eq!((new.kind, new.key_epoch, new.sealed.enc), (SectionKind::Meta, KeyEpoch(3), [3; 32]));
}

#[test]
fn a_malformed_section_is_refused_by_its_field() {
    let with = |change: &dyn Fn(&mut LegOpened)| {
        let mut request = adopt();
        change(request.leg_opened.as_mut().unwrap());
        new_section(request)
    };
    refused(new_section(wire::AdoptRequest { leg_opened: None, ..adopt() }), "leg_opened");
    refused(
        new_section(wire::AdoptRequest { reserved_purpose: "subject".to_owned(), ..adopt() }),
        "reserved_purpose",
    );
    refused(
        new_section(wire::AdoptRequest { reserved_purpose: "quality".to_owned(), ..adopt() }),
        "reserved_purpose",
    );
    refused(with(&|leg| leg.recording_id = vec![1; 15].into()), "recording_id");
    refused(with(&|leg| leg.leg = 65_536), "leg");
    refused(with(&|leg| leg.kind = 9), "kind");
    refused(with(&|leg| leg.writer = Vec::new().into()), "writer");
    refused(with(&|leg| leg.hpke_enc = vec![3; 31].into()), "hpke_enc");
    refused(with(&|leg| leg.hpke_ciphertext = vec![4; 70_000].into()), "hpke_ciphertext");
}

#[test]
fn a_sealing_is_read_whole() {
    let asked = seal_request(seal()).unwrap();
    let spans = SpanSet::from_ranges([0..5, 7..8]).unwrap();
    assert_eq!(asked.entries[0].1, spans);
    assert_eq!((asked.policy_hash, asked.timeline_hash), (Hash([7; 32]), Hash([5; 32])));
    assert_eq!(asked.on_consent, BTreeSet::from([PurposeName::new("quality").unwrap()]));
    assert!(matches!(asked.completeness, Completeness::Gaps(seen) if seen.len() == 1));
    let complete = seal_request(wire::SealRequest { complete: true, ..seal() }).unwrap();
    assert_eq!(complete.completeness, Completeness::Complete);
    assert_eq!(ranges(&spans), [range(0, 4), range(7, 7)]);
}

#[test]
fn a_malformed_sealing_is_refused_by_its_field() {
    let with = |change: &dyn Fn(&mut wire::SectionEntry)| {
        let mut request = seal();
        change(&mut request.entries[0]);
        seal_request(request)
    };
    refused(with(&|entry| entry.purpose = "sealing".to_owned()), "purpose");
    refused(with(&|entry| entry.purpose = "reason".to_owned()), "purpose");
    refused(with(&|entry| entry.purpose = "Not A Name".to_owned()), "purpose");
    refused(with(&|entry| entry.spans = vec![range(5, 4)]), "spans");
    refused(with(&|entry| entry.spans = vec![range(0, u32::MAX)]), "span range");
    refused(with(&|entry| entry.spans = vec![range(0, 1 << 20)]), "span range");
    refused(with(&|entry| entry.spans = vec![range(0, 0); MAX_RANGES + 1]), "spans");
    refused(seal_request(wire::SealRequest { timeline_hash: vec![1; 31], ..seal() }), "timeline_hash");
    refused(seal_request(wire::SealRequest { span_table_hash: Vec::new(), ..seal() }), "span_table_hash");
    refused(seal_request(wire::SealRequest { policy_hash: vec![7; 33], ..seal() }), "policy_hash");
    refused(seal_request(wire::SealRequest { policy_hash: Vec::new(), ..seal() }), "policy_hash");
    let many = wire::SealRequest { entries: vec![seal().entries.remove(0); MAX_ENTRIES + 1], ..seal() };
    refused(seal_request(many), "entries");
}

#[test]
fn an_unknown_use_key_or_overlong_token_is_refused_and_not_repeated() {
    let asked = wire::UnwrapRequest {
        recording_id: vec![1; 16],
        purpose: "quality".to_owned(),
        r#use: 1,
        sections: Vec::new(),
        subject_token: "t".to_owned(),
        reference: String::new(),
    };
    assert_eq!(ask(asked.clone()).unwrap().wanted, Use::Replay);
    refused(ask(wire::UnwrapRequest { r#use: 0, ..asked.clone() }), "use");
    refused(ask(wire::UnwrapRequest { r#use: 77, ..asked.clone() }), "use");
    let long = "s".repeat(Token::MAX_LEN + 1);
    let error = ask(wire::UnwrapRequest { subject_token: long, ..asked }).unwrap_err();
    assert!(!error.to_string().contains("sss"));
    refused(hmac_request(wire::HmacRequest { key: 0, values: vec![b"+39".to_vec()] }), "key");
}

#[test]
fn a_reference_is_a_code_or_empty() {
    let asked = |reference: &str| wire::UnwrapRequest {
        recording_id: vec![1; 16],
        purpose: "quality".to_owned(),
        r#use: 1,
        sections: Vec::new(),
        subject_token: "t".to_owned(),
        reference: reference.to_owned(),
    };
    for taken in ["", "0199f2f0-0000-7000-8000-000000000001", "consob:2026.17", &"a".repeat(80)] {
        assert_eq!(ask(asked(taken)).unwrap().reference, taken);
    }
    for wrong in ["Mario Rossi", "a b", "A", "a_b", "\u{e0}", &"a".repeat(81)] {
        let error = ask(asked(wrong)).unwrap_err();
        assert!(!error.to_string().contains(wrong), "{error}");
        refused(ask(asked(wrong)), "reference");
    }
}

fn erase() -> wire::EraseRequest {
    wire::EraseRequest {
        recording_id: vec![1; 16],
        erasure_id: vec![2; 16],
        purposes: vec!["quality".to_owned(), "sealing".to_owned(), "quality".to_owned()],
        spans: vec![
            wire::SectionSpans { leg: 0, section: 1, spans: vec![range(3, 4), range(9, 9)] },
            wire::SectionSpans { leg: 65_535, section: 0, spans: vec![range(0, (1 << 20) - 1)] },
        ],
    }
}

#[test]
fn an_erasure_is_read_whole() {
    let asked = erase_request(erase()).unwrap();
    assert_eq!(asked.recording, RecordingId::from_bytes([1; 16]));
    assert_eq!(asked.erasure, ErasureId::from_bytes([2; 16]));
    assert_eq!(asked.purposes.iter().map(PurposeName::as_str).collect::<Vec<_>>(), ["quality", "sealing"]);
    let few = SpanSet::from_ranges([3..5, 9..10]).unwrap();
    let expected = [((LegNo(0), SectionNo(1)), few), ((LegNo(65_535), SectionNo(0)), SpanSet::all())];
    assert_eq!(asked.spans, Some(expected.into()));
    let all = wire::EraseRequest { purposes: Vec::new(), spans: Vec::new(), ..erase() };
    let all = erase_request(all).unwrap();
    assert_eq!((all.purposes, all.spans), (BTreeSet::new(), None));
}

#[test]
fn a_malformed_erasure_is_refused_by_its_field() {
    let with = |change: &dyn Fn(&mut wire::EraseRequest)| {
        let mut request = erase();
        change(&mut request);
        erase_request(request)
    };
    refused(with(&|erase| erase.recording_id = vec![1; 15]), "recording_id");
    refused(with(&|erase| erase.erasure_id = Vec::new()), "erasure_id");
    refused(with(&|erase| erase.purposes[0] = "Not A Name".to_owned()), "purposes");
    refused(with(&|erase| erase.purposes = vec!["quality".to_owned(); MAX_PURPOSES + 1]), "purposes");
    refused(with(&|erase| erase.spans[0].leg = 65_536), "leg");
    refused(with(&|erase| erase.spans[0].spans = vec![range(5, 4)]), "spans");
    refused(with(&|erase| erase.spans[0].spans = vec![range(0, 1 << 20)]), "span range");
    refused(with(&|erase| erase.spans[0].spans = vec![range(0, 0); MAX_RANGES + 1]), "spans");
    // Never taken for the whole recording.
    refused(with(&|erase| erase.spans[0].spans.clear()), "spans");
    refused(with(&|erase| erase.spans = vec![wire::SectionSpans::default()]), "spans");
    refused(with(&|erase| erase.spans.push(erase.spans[0].clone())), "spans");
    let section = |section| wire::SectionSpans { leg: 0, section, spans: vec![range(0, 0)] };
    refused(with(&|erase| erase.spans = (0..=MAX_SECTIONS as u32).map(section).collect()), "spans");
    let many = |section| wire::SectionSpans { leg: 0, section, spans: vec![range(0, 0); MAX_RANGES] };
    assert!(with(&|erase| erase.spans = (0..4).map(many).collect()).is_ok());
    refused(with(&|erase| erase.spans = (0..5).map(many).collect()), "spans");
}

#[test]
fn what_was_erased_is_told_with_its_dates_and_never_with_too_short_a_wait() {
    let nothing = erase_response(&Erased::default());
    assert_eq!((nothing.leases, nothing.epochs, nothing.not_before), (0, Vec::new(), 0));
    let erased = Erased {
        removed: 2,
        narrowed: 3,
        leases: Duration::from_micros(1_001),
        epochs: BTreeSet::from([KeyEpoch(4), KeyEpoch(2)]),
        not_before: Some(kernel::Timestamp(77)),
    };
    let told = erase_response(&erased);
    assert_eq!((told.removed, told.narrowed, told.leases), (2, 3, 2));
    assert_eq!((told.epochs, told.not_before), (vec![2, 4], 77));
}
