use kernel::Timestamp;
use policy::{CallFacts, PurposeConsent};

use super::*;
use crate::intake::{ConsentAct, Expression};
use crate::verdict::DropReason;

const POLICY: &str = "
tenant: shop-gamma
jurisdiction: IT
purposes:
  mifid2-transaction: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: consent, retention: P90D, roles: [supervisor] }
  verbal-contract: { basis: contract, from: mark verbal-contract, until: mark, retention: P2Y }
notices:
  notice-it-3: { language: it, text: We record., purposes: [mifid2-transaction, quality, verbal-contract] }
";

fn session(purposes: &[&str]) -> Session {
    session_with(purposes, vec![policy::Party::Agent, policy::Party::Customer])
}

fn facts(parties: Vec<policy::Party>) -> SessionFacts {
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    SessionFacts { recording: RecordingId::new(), policy: Arc::new(policy), parties }
}

fn session_with(purposes: &[&str], parties: Vec<policy::Party>) -> Session {
    let call = CallFacts {
        requested: purposes.iter().map(|name| name.parse().unwrap()).collect(),
        parties: parties.iter().copied().collect(),
    };
    let facts = facts(parties);
    let none: BTreeMap<PurposeName, PurposeConsent> = BTreeMap::new();
    let grants = policy::grant::decide(&facts.policy, &call, &none).grants;
    let mut session = Session::new(facts, grants);
    assert_eq!(session.apply(event(0, SessionEventKind::Started)).refused, None);
    session
}

fn event(position: u64, kind: SessionEventKind) -> SessionEvent {
    SessionEvent {
        id: EventId::new(),
        position: Position(position),
        derived_error: None,
        at: Timestamp(1),
        kind,
    }
}

fn consent(position: u64, act: ConsentAct, party: u32) -> SessionEvent {
    let (expression, evidence) = (Expression::Voice, EventId::new());
    let purpose = PurposeName::new("quality").unwrap();
    event(position, SessionEventKind::Consent { act, purpose, party, expression, evidence })
}

fn pause() -> SessionEventKind {
    SessionEventKind::Pause { reason: "pci-dss".into() }
}

fn mark(label: &str) -> MarkLabel {
    MarkLabel::new(label).unwrap()
}

/// What becomes of a frame of ten microseconds.
fn fate(session: &Session, at: u64) -> Verdict {
    session.verdicts().over(Interval::new(Position(at), Position(at + 10)).unwrap())
}

fn is_kept(session: &Session, at: u64) -> bool {
    !fate(session, at).purposes().is_empty()
}

#[test]
fn a_duty_records_from_the_start_and_consent_adds_its_purpose() {
    let mut session = session(&["mifid2-transaction", "quality"]);
    let duty = fate(&session, 0).purposes();
    assert_eq!(session.regimes(duty).len(), 1);
    assert_eq!(session.apply(consent(5_000, ConsentAct::Given, 1)).changes.len(), 1);
    assert_eq!(fate(&session, 4_995).purposes(), duty);
    assert_ne!(fate(&session, 5_000).purposes(), duty);
    assert_eq!(session.consent_state(), wire::ConsentState::Consented);
}

#[test]
fn a_withdrawal_ends_at_its_position_what_has_no_other_basis() {
    let mut session = session(&["quality"]);
    session.apply(consent(1_000, ConsentAct::Given, 1));
    let applied = session.apply(consent(9_000, ConsentAct::Withdrawn, 1));
    assert!(applied.restricted);
    assert!(is_kept(&session, 8_990));
    assert_eq!(fate(&session, 8_991), Verdict::Drop(DropReason::NoBasis));
    assert_eq!(fate(&session, 90_000), Verdict::Drop(DropReason::NoBasis));
    assert_eq!(session.consent_state(), wire::ConsentState::Withdrawn);
}

#[test]
fn consent_stands_only_when_all_whose_consent_counts_have_given_it() {
    let parties = vec![policy::Party::Customer, policy::Party::Agent, policy::Party::Customer];
    let mut session = session_with(&["quality"], parties);
    assert_eq!(session.apply(consent(10, ConsentAct::Given, 1)).refused, Some("party-not-asked"));
    assert!(session.apply(consent(20, ConsentAct::Given, 0)).changes.is_empty());
    assert!(!is_kept(&session, 100));
    assert_eq!(session.apply(consent(30, ConsentAct::Given, 2)).changes.len(), 1);
    assert!(is_kept(&session, 100));
    // A withdrawal counts whoever the sender says that it came from.
    session.apply(consent(200, ConsentAct::Withdrawn, 1));
    assert!(!is_kept(&session, 300));
}

