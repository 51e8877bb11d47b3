//! On which conditions a session's row may be changed, the same in every adapter.

use kernel::SessionEpoch;

use super::{Fence, Opening, Phase, SessionRow};
use crate::error::Error;

/// The phase of a session that this fence still holds and that is not over.
pub(super) fn held(fence: &Fence, stored: SessionEpoch, phase: Phase) -> Result<Phase, Error> {
    let recording = fence.key.recording;
    if stored != fence.epoch {
        return Err(Error::Overtaken { recording, given: fence.epoch, stored });
    }
    match phase {
        Phase::Abandoned => Err(Error::Over { recording, reason: "fenced" }),
        Phase::Opening | Phase::Open | Phase::Ended | Phase::Rejected => Ok(phase),
    }
}

/// Refuses an opening that may not take this session over.
pub(super) fn may_open(found: &SessionRow, opening: &Opening) -> Result<(), Error> {
    let Fence { key, epoch } = &opening.fence;
    let recording = key.recording;
    if *epoch <= found.fence.epoch {
        return Err(Error::Overtaken { recording, given: *epoch, stored: found.fence.epoch });
    }
    if let Some(reason) = found.phase.over() {
        return Err(Error::Over { recording, reason });
    }
    match difference(found, opening) {
        Some(what) => Err(Error::Differs { recording, what }),
        None => Ok(()),
    }
}

fn difference(found: &SessionRow, opening: &Opening) -> Option<&'static str> {
    if found.started_at != opening.started_at {
        return Some("another start");
    }
    if found.parties != opening.parties {
        return Some("other parties");
    }
    let same = found.legs.len() == opening.legs.len()
        && found.legs.iter().zip(&opening.legs).all(|(stored, given)| stored.spec == *given);
    (!same).then_some("other legs")
}
