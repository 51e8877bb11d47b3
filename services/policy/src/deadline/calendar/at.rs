//! Austria: Arbeitsruhegesetz, section 7(2). Good Friday is no holiday (since 2019 an employee may choose a day of
//! one's own), and neither are the days of the Länder's patrons.

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::date(1, 6, "Epiphany"),
    Rule::easter(1, "Easter Monday"),
    Rule::date(5, 1, "Labour Day"),
    Rule::easter(39, "Ascension Day"),
    Rule::easter(50, "Whit Monday"),
    Rule::easter(60, "Corpus Christi"),
    Rule::date(8, 15, "Assumption"),
    Rule::date(10, 26, "National Day"),
    Rule::date(11, 1, "All Saints' Day"),
    Rule::date(12, 8, "Immaculate Conception"),
    Rule::date(12, 25, "Christmas Day"),
    Rule::date(12, 26, "Saint Stephen's Day"),
];
