//! What it costs to plan an access request of one customer and to write their copy, beside how many
//! recordings of other people lie in the stores: ten calls of the customer among ten thousand others, or a
//! hundred thousand.
//!
//! The ten are recorded once, by a mesh on embedded storage; a copy of its directories for each size is
//! then filled by SQL, and a mesh started on it. Each other recording has rows like one of the ten in every
//! table that has a recording or its customer, at most four of a kind, because a lookup meets how high a
//! tree is and not what lies beside; its ledger entries are found by terms of its own. Ids and times lie
//! between those of the ten, so that these are scattered. Only the ten have sound and records in the event
//! log: no request searches there.
//!
//! Each round goes through all sizes, so that whatever else the machine does meets each alike. `plan` is
//! from the request's receipt until its plan is frozen, `copy` until the package is on the disk. The ratio
//! is to the first size; a cost that follows what is of the customer, and not what is kept, has one near 1.
//!
//! `VERBALE_KEPT=10000,100000,1000000` measures with other sizes; the largest needs some 20 GB, and
//! patience. `TMPDIR` says on which disk.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{
    Clock, PrincipalKind, RecordingId, RequestId, Role, SubjectId, SystemClock, TenantId, Timestamp,
};
use platform::auth::TokenRequest;
use platform::config::Period;
use proto::archive::v1::Recording;
use proto::common::v1::PartyRole;
use proto::dsar::v1::OpenRequest;
use proto::dsar::v1::open_request::Subject;
use proto::dsar::v1::requests_client::RequestsClient;
use seal::Hash;
use sqlite::rusqlite::{Connection, params};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};
use verbale::call_file::CallFile;
use verbale::commands::request::{Lock, steps};
use verbale::commands::{recordings, retention};
use verbale::connect::{Caller, Speaker, issue_own, own_token};
use verbale::mesh::{Mesh, Settings};
use verbale::sender::{Call, Pace};
use verbale::wav::Wav;

/// Recordings of others, where nothing else is asked for.
const SIZES: [usize; 2] = [10_000, 100_000];
/// Rounds that are measured, after some that are not.
const ROUNDS: usize = 9;
const WARM_UP: usize = 2;

/// Calls of the customer.
const CALLS: usize = 10;
const CALL: &str = "card-payment-en";
/// How long ago the newest of them began, and how far before it the one before that did; in microseconds.
const AGO: i64 = 3_600_000_000;
const APART: i64 = 360_000_000;
/// Agents of all the others.
const AGENTS: usize = 200;

/// Recordings that are filled in by one transaction.
const TOGETHER: usize = 10_000;
/// Rows that another recording has in one table at most, and its entries in the ledger.
const ROWS: usize = 4;
/// Where entries of others are in the ledger's index: in a partition of an incarnation that never was, where
/// no writer takes places.
const PART: i64 = 1 << 16;

/// Longest wait for anything that happens by itself.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(50);
/// Longer than this runs: nothing is swept meanwhile.
const NEVER: Period = Period::secs(30 * 86_400);
const REASON: &str = "a copy was asked for";

fn main() -> Result<()> {
    // Whoever runs it as a test wants to know that it runs.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (sizes, warm_up, rounds) = if is_measured { (sizes()?, WARM_UP, ROUNDS) } else { (vec![100], 0, 1) };
    Runtime::new()?.block_on(measure(&sizes, warm_up, rounds))
}

async fn measure(sizes: &[usize], warm_up: usize, rounds: usize) -> Result<()> {
    let recorded = Place::new()?;
    let ten = recorded.record().await?;
    let mut places = Vec::new();
    for size in sizes {
        let begun = Instant::now();
        places.push(recorded.among(&ten, *size)?);
        say(&format!("{size} recordings were filled in within {:.1} s", begun.elapsed().as_secs_f64()))?;
    }
    let mut benches = Vec::new();
    for (place, kept) in places.iter().zip(sizes) {
        benches.push(Bench::start(place, *kept, &ten).await?);
    }
    for round in 0..warm_up + rounds {
        for bench in &mut benches {
            let (plan, copy) = bench.round().await?;
            if round >= warm_up {
                bench.plans.push(plan);
                bench.copies.push(copy);
            }
        }
    }
    tell(&mut benches)?;
    for bench in benches {
        bench.mesh.stop().await?;
    }
    Ok(())
}

