//! A backup that lacks what was said since has it again.

use journal::{Journal, Kind, Report, catch_up};
use kernel::{EventId, PurposeName, RecordingId, SubjectId, Timestamp};

use super::*;
use crate::event::EventKind::{Asked, Given, Refused, Withdrawn};
use crate::event::Reach;
use crate::standing::Gone;
use crate::testing::{Bench, at, by_form, journal, notice, purpose, said, tenant};

const ANNA: &str = "+393331112233";

/// What a subject has said, in its order, of what is journalled.
async fn journalled(bench: &Bench, journal: &Journal) {
    let changes = bench.store.changes(0, 1_000).await.unwrap();
    let acts: Vec<_> = changes.iter().flat_map(acts::acts).collect();
    journal.append(acts).await.unwrap();
}

async fn caught_up(bench: &Bench, journal: &Journal) -> Report {
    let restored = RestoredStore { store: bench.store.clone() };
    catch_up(journal, &restored).await.unwrap()
}

fn count(report: &Report, kind: Kind) -> u64 {
    report.applied.get(&kind).copied().unwrap_or(0)
}

async fn history(bench: &Bench, subject: SubjectId) -> Vec<NewEvent> {
    let history = bench.store.history(&tenant(), subject, None).await.unwrap();
    history.events.into_iter().map(|stored| stored.event).collect()
}

/// Anna agreed for quality and training in a call; a journal of nothing yet.
async fn agreed() -> (Bench, Journal, RecordingId, SubjectId) {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality", "training"]).await;
    bench.says(anna, &notice(recording, "n5", 500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    let journal = journal(bench.clock.clone()).await;
    (bench, journal, recording, anna)
}

#[tokio::test]
async fn what_was_withdrawn_after_the_backup_is_withdrawn_again() {
    let (bench, journal, recording, anna) = agreed().await;
    let backup = bench.backup();
    let withdrawal = said(Withdrawn, recording, &["quality"], 2_000);
    bench.says(anna, &withdrawal).await;
    journalled(&bench, &journal).await;

    let restored = Bench::restored(backup).await;
    assert_eq!(restored.may_use(recording, "quality").await, Ok(()), "the backup does not know of it");
    let report = caught_up(&restored, &journal).await;
    assert_eq!((count(&report, Kind::ConsentWithdrawn), count(&report, Kind::ConsentGiven)), (1, 0));
    assert_eq!(report.known.get(&Kind::ConsentGiven), Some(&1));
    assert_eq!(restored.may_use(recording, "quality").await, Err(Gone::Withdrawn));
    // With its own times and evidence.
    assert_eq!(history(&restored, anna).await, history(&bench, anna).await);
    // Whoever said it may say it again.
    assert_eq!(restored.says(anna, &withdrawal).await, "withdrawn");
}

#[tokio::test]
async fn nothing_changes_where_it_is_applied_again() {
    let (bench, journal, recording, anna) = agreed().await;
    let backup = bench.backup();
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 2_000)).await;
    bench.says(anna, &by_form(Refused, &["training"], at(3_000))).await;
    journalled(&bench, &journal).await;
    let restored = Bench::restored(backup).await;
    assert_eq!(count(&caught_up(&restored, &journal).await, Kind::ConsentWithdrawn), 2);
    let (version, events) = (restored.store.version().await.unwrap(), history(&restored, anna).await);
    assert_eq!(restored.store.journal_position().await.unwrap(), 3);

    let applied = RestoredStore { store: restored.store.clone() };
    for record in journal.read(0, 10).await.unwrap() {
        assert_eq!(applied.apply(&record).await.unwrap(), Outcome::Known);
    }
    let again = caught_up(&restored, &journal).await;
    assert_eq!((again.from, again.to, again.applied.len()), (3, 3, 0));
    assert_eq!(restored.store.version().await.unwrap(), version);
    assert_eq!(history(&restored, anna).await, events);
    // Nor in the store that it came from.
    let version = bench.store.version().await.unwrap();
    assert!(caught_up(&bench, &journal).await.applied.is_empty());
    assert_eq!(bench.store.version().await.unwrap(), version);
}

#[tokio::test]
async fn consent_that_was_given_after_the_backup_is_given_again() {
    let bench = Bench::new().await;
    let (recording, anna) = bench.call(ANNA, &["quality", "training"]).await;
    let backup = bench.backup();
    bench.says(anna, &notice(recording, "n5", 500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 1_000)).await;
    bench.says(anna, &said(Refused, recording, &["training"], 1_500)).await;
    let journal = journal(bench.clock.clone()).await;
    journalled(&bench, &journal).await;

    let restored = Bench::restored(backup).await;
    assert_eq!(restored.may_use(recording, "quality").await, Err(Gone::NoConsent));
    let report = caught_up(&restored, &journal).await;
    assert_eq!((count(&report, Kind::ConsentWithdrawn), count(&report, Kind::ConsentGiven)), (1, 1));
    assert_eq!(restored.may_use(recording, "quality").await, Ok(()));
    assert_eq!(restored.may_use(recording, "training").await, Err(Gone::Refused));
    // The question is there once, and was put when it was answered.
    let asked = history(&restored, anna).await.into_iter().filter(|event| event.kind == Asked);
    let asked: Vec<_> = asked.map(|event| (event.purposes, event.occurred_at)).collect();
    assert_eq!(asked, [(BTreeSet::from([purpose("quality")]), at(1_000))]);
}

