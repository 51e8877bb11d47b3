//! Belgium: Royal Decree of 18 April 1974, Art. 1, under the Law of 4 January 1974. The day that an employer gives
//! for a holiday on a weekend, and the days of the communities, are not here, and so working days.

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::easter(1, "Easter Monday"),
    Rule::date(5, 1, "Labour Day"),
    Rule::easter(39, "Ascension Day"),
    Rule::easter(50, "Whit Monday"),
    Rule::date(7, 21, "National Day"),
    Rule::date(8, 15, "Assumption"),
    Rule::date(11, 1, "All Saints' Day"),
    Rule::date(11, 11, "Armistice Day"),
    Rule::date(12, 25, "Christmas Day"),
];
