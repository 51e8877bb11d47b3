//! A replay as a stream of messages, pulled by whoever listens.

use std::pin::Pin;

use futures::{Stream, stream};
use platform::call::Sent;
use proto::archive::v1::replay_response::Message;
use proto::archive::v1::{ReplayBegin, ReplayEnd, ReplayFrame, ReplayFrames, ReplayGap, ReplayResponse};
use tonic::Status;

use super::convert;
use crate::absence::Gap;
use crate::error::Error;
use crate::replay::{Counted, Heard, Plan, Played, Sounded, Sounding};
use crate::service::Playing;

type Messages = Pin<Box<dyn Stream<Item = Result<ReplayResponse, Status>> + Send>>;

/// Where a stream is.
enum At {
    Begin,
    Middle,
    Over,
}

/// Frames as they came in.
pub(super) fn frames(playing: Playing, sent: Sent) -> Messages {
    let state = (At::Begin, playing, Counted::default(), sent);
    Box::pin(stream::try_unfold(state, |(at, mut playing, mut counted, sent)| async move {
        let (message, at) = match at {
            At::Begin => (begin(playing.player.plan()), At::Middle),
            At::Middle => match playing.player.next().await.map_err(|error| error.to_status())? {
                Some(Played::Gap(found)) => (gap(&found), At::Middle),
                Some(Played::Frames(heard)) => {
                    counted.add(&heard);
                    sent.audio(heard.micros);
                    (heard_frames(heard), At::Middle)
                }
                None => (end(counted), At::Over),
            },
            At::Over => return Ok(None),
        };
        sent.message();
        Ok(Some((ReplayResponse { message: Some(message) }, (at, playing, counted, sent))))
    }))
}

/// One WAV.
pub(super) fn wav(playing: Playing, sent: Sent) -> Result<Messages, Error> {
    let Playing { player, permit } = playing;
    let begun = begin(player.plan());
    let state = (Some(begun), Some(Sounding::new(player)?), permit, sent);
    Ok(Box::pin(stream::try_unfold(state, |(begun, sounding, permit, sent)| async move {
        let (Some(mut sounding), begun) = (sounding, begun) else { return Ok(None) };
        if let Some(message) = begun {
            sent.message();
            return Ok(Some((
                ReplayResponse { message: Some(message) },
                (None, Some(sounding), permit, sent),
            )));
        }
        let before = sounding.counted().micros;
        let next = sounding.next().await.map_err(|error: Error| error.to_status())?;
        sent.message();
        sent.audio(sounding.counted().micros - before);
        let (message, rest) = match next {
            Some(Sounded::Gap(found)) => (gap(&found), Some(sounding)),
            Some(Sounded::Bytes(bytes)) => (Message::Wav(bytes), Some(sounding)),
            None => (end(sounding.counted()), None),
        };
        Ok::<_, Status>(Some((ReplayResponse { message: Some(message) }, (None, rest, permit, sent))))
    })))
}

fn begin(plan: &Plan) -> Message {
    let ranges = plan.ranges.iter().map(convert::interval);
    let legs = convert::legs(&plan.history).into_iter();
    let asked =
        |leg: &proto::archive::v1::RecordingLeg| plan.legs.iter().any(|own| u32::from(own.0) == leg.leg);
    Message::Begin(ReplayBegin { legs: legs.filter(asked).collect(), ranges: ranges.collect() })
}

fn gap(gap: &Gap) -> Message {
    Message::Gap(ReplayGap {
        leg: gap.leg.0.into(),
        start: gap.interval.start().0,
        end: gap.interval.end().0,
        reason: gap.reason.as_str().to_owned(),
    })
}

fn heard_frames(heard: Heard) -> Message {
    let frames = heard.frames.into_iter().map(|frame| ReplayFrame {
        number: frame.number.0,
        position: frame.position.0,
        rtp_sequence: frame.rtp_sequence.into(),
        rtp_timestamp: frame.rtp_timestamp,
        marker: frame.marker,
        payload_type: frame.payload_type.into(),
        payload: frame.payload.into(),
    });
    Message::Frames(ReplayFrames { leg: heard.leg.0.into(), frames: frames.collect() })
}

fn end(counted: Counted) -> Message {
    Message::End(ReplayEnd { frames: counted.frames, payload_bytes: counted.payload_bytes })
}
