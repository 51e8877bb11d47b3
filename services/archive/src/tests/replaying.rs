use futures::TryStreamExt;
use kernel::Use;
use objects::{IfExists, Key, ObjectStore, PutOptions};
use proto::archive::v1::recordings_server::Recordings;
use proto::archive::v1::replay_response::Message;
use proto::archive::v1::{ReplayFormat, ReplayRequest};
use proto::common::v1::Interval;
use tonic::{Code, Status};

use crate::testing::{Bench, Call, guarded, payload};

const MIFID: &str = "mifid2-transaction";

pub(super) fn request(call: &Call) -> ReplayRequest {
    ReplayRequest {
        recording_id: call.key.id.to_bytes().to_vec(),
        r#use: Use::Replay.number(),
        format: ReplayFormat::Frames.into(),
        ..ReplayRequest::default()
    }
}

pub(super) async fn play(
    bench: &Bench,
    call: &Call,
    purpose: &str,
    request: ReplayRequest,
) -> Result<Vec<Message>, Status> {
    let stream = bench.rpc().replay(guarded(&call.key.tenant, Some(purpose), request)).await?.into_inner();
    stream.map_ok(|response| response.message.unwrap()).try_collect().await
}

/// Leg and number of every frame; its payload is checked on the way.
pub(super) fn frames(messages: &[Message]) -> Vec<(u32, u64)> {
    let mut heard = Vec::new();
    for message in messages {
        let Message::Frames(frames) = message else { continue };
        for frame in &frames.frames {
            assert_eq!(frame.payload, payload(frames.leg as u16, frame.number), "frame {}", frame.number);
            assert_eq!((frame.rtp_timestamp, frame.payload_type), (frame.number * 160, 8));
            assert_eq!(frame.position, frame.number * 20_000);
            heard.push((frames.leg, frame.number));
        }
    }
    heard
}

pub(super) fn gaps(messages: &[Message], leg: u32) -> Vec<(u64, u64, &str)> {
    let mut found = Vec::new();
    for message in messages {
        if let Message::Gap(gap) = message
            && gap.leg == leg
        {
            found.push((gap.start, gap.end, gap.reason.as_str()));
        }
    }
    found
}

pub(super) fn of_leg(frames: &[(u32, u64)], leg: u32) -> Vec<u64> {
    frames.iter().filter(|(own, _)| *own == leg).map(|(_, number)| *number).collect()
}

async fn sealed(bench: &Bench, seconds: u64, purposes: &[(&str, u64)]) -> Call {
    let mut call = Call::plain(bench, seconds, purposes).await;
    call.mark(bench, "order", 500_000, true).await;
    call.mark(bench, "order", 1_500_000, false).await;
    call.close(bench, seconds * 50).await;
    bench.consume().await;
    call
}

#[tokio::test]
async fn a_whole_recording_plays_bit_exact() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3, &[(MIFID, 0)]).await;
    let messages = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    assert!(matches!(&messages[0], Message::Begin(begin) if begin.legs.len() == 2));
    let heard = frames(&messages);
    for leg in 0..2 {
        assert_eq!(of_leg(&heard, leg), (0..150).collect::<Vec<_>>());
        assert_eq!(gaps(&messages, leg), []);
    }
    let Some(Message::End(end)) = messages.last() else { panic!("no end") };
    assert_eq!((end.frames, end.payload_bytes), (300, 300 * 160));
}

#[tokio::test]
async fn a_purpose_plays_from_its_basis_and_the_rest_is_a_marked_gap() {
    let bench = Bench::new().await;
    // Consent in the midst of span 1: the first whole span after it is span 2.
    let call = sealed(&bench, 4, &[(MIFID, 0), ("quality", 1_300_000)]).await;
    let messages = play(&bench, &call, "quality", request(&call)).await.unwrap();
    let heard = frames(&messages);
    assert_eq!(of_leg(&heard, 0), (100..200).collect::<Vec<_>>());
    assert_eq!(gaps(&messages, 0), [(0, 2_000_000, "other-purpose")]);
}