/// The directories of one deployment.
struct Place(TempDir);

/// The customer's calls.
struct Ten {
    tenant: TenantId,
    customer: SubjectId,
    /// As they were recorded.
    recordings: Vec<RecordingId>,
}

impl Place {
    fn new() -> Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("verbale-bench-").tempdir()?))
    }
    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }
    fn keys(&self) -> PathBuf {
        self.0.path().join("keys")
    }
    fn settings(&self) -> Settings {
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policies");
        let mut settings = Settings::embedded(&self.data(), &self.keys(), &policies);
        settings.config.retention.sweep = NEVER;
        settings
    }

    /// Records the ten, and stops when they are sealed and it is known until when they are kept.
    async fn record(&self) -> Result<Ten> {
        let settings = self.settings();
        let mesh = Mesh::start(settings.clone()).await?;
        let (mut ids, mut customer) = (Vec::new(), None);
        let mut tenant = None;
        for number in 0..CALLS {
            let call = call(number)?;
            let own = call.file().tenant.clone();
            let token = own_token(&settings.config, Speaker::Sender, Some(&own))?;
            let sender = Caller::new(&mesh.server(), token, Some(own.clone()))?;
            let sent = call.send(&sender, Pace { speed: 0.0, patience: PATIENCE }, |_| {}).await?;
            ensure!(sent.refused.is_empty(), "events of the call were refused");
            let anna = person(&settings, &mesh, &own, "anna")?;
            let sealed = recordings::sealed(&anna, call.recording(), PATIENCE).await?;
            stamped(&anna, call.recording()).await?;
            ids.push(call.recording());
            (tenant, customer) = (Some(own), Some(customer_of(&sealed)?));
        }
        mesh.stop().await?;
        let (tenant, customer) = (tenant.context("no call")?, customer.context("no customer")?);
        Ok(Ten { tenant, customer, recordings: ids })
    }

    /// A copy of it in which the ten are among so many others.
    fn among(&self, ten: &Ten, size: usize) -> Result<Self> {
        let place = Self::new()?;
        duplicate(&self.data(), &place.data())?;
        duplicate(&self.keys(), &place.keys())?;
        let others = others(ten, size)?;
        let file = |path: PathBuf| Filling::open(&path, ten);
        file(place.data().join("archive.db"))?.copied(&[("recording", "id")])?.fill(&others)?;
        file(place.data().join("retention.db"))?.copied(&[])?.fill(&others)?.counted(size)?;
        let people = [("subject", "subject"), ("subject_values", "subject"), ("event", "said_in")];
        file(place.data().join("consent.db"))?.copied(&people)?.purposes().fill(&others)?;
        file(place.data().join("ledger.db"))?.entries()?.fill(&others)?;
        file(place.keys().join("keys.db"))?.copied(&[])?.fill(&others)?;
        let identifiers = [("identifier", "subject"), ("subject_section", "subject")];
        file(place.keys().join("identifiers.db"))?.copied(&identifiers)?.fill(&others)?;
        Ok(place)
    }
}

/// The sample call under a call id and at a time of its own.
fn call(number: usize) -> Result<Call> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/calls").join(CALL);
    let mut file = CallFile::parse(&std::fs::read_to_string(folder.join("call.json"))?)?;
    file.call_id = format!("call-{number}");
    // On a full second, as servers keep dates.
    let at = SystemClock.now().0 - AGO - i64::try_from(number)? * APART;
    file.started_at = Timestamp(at / 1_000_000 * 1_000_000).to_string();
    Call::new(file, &Wav::parse(&std::fs::read(folder.join("call.wav"))?)?, None)
}

fn customer_of(recording: &Recording) -> Result<SubjectId> {
    let customer = recording.parties.iter().find(|party| party.role() == PartyRole::Customer);
    Ok(SubjectId::from_slice(&customer.context("a call without a customer")?.subject_id)?)
}

