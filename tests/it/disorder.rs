//! Frames out of order, twice, or never: what networks do to calls.

use kernel::{Position, RecordingId};
use proto::archive::v1::RecordingState;
use proto::ingest::v1 as wire;
use proto::ingest::v1::record_request::Message;

use crate::harness::{FRAME, Line, Sample, World, hear, on_every_shape, purpose};

on_every_shape!(frames_out_of_order_and_twice_play_once_in_order_and_lost_ones_are_a_gap_that_says_so);

/// Frames that are never sent.
const LOST: std::ops::Range<u64> = 400..410;

async fn frames_out_of_order_and_twice_play_once_in_order_and_lost_ones_are_a_gap_that_says_so(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let (caller, id) = (world.sender(&mesh.server(), &sample.tenant), RecordingId::new());
    let (line, _) = Line::open(&caller, &sample.tenant, sample.open(id, 1)).await.unwrap();
    let numbers: Vec<u64> = (0..sample.frames()).collect();
    for chunk in numbers.chunks(8) {
        // Seven behind the eighth, two of them twice.
        let mixed = chunk.iter().rev().chain(chunk.iter().take(2));
        for leg in [0, 1] {
            let sent = mixed.clone().filter(|number| leg == 1 || !LOST.contains(number));
            let frames = sent.map(|number| sample.frame(leg, *number)).collect();
            line.send(Message::Media(wire::Media { leg: leg as u32, frames })).await;
        }
    }
    line.close(&sample).await.unwrap();

    let recording = world.sealed(&mesh.server(), &sample.tenant, id).await;
    assert_eq!((recording.state(), recording.complete), (RecordingState::Sealed, true));
    let person = world.person(&mesh.server(), &sample.tenant);
    let heard = hear(&person, id, &purpose("mifid2-transaction")).await.unwrap();
    for (leg, number) in [0, 1].into_iter().flat_map(|leg| (0..sample.frames()).map(move |n| (leg, n))) {
        let frame = heard.frames.get(&(leg, number));
        if leg == 0 && LOST.contains(&number) {
            assert!(frame.is_none(), "frame {number} was never sent");
        } else {
            let frame = frame.unwrap_or_else(|| panic!("leg {leg} frame {number} is absent"));
            assert_eq!(frame.payload, sample.payload(leg as usize, number), "leg {leg} frame {number}");
            assert_eq!(Position(frame.position), sample.place(number).start());
        }
    }
    // Nobody knows how long lost frames were but by their neighbours: the gap is between these.
    let gap: Vec<_> =
        heard.gaps.iter().map(|gap| (gap.leg, gap.start, gap.end, gap.reason.as_str())).collect();
    assert_eq!(gap, [(0, LOST.start * FRAME, LOST.end * FRAME, "sender")]);
    mesh.stop().await.unwrap();
}
