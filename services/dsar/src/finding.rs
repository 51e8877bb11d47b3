//! What is kept of a person, as the items of a plan: asked of every store that may have something.
//!
//! A store that does not answer fails the whole: what could not be asked is never taken for nothing. Read
//! [`find`]; what one recording comes to is a pure function in `recording`, what nothing of a recording is in
//! `besides`, and whose a call of a shared line is in `lines`.

mod besides;
mod keeping;
mod lines;
mod people;
mod recording;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{HoldId, PurposeName, RecordingId, RequestId, SubjectId, TenantId, Timestamp};
use policy::request::{ItemKey, State};
use policy::rights::{BasisState, Right};
use proto::archive::v1::Recording;
use proto::consent::v1::GetStateResponse;
use proto::retention::v1::ExplainResponse;

use crate::act::RequestKey;
use crate::error::Error;
use crate::mesh::Mesh;
use crate::person::Person;
use crate::plan::{MAX_ITEMS, PlanItem};
use crate::store::{MAX_LISTED, Store};
use recording::of_recording;

pub(crate) use besides::{given, taken_back};
pub use lines::Confirmed;
pub(crate) use lines::{check as check_confirmed, is_to_confirm};

/// Recordings that are asked about at the same time.
const SIDE_BY_SIDE: usize = 8;

const ARCHIVE: &str = "archive";
const RETENTION: &str = "retention";
const CONSENT: &str = "consent";
const AUDIT: &str = "audit";
const DSAR: &str = "dsar";
const BACKUPS: &str = "backups";

/// What was found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Plan {
    /// In the order of their keys, of which none comes twice.
    pub items: Vec<PlanItem>,
    /// Every store that was asked, and how many artefacts it named, under whatever right.
    pub stores: Vec<(&'static str, u64)>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// By which request.
    pub key: &'a RequestKey,
    /// Of whom.
    pub person: &'a Person,
    /// Under which rights.
    pub rights: &'a BTreeSet<Right>,
    /// The hold that the request itself has placed, which keeps nothing from it.
    pub own_hold: Option<HoldId>,
    /// Restrictions that other requests of theirs have placed: what these keep, they keep for the person.
    pub restricted: &'a BTreeSet<HoldId>,
    /// When it was received: what began later is no part of it.
    pub received_at: Timestamp,
    /// What was consented to later is not taken back by it.
    pub consented_by: Timestamp,
    /// Purposes for which consent was taken back at the receipt.
    pub withdrawn: &'a BTreeSet<PurposeName>,
    /// Whose calls of shared lines are.
    pub confirmed: &'a Confirmed,
}

/// Finds what is kept of a person.
pub async fn find(
    mesh: &dyn Mesh,
    store: &dyn Store,
    asked: &Asked<'_>,
    now: Timestamp,
) -> Result<Plan, Error> {
    let mut finding = Finding::new(mesh, asked, now);
    finding.recordings().await?;
    lines::check(&finding.to_confirm)?;
    finding.ledger().await?;
    let consent = consent_of(mesh, &asked.key.tenant, asked.person, asked.confirmed).await?;
    let others = others(store, asked).await?;
    let has_recordings = !finding.seen.is_empty();
    let Finding { mut items, artefacts, terms, .. } = finding;
    add(&mut items, besides::items(asked, &consent, &others, has_recordings)?)?;
    Ok(Plan {
        items: items.into_values().collect(),
        stores: vec![
            (ARCHIVE, artefacts),
            (RETENTION, terms),
            (CONSENT, u64::from(!consent.history.is_empty())),
            (AUDIT, u64::from(has_recordings)),
            (DSAR, others.len() as u64),
            (BACKUPS, u64::from(has_recordings)),
        ],
    })
}

/// What each subject of the person has consented to, as far as it is known to be the person who did.
pub(crate) async fn consent_of(
    mesh: &dyn Mesh,
    tenant: &TenantId,
    person: &Person,
    confirmed: &Confirmed,
) -> Result<GetStateResponse, Error> {
    let mut all = GetStateResponse::default();
    for subject in person.subjects() {
        let mut own = mesh.consent(tenant, subject).await?;
        lines::leave_out(&mut own, person, subject, confirmed);
        all.states.extend(own.states);
        all.history.extend(own.history);
    }
    Ok(all)
}

/// The other requests of the person that were at least acknowledged.
async fn others(store: &dyn Store, asked: &Asked<'_>) -> Result<Vec<RequestId>, Error> {
    let mut heads = Vec::new();
    for subject in asked.person.subjects() {
        let own = store.of_subject(&asked.key.tenant, subject).await?;
        if own.len() >= MAX_LISTED as usize {
            return Err(Error::TooMany { what: "requests of one subject", bound: MAX_LISTED.into() });
        }
        heads.extend(own);
    }
    let others = heads.into_iter().filter(|head| head.key != *asked.key && head.state != State::Received);
    Ok(others.map(|head| head.key.id).collect())
}

/// What was found so far.
struct Finding<'a> {
    mesh: &'a dyn Mesh,
    asked: &'a Asked<'a>,
    now: Timestamp,
    items: BTreeMap<ItemKey, PlanItem>,
    /// Every recording that archive listed, in whatever state, but those that are somebody else's.
    seen: BTreeSet<RecordingId>,
    /// Those of which it is to be said first whose they are.
    to_confirm: BTreeSet<RecordingId>,
    artefacts: u64,
    terms: u64,
}

