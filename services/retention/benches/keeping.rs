//! What it costs to keep no longer, beside how much is kept: a sweep that finds ten recordings due, and the ordered
//! erasure of a person's ten, in SQLite stores that differ in nothing but their size.
//!
//! All stores are filled first. Then each round goes through all of them, so that whatever else the machine does meets
//! each size alike, and takes other recordings, which lie scattered over the whole store. What is timed is retention's
//! own part: the other roles answer at once, and the journal is in memory. `begin` is until the erasure and its items are
//! announced (of a sweep with its plan); `carry` is every step of every item, the receipt, and the look that finds nothing
//! left to do. The ratio is that of the largest store to the smallest; a cost that follows what is erased, and not what is
//! kept, has one near 1.
//!
//! `VERBALE_KEPT=10000,1000000` measures with other sizes, of at least 460 recordings each; `TMPDIR` says on which
//! disk. In memory (`TMPDIR=/dev/shm`) no fsync hides what grows.

use std::io::Write;
use std::time::Duration;

use retention::erasure::State;
use tokio::runtime::Runtime;

#[path = "keeping/bench.rs"]
mod bench;
#[path = "keeping/figures.rs"]
mod figures;
#[path = "keeping/filling.rs"]
mod filling;
#[path = "keeping/others.rs"]
mod others;

use bench::{Bench, Taken};
use figures::Times;
use filling::Layout;

/// Recordings that are kept, where nothing else is asked for.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Recordings that one sweep finds due, and that one person is on.
const EACH: usize = 10;
/// Rounds that are measured, after some that are not.
const ROUNDS: usize = 20;
const WARM_UP: usize = 3;

/// All that was measured at one size.
#[derive(Default)]
struct Measured {
    sweep: (Times, Times),
    order: (Times, Times),
}

fn main() {
    // Whoever runs it as a test wants to know that it runs.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (sizes, rounds) = if is_measured { (sizes(), WARM_UP + ROUNDS) } else { (vec![100], 1) };
    let runtime = Runtime::new().expect("a runtime");
    let mut benches = Vec::new();
    for kept in sizes {
        let bench = runtime.block_on(Bench::filled(Layout { kept, rounds, each: EACH }));
        say(&format!("{kept} recordings were stamped within {:.1} s", bench.filled_within.as_secs_f64()));
        benches.push((bench, Measured::default()));
    }
    for round in 0..rounds {
        for (bench, measured) in &mut benches {
            let swept = runtime.block_on(bench.sweep(round));
            let ordered = runtime.block_on(bench.order(round));
            if round >= WARM_UP || !is_measured {
                put(&mut measured.sweep, &swept);
                put(&mut measured.order, &ordered);
            }
        }
    }
    tell(&benches);
}

fn put((begin, carry): &mut (Times, Times), taken: &Taken) {
    assert_eq!(taken.erasure.state, State::Done, "everything that was to go went");
    assert_eq!(taken.erasure.items, EACH as u32);
    begin.put(taken.begin);
    carry.put(taken.carry);
}

fn tell(benches: &[(Bench, Measured)]) {
    type Of = fn(&Measured) -> &Times;
    let rows: [(&str, Of); 4] = [
        ("sweep begin", |measured| &measured.sweep.0),
        ("sweep carry", |measured| &measured.sweep.1),
        ("order begin", |measured| &measured.order.0),
        ("order carry", |measured| &measured.order.1),
    ];
    let sizes: String = benches.iter().map(|(bench, _)| format!("{:>18}", bench.kept)).collect();
    say(&format!("\n{:<12}{sizes}{:>8}{:>8}", "ms (least)", "ratio", "(least)"));
    for (name, of) in rows {
        let times: Vec<&Times> = benches.iter().map(|(_, measured)| of(measured)).collect();
        let cells: String = times.iter().map(|times| cell(times)).collect();
        let ratio = |of: fn(&Times) -> Duration| match (times.first(), times.last()) {
            (Some(small), Some(large)) => of(large).as_secs_f64() / of(small).as_secs_f64(),
            (_, _) => f64::NAN,
        };
        say(&format!("{name:<12}{cells}{:>8.2}{:>8.2}", ratio(Times::median), ratio(Times::least)));
    }
}

fn cell(times: &Times) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let text = format!("{:.2} ({:.2})", ms(times.median()), ms(times.least()));
    format!("{text:>18}")
}

/// The sizes that the environment asks for.
fn sizes() -> Vec<usize> {
    let Ok(asked) = std::env::var("VERBALE_KEPT") else { return SIZES.to_vec() };
    let size = |text: &str| text.trim().parse().expect("VERBALE_KEPT is numbers with commas between");
    asked.split(',').map(size).collect()
}

fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").expect("somebody reads");
}
