//! Easter, from which most movable holidays are counted.

use jiff::ToSpan;
use jiff::civil::Date;

/// The first year that [`easter_sunday`] answers for: that of Regulation (EEC, Euratom) No 1182/71.
pub const FIRST_EASTER: i16 = 1971;
/// The last year that [`easter_sunday`] answers for. The computus goes on; what it would be asked for does not.
pub const LAST_EASTER: i16 = 2199;

/// A year for which Easter is not computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "easter is computed for the years {first} to {last}, not for {year}",
    first = FIRST_EASTER,
    last = LAST_EASTER
)]
pub struct NoEaster {
    /// The year that was asked for.
    pub year: i16,
}

/// Easter Sunday of the western churches, by the Gregorian computus (the anonymous algorithm of 1876, as J. Meeus has
/// it in *Astronomical Algorithms*, chapter 8), for [`FIRST_EASTER`] to [`LAST_EASTER`].
pub fn easter_sunday(year: i16) -> Result<Date, NoEaster> {
    if !(FIRST_EASTER..=LAST_EASTER).contains(&year) {
        return Err(NoEaster { year });
    }
    // The names are Meeus's, so that the steps can be laid beside the book.
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    // The book has month and day here; this is the same as days after 22 March, the earliest Easter.
    let after = h + l - 7 * m;
    let earliest = Date::new(year, 3, 22).map_err(|_| NoEaster { year })?;
    Ok(earliest.saturating_add(i64::from(after).days()))
}
