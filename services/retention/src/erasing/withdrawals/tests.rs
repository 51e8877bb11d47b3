use eventlog::{MemoryLog, Record, to_record};
use kernel::{Clock, Envelope};

use super::*;
use crate::erasure::{Cause, State};
use crate::saga::testing::{Bench, NOW, both, duty_rule, later, name, names, policy_rule, tenant};
use crate::store::Store;

struct Told {
    kind: EventKind,
    subject: SubjectId,
    purposes: &'static [&'static str],
    recording: Option<RecordingId>,
}

fn record(told: &Told) -> Record {
    let id = EventId::new();
    let scope = told.recording.map_or(ConsentScope::Account, |_| ConsentScope::Call);
    let event = ConsentEvent {
        event_id: id.to_bytes().to_vec(),
        subject_id: told.subject.to_bytes().to_vec(),
        kind: told.kind.into(),
        purposes: told.purposes.iter().map(ToString::to_string).collect(),
        scope: scope.into(),
        recording_id: told.recording.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        tenant: tenant().to_string(),
        ..ConsentEvent::default()
    };
    let envelope = Envelope {
        id,
        kind: "verbale.consent.recorded".to_owned(),
        tenant: tenant(),
        aggregate: told.subject.to_string(),
        version: 1,
        at: NOW,
        trace: None,
        payload: event.encode_to_vec(),
    };
    to_record(&envelope, "/verbale/consent")
}

fn withdrawn(subject: SubjectId) -> Told {
    Told { kind: EventKind::Withdrawn, subject, purposes: &["quality"], recording: None }
}

async fn log(bench: &Bench, records: Vec<Record>) -> MemoryLog {
    let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
    let log = MemoryLog::new(clock);
    log.append(&CONSENT, records).await.unwrap();
    log
}

/// Follows the topic until nothing of it is left.
async fn follow(bench: &Bench, log: &MemoryLog) {
    let mut member = log.consumer(GROUP, &[CONSENT]).await.unwrap();
    while log.lag(GROUP, &CONSENT).await.unwrap().iter().sum::<u64>() > 0 {
        turn(&bench.erasing(), member.as_mut()).await.unwrap();
    }
    member.leave().await.unwrap();
}

#[tokio::test]
async fn what_rested_on_a_withdrawn_consent_is_erased_unasked() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let mut terms = both("quality", later(40), &policy_rule());
    terms.extend(both("duty", later(400), &duty_rule()));
    let lost = bench.keep(terms.clone(), &[subject]).await;
    let stands = bench.keep(terms, &[subject]).await;
    bench.mesh.lose(lost, "quality");
    let log = log(&bench, vec![record(&withdrawn(subject))]).await;
    follow(&bench, &log).await;
    bench.run().await;
    let erasure = bench.only().await;
    assert_eq!((erasure.cause, erasure.state, erasure.items), (Cause::BasisLost, State::Done, 1));
    assert_eq!(erasure.target, Target::Subject(subject));
    assert_eq!(bench.mesh.purposes(lost), names(&["duty"]));
    assert_eq!(bench.mesh.purposes(stands), names(&["duty", "quality"]));
}

#[tokio::test]
async fn an_event_that_comes_again_begins_nothing_new() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    bench.mesh.lose(recording, "quality");
    let same = record(&withdrawn(subject));
    let log = log(&bench, vec![same.clone(), same]).await;
    follow(&bench, &log).await;
    assert_eq!(bench.only().await.items, 1);
    bench.run().await;
    assert_eq!(bench.only().await.state, State::Done);
}

#[tokio::test]
async fn a_consent_of_one_call_reaches_that_call_only() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let meant = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    let other = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    bench.mesh.lose(meant, "quality");
    bench.mesh.lose(other, "quality");
    let told = Told { recording: Some(meant), kind: EventKind::Refused, ..withdrawn(subject) };
    let log = log(&bench, vec![record(&told)]).await;
    follow(&bench, &log).await;
    bench.run().await;
    assert!(bench.mesh.opens(meant).is_empty());
    assert!(bench.mesh.purposes(other).contains(&name("quality")));
}

#[tokio::test]
async fn what_takes_nothing_back_and_what_cannot_be_read_is_passed_over() {
    let bench = Bench::new().await;
    let subject = SubjectId::new();
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    bench.mesh.lose(recording, "quality");
    let mut broken = record(&withdrawn(subject));
    broken.value = vec![0xff; 9].into();
    let mut records = vec![Record::new("somebody", vec![1, 2, 3]), broken];
    for kind in [EventKind::Given, EventKind::Asked, EventKind::NoticePresented, EventKind::Deferred] {
        records.push(record(&Told { kind, ..withdrawn(subject) }));
    }
    let log = log(&bench, records).await;
    follow(&bench, &log).await;
    assert!(bench.store.erasures(&tenant(), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_consent_that_does_not_answer_is_asked_again() {
    let bench = Bench::new().await;
    bench.control().await;
    let subject = SubjectId::new();
    let recording = bench.keep(both("quality", later(40), &policy_rule()), &[subject]).await;
    bench.mesh.lose(recording, "quality");
    let log = log(&bench, vec![record(&withdrawn(subject))]).await;
    bench.mesh.go("basis_lost");
    let mut member = log.consumer(GROUP, &[CONSENT]).await.unwrap();
    let mut polls = 0;
    while turn(&bench.erasing(), member.as_mut()).await.is_ok() {
        polls += 1;
        assert!(polls < 8, "nothing came");
    }
    member.leave().await.unwrap();
    let pending = log.lag(GROUP, &CONSENT).await.unwrap().iter().sum::<u64>();
    assert_eq!(pending, 1);
    bench.mesh.come_back("basis_lost");
    follow(&bench, &log).await;
    bench.run().await;
    assert!(bench.mesh.opens(recording).is_empty());
}
