//! What every adapter of the session store must do; each function runs against a fresh store of its own.

#![allow(clippy::unwrap_used, reason = "a contract is tests: what is unexpected panics")]

use kernel::{
    EventId, FrameNo, InstanceId, LegNo, MarkLabel, NoticeName, Position, PurposeName, RecordingId,
    SectionNo, SessionEpoch, SubjectId, TenantId, Timestamp,
};
use proto::common::v1::{Basis, Grant, GrantOutcome, PartyRole};
use proto::consent::v1::ConsentScope;
use proto::ingest::v1::Direction;
use seal::Codec;

use crate::anchor::Anchor;
use crate::error::Error;
use crate::intake::{ConsentAct, Expression};
use crate::leg::LegSpec;
use crate::session::{NOTICE_PLAYED, SessionEvent, SessionEventKind};
use crate::store::{Authorisation, Fence, META_LEG, Opening, Phase, SessionKey, Store, Telling, UntoldWord};

/// Instantiates the suite: the expression gives a fresh store and whatever must outlive it.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:expr) => {
        $crate::contract_suite! { $fresh;
            a_session_is_made_once_and_comes_back_as_it_was,
            an_open_needs_a_higher_epoch,
            an_open_that_says_something_else_is_refused,
            an_overtaken_stream_changes_nothing,
            events_come_back_in_order_and_once,
            every_kind_of_event_survives,
            sections_are_claimed_one_by_one_and_keep_the_anchor,
            a_session_that_is_over_is_not_opened_again,
            a_fence_keeps_streams_out,
            what_is_owed_to_consent_is_found_until_it_is_told,
            consent_that_is_owed_says_what_it_rests_on,
            tenants_see_nothing_of_each_other,
        }
    };
    ($fresh:expr; $($case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let (store, _kept) = $fresh.await;
            $crate::contract::$case(&store).await;
        }
    )+ };
}

fn key(tenant: &str) -> SessionKey {
    SessionKey { tenant: TenantId::new(tenant).unwrap(), recording: RecordingId::new() }
}

fn spec(leg: u16, codec: Codec) -> LegSpec {
    LegSpec { leg: LegNo(leg), codec, rate: 8_000, party: leg.into() }
}

fn opening(key: &SessionKey, epoch: u64) -> Opening {
    Opening {
        fence: Fence { key: key.clone(), epoch: SessionEpoch(epoch) },
        owner: InstanceId::new(),
        started_at: Timestamp(1_772_000_000_000_000),
        direction: Direction::Outbound,
        language: "it".into(),
        parties: vec![PartyRole::Agent, PartyRole::Customer],
        legs: vec![spec(0, Codec::Pcma), spec(1, Codec::from_name("opus").unwrap())],
        at: Timestamp(1_772_000_000_500_000),
    }
}

fn decided() -> Authorisation {
    let grant = |purpose: &str, evidence: Vec<u8>| Grant {
        purpose: purpose.into(),
        outcome: GrantOutcome::AwaitsConsent as i32,
        basis: Basis::Consent as i32,
        regime: String::new(),
        mark: "order".into(),
        reason: "reason".into(),
        evidence,
        until_mark: true,
    };
    Authorisation {
        subjects: vec![SubjectId::new(), SubjectId::new()],
        grants: vec![grant("quality", EventId::new().to_bytes().to_vec()), grant("training", Vec::new())],
        policy_hash: [7; 32],
        consent_version: u64::MAX / 3,
    }
}

fn notice() -> NoticeName {
    NoticeName::new("notice-it-3").unwrap()
}

fn event(position: u64, kind: SessionEventKind) -> SessionEvent {
    let (id, at) = (EventId::new(), Timestamp(1_772_000_001_000_000));
    SessionEvent { id, position: Position(position), derived_error: None, at, kind }
}

fn consent(act: ConsentAct, purpose: &str, party: u32) -> SessionEventKind {
    let purpose = PurposeName::new(purpose).unwrap();
    let (expression, evidence) = (Expression::Voice, EventId::new());
    SessionEventKind::Consent { act, purpose, party, expression, evidence }
}

async fn opened(store: &impl Store, key: &SessionKey) -> Fence {
    let row = store.open(opening(key, 1)).await.unwrap();
    store.authorise(&row.fence, decided(), Phase::Open).await.unwrap();
    row.fence
}