async fn stamped(caller: &Caller, id: RecordingId) -> Result<()> {
    let began = Instant::now();
    while retention::explained(caller, id).await.is_err() {
        ensure!(began.elapsed() < PATIENCE, "recording {id} was not stamped in {PATIENCE:?}");
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Somebody who may decide on requests.
fn person(settings: &Settings, mesh: &Mesh, tenant: &TenantId, name: &str) -> Result<Caller> {
    let request = TokenRequest {
        subject: name.to_owned(),
        kind: PrincipalKind::Person,
        roles: [Role::Supervisor, Role::Compliance, Role::Auditor, Role::PrivacyOfficer].into(),
        tenants: [tenant.clone()].into(),
        life: Duration::from_secs(3_600),
    };
    Caller::new(&mesh.server(), issue_own(&settings.config, &request)?, Some(tenant.clone()))
}

/// A folder with what is in it; tables as their last commit left them.
fn duplicate(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a file without a name")?);
        match path.extension().and_then(OsStr::to_str) {
            _ if path.is_dir() => duplicate(&path, &target)?,
            Some("db") => sqlite::backup::copy(&path, &target)?,
            Some("db-wal" | "db-shm") => {}
            _ => {
                std::fs::copy(&path, &target)?;
            }
        }
    }
    Ok(())
}

/// A recording of somebody else.
struct Other {
    number: i64,
    recording: [u8; 16],
    customer: SubjectId,
    agent: SubjectId,
    /// What the ledger finds it by.
    term: [u8; 16],
    /// How much later it began than the newest of the ten: below zero.
    shift: i64,
}

/// So many, in the order of their ids.
fn others(ten: &Ten, size: usize) -> Result<Vec<Other>> {
    let number_of = |id: Option<&RecordingId>| id.map(|id| u128::from_be_bytes(id.to_bytes()));
    let first = number_of(ten.recordings.iter().min()).context("no recording")?;
    let last = number_of(ten.recordings.iter().max()).context("no recording")?;
    let mut ids: Vec<u128> = (0..size).map(|_| rand::random_range(first + 1..last)).collect();
    ids.sort_unstable();
    let agents: Vec<_> = (0..AGENTS).map(|_| SubjectId::new()).collect();
    let earliest = APART * i64::try_from(CALLS)?;
    let others = (0..).zip(ids).zip(agents.iter().cycle()).map(|((number, id), agent)| Other {
        number,
        recording: id.to_be_bytes(),
        customer: SubjectId::new(),
        agent: *agent,
        term: rand::random(),
        shift: -rand::random_range(0..earliest),
    });
    Ok(others.collect())
}

/// One store's file, and how it is filled.
struct Filling<'t> {
    connection: Connection,
    ten: &'t Ten,
    statements: Vec<String>,
}

