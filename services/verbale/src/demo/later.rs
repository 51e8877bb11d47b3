//! What becomes of the five calls as time goes by: what was withdrawn goes unasked, a period ends, a stretch is made
//! unreadable, keys turn, a backup comes back, what was restricted goes on its day, a hold keeps what is due, and two
//! people let it go.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{
    Clock, ErasureId, HoldId, Interval, IntervalSet, LeapingClock, Position, RecordingId, Timestamp, Use,
};
use proto::archive::v1::{ReplayFormat, ReplayRequest};
use proto::common::v1::Interval as Stretch;
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{EpochState, GetStatusRequest, TurnRequest};
use proto::retention::v1::order_erasure_request::What;
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    ErasureCause, ErasureState, HoldKind, HoldSelector, OrderErasureRequest, PlaceHoldRequest,
    ReleaseHoldRequest,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::tamper::copy_all;
use super::{Demo, Told, tick};
use crate::commands::request::steps;
use crate::commands::{backup, erasure, recordings, replay, retention};
use crate::connect::Caller;
use crate::mesh::Settings;
use crate::output::{Output, Style};
use crate::{shown, timeline};

/// How long what goes by itself may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);
/// Where, among the demo's files, the copies are on which five years go by.
const FIVE_YEARS_ON: &str = "five-years-on";

/// The calls that the story goes on with.
pub(super) const DUTY: &str = "mifid-order-it";
pub(super) const ASKED: &str = "access-request-en";
const WITHDRAWN: &str = "withdrawal-midcall-it";
pub(super) const ORDER: &str = "card-payment-en";

/// What the demo shows of time going by, and whether all of it was as it must be.
pub(super) struct Later {
    pub(super) well: bool,
    pub(super) steps: Vec<Value>,
}

/// Tells one step after another.
pub(super) struct Teller<'a> {
    pub(super) demo: &'a Demo,
    told: &'a [Told<'a>],
    clock: &'a LeapingClock,
    pub(super) out: Output,
    later: Later,
}

