//! What every adapter of the store must keep. An adapter instantiates it with [`contract_suite!`](crate::contract_suite).

use std::collections::BTreeSet;

use kernel::{
    Basis, Envelope, ErasureId, EventId, FrameNo, InstanceId, KeyEpoch, LegNo, MarkLabel, Position,
    PurposeName, RecordingId, RegimeName, RequestId, SectionNo, SessionEpoch, SpanNo, SubjectId, TenantId,
    Timestamp,
};
use objects::Key;
use platform::OutboxStore;
use policy::{BasisChange, Cause, ChangeKind};
use proto::common::v1::Grant;
use seal::manifest::ReasonCode;
use seal::receipt::PlainCode;
use seal::{Hash, SectionKind, SpanSet};

use crate::fact::{
    Anchor, Anchors, Closed, ClosedSection, DropReason, Dropped, Edge, Fact, Gone, Leg, LegClosed, MarkEdge,
    NotRecorded, Note, Opened, Party, PauseEdge, RecordingKey, SectionBegan, SectionKey, Span, StoredObject,
    What,
};
use crate::store::{
    By, Document, DocumentKind, ErasedRow, ErasureRow, Error, History, Query, Recording, Settlement, State,
    StatementRow, Store,
};

/// One test per line of the contract; `$store` makes a fresh store and whatever must outlive it, as a tuple, or
/// `None` where there is no engine to test on.
#[macro_export]
macro_rules! contract_suite {
    ($store:expr) => {
        $crate::contract_suite!(@tests $store;
            every_fact_comes_back_as_it_was,
            the_last_sign_of_life_is_the_latest_events,
            facts_again_change_nothing,
            a_batch_is_all_or_none,
            a_span_has_one_place,
            a_later_epoch_raises_the_first_opening_stays,
            an_overtaken_writer_ends_nothing,
            tenants_do_not_see_each_other,
            only_unsettled_recordings_are_found,
            settling_is_one_act_and_happens_once,
            a_late_object_makes_a_settled_recording_unsettled,
            pages_list_newest_first_without_gap_or_repetition,
            a_batch_that_contradicts_itself_leaves_nothing,
            what_a_document_erases_counts_with_it_and_once,
            what_somebody_has_stated_counts_with_its_document_and_once,
            an_erasure_is_remembered_as_it_was_first_heard_of,
            an_object_that_is_gone_keeps_its_row_and_its_first_date,
            erased_recordings_are_in_no_list_and_shorten_no_page,
        );
        $crate::contract_suite!(@races $store;
            settling_twice_at_once_leaves_one_document_and_one_event,
            of_two_objects_with_one_span_at_once_one_is_stored,
            an_object_that_is_stored_while_others_settle_is_owed_a_document,
            facts_that_come_twice_at_once_are_one_set_of_facts,
            an_erasure_that_is_heard_of_twice_at_once_is_one,
        );
    };
    (@tests $store:expr; $($name:ident,)+) => { $(
        #[tokio::test]
        async fn $name() {
            let Some((_keep, store)) = $store.await else { return };
            $crate::contract::$name(&store).await;
        }
    )+ };
    (@races $store:expr; $($name:ident,)+) => { $(
        #[tokio::test]
        async fn $name() {
            let Some((_keep, store)) = $store.await else { return };
            $crate::contract::$name(&store, &store).await;
        }
    )+ };
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a slug")
}

pub(crate) fn key(number: u8) -> RecordingKey {
    RecordingKey { tenant: tenant("banca-alfa"), id: RecordingId::from_bytes([number; 16]) }
}

pub(crate) fn fact(recording: &RecordingKey, event: u8, what: What) -> Fact {
    let event = EventId::from_bytes([event; 16]);
    Fact {
        recording: recording.clone(),
        event,
        partition: 3,
        at: Timestamp(1_000 + i64::from(event.to_bytes()[0])),
        what,
    }
}

pub(crate) fn opened(started_at: i64, epoch: u64) -> What {
    What::Opened(Opened {
        session_epoch: SessionEpoch(epoch),
        started_at: Timestamp(started_at),
        direction: 2,
        language: "it".to_owned(),
        policy_hash: Hash([4; 32]),
        parties: vec![
            Party { subject: SubjectId::from_bytes([1; 16]), role: 1 },
            Party { subject: SubjectId::from_bytes([2; 16]), role: 2 },
        ],
        legs: vec![Leg { leg: LegNo(0), codec: "PCMA".to_owned(), clock_rate: 8_000, party: 1 }],
        grants: vec![Grant { purpose: "quality".to_owned(), outcome: 2, basis: 1, ..Grant::default() }],
        correlations: vec![Hash([5; 32])],
    })
}

