//! Spain: Estatuto de los Trabajadores, Art. 37(2), and Real Decreto 2001/1983, Art. 45. Epiphany may be replaced
//! by an autonomous community; none does, and the yearly list in the BOE has it for all of them.
//!
//! The days of the communities, among them the Monday that some take for a holiday on a Sunday, and of towns are not
//! here, and so working days.

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::date(1, 6, "Epiphany"),
    Rule::easter(-2, "Good Friday"),
    Rule::date(5, 1, "Labour Day"),
    Rule::date(8, 15, "Assumption"),
    Rule::date(10, 12, "National Day"),
    Rule::date(11, 1, "All Saints' Day"),
    Rule::date(12, 6, "Constitution Day"),
    Rule::date(12, 8, "Immaculate Conception"),
    Rule::date(12, 25, "Christmas Day"),
];
