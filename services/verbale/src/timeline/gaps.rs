//! What nobody hears of a recording, and why, in words.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Position;
use proto::archive::v1::{Absence, Pause, Recording, RecordingLeg};

use super::{set, stored};

/// What was not kept or is kept from everybody, in order of time.
pub(super) fn told(recording: &Recording) -> Vec<String> {
    let mut stretches: BTreeMap<Stretch, BTreeSet<u32>> = BTreeMap::new();
    for leg in &recording.legs {
        for stretch in stretches_of(recording, leg) {
            stretches.entry(stretch).or_default().insert(leg.leg);
        }
    }
    let line = |((start, end, fate, why), legs): (Stretch, BTreeSet<u32>)| {
        (start, end, format!("{fate}: {} on {}, {why}", span(start, end), on(recording, &legs)))
    };
    let mut gaps: Vec<_> = stretches.into_iter().map(line).collect();
    let untold = recording.pauses.iter().filter(|pause| !is_told(recording, pause));
    gaps.extend(untold.map(|pause| {
        let line = format!("paused: {} ({})", span(pause.start, pause.end), pause.reason);
        (pause.start, pause.end, line)
    }));
    gaps.sort_unstable();
    gaps.into_iter().map(|(.., line)| line).collect()
}

/// A stretch of a leg that nobody hears, from where to where: what became of it, and why.
type Stretch = (u64, u64, &'static str, String);

/// What is not kept is what the frames say: a frame that a pause's edge cuts is not there either. A pause that was
/// asked for late finds audio already sealed, which stays and which nobody opens.
fn stretches_of(recording: &Recording, leg: &RecordingLeg) -> Vec<Stretch> {
    let absent = |absence: &Absence| (absence.start, absence.end, "not kept", why(recording, absence));
    let mut stretches: Vec<Stretch> = leg.absences.iter().map(absent).collect();
    let stored = stored(leg);
    for pause in &recording.pauses {
        let sealed = set([(pause.start, pause.end)]).intersection(&stored);
        stretches.extend(sealed.iter().map(|at| {
            let why = format!("paused ({})", pause.reason);
            (at.start().0, at.end().0, "kept sealed, opened by nobody", why)
        }));
    }
    stretches
}

/// Why frames are not there; a reason that is newer than this program as it is.
fn why(recording: &Recording, absence: &Absence) -> String {
    match absence.reason.as_str() {
        "pause" => return paused(recording, absence),
        "no-basis" => "no purpose had a basis",
        "stopped" => "recording was stopped",
        "sender" => "the sender left it out",
        "missing" => "missing: it never came",
        reason => reason,
    }
    .to_owned()
}

/// The pauses that frames fell into.
fn paused(recording: &Recording, absence: &Absence) -> String {
    let own = recording.pauses.iter().filter(|pause| overlap(pause, absence.start, absence.end));
    let reasons: BTreeSet<&str> = own.map(|pause| pause.reason.as_str()).collect();
    if reasons.is_empty() {
        return "paused".to_owned();
    }
    format!("paused ({})", reasons.into_iter().collect::<Vec<_>>().join(", "))
}

/// Whether some leg's frames tell of the pause: they are not there for it, or are there and it found them sealed.
fn is_told(recording: &Recording, pause: &Pause) -> bool {
    recording.legs.iter().any(|leg| {
        let mut absences = leg.absences.iter().filter(|absence| absence.reason == "pause");
        absences.any(|absence| overlap(pause, absence.start, absence.end))
            || leg.stored.iter().any(|stored| overlap(pause, stored.start, stored.end))
    })
}

fn overlap(pause: &Pause, start: u64, end: u64) -> bool {
    pause.start < end && start < pause.end
}

/// These legs in words.
fn on(recording: &Recording, legs: &BTreeSet<u32>) -> String {
    if legs.len() == recording.legs.len() {
        return "every leg".to_owned();
    }
    let numbers: Vec<_> = legs.iter().map(u32::to_string).collect();
    format!("leg {}", numbers.join(" and "))
}

fn span(start: u64, end: u64) -> String {
    format!("{} to {}", Position(start), Position(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(leg: u32, stored: &[(u64, u64)], absences: &[(u64, u64, &str)]) -> RecordingLeg {
        let interval = |&(start, end): &(u64, u64)| proto::common::v1::Interval { start, end };
        let absence = |&(start, end, reason): &(u64, u64, &str)| Absence {
            start,
            end,
            reason: reason.to_owned(),
            ..Default::default()
        };
        RecordingLeg {
            leg,
            stored: stored.iter().map(interval).collect(),
            absences: absences.iter().map(absence).collect(),
            ..Default::default()
        }
    }

    fn pause(start: u64, end: u64, reason: &str) -> Pause {
        Pause { start, end, reason: reason.to_owned() }
    }

    fn check(legs: Vec<RecordingLeg>, pauses: Vec<Pause>, expected: &[&str]) {
        let recording = Recording { duration: 64_000_000, legs, pauses, ..Default::default() };
        assert_eq!(told(&recording), expected);
    }

    #[test]
    fn audio_that_a_late_pause_found_sealed_is_not_said_to_be_gone() {
        let card = || vec![pause(10_000_000, 20_000_000, "card")];
        let around = [(0, 10_000_000), (20_000_000, 64_000_000)];
        let within = [(10_000_000, 20_000_000, "pause")];
        check(
            vec![leg(0, &around, &within), leg(1, &around, &within)],
            card(),
            &["not kept: 0:10.000 to 0:20.000 on every leg, paused (card)"],
        );
        check(
            vec![leg(0, &[(0, 64_000_000)], &[]), leg(1, &[(0, 64_000_000)], &[])],
            card(),
            &["kept sealed, opened by nobody: 0:10.000 to 0:20.000 on every leg, paused (card)"],
        );
        check(
            vec![leg(0, &[(0, 12_000_000)], &[(12_000_000, 20_000_000, "pause")]), leg(1, &around, &within)],
            card(),
            &[
                "kept sealed, opened by nobody: 0:10.000 to 0:12.000 on leg 0, paused (card)",
                "not kept: 0:10.000 to 0:20.000 on leg 1, paused (card)",
                "not kept: 0:12.000 to 0:20.000 on leg 0, paused (card)",
            ],
        );
        let left_out = [(10_000_000, 20_000_000, "sender")];
        check(
            vec![leg(0, &around, &left_out)],
            card(),
            &[
                "not kept: 0:10.000 to 0:20.000 on every leg, the sender left it out",
                "paused: 0:10.000 to 0:20.000 (card)",
            ],
        );
        check(vec![], card(), &["paused: 0:10.000 to 0:20.000 (card)"]);
    }

    #[test]
    fn a_pause_takes_the_whole_frames_that_its_edges_cut() {
        let stored = [(0, 20_740_000), (28_200_000, 64_000_000)];
        let legs = vec![leg(0, &stored, &[(20_740_000, 28_200_000, "pause")])];
        let expected = ["not kept: 0:20.740 to 0:28.200 on every leg, paused (pci-dss)"];
        check(legs, vec![pause(20_752_000, 28_186_000, "pci-dss")], &expected);
    }

    #[test]
    fn gaps_are_told_in_order_of_time_and_each_for_its_reason() {
        let absences = [
            (0, 1_000_000, "no-basis"),
            (2_000_000, 4_000_000, "pause"),
            (5_000_000, 6_000_000, "sender"),
            (6_000_000, 7_000_000, "pause"),
            (7_000_000, 8_000_000, "missing"),
            (8_000_000, 9_000_000, "solar-flare"),
            (9_000_000, 10_000_000, "stopped"),
        ];
        let pauses = vec![pause(2_000_000, 3_000_000, "pin"), pause(3_000_000, 4_000_000, "card")];
        let expected = [
            "not kept: 0:00.000 to 0:01.000 on every leg, no purpose had a basis",
            "not kept: 0:02.000 to 0:04.000 on every leg, paused (card, pin)",
            "not kept: 0:05.000 to 0:06.000 on every leg, the sender left it out",
            "not kept: 0:06.000 to 0:07.000 on every leg, paused",
            "not kept: 0:07.000 to 0:08.000 on every leg, missing: it never came",
            "not kept: 0:08.000 to 0:09.000 on every leg, solar-flare",
            "not kept: 0:09.000 to 0:10.000 on every leg, recording was stopped",
        ];
        check(vec![leg(0, &[], &absences)], pauses, &expected);
    }
}