fn began(section: u32) -> What {
    What::SectionBegan(SectionBegan {
        leg: LegNo(0),
        section: SectionNo(section),
        kind: SectionKind::Audio,
        session_epoch: SessionEpoch(u64::MAX),
        key_epoch: KeyEpoch(7),
        writer: InstanceId::from_bytes([6; 16]),
    })
}

fn span(number: u32) -> Span {
    Span {
        leg: LegNo(0),
        section: SectionNo(0),
        span: SpanNo(number),
        first_frame: FrameNo(u64::from(number) * 50),
        last_frame: FrameNo(u64::from(number) * 50 + 49),
        start: Position(u64::from(number)),
        end: Position::MAX,
        ct_root: Hash([number as u8; 32]),
        offset: 100,
        length: 200,
    }
}

pub(crate) fn object(recording: &RecordingKey, first: u32, spans: &[u32]) -> StoredObject {
    StoredObject {
        name: Key::new(format!("{}/{}/00000/0000000000/{first:07}", recording.tenant, recording.id))
            .expect("a key"),
        sha256: Hash([8; 32]),
        length: 4_000,
        lock_until: Some(Timestamp(9)),
        regimes: ["a", "b"].map(|name| RegimeName::new(name).expect("a slug")).to_vec(),
        leg: LegNo(0),
        section: SectionNo(0),
        spans: spans.iter().map(|number| span(*number)).collect(),
        document: None,
        deleted_at: None,
    }
}

/// What a document says that nobody can open any more.
pub(crate) fn erased(document: u32, section: u32, spans: &[u32]) -> ErasedRow {
    ErasedRow {
        leg: LegNo(u16::MAX),
        section: SectionNo(section),
        spans: SpanSet::from_spans(spans.iter().map(|span| SpanNo(*span))).expect("within the tree"),
        reason: ReasonCode::new("period-over").expect("a code"),
        at: Timestamp(-5),
        erasure: ErasureId::from_bytes([7; 16]),
        document,
    }
}

/// What a document says that somebody has stated.
pub(crate) fn stated(document: u32, filed: &str) -> StatementRow {
    StatementRow {
        filed: PlainCode::new(filed).expect("a code"),
        request: RequestId::from_bytes([document as u8; 16]),
        at: Timestamp(-5),
        document,
    }
}

fn gone(purpose: &str, reason: &str) -> Gone {
    Gone { purpose: PurposeName::new(purpose).expect("a slug"), reason: reason.to_owned() }
}

/// One of each.
pub(crate) fn everything(recording: &RecordingKey) -> Vec<Fact> {
    let event = EventId::from_bytes([77; 16]);
    let change = BasisChange {
        event,
        position: Position(u64::MAX - 1),
        purpose: PurposeName::new("quality").expect("a slug"),
        basis: Basis::Consent,
        kind: ChangeKind::Began,
        cause: Cause::ConsentGiven,
        evidence: Some(event),
        derived_error_us: Some(u64::MAX),
    };
    let anchor = Anchor { frame: FrameNo(1), rtp_timestamp: u64::MAX, position: Position(2), ssrc: u32::MAX };
    let whats = [
        opened(500, 2),
        began(0),
        What::Anchored(Anchors { leg: LegNo(0), section: SectionNo(0), anchors: vec![anchor] }),
        What::Stored(object(recording, 0, &[0, 1])),
        What::Basis(change),
        What::Pause(PauseEdge {
            event,
            position: Position(3),
            begins: Some("pci-dss".to_owned()),
            derived_error: Some(1),
        }),
        What::Pause(PauseEdge { event, position: Position(4), begins: None, derived_error: None }),
        What::Mark(MarkEdge {
            event,
            position: Position(5),
            label: MarkLabel::new("order").expect("a slug"),
            edge: Edge::Begins,
        }),
        What::Note(Note {
            event,
            position: Position(6),
            kind: "notice.played".to_owned(),
            code: "n".to_owned(),
        }),
        What::Dropped(Dropped {
            leg: LegNo(0),
            first: FrameNo(100),
            last: FrameNo(u64::MAX),
            reason: DropReason::Stopped,
            start: Position(7),
            end: Position(8),
        }),
        What::LegClosed(LegClosed {
            leg: LegNo(0),
            frames: 200,
            section: Some(ClosedSection { section: SectionNo(0), spans: 2, root: Hash([9; 32]) }),
        }),
        What::Closed(Closed {
            session_epoch: SessionEpoch(2),
            cause: "hangup".to_owned(),
            end: Position(4_000),
        }),
    ];
    whats.into_iter().enumerate().map(|(number, what)| fact(recording, number as u8 + 1, what)).collect()
}

