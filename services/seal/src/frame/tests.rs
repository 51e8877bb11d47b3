use proptest::prelude::*;

use super::*;
use crate::samples;

fn any_frame() -> impl Strategy<Value = Frame> {
    let facts =
        (any::<u64>(), any::<u16>(), any::<u64>(), any::<bool>(), 0u8..128, any::<u64>(), any::<i64>());
    (facts, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(facts, payload)| {
        let (number, rtp_sequence, rtp_timestamp, marker, payload_type, position, arrival_offset) = facts;
        Frame {
            number: FrameNo(number),
            rtp_sequence,
            rtp_timestamp,
            marker,
            payload_type,
            position: Position(position),
            arrival_offset,
            payload: Bytes::from(payload),
        }
    })
}

proptest! {
    #[test]
    fn any_frames_come_out_as_they_went_in(mut frames in prop::collection::vec(any_frame(), 0..20)) {
        frames.sort_by_key(|frame| frame.number);
        frames.dedup_by_key(|frame| frame.number);
        let encoded = encode_frames(&frames).unwrap();
        prop_assert_eq!(decode_frames(&encoded).unwrap(), frames);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_have_one_meaning(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(frames) = decode_frames(&bytes) {
            prop_assert_eq!(encode_frames(&frames).unwrap(), bytes);
        }
    }
}

#[test]
fn a_steady_second_costs_little_more_than_its_payload() {
    let encoded = encode_frames(&samples::second(0)).unwrap();
    assert!(encoded.len() <= 8_000 + 50 * 11, "{} bytes", encoded.len());
}

#[test]
fn the_worst_frame_stays_within_its_overhead() {
    let mut frame = samples::second(0).remove(0);
    frame.payload = Bytes::from(vec![0; MAX_PAYLOAD]);
    frame.number = FrameNo(1 << 63);
    frame.rtp_sequence = u16::MAX;
    frame.rtp_timestamp = 1 << 63;
    frame.position = Position(1 << 63);
    frame.arrival_offset = i64::MIN;
    let encoded = encode_frames(&[frame]).unwrap();
    assert!(encoded.len() <= MAX_PAYLOAD + MAX_OVERHEAD);
}

#[test]
fn bounds_are_named_when_they_are_passed() {
    let mut frame = samples::second(0).remove(0);
    frame.payload = Bytes::from(vec![0; MAX_PAYLOAD + 1]);
    let error = encode_frames(std::slice::from_ref(&frame)).unwrap_err();
    assert_eq!(error.to_string(), "frame payload is 65537, the bound is 65536");
    frame.payload = Bytes::from(vec![0; MAX_PAYLOAD]);
    let five: Vec<_> = (0..5).map(|n| Frame { number: FrameNo(n), ..frame.clone() }).collect();
    let error = encode_frames(&five).unwrap_err();
    assert_eq!(error.to_string(), "span payload is 327680, the bound is 262144");
    frame.payload_type = 128;
    assert!(encode_frames(&[frame]).is_err());
    assert!(decode_frames(&vec![0; MAX_PLAINTEXT + 1]).is_err());
}

#[test]
fn frames_out_of_order_or_twice_are_refused() {
    let frames = samples::second(0);
    assert!(encode_frames(&[frames[1].clone(), frames[0].clone()]).is_err());
    assert!(encode_frames(&[frames[0].clone(), frames[0].clone()]).is_err());
}

#[test]
fn a_number_in_a_longer_form_is_refused() {
    // Length 0x80 0x00 is zero in two bytes.
    let error = decode_frames(&[0x80, 0x00, 8, 0, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(error.to_string(), "span plaintext: payload length at byte 2 is not in its shortest form");
    let error = decode_frames(&[1, 8, 0, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(error.to_string(), "span plaintext: payload at byte 7 ends early");
}
