//! `verbale replay`: audio for a purpose and a reason, into a WAV file.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use kernel::{Position, PurposeName, RecordingId};
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::archive::v1::{self as wire, replay_response::Message};
use proto::common::v1::Interval;
use serde_json::json;

use crate::cli::ReplayArgs;
use crate::commands::recordings;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};

/// Runs it.
pub async fn run(caller: &Caller, args: ReplayArgs, out: Output) -> Result<Exit> {
    let request = wire::ReplayRequest {
        recording_id: args.id.to_bytes().to_vec(),
        r#use: args.use_.number(),
        ranges: range(args.from.as_deref(), args.to.as_deref())?.into_iter().collect(),
        mark: args.mark.clone().unwrap_or_default(),
        legs: args.leg.clone(),
        format: wire::ReplayFormat::Wav.into(),
    };
    let written = to_file(caller, request, &args.purpose, &args.reason, &args.output).await?;
    let gaps: Vec<_> = written.gaps.iter().map(|g| json!({
        "leg": g.leg, "start_s": Position(g.start).as_secs_f64(), "end_s": Position(g.end).as_secs_f64(),
        "reason": g.reason,
    })).collect();
    let file = args.output.display().to_string();
    out.value(&json!({"file": file, "bytes": written.bytes, "frames": written.frames, "gaps": gaps}), |_| {
        let mut text = format!("{file}: {} frames, {} bytes", written.frames, written.bytes);
        if !written.gaps.is_empty() {
            let rows = written.gaps.iter().map(|g| {
                let (start, end) = (Position(g.start).to_string(), Position(g.end).to_string());
                vec![g.leg.to_string(), start, end, g.reason.clone()]
            });
            text.push_str("\nwhat does not play:\n");
            text.push_str(&table(&["leg", "from", "to", "why"], rows));
        }
        text
    });
    Ok(if written.is_damaged() { Exit::Fault } else { Exit::Ok })
}

/// What a replay left in its file.
#[derive(Debug, Default)]
pub struct Written {
    /// Bytes of WAV.
    pub bytes: u64,
    /// Frames that were really sent.
    pub frames: u64,
    /// Stretches that do not play.
    pub gaps: Vec<wire::ReplayGap>,
}

impl Written {
    /// Gaps that follow each other for one reason are one.
    fn note(&mut self, gap: wire::ReplayGap) {
        let before = self.gaps.iter_mut().rev().find(|before| before.leg == gap.leg);
        match before.filter(|before| before.end == gap.start && before.reason == gap.reason) {
            Some(before) => before.end = gap.end,
            None => self.gaps.push(gap),
        }
    }

    /// Whether something that is stored did not open.
    pub fn is_damaged(&self) -> bool {
        self.gaps.iter().any(|gap| gap.reason == "unreadable")
    }
}

/// Replays into a file, which appears under its name only when it is whole.
pub async fn to_file(
    caller: &Caller,
    request: wire::ReplayRequest,
    purpose: &PurposeName,
    reason: &str,
    path: &Path,
) -> Result<Written> {
    // A device or a pipe would be replaced by a file.
    let special = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    anyhow::ensure!(!special, "{} is there and is no file", path.display());
    let asked = request.ranges.clone();
    let id = RecordingId::from_slice(&request.recording_id)?;
    let request = caller.stated(request, purpose, reason)?;
    let mut stream = RecordingsClient::new(caller.wire()).replay(request).await?.into_inner();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    let mut written = Written::default();
    let mut ended = false;
    while let Some(response) = stream.message().await? {
        match response.message {
            Some(Message::Wav(bytes)) => {
                written.bytes += bytes.len() as u64;
                file.write_all(&bytes)?;
            }
            Some(Message::Gap(gap)) => written.note(gap),
            Some(Message::End(end)) => {
                written.frames = end.frames;
                ended = true;
            }
            Some(Message::Begin(begin)) if begin.ranges.is_empty() && !asked.is_empty() => {
                let length = recordings::get(caller, id).await?.duration;
                bail!("{}", outside(&asked, length));
            }
            Some(Message::Begin(_) | Message::Frames(_)) | None => {}
        }
    }
    if !ended {
        bail!("the replay broke off; nothing was written");
    }
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(written)
}

/// That none of what was asked for is in a recording of this length.
fn outside(asked: &[Interval], length: u64) -> String {
    let from = asked.iter().map(|range| range.start).min().unwrap_or_default();
    format!("nothing to play from {} on: the recording ends at {}", Position(from), Position(length))
}

fn range(from: Option<&str>, to: Option<&str>) -> Result<Option<Interval>> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let start = from.map(position).transpose()?.unwrap_or(0);
    let end = to.map(position).transpose()?.unwrap_or(u64::MAX);
    if start >= end {
        bail!("--from must be before --to");
    }
    Ok(Some(Interval { start, end }))
}

/// Reads `m:ss.mmm` or seconds.
fn position(text: &str) -> Result<u64> {
    let (minutes, seconds) = text.split_once(':').unwrap_or(("0", text));
    let bad = || format!("{text:?} is no position such as 15.233 or 1:02.5");
    let minutes: u32 = minutes.parse().ok().filter(|m| *m < 100_000).with_context(bad)?;
    let seconds: f64 = seconds.parse().ok().filter(|s| (0.0..1e7).contains(s)).with_context(bad)?;
    let whole =
        std::time::Duration::from_secs_f64(seconds) + std::time::Duration::from_secs(60 * u64::from(minutes));
    Ok(u64::try_from(whole.as_micros())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_minutes_and_seconds_or_seconds() {
        assert_eq!(position("15.233").unwrap(), 15_233_000);
        assert_eq!(position("1:02.5").unwrap(), 62_500_000);
        assert!(position("x").is_err() && position("1:-2").is_err() && position("1e300").is_err());
        assert!(range(Some("5"), Some("4")).is_err());
    }

    #[test]
    fn a_range_behind_the_end_is_refused_with_the_recording_s_length() {
        let asked = [Interval { start: 100_000_000, end: u64::MAX }];
        let told = "nothing to play from 1:40.000 on: the recording ends at 0:35.462";
        assert_eq!(outside(&asked, 35_462_000), told);
    }
}
