//! What is kept of a person is found and frozen as a plan; people decide on its items.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::{RecordingId, chain};
use policy::code::Code;
use policy::request::{Actor, ItemKey, PlanName, State};
use policy::rights::{Outcome, RULESET, Right};
use tracing::warn;

use super::{BAD_KEY, Service};
use crate::act::{Act, Decided, RequestKey};
use crate::error::Error;
use crate::file::{File, Items};
use crate::finding::{self, Asked, Plan};
use crate::plan::{PAGE, name_of};
use crate::working::BY_HAND;

/// A plan, kept or not.
#[derive(Clone, PartialEq, Debug)]
pub struct Planned {
    /// The request, as the plan has left it.
    pub file: File,
    /// What was found.
    pub plan: Plan,
    /// Its name.
    pub name: PlanName,
}

impl Service {
    /// Finds what is kept of the person and asks the rules about each; with `keep` that plan is frozen.
    pub async fn plan(&self, key: &RequestKey, by: &Actor, keep: bool) -> Result<Planned, Error> {
        let file = self.file(key).await?;
        let cleared: BTreeSet<Right> =
            file.request.rights().into_iter().filter(|right| file.request.is_cleared(*right)).collect();
        if cleared.is_empty() {
            let why = "who asks is not shown as any right that is asked needs it, so nothing is looked for";
            return Err(Error::refused("not-shown", why));
        }
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let restricted: BTreeSet<_> = self.restricted_before(key, &person).await?.into_keys().collect();
        let scope = self.scope(key, &file).await?;
        let asked = Asked {
            key,
            person: &person,
            rights: &cleared,
            own_hold: file.hold,
            restricted: &restricted,
            received_at: scope.received_at,
            consented_by: scope.consented_by,
            withdrawn: &scope.withdrawn,
            confirmed: &scope.confirmed,
        };
        let plan = finding::find(self.mesh(), self.store(), &asked, self.now()).await?;
        let name = name_of(&plan.items).map_err(|_| BAD_KEY)?;
        let is_frozen = file.request.state() == State::Deciding
            && !file.is_outdated
            && file.request.plan().is_some_and(|frozen| frozen.name == name);
        let file = if keep && !is_frozen { self.freeze(key, by, &plan, &name).await? } else { file };
        Ok(Planned { file, plan, name })
    }

    async fn freeze(
        &self,
        key: &RequestKey,
        by: &Actor,
        plan: &Plan,
        name: &PlanName,
    ) -> Result<File, Error> {
        for (number, page) in (0..).zip(plan.items.chunks(PAGE)) {
            self.store().add_page(key, name, number, page).await?;
        }
        let named = plan.items.iter().map(|item| Ok((item.key().map_err(|_| BAD_KEY)?, item.clone())));
        let items = named.collect::<Result<Items, Error>>()?;
        let count = u32::try_from(plan.items.len()).unwrap_or(u32::MAX);
        let act = Act::PlanFrozen { plan: name.clone(), ruleset: RULESET, items: count };
        self.take(key, by, &act, &Arc::new(items)).await
    }

    /// Takes a person's decision; with `complete` nothing is left to decide.
    pub async fn decide(
        &self,
        key: &RequestKey,
        by: &Actor,
        decided: Decided,
        complete: bool,
    ) -> Result<File, Error> {
        let mut file = self.file(key).await?;
        file.check_plan(&decided.plan)?;
        let says_something = !decided.items.is_empty() || file.undecided().next().is_some();
        if says_something {
            self.check_found(key, &file, &decided).await?;
            file = self.act(key, by, Act::Decided(decided)).await?;
        }
        if complete {
            file = self.act(key, by, Act::DecisionsClosed).await?;
            file = self.carried_on(key, file).await;
        }
        Ok(file)
    }

    /// A second person's yes, or no.
    pub async fn approve(
        &self,
        key: &RequestKey,
        by: &Actor,
        plan: PlanName,
        rejects: bool,
    ) -> Result<File, Error> {
        let act = if rejects { Act::Rejected(plan) } else { Act::Approved(plan) };
        let file = self.act(key, by, act).await?;
        Ok(self.carried_on(key, file).await)
    }

