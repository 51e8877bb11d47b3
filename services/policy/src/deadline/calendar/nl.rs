//! The Netherlands: Algemene termijnenwet, Art. 3(1).
//!
//! Two of its days are working days here, which is the safe side. Good Friday is no holiday: Art. 3(2) only puts it
//! on a level with one for periods of Dutch law. 5 May is named by Art. 3(1) each year, and is a day off in most
//! work only every fifth one, which are the years that it has here.
//!
//! King's Day on a Sunday is kept on the Saturday before, so that no working day is gained or lost.

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::easter(1, "Easter Monday"),
    Rule::date(4, 27, "King's Day"),
    Rule::date(5, 5, "Liberation Day").every(5),
    Rule::easter(39, "Ascension Day"),
    Rule::easter(50, "Whit Monday"),
    Rule::date(12, 25, "Christmas Day"),
    Rule::date(12, 26, "Second Day of Christmas"),
];