/// The first open makes the row; a decision and a reload lose nothing.
pub async fn a_session_is_made_once_and_comes_back_as_it_was(store: &impl Store) {
    let key = key("banca-alfa");
    assert!(store.load(&key).await.unwrap().is_none());
    let asked = opening(&key, 1);
    let row = store.open(asked.clone()).await.unwrap();
    assert_eq!((row.phase, row.authorisation.is_none()), (Phase::Opening, true));
    assert_eq!(
        (row.started_at, row.direction, &row.language),
        (asked.started_at, asked.direction, &asked.language)
    );
    assert_eq!((&row.parties, row.owner), (&asked.parties, asked.owner));
    assert_eq!(row.legs.iter().map(|leg| leg.spec.clone()).collect::<Vec<_>>(), asked.legs);
    let decided = decided();
    store.authorise(&row.fence, decided.clone(), Phase::Open).await.unwrap();
    store.meta_sealed(&row.fence).await.unwrap();
    let row = store.load(&key).await.unwrap().unwrap();
    assert_eq!((row.phase, row.authorisation, row.meta_sealed), (Phase::Open, Some(decided), true));
}

/// An epoch that is not above the stored one is refused, with both.
pub async fn an_open_needs_a_higher_epoch(store: &impl Store) {
    let key = key("banca-alfa");
    store.open(opening(&key, 5)).await.unwrap();
    for epoch in [5, 4] {
        let refused = store.open(opening(&key, epoch)).await.unwrap_err();
        let Error::Overtaken { given, stored, .. } = refused else { panic!("{refused}") };
        assert_eq!((given, stored), (SessionEpoch(epoch), SessionEpoch(5)));
    }
    let again = opening(&key, 6);
    let row = store.open(again.clone()).await.unwrap();
    assert_eq!((row.fence.epoch, row.owner, row.streams), (SessionEpoch(6), again.owner, 2));
}

/// A session goes on as the call that it is.
pub async fn an_open_that_says_something_else_is_refused(store: &impl Store) {
    let key = key("banca-alfa");
    store.open(opening(&key, 1)).await.unwrap();
    let changes: [fn(&mut Opening); 4] = [
        |o| o.started_at = Timestamp(1),
        |o| o.parties = vec![PartyRole::Agent],
        |o| o.legs[1].rate = 16_000,
        |o| drop(o.legs.pop()),
    ];
    for change in changes {
        let mut other = opening(&key, 2);
        change(&mut other);
        assert!(matches!(store.open(other).await, Err(Error::Differs { .. })));
    }
    assert_eq!(store.load(&key).await.unwrap().unwrap().fence.epoch, SessionEpoch(1));
}

/// Every change is conditional on the epoch.
pub async fn an_overtaken_stream_changes_nothing(store: &impl Store) {
    let key = key("banca-alfa");
    let old = opened(store, &key).await;
    store.open(opening(&key, 2)).await.unwrap();
    let overtaken = |done: Result<(), Error>| assert!(matches!(done, Err(Error::Overtaken { .. })));
    overtaken(store.authorise(&old, decided(), Phase::Rejected).await);
    overtaken(store.record(&old, event(5, SessionEventKind::Resume), Telling::Done, 9).await);
    overtaken(store.claim_section(&old, LegNo(0), None).await.map(drop));
    overtaken(store.meta_sealed(&old).await);
    overtaken(store.end(&old, Timestamp(9)).await);
    let row = store.load(&key).await.unwrap().unwrap();
    assert_eq!((row.phase, row.events.len(), row.legs[0].sections), (Phase::Open, 0, 0));
    assert!(!row.meta_sealed);
}

/// The order of arrival is kept, a repeated id changes nothing, and consent's version never falls.
pub async fn events_come_back_in_order_and_once(store: &impl Store) {
    let key = key("banca-alfa");
    let fence = opened(store, &key).await;
    let high = decided().consent_version + 4;
    let pause = event(9, SessionEventKind::Pause { reason: "pci-dss".into() });
    let resume = event(3, SessionEventKind::Resume);
    for (event, version) in [(&pause, high), (&resume, 2), (&pause, high)] {
        store.record(&fence, event.clone(), Telling::Done, version).await.unwrap();
    }
    let row = store.load(&key).await.unwrap().unwrap();
    assert_eq!(row.events, [pause, resume]);
    assert_eq!(row.authorisation.unwrap().consent_version, high);
}

