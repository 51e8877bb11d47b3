use proptest::prelude::*;

use super::*;

/// The bytes of [`sample`] as the first version wrote them; they are read for ever.
const GOLDEN: &str = concat!(
    "a90101020703582011111111111111111111111111111111111111111111111111",
    "11111111111111041b00060a24181e4000056a62616e63612d616c666106502222",
    "222222222222222222222222222207080883015033333333333333333333333333",
    "333333030982666172742d31376f707572706f73653a7175616c697479",
);

fn code(text: &str) -> Code {
    Code::new(text).unwrap()
}

fn sample() -> Record {
    let act = Act {
        id: EventId::from_bytes([0x22; 16]),
        at: Timestamp(1_700_000_000_000_000),
        tenant: TenantId::new("banca-alfa").unwrap(),
        kind: Kind::ErasureIntended,
        about: About::Aggregate { id: Uuid::from_bytes([0x33; 16]), version: 3 },
        codes: vec![code("art-17"), code("purpose:quality")],
    };
    Record { number: 7, before: [0x11; 32], act }
}

fn with(change: impl FnOnce(&mut Act)) -> Record {
    let mut record = sample();
    change(&mut record.act);
    record
}

/// The longest of each form.
fn longest() -> Vec<Record> {
    let abouts = [
        (Kind::OrderPlaced, About::Aggregate { id: Uuid::max(), version: u64::MAX }),
        (Kind::EpochDestroyed, About::Epoch(KeyEpoch(u64::MAX))),
        (Kind::LedgerRoot, About::Root { incarnation: Uuid::max(), size: u64::MAX, root: [0xff; 32] }),
    ];
    let records = abouts.map(|(kind, about)| Record {
        number: u64::MAX,
        before: [0xff; 32],
        act: Act {
            id: EventId::from_bytes([0xff; 16]),
            at: Timestamp(i64::MIN),
            tenant: TenantId::new("t".repeat(TenantId::MAX_LEN)).unwrap(),
            kind,
            about,
            codes: vec![code(&"c".repeat(Code::MAX_LEN)); MAX_CODES],
        },
    });
    records.into()
}

/// Field and problem of the error that these bytes give.
fn refused(bytes: &[u8]) -> (&'static str, &'static str) {
    let error = Record::decode(bytes).unwrap_err();
    assert!(error.at <= bytes.len(), "{error}");
    (error.field, error.problem)
}

#[test]
fn a_record_of_the_first_version_reads_for_ever() {
    assert_eq!(hex::encode(sample().encode()), GOLDEN);
    assert_eq!(Record::decode(&hex::decode(GOLDEN).unwrap()), Ok(sample()));
}

#[test]
fn the_longest_records_are_within_the_bound() {
    for record in longest() {
        assert_eq!(record.act.problem(), None);
        let bytes = record.encode();
        assert!(bytes.len() <= MAX_RECORD, "{}", bytes.len());
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
    assert_eq!(refused(&[0; MAX_RECORD + 1]).1, "goes on beyond the longest that is written");
}

#[test]
fn a_flipped_bit_is_another_record_or_none() {
    for record in [sample()].into_iter().chain(longest()) {
        let bytes = record.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Record::decode(&flipped) {
                assert_ne!(other, record, "bit {bit}");
                assert_eq!(other.encode(), flipped, "bit {bit}");
            }
        }
    }
}

#[test]
fn a_record_that_is_cut_or_goes_on_is_none() {
    for record in [sample()].into_iter().chain(longest()) {
        let mut bytes = record.encode();
        for length in 0..bytes.len() {
            assert_eq!(refused(&bytes[..length]).1, "ends early", "cut at {length}");
        }
        bytes.push(0);
        assert_eq!(refused(&bytes), ("the record", "is followed by more bytes"));
    }
}

