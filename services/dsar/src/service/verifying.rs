//! What people say to have done by hand is looked at, as far as the mesh can see it: a letter that says that something is
//! erased is not made of somebody's word alone.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{PurposeName, RecordingId};
use policy::request::ItemKey;
use policy::rights::Outcome;
use proto::retention::v1::{ExplainResponse, HoldKind};

use super::Service;
use crate::act::RequestKey;
use crate::error::Error;
use crate::file::File;
use crate::plan::PlanItem;
use crate::working::probing::is_open;

impl Service {
    /// Refuses what is said to be erased and opens, or to be restricted and is not.
    pub(super) async fn check_done(
        &self,
        key: &RequestKey,
        file: &File,
        items: &BTreeSet<ItemKey>,
    ) -> Result<(), Error> {
        for (recording, said) in by_recording(file, items) {
            self.check_erased(key, recording, &said).await?;
            self.check_restricted(key, recording, &said).await?;
        }
        Ok(())
    }

    async fn check_erased(
        &self,
        key: &RequestKey,
        recording: RecordingId,
        said: &[Said<'_>],
    ) -> Result<(), Error> {
        let erased: Vec<_> = said.iter().filter(|said| said.has(Outcome::erases)).collect();
        if erased.is_empty() {
            return Ok(());
        }
        let opens = self.mesh().opens(&key.tenant, recording).await?;
        match erased.iter().find(|said| is_open(&opens, said.item)) {
            None => Ok(()),
            Some(Said { key, .. }) => {
                let why = format!("item {key} is not erased: recording {recording} opens for it still");
                Err(Error::refused("still-opens", why))
            }
        }
    }

    async fn check_restricted(
        &self,
        key: &RequestKey,
        recording: RecordingId,
        said: &[Said<'_>],
    ) -> Result<(), Error> {
        let restricted: Vec<_> = said.iter().filter(|said| said.has(is_restricted)).collect();
        if restricted.is_empty() {
            return Ok(());
        }
        // Of what is not kept any more nothing is used.
        let Some(kept) = self.mesh().kept(&key.tenant, recording).await? else { return Ok(()) };
        let is_used =
            |item: &PlanItem| item.purpose.as_ref().is_some_and(|purpose| !is_stored_only(&kept, purpose));
        match restricted.iter().find(|said| is_used(said.item)) {
            None => Ok(()),
            Some(Said { key, .. }) => {
                let why = format!(
                    "item {key} is not restricted: no restriction of recording {recording} covers it"
                );
                Err(Error::refused("not-restricted", why))
            }
        }
    }
}

/// An item that is said to be done.
struct Said<'f> {
    key: &'f ItemKey,
    item: &'f PlanItem,
    outcomes: Vec<Outcome>,
}

impl Said<'_> {
    fn has(&self, is_such: impl Fn(Outcome) -> bool) -> bool {
        self.outcomes.iter().any(|outcome| is_such(*outcome))
    }
}

fn by_recording<'f>(file: &'f File, items: &BTreeSet<ItemKey>) -> BTreeMap<RecordingId, Vec<Said<'f>>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, item) in file.items.iter().filter(|(key, _)| items.contains(*key)) {
        let decision = file.request.items().get(key).and_then(|item| item.decision());
        if let (Some(decision), Some(recording)) = (decision, item.artefact.recording()) {
            let outcomes = decision.verdict.outcomes().collect();
            found.entry(recording).or_default().push(Said { key, item, outcomes });
        }
    }
    found
}

fn is_restricted(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Restrict | Outcome::DeferRestrict)
}

/// Whether a purpose of a recording is stored and not used.
fn is_stored_only(kept: &ExplainResponse, purpose: &PurposeName) -> bool {
    kept.holds.iter().any(|hold| match hold.kind() {
        HoldKind::Subject => true,
        HoldKind::Restriction => {
            hold.purposes.is_empty() || hold.purposes.iter().any(|own| own == purpose.as_str())
        }
        HoldKind::Unspecified | HoldKind::Litigation | HoldKind::Regulator | HoldKind::OpenRequest => false,
    })
}
