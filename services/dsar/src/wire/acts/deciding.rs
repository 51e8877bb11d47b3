//! What somebody decided.

use policy::request::{Evidence, Excess};
use policy::rights::{Gate, Reason};
use proto::dsar::v1::{Decided as WireDecided, ExcessShown};

use crate::act::{Decided, Found};
use crate::error::Error;
use crate::wire::read;

/// No gate was found; the first one has number 1.
const NO_GATE: i32 = 0;

pub(super) fn to_wire(decided: &Decided) -> WireDecided {
    let Decided { plan, items, found, left } = decided;
    WireDecided {
        plan: plan.to_string(),
        items: super::names(items),
        gate: found.gate.map_or(NO_GATE, Gate::number),
        excess: found.excess.as_ref().map(shown),
        own_hold_waived: found.own_hold_waived,
        left: left.as_ref().map_or_else(String::new, ToString::to_string),
    }
}

pub(super) fn from_wire(wire: WireDecided) -> Result<Decided, Error> {
    let gate = match wire.gate {
        NO_GATE => None,
        gate => Some(read::number(gate, Gate::from_number, "a decision by no known gate")?),
    };
    let excess = wire.excess.map(excess).transpose()?;
    Ok(Decided {
        plan: read::plan(wire.plan)?,
        items: read::keys(wire.items)?,
        found: Found { gate, excess, own_hold_waived: wire.own_hold_waived },
        left: read::maybe_code(wire.left, "a decision that is filed nowhere")?,
    })
}

fn shown(excess: &Excess) -> ExcessShown {
    ExcessShown {
        reason: excess.reason.number(),
        evidence: excess.evidence.iter().map(|evidence| evidence.number()).collect(),
        filed: excess.filed.to_string(),
    }
}

fn excess(shown: ExcessShown) -> Result<Excess, Error> {
    Ok(Excess {
        reason: read::number(shown.reason, Reason::from_number, "an excess for no known reason")?,
        evidence: read::numbers(&shown.evidence, Evidence::from_number, "an excess by no known evidence")?,
        filed: read::code(shown.filed, "an excess that is filed nowhere")?,
    })
}