#[test]
fn a_pause_keeps_nothing_until_its_resume() {
    let mut session = session(&["mifid2-transaction"]);
    assert_eq!(session.apply(event(10, SessionEventKind::Resume)).refused, Some("not-paused"));
    assert!(session.apply(event(1_000, pause())).restricted);
    assert_eq!(session.media_state(), wire::MediaState::Paused);
    assert_eq!(session.apply(event(1_000, SessionEventKind::Resume)).refused, Some("before-pause"));
    assert_eq!(session.apply(event(2_000, SessionEventKind::Resume)).refused, None);
    for (at, kept) in [(990, true), (991, false), (1_990, false), (2_000, true)] {
        assert_eq!(is_kept(&session, at), kept, "{at}");
    }
}

#[test]
fn a_second_pause_counts_only_where_it_reaches_further_back() {
    let mut session = session(&["mifid2-transaction"]);
    session.apply(event(1_000, pause()));
    let later = session.apply(event(1_500, pause()));
    assert_eq!((later.refused, later.restricted, later.records.len()), (None, false, 0));
    assert!(session.apply(event(500, pause())).restricted);
    assert!(!is_kept(&session, 600));
}

#[test]
fn a_derived_pause_is_as_much_wider_as_it_may_be_off() {
    let mut session = session(&["mifid2-transaction"]);
    let derived = |at, kind| SessionEvent { derived_error: Some(100), ..event(at, kind) };
    assert_eq!(session.apply(derived(1_000, pause())).position, Position(900));
    assert_eq!(session.apply(derived(2_000, SessionEventKind::Resume)).position, Position(2_100));
    for (at, kept) in [(890, true), (900, false), (2_090, false), (2_100, true)] {
        assert_eq!(is_kept(&session, at), kept, "{at}");
    }
}

#[test]
fn a_stop_is_final() {
    let mut session = session(&["mifid2-transaction", "quality", "verbal-contract"]);
    let stop = session.apply(event(1_000, SessionEventKind::Stop { reason: "objection".into() }));
    assert!(
        stop.restricted && stop.records.iter().any(|r| matches!(r, wire::audio_event::Event::NotePlaced(_)))
    );
    assert_eq!(fate(&session, 995), Verdict::Drop(DropReason::Stopped));
    assert_eq!(session.media_state(), wire::MediaState::Ended);
    let label = mark("verbal-contract");
    let begin = event(2_000, SessionEventKind::MarkBegin { label });
    let given = consent(2_000, ConsentAct::Given, 1);
    for refused in [event(2_000, SessionEventKind::Resume), begin, given] {
        assert_eq!(session.apply(refused).refused, Some("stopped"));
    }
    assert_eq!(fate(&session, 5_000), Verdict::Drop(DropReason::Stopped));
}

#[test]
fn a_marked_stretch_has_the_contracts_basis() {
    let mut session = session(&["verbal-contract"]);
    let begin = |at, label| event(at, SessionEventKind::MarkBegin { label: mark(label) });
    let end = |at| event(at, SessionEventKind::MarkEnd { label: mark("verbal-contract") });
    assert_eq!(session.apply(begin(10, "other")).refused, Some("mark-not-in-policy"));
    assert_eq!(session.apply(end(10)).refused, Some("mark-not-open"));
    assert_eq!(session.apply(begin(1_000, "verbal-contract")).changes.len(), 1);
    assert_eq!(session.apply(begin(1_500, "verbal-contract")).refused, Some("mark-open"));
    assert_eq!(session.apply(end(1_000)).refused, Some("before-mark"));
    assert_eq!(session.apply(end(3_000)).changes.len(), 1);
    for (at, kept) in [(995, false), (1_000, true), (2_990, true), (2_995, false)] {
        assert_eq!(is_kept(&session, at), kept, "{at}");
    }
}

#[test]
fn silence_of_consent_stops_only_what_rests_on_it() {
    let mut session = session(&["mifid2-transaction", "quality"]);
    session.apply(consent(10, ConsentAct::Given, 1));
    let both = fate(&session, 100).purposes();
    session.apply(event(1_000, SessionEventKind::ConsentLost));
    assert!(session.is_consent_lost() && is_kept(&session, 1_000));
    assert_ne!(fate(&session, 1_000).purposes(), both);
    session.apply(event(2_000, SessionEventKind::ConsentRegained));
    assert_eq!(fate(&session, 2_010).purposes(), both);
}

#[test]
fn a_repeated_event_has_no_second_effect() {
    let mut session = session(&["mifid2-transaction"]);
    let once = event(1_000, pause());
    session.apply(once.clone());
    session.apply(event(2_000, SessionEventKind::Resume));
    let again = session.apply(once);
    assert!(again.repeated && again.records.is_empty());
    assert!(is_kept(&session, 3_000));
}

