use std::collections::HashMap;
use std::time::Duration;

use super::*;

const KEPT: Topic = Topic { name: "kept.v1", partitions: 4, retention: Retention::UntilDeleted };
const STRONG: Durability = Durability { replication: 3, min_in_sync: 2, only_log: false };

fn settings(topic: &Topic, changes: &[(&'static str, &str)]) -> Option<Settings> {
    let mut all: HashMap<&str, String> = settings_of(topic, 2).into_iter().collect();
    all.extend(changes.iter().map(|(key, value)| (*key, (*value).to_owned())));
    Settings::read(|key| all.get(key).map(String::as_str))
}

fn verdict(topic: &Topic, changes: &[(&'static str, &str)]) -> Result<(), Error> {
    check(topic, &settings(topic, changes).unwrap(), STRONG, false)
}

#[test]
fn a_topic_as_the_log_makes_it_is_fit() {
    let week = Topic { retention: Retention::For(Duration::from_secs(604_800)), ..KEPT };
    assert!(verdict(&KEPT, &[]).is_ok());
    assert!(verdict(&week, &[]).is_ok());
    assert_eq!(settings(&week, &[]).unwrap().retention_ms, 604_800_000);
    assert_eq!(settings(&KEPT, &[]).unwrap().retention_ms, FOR_EVER);
}

#[test]
fn a_topic_that_loses_records_by_itself_is_not() {
    for change in [
        (RETENTION_MS, "604800000"),
        (RETENTION_BYTES, "1000000"),
        (CLEANUP, "compact"),
        (CLEANUP, "compact,delete"),
    ] {
        let unfit = verdict(&KEPT, &[change]);
        assert!(matches!(&unfit, Err(Error::Unsuited { .. })), "{change:?}: {unfit:?}");
    }
    // One whose records may expire may do so a little sooner, or be smaller: it is said in the log.
    let week = Topic { retention: Retention::For(Duration::from_secs(604_800)), ..KEPT };
    assert!(verdict(&week, &[(RETENTION_MS, "1000"), (MAX_MESSAGE, "1000")]).is_ok());
}

#[test]
fn a_weak_topic_has_to_be_accepted() {
    let settings = settings(&KEPT, &[]).unwrap();
    for (replication, min_in_sync) in [(1, 1), (3, 1), (2, 2)] {
        let weak = Durability { replication, min_in_sync, only_log: false };
        assert!(matches!(check(&KEPT, &settings, weak, false), Err(Error::Unsuited { .. })));
        assert!(check(&KEPT, &settings, weak, true).is_ok());
    }
}

#[test]
fn settings_that_are_no_settings_are_not_read() {
    assert!(Settings::read(|_| None).is_none());
    for key in [MIN_IN_SYNC, RETENTION_MS, RETENTION_BYTES, MAX_MESSAGE] {
        assert!(settings(&KEPT, &[(key, "many")]).is_none(), "{key}");
    }
}

#[test]
fn another_number_of_partitions_is_refused() {
    assert!(same_partitions(&KEPT, 4).is_ok());
    let changed = same_partitions(&KEPT, 8);
    assert!(matches!(changed, Err(Error::PartitionsChanged { stored: 8, asked: 4, .. })));
}
