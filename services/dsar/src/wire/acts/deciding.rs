//! What somebody decided.

use kernel::{Interval, IntervalSet, Position};
use policy::request::{Evidence, Excess, Ground};
use policy::rights::{Gate, Reason};
use proto::common::v1::Interval as WireInterval;
use proto::dsar::v1::{Decided as WireDecided, ExcessShown};

use crate::act::{Decided, Found, MAX_STRETCHES};
use crate::error::Error;
use crate::wire::read;

/// No gate was found; the first one has number 1.
const NO_GATE: i32 = 0;
/// No ground was named; the first one has number 1.
const NO_GROUND: i32 = 0;

pub(super) fn to_wire(decided: &Decided) -> WireDecided {
    let Decided { plan, items, found, left } = decided;
    WireDecided {
        plan: plan.to_string(),
        items: super::names(items),
        gate: found.gate.map_or(NO_GATE, Gate::number),
        excess: found.excess.as_ref().map(shown),
        own_hold_waived: found.own_hold_waived,
        left: left.as_ref().map_or_else(String::new, ToString::to_string),
        others_heard: found.others_heard.iter().map(stretch).collect(),
        ground: found.ground.map_or(NO_GROUND, Ground::number),
    }
}

pub(super) fn from_wire(wire: WireDecided) -> Result<Decided, Error> {
    let gate = match wire.gate {
        NO_GATE => None,
        gate => Some(read::number(gate, Gate::from_number, "a decision by no known gate")?),
    };
    let ground = match wire.ground {
        NO_GROUND => None,
        ground => Some(read::number(ground, Ground::from_number, "a decision on no known ground")?),
    };
    let excess = wire.excess.map(excess).transpose()?;
    Ok(Decided {
        plan: read::plan(wire.plan)?,
        items: read::keys(wire.items)?,
        found: Found {
            gate,
            excess,
            own_hold_waived: wire.own_hold_waived,
            others_heard: stretches(&wire.others_heard)?,
            ground,
        },
        left: read::maybe_code(wire.left, "a decision that is filed nowhere")?,
    })
}

fn stretch(interval: Interval) -> WireInterval {
    WireInterval { start: interval.start().0, end: interval.end().0 }
}

/// Stretches as they were written: in order, and apart from each other.
fn stretches(wire: &[WireInterval]) -> Result<IntervalSet, Error> {
    let damaged = || Error::Damaged("a decision on no known stretches");
    let read = |one: &WireInterval| Interval::new(Position(one.start), Position(one.end)).ok_or_else(damaged);
    let set = wire.iter().map(read).collect::<Result<IntervalSet, _>>()?;
    let is_whole = wire.len() <= MAX_STRETCHES && set.iter().count() == wire.len();
    if is_whole { Ok(set) } else { Err(damaged()) }
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
