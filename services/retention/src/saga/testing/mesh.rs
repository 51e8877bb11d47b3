//! crypto, archive and consent in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    ErasureId, Interval, LegNo, Position, PurposeName, RecordingId, SectionNo, SpanNo, SubjectId, TenantId,
    Timestamp,
};
use parking_lot::Mutex;
use policy::code::Code;
use seal::SpanSet;
use tonic::Status;

use super::{EPOCH, NOW, SECOND, SPANS, name, names};
use crate::error::Error;
use crate::mesh::{Cleared, Mesh, Open, Removal, Removed, Sections};
use crate::saga::decide::METADATA_LEG;

/// When a fault comes: before the call has had its effect, or after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Before,
    After,
}

#[derive(Default)]
struct State {
    open: BTreeMap<RecordingId, Vec<Open>>,
    removed: BTreeSet<RecordingId>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    away: BTreeSet<&'static str>,
    ignores: BTreeSet<RecordingId>,
    leases: Duration,
    locked_until: Option<Timestamp>,
    log_passed: bool,
    destroyed: BTreeSet<u64>,
    last_erasure: Option<Timestamp>,
    lost: BTreeMap<(RecordingId, PurposeName), &'static str>,
    merged: BTreeSet<(SubjectId, SubjectId)>,
    dawdles: u64,
}

/// crypto, archive and consent.
#[derive(Default)]
pub(crate) struct FakeMesh(Mutex<State>);

impl FakeMesh {
    /// The call with this number, from 1, fails.
    pub(crate) fn fail_at(&self, call: u64, fault: Fault) {
        let mut state = self.0.lock();
        (state.calls, state.fault) = (0, Some((call, fault)));
    }
    /// Whether a fault is still to come.
    pub(crate) fn has_fault(&self) -> bool {
        self.0.lock().fault.is_some()
    }
    /// A method that fails until it comes back.
    pub(crate) fn go(&self, method: &'static str) {
        self.0.lock().away.insert(method);
    }
    pub(crate) fn come_back(&self, method: &'static str) {
        self.0.lock().away.remove(method);
    }
    /// Answers that it removed what it did not.
    pub(crate) fn ignore(&self, recording: RecordingId) {
        self.0.lock().ignores.insert(recording);
    }
    pub(crate) fn heed(&self, recording: RecordingId) {
        self.0.lock().ignores.remove(&recording);
    }
    /// Nothing opens any more, whatever is there.
    pub(crate) fn forget_everything(&self) {
        self.0.lock().open.clear();
    }
    pub(crate) fn lease(&self, leases: Duration) {
        self.0.lock().leases = leases;
    }
    pub(crate) fn lock_until(&self, until: Option<Timestamp>) {
        self.0.lock().locked_until = until;
    }
    pub(crate) fn pass_log(&self) {
        self.0.lock().log_passed = true;
    }
    pub(crate) fn destroy(&self, epoch: u64) {
        self.0.lock().destroyed.insert(epoch);
    }
    /// The last erasure that the key tables know of was then.
    pub(crate) fn know(&self, last_erasure: Option<Timestamp>) {
        self.0.lock().last_erasure = last_erasure;
    }
    pub(crate) fn lose(&self, recording: RecordingId, purpose: &str) {
        self.0.lock().lost.insert((recording, name(purpose)), "withdrawn");
    }
    /// Two subjects are one person.
    pub(crate) fn merge(&self, one: SubjectId, other: SubjectId) {
        self.0.lock().merged.insert((one, other));
    }
    /// They turn out to be two.
    pub(crate) fn part(&self, one: SubjectId, other: SubjectId) {
        self.0.lock().merged.remove(&(one, other));
    }
    /// Calls give way to others, in an order that follows from this.
    pub(crate) fn dawdle(&self, seed: u64) {
        self.0.lock().dawdles = seed;
    }
    /// Which purposes open, and on which legs.
    pub(crate) fn opens(&self, recording: RecordingId) -> BTreeSet<(PurposeName, LegNo)> {
        let state = self.0.lock();
        let open = state.open.get(&recording).into_iter().flatten().filter(|open| !open.spans.is_empty());
        open.map(|open| (open.purpose.clone(), open.leg)).collect()
    }
    pub(crate) fn purposes(&self, recording: RecordingId) -> BTreeSet<PurposeName> {
        self.opens(recording).into_iter().map(|(purpose, _)| purpose).collect()
    }
    pub(crate) fn has_removed(&self, recording: RecordingId) -> bool {
        self.0.lock().removed.contains(&recording)
    }
    /// Whether a span opens for a purpose.
    pub(crate) fn has_span(&self, recording: RecordingId, leg: u16, purpose: &str, span: u32) -> bool {
        let state = self.0.lock();
        let own = state.open.get(&recording).into_iter().flatten();
        let mut own = own.filter(|open| open.leg == LegNo(leg) && open.purpose == name(purpose));
        own.any(|open| open.spans.contains(SpanNo(span)))
    }