/// What an event says is what comes back.
pub async fn every_kind_of_event_survives(store: &impl Store) {
    let key = key("banca-alfa");
    let fence = opened(store, &key).await;
    let label = || MarkLabel::new("order").unwrap();
    let mut kinds = vec![
        SessionEventKind::Started,
        SessionEventKind::ConsentLost,
        SessionEventKind::ConsentRegained,
        SessionEventKind::MarkBegin { label: label() },
        SessionEventKind::MarkEnd { label: label() },
        SessionEventKind::Pause { reason: "pci-dss".into() },
        SessionEventKind::Resume,
        SessionEventKind::Stop { reason: "objection".into() },
        SessionEventKind::Note { kind: "notice.played".into(), code: "notice-it-3".into() },
        SessionEventKind::Ended,
    ];
    for notice in [None, Some(notice())] {
        let (purpose, expression) = (PurposeName::new("quality").unwrap(), Expression::Dtmf);
        kinds.push(SessionEventKind::ConsentOwed { purpose, party: 1, expression, notice });
    }
    kinds.extend(ConsentAct::ALL.map(|act| consent(act, "quality", 1)));
    let mut events: Vec<_> = kinds.into_iter().map(|kind| event(u64::MAX, kind)).collect();
    events[3].derived_error = Some(u64::MAX);
    for event in &events {
        store.record(&fence, event.clone(), Telling::Done, 0).await.unwrap();
    }
    assert_eq!(store.load(&key).await.unwrap().unwrap().events, events);
}

/// A number is claimed once, whatever the stream.
pub async fn sections_are_claimed_one_by_one_and_keep_the_anchor(store: &impl Store) {
    let key = key("banca-alfa");
    let fence = opened(store, &key).await;
    let (rtp_timestamp, position) = (u64::MAX, Position(20_000));
    let anchor = Anchor { rtp_timestamp, position, ssrc: u32::MAX, frame: FrameNo(1) };
    assert_eq!(store.claim_section(&fence, LegNo(1), Some(anchor)).await.unwrap(), SectionNo(0));
    let fence = store.open(opening(&key, 2)).await.unwrap().fence;
    assert_eq!(store.claim_section(&fence, LegNo(1), Some(anchor)).await.unwrap(), SectionNo(1));
    assert_eq!(store.claim_section(&fence, LegNo(0), None).await.unwrap(), SectionNo(0));
    assert_eq!(store.claim_section(&fence, META_LEG, None).await.unwrap(), SectionNo(0));
    assert_eq!(store.claim_section(&fence, META_LEG, None).await.unwrap(), SectionNo(1));
    assert!(store.claim_section(&fence, LegNo(2), None).await.is_err());
    let row = store.load(&key).await.unwrap().unwrap();
    let legs: Vec<_> = row.legs.iter().map(|leg| (leg.sections, leg.anchor)).collect();
    assert_eq!(legs, [(1, None), (2, Some(anchor))]);
}

/// Ended and rejected are for good.
pub async fn a_session_that_is_over_is_not_opened_again(store: &impl Store) {
    let ended = key("banca-alfa");
    let fence = opened(store, &ended).await;
    store.end(&fence, Timestamp(9)).await.unwrap();
    let again = store.open(opening(&ended, 2)).await;
    assert!(matches!(again, Err(Error::Over { reason: "ended", .. })));
    let rejected = key("banca-alfa");
    let fence = store.open(opening(&rejected, 1)).await.unwrap().fence;
    store.authorise(&fence, decided(), Phase::Rejected).await.unwrap();
    let again = store.open(opening(&rejected, 2)).await;
    assert!(matches!(again, Err(Error::Over { reason: "rejected", .. })));
}

/// After the fence nobody opens, and nobody who had opened changes anything.
pub async fn a_fence_keeps_streams_out(store: &impl Store) {
    let key = key("banca-alfa");
    assert!(matches!(store.fence(&key, Timestamp(1)).await, Err(Error::NoSession(_))));
    let fence = opened(store, &key).await;
    assert_eq!(store.fence(&key, Timestamp(1)).await.unwrap().phase, Phase::Abandoned);
    assert_eq!(store.fence(&key, Timestamp(2)).await.unwrap().phase, Phase::Abandoned);
    let over = |done: Result<(), Error>| assert!(matches!(done, Err(Error::Over { reason: "fenced", .. })));
    over(store.open(opening(&key, 2)).await.map(drop));
    over(store.claim_section(&fence, LegNo(0), None).await.map(drop));
    over(store.end(&fence, Timestamp(3)).await);
    let closed = self::key("banca-alfa");
    let fence = opened(store, &closed).await;
    store.end(&fence, Timestamp(1)).await.unwrap();
    assert_eq!(store.fence(&closed, Timestamp(2)).await.unwrap().phase, Phase::Ended);
}