#[test]
fn a_restored_session_gives_the_same_verdicts_and_the_same_records() {
    let mut session = session(&["mifid2-transaction", "quality", "verbal-contract"]);
    let mut logged = Vec::new();
    let begin = SessionEventKind::MarkBegin { label: mark("verbal-contract") };
    for event in [
        consent(500, ConsentAct::Given, 1),
        event(700, begin),
        event(1_000, pause()),
        event(2_000, SessionEventKind::Resume),
        consent(1_500, ConsentAct::Withdrawn, 1),
        event(4_000, pause()),
    ] {
        logged.extend(session.apply(event).records);
    }
    let facts = session.facts().clone();
    let (restored, records) = Session::restore(facts, session.grants().to_vec(), session.events().to_vec());
    assert_eq!(restored.media_state(), wire::MediaState::Paused);
    for at in (0..5_000).step_by(10) {
        assert_eq!(fate(&restored, at), fate(&session, at), "{at}");
    }
    assert!(logged.iter().all(|record| records.contains(record)));
}

#[test]
fn only_restrictions_pass_the_bound_on_events() {
    let mut session = session(&["mifid2-transaction"]);
    for _ in session.events().len()..MAX_EVENTS {
        let (kind, code) = ("dsar.requested".to_owned(), "access".to_owned());
        assert_eq!(session.apply(event(1, SessionEventKind::Note { kind, code })).refused, None);
    }
    let note = SessionEventKind::Note { kind: "dsar.requested".into(), code: "access".into() };
    assert_eq!(session.apply(event(1, note)).refused, Some("too-many-events"));
    assert_eq!(session.apply(event(1, pause())).refused, None);
}

#[test]
fn beyond_the_bound_a_restriction_is_kept_only_where_it_changes_something() {
    let mut session = session(&["mifid2-transaction"]);
    while session.events().len() < MAX_EVENTS {
        let (kind, code) = ("dsar.requested".to_owned(), "access".to_owned());
        session.apply(event(1, SessionEventKind::Note { kind, code }));
    }
    let stop = |at| event(at, SessionEventKind::Stop { reason: "objection".into() });
    let cases = [
        (event(1_000, pause()), true),
        (event(1_000, pause()), false),
        (event(1_500, pause()), false),
        (event(500, pause()), true),
        (stop(3_000), true),
        (stop(3_000), false),
        (stop(9_000), false),
        (stop(2_000), true),
    ];
    for (event, changes) in cases {
        let (before, shown) = (session.events().len(), format!("{event:?}"));
        let applied = session.apply(event);
        assert_eq!(
            (applied.refused, applied.unkept, applied.restricted),
            (None, !changes, changes),
            "{shown}"
        );
        assert_eq!(session.events().len() - before, usize::from(changes), "{shown}");
        assert!(changes || applied.records.is_empty(), "{shown}");
    }
}

#[test]
fn a_second_pause_that_comes_again_after_the_resume_pauses_nothing() {
    let mut session = session(&["mifid2-transaction"]);
    session.apply(event(1_000, pause()));
    let second = event(1_500, pause());
    session.apply(second.clone());
    session.apply(event(2_000, SessionEventKind::Resume));
    let facts = session.facts().clone();
    let (mut restored, _) = Session::restore(facts, session.grants().to_vec(), session.events().to_vec());
    assert!(restored.apply(second).repeated && is_kept(&restored, 3_000));
}

#[test]
fn a_restriction_placed_by_wall_time_acts_by_now_and_after_what_it_takes_back() {
    let mut session = session(&["mifid2-transaction", "quality", "verbal-contract"]);
    let label = mark("verbal-contract");
    let stop = SessionEventKind::Stop { reason: "objection".into() };
    let derived = |event: SessionEvent| SessionEvent { derived_error: Some(100), ..event };
    let placed = |session: &Session, event| session.acting_by(event, Position(1_000)).position.0;
    let cases = [
        (derived(event(5_000, pause())), 1_100),
        (derived(event(u64::MAX, stop)), 1_100),
        (derived(event(1_050, pause())), 1_050),
        (derived(event(5_000, SessionEventKind::Resume)), 5_000),
        (derived(consent(5_000, ConsentAct::Given, 1)), 5_000),
        (derived(consent(5_000, ConsentAct::Withdrawn, 1)), 1_100),
        (event(5_000, pause()), 5_000),
    ];
    for (event, position) in cases {
        let shown = format!("{event:?}");
        assert_eq!(placed(&session, event), position, "{shown}");
    }
    for given in [
        consent(3_000, ConsentAct::Given, 1),
        event(3_000, SessionEventKind::MarkBegin { label: label.clone() }),
        event(2_000, pause()),
        event(3_000, SessionEventKind::Resume),
    ] {
        assert_eq!(session.apply(given).refused, None);
    }
    let (duty, all) = (fate(&session, 1_500).purposes(), fate(&session, 3_000).purposes());
    assert_ne!(duty, all);
    let ends = [
        derived(consent(9_000, ConsentAct::Withdrawn, 1)),
        derived(event(9_000, SessionEventKind::MarkEnd { label })),
        derived(event(9_000, pause())),
    ];
    for end in ends {
        let end = session.acting_by(end, Position(1_000));
        assert_eq!((end.position, session.apply(end.clone()).refused), (Position(3_100), None), "{end:?}");
    }
    assert!(!is_kept(&session, 3_000) && is_kept(&session, 1_500));
    assert_eq!(session.standing(), duty);
}

