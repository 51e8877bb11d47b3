use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::order::{italy, order};
use super::*;
use crate::jurisdiction::Jurisdiction;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn any_zone() -> impl Strategy<Value = TimeZone> {
    let all: Vec<_> = Jurisdiction::all().collect();
    prop::sample::select(all).prop_map(Jurisdiction::time_zone)
}

/// Any moment of this century's first half, or one around a change of clocks or a leap day.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (at("2000-01-01T00:00:00Z"), at("2050-01-01T00:00:00Z"));
    let odd =
        ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2028-02-29T00:00:00Z", "2026-01-31T00:00:00Z"];
    prop_oneof![
        1 => (first.0..last.0).prop_map(Timestamp),
        1 => (prop::sample::select(odd.to_vec()), -172_800i64..172_800)
            .prop_map(|(around, seconds)| Timestamp(at(around).0 + seconds * 1_000_000)),
    ]
}

/// A period, and the least and the most days that it can have.
fn any_period() -> impl Strategy<Value = (Period, u64, u64)> {
    let text = prop_oneof![
        (1u64..=100).prop_map(|years| (format!("P{years}Y"), 365 * years, 366 * years)),
        (1u64..=120).prop_map(|months| (format!("P{months}M"), 30 * months - 2, 31 * months)),
        (1u64..=4_000).prop_map(|days| (format!("P{days}D"), days, days)),
        (1u64..=30, 1u64..=40).prop_map(|(months, days)| (
            format!("P{months}M{days}D"),
            30 * months - 2 + days,
            31 * months + days
        )),
    ];
    text.prop_map(|(text, least, most)| (text.parse().unwrap(), least, most))
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY.as_secs())
}

/// The terms of the purpose `sale` in one policy.
fn any_terms() -> impl Strategy<Value = String> {
    let period = || {
        (any_period(), any::<bool>())
            .prop_map(|((period, ..), day)| if day { "P90D".to_owned() } else { period.to_string() })
    };
    (period(), period(), prop::sample::select(Anchor::ALL.to_vec())).prop_map(|(audio, metadata, anchor)| {
        format!("sale: {{ basis: contract, anchor: {anchor}, retention: {{ audio: {audio}, metadata: {metadata} }} }}")
    })
}

fn any_policy() -> impl Strategy<Value = TenantPolicy> {
    let place = prop::sample::select(vec!["IT", "FI", "PT"]);
    let terms = prop_oneof![5 => any_terms(), 1 => Just(DUTY.to_owned())];
    (place, terms).prop_map(|(place, terms)| policy_in(place, &[&terms]))
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let minutes = |from: i64, to: i64| (from..to).prop_map(|minutes| minutes * 60_000_000);
    (any_moment(), minutes(0, 180), prop::option::of(minutes(-30, 240))).prop_map(
        |(started_at, length, mark)| {
            let sale = MarkLabel::new("sale").unwrap();
            let marks_ended_at =
                mark.map(|mark| (sale, Timestamp(started_at.0 + mark))).into_iter().collect();
            Facts { started_at, ended_at: Timestamp(started_at.0 + length), marks_ended_at }
        },
    )
}

fn shuffled<T: Clone + std::fmt::Debug>(
    one: impl Strategy<Value = T>,
    most: usize,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    prop::collection::vec(one, 0..most).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
}

fn any_order() -> impl Strategy<Value = ExtensionOrder> {
    (0u8..4, at("2026-06-01T00:00:00Z").0..at("2034-06-01T00:00:00Z").0, any::<bool>()).prop_map(
        |(number, until, odd)| {
            let ordered = order(&format!("consob-{number}"), "2032-01-01T00:00:00Z");
            if odd { ExtensionOrder { until: Timestamp(until), ..ordered } } else { ordered }
        },
    )
}

