//! Until when a recording is kept, by whose hold, and what restricts it, in words under its timeline.

use kernel::Timestamp;
use proto::retention::v1::{DataKind, ExplainResponse, Hold, HoldKind, Term, TermState};

use super::NAMES;
use crate::output::{Output, Style};
use crate::shown;

/// A line for each purpose's period and for each hold, aligned with the drawing.
pub fn kept(told: &ExplainResponse, now: Timestamp, out: Output) -> Vec<String> {
    let audio = told.terms.iter().filter(|term| term.kind() == DataKind::Audio);
    let lines = audio.map(|term| period(term, now)).chain(told.holds.iter().map(held));
    lines.map(|line| format!("{:NAMES$}{}", "", out.style(Style::Dim, &line))).collect()
}

/// What a hold keeps is not taken when its period is over.
fn period(term: &Term, now: Timestamp) -> String {
    let (purpose, ends) = (&term.purpose, Timestamp(term.ends));
    match term.state() {
        TermState::Running if ends <= now => format!("{purpose}: over since {ends}"),
        TermState::Running => format!("{purpose}: kept until {ends}"),
        TermState::Ending | TermState::Ended => format!("{purpose}: over since {ends}"),
        TermState::Unspecified => format!("{purpose}: {ends}"),
    }
}

/// What a hold does to what it covers, as a word.
pub fn effect(hold: &Hold) -> &'static str {
    match hold.kind() {
        HoldKind::Restriction => "restricted",
        HoldKind::Litigation
        | HoldKind::Regulator
        | HoldKind::Subject
        | HoldKind::OpenRequest
        | HoldKind::Unspecified => "held",
    }
}

fn held(hold: &Hold) -> String {
    let kind = shown::word(hold.kind().as_str_name(), "HOLD_KIND_");
    let (id, purposes) = (shown::id(&hold.hold_id), hold.purposes.join(", "));
    let of_purposes = if purposes.is_empty() { purposes } else { format!("{purposes}: ") };
    let (effect, who) = (effect(hold), who_releases(hold));
    format!("{of_purposes}{effect} by {} ({kind}, hold {id}) until {who} release it", hold.reason)
}

/// What a service of the mesh has placed for a request it releases alone.
fn who_releases(hold: &Hold) -> String {
    let is_of_a_request = matches!(hold.kind(), HoldKind::OpenRequest | HoldKind::Restriction);
    match is_of_a_request && hold.placed_by.starts_with("service/") {
        true => format!("{} or two people", hold.placed_by),
        false => "two people".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_s_end_and_a_hold_are_told_and_the_metadata_s_periods_are_not() {
        let term = |purpose: &str, kind: DataKind, state: TermState, ends: i64| Term {
            purpose: purpose.to_owned(),
            kind: kind.into(),
            state: state.into(),
            ends,
            ..Default::default()
        };
        let terms = vec![
            term("quality", DataKind::Audio, TermState::Ended, 10),
            term("quality", DataKind::Metadata, TermState::Ended, 10),
            term("mifid2-transaction", DataKind::Audio, TermState::Running, 10),
            term("verbal-contract", DataKind::Audio, TermState::Running, 30),
        ];
        let hold = Hold {
            hold_id: vec![7; 16],
            kind: HoldKind::Litigation.into(),
            reason: "case-2026-117".to_owned(),
            ..Default::default()
        };
        let told = ExplainResponse { terms, holds: vec![hold], ..Default::default() };
        let lines = kept(&told, Timestamp(20), Output::new(true));
        let (past, to_come) = (Timestamp(10), Timestamp(30));
        let id = shown::id(&[7; 16]);
        let wanted = [
            format!("quality: over since {past}"),
            format!("mifid2-transaction: over since {past}"),
            format!("verbal-contract: kept until {to_come}"),
            format!("held by case-2026-117 (litigation, hold {id}) until two people release it"),
        ];
        let trimmed: Vec<_> = lines.iter().map(|line| line.trim()).collect();
        assert_eq!(trimmed, wanted);
        assert!(lines.iter().all(|line| line.starts_with(&" ".repeat(NAMES))), "{lines:?}");
    }

    #[test]
    fn what_restricts_a_recording_is_told_apart_from_what_keeps_it() {
        let id = shown::id(&[7; 16]);
        let told = |kind: HoldKind, placed_by: &str, purposes: &[&str]| {
            held(&Hold {
                hold_id: vec![7; 16],
                kind: kind.into(),
                reason: "request-7".to_owned(),
                placed_by: placed_by.to_owned(),
                purposes: purposes.iter().map(|name| (*name).to_owned()).collect(),
                ..Default::default()
            })
        };
        let settled = "until service/dsar or two people release it";
        assert_eq!(
            told(HoldKind::Restriction, "service/dsar", &["quality", "training"]),
            format!("quality, training: restricted by request-7 (restriction, hold {id}) {settled}")
        );
        assert_eq!(
            told(HoldKind::Restriction, "anna", &[]),
            format!("restricted by request-7 (restriction, hold {id}) until two people release it")
        );
        assert_eq!(
            told(HoldKind::OpenRequest, "service/dsar", &[]),
            format!("held by request-7 (open-request, hold {id}) {settled}")
        );
    }
}
