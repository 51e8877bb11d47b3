//! France: Code du travail, Art. L3133-1; for Alsace and Moselle Art. L3134-13. The days of the overseas
//! departments are not here, and so working days.

use super::rule::Rule;

/// The departments of Moselle, Bas-Rhin and Haut-Rhin.
const ALSACE_MOSELLE: &[&str] = &["FR-57", "FR-67", "FR-68"];

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::easter(1, "Easter Monday"),
    Rule::date(5, 1, "Labour Day"),
    Rule::date(5, 8, "Victory Day"),
    Rule::easter(39, "Ascension Day"),
    Rule::easter(50, "Whit Monday"),
    Rule::date(7, 14, "National Day"),
    Rule::date(8, 15, "Assumption"),
    Rule::date(11, 1, "All Saints' Day"),
    Rule::date(11, 11, "Armistice Day"),
    Rule::date(12, 25, "Christmas Day"),
    Rule::easter(-2, "Good Friday").within(ALSACE_MOSELLE),
    Rule::date(12, 26, "Saint Stephen's Day").within(ALSACE_MOSELLE),
];
