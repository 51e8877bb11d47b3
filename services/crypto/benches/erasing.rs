//! What it costs to erase ten recordings' entries, beside how many there are: in SQLite key stores that differ in nothing
//! but their size.
//!
//! Each recording has an entry for each of two purposes on each of two legs. The stores are filled first; then each round
//! goes through all of them, and takes other recordings, which lie scattered. The ratio is that of the largest store to
//! the smallest.
//!
//! `VERBALE_KEPT=10000,1000000` measures with other sizes, of at least 230 recordings each; `TMPDIR` says on which
//! disk. In memory (`TMPDIR=/dev/shm`) no fsync hides what grows.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crypto::backend::file::FileBackend;
use crypto::epochs::Epochs;
use crypto::erasing::{EraseRequest, Erasing};
use crypto::leases::Leases;
use crypto::pages::{Pages, Placed};
use crypto::store::KeyStore;
use crypto::store::sqlite::SqliteKeyStore;
use kernel::{
    Clock, ErasureId, InstanceId, LegNo, ManualClock, PurposeName, RecordingId, SectionNo, TenantId,
    Timestamp,
};
use seal::{Entry, LegKey, SectionAddress, SpanSet};
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// Recordings whose entries are kept, where nothing else is asked for.
const SIZES: [usize; 2] = [10_000, 100_000];
/// Recordings that are erased in a round.
const EACH: usize = 10;
/// Rounds that are measured, after some that are not.
const ROUNDS: usize = 20;
const WARM_UP: usize = 3;
/// Recordings that are placed by one call.
const TOGETHER: usize = 1_000;
const PURPOSES: [&str; 2] = ["duty", "quality"];
const LEGS: [LegNo; 2] = [LegNo(0), LegNo(1)];
const WEEK: Duration = Duration::from_secs(7 * 86_400);

struct Bench {
    kept: usize,
    tenant: TenantId,
    recordings: Vec<RecordingId>,
    erasing: Erasing,
    /// How long each measured round took, the shortest first.
    times: Vec<Duration>,
    _files: tempfile::TempDir,
}

fn main() {
    // Whoever runs it as a test wants to know that it runs.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (sizes, rounds) = if is_measured { (sizes(), WARM_UP + ROUNDS) } else { (vec![100], 1) };
    let runtime = Runtime::new().expect("a runtime");
    let mut benches: Vec<_> = sizes.into_iter().map(|kept| runtime.block_on(Bench::filled(kept))).collect();
    for round in 0..rounds {
        for bench in &mut benches {
            let took = runtime.block_on(bench.erase(round, rounds));
            if round >= WARM_UP || !is_measured {
                bench.times.push(took);
                bench.times.sort_unstable();
            }
        }
    }
    let figures = |bench: &Bench| (bench.times[bench.times.len() / 2], bench.times[0]);
    for bench in &benches {
        let (median, least) = figures(bench);
        say(&format!("{EACH} of {} recordings: {median:.2?} (least {least:.2?})", bench.kept));
    }
    if let [first, .., last] = benches.as_slice() {
        let (small, large) = (figures(first), figures(last));
        let ratio = |large: Duration, small: Duration| large.as_secs_f64() / small.as_secs_f64();
        say(&format!("ratio {:.2} (least {:.2})", ratio(large.0, small.0), ratio(large.1, small.1)));
    }
}

impl Bench {
    async fn filled(kept: usize) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_772_438_400_000_000)));
        let store = SqliteKeyStore::open(&files.path().join("keys.db")).await.expect("a store");
        let store: Arc<dyn KeyStore> = Arc::new(store);
        let backend = Arc::new(FileBackend::open(&files.path().join("backend")).expect("a backend"));
        let life = Duration::from_secs(900);
        let epochs = Arc::new(Epochs::new(Arc::clone(&store), backend, Arc::clone(&clock), WEEK, 64, life));
        let pages = Arc::new(Pages::new(Arc::clone(&store), epochs, InstanceId::new()));
        let tenant = TenantId::new("banca-alfa").expect("a slug");
        let recordings: Vec<_> = (0..kept).map(|_| RecordingId::new()).collect();
        let begun = Instant::now();
        for some in recordings.chunks(TOGETHER) {
            let entries: Vec<_> = some.iter().copied().flat_map(entries).collect();
            let placed = pages.place(&tenant, &entries).await.expect("a place");
            assert!(placed.iter().all(|placed| *placed == Placed::Written));
        }
        say(&format!("entries of {kept} recordings were placed within {:.1?}", begun.elapsed()));
        let leases = Arc::new(Leases::new(Duration::from_secs(60), 1_000));
        let erasing = Erasing::new(store, pages, leases, clock);
        Self { kept, tenant, recordings, erasing, times: Vec::new(), _files: files }
    }

    /// Erases the recordings of a round, one after the other.
    async fn erase(&self, round: usize, rounds: usize) -> Duration {
        let step = self.kept / (rounds * EACH);
        assert!(step > 0, "{} recordings are fewer than what is to go", self.kept);
        let begun = Instant::now();
        for number in 0..EACH {
            let recording = self.recordings[(number * rounds + round) * step];
            let (erasure, purposes) = (ErasureId::new(), BTreeSet::new());
            let request = EraseRequest { recording, erasure, purposes, spans: None };
            let erased = self.erasing.erase(&self.tenant, &request).await.expect("an erasure");
            assert_eq!(erased.removed as usize, PURPOSES.len() * LEGS.len());
        }
        begun.elapsed()
    }
}

/// Four minutes of a call, of which everything opens for every purpose.
fn entries(recording: RecordingId) -> impl Iterator<Item = Entry> {
    let spans = SpanSet::from_range(0..240).expect("a range");
    LEGS.into_iter().flat_map(move |leg| {
        let cover = LegKey::generate().expect("a key").cover(&spans);
        let section = SectionAddress { recording, leg, section: SectionNo(0) };
        PURPOSES.map(|name| {
            let purpose = PurposeName::new(name).expect("a slug");
            Entry { section, purpose, cover: cover.clone() }
        })
    })
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
