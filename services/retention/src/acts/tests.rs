//! What goes into the journal comes back, whatever it names and however much.

mod bounds;
mod restrictions;

use std::collections::BTreeSet;

use journal::MAX_CODES;
use journal::codes::{Fields, packed};
use kernel::{ErasureId, HoldId, Interval, LegNo, Position, PurposeName, RecordingId, RegimeName, SubjectId};
use policy::code::Code as PolicyCode;
use policy::retention::{ExtensionOrder, OrderScope};
use proptest::prelude::*;

use super::account::KEYS;
use super::*;
use crate::erasure::{Cause, Erasure, Item, KeptBack, KeptBy, Report, Scope, State, Step, Target};
use crate::hold::{Hold, HoldKind, HoldState, Selector};
use crate::store::Order;

/// As a restored row names an account.
fn restored(account: &str) -> String {
    let code = account::by(account);
    account::one(&Fields::of(&[code], &KEYS).unwrap()).unwrap()
}

fn read_all(acts: &[Act]) -> Vec<Said> {
    assert!(acts.iter().all(|act| act.codes.len() <= MAX_CODES), "{acts:?}");
    let ids: BTreeSet<_> = acts.iter().map(|act| act.id).collect();
    assert_eq!(ids.len(), acts.len(), "each part is an act of its own");
    acts.iter().map(|act| read(act).unwrap()).collect()
}

/// The parts are all of one whole, in order.
fn assert_parts(parts: &[Part]) {
    let of = parts.len() as u32;
    assert!(parts.iter().copied().eq((1..=of).map(|number| Part { number, of })), "{parts:?}");
}

/// The hold of which these are the parts.
fn hold_of(acts: &[Act]) -> Hold {
    let mut holds = Vec::new();
    let mut parts = Vec::new();
    for said in read_all(acts) {
        let Said::HoldPlaced { hold, part } = said else { panic!("no hold: {said:?}") };
        holds.push(hold);
        parts.push(part);
    }
    assert_parts(&parts);
    let mut all = holds.remove(0);
    for part in holds {
        all.purposes.extend(part.purposes);
        match (&mut all.selector, part.selector) {
            (Selector::Recordings(all), Selector::Recordings(more)) => all.extend(more),
            (Selector::Subjects(all), Selector::Subjects(more)) => all.extend(more),
            (Selector::Query { subjects, .. }, Selector::Query { subjects: more, .. }) => {
                subjects.extend(more);
            }
            (all, part) => panic!("{part:?} is no part of {all:?}"),
        }
    }
    all
}

fn order_of(acts: &[Act]) -> Order {
    let mut orders = Vec::new();
    let mut parts = Vec::new();
    for said in read_all(acts) {
        let Said::OrderPlaced { order, part } = said else { panic!("no order: {said:?}") };
        orders.push(order);
        parts.push(part);
    }
    assert_parts(&parts);
    let mut all = orders[0].clone();
    let parties = orders.iter().flat_map(|order| order.order.scope.parties().into_iter().flatten().copied());
    let parties: BTreeSet<_> = parties.collect();
    let (from, until) = (all.order.scope.from(), all.order.scope.until());
    all.order.scope = OrderScope::new(from, until, (!parties.is_empty()).then_some(parties)).unwrap();
    all
}

fn intent_of(acts: &[Act]) -> Intent {
    let mut intents = Vec::new();
    let mut parts = Vec::new();
    for said in read_all(acts) {
        let Said::Intended { intent, part } = said else { panic!("no intent: {said:?}") };
        intents.push(intent);
        parts.push(part);
    }
    assert_parts(&parts);
    let mut all = intents.remove(0);
    for part in intents {
        match (&mut all.scope, part.scope) {
            (Scope::Purposes(all), Scope::Purposes(more)) => all.extend(more),
            (Scope::Stretch { legs, .. }, Scope::Stretch { legs: more, .. }) => legs.extend(more),
            (all, part) => panic!("{part:?} is no part of {all:?}"),
        }
    }
    if all.of_each != Scope::Everything {
        all.of_each = all.scope.clone();
    }
    all
}

