//! Other roles that answer what a test has put into their state, and note what they were asked to do.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use kernel::{
    ErasureId, ErrorCode, HoldId, LegNo, PurposeName, RecordingId, RequestId, SubjectId, TenantId, Timestamp,
};
use parking_lot::{Mutex, MutexGuard};
use platform::auth::Token;
use platform::error::refusal;
use policy::code::Code;
use proto::archive::v1::Recording;
use proto::audit::v1::Entry;
use proto::common::v1::Identifier;
use proto::consent::v1::GetStateResponse;
use proto::retention::v1::ExplainResponse;
use tonic::Status;

use crate::error::Error;
use crate::mesh::{Audio, Erased, Erasure, Gone, Mesh, Restriction, Why, Withdrawal};
use crate::person::Person;

const PEER: &str = "a role";
/// Entries of one page: few, so that tests come to the next.
const PAGE: usize = 2;

/// What the other roles know, and what they were asked to do.
#[derive(Default)]
pub(crate) struct State {
    /// By the value of an identifier.
    pub(crate) people: BTreeMap<String, SubjectId>,
    /// Ids that are of nobody.
    pub(crate) nobody: BTreeSet<SubjectId>,
    /// Who is the same person.
    pub(crate) merged: BTreeMap<SubjectId, Vec<SubjectId>>,
    /// Who is known by a line that several people use.
    pub(crate) on_shared_lines: BTreeSet<SubjectId>,
    /// From when until when others had their lines, which was said only later.
    pub(crate) unsure: BTreeMap<SubjectId, (Timestamp, Timestamp)>,
    /// When somebody was last found not to be one of these.
    pub(crate) parted: BTreeMap<SubjectId, Timestamp>,
    pub(crate) recordings: Vec<Recording>,
    pub(crate) kept: BTreeMap<RecordingId, ExplainResponse>,
    pub(crate) consents: BTreeMap<SubjectId, GetStateResponse>,
    /// Why a purpose lost its basis.
    pub(crate) lost: BTreeMap<(RecordingId, PurposeName), String>,
    /// By object.
    pub(crate) entries: BTreeMap<String, Vec<Entry>>,
    /// With when somebody is to look at each.
    pub(crate) restrictions: Vec<(Restriction, Timestamp)>,
    pub(crate) released: Vec<HoldId>,
    pub(crate) erasures: Vec<Erasure>,
    /// What becomes of the erasures of a recording; done where nothing is said.
    pub(crate) outcomes: BTreeMap<RecordingId, Erased>,
    /// What erasures have taken, and why.
    pub(crate) gone: BTreeMap<ErasureId, (Why, Vec<RecordingId>)>,
    /// What holds leave to be stored only.
    pub(crate) restricted: BTreeMap<HoldId, BTreeSet<RecordingId>>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    /// What was attached to recordings, by which request and under which reference.
    pub(crate) statements: Vec<(RecordingId, RequestId, Code)>,
    /// Recordings to which nothing is attached any more, and why.
    pub(crate) closed: BTreeMap<RecordingId, &'static str>,
    pub(crate) opens: BTreeMap<RecordingId, BTreeSet<(LegNo, PurposeName)>>,
    pub(crate) wavs: BTreeMap<(RecordingId, LegNo), Vec<u8>>,
    /// Which legs were handed out, with which token.
    pub(crate) heard: Vec<(RecordingId, LegNo, Token)>,
    /// How often each method was called.
    pub(crate) calls: BTreeMap<&'static str, u32>,
    failing: BTreeSet<&'static str>,
}

/// The other roles.
#[derive(Default)]
pub(crate) struct FakeMesh(Mutex<State>);

impl FakeMesh {
    /// What they know; not to be held while something is awaited.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// The next call of a method, by its name, is not answered.
    pub(crate) fn fail(&self, method: &'static str) {
        self.state().failing.insert(method);
    }