impl<'t> Filling<'t> {
    fn open(path: &Path, ten: &'t Ten) -> Result<Self> {
        ensure!(path.is_file(), "{} is not there", path.display());
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA synchronous = OFF;
             PRAGMA cache_size = -524288;
             CREATE TEMP TABLE other (number INTEGER PRIMARY KEY, recording BLOB NOT NULL,
                 customer BLOB NOT NULL, agent BLOB NOT NULL, term BLOB NOT NULL, shift INTEGER NOT NULL);",
        )?;
        Ok(Self { connection, ten, statements: Vec::new() })
    }

    /// Every table that has a column `recording`, and these by this column.
    fn copied(mut self, keyed: &[(&str, &str)]) -> Result<Self> {
        let find = "SELECT own.name FROM main.sqlite_schema AS own JOIN pragma_table_info(own.name) AS it
                    WHERE own.type = 'table' AND it.name = 'recording'";
        let found = self.texts(find)?;
        let found = found.iter().map(|table| (table.as_str(), "recording"));
        for (table, key) in found.chain(keyed.iter().copied()) {
            let statement = self.copying(table, key)?;
            self.statements.push(statement);
        }
        Ok(self)
    }

    /// How a table is filled by the rows of the newest call, or of the customer.
    fn copying(&self, table: &str, key: &str) -> Result<String> {
        let customer = hex::encode(self.ten.customer.to_bytes());
        let first = self.ten.recordings.first().context("no recording")?;
        let own = if key == "subject" { customer.clone() } else { hex::encode(first.to_bytes()) };
        let tenant = &self.ten.tenant;
        self.connection.execute_batch(&format!(
            "CREATE TEMP TABLE own_{table} AS SELECT * FROM main.{table}
             WHERE tenant = '{tenant}' AND {key} = x'{own}' LIMIT {ROWS};"
        ))?;
        let columns = self.texts(&format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"))?;
        let names: Vec<_> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let values: Vec<_> = columns.iter().map(|column| fresh(table, column, &customer)).collect();
        Ok(format!(
            "INSERT INTO main.{table} ({}) SELECT {}
             FROM temp.other AS other CROSS JOIN temp.own_{table} AS own",
            names.join(", "),
            values.join(", ")
        ))
    }

    /// What a consent event is about is beside it.
    fn purposes(mut self) -> Self {
        self.statements.push(format!(
            "INSERT INTO main.event_purpose SELECT {VERSION}, it.purpose
             FROM temp.other AS other CROSS JOIN temp.own_event AS own
             CROSS JOIN main.event_purpose AS it ON it.version = own.version"
        ));
        self
    }

    /// The ledger's entries, each found by its recording, by who did it and by what was done.
    fn entries(mut self) -> Result<Self> {
        let tenant = &self.ten.tenant;
        self.connection.execute_batch(&format!(
            "CREATE TEMP TABLE own_entry AS SELECT * FROM main.entry
             WHERE tenant = '{tenant}' AND committed = 1 ORDER BY number LIMIT {ROWS};
             CREATE TEMP TABLE act AS SELECT rowid AS number, randomblob(16) AS term FROM own_entry
             UNION ALL SELECT 0, randomblob(16);"
        ))?;
        let find = "SELECT coalesce(max(number), 0) FROM entry";
        let before: i64 = self.connection.query_row(find, [], |row| row.get(0))?;
        let number = format!("{before} + other.number * {ROWS} + own.rowid");
        let each = "temp.other AS other CROSS JOIN temp.own_entry AS own";
        let found = format!("FROM {each} CROSS JOIN main.entry AS it ON it.number = {number}");
        self.statements = vec![
            format!(
                "INSERT INTO main.entry
                     (number, part, idx, fence, committed, tenant, at, event, commitment, sealed)
                 SELECT {number}, {PART}, other.number * {ROWS} + own.rowid, 0, 1, own.tenant,
                     own.at + other.shift, randomblob(16), own.commitment, own.sealed FROM {each}"
            ),
            format!(
                "INSERT INTO main.term (tenant, term, at, part, idx, entry)
                 SELECT it.tenant, other.term, it.at, it.part, it.idx, it.number {found}"
            ),
            format!(
                "INSERT INTO main.term (tenant, term, at, part, idx, entry)
                 SELECT it.tenant, act.term, it.at, it.part, it.idx, it.number {found}
                 JOIN temp.act AS act ON act.number IN (0, own.rowid)"
            ),
        ];
        Ok(self)
    }

    /// Fills it, in the order of ids: trees grow where they were written to last.
    fn fill(mut self, others: &[Other]) -> Result<Self> {
        for some in others.chunks(TOGETHER) {
            let tx = self.connection.transaction()?;
            tx.execute("DELETE FROM temp.other", [])?;
            for other in some {
                tx.prepare_cached("INSERT INTO temp.other VALUES (?, ?, ?, ?, ?, ?)")?.execute(params![
                    other.number,
                    other.recording,
                    other.customer.to_bytes(),
                    other.agent.to_bytes(),
                    other.term,
                    other.shift
                ])?;
            }
            for statement in &self.statements {
                let filled = tx.execute(statement, []);
                filled.with_context(|| statement.clone())?;
            }
            tx.commit()?;
        }
        self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(self)
    }

    /// Retention counts what it keeps, and carries a policy that is new to all of it: here that was done.
    fn counted(self, size: usize) -> Result<Self> {
        let (tenant, size) = (self.ten.tenant.as_str(), i64::try_from(size)?);
        let count = "UPDATE tenant_total SET running = running + ? WHERE tenant = ?";
        let counted = self.connection.execute(count, params![size, tenant])?;
        ensure!(counted == 1, "retention has not counted the ten");
        let note =
            "INSERT OR REPLACE INTO applied_policy SELECT tenant, policy FROM kept WHERE tenant = ? LIMIT 1";
        self.connection.execute(note, [tenant])?;
        Ok(self)
    }

    fn texts(&self, query: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(query)?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>();
        Ok(found?)
    }
}

/// A consent event's version: below all that is told to watchers, who begin at 0.
const VERSION: &str = "-(other.number * 4 + own.rowid)";
const _: () = assert!(ROWS == 4, "versions are apart by as many rows as there are at most");