impl<'a> Finding<'a> {
    fn new(mesh: &'a dyn Mesh, asked: &'a Asked<'a>, now: Timestamp) -> Self {
        let (items, seen, to_confirm) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { mesh, asked, now, items, seen, to_confirm, artefacts: 0, terms: 0 }
    }

    async fn recordings(&mut self) -> Result<(), Error> {
        for subject in self.asked.person.subjects() {
            self.recordings_of(subject).await?;
        }
        Ok(())
    }

    async fn recordings_of(&mut self, subject: SubjectId) -> Result<(), Error> {
        let (mut token, mut told) = (String::new(), BTreeSet::new());
        loop {
            let (page, next) = self.mesh.recordings(&self.asked.key.tenant, subject, token).await?;
            let known = told.len();
            told.extend(page.iter().map(|row| row.recording_id.clone()));
            let has_nothing_new = told.len() == known;
            let mut planned = Vec::new();
            for row in &page {
                planned.extend(self.planned(row)?);
            }
            let (mesh, asked) = (self.mesh, self.asked);
            let mut asking = stream::iter(planned).map(|id| ask(mesh, asked, id)).buffered(SIDE_BY_SIDE);
            while let Some(told) = asking.try_next().await? {
                self.take(&told)?;
            }
            token = match next {
                None => return Ok(()),
                // Who is sent round in circles would never come to an end.
                Some(_) if has_nothing_new => {
                    return Err(Error::Answer { peer: ARCHIVE, what: "a page of nothing new" });
                }
                Some(next) => next,
            };
        }
    }

    /// The recording of a row, where it is a new one of which something is kept.
    fn planned(&mut self, row: &Recording) -> Result<Option<RecordingId>, Error> {
        let id = recording::id(row)?;
        if self.asked.confirmed.not_theirs.contains(&id) {
            return Ok(None);
        }
        let is_new = self.seen.insert(id);
        self.check_seen()?;
        Ok((is_new && recording::is_planned(row, self.asked.received_at)?).then_some(id))
    }

    fn take(&mut self, told: &Told) -> Result<(), Error> {
        let Told { facts, kept, live } = told;
        let id = recording::id(facts)?;
        if is_to_confirm(self.asked.person, self.asked.confirmed, id, facts) {
            self.to_confirm.insert(id);
            return Ok(());
        }
        let items = of_recording(self.asked, facts, kept.as_ref(), live)?;
        let now = self.now;
        add(&mut self.items, items.into_iter().map(|item| as_of(item, now)))?;
        self.artefacts += recording::artefacts(facts, self.asked.received_at)?;
        self.terms += recording::terms(kept.as_ref())?;
        Ok(())
    }

    fn check_seen(&self) -> Result<(), Error> {
        if self.seen.len() <= MAX_ITEMS {
            return Ok(());
        }
        Err(Error::TooMany { what: "recordings of one person", bound: MAX_ITEMS as u64 })
    }

    /// Whether the ledger answers. Who has opened what is one artefact, however much of it there is: one
    /// recording is enough to ask about.
    async fn ledger(&self) -> Result<(), Error> {
        let Some(first) = self.seen.first() else { return Ok(()) };
        let object = format!("recording/{first}");
        self.mesh.entries(&self.asked.key.tenant, object, String::new()).await.map(|_| ())
    }
}

/// What the stores say of one recording.
struct Told {
    facts: Recording,
    kept: Option<ExplainResponse>,
    /// Whether each purpose that rests on consent stands.
    live: BTreeMap<PurposeName, bool>,
}

/// Asks about a recording: the row of a list does not say who took part.
async fn ask(mesh: &dyn Mesh, asked: &Asked<'_>, id: RecordingId) -> Result<Told, Error> {
    let tenant = &asked.key.tenant;
    let facts = mesh.recording(tenant, id).await?;
    let kept = mesh.kept(tenant, id).await?;
    let mut live = BTreeMap::new();
    for purpose in recording::on_consent(&facts, kept.as_ref())? {
        let lost = mesh.basis_lost(tenant, id, &purpose).await?;
        live.insert(purpose, lost.is_none());
    }
    Ok(Told { facts, kept, live })
}

/// Adds items to what is found, which has no key twice.
fn add(
    found: &mut BTreeMap<ItemKey, PlanItem>,
    items: impl IntoIterator<Item = PlanItem>,
) -> Result<(), Error> {
    for item in items {
        let key = item.key().map_err(|_| Error::Damaged("an item without a name"))?;
        if found.insert(key, item).is_some() {
            return Err(Error::Damaged("an item twice"));
        }
        if found.len() > MAX_ITEMS {
            return Err(Error::TooMany { what: "items of a plan", bound: MAX_ITEMS as u64 });
        }
    }
    Ok(())
}

/// A period that is over keeps nothing any more, even where no sweep has come yet. That is how retention
/// takes an order.
fn as_of(mut item: PlanItem, now: Timestamp) -> PlanItem {
    if item.until.is_none_or(|until| until > now) {
        return item;
    }
    if item.question.basis == BasisState::ContractRunning {
        item.question.basis = BasisState::ContractEnded;
    }
    if item.question.basis == BasisState::DutyRunning {
        item.question.basis = BasisState::DutyEnded;
        if item.kept_by.starts_with(keeping::REGIME) {
            item.kept_by.clear();
        }
    }
    item
}

#[cfg(test)]
mod tests;
