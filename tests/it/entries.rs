//! What keys open, with the keys in hand and not through the gate.

use std::collections::BTreeSet;

use futures::future::join_all;
use kernel::{LegNo, PurposeName};
use seal::{Entry, SpanKey};

use crate::harness::{Expected, Sample, World, id_of, on_every_shape};

on_every_shape!(
    one_purposes_entry_opens_no_span_that_only_another_may_use,
    no_entry_opens_anything_of_a_withdrawn_call,
);

async fn one_purposes_entry_opens_no_span_that_only_another_may_use(world: World) {
    let samples = ["mifid-order-it", "card-payment-en", "access-request-en"].map(Sample::new);
    let mesh = world.up().await;
    let server = mesh.server();
    let recordings = join_all(samples.iter().map(|sample| world.record(&server, sample))).await;
    mesh.stop().await.unwrap();

    let (keyring, shelf) = (world.keyring().await, world.shelf().await);
    let mut forbidden = 0;
    for (sample, recording) in samples.iter().zip(&recordings) {
        let (expected, id) = (Expected::of(sample), id_of(recording));
        let entries = keyring.entries(&sample.tenant, id).await;
        let named: BTreeSet<_> = entries.iter().map(|entry| entry.purpose.clone()).collect();
        assert_eq!(
            named,
            expected.purposes().into_iter().collect(),
            "{}: the entries' purposes",
            sample.name
        );
        for span in shelf.spans(&sample.tenant, id).await {
            let header = &span.header;
            if header.leg >= LegNo(16) {
                continue;
            }
            for purpose in expected.purposes() {
                let may =
                    (header.first_frame.0..=header.last_frame.0).all(|n| expected.may_open(&purpose, n));
                let opening: Vec<_> =
                    keys(&entries, &purpose).into_iter().filter_map(|key| span.frames(&key)).collect();
                assert_eq!(opening.len(), usize::from(may), "{} {purpose}: {header:?}", sample.name);
                for frame in opening.into_iter().flatten() {
                    let sent = sample.payload(header.leg.0.into(), frame.number.0);
                    assert_eq!(frame.payload, sent, "{} {purpose}: frame {}", sample.name, frame.number);
                }
                forbidden += usize::from(!may);
            }
        }
    }
    assert!(
        forbidden > 20,
        "the samples have spans that one purpose may use and another may not: {forbidden}"
    );
}

async fn no_entry_opens_anything_of_a_withdrawn_call(world: World) {
    let sample = Sample::new("withdrawal-midcall-it");
    let mesh = world.up().await;
    let recording = world.record(&mesh.server(), &sample).await;
    mesh.stop().await.unwrap();

    let (keyring, shelf) = (world.keyring().await, world.shelf().await);
    // Its objects go by themselves, soon.
    let spans = shelf.spans(&sample.tenant, id_of(&recording)).await;
    let stored: u32 = recording.legs.iter().map(|leg| leg.spans).sum();
    assert!(stored >= 14, "two legs between consent and withdrawal, a second a span: {stored}");
    let entries = keyring.entries(&sample.tenant, id_of(&recording)).await;
    for entry in &entries {
        for (_, key) in entry.cover.keys_in_order() {
            let opened = spans.iter().find(|span| span.opens(&key));
            assert!(opened.is_none(), "an entry for {} opens {:?}", entry.purpose, opened.map(|s| &s.header));
        }
    }
}

/// Every key that a purpose's entries derive for the spans there can be; a recording of ours has fewer than
/// a hundred in a section.
fn keys(entries: &[Entry], purpose: &PurposeName) -> Vec<SpanKey> {
    let own = entries.iter().filter(|entry| entry.purpose == *purpose);
    own.flat_map(|entry| entry.cover.keys_in_order().take(1_000).map(|(_, key)| key)).collect()
}
