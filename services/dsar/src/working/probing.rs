//! Looks again at what was done: what was erased must open for nobody.

use std::collections::{BTreeMap, BTreeSet};

use kernel::RecordingId;
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
            let still_opens = |item: &PlanItem| {
                opens.iter().any(|(leg, purpose)| {
                    let is_its_leg = match item.artefact {
                        Artefact::Leg(_, own) => own == *leg,
                        _ => false,
                    };
                    is_its_leg && Some(purpose) == item.purpose.as_ref()
                })
            };
            failed
                .extend(items.into_iter().filter(|(_, item)| still_opens(item)).map(|(key, _)| key.clone()));
        }
        if failed.is_empty() {
            return Ok(Act::ProbesPassed);
        }
        Ok(Act::ProbesFailed(failed.into_iter().take(MAX_NAMED).collect()))
    }
}

/// Items that are called done and were erased, by recording.
fn erased(file: &File) -> BTreeMap<RecordingId, Vec<(&ItemKey, &PlanItem)>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, item) in file.request.items() {
        let erases = item.decision().is_some_and(|decision| decision.verdict.erases());
        if !erases || item.state() != ItemState::Done || file.filed.contains_key(key) {
            continue;
        }
        let Some(planned) = file.items.get(key) else { continue };
        if let Some(recording) = planned.artefact.recording() {
            found.entry(recording).or_default().push((key, planned));
        }
    }
    found
}
