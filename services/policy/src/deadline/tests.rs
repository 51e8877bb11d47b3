mod calendars;
mod extension;
mod holidays;
mod pauses;
mod properties;
mod standing;
mod vectors;

use jiff::civil::Date;
use kernel::Timestamp;

use super::*;
use crate::jurisdiction::Jurisdiction;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn place(code: &str) -> Jurisdiction {
    code.parse().unwrap()
}

/// A region by its code; none by `-`.
fn region(code: &str) -> Option<Region> {
    (code != "-").then(|| code.parse().unwrap())
}

fn clock(jurisdiction: &str, received_at: &str) -> Clock {
    Clock::start(at(received_at), place(jurisdiction), None).unwrap()
}

/// Two months more, of which the person was told in the moment of it.
fn extended(clock: &Clock, now: Timestamp) -> Clock {
    clock.extend(Reason::Complexity, Some(now), now).unwrap()
}

/// The clock with one pause; none of a pause that has no end.
fn paused(clock: &Clock, ground: Ground, from: &str, to: &str) -> Clock {
    let paused = clock.pause(ground, at(from)).unwrap();
    if to == "-" { paused } else { paused.resume(ground, at(to)).unwrap() }
}

/// The rows below the head, each with its last column as it stands.
fn rows<const COLUMNS: usize>(text: &'static str, head: &str) -> Vec<[&'static str; COLUMNS]> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some(head));
    let row = |line: &'static str| {
        let row: Vec<_> = line.splitn(COLUMNS, ',').collect();
        let row = <[_; COLUMNS]>::try_from(row).unwrap_or_else(|row| panic!("{row:?} is short of columns"));
        assert!(row.iter().all(|column| !column.is_empty()), "{row:?} has an empty column");
        row
    };
    lines.map(row).collect()
}
