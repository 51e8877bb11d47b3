//! Listening to what was recorded, as people would: for a purpose and a reason, through the gate.

use anyhow::Result;
use kernel::{Position, PurposeName, Use};
use proto::archive::v1::{ReplayFormat, ReplayRequest};
use serde_json::{Value, json};

use super::material::Listen;
use super::{Places, Told, tick};
use crate::commands::replay::{self, Written};
use crate::output::{Output, Style};

/// Tries every replay of the story and says what was heard, or who refused and why.
pub(super) async fn listen(told: &Told<'_>, places: &Places, out: Output) -> Result<Vec<Value>> {
    let mut heard = Vec::new();
    for listen in &told.story.listen {
        let mark = listen.mark.map_or_else(String::new, |mark| format!("-{mark}"));
        let file = places.files.join(format!("{}-{}{mark}.wav", told.story.name, listen.purpose));
        let request = ReplayRequest {
            recording_id: told.recording.recording_id.clone(),
            r#use: Use::Replay.number(),
            ranges: Vec::new(),
            mark: listen.mark.unwrap_or_default().to_owned(),
            legs: Vec::new(),
            format: ReplayFormat::Wav.into(),
            reference: String::new(),
        };
        let purpose = PurposeName::new(listen.purpose)?;
        let outcome = replay::to_file(&told.caller, request, &purpose, listen.reason, &file).await;
        heard.push(match outcome {
            Ok(written) => played(listen, &written, &file.display().to_string(), out),
            Err(error) => match error.downcast::<tonic::Status>() {
                Ok(status) => refused(listen, &status, out),
                Err(error) => return Err(error),
            },
        });
    }
    Ok(heard)
}

fn what(listen: &Listen) -> String {
    match listen.mark {
        Some(mark) => format!("for {}, the mark {mark}", listen.purpose),
        None => format!("for {}", listen.purpose),
    }
}

fn played(listen: &Listen, written: &Written, file: &str, out: Output) -> Value {
    let silent: Vec<_> = written
        .gaps
        .iter()
        .filter(|gap| gap.leg == 0)
        .map(|gap| format!("{} to {} {}", Position(gap.start), Position(gap.end), gap.reason))
        .collect();
    out.line(format!("{:22}{} replay {}: {} frames", "", tick(true, out), what(listen), written.frames));
    if !silent.is_empty() {
        out.line(out.style(Style::Dim, &format!("{:22}  silent: {}", "", silent.join("; "))));
    }
    out.line(out.style(Style::Dim, &format!("{:22}  {file}", "")));
    json!({
        "purpose": listen.purpose, "mark": listen.mark, "played": true, "frames": written.frames, "file": file,
        "gaps": written.gaps.iter().map(|g| json!({
            "leg": g.leg, "start_s": Position(g.start).as_secs_f64(), "end_s": Position(g.end).as_secs_f64(),
            "reason": g.reason,
        })).collect::<Vec<_>>(),
    })
}

fn refused(listen: &Listen, status: &tonic::Status, out: Output) -> Value {
    let reason = platform::error::reason(status);
    out.line(format!(
        "{:22}{} replay {}: refused, {reason}",
        "",
        out.style(Style::Yellow, "–"),
        what(listen)
    ));
    json!({"purpose": listen.purpose, "mark": listen.mark, "played": false, "reason": reason})
}
