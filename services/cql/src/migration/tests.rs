use super::*;
use crate::testing::untouched;
use kernel::{ErrorCode, ServiceError};

const ONE: &str = "CREATE TABLE IF NOT EXISTS {ks}.one (id int PRIMARY KEY)";
const TWO: &str = "CREATE TABLE IF NOT EXISTS {ks}.two (id int PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS {ks}.three (id int PRIMARY KEY);";
const BROKEN: &str = "CREATE TABLE IF NOT EXISTS {ks}.four (id int PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS {ks}.five (id nothing PRIMARY KEY)";

const PART: Component = Component { name: "part", space: Space::Data, steps: &[ONE] };
const GROWN: Component = Component { name: "part", space: Space::Data, steps: &[ONE, TWO] };
const EDITED: Component = Component { name: "part", space: Space::Data, steps: &[TWO] };
const FAILING: Component = Component { name: "part", space: Space::Data, steps: &[ONE, TWO, BROKEN] };
const KEYS: Component = Component { name: "keys", space: Space::Keys, steps: &[ONE] };

fn applied(component: &'static str, numbers: &[usize]) -> Vec<Applied> {
    numbers.iter().map(|number| Applied { component, number: *number }).collect()
}

/// Keyspaces that no other test has used, or will.
async fn migrated(components: &[Component]) -> Option<Cql> {
    let cql = untouched().await?;
    cql.migrate(components).await.unwrap();
    Some(cql)
}

#[tokio::test]
async fn each_step_is_applied_once_and_in_its_own_keyspace() {
    let Some(cql) = migrated(&[PART]).await else { return };
    let both = [GROWN, KEYS];
    assert!(cql.migrate(&[PART]).await.unwrap().is_empty());
    assert_eq!(cql.migrate(&both).await.unwrap(), [applied("part", &[2]), applied("keys", &[1])].concat());
    assert!(cql.migrate(&both).await.unwrap().is_empty());
    cql.check_schema(&both).await.unwrap();
    cql.prepare(Space::Data, "SELECT id FROM {ks}.three").await.unwrap();
    cql.prepare(Space::Keys, "SELECT id FROM {ks}.one").await.unwrap();
    assert!(cql.prepare(Space::Keys, "SELECT id FROM {ks}.three").await.is_err());
}

#[tokio::test]
async fn tables_of_another_release_are_refused() {
    let Some(cql) = migrated(&[GROWN]).await else { return };
    for error in [cql.check_schema(&[PART]).await.unwrap_err(), cql.migrate(&[PART]).await.unwrap_err()] {
        assert!(matches!(error, Error::NewerSchema { component: "part", found: 2, known: 1 }), "{error}");
    }
    let error = cql.check_schema(&[FAILING]).await.unwrap_err();
    assert!(matches!(error, Error::MissingStep { component: "part", found: 2, known: 3 }), "{error}");
    let error = cql.check_schema(&[KEYS]).await.unwrap_err();
    assert!(matches!(error, Error::MissingStep { component: "keys", found: 0, known: 1 }), "{error}");
    assert_eq!(error.code(), ErrorCode::FailedPrecondition);
}

#[tokio::test]
async fn a_keyspace_that_was_never_migrated_is_refused() {
    let Some(other) = untouched().await else { return };
    let error = other.check_schema(&[PART]).await.unwrap_err();
    assert!(matches!(error, Error::MissingStep { component: "part", found: 0, known: 1 }), "{error}");
    assert!(other.check().await.is_err(), "nothing is there to be read");
}

#[tokio::test]
async fn a_step_that_changed_after_it_was_applied_is_refused() {
    let Some(cql) = migrated(&[PART]).await else { return };
    let error = cql.migrate(&[EDITED]).await.unwrap_err();
    assert!(matches!(error, Error::StepChanged { component: "part", number: 1 }), "{error}");
}

#[tokio::test]
async fn a_step_that_failed_is_not_remembered() {
    let Some(cql) = migrated(&[GROWN]).await else { return };
    let error = cql.migrate(&[FAILING]).await.unwrap_err();
    assert!(matches!(error, Error::Step { component: "part", number: 3, .. }), "{error}");
    assert!(cql.migrate(&[GROWN]).await.unwrap().is_empty(), "the lock was given back");
}

#[tokio::test]
async fn of_processes_that_migrate_at_once_one_applies_each_step() {
    let Some(one) = migrated(&[]).await else { return };
    let two = Cql::open(one.options()).await.unwrap();
    let components = [GROWN, KEYS];
    let (first, second) = tokio::join!(one.migrate(&components), two.migrate(&components));
    let mut all = [first.unwrap(), second.unwrap()].concat();
    all.sort_by_key(|applied| (applied.component, applied.number));
    assert_eq!(all, [applied("keys", &[1]), applied("part", &[1, 2])].concat());
}

#[test]
fn a_statement_that_cannot_be_repeated_is_refused() {
    for text in ["CREATE TABLE {ks}.t (id int PRIMARY KEY)", "DROP TABLE {ks}.t", "TRUNCATE {ks}.t"] {
        let steps: &'static [&'static str] = Vec::leak(vec![text]);
        let component = Component { steps, ..PART };
        assert!(refuse_unrepeatable(&[component]).is_err(), "{text}");
    }
    refuse_unrepeatable(&[GROWN, KEYS]).unwrap();
}

#[test]
fn what_is_missing_is_counted_behind_what_is_remembered() {
    let remembered = |steps: &[&str]| -> Remembered {
        steps.iter().enumerate().map(|(index, text)| (index + 1, digest(text))).collect()
    };
    assert_eq!(missing(&GROWN, &remembered(&[])).unwrap(), 2);
    assert_eq!(missing(&GROWN, &remembered(&[ONE])).unwrap(), 1);
    assert_eq!(missing(&GROWN, &remembered(&[ONE, TWO])).unwrap(), 0);
    assert!(missing(&GROWN, &remembered(&[TWO])).is_err());
    let holed: Remembered = [(2, digest(TWO))].into();
    assert!(missing(&GROWN, &holed).is_err(), "step 1 was never applied");
}
