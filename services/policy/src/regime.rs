//! Retention duties laid down by law, and how long they lock a recording.

use jiff::tz::TimeZone;
use kernel::{RegimeName, Timestamp};

use crate::document::TenantPolicy;
use crate::jurisdiction::Area;
use crate::period::Period;

/// One duty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Regime {
    /// What policies call it.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Whose law it is.
    pub area: Area,
    /// How long a recording must be kept, from the moment that it began.
    pub minimum: Period,
    /// How long the authority may order it to be kept.
    pub by_order: Period,
    /// Where the law says so.
    pub source: &'static str,
}

/// Every regime. A name is never reused for another duty: it stands in sealed headers.
pub const ALL: &[Regime] = &[
    Regime {
        name: "mifid2-16-7",
        title: "recording of telephone conversations on client orders",
        area: Area::Eea,
        minimum: Period::years(5),
        by_order: Period::years(7),
        source: "Directive 2014/65/EU Art. 16(7); Delegated Regulation (EU) 2017/565 Art. 76(8), (10), (11)",
    },
    Regime {
        name: "uk-sysc-10a",
        title: "recording of telephone conversations on client orders",
        area: Area::Uk,
        minimum: Period::years(5),
        by_order: Period::years(7),
        source: "FCA Handbook, SYSC 10A.1.15",
    },
];

/// A regime that this program does not know. Guessing a period for it could be a breach either way.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("regime {0} is not known to this version")]
pub struct UnknownRegime(pub RegimeName);

impl kernel::ServiceError for UnknownRegime {
    fn code(&self) -> kernel::ErrorCode {
        kernel::ErrorCode::FailedPrecondition
    }
}

/// The regime of this name.
pub fn find(name: &RegimeName) -> Option<&'static Regime> {
    ALL.iter().find(|regime| regime.name == name.as_str())
}

/// Until when objects of a recording that began at `start` are locked: the longest minimum of their
/// `regimes`, in the calendar and time zone of the policy's jurisdiction; no regime, no lock. Only an order
/// lengthens it, and only retention applies orders.
pub fn lock_until<'a>(
    policy: &TenantPolicy,
    regimes: impl IntoIterator<Item = &'a RegimeName>,
    start: Timestamp,
) -> Result<Option<Timestamp>, UnknownRegime> {
    let zone: TimeZone = policy.jurisdiction.time_zone();
    let mut latest = None;
    for name in regimes {
        let regime = find(name).ok_or_else(|| UnknownRegime(name.clone()))?;
        latest = latest.max(Some(regime.minimum.after(start, &zone)));
    }
    Ok(latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(jurisdiction: &str) -> TenantPolicy {
        crate::parse(&format!("tenant: t\njurisdiction: {jurisdiction}\n"), &|_| None).unwrap()
    }

    fn lock(jurisdiction: &str, regimes: &[&str], start: &str) -> Option<String> {
        let regimes: Vec<_> = regimes.iter().map(|name| RegimeName::new(*name).unwrap()).collect();
        let start = Timestamp::parse(start).unwrap();
        lock_until(&policy(jurisdiction), &regimes, start).unwrap().map(|until| until.to_string())
    }

    #[test]
    fn a_duty_locks_for_its_minimum_from_the_recordings_start() {
        let until = lock("IT", &["mifid2-16-7"], "2026-03-02T09:14:05+01:00");
        assert_eq!(until.as_deref(), Some("2031-03-02T08:14:05Z"));
        let until = lock("IT", &["mifid2-16-7"], "2028-02-29T10:00:00+01:00");
        assert_eq!(until.as_deref(), Some("2033-02-28T23:00:00Z"), "to the end of 28 February in Rome");
    }

    #[test]
    fn the_same_moment_locks_by_each_jurisdictions_calendar() {
        // 28 February in London, 29 February in Rome.
        let moment = "2028-02-28T23:30:00Z";
        assert_eq!(lock("GB", &["uk-sysc-10a"], moment).as_deref(), Some("2033-02-28T23:30:00Z"));
        assert_eq!(lock("IT", &["mifid2-16-7"], moment).as_deref(), Some("2033-02-28T23:00:00Z"));
    }

    #[test]
    fn without_a_regime_nothing_is_locked() {
        assert_eq!(lock("IT", &[], "2026-03-02T09:14:05+01:00"), None);
    }

    #[test]
    fn an_unknown_regime_is_an_error_and_not_no_lock() {
        let name = RegimeName::new("lex-futura").unwrap();
        let result = lock_until(&policy("IT"), [&name], Timestamp(0));
        assert_eq!(result, Err(UnknownRegime(name)));
    }

    #[test]
    fn an_order_never_shortens_and_names_are_names() {
        for regime in ALL {
            let ends = |period: Period| period.after(Timestamp(0), &TimeZone::UTC);
            assert!(ends(regime.minimum) <= ends(regime.by_order));
            assert_eq!(find(&RegimeName::new(regime.name).unwrap()), Some(regime));
        }
    }
}