#[tokio::test]
async fn consent_comes_back_as_often_as_it_was_given_and_taken_back() {
    let (bench, journal, recording, anna) = agreed().await;
    let backup = bench.backup();
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 2_000)).await;
    bench.says(anna, &notice(recording, "n5", 2_500)).await;
    bench.says(anna, &said(Given, recording, &["quality"], 3_000)).await;
    journalled(&bench, &journal).await;
    let restored = Bench::restored(backup).await;
    let applied = RestoredStore { store: restored.store.clone() };
    let mut states = Vec::new();
    for record in journal.read(0, 10).await.unwrap() {
        applied.apply(&record).await.unwrap();
        states.push(restored.may_use(recording, "quality").await);
    }
    assert_eq!(states, [Ok(()), Err(Gone::Withdrawn), Ok(())]);
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 4_000)).await;
    journalled(&bench, &journal).await;
    caught_up(&restored, &journal).await;
    assert_eq!(restored.may_use(recording, "quality").await, Err(Gone::Withdrawn));
}

#[tokio::test]
async fn somebody_whom_the_backup_does_not_know_is_known_again() {
    let bench = Bench::new().await;
    let backup = bench.backup();
    let (recording, anna) = bench.call(ANNA, &["quality"]).await;
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 2_000)).await;
    let journal = journal(bench.clock.clone()).await;
    journalled(&bench, &journal).await;
    let restored = Bench::restored(backup).await;
    caught_up(&restored, &journal).await;
    assert!(restored.store.has_subject(&tenant(), anna).await.unwrap());
    // A call that the backup does not know either is open to nobody.
    assert_eq!(restored.may_use(recording, "quality").await, Err(Gone::UnknownRecording));
}

#[tokio::test]
async fn an_event_of_more_purposes_than_a_record_takes_comes_back_in_parts() {
    let purposes: BTreeSet<_> =
        (0..30).map(|number| PurposeName::new(format!("{number:x>63}")).unwrap()).collect();
    let event = NewEvent {
        id: EventId::new(),
        subject: SubjectId::new(),
        kind: Withdrawn,
        purposes: purposes.clone(),
        reach: Reach::Account,
        said_in: None,
        notice: None,
        position: None,
        occurred_at: at(0),
        recorded_at: Timestamp(7),
        expression: Expression::Unspecified,
        policy: None,
        fingerprint: [3; 32],
    };
    let (id, subject) = (event.id, event.subject);
    let parts = acts::acts(&StoredEvent { tenant: tenant(), version: 1, event: event.clone() });
    assert!(parts.len() > 2);
    let bench = Bench::new().await;
    let journal = journal(bench.clock.clone()).await;
    journal.append(parts.clone()).await.unwrap();
    let report = caught_up(&bench, &journal).await;
    assert_eq!(count(&report, Kind::ConsentWithdrawn), parts.len() as u64);
    let events = history(&bench, subject).await;
    assert!(events.iter().any(|event| event.id == id));
    assert_eq!(events.into_iter().flat_map(|event| event.purposes).collect::<BTreeSet<_>>(), purposes);

    // A store that has the whole of it has its parts.
    let whole = Bench::new().await;
    let addition =
        Addition { tenant: tenant(), act: id, events: vec![event], after: 0, entry: None, trace: None };
    whole.store.append(&addition).await.unwrap();
    let report = caught_up(&whole, &journal).await;
    assert_eq!((report.applied.len(), report.known[&Kind::ConsentWithdrawn]), (0, parts.len() as u64));
}

#[tokio::test]
async fn what_is_another_role_s_is_left() {
    let (bench, journal, recording, anna) = agreed().await;
    bench.says(anna, &said(Withdrawn, recording, &["quality"], 2_000)).await;
    journalled(&bench, &journal).await;
    let record = journal.read(0, 1).await.unwrap().remove(0);
    let applied = RestoredStore { store: bench.store.clone() };
    let kinds = Kind::ALL.iter().filter(|kind| !acts::is_ours(**kind));
    for kind in kinds {
        let act = journal::Act { kind: *kind, ..record.act.clone() };
        assert_eq!(applied.apply(&Record { act, ..record.clone() }).await.unwrap(), Outcome::NotOurs);
    }
}
