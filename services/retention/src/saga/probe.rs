//! The probe: nothing opens of what went, and something does of a recording that is kept. Without the second the first
//! could mean that nothing opens anything just now.
//!
//! Of a recording that is being erased in part the rest must open as before: it is a control by that rest. So of two that
//! are erased at the same time each is the other's, and neither waits for the other.

use std::collections::BTreeSet;

use kernel::PurposeName;
use policy::retention::DataKind;

use super::Saga;
use super::decide::METADATA_LEG;
use super::steps::key;
use super::stuck::Stuck;
use super::taken::Taken;
use crate::erasing::Erasing;
use crate::erasure::{Erasure, Item};
use crate::error::Error;
use crate::kept::{Due, Kept, RecordingKey, TermState};
use crate::mesh::Open;

/// Recordings that are looked at together for a control.
const LISTED: u32 = 100;
/// Pages of them that are looked at, at most.
const PAGES: u32 = 100;
/// Recordings that are opened for one.
const CANDIDATES: u32 = 20;

/// What the control says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Control {
    /// Another recording opens.
    Opens,
    /// The tenant keeps no other.
    None,
}

/// What of a recording must open: what runs.
type Running = BTreeSet<(PurposeName, DataKind)>;

impl Saga {
    /// Looks whether what an item takes is gone.
    pub(super) async fn probe(&self, erasure: &Erasure, item: &Item) -> Result<Control, Stuck> {
        let mesh = self.erasing.parts.mesh.as_ref();
        let kept = self.erasing.store().kept(&key(item)).await?;
        let taken = Taken::of(mesh, erasure, item, kept.as_ref()).await?;
        let open = mesh.open(&item.tenant, item.recording).await?;
        if open.iter().any(|open| taken.has(open)) {
            return Err(Stuck::StillOpen);
        }
        self.erasing.control(item).await
    }
}

impl Erasing {
    /// Looks whether something opens that must. Where others are kept and none of them could be looked at, that says nothing.
    pub(crate) async fn control(&self, item: &Item) -> Result<Control, Stuck> {
        let (mut opened, mut has_others, mut after): (u32, bool, Option<Due>) = (0, false, None);
        for _ in 0..PAGES {
            let page = self.store().all_due(&item.tenant, after.as_ref(), LISTED).await?;
            for due in page.iter().filter(|due| due.id != item.recording) {
                has_others = true;
                let key = RecordingKey { tenant: item.tenant.clone(), id: due.id };
                match self.opens(&key).await? {
                    Some(true) => return Ok(Control::Opens),
                    Some(false) => opened += 1,
                    None => {}
                }
                if opened == CANDIDATES {
                    return Err(Stuck::ControlSilent);
                }
            }
            after = match page.into_iter().last() {
                Some(last) => Some(last),
                None => break,
            };
        }
        match (opened, has_others) {
            (0, false) => Ok(Control::None),
            (0, true) => Err(Stuck::NoControl),
            (_, _) => Err(Stuck::ControlSilent),
        }
    }

    /// Whether a recording opens for something that runs; none where nothing of it runs, or what did began to be erased
    /// meanwhile.
    async fn opens(&self, key: &RecordingKey) -> Result<Option<bool>, Error> {
        let before = self.running(key).await?;
        if before.is_empty() {
            return Ok(None);
        }
        let open = self.parts.mesh.open(&key.tenant, key.id).await?;
        if open.iter().any(|open| !open.spans.is_empty() && before.contains(&kind_of(open))) {
            return Ok(Some(true));
        }
        let still = self.running(key).await?;
        Ok(before.is_subset(&still).then_some(false))
    }

    async fn running(&self, key: &RecordingKey) -> Result<Running, Error> {
        Ok(self.store().kept(key).await?.as_ref().map(running).unwrap_or_default())
    }
}

/// What of it runs, and no erasure takes.
fn running(kept: &Kept) -> Running {
    let running = kept.terms.iter().filter(|term| term.state == TermState::Running);
    running.map(|term| (term.stamp.purpose.clone(), term.stamp.kind)).collect()
}

fn kind_of(open: &Open) -> (PurposeName, DataKind) {
    let kind = if open.leg == METADATA_LEG { DataKind::Metadata } else { DataKind::Audio };
    (open.purpose.clone(), kind)
}