pub(crate) fn settlement(
    recording: &RecordingKey,
    version: u32,
    sha256: u8,
    objects: Vec<Key>,
) -> Settlement {
    Settlement {
        recording: recording.clone(),
        state: if version == 1 { State::Sealed } else { State::Addended },
        complete: true,
        document: Document {
            version,
            kind: if version == 1 { DocumentKind::Manifest } else { DocumentKind::Addendum },
            name: crate::document::name(recording, version),
            sha256: Hash([sha256; 32]),
            at: Timestamp(3),
        },
        objects,
        gone: vec![gone("training", "withdrawn")],
        erased: Vec::new(),
        stated: None,
        event: Envelope {
            id: EventId::new(),
            kind: "verbale.recording.sealed".to_owned(),
            tenant: recording.tenant.clone(),
            aggregate: recording.id.to_string(),
            version: version.into(),
            at: Timestamp(3),
            trace: None,
            payload: vec![1],
        },
    }
}

async fn record(store: &dyn Store, facts: Vec<Fact>) {
    store.record(facts).await.expect("facts are taken");
}

/// Every fact is found again with every value that it had.
pub async fn every_fact_comes_back_as_it_was(store: &dyn Store) {
    let (one, facts) = (key(1), everything(&key(1)));
    record(store, facts.clone()).await;
    let history = store.history(&one).await.expect("reads").expect("is known");
    let row = &history.recording;
    assert_eq!((row.state, row.session_epoch, row.partition), (State::Open, SessionEpoch(2), 3));
    assert_eq!((row.started_at, row.end), (Some(Timestamp(500)), Some(Position(4_000))));
    assert_eq!((row.cause.as_str(), row.closed_at), ("hangup", Some(Timestamp(1_012))));
    let mut found = 0;
    for fact in &facts {
        let has = match &fact.what {
            What::Opened(opened) => {
                history.parties == opened.parties
                    && history.grants == opened.grants
                    && history.legs.iter().map(|row| &row.leg).eq(&opened.legs)
                    && (row.direction, row.policy_hash) == (opened.direction, opened.policy_hash)
            }
            What::SectionBegan(began) => history.sections.iter().any(|row| row.began == *began),
            What::Anchored(anchors) => history.anchors.contains(anchors),
            What::Stored(object) => {
                history.spans == object.spans
                    && history.objects == [StoredObject { spans: Vec::new(), ..object.clone() }]
            }
            What::Basis(change) => history.changes.contains(change),
            What::Pause(edge) => history.pauses.contains(edge),
            What::Mark(edge) => history.marks.contains(edge),
            What::Note(note) => history.notes.contains(note),
            What::Dropped(dropped) => history.dropped.contains(dropped),
            What::LegClosed(closed) => {
                history.legs[0].frames == Some(closed.frames) && history.sections[0].closed == closed.section
            }
            What::Heard | What::Closed(_) | What::NotRecorded(_) => true,
        };
        assert!(has, "{:?}", fact.what);
        found += 1;
    }
    assert_eq!(found, facts.len());
    let section = SectionKey { recording: one.clone(), leg: LegNo(0), section: SectionNo(0) };
    let stored = store.stored_spans(&section).await.expect("reads");
    assert_eq!(stored.spans().collect::<Vec<_>>(), [SpanNo(0), SpanNo(1)]);
    assert_eq!(store.span_root(&section, SpanNo(1)).await.expect("reads"), Some(Hash([1; 32])));
    assert_eq!(store.span_root(&section, SpanNo(2)).await.expect("reads"), None);
    let refused = NotRecorded { reason: "empty-policy".to_owned(), grants: Vec::new() };
    record(store, vec![fact(&key(2), 1, What::NotRecorded(refused))]).await;
    assert_eq!(store.recording(&key(2)).await.expect("reads").expect("is known").refusal, "empty-policy");
}