#[test]
fn what_is_wrong_is_named_with_its_field() {
    let bytes = sample().encode();
    let changed = |at: usize, to: &[u8]| {
        let mut changed = bytes.clone();
        changed.splice(at..at + 1, to.iter().copied());
        changed
    };
    // Where the values begin: version, number, time, kind, about, its form, codes, the first code.
    let (version, number, kind, about, form, codes, first) = (2, 4, 81, 83, 84, 104, 105);
    for (changed, expected) in [
        (changed(0, &[0xa8]), ("the record", "has another number of fields")),
        (changed(0, &[0xbf]), ("the record", "has an indefinite length")),
        (changed(0, &[0x89]), ("the record", "must be a map")),
        (changed(1, &[3]), ("version", "is missing")),
        (changed(version, &[2]), ("version", "is none that this program reads")),
        (changed(version, &[0x18, 1]), ("the record", "is not in its only encoding")),
        (changed(number, &[0]), ("number", "must be 1 or more")),
        (changed(number, &[0x20]), ("number", "must be an unsigned integer")),
        (changed(kind, &[13]), ("kind", "is none that is known")),
        (changed(kind, &[0]), ("kind", "is none that is known")),
        (changed(kind, &[11]), ("what it is about", "is nothing that its kind is done to")),
        (changed(about, &[0x84]), ("what it is about", "has no form that is known")),
        (changed(form, &[4]), ("what it is about", "has no form that is known")),
        (changed(codes, &[0x91]), ("codes", "has too many items")),
        (
            changed(codes, &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            ("codes", "has too many items"),
        ),
        (changed(codes, &[0x9f]), ("codes", "has an indefinite length")),
        (changed(first + 1, b"A"), ("a code", "is not a word of its characters")),
        (changed(first, &[0x46]), ("a code", "must be text")),
    ] {
        assert_eq!(refused(&changed), expected, "{}", hex::encode(&changed));
    }
}

#[test]
fn the_place_of_an_error_is_where_its_field_begins() {
    let mut bytes = sample().encode();
    bytes[81] = 13;
    let error = Record::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "kind at byte 81 is none that is known");
}

#[test]
fn more_codes_than_the_bound_are_no_act_and_no_record() {
    let many = with(|act| act.codes = vec![code("c"); MAX_CODES + 1]);
    assert_eq!(many.act.problem(), Some("has more codes than a record holds"));
    assert_eq!(refused(&many.encode()), ("codes", "has too many items"));
}

#[test]
fn a_kind_is_done_to_one_form_of_thing() {
    let root = About::Root { incarnation: Uuid::nil(), size: 1, root: [0; 32] };
    let abouts = [sample().act.about, About::Epoch(KeyEpoch(1)), root];
    for kind in Kind::ALL {
        let fitting = abouts.into_iter().filter(|about| {
            let record = with(|act| (act.kind, act.about) = (*kind, *about));
            let reads = Record::decode(&record.encode()).is_ok();
            assert_eq!(reads, record.act.problem().is_none(), "{kind} {about:?}");
            reads
        });
        assert_eq!(fitting.count(), 1, "{kind}");
    }
}

#[test]
fn an_act_repeats_another_whatever_its_time_and_codes() {
    let standing = sample().act;
    assert!(with(|act| act.at = Timestamp(1)).act.repeats(&standing));
    assert!(with(|act| act.codes.clear()).act.repeats(&standing));
    assert!(!with(|act| act.kind = Kind::ErasureDone).act.repeats(&standing));
    assert!(!with(|act| act.tenant = TenantId::new("other").unwrap()).act.repeats(&standing));
    assert!(!with(|act| act.about = About::Epoch(KeyEpoch(1))).act.repeats(&standing));
}

fn any_about(kind: Kind) -> BoxedStrategy<About> {
    let id = any::<[u8; 16]>().prop_map(Uuid::from_bytes);
    match kind {
        Kind::EpochDestroyed => any::<u64>().prop_map(|epoch| About::Epoch(KeyEpoch(epoch))).boxed(),
        Kind::LedgerRoot => (id, any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(incarnation, size, root)| About::Root { incarnation, size, root })
            .boxed(),
        _ => (id, any::<u64>()).prop_map(|(id, version)| About::Aggregate { id, version }).boxed(),
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    let kind = prop::sample::select(Kind::ALL);
    let thing = kind.prop_flat_map(|kind| (Just(kind), any_about(kind)));
    let codes = prop::collection::vec("[a-z0-9.:-]{1,64}", 0..=MAX_CODES);
    (any::<[u8; 16]>(), any::<i64>(), "[a-z0-9]([a-z0-9-]{0,30}[0-9])?", thing, codes).prop_map(
        |(id, at, tenant, (kind, about), codes)| Act {
            id: EventId::from_bytes(id),
            at: Timestamp(at),
            tenant: TenantId::new(tenant).unwrap(),
            kind,
            about,
            codes: codes.iter().map(|text| code(text)).collect(),
        },
    )
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_went(number in 1_u64.., before in any::<[u8; 32]>(), act in any_act()) {
        let record = Record { number, before, act };
        let bytes = record.encode();
        prop_assert!(bytes.len() <= MAX_RECORD);
        prop_assert_eq!(Record::decode(&bytes), Ok(record));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(record) = Record::decode(&bytes) {
            prop_assert_eq!(record.encode(), bytes);
        }
    }

    #[test]
    fn any_change_is_read_or_refused_without_panic(
        at in 0_usize..128, to in prop::collection::vec(any::<u8>(), 0..12), cut in 0_usize..12,
    ) {
        let mut bytes = sample().encode();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, to);
        if let Ok(record) = Record::decode(&bytes) {
            prop_assert_eq!(record.encode(), bytes);
        }
    }
}
