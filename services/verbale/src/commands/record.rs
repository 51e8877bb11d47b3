//! `verbale record`: sends a WAV file as a call.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use proto::common::v1::GrantOutcome;
use serde_json::json;

use crate::cli::RecordArgs;
use crate::connect::Caller;
use crate::output::{Exit, Output, table};
use crate::sender::{self, Call, Pace, Sent};
use crate::shown;

/// Reads what is to be sent.
pub fn load(args: &RecordArgs) -> Result<Call> {
    sender::load(&args.file, &args.meta, args.recording)
}

/// Sends it. What the mesh refused of it is told as what came of it, and in the exit code.
pub async fn run(caller: &Caller, call: &Call, speed: f64, out: Output) -> Result<Exit> {
    let bar = if out.is_json() { ProgressBar::hidden() } else { ProgressBar::new(call.frames()) };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} frames acknowledged, {elapsed}");
    bar.set_style(style.expect("the template is a constant"));
    let pace = Pace { speed, patience: Duration::from_secs(60) };
    let sent = call.send(caller, pace, |logged| bar.set_position(logged)).await?;
    bar.finish_and_clear();
    let id = call.recording().to_string();
    out.value(
        &json!({
            "recording": id, "not_recorded": sent.not_recorded, "reconnects": sent.reconnects,
            "grants": sent.grants.iter().map(|g| json!({
                "purpose": g.purpose, "outcome": shown::word(g.outcome().as_str_name(), "GRANT_OUTCOME_"), "reason": g.reason,
            })).collect::<Vec<_>>(),
            "refused_events": sent.refused,
        }),
        |_| describe(&id, &call.file().purposes, &sent),
    );
    Ok(ended(&sent))
}

/// A customer who declines is no refusal: such a call is opened, and what they say has its effect.
fn ended(sent: &Sent) -> Exit {
    if sent.not_recorded || !sent.refused.is_empty() { Exit::Refused } else { Exit::Ok }
}

fn describe(id: &str, asked: &[String], sent: &Sent) -> String {
    let rows = sent.grants.iter().map(|grant| {
        let outcome = match grant.outcome() {
            GrantOutcome::Unspecified => "unknown".to_owned(),
            GrantOutcome::Granted => "granted from the start".to_owned(),
            GrantOutcome::AwaitsConsent => "awaited consent".to_owned(),
            GrantOutcome::AwaitsMark => format!("awaited the mark {}", grant.mark),
            GrantOutcome::Denied => format!("denied: {}", grant.reason),
        };
        vec![grant.purpose.clone(), outcome]
    });
    let head = if sent.not_recorded { "not recorded" } else { "sent" };
    let grants = match asked {
        [] => "no purpose was asked for: `purposes` in the call's JSON is empty".to_owned(),
        [..] => table(&["purpose", "outcome"], rows),
    };
    let mut text = format!("{head}: {id}\n{grants}");
    for (event, code) in &sent.refused {
        text.push_str(&format!("\nthe event {event} had no effect: {code}"));
    }
    if !sent.not_recorded {
        text.push_str(&format!("\nnext: verbale recordings show {id}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_not_taken_as_it_is_ends_as_refused() {
        assert_eq!(ended(&Sent::default()), Exit::Ok);
        assert_eq!(ended(&Sent { not_recorded: true, ..Sent::default() }), Exit::Refused);
        let refused = vec![("consent.given".to_owned(), "notice-missing".to_owned())];
        assert_eq!(ended(&Sent { refused, ..Sent::default() }), Exit::Refused);
    }

    #[test]
    fn a_call_for_no_purpose_says_why_it_was_not_recorded() {
        let sent = Sent { not_recorded: true, ..Sent::default() };
        let text = describe("019a", &[], &sent);
        assert_eq!(
            text,
            "not recorded: 019a\nno purpose was asked for: `purposes` in the call's JSON is empty"
        );
        assert!(describe("019a", &["quality".to_owned()], &sent).contains("outcome"));
    }
}
