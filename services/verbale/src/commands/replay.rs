//! `verbale replay`: audio for a purpose and a reason, into a WAV file.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kernel::{Position, PurposeName, RecordingId};
use platform::error::reason;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::archive::v1::{self as wire, replay_response::Message};
use proto::common::v1::Interval;
use serde_json::json;
use tonic::{Code, Status};

use crate::cli::ReplayArgs;
use crate::commands::recordings;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::shown;

/// Runs it. What somebody has stated about the recording is told with it (GDPR Art. 16), so that is asked for first: who is
/// not told of it does not hear it.
pub async fn run(caller: &Caller, args: ReplayArgs, out: Output) -> Result<Exit> {
    let facts = recordings::get(caller, args.id).await?;
    let request = wire::ReplayRequest {
        recording_id: args.id.to_bytes().to_vec(),
        r#use: args.use_.number(),
        ranges: range(args.from.as_deref(), args.to.as_deref())?.into_iter().collect(),
        mark: args.mark.clone().unwrap_or_default(),
        legs: args.leg.clone(),
        format: wire::ReplayFormat::Wav.into(),
        reference: args.reference.clone().unwrap_or_default(),
    };
    let played = to_file(caller, request, &args.purpose, &args.reason, &args.output).await;
    let written = match played {
        Ok(written) => written,
        Err(error) => return explain(caller, &args, error, out).await,
    };
    let gaps: Vec<_> = written.gaps.iter().map(|g| json!({
        "leg": g.leg, "start_s": Position(g.start).as_secs_f64(), "end_s": Position(g.end).as_secs_f64(),
        "reason": g.reason,
    })).collect();
    let file = args.output.display().to_string();
    if !out.is_json() {
        facts.statements.iter().for_each(|statement| out.note(&shown::stated(statement)));
    }
    let value = json!({
        "file": file, "bytes": written.bytes, "frames": written.frames, "gaps": gaps,
        "statements": shown::statements(&facts),
    });
    out.value(&value, |_| {
        let silent = if written.frames == 0 { ", all of it silence" } else { "" };
        let mut text = format!("{file}: {} frames, {} bytes{silent}", written.frames, written.bytes);
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

/// Says what archive's answer leaves open: that the recording has no such purpose, mark or leg, and which it has.
async fn explain(caller: &Caller, args: &ReplayArgs, error: anyhow::Error, out: Output) -> Result<Exit> {
    let status = error.chain().find_map(|cause| cause.downcast_ref::<Status>());
    if !status.is_some_and(may_be_unknown) {
        return Err(error);
    }
    // Who may not see the recording's facts has archive's answer.
    let Ok(recording) = recordings::get(caller, args.id).await else { return Err(error) };
    let Some((exit, text)) = unknown(&recording, args) else { return Err(error) };
    out.complain(&anyhow::Error::msg(text), exit, Some("`verbale recordings show ID` says what it has"));
    Ok(exit)
}

/// Whether archive would answer so where the recording does not have what was named.
fn may_be_unknown(status: &Status) -> bool {
    match status.code() {
        Code::InvalidArgument => true,
        Code::PermissionDenied => matches!(reason(status), "no-basis" | "purpose-not-in-policy"),
        _ => false,
    }
}

/// What was asked for and the recording does not have, with what it has instead.
fn unknown(recording: &wire::Recording, args: &ReplayArgs) -> Option<(Exit, String)> {
    let marks: BTreeSet<_> = recording.marks.iter().map(|mark| mark.label.as_str()).collect();
    if let Some(mark) = args.mark.as_deref().filter(|mark| !marks.contains(mark)) {
        return Some((Exit::Usage, lacks(args.id, "mark", mark, marks)));
    }
    let legs: BTreeSet<_> = recording.legs.iter().map(|leg| leg.leg).collect();
    if let Some(leg) = args.leg.iter().find(|leg| !legs.contains(*leg)) {
        return Some((Exit::Usage, lacks(args.id, "leg", leg, legs)));
    }
    // One that was asked for and had no basis is the recording's, too: archive says why it does not play.
    let purposes = recording.bases.iter().map(|basis| &basis.purpose);
    let purposes = purposes.chain(recording.gone.iter().map(|gone| &gone.purpose));
    let purposes = purposes.chain(recording.grants.iter().map(|grant| &grant.purpose));
    let purposes: BTreeSet<_> = purposes.map(String::as_str).collect();
    let is_known = purposes.contains(args.purpose.as_str());
    (!is_known).then(|| (Exit::NotFound, lacks(args.id, "purpose", &args.purpose, purposes)))
}

fn lacks(
    id: RecordingId,
    kind: &str,
    asked: impl Display,
    there: impl IntoIterator<Item = impl Display>,
) -> String {
    let there: Vec<_> = there.into_iter().map(|one| one.to_string()).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    format!("recording {id} has no {kind} {asked}; it has {there}")
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

/// Reads `h:mm:ss.mmm`, `m:ss.mmm` or seconds.
pub(crate) fn position(text: &str) -> Result<u64> {
    let bad = || {
        format!("{text:?} is no position: seconds such as 15.233, m:ss as 1:02.5, or h:mm:ss as 1:00:02.5")
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds, most) = match parts.as_slice() {
        [seconds] => ("0", "0", *seconds, 60),
        [minutes, seconds] => ("0", *minutes, *seconds, 100_000),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds, 60),
        [] | [_, _, _, _, ..] => bail!("{}", bad()),
    };
    let hours: u64 = hours.parse().ok().filter(|hours| *hours < 1_000).with_context(bad)?;
    let minutes: u64 = minutes.parse().ok().filter(|minutes| *minutes < most).with_context(bad)?;
    let seconds: f64 = seconds.parse().ok().filter(|s| (0.0..1e7).contains(s)).with_context(bad)?;
    let whole = Duration::from_secs_f64(seconds) + Duration::from_secs(3_600 * hours + 60 * minutes);
    Ok(u64::try_from(whole.as_micros())?)
}

#[cfg(test)]
mod tests {
    use kernel::Use;
    use proto::common::v1::Grant;

    use super::*;

    #[test]
    fn positions_are_hours_minutes_and_seconds_or_less_of_these() {
        assert_eq!(position("15.233").unwrap(), 15_233_000);
        assert_eq!(position("1:02.5").unwrap(), 62_500_000);
        assert_eq!(position("10:00:00").unwrap(), 36_000_000_000);
        assert_eq!(position("1:02:03.5").unwrap(), 3_723_500_000);
        assert_eq!(position("75:00").unwrap(), 4_500_000_000);
        for wrong in ["1:60:00", "1:2:3:4", "-1:00:00", "", ":5"] {
            let told = position(wrong).unwrap_err().to_string();
            let forms = ["15.233", "1:02.5", "1:00:02.5"];
            assert!(forms.iter().all(|form| told.contains(form)), "{wrong:?}: {told}");
        }
        assert!(position("x").is_err() && position("1:-2").is_err() && position("1e300").is_err());
        assert!(range(Some("5"), Some("4")).is_err());
    }

    #[test]
    fn what_a_recording_does_not_have_is_named_with_what_it_has() {
        let recording = wire::Recording {
            bases: vec![wire::BasisInterval {
                purpose: "mifid2-transaction".to_owned(),
                ..Default::default()
            }],
            grants: vec![Grant { purpose: "quality".to_owned(), ..Default::default() }],
            marks: vec![wire::Mark { label: "order".to_owned(), ..Default::default() }],
            legs: (0..2).map(|leg| wire::RecordingLeg { leg, ..Default::default() }).collect(),
            ..Default::default()
        };
        let check = |purpose: &str, mark: Option<&str>, leg: &[u32], expected: Option<(Exit, &str)>| {
            let asked = args(purpose, mark, leg);
            let told = unknown(&recording, &asked);
            let prefix = format!("recording {} has no ", asked.id);
            let told = told.as_ref().map(|(exit, text)| (*exit, text.strip_prefix(&prefix).unwrap()));
            assert_eq!(told, expected);
        };
        check("quality", Some("order"), &[1], None);
        let purpose = "purpose qualty; it has mifid2-transaction, quality";
        check("qualty", None, &[], Some((Exit::NotFound, purpose)));
        check("quality", Some("payment"), &[], Some((Exit::Usage, "mark payment; it has order")));
        check("quality", None, &[0, 7], Some((Exit::Usage, "leg 7; it has 0, 1")));
        let bare = unknown(&wire::Recording::default(), &args("quality", None, &[])).unwrap();
        assert!(bare.1.ends_with("; it has none"), "{bare:?}");
    }

    fn args(purpose: &str, mark: Option<&str>, leg: &[u32]) -> ReplayArgs {
        ReplayArgs {
            id: RecordingId::new(),
            purpose: PurposeName::new(purpose).unwrap(),
            reason: "a check".to_owned(),
            use_: Use::Replay,
            from: None,
            to: None,
            mark: mark.map(str::to_owned),
            leg: leg.to_vec(),
            reference: None,
            output: "x.wav".into(),
        }
    }

    #[test]
    fn a_range_behind_the_end_is_refused_with_the_recording_s_length() {
        let asked = [Interval { start: 100_000_000, end: u64::MAX }];
        let told = "nothing to play from 1:40.000 on: the recording ends at 0:35.462";
        assert_eq!(outside(&asked, 35_462_000), told);
    }
}