impl<'a> Teller<'a> {
    pub(super) fn new(demo: &'a Demo, told: &'a [Told<'a>], clock: &'a LeapingClock) -> Self {
        let later = Later { well: true, steps: Vec::new() };
        Self { demo, told, clock, out: demo.out, later }
    }

    /// While the mesh of the five calls is up; a backup is made before most of it.
    pub(super) async fn go_on(&mut self, backup: &Path) -> Result<()> {
        self.copies().await?;
        self.title("Time goes by");
        self.withdrawn_unasked().await?;
        backup::create(&self.demo.places.data, backup, self.clock.now()).context("the backup")?;
        self.note(format!("  a backup of the data, without keys, is in {}", backup.display()));
        self.stretch_unreadable().await?;
        self.erasure().await?;
        self.period_over().await?;
        self.keys_turn().await?;
        self.draw(DUTY).await?;
        self.draw(ORDER).await
    }

    /// In the mesh on the restored backup, with today's keys.
    pub(super) async fn restored(&mut self) -> Result<()> {
        self.title("An older backup is restored, with today's keys");
        let duty = self.of(DUTY)?;
        let (id, caller) = (id_of(duty)?, &duty.caller);
        // Nothing of it opens from the start; what the journal says is signed anew meanwhile.
        for caller in [caller, &self.of(ORDER)?.caller] {
            for found in erasure::all(caller, 20).await? {
                erasure::settled(caller, ErasureId::from_slice(&found.erasure_id)?, PATIENCE).await?;
            }
        }
        let quality = self.hears(caller, id, "quality", Use::Replay, "").await?;
        self.step("the quality purpose stays gone", quality.is_err(), words(&quality));
        let kept = self.hears(caller, id, "mifid2-transaction", Use::Replay, "").await?;
        self.step("the duty's copy stays restricted", kept == Err("restricted".to_owned()), words(&kept));
        let order = self.of(ORDER)?;
        let (id, caller) = (id_of(order)?, &order.caller);
        let heard = self.hears(caller, id, "verbal-contract", Use::Replay, "").await?;
        let erased = heard.as_ref().map_or(0, |heard| heard.erased);
        let detail = format!("{}, with what only quality kept of that call", words(&heard));
        self.step("the three seconds stay unreadable", erased > 0, detail);
        let checked = recordings::check(caller, id).await?;
        self.step("the manifest still verifies", checked.ok, format!("{} objects", checked.objects));
        Ok(())
    }

    /// Five years on, on copies: what was restricted goes on its day, unasked; a hold keeps what else is due, and two
    /// people let it go.
    pub(super) async fn held(&mut self) -> Result<()> {
        self.title("Five years on");
        let folder = self.demo.places.files.join(FIVE_YEARS_ON);
        self.note(format!("  on a copy of data and keys, in {}", folder.display()));
        self.note("  the demo's own data stays: whatever is started on it is at today's date".to_owned());
        let hold = self.hold_placed().await?;
        self.clock.leap(5 * 366 * DAY);
        self.restricted_gone().await?;
        self.hold_keeps(hold).await?;
        self.let_go(hold).await
    }

    pub(super) fn end(self) -> Later {
        self.later
    }

    async fn withdrawn_unasked(&mut self) -> Result<()> {
        let told = self.of(WITHDRAWN)?;
        let id = id_of(told)?;
        let gone = self.erased_by_itself(&told.caller, ErasureCause::BasisLost, id, "quality").await?;
        self.step("what was withdrawn in mid-call went by itself", true, gone);
        Ok(())
    }

    async fn stretch_unreadable(&mut self) -> Result<()> {
        let told = self.of(ORDER)?;
        let id = id_of(told)?;
        let basis = told.recording.bases.iter().find(|basis| basis.purpose == "verbal-contract");
        let from = basis.context("the order has its basis")?.start + 2_000_000;
        let stretch = Stretch { start: from, end: from + 3_000_000 };
        let erasure = ErasureId::new();
        let caller = self.demo.named("anna", &told.story.tenant)?;
        let request = caller.request(OrderErasureRequest {
            erasure_id: erasure.to_bytes().to_vec(),
            what: Some(What::RecordingId(id.to_bytes().to_vec())),
            purposes: Vec::new(),
            stretch: Some(stretch),
            legs: Vec::new(),
            reason: "art-17-1-d".to_owned(),
            of_subject_id: Vec::new(),
        })?;
        RetentionClient::new(caller.wire()).order_erasure(request).await.context("the erasure")?;
        let (settled, _) = erasure::settled(&caller, erasure, PATIENCE).await?;
        let heard = self.hears(&told.caller, id, "verbal-contract", Use::Replay, "").await?;
        let erased = heard.as_ref().map_or(0, |heard| heard.erased);
        let well = settled.state() == ErasureState::Done && erased > 0 && heard.is_ok();
        let (start, end) = (Position(stretch.start), Position(stretch.end));
        self.step(
            "three seconds of the shop's call are made unreadable",
            well,
            format!("{start} to {end}; {}", words(&heard)),
        );
        Ok(())
    }

    async fn period_over(&mut self) -> Result<()> {
        self.title("91 days on");
        self.clock.leap(91 * DAY);
        let shop = self.of(ORDER)?;
        let gone =
            self.erased_by_itself(&shop.caller, ErasureCause::PeriodOver, id_of(shop)?, "quality").await?;
        self.step("the shop's quality purpose ends, and takes what only that kept of its call", true, gone);
        Ok(())
    }

    async fn keys_turn(&mut self) -> Result<()> {
        let told = self.of(DUTY)?;
        let began = Instant::now();
        let destroyed = loop {
            let request = told.caller.request(TurnRequest { begin: false })?;
            let turned =
                KeysClient::new(told.caller.wire()).turn(request).await.context("the turn")?.into_inner();
            let first = turned.epochs.first().context("the bank has key epochs")?.clone();
            if first.state() == EpochState::Destroyed {
                break first;
            }
            ensure!(began.elapsed() < PATIENCE, "key epoch {} waits for {}", first.epoch, first.waits_for);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        self.step("the key epoch of that day is destroyed", true, format!("epoch {}", destroyed.epoch));
        let request = told.caller.request(GetStatusRequest { canaries: true })?;
        let status = KeysClient::new(told.caller.wire()).get_status(request).await?.into_inner();
        let canary = status.canaries.iter().find(|canary| canary.epoch == destroyed.epoch);
        let well = canary.is_some_and(|canary| canary.ok && !canary.removed_opens);
        self.step("what was removed in it opens with no key that is left", well, "by its canary".to_owned());
        Ok(())
    }

    async fn hold_placed(&mut self) -> Result<HoldId> {
        let order = self.of(ORDER)?;
        let compliance = self.demo.named("anna", &order.story.tenant)?;
        let hold = HoldId::new();
        let request = compliance.request(PlaceHoldRequest {
            hold_id: hold.to_bytes().to_vec(),
            kind: HoldKind::Litigation.into(),
            selector: Some(HoldSelector {
                recording_ids: vec![id_of(order)?.to_bytes().to_vec()],
                ..Default::default()
            }),
            reason: "case-2026-117".to_owned(),
            review_at: self.clock.now().plus(300 * DAY).0,
            purposes: Vec::new(),
        })?;
        RetentionClient::new(compliance.wire()).place_hold(request).await.context("the hold")?;
        self.step("anna places a hold over the shop's call", true, format!("hold {hold}, case-2026-117"));
        Ok(hold)
    }

    /// What the duty kept of an erasure that was asked for five years ago. Nobody asks again.
    async fn restricted_gone(&mut self) -> Result<()> {
        let duty = self.of(DUTY)?;
        let id = id_of(duty)?;
        let gone =
            self.erased_by_itself(&duty.caller, ErasureCause::PeriodOver, id, "mifid2-transaction").await?;
        let asked = steps::open_ones(&duty.caller).await?;
        self.step(
            "the bank's order call, restricted until its day, went by itself, with no new request",
            asked.is_empty(),
            gone,
        );
        let duty_over = self.hears(&duty.caller, id, "mifid2-transaction", Use::Replay, "").await?;
        let is_erased = duty_over == Err("erased".to_owned());
        self.step("nobody hears that one any more", is_erased, words(&duty_over));
        let state = recordings::get(&duty.caller, id).await?;
        let checked = recordings::check(&duty.caller, id).await?;
        self.step(
            "what is left of it is its signed record",
            checked.ok && state.parties.is_empty(),
            checked_words(&checked),
        );
        Ok(())
    }

    /// The shop's call is due as well, and stays as long as the hold.
    async fn hold_keeps(&mut self, hold: HoldId) -> Result<()> {
        let order = self.of(ORDER)?;
        let id = id_of(order)?;
        let explained = retention::explained(&order.caller, id).await?;
        let is_held = explained.holds.iter().any(|held| held.hold_id == hold.to_bytes());
        // 0 where nothing is kept any more.
        let is_due = explained.latest > 0 && self.clock.now().0 > explained.latest;
        let over = format!("over since {}", Timestamp(explained.latest));
        self.step("the shop's call is due, too, and the hold keeps it", is_held && is_due, over);
        self.draw(ORDER).await?;
        let order_over = self.hears(&order.caller, id, "verbal-contract", Use::Replay, "").await?;
        self.step("its purpose opens it no more", order_over.is_err(), words(&order_over));
        let claim =
            self.hears(&order.caller, id, "verbal-contract", Use::LegalClaim, &hold.to_string()).await?;
        self.step("for the claim it still plays", claim.is_ok(), words(&claim));
        Ok(())
    }

    async fn let_go(&mut self, hold: HoldId) -> Result<()> {
        let order = self.of(ORDER)?;
        let id = id_of(order)?;
        for (name, released) in [("bruno", false), ("carla", true)] {
            let caller = self.demo.named(name, &order.story.tenant)?;
            let request = caller.request(ReleaseHoldRequest { hold_id: hold.to_bytes().to_vec() })?;
            RetentionClient::new(caller.wire()).release_hold(request).await.context("the release")?;
            let what = if released { "carla agrees: released" } else { "bruno asks for its release" };
            self.step(what, true, String::new());
        }
        let gone =
            self.erased_by_itself(&order.caller, ErasureCause::PeriodOver, id, "verbal-contract").await?;
        self.step("the sweep erases it, unasked", true, gone);
        let claim =
            self.hears(&order.caller, id, "verbal-contract", Use::LegalClaim, &hold.to_string()).await?;
        self.step("nobody hears it any more", claim.is_err(), words(&claim));
        Ok(())
    }

    /// Waits until an erasure that nobody ordered has taken a recording.
    async fn erased_by_itself(
        &self,
        caller: &Caller,
        cause: ErasureCause,
        id: RecordingId,
        purpose: &str,
    ) -> Result<String> {
        let began = Instant::now();
        loop {
            for found in erasure::all(caller, 20).await?.into_iter().filter(|found| found.cause() == cause) {
                let erasure = ErasureId::from_slice(&found.erasure_id)?;
                let (settled, items) = erasure::get(caller, erasure).await?;
                let Some(own) = items.iter().find(|item| item.recording_id == id.to_bytes()) else {
                    continue;
                };
                if settled.state() == ErasureState::Done && own.erased.iter().any(|erased| erased == purpose)
                {
                    let purposes = own.erased.join(", ");
                    return Ok(format!("erasure {}: {purposes}", shown::id(&settled.erasure_id)));
                }
            }
            ensure!(began.elapsed() < PATIENCE, "recording {id} was not erased in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A replay into a file that is not kept; the refusal's word where there is one.
    pub(super) async fn hears(
        &self,
        caller: &Caller,
        id: RecordingId,
        purpose: &str,
        wanted: Use,
        reference: &str,
    ) -> Result<std::result::Result<Heard, String>> {
        let file = tempfile::NamedTempFile::new()?;
        let request = ReplayRequest {
            recording_id: id.to_bytes().to_vec(),
            r#use: wanted.number(),
            format: ReplayFormat::Wav.into(),
            reference: reference.to_owned(),
            ..Default::default()
        };
        let purpose = kernel::PurposeName::new(purpose)?;
        match replay::to_file(caller, request, &purpose, "the demo looks who may hear it", file.path()).await
        {
            Ok(written) => {
                let erased = written.gaps.iter().filter(|gap| gap.reason == "erased");
                let erased = erased.filter_map(|gap| Interval::new(Position(gap.start), Position(gap.end)));
                let erased = erased.collect::<IntervalSet>().micros();
                Ok(Ok(Heard { frames: written.frames, erased }))
            }
            Err(error) => match error.downcast::<tonic::Status>() {
                Ok(status) => Ok(Err(platform::error::reason(&status).to_owned())),
                Err(error) => Err(error),
            },
        }
    }

    pub(super) fn of(&self, name: &str) -> Result<&'a Told<'a>> {
        self.told
            .iter()
            .find(|told| told.story.name == name)
            .with_context(|| format!("the demo has no call {name}"))
    }

    /// A call's timeline as it is now: what was erased, what ended and when, and by what it is held.
    async fn draw(&self, name: &str) -> Result<()> {
        let told = self.of(name)?;
        let id = id_of(told)?;
        let recording = recordings::get(&told.caller, id).await?;
        let explained = retention::explained(&told.caller, id).await?;
        let today = format!("{} on {}", told.story.name, self.clock.now());
        self.note(format!("\n{}", self.out.style(Style::Bold, &today)));
        self.note(timeline::draw(&recording, self.out));
        for line in timeline::kept(&recording, &explained, self.clock.now(), self.out) {
            self.note(line);
        }
        Ok(())
    }

    pub(super) fn title(&self, title: &str) {
        self.out.line(format!("\n{}", self.out.style(Style::Bold, title)));
    }

    pub(super) fn note(&self, text: String) {
        self.out.line(text);
    }

    pub(super) fn step(&mut self, what: &str, well: bool, detail: String) {
        let said = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        self.out.line(format!("  {} {what}{said}", tick(well, self.out)));
        self.later.well &= well;
        self.later.steps.push(json!({"what": what, "as_it_must_be": well, "detail": detail}));
    }
}

/// What somebody heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    frames: u64,
    /// How much of it is erased, on any leg, in microseconds.
    erased: u64,
}

pub(super) fn words(heard: &std::result::Result<Heard, String>) -> String {
    match heard {
        Ok(heard) if heard.erased == 0 => format!("{} frames play", heard.frames),
        Ok(heard) => {
            let seconds = Position(heard.erased).as_secs_f64();
            format!("{} frames play, {seconds:.1} s are erased", heard.frames)
        }
        Err(reason) => format!("refused, {reason}"),
    }
}

fn checked_words(checked: &proto::archive::v1::VerifyResponse) -> String {
    format!("verifies, {} objects are named", checked.objects)
}

/// Data and keys as they are, copied to where five years may go by.
pub(super) fn five_years_on(settings: &Settings, files: &Path) -> Result<Settings> {
    let folder = files.join(FIVE_YEARS_ON);
    let mut much_later = settings.clone();
    let storage = &mut much_later.config.storage;
    for (from, to) in [(storage.data.clone(), "data"), (storage.keys(), "keys")] {
        copy_all(&from, &folder.join(to))?;
    }
    storage.data = folder.join("data");
    storage.keys = Some(folder.join("keys"));
    storage.key_copies = Some(folder.join("key-copies"));
    Ok(much_later)
}

pub(super) fn id_of(told: &Told<'_>) -> Result<RecordingId> {
    Ok(RecordingId::from_slice(&told.recording.recording_id)?)
}