    fn asked(&self, method: &'static str) -> Result<MutexGuard<'_, State>, Error> {
        let mut state = self.state();
        *state.calls.entry(method).or_default() += 1;
        match state.failing.remove(method) {
            true => Err(Error::peer(PEER, method)(Status::unavailable("away"))),
            false => Ok(state),
        }
    }
}

#[async_trait]
impl Mesh for FakeMesh {
    async fn resolve(&self, _: &TenantId, identifier: Identifier) -> Result<SubjectId, Error> {
        let state = self.asked("resolve")?;
        state.people.get(&identifier.value).copied().ok_or_else(|| unknown("resolve"))
    }

    async fn person(&self, _: &TenantId, subject: SubjectId) -> Result<Person, Error> {
        let state = self.asked("person")?;
        if state.nobody.contains(&subject) {
            return Err(unknown("person"));
        }
        let person = Person::new(subject, state.merged.get(&subject).cloned().unwrap_or_default());
        let shared: Vec<_> = person.subjects().filter(|one| state.on_shared_lines.contains(one)).collect();
        let person = person.on_shared_lines(shared).parted(state.parted.get(&subject).copied());
        let unsure = state.unsure.iter().map(|(subject, (from, until))| (*subject, *from, *until));
        Ok(unsure.fold(person, |person, (subject, from, until)| person.unsure(subject, from, until)))
    }

    async fn recordings(
        &self,
        _: &TenantId,
        subject: SubjectId,
        token: String,
    ) -> Result<(Vec<Recording>, Option<String>), Error> {
        let state = self.asked("recordings")?;
        let subject = subject.to_bytes();
        let is_on = |facts: &&Recording| facts.parties.iter().any(|party| party.subject_id == subject);
        Ok(page(state.recordings.iter().filter(is_on).map(row).collect(), &token))
    }

    async fn recording(&self, _: &TenantId, recording: RecordingId) -> Result<Recording, Error> {
        let state = self.asked("recording")?;
        let wanted = recording.to_bytes();
        let found = state.recordings.iter().find(|facts| facts.recording_id == wanted);
        found.cloned().ok_or_else(|| unknown("recording"))
    }

    async fn kept(&self, _: &TenantId, recording: RecordingId) -> Result<Option<ExplainResponse>, Error> {
        Ok(self.asked("kept")?.kept.get(&recording).cloned())
    }

    async fn consent(&self, _: &TenantId, subject: SubjectId) -> Result<GetStateResponse, Error> {
        Ok(self.asked("consent")?.consents.get(&subject).cloned().unwrap_or_default())
    }

