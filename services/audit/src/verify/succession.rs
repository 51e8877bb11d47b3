//! What one incarnation says of the one that it followed, against what is found of that.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{FindingKind, Report, Verified};
use crate::name::{self, Incarnation, LogName};
use crate::succession::Succession;

/// Verifies every succession, and names what lies between two incarnations.
pub(super) fn verify(verified: &BTreeMap<Incarnation, Verified>, report: &mut Report) {
    for (incarnation, own) in verified {
        if let Some(after) = own.roots.leaves.first().and_then(|leaf| leaf.after.as_ref()) {
            check(verified, *incarnation, after, report);
            let name = format!("ledger/{}", after.signed.incarnation);
            report.find(name, FindingKind::Lost, loss(verified, *incarnation, after));
        }
    }
}

/// What was found then must be there still, and nothing may stand where something else was signed.
fn check(
    verified: &BTreeMap<Incarnation, Verified>,
    by: Incarnation,
    after: &Succession,
    report: &mut Report,
) {
    if let Some(found) = after.found.filter(|found| found.head.size > 0) {
        let standing = verified.get(&found.incarnation).and_then(|own| own.roots.root_at(found.head.size));
        if standing != Some(found.head.root) {
            let size = found.head.size;
            let detail = format!("the log is not the one that {by} found at size {size} when it began");
            report.find(name::checkpoint(found.incarnation, LogName::Root), FindingKind::Root, detail);
            return;
        }
    }
    let signed = after.signed;
    let standing = verified.get(&signed.incarnation).and_then(|own| own.roots.root_at(signed.head.size));
    if standing.is_some_and(|root| root != signed.head.root) {
        let size = signed.head.size;
        let detail = format!("the log has another root at size {size} than was signed, as {by} says");
        report.find(name::checkpoint(signed.incarnation, LogName::Root), FindingKind::Root, detail);
    }
}

/// What is lost, in words.
fn loss(verified: &BTreeMap<Incarnation, Verified>, by: Incarnation, after: &Succession) -> String {
    let (signed, size) = (after.signed.incarnation, after.signed.head.size);
    let mut told = match after.found {
        Some(found) if found.incarnation == signed => {
            format!("ended at size {} of its root log, and size {size} was signed", found.head.size)
        }
        Some(found) => format!(
            "was signed up to size {size} of its root log, and nothing of it was found behind {} at size {}",
            found.incarnation, found.head.size
        ),
        None => format!("was signed up to size {size} of its root log, and nothing of it was found"),
    };
    let leaves = after.found.and_then(|found| verified.get(&found.incarnation));
    let leaves = leaves.map(|own| own.partitions.as_slice()).unwrap_or_default();
    for (partition, (has, signed)) in after.entries.iter().zip(leaves).enumerate() {
        if has < signed {
            let written = write!(told, "; partition {partition} ended at entry {has} of {signed}");
            written.expect("a String takes every text");
        }
    }
    format!("{told}; {by} follows it")
}