fn tenant() -> TenantId {
    TenantId::new("banca-alfa").unwrap()
}

fn some_item(scope: Scope) -> (Erasure, Item) {
    let erasure = Erasure {
        tenant: tenant(),
        id: ErasureId::new(),
        version: 1,
        cause: Cause::Order,
        target: Target::Subject(SubjectId::new()),
        scope: scope.clone(),
        reason: PolicyCode::new("art-17-1-d").unwrap(),
        ordered_by: "anna".to_owned(),
        ordered_at: Timestamp(1_000),
        state: State::Running,
        items: 1,
        settled_at: None,
        receipt: Vec::new(),
    };
    let item = Item {
        tenant: tenant(),
        erasure: erasure.id,
        recording: RecordingId::new(),
        version: 1,
        scope,
        step: Step::Registered,
        erased: BTreeSet::new(),
        kept: Vec::new(),
        report: Report::default(),
        failure: None,
    };
    (erasure, item)
}

fn some_hold(selector: Selector) -> Hold {
    Hold {
        tenant: tenant(),
        id: HoldId::from_bytes([7; 16]),
        version: 1,
        kind: HoldKind::Litigation,
        selector,
        purposes: BTreeSet::new(),
        reason: PolicyCode::new("Case_7/2026").unwrap(),
        placed_by: "Anna@banca-alfa.it".to_owned(),
        placed_at: Timestamp(5),
        review_at: Timestamp(9),
        state: HoldState::Placed,
        released_by: Vec::new(),
        released_at: None,
    }
}

#[test]
fn a_hold_s_act_is_what_it_always_was() {
    let recording = RecordingId::from_bytes([1; 16]);
    let acts = hold_placed(&some_hold(Selector::Recordings([recording].into())));
    let [act] = &acts[..] else { panic!("one act") };
    let codes: Vec<_> = act.codes.iter().map(Code::as_str).collect();
    let expected = [
        "hold:litigation",
        "reason:.case.-7.:2026",
        "placed-at:5",
        "review-at:9",
        account::by("Anna@banca-alfa.it").as_str(),
        "over:recordings",
        "part:1-of-1",
        "recording:01010101-0101-0101-0101-010101010101",
    ]
    .map(str::to_owned);
    assert_eq!(codes, expected);
    assert_eq!(act.about, About::Aggregate { id: Uuid::from_bytes([7; 16]), version: 1 });
    assert_eq!((act.kind, act.at), (Kind::HoldPlaced, Timestamp(5)));
}

#[test]
fn the_same_act_has_the_same_id_and_another_has_not() {
    let (erasure, item) = some_item(Scope::Everything);
    let id = |erasure: &Erasure, item: &Item| erasure_intended(erasure, item)[0].id;
    let own = id(&erasure, &item);
    let later = Erasure { version: 4, state: State::Done, ..erasure.clone() };
    assert_eq!(id(&later, &item), own, "of the same version of the item");
    let kept = erasure_refused(&erasure, &item, Timestamp(5));
    assert_eq!(erasure_refused(&erasure, &item, Timestamp(6)).id, kept.id, "whenever it is repeated");
    let others = [
        id(&erasure, &Item { version: 2, ..item.clone() }),
        id(&erasure, &Item { recording: RecordingId::new(), ..item.clone() }),
        id(&erasure, &Item { erasure: ErasureId::new(), ..item.clone() }),
        id(&erasure, &Item { tenant: TenantId::new("telco-beta").unwrap(), ..item.clone() }),
        kept.id,
        erasure_done(&erasure, &item, Timestamp(5)).id,
    ];
    assert!(!others.contains(&own));
    assert_eq!(others.iter().collect::<BTreeSet<_>>().len(), others.len());
}