    /// As far as it goes at once; where something is in the way, the work on open requests does the rest.
    async fn carried_on(&self, key: &RequestKey, file: File) -> File {
        match self.carry_on(key).await {
            Ok(further) => further,
            Err(error) => {
                warn!(tenant = %key.tenant, request = %key.id, error = chain(&error), "a request waits");
                file
            }
        }
    }

    /// Notes what a person has done, where the mesh cannot. What was stated of a recording is attached to it first.
    pub async fn done_by_hand(
        &self,
        key: &RequestKey,
        by: &Actor,
        plan: &PlanName,
        items: BTreeSet<ItemKey>,
        filed: Code,
    ) -> Result<File, Error> {
        let file = self.file(key).await?;
        file.check_plan(plan)?;
        if items.is_empty() {
            return Err(Error::invalid("items", "must name at least one item"));
        }
        for item in &items {
            // Whatever else the mesh has left to people, too.
            let is_left = file.waits_for() == BY_HAND && file.unsettled().any(|(key, _)| key == item);
            let decision = file.request.items().get(item).and_then(|item| item.decision());
            if !is_left && decision.is_some_and(|decision| !decision.verdict.outcomes().any(is_by_hand)) {
                let why = format!("item {item} is for the mesh to do, and not by hand");
                return Err(Error::refused("not-by-hand", why));
            }
        }
        self.check_done(key, &file, &items).await?;
        let annotated = annotated(&file, &items);
        let act = Act::ItemsDone { items: items.clone(), filed: Some(filed.clone()) };
        // What is not allowed leaves nothing with archive, either: that could not be taken back.
        file.apply(&self.record(&file, key, by, &act), Arc::default())?;
        self.attach(key, &file, &annotated, &filed).await?;
        self.note_corrected(key, &file, &items).await?;
        self.act(key, by, act).await
    }

    /// Attaches what the person has stated to these recordings, of which the sound stays as it is (GDPR Art. 16): once,
    /// however often it is tried, so that it is done again where this breaks off before the act is written.
    async fn attach(
        &self,
        key: &RequestKey,
        file: &File,
        recordings: &BTreeSet<RecordingId>,
        filed: &Code,
    ) -> Result<(), Error> {
        if recordings.is_empty() {
            return Ok(());
        }
        self.check_theirs(key, file, recordings.iter().copied()).await?;
        // What cannot be attached to one of them is attached to none.
        for recording in recordings {
            let facts = self.mesh().recording(&key.tenant, *recording).await?;
            let mut own = facts.statements.iter().filter(|stated| stated.request_id == key.id.to_bytes());
            if own.any(|stated| stated.filed != filed.as_str()) {
                let why = format!("another statement of the request is attached to recording {recording}");
                return Err(Error::refused("other-statement", why));
            }
        }
        for recording in recordings {
            self.mesh().annotate(&key.tenant, *recording, key.id, filed).await?;
        }
        Ok(())
    }
}

/// The recordings of items by which they stay as they are and get the person's statement.
fn annotated(file: &File, items: &BTreeSet<ItemKey>) -> BTreeSet<RecordingId> {
    let is_stated = |item: &&ItemKey| {
        let decision = file.request.items().get(*item).and_then(|item| item.decision());
        decision.is_some_and(|decision| decision.verdict.outcomes().any(|own| own == Outcome::Annotate))
    };
    items.iter().filter(is_stated).filter_map(|item| file.items.get(item)?.artefact.recording()).collect()
}

/// Whether only a person can do it: put a text right, attach a statement, make a copy that others can be left with, or
/// stop what runs outside of the mesh.
pub(crate) fn is_by_hand(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Correct | Outcome::Annotate | Outcome::EraseRedacting | Outcome::StopPurpose => true,
        Outcome::GrantFull
        | Outcome::GrantRedacted
        | Outcome::Erase
        | Outcome::EraseByExpiry
        | Outcome::DeferRestrict
        | Outcome::Restrict
        | Outcome::RetainMinimal
        | Outcome::Refuse
        | Outcome::NotApplicable
        | Outcome::PendingSubject
        | Outcome::PendingBalance => false,
    }
}
