//! What an item becomes by a record; none where the store has that, or something later. Pure.
//!
//! The version of an item's row is that of the last record that was applied to it, or a later one of its own: whoever
//! writes it afterwards goes on from there, and no record that comes again finds it younger than it is.

use std::collections::BTreeSet;

use crate::acts::{Erased, Intent, Settled};
use crate::erasure::{Item, Report, Scope, Step};

/// The first row of an item that was announced.
pub(super) fn first(intent: &Intent) -> Item {
    Item {
        tenant: intent.tenant.clone(),
        erasure: intent.erasure,
        recording: intent.recording,
        version: 1,
        scope: intent.scope.clone(),
        step: Step::Registered,
        erased: BTreeSet::new(),
        kept: Vec::new(),
        report: Report::default(),
        failure: None,
    }
}

/// An item that is announced, maybe once more: what kept it before is decided anew.
pub(super) fn announced(item: &Item, intent: &Intent) -> Option<Item> {
    let scope = united(&item.scope, &intent.scope);
    if item.version < intent.version {
        return Some(Item { version: item.version, scope, report: item.report.clone(), ..first(intent) });
    }
    // Another part of the announcement that is the last that the store knows of.
    let is_part = item.step == Step::Registered && item.scope != scope;
    is_part.then(|| Item { scope, ..item.clone() })
}

/// An item that was done: decided, so that nothing stops it any more. One that has come further goes on from there.
pub(super) fn done(item: &Item, settled: &Settled, erased: &Erased) -> Option<Item> {
    if item.version >= settled.version {
        return None;
    }
    if item.step.is_decided() {
        return Some(item.clone());
    }
    let (step, erased) = match erased {
        Erased::Purposes(purposes) => (Step::Decided, purposes.clone()),
        Erased::Scope => (Step::Decided, named(&item.scope)),
        Erased::Unlisted => (Step::Registered, BTreeSet::new()),
    };
    let (kept, report) = (settled.kept.clone(), Report::default());
    Some(Item { step, erased, kept, report, failure: None, ..item.clone() })
}

/// An item of which all was kept.
pub(super) fn refused(item: &Item, settled: &Settled, step: Step) -> Option<Item> {
    let (erased, kept) = (BTreeSet::new(), settled.kept.clone());
    (item.version < settled.version).then(|| Item { step, erased, kept, failure: None, ..item.clone() })
}

fn named(scope: &Scope) -> BTreeSet<kernel::PurposeName> {
    match scope {
        Scope::Purposes(purposes) => purposes.clone(),
        Scope::Everything | Scope::Stretch { .. } => BTreeSet::new(),
    }
}

/// What both parts of one scope name; as it was where they are no parts of one.
fn united(one: &Scope, other: &Scope) -> Scope {
    match (one, other) {
        (Scope::Purposes(some), Scope::Purposes(more)) => Scope::Purposes(some | more),
        (Scope::Stretch { interval, legs }, Scope::Stretch { interval: same, legs: more })
            if interval == same && !legs.is_empty() && !more.is_empty() =>
        {
            Scope::Stretch { interval: *interval, legs: legs | more }
        }
        (Scope::Everything | Scope::Purposes(_) | Scope::Stretch { .. }, _) => one.clone(),
    }
}