#[test]
fn nothing_happens_after_the_end() {
    let mut session = session(&["mifid2-transaction"]);
    session.apply(event(9_000, SessionEventKind::Ended));
    assert_eq!(session.apply(event(9_500, pause())).refused, Some("ended"));
    assert!(is_kept(&session, 8_990) && !is_kept(&session, 9_000));
}

fn owed(position: u64, party: u32, at: i64) -> SessionEvent {
    let (purpose, expression, notice) = (PurposeName::new("quality").unwrap(), Expression::Voice, None);
    let kind = SessionEventKind::ConsentOwed { purpose, party, expression, notice };
    SessionEvent { at: Timestamp(at), ..event(position, kind) }
}

#[test]
fn consent_that_is_owed_is_noted_and_no_basis() {
    let mut session = session(&["quality"]);
    let given = owed(1_000, 1, 5);
    let applied = session.apply(given.clone());
    assert_eq!((applied.refused, applied.changes.len(), applied.records.len()), (None, 0, 1));
    assert!(!is_kept(&session, 2_000));
    assert_eq!(session.owed(), [given]);
    assert_eq!(session.apply(owed(1_000, 0, 5)).refused, Some("party-not-asked"));
    session.apply(consent(3_000, ConsentAct::Given, 1));
    assert!(session.owed().is_empty() && is_kept(&session, 3_000));
}

#[test]
fn a_restriction_takes_back_what_is_owed_unless_it_is_older() {
    let withdrawn = |at: i64| SessionEvent { at: Timestamp(at), ..consent(9, ConsentAct::Withdrawn, 1) };
    for (at, left) in [(4, 1), (5, 0), (6, 0)] {
        let mut session = session(&["quality"]);
        session.apply(owed(1_000, 1, 5));
        session.apply(withdrawn(at));
        assert_eq!(session.owed().len(), left, "{at}");
    }
    // One that does not say whose it is reaches everybody's.
    let parties = vec![policy::Party::Customer, policy::Party::Agent, policy::Party::Customer];
    let mut session = session_with(&["quality"], parties);
    session.apply(owed(10, 0, 5));
    session.apply(owed(20, 2, 5));
    session.apply(SessionEvent { at: Timestamp(6), ..consent(30, ConsentAct::Withdrawn, 1) });
    assert!(session.owed().is_empty());
}

proptest::proptest! {
    /// What is owed changes nothing of what stands, and a session that is restored owes the same.
    #[test]
    fn what_is_owed_never_stands_and_survives(
        said in proptest::collection::vec((0..4u8, 0..3u32, 0..9_000u64, 0..9i64), 0..24),
    ) {
        let parties = vec![policy::Party::Customer, policy::Party::Agent, policy::Party::Customer];
        let mut with = session_with(&["quality"], parties.clone());
        let mut without = session_with(&["quality"], parties);
        for (what, party, position, at) in said {
            let event = match what {
                0 => owed(position, party, at),
                1 => consent(position, ConsentAct::Given, party),
                2 => consent(position, ConsentAct::Refused, party),
                _ => consent(position, ConsentAct::Withdrawn, party),
            };
            let event = SessionEvent { at: Timestamp(at), ..event };
            let applied = with.apply(event.clone());
            match event.kind {
                SessionEventKind::ConsentOwed { .. } => proptest::prop_assert!(applied.changes.is_empty()),
                _ => proptest::prop_assert_eq!(applied.changes, without.apply(event).changes),
            }
        }
        for at in (0..9_500).step_by(250) {
            proptest::prop_assert_eq!(fate(&with, at), fate(&without, at));
        }
        let facts = with.facts().clone();
        let (restored, _) = Session::restore(facts, with.grants().to_vec(), with.events().to_vec());
        proptest::prop_assert_eq!(restored.owed(), with.owed());
    }
}
