//! Copies, checked by tools that are not ours: Python's `zipfile`, `hashlib` and `cryptography`, `jsonschema`, and
//! libsndfile for the sound.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use kernel::{RecordingId, SubjectId};
use platform::config::Period;
use proto::audit::v1::QueryRequest;
use proto::common::v1::PartyRole;
use proto::retention::v1::TermState;
use serde_json::Value;
use verbale::commands::request::steps;
use verbale::commands::{audit, retention, trust};
use verbale::connect::Caller;

use crate::harness::asking::{Desk, request_id};
use crate::harness::keeping::{customer, subject};
use crate::harness::{
    Expected, FRAME, Sample, World, eventually, hear, id_of, in_one_process, not_tested, on_every_shape,
    purpose, reason,
};

on_every_shape!(who_asks_in_a_call_gets_a_copy_with_all_that_is_theirs_and_nothing_of_another);
in_one_process!(
    a_copy_of_ten_calls_is_complete_and_true_by_tools_that_are_not_ours,
    an_agent_gets_their_own_voice_and_not_the_customer_s,
    what_is_portable_is_a_vcon_of_consent_and_contract_alone,
    who_takes_consent_back_gets_a_copy_of_what_is_still_there,
);

const QUALITY: &str = "quality";

/// What the script found in a copy.
pub(super) struct Copy(Value);

impl Copy {
    /// Opens it by other tools; none where the machine has none.
    pub(super) async fn open(world: &World, caller: &Caller, file: &Path) -> Option<Self> {
        let python = python()?;
        let trust = trust::fetch(caller).await.unwrap();
        let roots = trust.roots().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/requests/open_copy.py");
        let folder = world.folder().join("opened");
        let ran = Command::new(python)
            .arg(script)
            .arg(file)
            .arg(hex::encode(roots[0]))
            .arg(&folder)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        Some(Self(serde_json::from_slice(&ran.stdout).unwrap()))
    }

    pub(super) fn list(&self, what: &str) -> &[Value] {
        self.0[what].as_array().unwrap_or_else(|| panic!("the copy has no {what}: {}", self.0))
    }

    /// What its page is made of.
    pub(super) fn page(&self) -> &str {
        self.0["page"].as_str().unwrap()
    }

    /// The calls in it.
    fn calls(&self) -> BTreeSet<String> {
        self.list("recordings").iter().map(|call| call["id"].as_str().unwrap().to_owned()).collect()
    }

    /// How many frames a leg's sound has, of 20 ms each.
    fn frames(&self, call: RecordingId, leg: u32) -> u64 {
        let own = self
            .list("sound")
            .iter()
            .filter(|sound| sound["recording"] == call.to_string() && sound["leg"] == leg);
        own.map(|sound| sound["samples"].as_u64().unwrap() / SAMPLES).max().unwrap_or(0)
    }
}

/// Of a frame of the sample calls.
const SAMPLES: u64 = 160;

/// A Python that can; none is said aloud, and is a failure where it is required.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python3");
    let able = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", "import cryptography, jsonschema, soundfile"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let found = [own, PathBuf::from("python3")].into_iter().find(able);
    if found.is_none() {
        not_tested(
            "python",
            "python3 has no cryptography, jsonschema and soundfile: no copy was opened by it",
        );
    }
    found
}

fn heard_in_calls(world: World) -> World {
    world.tuned(|config| {
        config.dsar.heard = true;
        config.dsar.rest = Period::millis(200);
    })
}

/// Waits until the ledger tells that a recording was listened to: it follows its topic.
async fn entered(caller: &Caller, id: RecordingId) {
    let asked = QueryRequest {
        object: format!("recording/{id}"),
        action: "recording.replayed".to_owned(),
        ..Default::default()
    };
    eventually("the ledger has a replay", async || {
        let found = audit::query(caller, asked.clone(), 10).await.ok()?;
        (!found.is_empty()).then_some(())
    })
    .await;
}

fn ids(ids: &[RecordingId]) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}

async fn who_asks_in_a_call_gets_a_copy_with_all_that_is_theirs_and_nothing_of_another(world: World) {
    let world = heard_in_calls(world);
    let sample = Sample::new("access-request-en");
    let other = Sample::new("card-payment-en").between("agent-299", "+442079460777", "payment-of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (id, _) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let desk = Desk::of(&world, &server, &sample.tenant);
    // Somebody listens before: that is to be told.
    hear(&desk.bruno, id, &purpose(QUALITY)).await.unwrap();
    entered(&desk.anna, id).await;
    let request = eventually("what was said in the call is a request", async || {
        let open = steps::open_ones(&desk.anna).await.unwrap();
        open.into_iter().find(|request| request.recording_id == id.to_bytes())
    })
    .await;
    let said = sample.event("dsar.requested", None).unwrap();
    assert_eq!((request.channel.as_str(), request.position), ("call", said.0));
    assert_eq!(request.received_at, sample.started_at().0 + i64::try_from(said.0).unwrap());

    let done = desk.carry_out(&desk.plan(&request).await).await;
    assert_eq!(done.waits_for, "hand-out");
    let file = world.folder().join("copy.zip");
    desk.copy(&done, &file).await;
    let (letter, closed) = desk.answer(&done).await;
    assert_eq!(closed.state, "closed", "{letter}");

    let trust = world.folder().join("trust.json");
    let exported = verbale::commands::trust::fetch(&desk.anna).await.unwrap();
    std::fs::write(&trust, serde_json::to_string(&exported).unwrap()).unwrap();
    let args = verbale::cli::VerifyPackageArgs { file: file.clone(), trust };
    let report = verbale::commands::request::verified(&args, Some(&sample.tenant)).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        assert_eq!(copy.calls(), ids(&[id]));
        let listened = copy.list("consultations");
        assert!(listened.iter().any(|one| one["purpose"] == QUALITY), "{listened:?}");
        let whole = copy.0.to_string();
        assert!(!whole.contains("bruno") && !whole.contains("anna"), "staff are nobody's business: {whole}");
        assert!(!copy.list("consents").is_empty() && !copy.list("notices").is_empty());
        let frames = (0..sample.frames()).filter(|frame| Expected::of(&sample).is_stored(*frame)).count();
        let frames_of = |leg| copy.frames(id, leg);
        assert!(frames_of(0) >= frames as u64 && frames_of(1) >= frames as u64, "{frames} frames are stored");
    }
    mesh.stop().await.unwrap();
}