#[tokio::test]
async fn ranges_and_marks_play_whole_frames_within_them() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3, &[(MIFID, 0)]).await;
    let marked = ReplayRequest { mark: "order".to_owned(), ..request(&call) };
    let heard = frames(&play(&bench, &call, MIFID, marked).await.unwrap());
    assert_eq!(of_leg(&heard, 1), (25..75).collect::<Vec<_>>());
    let ranges = vec![Interval { start: 10_000, end: 70_000 }, Interval { start: 2_000_000, end: 2_040_000 }];
    let ranged = ReplayRequest { ranges, legs: vec![1], ..request(&call) };
    let heard = frames(&play(&bench, &call, MIFID, ranged).await.unwrap());
    assert_eq!(heard, [(1, 1), (1, 2), (1, 100), (1, 101)]);
}

#[tokio::test]
async fn pauses_and_stops_are_gaps_with_their_reason() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    call.pause(&bench, 1_000_000, 2_000_000).await;
    for leg in 0..2 {
        call.dropped(&bench, leg, 50, 99, 1).await;
        call.span(&bench, leg, 0, 1, (100, 149), true).await;
        call.dropped(&bench, leg, 150, 199, 4).await;
    }
    call.close(&bench, 200).await;
    bench.consume().await;
    let messages = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    let expected = [(1_000_000, 2_000_000, "pause"), (3_000_000, 4_000_000, "stopped")];
    assert_eq!(gaps(&messages, 0), expected);
    assert_eq!(of_leg(&frames(&messages), 0), (0..50).chain(100..150).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_superseded_frame_plays_once() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 2, &[(MIFID, 0)]).await;
    call.epoch = 2;
    for leg in 0..2 {
        call.section(&bench, leg, 1).await;
        call.span(&bench, leg, 1, 0, (80, 129), true).await;
    }
    call.close(&bench, 130).await;
    bench.consume().await;
    let heard = frames(&play(&bench, &call, MIFID, request(&call)).await.unwrap());
    assert_eq!(of_leg(&heard, 0), (0..130).collect::<Vec<_>>());
}

#[tokio::test]
async fn missing_frames_are_a_gap_named_missing() {
    let bench = Bench::new().await;
    let mut call = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    for leg in 0..2 {
        call.span(&bench, leg, 0, 2, (100, 149), true).await;
    }
    call.close(&bench, 150).await;
    bench.consume().await;
    bench.pass(60);
    bench.consume().await;
    let messages = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    assert_eq!(gaps(&messages, 1), [(1_000_000, 2_000_000, "missing")]);
}

#[tokio::test]
async fn what_may_not_be_heard_is_refused_in_one_word() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 1, &[(MIFID, 0)]).await;
    let open = Call::plain(&bench, 1, &[(MIFID, 0)]).await;
    bench.consume().await;
    let check = async |call: &Call, purpose: &str, request: ReplayRequest, code: Code, reason: &str| {
        let status = play(&bench, call, purpose, request).await.unwrap_err();
        assert_eq!((status.code(), platform::error::reason(&status)), (code, reason));
    };
    check(&call, "training", request(&call), Code::PermissionDenied, "no-basis").await;
    check(&open, MIFID, request(&open), Code::FailedPrecondition, "open").await;
    let unknown = ReplayRequest { recording_id: vec![7; 16], ..request(&call) };
    check(&call, MIFID, unknown, Code::NotFound, "not-found").await;
    let backwards = ReplayRequest { ranges: vec![Interval { start: 5, end: 5 }], ..request(&call) };
    check(&call, MIFID, backwards, Code::InvalidArgument, "invalid-argument").await;
    let unmarked = ReplayRequest { mark: "payment".to_owned(), ..request(&call) };
    check(&call, MIFID, unmarked, Code::InvalidArgument, "invalid-argument").await;
    let no_leg = ReplayRequest { legs: vec![7], ..request(&call) };
    check(&call, MIFID, no_leg, Code::InvalidArgument, "invalid-argument").await;
    bench.keys.state().refuses = Some("role");
    check(&call, MIFID, request(&call), Code::PermissionDenied, "role").await;
    // Nor are gaps for whoever may not hear what lies around them.
    let beyond = vec![Interval { start: 900_000_000, end: 901_000_000 }];
    let nothing = ReplayRequest { ranges: beyond, ..request(&call) };
    check(&call, MIFID, nothing, Code::PermissionDenied, "role").await;
}

