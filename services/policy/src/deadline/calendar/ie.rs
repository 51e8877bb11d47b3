//! Ireland: Organisation of Working Time Act 1997, Second Schedule, and the regulations under it.
//!
//! The Act moves no holiday that falls on a weekend: it gives the employee another day off. So the Monday after is a
//! working day here, which is the safe side. Good Friday is no public holiday.

use jiff::civil::Weekday;

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    // The Regulations of 2022.
    Rule::brigid("Saint Brigid's Day").since(2023),
    Rule::date(3, 17, "Saint Patrick's Day"),
    Rule::date(3, 18, "Day of Remembrance and Recognition").only(2022),
    Rule::easter(1, "Easter Monday"),
    Rule::nth(5, Weekday::Monday, 1, "May Holiday"),
    Rule::nth(6, Weekday::Monday, 1, "June Holiday"),
    Rule::nth(8, Weekday::Monday, 1, "August Holiday"),
    Rule::nth(10, Weekday::Monday, -1, "October Holiday"),
    Rule::date(12, 25, "Christmas Day"),
    Rule::date(12, 26, "Saint Stephen's Day"),
];
