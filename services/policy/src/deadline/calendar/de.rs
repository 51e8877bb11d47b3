//! Germany: the Unity Treaty, Art. 2(2), for 3 October, and the holiday laws of the Länder for all else. What every
//! Land has counts for the whole country, the rest for the Länder that have it.
//!
//! Not here, and so working days: what only some municipalities have (Corpus Christi in Saxony and Thuringia,
//! Augsburg's Peace Festival), but for the Assumption in Bavaria, which has a code of its own.

use jiff::civil::Weekday;

use super::rule::Rule;

/// Version 1.
pub(super) const V1: &[Rule] = &[
    Rule::date(1, 1, "New Year's Day"),
    Rule::easter(-2, "Good Friday"),
    Rule::easter(1, "Easter Monday"),
    Rule::date(5, 1, "Labour Day"),
    Rule::easter(39, "Ascension Day"),
    Rule::easter(50, "Whit Monday"),
    Rule::date(10, 3, "German Unity Day"),
    Rule::date(12, 25, "Christmas Day"),
    Rule::date(12, 26, "Second Day of Christmas"),
    // 500 years of it, once in every Land.
    Rule::date(10, 31, "Reformation Day").only(2017),
    Rule::date(1, 6, "Epiphany").within(&["DE-BW", "DE-BY", "DE-BY-KATH", "DE-ST"]),
    Rule::date(3, 8, "Women's Day").since(2019).within(&["DE-BE"]),
    Rule::date(3, 8, "Women's Day").since(2023).within(&["DE-MV"]),
    Rule::date(5, 8, "Liberation Day").only(2020).within(&["DE-BE"]),
    Rule::date(5, 8, "Liberation Day").only(2025).within(&["DE-BE"]),
    Rule::easter(60, "Corpus Christi").within(&[
        "DE-BW",
        "DE-BY",
        "DE-BY-KATH",
        "DE-HE",
        "DE-NW",
        "DE-RP",
        "DE-SL",
    ]),
    Rule::date(8, 15, "Assumption").within(&["DE-BY-KATH", "DE-SL"]),
    Rule::date(9, 20, "Children's Day").since(2019).within(&["DE-TH"]),
    Rule::date(10, 31, "Reformation Day").within(&["DE-BB", "DE-MV", "DE-SN", "DE-ST", "DE-TH"]),
    Rule::date(10, 31, "Reformation Day").since(2018).within(&["DE-HB", "DE-HH", "DE-NI", "DE-SH"]),
    Rule::date(11, 1, "All Saints' Day").within(&["DE-BW", "DE-BY", "DE-BY-KATH", "DE-NW", "DE-RP", "DE-SL"]),
    // The Wednesday before 23 November.
    Rule::following(11, 16, Weekday::Wednesday, "Day of Repentance and Prayer").within(&["DE-SN"]),
];