    /// A call with two legs and metadata, for these purposes.
    pub(crate) fn sealed(&self, recording: RecordingId, purposes: &[&str]) {
        let mut open = Vec::new();
        for purpose in names(purposes) {
            for (leg, spans) in [(LegNo(0), SPANS), (LegNo(1), SPANS), (METADATA_LEG, 1)] {
                let spans = SpanSet::from_range(0..spans).unwrap();
                open.push(Open { leg, section: SectionNo(0), purpose: purpose.clone(), spans });
            }
        }
        self.0.lock().open.insert(recording, open);
    }

    async fn call<T>(&self, method: &'static str, act: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        for _ in 0..self.turns() {
            tokio::task::yield_now().await;
        }
        let mut state = self.0.lock();
        state.calls += 1;
        let away = || Error::peer("crypto", "do what the test wants it not to")(Status::unavailable("away"));
        let fault = state.fault.filter(|(at, _)| *at == state.calls).map(|(_, fault)| fault);
        if fault.is_some() {
            state.fault = None;
        }
        if fault == Some(Fault::Before) || state.away.contains(method) {
            return Err(away());
        }
        let answer = act(&mut state);
        if fault == Some(Fault::After) { Err(away()) } else { Ok(answer) }
    }

    fn turns(&self) -> u64 {
        let mut state = self.0.lock();
        if state.dawdles == 0 {
            return 0;
        }
        // Knuth's 64-bit congruence: the same order each time.
        let next =
            state.dawdles.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.dawdles = next | 1;
        (next >> 33) % 6
    }
}

fn is_of(removal: &Removal, open: &Open) -> Option<SpanSet> {
    if !removal.purposes.is_empty() && !removal.purposes.contains(&open.purpose) {
        return None;
    }
    match &removal.spans {
        None => Some(SpanSet::all()),
        Some(sections) => {
            let own = sections.iter().find(|(leg, section, _)| (*leg, *section) == (open.leg, open.section));
            own.map(|(_, _, spans)| spans.clone())
        }
    }
}

#[async_trait]
impl Mesh for FakeMesh {
    async fn knows(&self, _: &TenantId, recording: RecordingId) -> Result<bool, Error> {
        self.call("knows", |state| state.open.contains_key(&recording)).await
    }
    async fn spans(
        &self,
        _: &TenantId,
        _: RecordingId,
        stretch: Interval,
        legs: &BTreeSet<LegNo>,
    ) -> Result<Sections, Error> {
        let legs = if legs.is_empty() { [LegNo(0), LegNo(1)].into() } else { legs.clone() };
        let second = |at: Position| u32::try_from(at.0 / SECOND).unwrap_or(u32::MAX);
        let last = second(Position(stretch.end().0 - 1)).min(SPANS - 1);
        let spans = SpanSet::from_range(second(stretch.start())..last + 1).unwrap();
        let section = |leg| (leg, SectionNo(0), spans.clone());
        self.call("spans", |_| legs.into_iter().map(section).collect()).await
    }
    async fn remove(&self, _: &TenantId, removal: &Removal) -> Result<Removed, Error> {
        let answer = self.call("remove", |state| {
            if !state.ignores.contains(&removal.recording) {
                state.removed.insert(removal.recording);
                for open in state.open.get_mut(&removal.recording).into_iter().flatten() {
                    if let Some(gone) = is_of(removal, open) {
                        open.spans = open.spans.difference(&gone);
                    }
                }
            }
            let not_before = Some(Timestamp(NOW.0 + 1_000));
            Removed { leases: state.leases, epoch: Some(EPOCH), not_before }
        });
        answer.await
    }
    async fn open(&self, _: &TenantId, recording: RecordingId) -> Result<Vec<Open>, Error> {
        self.call("open", |state| state.open.get(&recording).cloned().unwrap_or_default()).await
    }
    async fn clear(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: ErasureId,
        _: &Code,
        _: &BTreeSet<PurposeName>,
    ) -> Result<Cleared, Error> {
        let answer = self.call("clear", |state| Cleared {
            spans: u64::from(SPANS),
            has_addendum: true,
            deleted: u32::from(state.locked_until.is_none()),
            locked_until: state.locked_until,
            log_passed: state.log_passed,
        });
        answer.await
    }
    async fn lock(&self, _: &TenantId, _: RecordingId, _: Timestamp) -> Result<(), Error> {
        self.call("lock", |_| ()).await
    }
    async fn is_destroyed(&self, _: &TenantId, epoch: u64) -> Result<bool, Error> {
        self.call("is_destroyed", |state| state.destroyed.contains(&epoch)).await
    }
    async fn last_erasure(&self, _: &TenantId) -> Result<Option<Timestamp>, Error> {
        self.call("last_erasure", |state| state.last_erasure).await
    }
    async fn person(&self, _: &TenantId, subject: SubjectId) -> Result<BTreeSet<SubjectId>, Error> {
        let person = |state: &mut State| {
            let merged = state.merged.iter().filter(|(one, other)| [*one, *other].contains(&subject));
            merged.flat_map(|(one, other)| [*one, *other]).chain([subject]).collect()
        };
        self.call("person", person).await
    }

    async fn basis_lost(
        &self,
        _: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
    ) -> Result<Option<String>, Error> {
        let key = (recording, purpose.clone());
        self.call("basis_lost", |state| state.lost.get(&key).map(ToString::to_string)).await
    }
}
