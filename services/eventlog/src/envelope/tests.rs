use proptest::prelude::*;

use super::*;

fn stored(record: Record) -> Stored {
    Stored {
        offset: 0,
        timestamp: Timestamp(0),
        key: record.key,
        headers: record.headers,
        value: record.value,
    }
}

fn event() -> Envelope {
    Envelope {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        kind: "verbale.consent.granted".to_owned(),
        tenant: TenantId::new("banca-alfa").unwrap(),
        aggregate: "subject-1".to_owned(),
        version: 7,
        at: Timestamp::parse("2026-03-01T09:30:00.000001Z").unwrap(),
        trace: TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        payload: vec![0, 1, 255],
    }
}

#[test]
fn headers_are_those_of_cloudevents_in_kafka() {
    let record = to_record(&event(), "/verbale/consent");
    let shown: Vec<_> = record
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("ce_specversion", "1.0"),
            ("ce_id", "01890a5d-ac96-774b-bcce-b302099a8057"),
            ("ce_type", "verbale.consent.granted"),
            ("ce_source", "/verbale/consent"),
            ("ce_time", "2026-03-01T09:30:00.000001Z"),
            ("ce_subject", "subject-1"),
            ("ce_verbaletenant", "banca-alfa"),
            ("ce_verbaleversion", "7"),
            ("content-type", "application/protobuf"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]
    );
    assert_eq!(
        (record.key.as_slice(), record.value.as_ref()),
        (b"subject-1".as_slice(), [0, 1, 255].as_slice())
    );
    assert_eq!(source(&stored(record)).unwrap(), "/verbale/consent");
}

#[test]
fn every_header_but_the_trace_is_needed_and_checked() {
    let whole = to_record(&event(), "/verbale/consent");
    for (name, _) in whole.headers.iter().filter(|(name, _)| name != TRACE && name != SOURCE) {
        let mut without = whole.clone();
        without.headers.retain(|(own, _)| own != name);
        assert!(matches!(from_record(&stored(without)), Err(EnvelopeError::Missing(_))), "{name}");

        let mut damaged = whole.clone();
        damaged.headers.iter_mut().filter(|(own, _)| own == name).for_each(|(_, value)| *value = vec![0xff]);
        assert!(from_record(&stored(damaged)).is_err(), "{name}");
    }
    let unlike = Record { key: b"subject-2".to_vec(), ..whole };
    assert_eq!(from_record(&stored(unlike)), Err(EnvelopeError::Key));
}

proptest! {
    #[test]
    fn an_event_comes_back_as_it_went(
        kind in "[a-z.]{1,40}", aggregate in "\\PC{0,60}", version: u64,
        micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000, traced: bool, payload: Vec<u8>,
    ) {
        let trace = if traced { event().trace } else { None };
        let sent = Envelope { kind, aggregate, version, at: Timestamp(micros), trace, payload, ..event() };
        prop_assert_eq!(from_record(&stored(to_record(&sent, "/verbale/test"))), Ok(sent));
    }

    #[test]
    fn any_headers_are_read_without_panic(
        headers in prop::collection::vec(("(ce_[a-z]{2,8}|traceparent)", prop::collection::vec(any::<u8>(), 0..40)), 0..12),
    ) {
        let record = Record { key: Vec::new(), headers, value: Vec::new().into() };
        prop_assert!(from_record(&stored(record)).is_err());
    }
}
