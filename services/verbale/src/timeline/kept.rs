//! Until when a recording is kept, by whose hold, and what restricts it, in words under its timeline.

use kernel::Timestamp;
use proto::archive::v1::{GonePurpose, Recording};
use proto::retention::v1::{DataKind, ExplainResponse, Hold, HoldKind, Term, TermState};

use super::NAMES;
use crate::output::{Output, Style};
use crate::shown;

/// Why a sweep erases (GDPR Art. 5(1)(e)): the period was over.
const PERIOD_OVER: &str = "art-5-1-e";
/// Why a purpose is restricted whose erasure a duty defers (GDPR Art. 17(3)).
const DEFERRED: &str = "art-17-3";

/// A line for each purpose's period and for each hold, aligned with the drawing.
pub fn kept(recording: &Recording, told: &ExplainResponse, now: Timestamp, out: Output) -> Vec<String> {
    let audio = told.terms.iter().filter(|term| term.kind() == DataKind::Audio);
    let periods = audio.map(|term| period(term, &recording.gone, now));
    let lines = periods.chain(told.holds.iter().map(held));
    lines.map(|line| format!("{:NAMES$}{}", "", out.style(Style::Dim, &line))).collect()
}

/// What a hold keeps is not taken when its period is over.
fn period(term: &Term, gone: &[GonePurpose], now: Timestamp) -> String {
    let (purpose, ends) = (&term.purpose, Timestamp(term.ends));
    match term.state() {
        TermState::Running if ends <= now => format!("{purpose}: over since {ends}"),
        TermState::Running => format!("{purpose}: kept until {ends}"),
        TermState::Ending | TermState::Ended => ended(term, gone, now),
        TermState::Unspecified => format!("{purpose}: {ends}"),
    }
}

/// What an erasure ended has its period's end nevertheless, which says nothing of when it went.
fn ended(term: &Term, gone: &[GonePurpose], now: Timestamp) -> String {
    let (purpose, ends) = (&term.purpose, Timestamp(term.ends));
    let reason = gone.iter().find(|gone| gone.purpose == *purpose).map(|gone| gone.reason.as_str());
    let because = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    match reason {
        _ if ends > now => format!("{purpose}: erased before its time{because}, its period was until {ends}"),
        None | Some(PERIOD_OVER) => format!("{purpose}: over since {ends}"),
        Some(_) => format!("{purpose}: erased{because}, its period was until {ends}"),
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
    let (effect, end) = (effect(hold), end(hold));
    format!("{of_purposes}{effect} by {} ({kind}, hold {id}) until {end}", hold.reason)
}

/// What a service of the mesh has placed for a request it releases alone, but for what is restricted until its erasure:
/// that no service releases, and no request. Of who placed that a restored hold has but a hash; its reason tells.
fn end(hold: &Hold) -> String {
    let is_restriction = hold.kind() == HoldKind::Restriction;
    let is_of_a_request = is_restriction || hold.kind() == HoldKind::OpenRequest;
    if is_restriction && hold.reason == DEFERRED {
        "its erasure, with which this ends by itself, or two people release it".to_owned()
    } else if is_of_a_request && hold.placed_by.starts_with("service/") {
        format!("{} or two people release it", hold.placed_by)
    } else {
        "two people release it".to_owned()
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
        let lines = kept(&Recording::default(), &told, Timestamp(20), Output::new(true));
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
    fn what_was_erased_before_its_time_is_not_said_to_be_over_since_then() {
        let (early, by_sweep, now) = ("art-17-1", "art-5-1-e", Timestamp(20));
        let told = |state: TermState, ends: i64, reason: &str| {
            let purpose = "quality".to_owned();
            let gone = GonePurpose { purpose: purpose.clone(), reason: reason.to_owned() };
            period(&Term { purpose, state: state.into(), ends, ..Default::default() }, &[gone], now)
        };
        let (past, to_come) = (Timestamp(10), Timestamp(30));
        for state in [TermState::Ending, TermState::Ended] {
            assert_eq!(told(state, 10, by_sweep), format!("quality: over since {past}"));
            assert_eq!(
                told(state, 10, early),
                format!("quality: erased (art-17-1), its period was until {past}")
            );
            assert_eq!(
                told(state, 30, early),
                format!("quality: erased before its time (art-17-1), its period was until {to_come}")
            );
        }
        let untold = Term { purpose: "quality".to_owned(), ends: 30, ..Default::default() };
        let wanted = format!("quality: erased before its time, its period was until {to_come}");
        assert_eq!(ended(&untold, &[], now), wanted);
    }

    #[test]
    fn what_restricts_a_recording_is_told_apart_from_what_keeps_it() {
        let id = shown::id(&[7; 16]);
        let hold = |kind: HoldKind, placed_by: &str, purposes: &[&str]| Hold {
            hold_id: vec![7; 16],
            kind: kind.into(),
            reason: "request-7".to_owned(),
            placed_by: placed_by.to_owned(),
            purposes: purposes.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        };
        let told =
            |kind: HoldKind, placed_by: &str, purposes: &[&str]| held(&hold(kind, placed_by, purposes));
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
        let by_itself = "until its erasure, with which this ends by itself, or two people release it";
        for placed_by in ["service/dsar", "by:49a19067968307b3"] {
            let restriction = hold(HoldKind::Restriction, placed_by, &["mifid2-transaction"]);
            assert_eq!(
                held(&Hold { reason: "art-17-3".to_owned(), ..restriction }),
                format!("mifid2-transaction: restricted by art-17-3 (restriction, hold {id}) {by_itself}")
            );
        }
    }
}