    async fn basis_lost(
        &self,
        _: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Option<String>, Error> {
        Ok(self.asked("basis_lost")?.lost.get(&(recording, purpose.clone())).cloned())
    }

    async fn entries(
        &self,
        _: &TenantId,
        object: String,
        token: String,
    ) -> Result<(Vec<Entry>, Option<String>), Error> {
        let all = self.asked("entries")?.entries.get(&object).cloned();
        Ok(page(all.unwrap_or_default(), &token))
    }

    async fn restrict(
        &self,
        _: &TenantId,
        restriction: &Restriction,
        review_at: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.asked("restrict")?;
        if !state.restrictions.iter().any(|(placed, _)| placed.id == restriction.id) {
            state.restrictions.push((restriction.clone(), review_at));
        }
        Ok(())
    }

    async fn release(&self, _: &TenantId, hold: HoldId) -> Result<(), Error> {
        let mut state = self.asked("release")?;
        if !state.released.contains(&hold) {
            state.released.push(hold);
        }
        Ok(())
    }

    async fn erase(&self, _: &TenantId, erasure: &Erasure) -> Result<(), Error> {
        let mut state = self.asked("erase")?;
        if !state.erasures.iter().any(|ordered| ordered.id == erasure.id) {
            state.erasures.push(erasure.clone());
        }
        Ok(())
    }

    async fn erased(&self, _: &TenantId, erasure: ErasureId) -> Result<Erased, Error> {
        let state = self.asked("erased")?;
        let ordered = state.erasures.iter().find(|ordered| ordered.id == erasure);
        let recording = ordered.ok_or_else(|| unknown("erased"))?.recording;
        Ok(state.outcomes.get(&recording).cloned().unwrap_or(Erased::Done))
    }

    async fn erasure_of(
        &self,
        _: &TenantId,
        erasure: ErasureId,
        token: String,
    ) -> Result<(Gone, Option<String>), Error> {
        let found = self.asked("erasure_of")?.gone.get(&erasure).cloned();
        let (why, recordings) = found.ok_or_else(|| unknown("erasure_of"))?;
        let (recordings, next) = page(recordings, &token);
        Ok((Gone { why, recordings: recordings.into_iter().collect() }, next))
    }

    async fn restricted_by(&self, _: &TenantId, hold: HoldId) -> Result<BTreeSet<RecordingId>, Error> {
        let found = self.asked("restricted_by")?.restricted.get(&hold).cloned();
        found.ok_or_else(|| unknown("restricted_by"))
    }

    async fn withdraw(&self, _: &TenantId, withdrawal: &Withdrawal) -> Result<(), Error> {
        let mut state = self.asked("withdraw")?;
        if !state.withdrawals.iter().any(|known| known.event == withdrawal.event) {
            state.withdrawals.push(withdrawal.clone());
        }
        Ok(())
    }

    async fn annotate(
        &self,
        _: &TenantId,
        recording: RecordingId,
        request: RequestId,
        filed: &Code,
    ) -> Result<(), Error> {
        let mut state = self.asked("annotate")?;
        let refused = |word: &str| {
            let answer = refusal(ErrorCode::FailedPrecondition, word, "the test says so");
            Err(Error::peer(PEER, "annotate")(answer))
        };
        if let Some(why) = state.closed.get(&recording).copied() {
            return refused(why);
        }
        let own = state.statements.iter().find(|(known, by, _)| (*known, *by) == (recording, request));
        match own.map(|(.., stands)| stands == filed) {
            Some(true) => Ok(()),
            Some(false) => refused("other-statement"),
            None => {
                state.statements.push((recording, request, filed.clone()));
                Ok(())
            }
        }
    }

    async fn opens(
        &self,
        _: &TenantId,
        recording: RecordingId,
    ) -> Result<BTreeSet<(LegNo, PurposeName)>, Error> {
        Ok(self.asked("opens")?.opens.get(&recording).cloned().unwrap_or_default())
    }

    async fn wav(
        &self,
        _: &TenantId,
        token: &Token,
        recording: RecordingId,
        _: &PurposeName,
        leg: LegNo,
        _: &str,
    ) -> Result<Audio, Error> {
        let mut state = self.asked("wav")?;
        let bytes = state.wavs.get(&(recording, leg)).cloned().ok_or_else(|| unknown("wav"))?;
        state.heard.push((recording, leg, token.clone()));
        let chunks: Vec<_> = bytes.chunks(1_000).map(|chunk| Ok(chunk.to_vec())).collect();
        Ok(stream::iter(chunks).boxed())
    }
}

/// A recording as archive's lists have it: without who took part, its legs and its bases.
fn row(facts: &Recording) -> Recording {
    Recording {
        recording_id: facts.recording_id.clone(),
        state: facts.state,
        started_at: facts.started_at,
        duration: facts.duration,
        complete: facts.complete,
        language: facts.language.clone(),
        ..Default::default()
    }
}

fn page<T>(all: Vec<T>, token: &str) -> (Vec<T>, Option<String>) {
    let from: usize = if token.is_empty() { 0 } else { token.parse().unwrap() };
    let next = (from + PAGE < all.len()).then(|| (from + PAGE).to_string());
    (all.into_iter().skip(from).take(PAGE).collect(), next)
}

fn unknown(method: &'static str) -> Error {
    Error::peer(PEER, method)(Status::not_found("no such thing"))
}
