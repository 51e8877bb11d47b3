//! What people ask over their calls, and what they get: a copy for the customer who asked in the call, one for the agent of
//! that call, and an erasure for the customer of a bank, whose duty keeps what it must until its day.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::{Position, RequestId, SubjectId, Timestamp, Use};
use proto::audit::v1::QueryRequest;
use proto::common::v1::PartyRole;
use proto::dsar::v1 as wire;
use proto::dsar::v1::open_request::Subject;
use proto::dsar::v1::requests_client::RequestsClient;
use seal::Hash;
use serde_json::Value;
use tokio::time::Instant;

use super::Told;
use super::later::{ASKED, DUTY, PATIENCE, Teller, id_of, words};
use crate::cli::VerifyPackageArgs;
use crate::commands::request::{self, Lock, steps};
use crate::commands::{audit, retention};
use crate::connect::Caller;
use crate::output::Style;

/// Lines of a letter that are shown; its file has all of them.
const LINES: usize = 14;

impl Teller<'_> {
    /// The customer who asked for a copy in the call, and the agent who heard it and asks for their own.
    pub(super) async fn copies(&mut self) -> Result<()> {
        self.title("A customer asked for a copy, in the call itself");
        let told = self.of(ASKED)?;
        let heard = self.heard(&told.caller, told).await?;
        let position = Position(heard.position);
        let due = heard.deadline.as_ref().map_or("", |deadline| deadline.due_day.as_str());
        self.step(
            "what was said in the call is a request",
            heard.channel == "call" && heard.rights == ["access"],
            format!("at {position}, to be answered by {due}"),
        );
        self.entered(told).await?;
        let copy = self.demo.places.files.join("copy.zip");
        let data = self.copied(told, &heard, &copy).await?;
        let calls = data["recordings"].as_array().map_or(0, Vec::len);
        self.step(
            "it has each of the customer's calls",
            calls == 2,
            format!("{calls} calls, one per folder"),
        );
        let consulted = data["consultations"].as_array().cloned().unwrap_or_default();
        let purposes: BTreeSet<_> = consulted.iter().filter_map(|one| one["purpose"].as_str()).collect();
        let purposes: Vec<_> = purposes.into_iter().collect();
        let detail = format!("{} times, for {}", consulted.len(), purposes.join(", "));
        self.step("and says who listened, and for what", !consulted.is_empty(), detail);

        self.title("The agent of that call asks, too");
        let agent = party(told, PartyRole::Agent)?;
        let asked = self.ask(&told.caller, agent, "access", "").await?;
        let copy = self.demo.places.files.join("copy-of-the-agent.zip");
        let data = self.copied(told, &asked, &copy).await?;
        let calls = data["recordings"].as_array().cloned().unwrap_or_default();
        let with_audio = calls.iter().flat_map(|call| call["legs"].as_array().cloned().unwrap_or_default());
        let (own, others): (Vec<_>, Vec<_>) = with_audio.partition(|leg| leg["whose"] == "you");
        let has = |leg: &Value| leg["audio"].as_array().is_some_and(|files| !files.is_empty());
        self.step(
            "it has their own voice, and not the customer's",
            own.iter().all(has) && !others.iter().any(has) && !own.is_empty(),
            format!("{} of {} legs", own.len(), own.len() + others.len()),
        );
        Ok(())
    }

    /// The bank's customer asks for erasure: quality's copy goes, the duty's is restricted until its day.
    pub(super) async fn erasure(&mut self) -> Result<()> {
        self.title("The bank's customer asks for erasure");
        let told = self.of(DUTY)?;
        let id = id_of(told)?;
        let duty = self.hears(&told.caller, id, "mifid2-transaction", Use::Replay, "").await?;
        self.step("until now compliance hears the call", duty.is_ok(), words(&duty));
        let customer = party(told, PartyRole::Customer)?;
        let asked = self.ask(&told.caller, customer, "erase", "it").await?;
        let done = self.decided(told, &asked).await?;
        let quality = self.hears(&told.caller, id, "quality", Use::Replay, "").await?;
        self.step("quality's copy is gone", quality.is_err(), words(&quality));
        let duty = self.hears(&told.caller, id, "mifid2-transaction", Use::Replay, "").await?;
        let explained = retention::explained(&told.caller, id).await?;
        let until = Timestamp(explained.latest);
        self.step(
            "the duty's copy is restricted, and goes on its day",
            duty == Err("restricted".to_owned()),
            format!("{}; {until}", words(&duty)),
        );
        let letter = self.demo.places.files.join("erasure.letter.md");
        self.answered(told, &done, &letter).await
    }

    /// The request that was heard in a call.
    async fn heard(&self, caller: &Caller, told: &Told<'_>) -> Result<wire::Request> {
        let began = Instant::now();
        loop {
            let open = steps::open_ones(caller).await?;
            let is_its = |request: &wire::Request| request.recording_id == told.recording.recording_id;
            if let Some(found) = open.into_iter().find(is_its) {
                return Ok(found);
            }
            ensure!(began.elapsed() < PATIENCE, "no request was heard in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the ledger, which follows its topic, tells that the call was listened to.
    async fn entered(&self, told: &Told<'_>) -> Result<()> {
        let (caller, began) = (&told.caller, Instant::now());
        let asked = QueryRequest {
            object: format!("recording/{}", id_of(told)?),
            action: "recording.replayed".to_owned(),
            ..Default::default()
        };
        while audit::query(caller, asked.clone(), 1).await?.is_empty() {
            ensure!(began.elapsed() < PATIENCE, "the ledger has no replay in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn ask(
        &self,
        caller: &Caller,
        subject: SubjectId,
        right: &str,
        language: &str,
    ) -> Result<wire::Request> {
        let request = caller.request(wire::OpenRequest {
            request_id: RequestId::new().to_bytes().to_vec(),
            rights: vec![right.to_owned()],
            channel: "letter".to_owned(),
            asker: "self".to_owned(),
            subject: Some(Subject::SubjectId(subject.to_bytes().to_vec())),
            language: language.to_owned(),
            ..Default::default()
        })?;
        let opened = RequestsClient::new(caller.wire()).open(request).await?.into_inner();
        opened.request.context("the request was opened")
    }

    /// Anna shows who asks, finds what is kept and decides as the rules say; Bruno agrees.
    async fn decided(&mut self, told: &Told<'_>, asked: &wire::Request) -> Result<wire::Request> {
        let id = RequestId::from_slice(&asked.request_id)?;
        let tenant = &told.story.tenant;
        let (anna, bruno) = (self.demo.named("anna", tenant)?, self.demo.named("bruno", tenant)?);
        steps::identify(&anna, id).await?;
        let planned = steps::plan(&anna, id).await?;
        let mut outcomes = BTreeMap::<_, usize>::new();
        for item in &planned.items {
            let outcome = item.proposed.as_ref().map_or("", |verdict| verdict.outcome.as_str());
            *outcomes.entry(outcome).or_default() += 1;
        }
        let counts: Vec<_> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let found =
            format!("{} items in {} stores: {}", planned.total, planned.stores.len(), counts.join(", "));
        self.step("anna finds what is kept, and what the rules say of it", planned.total > 0, found);
        steps::decide(&anna, &bruno, id, &planned.plan).await?;
        let stands = steps::worked_on(&anna, id, PATIENCE).await?;
        let by = if stands.state == "deciding" { "" } else { "bruno approved where two people must" };
        self.step("it is decided", stands.undecided == 0, by.to_owned());
        Ok(stands)
    }

    /// A request for a copy, from its decision to its answer; what the copy says.
    async fn copied(&mut self, told: &Told<'_>, asked: &wire::Request, copy: &Path) -> Result<Value> {
        let decided = self.decided(told, asked).await?;
        let id = RequestId::from_slice(&decided.request_id)?;
        let anna = self.demo.named("anna", &told.story.tenant)?;
        let written = steps::package(&anna, id, "the copy that was asked for", copy, &Lock::Open).await?;
        let args =
            VerifyPackageArgs { file: copy.to_owned(), trust: self.demo.places.files.join("trust.json") };
        let report = request::verified(&args, Some(&told.story.tenant))?;
        let wrong =
            report.findings.first().map_or_else(String::new, |finding| format!(": {}", finding.detail));
        self.step(
            "the copy is written, opened and checked",
            report.findings.is_empty() && report.files > 0,
            format!(
                "{} files, {} kB, signed{wrong}; {}",
                report.files,
                written.bytes / 1_000,
                copy.display()
            ),
        );
        let stands = steps::worked_on(&anna, id, PATIENCE).await?;
        self.answered(told, &stands, &copy.with_extension("letter.md")).await?;
        let mut zip = zip::ZipArchive::new(std::fs::File::open(copy)?)?;
        let mut data = String::new();
        zip.by_name("data.json")?.read_to_string(&mut data)?;
        Ok(serde_json::from_str(&data)?)
    }

    /// The letter is written into its file, its beginning is shown, and it is delivered.
    async fn answered(&mut self, told: &Told<'_>, stands: &wire::Request, file: &Path) -> Result<()> {
        let id = RequestId::from_slice(&stands.request_id)?;
        let anna = self.demo.named("anna", &told.story.tenant)?;
        let letter = steps::letter(&anna, id, String::new()).await?;
        steps::keep_letter(file, &letter.text)?;
        let lines: Vec<_> = letter.text.lines().filter(|line| !line.is_empty()).collect();
        for line in lines.iter().take(LINES) {
            self.note(format!("    {}", self.out.style(Style::Dim, line)));
        }
        let rest = match lines.len().saturating_sub(LINES) {
            0 => format!("(in {})", file.display()),
            more => format!("({more} more lines in {})", file.display()),
        };
        self.note(format!("    {}", self.out.style(Style::Dim, &rest)));
        let closed = steps::deliver(&anna, id, Hash::of(letter.text.as_bytes())).await?;
        self.step("the answer is delivered", closed.state == "closed", closed.ending);
        Ok(())
    }
}

/// Who was that in a call.
fn party(told: &Told<'_>, role: PartyRole) -> Result<SubjectId> {
    let found = told.recording.parties.iter().find(|party| party.role() == role);
    Ok(SubjectId::from_slice(&found.context("the call has that party")?.subject_id)?)
}