#[test]
fn an_order_is_known_by_its_reference_within_its_tenant() {
    let order = |name: &str, reference: &str| Order {
        tenant: TenantId::new(name).unwrap(),
        order: ExtensionOrder {
            reference: PolicyCode::new(reference).unwrap(),
            regime: RegimeName::new("mifid2-16-7").unwrap(),
            until: Timestamp(9),
            scope: OrderScope::new(Timestamp(1), Timestamp(2), None).unwrap(),
        },
        placed_by: "anna".to_owned(),
        placed_at: Timestamp(4),
    };
    let about = |order: &Order| match order_placed(order)[0].about {
        About::Aggregate { id, version: 1 } => id,
        other => panic!("{other:?}"),
    };
    let own = about(&order("banca-alfa", "CONSOB/7"));
    assert_eq!(about(&order("banca-alfa", "CONSOB/7")), own);
    assert_ne!(about(&order("banca-alfa", "consob/7")), own);
    assert_ne!(about(&order("telco-beta", "CONSOB/7")), own);
}

#[test]
fn what_is_another_role_s_is_not_ours_and_what_is_malformed_is_no_act() {
    let (erasure, item) = some_item(Scope::Everything);
    let act = erasure_intended(&erasure, &item).remove(0);
    for kind in [Kind::ConsentWithdrawn, Kind::ConsentGiven, Kind::Restricted, Kind::RestrictionLifted] {
        assert_eq!(read(&Act { kind, ..act.clone() }), Ok(Said::NotOurs));
    }
    let epoch = Act { about: About::Epoch(kernel::KeyEpoch(1)), codes: Vec::new(), ..act.clone() };
    assert_eq!(read(&Act { kind: Kind::EpochDestroyed, ..epoch.clone() }), Ok(Said::NotOurs));
    assert!(read(&epoch).is_err());
    for left_out in 0..act.codes.len() {
        let mut codes = act.codes.clone();
        let code = codes.remove(left_out);
        assert!(read(&Act { codes, ..act.clone() }).is_err(), "without {code}");
    }
    for more in ["purpose:quality", "scope:all", "target:due", "secret:1", "word"] {
        let mut codes = act.codes.clone();
        codes.push(Code::new(more).unwrap());
        assert!(read(&Act { codes, ..act.clone() }).is_err(), "with {more}");
    }
}

const KINDS: [HoldKind; 5] = [
    HoldKind::Litigation,
    HoldKind::Regulator,
    HoldKind::Subject,
    HoldKind::OpenRequest,
    HoldKind::Restriction,
];

fn any_code() -> impl Strategy<Value = PolicyCode> {
    "[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}".prop_map(|text| PolicyCode::new(text).unwrap())
}

fn any_account() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9.-]{0,20}", "[ -~è]{1,90}"]
}

fn any_subjects(most: usize) -> impl Strategy<Value = BTreeSet<SubjectId>> {
    let id = any::<[u8; 16]>().prop_map(SubjectId::from_bytes);
    prop::collection::btree_set(id, 0..=most)
}

fn any_purposes() -> impl Strategy<Value = BTreeSet<PurposeName>> {
    let name = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?".prop_map(|name| PurposeName::new(name).unwrap());
    prop::collection::btree_set(name, 1..60)
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let id = any::<[u8; 16]>().prop_map(RecordingId::from_bytes);
    let query = (any::<i64>(), any::<i64>(), any_subjects(30));
    prop_oneof![
        prop::collection::btree_set(id, 0..40).prop_map(Selector::Recordings),
        any_subjects(40).prop_map(Selector::Subjects),
        query.prop_map(|(from, until, subjects)| {
            Selector::Query { from: Timestamp(from), until: Timestamp(until), subjects }
        }),
    ]
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let legs = prop::collection::btree_set(any::<u16>().prop_map(LegNo), 0..200);
    let stretch = (0_u64..1 << 40, 1_u64..1 << 40, legs).prop_map(|(start, length, legs)| {
        let interval = Interval::new(Position(start), Position(start + length)).unwrap();
        Scope::Stretch { interval, legs }
    });
    prop_oneof![Just(Scope::Everything), any_purposes().prop_map(Scope::Purposes), stretch]
}