/// Whatever the order in which events are seen; archive's own acts are no sign of life.
pub async fn the_last_sign_of_life_is_the_latest_events(store: &dyn Store) {
    for (event, what, expected) in [
        (5, opened(1, 1), 1_005),
        (9, What::Heard, 1_009),
        (7, What::Heard, 1_009),
        (200, What::Stored(object(&key(1), 0, &[0])), 1_009),
    ] {
        record(store, vec![fact(&key(1), event, what)]).await;
        let row = store.recording(&key(1)).await.expect("reads").expect("is known");
        assert_eq!(row.last_event_at, Timestamp(expected));
    }
}

/// The same facts in any number of batches are one set of facts.
pub async fn facts_again_change_nothing(store: &dyn Store) {
    let facts = everything(&key(1));
    record(store, facts.clone()).await;
    let once = store.history(&key(1)).await.expect("reads");
    record(store, facts.clone()).await;
    for fact in facts.into_iter().rev() {
        record(store, vec![fact]).await;
    }
    assert_eq!(store.history(&key(1)).await.expect("reads"), once);
}

/// A batch with a fact that cannot be leaves nothing.
pub async fn a_batch_is_all_or_none(store: &dyn Store) {
    record(store, vec![fact(&key(1), 1, What::Stored(object(&key(1), 0, &[0])))]).await;
    let contradicts = object(&key(1), 5, &[0]);
    let batch = vec![fact(&key(2), 2, opened(1, 1)), fact(&key(1), 3, What::Stored(contradicts))];
    assert!(matches!(store.record(batch).await, Err(Error::Conflict { .. })));
    assert_eq!(store.recording(&key(2)).await.expect("reads"), None);
}

/// A span lies in one object.
pub async fn a_span_has_one_place(store: &dyn Store) {
    record(store, vec![fact(&key(1), 1, What::Stored(object(&key(1), 0, &[0, 1])))]).await;
    let other = vec![fact(&key(1), 2, What::Stored(object(&key(1), 1, &[1, 2])))];
    assert!(matches!(store.record(other).await, Err(Error::Conflict { .. })));
    assert_eq!(store.history(&key(1)).await.expect("reads").expect("is known").objects.len(), 1);
}

/// A session that opens again raises the epoch, and changes neither start nor policy.
pub async fn a_later_epoch_raises_the_first_opening_stays(store: &dyn Store) {
    for (event, epoch, expected) in [(1, 2, 2), (2, u64::MAX, u64::MAX), (3, 1, u64::MAX)] {
        record(store, vec![fact(&key(1), event, opened(100 * i64::from(event), epoch))]).await;
        let row = store.recording(&key(1)).await.expect("reads").expect("is known");
        assert_eq!((row.session_epoch.0, row.started_at), (expected, Some(Timestamp(100))));
    }
}

/// Only the latest session ends a recording, and a leg's highest count of frames stands.
pub async fn an_overtaken_writer_ends_nothing(store: &dyn Store) {
    let closed = |epoch| {
        What::Closed(Closed {
            session_epoch: SessionEpoch(epoch),
            cause: "hangup".to_owned(),
            end: Position(1),
        })
    };
    let leg = |frames| What::LegClosed(LegClosed { leg: LegNo(0), frames, section: None });
    record(store, vec![fact(&key(1), 1, opened(1, 2)), fact(&key(1), 2, closed(1))]).await;
    assert_eq!(store.recording(&key(1)).await.expect("reads").expect("is known").closed_at, None);
    record(store, vec![fact(&key(1), 3, leg(9)), fact(&key(1), 4, leg(5)), fact(&key(1), 5, closed(2))])
        .await;
    let history = store.history(&key(1)).await.expect("reads").expect("is known");
    assert_eq!((history.legs[0].frames, history.recording.closed_at), (Some(9), Some(Timestamp(1_005))));
}