/// What another recording's row has in a column: ids, people and times of its own, or what the model has.
fn fresh(table: &str, column: &str, customer: &str) -> String {
    match (table, column) {
        (_, "recording" | "said_in") | ("recording", "id") => "other.recording".to_owned(),
        (_, "subject") => {
            format!("CASE own.subject WHEN x'{customer}' THEN other.customer ELSE other.agent END")
        }
        (_, "started_at" | "ended_at" | "due_at" | "ends") => format!("own.{column} + other.shift"),
        (_, "mac" | "value") => "randomblob(32)".to_owned(),
        ("event", "id") => "randomblob(16)".to_owned(),
        ("event", "version") => VERSION.to_owned(),
        // Nothing is left to be sealed, or archive would go through all of them.
        ("recording", "unnamed") => "0".to_owned(),
        _ => format!("own.\"{column}\""),
    }
}

/// A mesh on a filled place, and how long its rounds took.
struct Bench {
    kept: usize,
    mesh: Mesh,
    customer: SubjectId,
    anna: Caller,
    bruno: Caller,
    file: PathBuf,
    plans: Vec<Duration>,
    copies: Vec<Duration>,
}

impl Bench {
    async fn start(place: &Place, kept: usize, ten: &Ten) -> Result<Self> {
        let settings = place.settings();
        let mesh = Mesh::start(settings.clone()).await?;
        let [anna, bruno] = ["anna", "bruno"].map(|name| person(&settings, &mesh, &ten.tenant, name));
        Ok(Self {
            kept,
            customer: ten.customer,
            anna: anna?,
            bruno: bruno?,
            file: place.0.path().join("copy.zip"),
            mesh,
            plans: Vec::new(),
            copies: Vec::new(),
        })
    }

    /// One request from its receipt to its answer: how long its plan took, and how long its copy.
    async fn round(&self) -> Result<(Duration, Duration)> {
        let begun = Instant::now();
        let id = self.open().await?;
        steps::identify(&self.anna, id).await?;
        let planned = steps::plan(&self.anna, id).await?;
        let plan = begun.elapsed();
        ensure!(planned.total >= CALLS as u64, "the plan has {} items", planned.total);

        steps::decide(&self.anna, &self.bruno, id, &planned.plan).await?;
        let stands = steps::worked_on(&self.anna, id, PATIENCE).await?;
        ensure!(stands.waits_for == "hand-out", "the request waits for {}", stands.waits_for);
        let begun = Instant::now();
        steps::package(&self.anna, id, REASON, &self.file, &Lock::Open).await?;
        let copy = begun.elapsed();

        // What it held is let go, so that the next one begins as this did.
        let letter = steps::letter(&self.anna, id, String::new()).await?;
        steps::deliver(&self.anna, id, Hash::of(letter.text.as_bytes())).await?;
        Ok((plan, copy))
    }

    async fn open(&self) -> Result<RequestId> {
        let id = RequestId::new();
        let request = OpenRequest {
            request_id: id.to_bytes().to_vec(),
            rights: vec!["access".to_owned()],
            channel: "letter".to_owned(),
            asker: "self".to_owned(),
            subject: Some(Subject::SubjectId(self.customer.to_bytes().to_vec())),
            ..Default::default()
        };
        RequestsClient::new(self.anna.wire()).open(self.anna.request(request)?).await?;
        Ok(id)
    }
}

fn tell(benches: &mut [Bench]) -> Result<()> {
    say(&format!("\n{:>12}{:>12}{:>8}{:>12}{:>8}", "recordings", "plan s", "ratio", "copy s", "ratio"))?;
    let mut first = None;
    for bench in benches {
        let (plan, copy) = (median(&mut bench.plans), median(&mut bench.copies));
        let (least_plan, least_copy) = *first.get_or_insert((plan, copy));
        let (of_plan, of_copy) = (plan / least_plan, copy / least_copy);
        let kept = bench.kept;
        say(&format!("{kept:>12}{plan:>12.4}{of_plan:>8.2}{copy:>12.4}{of_copy:>8.2}"))?;
    }
    Ok(())
}

/// What half of them kept to, in seconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, Duration::as_secs_f64)
}

/// The sizes that the environment asks for.
fn sizes() -> Result<Vec<usize>> {
    let Ok(asked) = std::env::var("VERBALE_KEPT") else { return Ok(SIZES.to_vec()) };
    let size =
        |text: &str| text.trim().parse::<usize>().context("VERBALE_KEPT is numbers with commas between");
    asked.split(',').map(size).collect()
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
