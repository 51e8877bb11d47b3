//! Draws a recording as a timeline that a person can take in at a glance: per leg what was kept, per purpose
//! where it had its basis, and in words what was not kept and why.

mod gaps;
mod kept;

use kernel::{Basis, Interval, IntervalSet, Position, Timestamp};
use proto::archive::v1::{Recording, RecordingLeg, RecordingState};
use proto::common::v1::{GrantOutcome, PartyRole};

pub use self::kept::{effect, kept};
use crate::output::{Output, Style};
use crate::shown;

/// Columns of the drawing itself.
const WIDTH: usize = 64;
/// Columns of the names before it.
const NAMES: usize = 22;

/// The whole story of one recording, several lines.
pub fn draw(recording: &Recording, out: Output) -> String {
    let mut lines = vec![headline(recording, out)];
    if recording.duration > 0 && !recording.legs.is_empty() {
        lines.push(ruler(recording.duration, out));
        lines.extend(legs(recording, out));
        lines.extend(purposes(recording, out));
        lines.extend(marks(recording, out));
    }
    lines.extend(reasons(recording, out));
    lines.join("\n")
}

/// The state in one word or two.
pub fn state(recording: &Recording) -> &'static str {
    match recording.state() {
        RecordingState::Unspecified => "unknown",
        RecordingState::Open => "open",
        RecordingState::Sealing => "sealing",
        RecordingState::Sealed if recording.complete => "sealed complete",
        RecordingState::Sealed => "sealed with a gap",
        RecordingState::Addended => "addended",
        RecordingState::NotRecorded => "not recorded",
        RecordingState::Erased => "erased",
    }
}

/// Who a leg is.
pub fn party(role: PartyRole) -> &'static str {
    match role {
        PartyRole::Unspecified | PartyRole::Unknown => "unknown",
        PartyRole::Agent => "agent",
        PartyRole::Customer => "customer",
        PartyRole::Supervisor => "supervisor",
        PartyRole::Bystander => "bystander",
    }
}

/// A basis with its article.
pub fn basis(number: i32) -> String {
    match Basis::from_number(number) {
        Some(Basis::Consent) => "consent, GDPR Art. 6(1)(a)",
        Some(Basis::Contract) => "contract, Art. 6(1)(b)",
        Some(Basis::LegalObligation) => "legal obligation, Art. 6(1)(c)",
        Some(Basis::VitalInterest) => "vital interest, Art. 6(1)(d)",
        Some(Basis::PublicTask) => "public task, Art. 6(1)(e)",
        Some(Basis::LegitimateInterest) => "legitimate interest, Art. 6(1)(f)",
        None => "no basis",
    }
    .to_owned()
}

fn headline(recording: &Recording, out: Output) -> String {
    let state = state(recording);
    let style = match recording.state() {
        RecordingState::Sealed if recording.complete => Style::Green,
        RecordingState::NotRecorded => Style::Yellow,
        _ => Style::Red,
    };
    let id = kernel::RecordingId::from_slice(&recording.recording_id)
        .map_or_else(|_| "?".into(), |id| id.to_string());
    format!(
        "{}  {}  {}  {}",
        out.style(Style::Bold, &id),
        Timestamp(recording.started_at),
        Position(recording.duration),
        out.style(style, state)
    )
}

fn ruler(duration: u64, out: Output) -> String {
    let mut line = vec![' '; WIDTH + 8];
    let step = [1u64, 2, 5, 10, 30, 60, 300, 600, 1_800, 3_600]
        .into_iter()
        .find(|step| duration / (step * 1_000_000) < 9)
        .unwrap_or(7_200);
    let mut at = 0;
    while at * 1_000_000 <= duration {
        let column = (at * 1_000_000).saturating_mul(WIDTH as u64) / duration.max(1);
        let label = format!("{}:{:02}", at / 60, at % 60);
        for (offset, letter) in label.chars().enumerate() {
            if let Some(cell) = line.get_mut(column as usize + offset) {
                *cell = letter;
            }
        }
        at += step;
    }
    let text: String = line.into_iter().collect();
    out.style(Style::Dim, &format!("{:NAMES$}{}", "", text.trim_end()))
}