/// The same recording id of two tenants is two recordings.
pub async fn tenants_do_not_see_each_other(store: &dyn Store) {
    let other = RecordingKey { tenant: tenant("telco-beta"), ..key(1) };
    record(store, everything(&key(1))).await;
    assert_eq!(store.history(&other).await.expect("reads"), None);
    assert!(list(store, "telco-beta", By::Time, 10).await.is_empty());
    assert!(list(store, "telco-beta", By::Subject(SubjectId::from_bytes([1; 16])), 10).await.is_empty());
    assert!(list(store, "telco-beta", By::Correlation(Hash([5; 32])), 10).await.is_empty());
}

/// Open and sealing recordings of one partition are found, page by page; settled ones are not.
pub async fn only_unsettled_recordings_are_found(store: &dyn Store) {
    for number in 1..=4 {
        record(store, vec![fact(&key(number), number, opened(1, 1))]).await;
    }
    store.sealing(&key(2), "abandoned", Position(1)).await.expect("is taken");
    store.settle(settlement(&key(3), 1, 1, Vec::new())).await.expect("is taken");
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.unsettled(3, after.as_ref(), 2).await.expect("reads");
        found.extend(page.iter().map(|row| (row.key.clone(), row.state)));
        after = page.last().map(|row| row.key.clone());
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(found, [(key(1), State::Open), (key(2), State::Sealing), (key(4), State::Open)]);
    assert_eq!(store.unsettled(2, None, 10).await.expect("reads"), []);
    let row = store.recording(&key(2)).await.expect("reads").expect("is known");
    assert_eq!((row.cause.as_str(), row.end), ("abandoned", Some(Position(1))));
}

/// A document is settled once; another under its number is a conflict.
pub async fn settling_is_one_act_and_happens_once(store: &dyn Store) {
    record(store, everything(&key(1))).await;
    let name = object(&key(1), 0, &[]).name;
    let first = settlement(&key(1), 1, 1, vec![name]);
    store.settle(first.clone()).await.expect("is taken");
    let settled = store.history(&key(1)).await.expect("reads").expect("is known");
    assert_eq!((settled.recording.state, settled.recording.complete), (State::Sealed, Some(true)));
    assert_eq!((settled.objects[0].document, settled.recording.has_unnamed), (Some(1), false));
    assert_eq!((settled.documents.as_slice(), settled.gone.len()), ([first.document.clone()].as_slice(), 1));
    store.settle(first).await.expect("again is no error");
    assert!(matches!(store.settle(settlement(&key(1), 1, 2, Vec::new())).await, Err(Error::Conflict { .. })));
    assert!(matches!(store.settle(settlement(&key(9), 1, 1, Vec::new())).await, Err(Error::Unknown(_))));
    assert_eq!(store.history(&key(1)).await.expect("reads"), Some(settled));
}

/// What comes after the document is owed one.
pub async fn a_late_object_makes_a_settled_recording_unsettled(store: &dyn Store) {
    record(store, vec![fact(&key(1), 1, opened(1, 1))]).await;
    store.settle(settlement(&key(1), 1, 1, Vec::new())).await.expect("is taken");
    let late = object(&key(1), 7, &[7]);
    record(store, vec![fact(&key(1), 2, What::Stored(late.clone()))]).await;
    let found = store.unsettled(3, None, 10).await.expect("reads");
    assert!(found.len() == 1 && found[0].has_unnamed && found[0].state == State::Sealed);
    store.settle(settlement(&key(1), 2, 2, vec![late.name])).await.expect("is taken");
    assert_eq!(store.unsettled(3, None, 10).await.expect("reads"), []);
    let row = store.recording(&key(1)).await.expect("reads").expect("is known");
    assert_eq!(row.state, State::Addended);
}