proptest! {
    #[test]
    fn a_period_is_never_shorter_than_its_days_nor_longer_but_for_the_clocks_hour(
        (period, least, most) in any_period(), start in any_moment(), zone in any_zone(),
    ) {
        let length = period.after(start, &zone).since(start);
        prop_assert!(length + HOUR >= days(least), "{} from {} is {:?}", period, start, length);
        prop_assert!(length <= days(most) + HOUR, "{} from {} is {:?}", period, start, length);
    }

    /// By the local clock an hour comes twice or not at all, so of two moments within it the later may end first.
    #[test]
    fn what_begins_later_ends_no_earlier_but_for_the_clocks_hour(
        (period, ..) in any_period(), start in any_moment(), zone in any_zone(), later in 0u64..300_000,
    ) {
        let later = Duration::from_secs(later);
        let (first, second) = (period.after(start, &zone), period.after(start.plus(later), &zone));
        prop_assert!(first <= second.plus(HOUR));
        prop_assert!(first <= second || later < 2 * HOUR, "{} from {} and {:?} later", period, start, later);
    }

    #[test]
    fn a_stamp_ends_after_its_recording_began(policy in any_policy(), facts in any_facts()) {
        for stamp in stamp(&policy, &name("sale"), &facts) {
            prop_assert!(stamp.ends > facts.started_at.plus(DAY - 2 * HOUR), "{:?}", stamp);
        }
    }

    #[test]
    fn later_policies_give_the_minimum_in_any_order_and_never_lengthen(
        first in any_policy(), (later, other) in shuffled(any_policy(), 5), facts in any_facts(),
    ) {
        for stamped in stamp(&first, &name("sale"), &facts) {
            let apply = |all: &[TenantPolicy]| {
                all.iter().fold(stamped.clone(), |stamp, policy| {
                    let next = with_later_policy(&stamp, policy, &facts);
                    assert!(next.ends <= stamp.ends, "{policy:?} lengthened {stamp:?}");
                    next
                })
            };
            let all_say = later.iter().flat_map(|policy| stamp(policy, &name("sale"), &facts));
            let least = all_say.filter(|says| says.kind == stamped.kind).map(|says| says.ends).min();
            let now = apply(&later);
            prop_assert_eq!(now.ends, least.map_or(stamped.ends, |least| least.min(stamped.ends)));
            prop_assert_eq!(&now, &apply(&other));
            prop_assert_eq!(now, apply(&[later.clone(), other.clone()].concat()));
        }
    }

    #[test]
    fn orders_give_the_maximum_in_any_order_never_shorten_and_keep_to_the_limit(
        (orders, other) in shuffled(any_order(), 5), policies in prop::collection::vec(any_policy(), 0..3),
        minutes in 0i64..525_000,
    ) {
        let started_at = Timestamp(at("2026-01-01T00:00:00+01:00").0 + minutes * 60_000_000);
        let facts = Facts { started_at, ended_at: started_at, ..facts() };
        let stamped = stamp(&policy(&[DUTY]), &name("duty"), &facts).remove(0);
        let apply = |orders: &[ExtensionOrder]| {
            orders.iter().fold(stamped.clone(), |stamp, order| {
                let next = with_order(&stamp, order, italy(), &facts).unwrap_or_else(|_| stamp.clone());
                assert!(next.ends >= stamp.ends, "{order:?} shortened {stamp:?}");
                policies.iter().fold(next, |stamp, policy| with_later_policy(&stamp, policy, &facts))
            })
        };
        let limit = Period::years(7).after(started_at, &italy().time_zone());
        let most = orders.iter().map(|order| order.until).filter(|until| *until <= limit).max();
        let now = apply(&orders);
        prop_assert_eq!(now.ends, most.map_or(stamped.ends, |most| most.max(stamped.ends)));
        prop_assert_eq!(now, apply(&other));
    }

    #[test]
    fn an_explanation_has_one_winner_which_is_the_stamp_that_stands(
        first in any_policy(), later in prop::collection::vec(any_policy(), 0..5), facts in any_facts(),
    ) {
        let later: Vec<_> = later.iter().collect();
        for stamped in stamp(&first, &name("sale"), &facts) {
            let explanation = explain(&stamped, &later, &[], first.jurisdiction, &facts);
            let stands = later.iter().fold(stamped, |stamp, policy| with_later_policy(&stamp, policy, &facts));
            prop_assert_eq!(&explanation.winner, &stands);
            let mut wins = explanation.considered.iter().filter(|c| c.verdict == Verdict::Wins);
            prop_assert_eq!(wins.next().map(|c| (&c.rule, c.ends)), Some((&stands.rule, stands.ends)));
            prop_assert!(wins.next().is_none());
            prop_assert!(explanation.earliest <= stands.ends && stands.ends <= explanation.latest);
        }
    }
}