fn legs(recording: &Recording, out: Output) -> Vec<String> {
    let role = |party: u32| recording.parties.get(party as usize).map_or(PartyRole::Unknown, |p| p.role());
    let draw_leg = |leg: &RecordingLeg| {
        let stored = stored(leg);
        let erased = recording.erased.iter().filter(|erased| erased.leg == leg.leg);
        let erased = set(erased.map(|erased| (erased.start, erased.end)));
        let of = |reason: &str| {
            let absences = leg.absences.iter().filter(|a| a.reason == reason);
            set(absences.map(|a| (a.start, a.end)))
        };
        let cells = paint(
            recording.duration,
            &[
                (&erased, '×'),
                (&stored, '█'),
                (&of("pause"), '▒'),
                (&of("no-basis"), '·'),
                (&of("stopped"), '·'),
                (&of("sender"), '-'),
                (&of("missing"), '?'),
            ],
        );
        let label = format!("leg {} {}", leg.leg, party(role(leg.party)));
        format!("{}{}", name(&label), out.style(Style::Green, &cells))
    };
    recording.legs.iter().map(draw_leg).collect()
}

fn purposes(recording: &Recording, out: Output) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for interval in &recording.bases {
        if !names.contains(&interval.purpose.as_str()) {
            names.push(&interval.purpose);
        }
    }
    let row = |purpose: &str| {
        let own = recording.bases.iter().filter(|b| b.purpose == purpose);
        let intervals = set(own.clone().map(|b| (b.start, b.end)));
        let gone = recording.gone.iter().find(|g| g.purpose == purpose);
        let (glyph, style) = if gone.is_some() { ('╌', Style::Yellow) } else { ('━', Style::Blue) };
        let cells = paint(recording.duration, &[(&intervals, glyph)]);
        let basis = own.clone().next().map_or_else(String::new, |b| basis(b.basis));
        let fate = gone.map_or_else(String::new, |g| format!("; {}: nobody can open it", g.reason));
        format!("{}{}  {}", name(purpose), out.style(style, &cells), out.style(Style::Dim, &(basis + &fate)))
    };
    names.into_iter().map(row).collect()
}

fn marks(recording: &Recording, out: Output) -> Vec<String> {
    let row = |mark: &proto::archive::v1::Mark| {
        let cells = paint(recording.duration, &[(&set([(mark.start, mark.end)]), '▔')]);
        format!(
            "{}{}",
            name(&format!("mark {}", mark.label)),
            out.style(Style::Dim, cells.replace('·', " ").trim_end())
        )
    };
    recording.marks.iter().map(row).collect()
}

fn reasons(recording: &Recording, out: Output) -> Vec<String> {
    let mut lines = gaps::told(recording);
    for grant in &recording.grants {
        if grant.outcome() == GrantOutcome::Denied {
            lines.push(format!("not served: {} ({})", grant.purpose, grant.reason));
        }
    }
    for note in
        recording.notes.iter().filter(|n| n.kind.starts_with("consent.") || n.kind.starts_with("dsar."))
    {
        lines.push(format!("at {}: {} {}", Position(note.position), note.kind, note.code));
    }
    lines.extend(erasures(recording));
    lines.extend(recording.statements.iter().map(shown::stated));
    if recording.state() == RecordingState::NotRecorded {
        lines.push(format!("nothing was recorded: {}; a signed record says so", recording.cause));
    }
    lines.into_iter().map(|line| format!("{:NAMES$}{}", "", out.style(Style::Dim, &line))).collect()
}

/// What nobody can open any more, a line an erasure.
fn erasures(recording: &Recording) -> Vec<String> {
    let mut told: Vec<(&[u8], String)> = Vec::new();
    for erased in &recording.erased {
        let erasure = erased.erasure_id.as_slice();
        if told.iter().any(|(other, _)| *other == erasure) {
            continue;
        }
        let own = recording.erased.iter().filter(|other| other.erasure_id == erasure);
        let stretches = set(own.map(|other| (other.start, other.end)));
        let seconds = stretches.micros() as f64 / 1e6;
        let (at, reason) = (Timestamp(erased.at), &erased.reason);
        let line = format!("erased: {seconds:.1} s on {at} ({reason}), erasure {}", shown::id(erasure));
        told.push((erasure, line));
    }
    told.into_iter().map(|(_, line)| line).collect()
}

/// Where a leg has audio.
fn stored(leg: &RecordingLeg) -> IntervalSet {
    set(leg.stored.iter().map(|interval| (interval.start, interval.end)))
}

fn name(text: &str) -> String {
    let short: String = text.chars().take(NAMES - 1).collect();
    format!("{short:NAMES$}")
}

