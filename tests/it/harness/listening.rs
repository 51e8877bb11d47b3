//! Replays as a listener gets them, frame by frame.

use std::collections::BTreeMap;

use kernel::{Interval, IntervalSet, Position, PurposeName, RecordingId, Use};
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::archive::v1::replay_response::Message;
use proto::archive::v1::{ReplayFormat, ReplayFrame, ReplayGap, ReplayRequest};
use tonic::Status;
use verbale::connect::Caller;

use super::expected::Fate;
use super::{Expected, Sample};

/// What a replay gave out.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// By leg and frame number.
    pub(crate) frames: BTreeMap<(u32, u64), ReplayFrame>,
    pub(crate) gaps: Vec<ReplayGap>,
}

/// Replays a whole recording for a purpose.
pub(crate) async fn hear(caller: &Caller, id: RecordingId, purpose: &PurposeName) -> Result<Heard, Status> {
    hear_range(caller, id, purpose, ReplayRequest::default(), "a test listens").await
}

/// Replays what the request says of ranges, mark and legs.
pub(crate) async fn hear_range(
    caller: &Caller,
    id: RecordingId,
    purpose: &PurposeName,
    range: ReplayRequest,
    why: &str,
) -> Result<Heard, Status> {
    listen(caller, id, purpose, ReplayRequest { r#use: Use::Replay.number(), ..range }, why).await
}

/// Replays a whole recording for another use than a listener's, under what the reference names.
pub(crate) async fn hear_for(
    caller: &Caller,
    id: RecordingId,
    purpose: &PurposeName,
    wanted: Use,
    reference: &str,
) -> Result<Heard, Status> {
    let asked =
        ReplayRequest { r#use: wanted.number(), reference: reference.to_owned(), ..Default::default() };
    listen(caller, id, purpose, asked, "a test listens").await
}

async fn listen(
    caller: &Caller,
    id: RecordingId,
    purpose: &PurposeName,
    asked: ReplayRequest,
    why: &str,
) -> Result<Heard, Status> {
    let message =
        ReplayRequest { recording_id: id.to_bytes().to_vec(), format: ReplayFormat::Frames.into(), ..asked };
    let request = caller.stated(message, purpose, why).unwrap();
    let mut stream = RecordingsClient::new(caller.wire()).replay(request).await?.into_inner();
    let (mut heard, mut end) = (Heard::default(), None);
    while let Some(response) = stream.message().await? {
        match response.message.unwrap() {
            Message::Begin(_) => {}
            Message::Frames(frames) => {
                for frame in frames.frames {
                    let repeated = heard.frames.insert((frames.leg, frame.number), frame);
                    assert!(repeated.is_none(), "leg {} plays a frame twice: {repeated:?}", frames.leg);
                }
            }
            Message::Gap(gap) => heard.gaps.push(gap),
            Message::Wav(_) => panic!("WAV bytes in a replay of frames"),
            Message::End(counts) => end = Some(counts),
        }
    }
    let end = end.expect("a replay that ended well says so");
    let bytes: usize = heard.frames.values().map(|frame| frame.payload.len()).sum();
    assert_eq!((end.frames, end.payload_bytes), (heard.frames.len() as u64, bytes as u64));
    Ok(heard)
}

impl Heard {
    /// Compares with the sample, byte for byte, within `asked`: what plays is what was sent, what does not is
    /// a gap that says why, and together they are all that was asked for.
    pub(crate) fn must_be(
        &self,
        expected: &Expected<'_>,
        sample: &Sample,
        purpose: &PurposeName,
        asked: Interval,
    ) {
        let name = sample.name;
        for leg in [0, 1] {
            let mut covered = IntervalSet::EMPTY;
            for number in 0..sample.frames() {
                let place = sample.place(number);
                let heard = self.frames.get(&(leg, number));
                let fate = expected.fate(purpose, number);
                if fate == Fate::Plays && asked.covers(place) {
                    let heard = heard
                        .unwrap_or_else(|| panic!("{name} {purpose}: leg {leg} frame {number} is absent"));
                    let sent = sample.frame(leg as usize, number);
                    assert_eq!(heard.payload, sent.payload, "{name} {purpose}: leg {leg} frame {number}");
                    assert_eq!(
                        (
                            heard.position,
                            heard.rtp_timestamp,
                            heard.rtp_sequence,
                            heard.marker,
                            heard.payload_type
                        ),
                        (
                            place.start().0,
                            sent.rtp_timestamp,
                            sent.rtp_sequence,
                            sent.marker,
                            sent.payload_type
                        )
                    );
                    covered.insert(place);
                    continue;
                }
                assert!(
                    heard.is_none(),
                    "{name} {purpose}: leg {leg} frame {number} plays, expected {fate:?}"
                );
                let Some(part) = place.intersection(asked) else { continue };
                match fate {
                    // It would play, but only a part of it was asked for: it is neither heard nor missing.
                    Fate::Plays => covered.insert(part),
                    Fate::Gap(reason) => {
                        let middle = Position(part.start().0 + part.micros() / 2);
                        let told = self.gap_at(leg, middle);
                        assert_eq!(told, Some(reason), "{name} {purpose}: leg {leg} frame {number}");
                    }
                }
            }
            for gap in self.gaps.iter().filter(|gap| gap.leg == leg) {
                let gap = Interval::new(Position(gap.start), Position(gap.end)).unwrap();
                assert!(!covered.overlaps(gap), "{name} {purpose}: leg {leg} plays in the gap {gap}");
                covered.insert(gap);
            }
            let missing = IntervalSet::from(vec![asked]).difference(&covered);
            assert!(missing.is_empty(), "{name} {purpose}: leg {leg} says nothing of {missing:?}");
        }
    }

    /// Of a leg that a purpose may hear all of, everything plays byte for byte but for what was erased, which is a gap
    /// that says so.
    pub(crate) fn must_play_but(&self, sample: &Sample, leg: u32, erased: &IntervalSet) {
        for number in 0..sample.frames() {
            let (place, heard) = (sample.place(number), self.frames.get(&(leg, number)));
            if erased.overlaps(place) {
                assert!(heard.is_none(), "leg {leg} frame {number} plays, and it was erased");
                let middle = Position(place.start().0 + place.micros() / 2);
                assert_eq!(self.gap_at(leg, middle), Some("erased"), "leg {leg} frame {number}");
            } else {
                let heard = heard.unwrap_or_else(|| panic!("leg {leg} frame {number} is absent"));
                assert_eq!(heard.payload, sample.payload(leg as usize, number), "leg {leg} frame {number}");
                assert_eq!(Position(heard.position), place.start(), "leg {leg} frame {number}");
            }
        }
    }

    fn gap_at(&self, leg: u32, at: Position) -> Option<&str> {
        let found = self.gaps.iter().find(|gap| gap.leg == leg && (gap.start..gap.end).contains(&at.0));
        found.map(|gap| gap.reason.as_str())
    }
}
