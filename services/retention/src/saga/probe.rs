//! The probe: nothing opens of what went, and something does of a recording that is kept. Without the second the first
//! could mean that nothing opens anything just now.

use super::Saga;
use super::steps::key;
use super::stuck::Stuck;
use super::taken::Taken;
use crate::erasing::Erasing;
use crate::erasure::{Erasure, Item};
use crate::error::Error;
use crate::kept::{Kept, RecordingKey, TermState};

/// Recordings that are looked at for a control.
const LISTED: u32 = 100;
/// Recordings that are opened for one.
const CANDIDATES: u32 = 20;

/// What the control says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Control {
    /// Another recording opens.
    Opens,
    /// The tenant has no other that should.
    None,
}

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
    /// Looks whether something opens that must.
    pub(crate) async fn control(&self, item: &Item) -> Result<Control, Stuck> {
        let store = self.store();
        let mut opened = 0;
        for due in store.all_due(&item.tenant, None, LISTED).await? {
            if due.id == item.recording || opened == CANDIDATES {
                continue;
            }
            let key = RecordingKey { tenant: item.tenant.clone(), id: due.id };
            let Some(kept) = store.kept(&key).await?.filter(is_kept) else { continue };
            if self.opens(&kept).await? {
                return Ok(Control::Opens);
            }
            // One that began to be erased meanwhile says nothing.
            opened += u32::from(store.kept(&key).await?.as_ref().is_some_and(is_kept));
        }
        if opened == 0 { Ok(Control::None) } else { Err(Stuck::ControlSilent) }
    }

    async fn opens(&self, kept: &Kept) -> Result<bool, Error> {
        let open = self.parts.mesh.open(&kept.key.tenant, kept.key.id).await?;
        Ok(open.iter().any(|open| !open.spans.is_empty()))
    }
}

/// Something of it runs, and no erasure takes any of it.
fn is_kept(kept: &Kept) -> bool {
    let has = |state| kept.terms.iter().any(|term| term.state == state);
    has(TermState::Running) && !has(TermState::Ending)
}