fn set(intervals: impl IntoIterator<Item = (u64, u64)>) -> IntervalSet {
    intervals.into_iter().filter_map(|(a, b)| Interval::new(Position(a), Position(b))).collect()
}

/// One cell per column: the first layer that covers at least half of it, a dot where none does.
fn paint(duration: u64, layers: &[(&IntervalSet, char)]) -> String {
    let edge = |column: usize| Position(duration.saturating_mul(column as u64) / WIDTH as u64);
    let cell = |column: usize| {
        let own = Interval::new(edge(column), edge(column + 1))?;
        let own_set = IntervalSet::from(vec![own]);
        let covered = |set: &IntervalSet| set.intersection(&own_set).micros() * 2 >= own.micros();
        layers.iter().find(|(set, _)| covered(set)).map(|(_, glyph)| *glyph)
    };
    (0..WIDTH).map(|column| cell(column).unwrap_or('·')).collect()
}

#[cfg(test)]
mod tests {
    use proto::archive::v1 as wire;

    use super::*;

    fn recording() -> Recording {
        let absence =
            wire::Absence { start: 0, end: 32_000_000, reason: "no-basis".into(), ..Default::default() };
        Recording {
            recording_id: vec![1; 16],
            state: RecordingState::Sealed.into(),
            complete: true,
            duration: 64_000_000,
            legs: vec![wire::RecordingLeg {
                stored: vec![proto::common::v1::Interval { start: 32_000_000, end: 64_000_000 }],
                absences: vec![absence],
                ..Default::default()
            }],
            bases: vec![wire::BasisInterval {
                purpose: "quality".into(),
                basis: 1,
                start: 32_000_000,
                end: u64::MAX,
                ..Default::default()
            }],
            gone: vec![wire::GonePurpose { purpose: "quality".into(), reason: "withdrawn".into() }],
            ..Default::default()
        }
    }

    #[test]
    fn a_timeline_shows_what_was_kept_and_why_the_rest_was_not() {
        let text = draw(&recording(), Output::new(false));
        assert!(text.contains("sealed complete"), "{text}");
        assert!(text.contains(&format!("{}{}", "·".repeat(32), "█".repeat(32))), "{text}");
        assert!(text.contains(&"╌".repeat(32)), "{text}");
        assert!(text.contains("withdrawn: nobody can open it"), "{text}");
        assert!(
            text.contains("not kept: 0:00.000 to 0:32.000 on every leg, no purpose had a basis"),
            "{text}"
        );
    }

    #[test]
    fn what_was_erased_is_drawn_over_what_is_stored() {
        let erased = |start, end| wire::Erased {
            start,
            end,
            reason: "pci-3-3-1".into(),
            erasure_id: vec![7; 16],
            ..Default::default()
        };
        let erased = vec![erased(40_000_000, 44_000_000), erased(44_000_000, 48_000_000)];
        let text = draw(&Recording { erased, ..recording() }, Output::new(false));
        let bar: String =
            [("·", 32), ("█", 8), ("×", 8), ("█", 16)].map(|(glyph, n)| glyph.repeat(n)).concat();
        assert!(text.contains(&bar), "{text}");
        assert_eq!(text.matches("erased: 8.0 s").count(), 1, "{text}");
    }

    #[test]
    fn what_somebody_has_stated_is_told_with_the_recording() {
        let statement = wire::Statement { filed: "statement-7".into(), request_id: vec![7; 16], at: 1 };
        let text = draw(&Recording { statements: vec![statement], ..recording() }, Output::new(false));
        let told = "statement statement-7 (request 07070707-0707-0707-0707-070707070707) is attached";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn what_the_sender_left_out_looks_like_nothing_else() {
        let absence = |start, end, reason: &str| wire::Absence {
            start,
            end,
            reason: reason.into(),
            ..Default::default()
        };
        let leg = RecordingLeg {
            stored: vec![proto::common::v1::Interval { start: 0, end: 16_000_000 }],
            absences: vec![
                absence(16_000_000, 32_000_000, "sender"),
                absence(32_000_000, 48_000_000, "missing"),
            ],
            ..Default::default()
        };
        let recording = Recording { duration: 64_000_000, legs: vec![leg], ..Default::default() };
        let text = draw(&recording, Output::new(false));
        let bar: String = ["█", "-", "?", "·"].map(|glyph| glyph.repeat(16)).concat();
        assert!(text.contains(&bar), "{text}");
    }
}
