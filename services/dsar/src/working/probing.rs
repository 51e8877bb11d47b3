//! Looks again at what was done: what was erased must open for nobody.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{LegNo, PurposeName, RecordingId};
use policy::request::{ItemKey, ItemState};

use crate::act::{Act, MAX_NAMED, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::plan::{Artefact, PlanItem};
use crate::service::Service;

impl Service {
    /// Asks crypto to open what was erased. That somebody else's opens still, retention's own probe has shown.
    pub(super) async fn probe(&self, key: &RequestKey, file: &File) -> Result<Act, Error> {
        let mut failed = BTreeSet::new();
        for (recording, items) in erased(file) {
            let opens = self.mesh().opens(&key.tenant, recording).await?;
            let still_open = items.into_iter().filter(|(_, item)| is_open(&opens, item));
            failed.extend(still_open.map(|(key, _)| key.clone()));
        }
        if failed.is_empty() {
            return Ok(Act::ProbesPassed);
        }
        Ok(Act::ProbesFailed(failed.into_iter().take(MAX_NAMED).collect()))
    }
}

/// Whether what an item is about opens. A call's facts have no purpose that could be asked for.
pub(crate) fn is_open(opens: &BTreeSet<(LegNo, PurposeName)>, item: &PlanItem) -> bool {
    match (&item.artefact, &item.purpose) {
        (Artefact::Leg(_, leg), Some(purpose)) => opens.contains(&(*leg, purpose.clone())),
        (Artefact::Leg(..), None)
        | (
            Artefact::Metadata(_)
            | Artefact::Consent
            | Artefact::AccessLog
            | Artefact::Request(_)
            | Artefact::Backups,
            _,
        ) => false,
    }
}

/// Items that are called done and were erased, by the mesh or by hand, by recording.
fn erased(file: &File) -> BTreeMap<RecordingId, Vec<(&ItemKey, &PlanItem)>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, item) in file.request.items() {
        let erases = item.decision().is_some_and(|decision| decision.verdict.erases());
        if !erases || item.state() != ItemState::Done {
            continue;
        }
        let Some(planned) = file.items.get(key) else { continue };
        if let Some(recording) = planned.artefact.recording() {
            found.entry(recording).or_default().push((key, planned));
        }
    }
    found
}
