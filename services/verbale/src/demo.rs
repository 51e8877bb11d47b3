//! `verbale demo`: five calls recorded through the real contract over TCP, and what came of each, read back
//! from the stores and not from the script; then what becomes of them as time goes by.

mod asked;
mod later;
mod listen;
mod material;
mod tamper;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kernel::{Clock, LeapingClock, RecordingId, SystemClock, TenantId};
use platform::config::Period;
use proto::archive::v1::Recording;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cli::DemoArgs;
use crate::commands::trust::{self, Trust};
use crate::commands::{audit, backup, recordings};
use crate::connect::{Caller, Speaker, local_token};
use crate::demo::later::{Later, Teller};
use crate::demo::material::Story;
use crate::mesh::{Mesh, Settings};
use crate::output::{Exit, Output, Style};
use crate::sender::{Call, Pace};
use crate::{shown, timeline};

/// How long a call may take from its end to its sealing.
const SEALING_PATIENCE: Duration = Duration::from_secs(30);

/// Where the demo's things are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Data directory.
    pub data: PathBuf,
    /// Keys directory.
    pub keys: PathBuf,
    /// Calls, policies, clips, packages, letters, the trust file.
    pub files: PathBuf,
}

impl Places {
    /// Fresh places: the directories given, with keys and files beside the data, which must all be empty, or new ones
    /// under the system's temporary directory.
    pub fn fresh(data: Option<&Path>, keys: Option<&Path>) -> Result<Self> {
        let Some(data) = data else {
            let folder = tempfile::Builder::new().prefix("verbale-demo-").tempdir()?.keep();
            return Ok(Self {
                data: folder.join("data"),
                keys: folder.join("keys"),
                files: folder.join("files"),
            });
        };
        let keys = keys.map_or_else(|| beside(data, "keys"), |keys| Ok(keys.to_owned()))?;
        let files = beside(data, "files")?;
        for (folder, option) in [(data, "--data"), (keys.as_path(), "--keys"), (files.as_path(), "--data")] {
            let used = folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
            ensure!(
                !used,
                "{} is not empty; the demo wants a fresh directory: give another {option}",
                folder.display()
            );
        }
        Ok(Self { data: data.to_owned(), keys, files })
    }
}

/// Where the keys or files of the demo with this data directory are. They have its name, so that no other demo beside
/// it writes there.
fn beside(data: &Path, what: &str) -> Result<PathBuf> {
    let name = data.file_name().with_context(|| {
        format!(
            "{} has no name to call the demo's {what} after: give --data a directory by name",
            data.display()
        )
    })?;
    let mut own = name.to_owned();
    own.push(format!("-{what}"));
    Ok(data.with_file_name(own))
}

/// Runs the demo.
pub async fn run(args: DemoArgs, places: Places, out: Output) -> Result<Exit> {
    let began = Instant::now();
    let clock = LeapingClock::default();
    let stories = material::unpack(&places.files, clock.now())?;
    let mut settings = settings(&places, &clock);
    let mesh = Mesh::start(settings.clone()).await.context("the mesh did not start")?;
    out.line(out.style(Style::Bold, "verbale demo: five calls, one process, embedded storage"));
    out.line(format!("listening on {}; data in {}", mesh.address(), places.data.display()));

    settings.config.server.listen = mesh.address().to_string();
    let mut demo = Demo { server: mesh.server(), places, out };
    let heard = demo.tell(&stories, args.speed).await?;
    let mut teller = Teller::new(&demo, &heard.told, &clock);
    let backup = demo.places.files.join("backup");
    let went_on = teller.go_on(&backup).await;
    // Stopped, so that the ledger's last entries lie in objects, and nothing moves while they are copied.
    mesh.stop().await?;
    went_on?;
    let caught = tamper::catch(&demo.places, &heard.told, &heard.trust, out).await?;

    settings.config.storage.data = demo.places.files.join("restored");
    backup::restore(&backup, &settings.config.storage.data).context("the backup")?;
    let mesh = Mesh::start(settings.clone()).await.context("the mesh did not start on the restored data")?;
    let went_on = teller.restored().await;
    mesh.stop().await?;
    went_on?;

    // On copies, so that something is left to try things on.
    let much_later = later::five_years_on(&settings, &demo.places.files)?;
    let mesh = Mesh::start(much_later).await.context("the mesh did not start on the copies")?;
    let went_on = teller.held().await;
    let later = teller.end();
    mesh.stop().await?;
    went_on?;
    demo.places.data.clone_from(&settings.config.storage.data);
    demo.where_things_are(&heard.told, args.keep);
    out.line(format!("\ndone in {:.1} s", began.elapsed().as_secs_f64()));
    demo.report(&heard, &caught, &later);
    if args.keep {
        // At today's date, as whoever starts it by hand finds it: the years went by on the copies alone.
        let settings = Settings { clock: Arc::new(SystemClock), ..settings };
        let mesh = Mesh::start(settings).await.context("the mesh did not start again")?;
        out.line(format!("up again on {}; stop with Ctrl-C", mesh.address()));
        mesh.until_stopped().await?;
    }
    let all_well = heard.verified && later.well && caught.iter().all(|catch| catch.caught);
    Ok(if all_well { Exit::Ok } else { Exit::Fault })
}