/// Pages follow each other, newest first, also where many began at one moment.
pub async fn pages_list_newest_first_without_gap_or_repetition(store: &dyn Store) {
    for number in 1..=9u8 {
        record(store, vec![fact(&key(number), number, opened(i64::from(number / 3), 1))]).await;
    }
    for by in [By::Time, By::Subject(SubjectId::from_bytes([2; 16])), By::Correlation(Hash([5; 32]))] {
        let all = list(store, "banca-alfa", by, 2).await;
        assert!(all.is_sorted_by(|a, b| a > b), "{all:?}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 9);
    }
    assert!(list(store, "banca-alfa", By::Subject(SubjectId::from_bytes([3; 16])), 2).await.is_empty());
}

/// Two objects of one batch cannot have one span.
pub async fn a_batch_that_contradicts_itself_leaves_nothing(store: &dyn Store) {
    let [one, two] = [0, 1].map(|first| object(&key(1), first, &[first, 2]));
    let batch = vec![fact(&key(1), 1, What::Stored(one)), fact(&key(1), 2, What::Stored(two))];
    assert!(matches!(store.record(batch).await, Err(Error::Conflict { .. })));
    assert_eq!(store.recording(&key(1)).await.expect("reads"), None);
}

/// Two processes on one partition for a moment: both come to the same document.
pub async fn settling_twice_at_once_leaves_one_document_and_one_event<S: Store + OutboxStore>(
    one: &S,
    two: &S,
) {
    for number in 1..=4 {
        record(one, everything(&key(number))).await;
        let object = object(&key(number), 0, &[]).name;
        let first = settlement(&key(number), 1, 1, vec![object]);
        let mut second = first.clone();
        second.event.id = EventId::new();
        second.document.at = Timestamp(4);
        let (here, there) = futures::join!(one.settle(first.clone()), two.settle(second));
        here.expect("is taken");
        there.expect("is taken");
        let history = two.history(&key(number)).await.expect("reads").expect("is known");
        assert_eq!((history.recording.state, history.recording.has_unnamed), (State::Sealed, false));
        assert_eq!((history.objects[0].document, history.documents.len()), (Some(1), 1));
        let mut events = BTreeSet::new();
        for store in [one, two] {
            let own = store.unpublished(100).await.expect("reads");
            let own = own.into_iter().filter(|own| own.envelope.aggregate == first.event.aggregate);
            events.extend(own.map(|own| own.envelope.id));
        }
        assert_eq!(events.len(), 1);
        let other = settlement(&key(number), 1, 2, Vec::new());
        assert!(matches!(two.settle(other).await, Err(Error::Conflict { .. })));
    }
}

/// At least one is refused, and no span is in two objects.
pub async fn of_two_objects_with_one_span_at_once_one_is_stored<S: Store>(one: &S, two: &S) {
    for number in 1..=4 {
        record(one, vec![fact(&key(number), 1, opened(1, 1))]).await;
        let batch = |event, first| {
            vec![fact(&key(number), event, What::Stored(object(&key(number), first, &[first, 2])))]
        };
        let (here, there) = futures::join!(one.record(batch(2, 0)), two.record(batch(3, 1)));
        let taken = [&here, &there].into_iter().filter(|taken| taken.is_ok()).count();
        assert_eq!(taken, 1, "{here:?} {there:?}");
        for refused in [here, there].into_iter().filter_map(Result::err) {
            assert!(matches!(refused, Error::Conflict { .. }), "{refused:?}");
        }
        let history = two.history(&key(number)).await.expect("reads").expect("is known");
        assert_eq!((history.objects.len(), history.spans.len()), (1, 2));
    }
}

/// Whichever comes first: what the document does not name makes its recording unsettled.
pub async fn an_object_that_is_stored_while_others_settle_is_owed_a_document<S: Store>(one: &S, two: &S) {
    for number in 1..=8 {
        record(one, everything(&key(number))).await;
        let first = settlement(&key(number), 1, 1, vec![object(&key(number), 0, &[]).name]);
        let late = vec![fact(&key(number), 90, What::Stored(object(&key(number), 7, &[7])))];
        let (settled, stored) = futures::join!(one.settle(first), two.record(late));
        settled.expect("is taken");
        stored.expect("is taken");
        let row = two.recording(&key(number)).await.expect("reads").expect("is known");
        assert_eq!((row.state, row.has_unnamed), (State::Sealed, true));
        let found = one.unsettled(3, None, 100).await.expect("reads");
        assert!(found.iter().any(|row| row.key == key(number)));
    }
}

/// The log hands the same records to two processes for a moment.
pub async fn facts_that_come_twice_at_once_are_one_set_of_facts<S: Store>(one: &S, two: &S) {
    record(one, everything(&key(1))).await;
    let expected = one.history(&key(1)).await.expect("reads").expect("is known");
    for number in 2..=4 {
        let facts = everything(&key(number));
        futures::join!(record(one, facts.clone()), record(two, facts));
        let history = two.history(&key(number)).await.expect("reads").expect("is known");
        assert_eq!(history.recording, Recording { key: key(number), ..expected.recording.clone() });
        let lengths = |history: &History| {
            let History { parties, legs, grants, sections, anchors, spans, objects, .. } = history;
            let call = [parties.len(), legs.len(), grants.len(), sections.len()];
            let sound = [anchors.len(), spans.len(), objects.len()];
            (call, sound, history.changes.len() + history.pauses.len() + history.marks.len())
        };
        assert_eq!(lengths(&history), lengths(&expected));
    }
}

/// Erased spans are known as the document that names them is.
pub async fn what_a_document_erases_counts_with_it_and_once(store: &dyn Store) {
    record(store, everything(&key(1))).await;
    store.settle(settlement(&key(1), 1, 1, vec![object(&key(1), 0, &[]).name])).await.expect("is taken");
    let rows = vec![erased(2, 0, &[0, 1, 7]), erased(2, u32::MAX, &[5])];
    let second =
        Settlement { state: State::Erased, erased: rows.clone(), ..settlement(&key(1), 2, 2, Vec::new()) };
    store.settle(second.clone()).await.expect("is taken");
    let third = Settlement { erased: vec![erased(3, 0, &[2])], ..settlement(&key(1), 3, 3, Vec::new()) };
    store.settle(third).await.expect("is taken");
    store.settle(second.clone()).await.expect("again is no error");
    let other = Settlement {
        erased: vec![erased(2, 1, &[1])],
        document: Document { sha256: Hash([9; 32]), ..second.document.clone() },
        ..second
    };
    assert!(matches!(store.settle(other).await, Err(Error::Conflict { .. })));
    let history = store.history(&key(1)).await.expect("reads").expect("is known");
    let expected: Vec<_> = rows.into_iter().chain([erased(3, 0, &[2])]).collect();
    assert_eq!((history.erased, history.documents.len()), (expected, 3));
    assert_eq!(history.recording.state, State::Addended);
    assert_eq!(store.history(&key(2)).await.expect("reads"), None);
}

/// In order of their documents, whatever they are filed under.
pub async fn what_somebody_has_stated_counts_with_its_document_and_once(store: &dyn Store) {
    record(store, everything(&key(1))).await;
    store.settle(settlement(&key(1), 1, 1, Vec::new())).await.expect("is taken");
    let rows = [stated(2, "statement-7"), stated(3, "CONSOB/2026:0412")];
    for row in &rows {
        let plain = settlement(&key(1), row.document, row.document as u8, Vec::new());
        let says = Settlement { stated: Some(row.clone()), ..plain };
        store.settle(says.clone()).await.expect("is taken");
        store.settle(says).await.expect("again is no error");
    }
    let other =
        Settlement { stated: Some(stated(2, "statement-8")), ..settlement(&key(1), 2, 9, Vec::new()) };
    assert!(matches!(store.settle(other).await, Err(Error::Conflict { .. })));
    let history = store.history(&key(1)).await.expect("reads").expect("is known");
    assert_eq!((history.statements.as_slice(), history.documents.len()), (rows.as_slice(), 3));
    assert_eq!((history.erased, history.recording.state), (Vec::new(), State::Addended));
    record(store, everything(&key(2))).await;
    let other = store.history(&key(2)).await.expect("reads").expect("is known");
    assert_eq!(other.statements, [], "of another recording");
}

/// Where the log ended then, and why purposes are gone, is not said anew by a call that comes again.
pub async fn an_erasure_is_remembered_as_it_was_first_heard_of(store: &dyn Store) {
    record(store, everything(&key(1))).await;
    store.settle(settlement(&key(1), 1, 1, Vec::new())).await.expect("is taken");
    let [one, two] = [1, 2].map(|number| ErasureId::from_bytes([number; 16]));
    let of = |erasure, log_end, through| ErasureRow { erasure, log_end, through };
    let erasing = async |erasure, log_end, gone| {
        store.erasing(&key(1), erasure, log_end, gone).await.expect("is taken")
    };
    assert_eq!(erasing(one, u64::MAX, vec![gone("quality", "period-over")]).await, of(one, u64::MAX, 0));
    let again = vec![gone("quality", "other"), gone("training", "other")];
    assert_eq!(erasing(one, 9, again).await, of(one, u64::MAX, 0));
    store.looked(&key(1), one, 3).await.expect("is taken");
    store.looked(&key(1), one, 2).await.expect("is taken");
    assert_eq!(erasing(one, 9, Vec::new()).await, of(one, u64::MAX, 3));
    assert_eq!(erasing(two, 9, Vec::new()).await, of(two, 9, 0));
    let lost = store.history(&key(1)).await.expect("reads").expect("is known").gone;
    assert_eq!(lost, [gone("quality", "period-over"), gone("training", "withdrawn")]);
    assert!(matches!(store.erasing(&key(9), one, 1, Vec::new()).await, Err(Error::Unknown(_))));
    store.looked(&key(1), ErasureId::from_bytes([9; 16]), 3).await.expect("an unknown one is nothing");
    assert_eq!(erasing(ErasureId::from_bytes([9; 16]), 1, Vec::new()).await.through, 0);
}

/// What is not there is not made by saying that it is gone.
pub async fn an_object_that_is_gone_keeps_its_row_and_its_first_date(store: &dyn Store) {
    record(store, everything(&key(1))).await;
    let late = object(&key(1), 5, &[5]);
    record(store, vec![fact(&key(1), 50, What::Stored(late.clone()))]).await;
    let before = store.history(&key(1)).await.expect("reads").expect("is known");
    let first = object(&key(1), 0, &[]).name;
    let names = vec![first.clone(), object(&key(1), 9, &[]).name];
    store.mark_deleted(&key(1), names.clone(), Timestamp(70)).await.expect("is taken");
    store.mark_deleted(&key(1), names, Timestamp(71)).await.expect("is taken");
    store.mark_deleted(&key(2), vec![first.clone()], Timestamp(71)).await.expect("is taken");
    let after = store.history(&key(1)).await.expect("reads").expect("is known");
    let mut expected = before;
    expected.objects.iter_mut().filter(|object| object.name == first).for_each(|object| {
        object.deleted_at = Some(Timestamp(70));
    });
    assert_eq!(after, expected);
    assert_eq!(store.history(&key(2)).await.expect("reads"), None);
}

/// Whatever they are found by.
pub async fn erased_recordings_are_in_no_list_and_shorten_no_page(store: &dyn Store) {
    for number in 1..=6u8 {
        record(store, vec![fact(&key(number), number, opened(i64::from(number), 1))]).await;
        let first = settlement(&key(number), 1, 1, Vec::new());
        let state = if number % 2 == 0 { State::Erased } else { State::Sealed };
        store.settle(Settlement { state, ..first }).await.expect("is taken");
    }
    for by in [By::Time, By::Subject(SubjectId::from_bytes([2; 16])), By::Correlation(Hash([5; 32]))] {
        for limit in [1, 2, 3, 9] {
            let found = list(store, "banca-alfa", by, limit).await;
            let expected = [5, 3, 1].map(|number| (Timestamp(i64::from(number)), key(number).id));
            assert_eq!(found, expected, "{by:?} by {limit}");
        }
    }
}

/// Both are told the same end of the log.
pub async fn an_erasure_that_is_heard_of_twice_at_once_is_one<S: Store>(one: &S, two: &S) {
    for number in 1..=4 {
        record(one, everything(&key(number))).await;
        let erasure = ErasureId::from_bytes([number; 16]);
        let of = key(number);
        let lost = vec![gone("quality", "period-over")];
        let (here, there) = futures::join!(
            one.erasing(&of, erasure, 10, lost.clone()),
            two.erasing(&of, erasure, 20, lost.clone())
        );
        let (here, there) = (here.expect("is taken"), there.expect("is taken"));
        assert_eq!(here, there);
        assert!([10, 20].contains(&here.log_end), "{here:?}");
    }
}

async fn list(store: &dyn Store, of: &str, by: By, limit: usize) -> Vec<(Timestamp, RecordingId)> {
    let mut all = Vec::new();
    loop {
        let query = Query {
            tenant: tenant(of),
            from: Timestamp(0),
            to: Timestamp(i64::MAX),
            by,
            after: all.last().copied(),
            limit,
        };
        let page = store.list(&query).await.expect("lists");
        all.extend(page.iter().map(|row| (row.started_at.unwrap_or_default(), row.key.id)));
        if page.len() < limit {
            return all;
        }
    }
}