/// Owed events come oldest first, with whose they are.
pub async fn what_is_owed_to_consent_is_found_until_it_is_told(store: &impl Store) {
    let key = key("banca-alfa");
    let fence = store.open(opening(&key, 1)).await.unwrap().fence;
    let first = event(5, consent(ConsentAct::Withdrawn, "quality", 1));
    let second = event(6, consent(ConsentAct::Refused, "training", 0));
    store.record(&fence, first.clone(), Telling::Owed, 0).await.unwrap();
    store.record(&fence, second.clone(), Telling::Owed, 0).await.unwrap();
    store.record(&fence, event(7, SessionEventKind::Resume), Telling::Done, 0).await.unwrap();
    // Whose they are is known only once the call is decided on.
    assert!(store.untold(10).await.unwrap().is_empty());
    let decided = decided();
    store.authorise(&fence, decided.clone(), Phase::Open).await.unwrap();
    let owed = store.untold(10).await.unwrap();
    assert_eq!(owed.iter().map(|one| one.event).collect::<Vec<_>>(), [first.id, second.id]);
    let word = |party: usize, act: ConsentAct, purpose: &str, scope: ConsentScope| UntoldWord::Act {
        subject: decided.subjects[party],
        act,
        purpose: PurposeName::new(purpose).unwrap(),
        expression: Expression::Voice,
        scope,
        notice: None,
    };
    assert_eq!(owed[0].word, word(1, ConsentAct::Withdrawn, "quality", ConsentScope::Account));
    assert_eq!(owed[1].word, word(0, ConsentAct::Refused, "training", ConsentScope::Call));
    assert_eq!((owed[0].position, &owed[0].key), (5, &key));
    assert_eq!(store.untold(1).await.unwrap().len(), 1);
    store.told(&key, first.id).await.unwrap();
    assert_eq!(store.untold(10).await.unwrap().len(), 1);
}

/// A grant that could not be told waits with its notice, and so does the notice itself.
pub async fn consent_that_is_owed_says_what_it_rests_on(store: &impl Store) {
    let key = key("banca-alfa");
    let fence = store.open(opening(&key, 1)).await.unwrap().fence;
    let played = SessionEventKind::Note { kind: NOTICE_PLAYED.into(), code: notice().to_string() };
    let played = event(4, played);
    let (purpose, expression) = (PurposeName::new("quality").unwrap(), Expression::Dtmf);
    let (party, rests_on) = (1, Some(notice()));
    let kind =
        SessionEventKind::ConsentOwed { purpose: purpose.clone(), party, expression, notice: rests_on };
    let given = event(5, kind);
    store.record(&fence, played.clone(), Telling::Owed, 0).await.unwrap();
    store.record(&fence, given.clone(), Telling::Owed, 0).await.unwrap();
    assert!(store.untold(10).await.unwrap().is_empty());
    let decided = decided();
    store.authorise(&fence, decided.clone(), Phase::Open).await.unwrap();
    let owed = store.untold(10).await.unwrap();
    assert_eq!(owed.iter().map(|one| one.event).collect::<Vec<_>>(), [played.id, given.id]);
    assert_eq!(owed[0].word, UntoldWord::Notice(notice()));
    let (subject, act) = (decided.subjects[1], ConsentAct::Given);
    // Also where an older consent of this subject stood when the call was opened.
    let (scope, notice) = (ConsentScope::Call, Some(notice()));
    assert_eq!(owed[1].word, UntoldWord::Act { subject, act, purpose, expression, scope, notice });
    store.told(&key, played.id).await.unwrap();
    assert_eq!(store.untold(10).await.unwrap().len(), 1);
}

/// The same recording id under another tenant is another session.
pub async fn tenants_see_nothing_of_each_other(store: &impl Store) {
    let alfa = key("banca-alfa");
    let beta = SessionKey { tenant: TenantId::new("telco-beta").unwrap(), recording: alfa.recording };
    let fence = opened(store, &alfa).await;
    let pause = event(9, SessionEventKind::Pause { reason: "pci-dss".into() });
    store.record(&fence, pause, Telling::Done, 0).await.unwrap();
    assert!(store.load(&beta).await.unwrap().is_none());
    store.open(opening(&beta, 1)).await.unwrap();
    assert!(store.load(&beta).await.unwrap().unwrap().events.is_empty());
}
