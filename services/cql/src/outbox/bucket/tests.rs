use proptest::prelude::*;

use super::*;

fn second(second: i64) -> Timestamp {
    Timestamp(second * 1_000_000)
}

#[test]
fn time_falls_into_buckets_of_ten_seconds_and_hours() {
    for (at, bucket, hour) in [
        (second(0), 0, 0),
        (Timestamp(9_999_999), 0, 0),
        (second(10), 1, 0),
        (second(3_599), 359, 0),
        (second(3_600), 360, 1),
        (Timestamp(-1), -1, -1),
    ] {
        assert_eq!((Bucket::of(at).0, Bucket::of(at).hour()), (bucket, hour), "{at:?}");
    }
    assert_eq!(Bucket(360).before(LOOK_BACK), Bucket(0));
}

#[test]
fn the_cursor_stops_where_something_is_left() {
    let now = second(1_000);
    let seen = |unpublished, stopped| Seen {
        unpublished: Option::map(unpublished, Bucket),
        stopped: Option::map(stopped, Bucket),
    };
    for (cursor, seen, expected) in [
        (10, seen(None, None), 94),
        (10, seen(Some(50), None), 50),
        (10, seen(Some(99), None), 94),
        (10, seen(None, Some(40)), 40),
        (10, seen(Some(50), Some(40)), 40),
        (60, seen(Some(50), None), 60),
        (98, seen(None, None), 98),
    ] {
        assert_eq!(advance(Bucket(cursor), now, seen), Bucket(expected), "{cursor} {seen:?}");
    }
}

#[test]
fn what_the_cursor_can_pass_has_lain_long_enough_to_be_looked_at() {
    let bucket = Duration::from_micros(LENGTH.unsigned_abs());
    assert!(GRACE + bucket <= SLACK);
    assert!(crate::options::MAX_REQUEST_TIMEOUT * 2 + GRACE <= SLACK);
}

proptest! {
    #[test]
    fn the_cursor_never_passes_what_is_unpublished_unread_or_open(
        cursor in 0_i64..10_000,
        now in 0_i64..100_000,
        unpublished in proptest::option::of(0_i64..10_000),
        stopped in proptest::option::of(0_i64..10_000),
    ) {
        let now = second(now);
        let seen = Seen { unpublished: unpublished.map(Bucket), stopped: stopped.map(Bucket) };
        let next = advance(Bucket(cursor), now, seen);
        prop_assert!(next >= Bucket(cursor));
        if next > Bucket(cursor) {
            prop_assert!(next <= horizon(now));
            prop_assert!(seen.unpublished.is_none_or(|bucket| next <= bucket));
            prop_assert!(seen.stopped.is_none_or(|bucket| next <= bucket));
            // The end of the last bucket passed is at least the slack ago.
            prop_assert!(now.since(Timestamp(next.0 * LENGTH)) >= SLACK);
        }
    }
}