#[tokio::test]
async fn a_withdrawn_purpose_is_refused_as_withdrawn() {
    let bench = Bench::new().await;
    bench.keys.state().gone.insert("quality".to_owned());
    let call = sealed(&bench, 1, &[(MIFID, 0), ("quality", 0)]).await;
    let status = play(&bench, &call, "quality", request(&call)).await.unwrap_err();
    assert_eq!((status.code(), platform::error::reason(&status)), (Code::PermissionDenied, "withdrawn"));
}

#[tokio::test]
async fn a_range_without_audio_plays_as_gaps() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2, &[(MIFID, 0), ("quality", 1_000_000)]).await;
    let ranges = vec![Interval { start: 0, end: 500_000 }];
    let messages = play(&bench, &call, "quality", ReplayRequest { ranges, ..request(&call) }).await.unwrap();
    assert_eq!(frames(&messages), []);
    assert_eq!(gaps(&messages, 0), [(0, 500_000, "other-purpose")]);
}

#[tokio::test]
async fn a_lease_is_renewed_within_a_running_replay_and_a_refusal_ends_it() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3, &[(MIFID, 0)]).await;
    // A lease so short that every span needs it anew: it has run out, so the gate itself is asked.
    bench.keys.state().ttl = 0;
    let rpc = bench.rpc();
    let asked = guarded(&call.key.tenant, Some(MIFID), request(&call));
    let mut stream = rpc.replay(asked).await.unwrap().into_inner();
    assert!(matches!(stream.try_next().await.unwrap().unwrap().message, Some(Message::Begin(_))));
    assert!(matches!(stream.try_next().await.unwrap().unwrap().message, Some(Message::Frames(_))));
    bench.keys.state().refuses = Some("withdrawn");
    let status = stream.try_next().await.unwrap_err();
    assert_eq!(platform::error::reason(&status), "withdrawn");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_still_runs_is_renewed_in_its_second_half() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3, &[(MIFID, 0)]).await;
    let asked = guarded(&call.key.tenant, Some(MIFID), request(&call));
    let mut stream = bench.rpc().replay(asked).await.unwrap().into_inner();
    stream.try_next().await.unwrap();
    stream.try_next().await.unwrap();
    assert_eq!(bench.keys.state().renewed, 0);
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    stream.try_next().await.unwrap();
    assert_eq!(bench.keys.state().renewed, 1);
    bench.keys.state().refuses_renewal = true;
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    let status = stream.try_next().await.unwrap_err();
    assert_eq!((status.code(), platform::error::reason(&status)), (Code::PermissionDenied, "withdrawn"));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_knows_any_more_is_asked_for_anew_of_the_gate_itself() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 4, &[(MIFID, 0)]).await;
    let asked = guarded(&call.key.tenant, Some(MIFID), request(&call));
    let mut stream = bench.rpc().replay(asked).await.unwrap().into_inner();
    stream.try_next().await.unwrap();
    stream.try_next().await.unwrap();
    bench.keys.state().forgot_leases = true;
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    assert!(matches!(stream.try_next().await.unwrap().unwrap().message, Some(Message::Frames(_))));
    bench.keys.state().refuses = Some("withdrawn");
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    let status = stream.try_next().await.unwrap_err();
    assert_eq!(platform::error::reason(&status), "withdrawn");
}