async fn a_copy_of_ten_calls_is_complete_and_true_by_tools_that_are_not_ours(world: World) {
    let sample = Sample::new("card-payment-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let mut own = Vec::new();
    for number in 0..10 {
        let call_id: &'static str = format!("call-{number}").leak();
        let call = Sample::new("card-payment-en").between(sample.agent(), sample.phone(), call_id);
        own.push(world.kept(&server, &call).await);
    }
    let other = Sample::new("access-request-en").between("agent-299", "+442079460777", "of-another");
    world.kept(&server, &other).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    for id in &own[..3] {
        hear(&desk.bruno, *id, &purpose(QUALITY)).await.unwrap();
        entered(&desk.anna, *id).await;
    }
    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["access"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&request).await).await;
    let file = world.folder().join("ten.zip");
    desk.copy(&done, &file).await;
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        assert_eq!(copy.calls(), ids(&own));
        let listened = copy.list("consultations").iter();
        let listened = listened.filter(|one| one["purpose"] == QUALITY && one["what"] != "");
        assert!(listened.count() >= 3);
        for id in &own {
            assert!(copy.frames(*id, 0) > 0 && copy.frames(*id, 1) > 0, "{id} has its sound");
            assert!(copy.frames(*id, 0) * FRAME <= sample.length() + FRAME);
        }
    }
    mesh.stop().await.unwrap();
}

async fn an_agent_gets_their_own_voice_and_not_the_customer_s(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let recording = world.record(&server, &sample).await;
    let id = id_of(&recording);
    crate::harness::keeping::explained(&world.person(&server, &sample.tenant), id).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let agent = recording.parties.iter().position(|party| party.role() == PartyRole::Agent).unwrap();
    let of_agent = SubjectId::from_slice(&recording.parties[agent].subject_id).unwrap();
    let leg = recording.legs.iter().find(|leg| leg.party as usize == agent).unwrap().leg;
    let request = desk.ask(of_agent, &["access"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&request).await).await;
    let file = world.folder().join("agent.zip");
    desk.copy(&done, &file).await;
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        assert_eq!(copy.calls(), ids(&[id]));
        assert!(copy.frames(id, leg) > 0 && copy.frames(id, 1 - leg) == 0);
        assert!(copy.0["page"].as_str().unwrap().contains("agent"));
    }
    mesh.stop().await.unwrap();
}

async fn what_is_portable_is_a_vcon_of_consent_and_contract_alone(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let kind = proto::common::v1::IdentifierKind::Phone;
    let person = subject(&desk.anna, kind, sample.phone()).await;
    let request = desk.ask(person, &["port"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let of_duty = planned.items.iter().filter(|item| item.basis == "duty-running" && item.leg.is_some());
    let outcome = |item: &proto::dsar::v1::Item| item.proposed.clone().unwrap().outcome;
    assert!(of_duty.clone().count() > 0 && of_duty.map(outcome).all(|outcome| outcome == "not-applicable"));
    let done = desk.carry_out(&planned).await;
    let file = world.folder().join("portable.zip");
    desk.copy(&done, &file).await;
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        let vcons = copy.list("vcons");
        assert_eq!(vcons.len(), 1);
        assert!(!vcons[0]["dialog"].as_array().unwrap().is_empty());
        let sound = copy.list("sound").iter().filter(|sound| sound["recording"] == id.to_string());
        let purposes: BTreeSet<_> = sound.map(|sound| sound["purpose"].as_str().unwrap()).collect();
        assert!(!purposes.contains("mifid2-transaction"), "{purposes:?}");
    }
    mesh.stop().await.unwrap();
}

async fn who_takes_consent_back_gets_a_copy_of_what_is_still_there(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["access", "withdraw"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&request).await).await;
    assert_eq!(done.waits_for, "hand-out");
    // It serves nothing else any more.
    assert_eq!(reason(&hear(&desk.anna, id, &purpose(QUALITY)).await.unwrap_err()), "withdrawn");
    let file = world.folder().join("copy.zip");
    desk.copy(&done, &file).await;
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        assert!(copy.frames(id, 1) > 0, "their own voice");
    }
    let stands =
        verbale::commands::request::get(&desk.anna, request_id(&done)).await.unwrap().request.unwrap();
    desk.answer(&stands).await;
    eventually("once it is answered what rested on it goes", async || {
        let told = retention::explained(&desk.anna, id).await.unwrap();
        told.terms.iter().all(|term| term.state() == TermState::Ended).then_some(())
    })
    .await;
    mesh.stop().await.unwrap();
}
