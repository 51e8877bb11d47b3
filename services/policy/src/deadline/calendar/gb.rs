//! The United Kingdom: Banking and Financial Dealings Act 1971, Schedule 1, and the royal proclamations under
//! section 1, which appoint substitute days and days that come once; Good Friday and Christmas Day by common law.
//!
//! England and Wales where no region is told. A proclamation of a year to come is a new version of this calendar.

use jiff::civil::Weekday;

use super::rule::{Rule, Substitute};

const ENGLAND_AND_WALES_AND_NORTHERN_IRELAND: &[&str] = &["GB-EAW", "GB-ENG", "GB-NIR", "GB-WLS"];
const NORTHERN_IRELAND: &[&str] = &["GB-NIR"];
const SCOTLAND: &[&str] = &["GB-SCT"];

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day")
        .substituted(Substitute::Monday)
        .within(ENGLAND_AND_WALES_AND_NORTHERN_IRELAND),
    Rule::date(1, 1, "New Year's Day").substituted(Substitute::SecondDay).within(SCOTLAND),
    Rule::date(1, 2, "2nd January").substituted(Substitute::SecondDay).within(SCOTLAND),
    Rule::date(3, 17, "Saint Patrick's Day").substituted(Substitute::Monday).within(NORTHERN_IRELAND),
    Rule::easter(-2, "Good Friday"),
    Rule::easter(1, "Easter Monday").within(ENGLAND_AND_WALES_AND_NORTHERN_IRELAND),
    // Moved in 2020, to the 75th anniversary of the end of the war in Europe.
    Rule::nth(5, Weekday::Monday, 1, "Early May Bank Holiday").until(2019),
    Rule::date(5, 8, "Early May Bank Holiday").only(2020),
    Rule::nth(5, Weekday::Monday, 1, "Early May Bank Holiday").since(2021),
    Rule::date(5, 8, "Coronation of King Charles III").only(2023),
    // Moved in 2022, to stand beside the jubilee.
    Rule::nth(5, Weekday::Monday, -1, "Spring Bank Holiday").until(2021),
    Rule::date(6, 2, "Spring Bank Holiday").only(2022),
    Rule::nth(5, Weekday::Monday, -1, "Spring Bank Holiday").since(2023),
    Rule::date(6, 3, "Platinum Jubilee").only(2022),
    Rule::date(6, 15, "World Cup Bank Holiday").only(2026).within(SCOTLAND),
    Rule::date(7, 12, "Battle of the Boyne").substituted(Substitute::Monday).within(NORTHERN_IRELAND),
    Rule::nth(8, Weekday::Monday, 1, "Summer Bank Holiday").within(SCOTLAND),
    Rule::nth(8, Weekday::Monday, -1, "Summer Bank Holiday").within(ENGLAND_AND_WALES_AND_NORTHERN_IRELAND),
    Rule::date(9, 19, "State Funeral of Queen Elizabeth II").only(2022),
    Rule::date(11, 30, "Saint Andrew's Day").substituted(Substitute::Monday).within(SCOTLAND),
    Rule::date(12, 25, "Christmas Day").substituted(Substitute::SecondDay),
    Rule::date(12, 26, "Boxing Day").substituted(Substitute::SecondDay),
];