fn any_kept() -> impl Strategy<Value = KeptBack> {
    let by = prop_oneof![
        any::<[u8; 16]>().prop_map(|id| KeptBy::Hold(HoldId::from_bytes(id))),
        any_code().prop_map(KeptBy::Rule),
    ];
    let purpose = "[a-z][a-z0-9]{0,20}".prop_map(|name| PurposeName::new(name).unwrap());
    let until = prop::option::of(any::<i64>().prop_map(Timestamp));
    (prop::option::of(purpose), by, until).prop_map(|(purpose, by, until)| KeptBack { purpose, by, until })
}

fn sorted(kept: &[KeptBack]) -> Vec<KeptBack> {
    let mut kept = kept.to_vec();
    let key = |kept: &KeptBack| (kept.by.clone(), kept.until, kept.purpose.clone());
    kept.sort_by_key(key);
    kept.dedup();
    kept
}

proptest! {
    #[test]
    fn a_hold_comes_back_as_it_was_placed(
        selector in any_selector(), reason in any_code(), account in any_account(),
        kind in prop::sample::select(&KINDS[..]), purposes in any_purposes(),
        at in any::<i64>(), review in any::<i64>(),
    ) {
        let purposes = if kind == HoldKind::Restriction { purposes } else { BTreeSet::new() };
        let placed = Hold {
            kind, purposes, reason, placed_by: account.clone(), placed_at: Timestamp(at),
            review_at: Timestamp(review), ..some_hold(selector)
        };
        prop_assert_eq!(hold_of(&hold_placed(&placed)), Hold { placed_by: restored(&account), ..placed });
    }

    #[test]
    fn a_release_comes_back_with_those_who_released(
        one in any_account(), other in any_account(), at in any::<i64>(),
    ) {
        let released = Hold {
            version: 3, state: HoldState::Released, released_by: vec![one.clone(), other.clone()],
            released_at: Some(Timestamp(at)), ..some_hold(Selector::Subjects(BTreeSet::new()))
        };
        let (tenant, hold) = (released.tenant.clone(), released.id);
        let by = vec![restored(&one), restored(&other)];
        let expected = Release { tenant, hold, version: 3, by, at: Timestamp(at) };
        prop_assert_eq!(read(&hold_released(&released)), Ok(Said::HoldReleased(expected)));
    }

    #[test]
    fn an_order_comes_back_as_it_was_placed(
        reference in any_code(), account in any_account(), parties in any_subjects(40),
        from in -1_000_i64..1_000, length in 1_i64..i64::MAX / 2, until in any::<i64>(), at in any::<i64>(),
    ) {
        let parties = (!parties.is_empty()).then_some(parties);
        let scope = OrderScope::new(Timestamp(from), Timestamp(from + length), parties).unwrap();
        let regime = RegimeName::new("x".repeat(63)).unwrap();
        let placed = Order {
            tenant: tenant(),
            order: ExtensionOrder { reference, regime, until: Timestamp(until), scope },
            placed_by: account.clone(),
            placed_at: Timestamp(at),
        };
        prop_assert_eq!(order_of(&order_placed(&placed)), Order { placed_by: restored(&account), ..placed });
    }

    #[test]
    fn an_intent_comes_back_as_it_was(
        scope in any_scope(), kind in 0..4_u8, reason in any_code(), account in any_account(),
        version in 1_u64..1 << 60, at in any::<i64>(),
    ) {
        let (erasure, item) = some_item(scope.clone());
        let (is_sweep, subject) = (kind == 0, SubjectId::new());
        let (cause, target) = match kind {
            0 => (Cause::PeriodOver, Target::Due),
            1 => (Cause::BasisLost, Target::Recording(item.recording)),
            2 => (Cause::Order, Target::RecordingOf { recording: item.recording, subject }),
            _ => (Cause::Order, Target::Subject(subject)),
        };
        let of_each = if is_sweep { Scope::Everything } else { scope.clone() };
        let erasure = Erasure {
            cause, target: target.clone(), scope: of_each.clone(), reason: reason.clone(),
            ordered_by: account.clone(), ordered_at: Timestamp(at), ..erasure
        };
        let item = Item { version, ..item };
        let expected = Intent {
            tenant: tenant(), erasure: erasure.id, recording: item.recording, version, cause, target, of_each, scope,
            reason, ordered_by: restored(&account), ordered_at: Timestamp(at),
        };
        prop_assert_eq!(intent_of(&erasure_intended(&erasure, &item)), expected);
    }

    #[test]
    fn an_outcome_names_what_went_and_what_kept_it(
        erased in any_purposes(), kept in prop::collection::vec(any_kept(), 0..12), reason in any_code(),
    ) {
        let (erasure, item) = some_item(Scope::Everything);
        let erasure = Erasure { reason, ..erasure };
        let item = Item { step: Step::Done, version: 5, erased: erased.clone(), kept: kept.clone(), ..item };
        let act = erasure_done(&erasure, &item, Timestamp(8));
        prop_assert!(act.codes.len() <= MAX_CODES);
        let Ok(Said::Done { settled, erased: found }) = read(&act) else { panic!("{act:?}") };
        let fits = packed("erased", &erased).len() <= MAX_CODES - 8;
        prop_assert!(!fits || found == Erased::Purposes(erased.clone()));
        prop_assert!(matches!(found, Erased::Unlisted) || found == Erased::Purposes(erased));
        prop_assert_eq!((settled.erasure, settled.recording, settled.version), (erasure.id, item.recording, 5));
        prop_assert_eq!((settled.cause, &settled.reason, settled.at), (erasure.cause, &erasure.reason, Timestamp(8)));

        let (held, ruled) = (Item { step: Step::Deferred, ..item.clone() }, Item { step: Step::Refused, ..item });
        for item in [held, ruled] {
            let act = erasure_refused(&erasure, &item, Timestamp(8));
            prop_assert!(act.codes.len() <= MAX_CODES);
            let Ok(Said::Refused { settled, step }) = read(&act) else { panic!("{act:?}") };
            prop_assert_eq!(step, item.step);
            let all: BTreeSet<_> = kept.iter().map(|kept| &kept.by).collect();
            prop_assert!(settled.kept.iter().all(|kept| all.contains(&kept.by)));
            prop_assert_eq!(settled.kept.is_empty(), kept.is_empty());
            // All of it, where that is little enough.
            prop_assert!(kept.len() > 2 || sorted(&settled.kept) == sorted(&kept));
        }
    }

    #[test]
    fn any_codes_are_read_or_refused_without_panic(
        kind in prop::sample::select(Kind::ALL), picked in prop::collection::vec((0_usize..30, "[a-z0-9.:-]{0,50}"), 0..16),
    ) {
        let keys = [
            "hold", "reason", "placed-at", "review-at", "over", "range", "recording", "subject", "account", "by",
            "order", "regime", "until", "part", "erasure", "cause", "ordered-at", "target", "of", "scope", "purpose",
            "stretch", "leg", "erased", "erased-as", "outcome", "kept-by-hold", "kept-by-rule", "kept-until", "kept",
        ];
        let (erasure, item) = some_item(Scope::Everything);
        let codes = picked.iter().map(|(key, value)| Code::new(format!("{}:{value}", keys[*key])).unwrap());
        let act = Act { kind, codes: codes.collect(), ..erasure_intended(&erasure, &item).remove(0) };
        let _either = read(&act);
    }
}