#[tokio::test]
async fn a_flipped_byte_is_an_unreadable_gap_and_the_rest_plays() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 3, &[(MIFID, 0)]).await;
    let name = Key::new(format!("{}/{}/00000/0000000000/0000000", call.key.tenant, call.key.id)).unwrap();
    flip(&bench, &name, 9_000).await;
    let messages = play(&bench, &call, MIFID, request(&call)).await.unwrap();
    assert_eq!(gaps(&messages, 0), [(1_000_000, 2_000_000, "unreadable")]);
    assert_eq!(of_leg(&frames(&messages), 0), (0..50).chain(100..150).collect::<Vec<_>>());
    assert_eq!(of_leg(&frames(&messages), 1).len(), 150);
}

/// Puts an object's bytes back with one of them changed.
pub(super) async fn flip(bench: &Bench, name: &Key, at: usize) {
    let mut bytes = bench.objects.get(name, None, None).await.unwrap().bytes.to_vec();
    bytes[at] ^= 1;
    let options = PutOptions { if_exists: IfExists::NewVersion, ..PutOptions::default() };
    bench.objects.put(name, bytes.into(), options).await.unwrap();
}

#[tokio::test]
async fn a_wav_has_every_sample_in_its_place() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2, &[(MIFID, 0), ("quality", 1_000_000)]).await;
    let wav = ReplayRequest { format: ReplayFormat::Wav.into(), ..request(&call) };
    let messages = play(&bench, &call, "quality", wav).await.unwrap();
    let mut bytes = Vec::new();
    for message in &messages {
        if let Message::Wav(chunk) = message {
            bytes.extend_from_slice(chunk);
        }
    }
    assert_eq!(bytes.len(), 58 + 2 * 16_000);
    let data = &bytes[58..];
    assert!(data[..16_000].iter().all(|byte| *byte == 0xd5), "what is not quality's is silence");
    for (leg, at) in [(0, 0), (1, 1)] {
        let heard: Vec<u8> = data[16_000..].iter().skip(at).step_by(2).copied().collect();
        let sent: Vec<u8> = (50..100).flat_map(|frame| payload(leg, frame)).collect();
        assert_eq!(heard, sent);
    }
    assert_eq!(gaps(&messages, 0), [(0, 1_000_000, "other-purpose")]);
    assert!(matches!(messages.last(), Some(Message::End(end)) if end.frames == 100));
}

#[tokio::test]
async fn what_covers_a_claim_is_handed_to_the_gate_and_no_other_use_has_any() {
    let bench = Bench::new().await;
    let call = sealed(&bench, 2, &[(MIFID, 0)]).await;
    let asked = |use_for: Use, reference: &str| ReplayRequest {
        r#use: use_for.number(),
        reference: reference.to_owned(),
        ..request(&call)
    };
    // A lease that has run out by each span: the gate is asked anew, for the same.
    bench.keys.state().ttl = 0;
    for (use_for, reference) in [(Use::LegalClaim, "hold-1"), (Use::Authority, "order-2"), (Use::Replay, "")]
    {
        bench.keys.state().references.clear();
        play(&bench, &call, MIFID, asked(use_for, reference)).await.unwrap();
        let told = bench.keys.state().references.clone();
        assert!(told.len() > 1 && told.iter().all(|own| own == reference), "{use_for}: {told:?}");
    }
    let long = "x".repeat(257);
    let refused = [
        (Use::Replay, "hold-1"),
        (Use::Review, "hold-1"),
        (Use::Rights, "hold-1"),
        (Use::Probe, "hold-1"),
        (Use::LegalClaim, long.as_str()),
    ];
    for (use_for, reference) in refused {
        let status = play(&bench, &call, MIFID, asked(use_for, reference)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{use_for}");
        assert!(status.message().contains("reference") && !status.message().contains("hold-1"));
    }
}

#[tokio::test]
async fn replays_beyond_the_bound_are_refused() {
    let mut bench = Bench::new().await;
    bench.config.replays = 1;
    let call = sealed(&bench, 1, &[(MIFID, 0)]).await;
    let rpc = bench.rpc();
    let asked = || guarded(&call.key.tenant, Some(MIFID), request(&call));
    let running = rpc.replay(asked()).await.unwrap();
    let status = rpc.replay(asked()).await.err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    drop(running);
    assert!(rpc.replay(asked()).await.is_ok());
}
