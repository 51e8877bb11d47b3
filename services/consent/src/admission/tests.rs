//! What follows from what is said; what is refused and why is the service's table.

use kernel::RecordingId;

use super::*;
use crate::store::PolicyRow;
use crate::testing::{POLICY, START, at, by_form, notice as played, purposes, said, tenant};

fn version() -> PolicyVersion {
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    let row = PolicyRow {
        tenant: tenant(),
        hash: policy.hash(),
        document: POLICY.to_owned(),
        texts: Default::default(),
        since: START,
    };
    PolicyVersion { row, policy }
}

fn admitted(said: &Said, history: &[NewEvent]) -> Result<Vec<NewEvent>, Refusal> {
    let version = version();
    let numbered = (1..).zip(history.iter().cloned());
    let history: Vec<_> =
        numbered.map(|(version, event)| StoredEvent { tenant: tenant(), version, event }).collect();
    admit(
        said,
        &Grounds {
            subject: SubjectId::from_bytes([7; 16]),
            policy: Some(&version),
            purposes_ever: &BTreeSet::new(),
            last_notice: None,
            history: &history,
            now: at(3_600_000),
            ahead: Duration::from_secs(3_600),
        },
    )
}

fn told(events: &[NewEvent]) -> Vec<(EventKind, BTreeSet<PurposeName>)> {
    events.iter().map(|event| (event.kind, event.purposes.clone())).collect()
}

#[test]
fn a_notice_puts_the_question_for_what_rests_on_consent() {
    let recording = RecordingId::new();
    let events = admitted(&played(recording, "n5", 500), &[]).unwrap();
    let all = purposes(&["deal", "duty", "quality", "training"]);
    let expected =
        [(EventKind::NoticePresented, all), (EventKind::Asked, purposes(&["quality", "training"]))];
    assert_eq!(told(&events), expected);
    assert_eq!(events[1].id, derived_id(events[0].id, "asked"));
    assert!(events.iter().all(|event| event.notice.is_some() && event.occurred_at == at(500)));
}

#[test]
fn a_form_brings_its_notice_and_its_question_along() {
    let form = by_form(EventKind::Given, &["quality"], at(0));
    let events = admitted(&form, &[]).unwrap();
    let kinds = [EventKind::NoticePresented, EventKind::Asked, EventKind::Given];
    assert_eq!(told(&events), kinds.map(|kind| (kind, purposes(&["quality"]))));
    assert_eq!(events[2].id, form.id);
    // Said again while it stands, nobody is asked again.
    let again = by_form(EventKind::Given, &["quality"], at(1_000));
    assert_eq!(told(&admitted(&again, &events).unwrap()), [(EventKind::Given, purposes(&["quality"]))]);
    // For another purpose they are, and for that one only.
    let more = by_form(EventKind::Given, &["quality", "training"], at(1_000));
    assert_eq!(admitted(&more, &events).unwrap()[1].purposes, purposes(&["training"]));
}

#[test]
fn in_a_call_that_asked_before_an_answer_brings_no_question() {
    let recording = RecordingId::new();
    let mut history = admitted(&played(recording, "n5", 500), &[]).unwrap();
    let named = |kind, millis| Said {
        notice: played(recording, "n5", 0).notice,
        ..said(kind, recording, &["quality"], millis)
    };
    assert_eq!(admitted(&named(EventKind::Given, 1_000), &history).unwrap().len(), 1);
    history.extend(admitted(&named(EventKind::Refused, 1_000), &history).unwrap());
    assert_eq!(admitted(&named(EventKind::Given, 2_000), &history), Err(Refusal::ConsentNotStanding));
    // At one moment the no prevails.
    assert_eq!(admitted(&named(EventKind::Given, 1_000), &history), Err(Refusal::ConsentNotStanding));
    // Before it, the yes was one.
    assert_eq!(admitted(&named(EventKind::Given, 900), &history).unwrap().len(), 1);
}

#[test]
fn an_answer_before_its_question_is_none() {
    let recording = RecordingId::new();
    let history = admitted(&played(recording, "n5", 500), &[]).unwrap();
    let early = Said {
        notice: played(recording, "n5", 0).notice,
        ..said(EventKind::Given, recording, &["quality"], 100)
    };
    assert_eq!(admitted(&early, &history), Err(Refusal::NotAsked));
}

#[test]
fn a_restriction_from_a_clock_that_is_ahead_counts_from_the_bound() {
    let late = by_form(EventKind::Withdrawn, &["quality"], at(90_000_000));
    assert_eq!(admitted(&late, &[]).unwrap()[0].occurred_at, at(7_200_000));
    let unknown = Said { notice: Some(NoticeName::new("n9").unwrap()), ..late };
    assert_eq!(admitted(&unknown, &[]).unwrap()[0].notice, None);
}

#[test]
fn the_fingerprint_is_of_everything_that_was_said() {
    let said = by_form(EventKind::Given, &["quality"], at(0));
    let subject = SubjectId::from_bytes([7; 16]);
    let own = said.fingerprint(subject);
    assert_eq!(own, said.fingerprint(subject));
    assert_ne!(own, said.fingerprint(SubjectId::from_bytes([8; 16])));
    let others = [
        Said { kind: EventKind::Asked, ..said.clone() },
        Said { notice: None, ..said.clone() },
        Said { expression: Expression::Dtmf, ..said.clone() },
        Said { said_in: Some(RecordingId::new()), ..said },
    ];
    assert!(others.iter().all(|other| other.fingerprint(subject) != own));
}

#[test]
fn words_are_each_one_s_own() {
    let words: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.as_str()).collect();
    assert_eq!(words.len(), Refusal::ALL.len());
}
