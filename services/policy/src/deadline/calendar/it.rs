//! Italy: Law no. 260 of 27 May 1949, Art. 2, as amended last by Law no. 151 of 8 October 2025. Patron saints of
//! towns are not here, and so working days.

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::date(1, 6, "Epiphany"),
    Rule::easter(1, "Easter Monday"),
    Rule::date(4, 25, "Liberation Day"),
    Rule::date(5, 1, "Labour Day"),
    Rule::date(6, 2, "Republic Day"),
    Rule::date(8, 15, "Assumption"),
    // Law 151/2025, in force on 1 January 2026.
    Rule::date(10, 4, "Saint Francis of Assisi").since(2026),
    Rule::date(11, 1, "All Saints' Day"),
    Rule::date(12, 8, "Immaculate Conception"),
    Rule::date(12, 25, "Christmas Day"),
    Rule::date(12, 26, "Saint Stephen's Day"),
];