/// Every role on embedded storage, with a clock that leaps, and soon about what goes by itself.
fn settings(places: &Places, clock: &LeapingClock) -> Settings {
    let embedded = Settings::embedded(&places.data, &places.keys, &places.files.join("policies"));
    let mut settings = Settings { clock: Arc::new(clock.clone()), ..embedded };
    let config = &mut settings.config;
    config.crypto.lease = Period::secs(1);
    config.crypto.turn = Period::millis(200);
    config.ingest.epoch_report = Period::millis(200);
    config.ledger.root_interval = Period::secs(1);
    config.ledger.entry_object_age = Period::secs(1);
    config.retention.sweep = Period::millis(200);
    config.retention.rest = Period::millis(50);
    config.dsar.rest = Period::millis(50);
    config.storage.key_copies = Some(places.files.join("key-copies"));
    settings
}

struct Demo {
    server: String,
    places: Places,
    out: Output,
}

/// One call with its recording.
struct Told<'a> {
    story: &'a Story,
    recording: Recording,
    caller: Caller,
}

/// What the five calls came to.
struct Heard<'a> {
    told: Vec<Told<'a>>,
    shown: Vec<Value>,
    verified: bool,
    trust: Trust,
}

impl Demo {
    async fn tell<'a>(&self, stories: &'a [Story], speed: f64) -> Result<Heard<'a>> {
        let ids = self.record(stories, speed).await?;
        let mut told = Vec::new();
        for (story, id) in stories.iter().zip(ids) {
            let caller = self.person(&story.tenant)?;
            let recording = recordings::sealed(&caller, id, SEALING_PATIENCE).await?;
            told.push(Told { story, recording, caller });
        }
        let mut shown = Vec::new();
        for one in &told {
            shown.push(self.show(one).await?);
        }
        let verified = self.verify(&told).await?;
        let trust = self.trust(&told[0].caller).await?;
        Ok(Heard { told, shown, verified, trust })
    }

    fn report(&self, heard: &Heard<'_>, caught: &[tamper::Catch], later: &Later) {
        if self.out.is_json() {
            let value = json!({
                "recordings": heard.shown, "verified": heard.verified,
                "later": later.steps,
                "tampering": caught.iter().map(tamper::Catch::shown).collect::<Vec<_>>(),
                "data": self.places.data, "keys": self.places.keys, "files": self.places.files,
            });
            self.out.value(&value, |_| String::new());
        }
    }

    /// Somebody of that name, where it counts who it is.
    fn named(&self, name: &str, tenant: &TenantId) -> Result<Caller> {
        let token = local_token(&self.places.keys, "verbale", name, Speaker::Person, Some(tenant))?;
        Caller::new(&self.server, token, Some(tenant.clone()))
    }

    fn person(&self, tenant: &TenantId) -> Result<Caller> {
        self.caller(Speaker::Person, tenant)
    }

    fn caller(&self, speaker: Speaker, tenant: &TenantId) -> Result<Caller> {
        let token = local_token(&self.places.keys, "verbale", "demo", speaker, Some(tenant))?;
        Caller::new(&self.server, token, Some(tenant.clone()))
    }

    /// Sends every call at once, over TCP, and gives their ids in order.
    async fn record(&self, stories: &[Story], speed: f64) -> Result<Vec<RecordingId>> {
        let bars = MultiProgress::new();
        if self.out.is_json() {
            bars.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{prefix:24} {bar:40} {pos}/{len} frames acknowledged")?;
        let pace = Pace { speed, patience: Duration::from_secs(30) };
        let mut running = JoinSet::new();
        for (number, story) in stories.iter().enumerate() {
            let call: Call = story.call()?;
            let caller = self.caller(Speaker::Sender, &story.tenant)?;
            let bar = bars.add(ProgressBar::new(call.frames()));
            bar.set_style(style.clone());
            bar.set_prefix(story.name.clone());
            running.spawn(async move {
                let sent = call.send(&caller, pace, |logged| bar.set_position(logged)).await;
                bar.finish();
                (number, call.recording(), sent)
            });
        }
        let mut ids = vec![None; stories.len()];
        while let Some(joined) = running.join_next().await {
            let (number, id, sent) = joined?;
            let sent = sent.with_context(|| format!("sending {}", stories[number].name))?;
            if let Some((event, code)) = sent.refused.first() {
                bail!("{}: the event {event} was refused: {code}", stories[number].name);
            }
            ids[number] = Some(id);
        }
        let _ = bars.clear();
        Ok(ids.into_iter().flatten().collect())
    }

    async fn show(&self, told: &Told<'_>) -> Result<Value> {
        let out = self.out;
        out.line(format!(
            "\n{}  {}",
            out.style(Style::Bold, &told.story.title),
            out.style(Style::Dim, &format!("{} ({})", told.story.name, told.story.tenant))
        ));
        out.line(timeline::draw(&told.recording, out));
        let heard = listen::listen(told, &self.places, out).await?;
        Ok(json!({
            "call": told.story.name,
            "recording": shown::recording(&told.recording),
            "listening": heard,
        }))
    }

    async fn verify(&self, told: &[Told<'_>]) -> Result<bool> {
        let out = self.out;
        out.line(format!("\n{}", out.style(Style::Bold, "Verified")));
        let mut well = true;
        for one in told {
            let id = RecordingId::from_slice(&one.recording.recording_id)?;
            let answer = recordings::check(&one.caller, id).await?;
            well &= answer.ok;
            out.line(format!(
                "  {} {:24} manifest signature, {} objects, {} spans{}",
                tick(answer.ok, out),
                one.story.name,
                answer.objects,
                answer.spans,
                answer.findings.first().map_or_else(String::new, |f| format!(": {} {}", f.kind, f.detail)),
            ));
        }
        let ledger = audit::check(&told[0].caller).await?;
        well &= ledger.ok;
        out.line(format!("  {} {:24} {} entries", tick(ledger.ok, out), "the ledger", ledger.entries));
        Ok(well)
    }

    async fn trust(&self, caller: &Caller) -> Result<Trust> {
        let trust = trust::fetch(caller).await?;
        std::fs::write(self.places.files.join("trust.json"), serde_json::to_string_pretty(&trust)?)?;
        Ok(trust)
    }

    fn where_things_are(&self, told: &[Told<'_>], stays_up: bool) {
        let out = self.out;
        let Places { data, keys, files } = &self.places;
        let (data, keys, policies) = (data.display(), keys.display(), files.join("policies"));
        out.line(format!("\n{}", out.style(Style::Bold, "Where everything is")));
        out.line(format!("  data (ciphertext and facts)    {data}"));
        out.line(format!("  keys                           {keys}"));
        out.line(format!("  calls, policies, clips, trust  {}", files.display()));
        out.line(format!(
            "  the WAV files, packages and letters in {} were taken out, those of erased calls, too: the mesh cannot \
             reach them, and they are yours to delete",
            files.display()
        ));
        // One that is not restricted by now.
        let told = told.iter().find(|told| told.story.name == later::ORDER).unwrap_or(&told[0]);
        let id = shown::id(&told.recording.recording_id);
        let tenant = &told.story.tenant;
        let server = if stays_up { format!(" --server {}", self.server) } else { String::new() };
        out.line(format!("\n{}", out.style(Style::Bold, "What to try next")));
        out.line(format!("  export VERBALE_DATA={data} VERBALE_KEYS={keys} VERBALE_TENANT={tenant}"));
        if !stays_up {
            out.line(format!("  verbale up --policies {} &", policies.display()));
        }
        for command in [
            "recordings list".to_owned(),
            format!("recordings show {id}"),
            format!(
                "replay {id} --purpose verbal-contract --reason 'order dispute' --mark verbal-contract -o order.wav"
            ),
            "request list".to_owned(),
            "audit tail".to_owned(),
        ] {
            out.line(format!("  verbale{server} {command}"));
        }
        let trust = files.join("trust.json");
        out.line(format!(
            "  verbale verify {data}/objects --trust {}      # needs nothing running",
            trust.display()
        ));
    }
}

/// A tick or a cross.
fn tick(well: bool, out: Output) -> String {
    if well { out.style(Style::Green, "✓") } else { out.style(Style::Red, "✗") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demos_beside_each_other_share_no_directory() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["d1", "d2"] {
            let Places { data, keys, files } = Places::fresh(Some(&at(name)), None).unwrap();
            let own = |what: &str| at(&format!("{name}{what}"));
            assert_eq!([data, keys, files], [own(""), own("-keys"), own("-files")]);
        }
        let error = Places::fresh(Some(Path::new("..")), None).unwrap_err().to_string();
        assert!(error.contains("--data"), "{error}");
    }

    #[test]
    fn a_directory_that_is_not_empty_is_refused_with_what_to_do() {
        let check = |used: &str, option: &str| {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            std::fs::create_dir(at(used)).unwrap();
            Places::fresh(Some(&at("d1")), Some(&at("k1"))).unwrap();
            std::fs::write(at(used).join("something"), "").unwrap();
            let error = Places::fresh(Some(&at("d1")), Some(&at("k1"))).unwrap_err().to_string();
            let (whose, advice) =
                (format!("{} is not empty", at(used).display()), format!("another {option}"));
            assert!(error.starts_with(&whose) && error.ends_with(&advice), "{error}");
        };
        check("d1", "--data");
        check("k1", "--keys");
        check("d1-files", "--data");
    }
}
