use kernel::{RegimeName, SpanNo};
use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::hash::Hash;
use crate::header::SpanHeader;
use crate::samples::{self, header, leg_key, second};
use crate::span::{SealedSpan, SpanView, seal_frames, seal_span};

fn object(spans: &[u32]) -> Object {
    let sealed: Vec<SealedSpan> = spans.iter().map(|&span| samples::sealed(span)).collect();
    let mut views = sealed.iter().map(|span| SpanView::parse(&span.bytes).unwrap());
    let mut builder = ObjectBuilder::new(&views.next().unwrap()).unwrap();
    views.for_each(|view| builder.push(&view).unwrap());
    builder.finish().unwrap()
}

#[test]
fn an_object_verifies_without_keys_and_its_spans_open() {
    let object = object(&[3, 4, 7]);
    assert_eq!(verify_object(&object.bytes).unwrap(), object.footer);
    assert_eq!(object.sha256, Hash::of(&object.bytes));
    let row = object.footer.span(SpanNo(7)).unwrap();
    let container = &object.bytes[row.offset as usize..(row.offset + row.length) as usize];
    let view = row.verify(&object.footer, container).unwrap();
    let key = leg_key().span_key(SpanNo(7)).unwrap();
    assert_eq!(view.open_frames(&key).unwrap(), second(7));
    assert!(object.footer.span(SpanNo(5)).is_none());
    assert_eq!(object.footer.span_set().ranges().collect::<Vec<_>>(), [3..5, 7..8]);
}

#[test]
fn the_name_is_that_of_its_first_span() {
    let name = object(&[3, 4]).name;
    let text = "banca-alfa/11111111-1111-1111-1111-111111111111/00001/0000000002/0000003";
    assert_eq!(name.to_string(), text);
    assert_eq!(text.parse::<ObjectName>().unwrap(), name);
    for wrong in [
        "banca-alfa/11111111-1111-1111-1111-111111111111/1/0000000002/0000003",
        "banca-alfa/11111111-1111-1111-1111-111111111111/00001/0000000002/1048576",
        "banca-alfa/11111111-1111-1111-1111-111111111111/00001/0000000002/0000003/x",
        "banca-alfa/../00001/0000000002/0000003",
        "",
    ] {
        assert!(wrong.parse::<ObjectName>().is_err(), "{wrong}");
    }
}

#[test]
fn a_span_of_another_section_class_or_place_begins_another_object() {
    let first = samples::sealed(3);
    let builder = ObjectBuilder::new(&SpanView::parse(&first.bytes).unwrap()).unwrap();
    let key = leg_key().span_key(SpanNo(4)).unwrap();
    let seal = |header: SpanHeader| seal_frames(&key, &header, &second(4)).unwrap().bytes;
    let takes = |bytes: &[u8]| builder.takes(&SpanView::parse(bytes).unwrap());
    assert!(takes(&seal(header(4))));
    assert!(!takes(&first.bytes), "the same number again");
    assert!(!takes(&seal(SpanHeader { section: kernel::SectionNo(3), ..header(4) })));
    assert!(!takes(&seal(SpanHeader { regimes: vec![], ..header(4) })));
    assert!(!takes(&seal(SpanHeader {
        regimes: vec![RegimeName::new("uk-sysc-10a").unwrap()],
        ..header(4)
    })));
    let mut builder = builder;
    assert!(builder.push(&SpanView::parse(&first.bytes).unwrap()).is_err());
}

#[test]
fn four_mebibytes_are_the_bound() {
    let mut builder: Option<ObjectBuilder> = None;
    for span in 0.. {
        let key = leg_key().span_key(SpanNo(span)).unwrap();
        let sealed = seal_span(&key, &header(span), &vec![0; 200_000]).unwrap();
        let view = SpanView::parse(&sealed.bytes).unwrap();
        let Some(open) = builder.as_mut() else {
            builder = Some(ObjectBuilder::new(&view).unwrap());
            continue;
        };
        if !open.takes(&view) {
            assert!(open.span_bytes() + sealed.bytes.len() > MAX_SPAN_BYTES);
            break;
        }
        open.push(&view).unwrap();
    }
    let object = builder.unwrap().finish().unwrap();
    assert!(object.bytes.len() <= MAX_OBJECT);
    assert!(verify_object(&object.bytes).is_ok());
}

#[test]
fn no_byte_of_an_object_can_be_changed_unseen() {
    let object = object(&[3, 4]);
    for at in (0..object.bytes.len()).step_by(7).chain(object.bytes.len() - 400..object.bytes.len()) {
        let mut bytes = object.bytes.clone();
        bytes[at] ^= 0x40;
        assert!(verify_object(&bytes).is_err(), "byte {at}");
    }
}

#[test]
fn a_byte_of_sealed_audio_names_its_span() {
    let object = object(&[3, 4]);
    let mut bytes = object.bytes.clone();
    bytes[object.footer.spans[1].offset as usize + 2_000] ^= 1;
    assert_eq!(verify_object(&bytes).unwrap_err(), Error::Root(SpanNo(4)));
}

#[test]
fn spans_cut_out_moved_or_added_are_found() {
    let object = object(&[3, 4]);
    let middle = object.footer.spans[1].offset as usize;
    let end = middle + object.footer.spans[1].length as usize;
    let (first, second, rest) = (&object.bytes[..middle], &object.bytes[middle..end], &object.bytes[end..]);
    assert!(verify_object(&[first, second, rest].concat()).is_ok());
    assert!(verify_object(&[second, first, rest].concat()).is_err());
    assert!(verify_object(&[first, rest].concat()).is_err());
    assert!(verify_object(&[first, second, second, rest].concat()).is_err());
    assert!(verify_object(&[first, second, &[0], rest].concat()).is_err());
    for length in (0..object.bytes.len()).step_by(97) {
        assert!(verify_object(&object.bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_tail_says_how_much_more_it_needs() {
    let object = object(&[3, 4]);
    let from_end = |length: usize| Footer::from_tail(&object.bytes[object.bytes.len() - length..]).unwrap();
    assert_eq!(from_end(10), Tail::Needs(TRAILER_LEN));
    let Tail::Needs(needed) = from_end(TRAILER_LEN) else { panic!("forty bytes hold no footer") };
    assert_eq!(from_end(needed - 1), Tail::Needs(needed));
    assert_eq!(from_end(needed), Tail::Footer(object.footer.clone()));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify_object(&bytes).is_err());
        // With a trailer that is right, so that the footer itself is read.
        let footer = bytes.clone();
        bytes.extend_from_slice(&u32::try_from(footer.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&Hash::of(&footer).0);
        bytes.extend_from_slice(&MAGIC);
        prop_assert!(Footer::from_tail(&bytes).is_err());
    }
}
