//! What was granted of a request: which items a package answers, and what it may have of each leg. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{IntervalSet, LegNo, PurposeName, RecordingId, RequestId};
use policy::request::{Decision, Item, ItemKey};
use policy::rights::{Outcome, Presence, Reason, Right, Verdict};

use super::Earlier;
use crate::act::Found;
use crate::error::Error;
use crate::file::File;
use crate::finding::Confirmed;
use crate::plan::{Artefact, PlanItem};

/// What was decided of one leg for one purpose under one right.
pub(super) struct LegItem {
    /// The purpose.
    pub(super) purpose: PurposeName,
    /// Access or portability.
    pub(super) right: Right,
    /// Why not all of it.
    pub(super) reasons: &'static [Reason],
    /// Where others are heard on it.
    others_heard: IntervalSet,
    outcome: Outcome,
    /// What it would have come to if they were not.
    otherwise: Outcome,
    /// Nobody is heard on it who is no part of the person's own call.
    undisturbed: bool,
}

impl LegItem {
    /// What was decided of an item; none where it is of no leg.
    fn of(item: &PlanItem, verdict: Verdict, found: Option<&Found>) -> Option<Self> {
        let (Artefact::Leg(..), Some(purpose)) = (&item.artefact, &item.purpose) else { return None };
        let mut found = found.cloned().unwrap_or_default();
        let others_heard = std::mem::take(&mut found.others_heard);
        Some(Self {
            purpose: purpose.clone(),
            right: item.right(),
            reasons: verdict.reasons(),
            others_heard,
            outcome: verdict.outcome(),
            otherwise: item.with(&found).outcome(),
            undisturbed: matches!(item.question.presence, Presence::Oneself | Presence::Dialog),
        })
    }

    /// Whether its audio is handed out. Legs are sealed apart, so that a person's own leg is what is left of
    /// the call once the other party is taken out of it; and one that others are heard on for a while is what is
    /// left once it is silent there.
    pub(super) fn is_audible(&self, own: bool) -> bool {
        match self.outcome {
            Outcome::GrantFull => true,
            Outcome::GrantRedacted => self.undisturbed && (own || self.lacks_only_others()),
            Outcome::Correct
            | Outcome::Annotate
            | Outcome::Erase
            | Outcome::EraseByExpiry
            | Outcome::DeferRestrict
            | Outcome::Restrict
            | Outcome::StopPurpose
            | Outcome::RetainMinimal
            | Outcome::Refuse
            | Outcome::NotApplicable
            | Outcome::PendingSubject
            | Outcome::PendingBalance
            | Outcome::EraseRedacting => false,
        }
    }

    fn lacks_only_others(&self) -> bool {
        !self.others_heard.is_empty() && self.otherwise == Outcome::GrantFull
    }
}

impl PlanItem {
    /// Whether a copy has the sound of the leg that it is of, by what was decided of it: asked by the letter, so that
    /// what it says of a voice is true of the package. Whose leg it is, the plan says.
    pub(crate) fn is_audible(&self, verdict: Verdict, found: Option<&Found>) -> bool {
        let own = self.question.presence == Presence::Oneself;
        LegItem::of(self, verdict, found).is_some_and(|item| item.is_audible(own))
    }
}

/// What was granted.
#[derive(Default)]
pub(super) struct Granted {
    /// The items.
    pub(super) items: BTreeSet<ItemKey>,
    /// The recordings of which anything was.
    pub(super) recordings: BTreeSet<RecordingId>,
    /// Those whose facts were.
    pub(super) described: BTreeSet<RecordingId>,
    /// What was decided of each leg, granted or not.
    pub(super) legs: BTreeMap<(RecordingId, LegNo), Vec<LegItem>>,
    /// The consent history.
    pub(super) consent: bool,
    /// Who has listened.
    pub(super) consultations: bool,
    /// The person's other requests.
    pub(super) requests: BTreeSet<RequestId>,
    /// Whose calls of a shared line are: of others' nothing is told.
    pub(super) confirmed: Confirmed,
}

impl Granted {
    /// What was decided on the items of a request.
    pub(super) fn of(file: &File) -> Self {
        let confirmed = Confirmed { theirs: file.theirs.clone(), not_theirs: file.not_theirs.clone() };
        let mut granted = Self { confirmed, ..Self::default() };
        for (key, item) in file.items.iter() {
            let decision = file.request.items().get(key).and_then(standing);
            if let (Right::Access | Right::Port, Some(decision)) = (item.right(), decision) {
                granted.add(key, item, decision.verdict, file.found.get(key));
            }
        }
        granted
    }

    fn add(&mut self, key: &ItemKey, item: &PlanItem, verdict: Verdict, found: Option<&Found>) {
        if let (Artefact::Leg(recording, leg), Some(decided)) =
            (&item.artefact, LegItem::of(item, verdict, found))
        {
            self.legs.entry((*recording, *leg)).or_default().push(decided);
        }
        if !matches!(verdict.outcome(), Outcome::GrantFull | Outcome::GrantRedacted) {
            return;
        }
        self.items.insert(key.clone());
        self.recordings.extend(item.artefact.recording());
        match &item.artefact {
            Artefact::Metadata(recording) => {
                self.described.insert(*recording);
            }
            Artefact::Consent => self.consent = true,
            Artefact::AccessLog => self.consultations = true,
            Artefact::Request(id) => {
                self.requests.insert(*id);
            }
            Artefact::Leg(..) | Artefact::Backups => {}
        }
    }

    /// Those of the person's other requests that were granted; an error where one of them is missing, as its
    /// item would be answered with nothing.
    pub(super) fn told_of(&self, earlier: Vec<Earlier>) -> Result<Vec<Earlier>, Error> {
        let mut told: Vec<_> =
            earlier.into_iter().filter(|request| self.requests.contains(&request.id)).collect();
        told.sort_by_key(|request| (request.received_at, request.id));
        told.dedup_by_key(|request| request.id);
        if told.len() < self.requests.len() {
            return Err(Error::Damaged("a granted request that nothing is known of"));
        }
        Ok(told)
    }

    /// Where a leg is made silent: wherever others are heard on it, for whatever purpose and under whichever
    /// right that was found.
    pub(super) fn silenced(&self, recording: RecordingId, leg: LegNo) -> IntervalSet {
        let found = self.leg(recording, leg).iter().map(|item| &item.others_heard);
        found.fold(IntervalSet::EMPTY, |all, own| all.union(own))
    }

    /// What was decided of a leg.
    pub(super) fn leg(&self, recording: RecordingId, leg: LegNo) -> &[LegItem] {
        self.legs.get(&(recording, leg)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What was decided, where it stands: what a second person must approve of is nothing before that.
fn standing(item: &Item) -> Option<&Decision> {
    let waits = item.needs_second_person() && item.approval().is_none();
    item.decision().filter(|_| !waits)
}
