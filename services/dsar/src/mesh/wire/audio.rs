//! A replay's answers as the bytes of its WAV.

use std::future::ready;

use futures::{StreamExt, stream};
use proto::archive::v1::ReplayResponse;
use proto::archive::v1::replay_response::Message;
use tonic::Streaming;

use super::ARCHIVE;
use crate::error::Error;
use crate::mesh::Audio;

/// What a replay attempts.
pub(super) const ATTEMPT: &str = "replay a leg";

/// The bytes, once the first of them is there: what refuses before that is this function's error.
pub(super) async fn begun(mut answers: Streaming<ReplayResponse>) -> Result<Audio, Error> {
    let first = next(&mut answers).await?;
    let first = first.ok_or(Error::Answer { peer: ARCHIVE, what: "a replay without audio" })?;
    let rest = stream::try_unfold(answers, |mut answers| async move {
        let next = next(&mut answers).await?;
        Ok::<_, Error>(next.map(|bytes| (bytes, answers)))
    });
    Ok(stream::once(ready(Ok(first))).chain(rest).boxed())
}

/// The next bytes; none at the end, which archive tells: what breaks off before it is an error.
async fn next(answers: &mut Streaming<ReplayResponse>) -> Result<Option<Vec<u8>>, Error> {
    loop {
        let answer = answers.message().await.map_err(Error::peer(ARCHIVE, ATTEMPT))?;
        let answer = answer.ok_or(Error::Answer { peer: ARCHIVE, what: "a replay without an end" })?;
        match answer.message {
            Some(Message::Wav(bytes)) => return Ok(Some(bytes)),
            Some(Message::End(_)) => return Ok(None),
            Some(Message::Begin(_) | Message::Frames(_) | Message::Gap(_)) | None => {}
        }
    }
}
