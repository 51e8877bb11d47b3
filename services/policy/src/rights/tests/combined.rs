use proptest::prelude::*;

use super::*;

const ERASE: &str = "erase audio-leg consent-gone none self clear";
const UNLAWFUL: &str = "erase audio-leg none none self clear";
const REDACT: &str = "erase audio-leg consent-gone none third clear";
const DEFER: &str = "erase audio-leg duty-running none self clear";
const REFUSE: &str = "erase audio-leg contract-running none self clear";
const WEIGH: &str = "erase audio-leg legitimate-interest none self clear";
const CHOOSE: &str = "erase audio-leg consent-gone subject-18c self clear";
const OFFICER: &str = "erase audio-leg none litigation self clear";
const ABSENT: &str = "erase audio-leg consent-gone none absent clear";
const SKELETON: &str = "erase access-log duty-ended none self clear";
const EXPIRE: &str = "erase backup-copy duty-ended none self clear";
const STOP: &str = "withdraw audio-leg consent-live none self clear";
const ACCESS: &str = "access audio-leg consent-live none self clear";

fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

fn combined(asked: &[(&str, &str)]) -> Combined {
    combine(asked.iter().map(|(name, question)| (purpose(name), decide(&ask(question)))))
}

fn in_words(bytes: &Bytes) -> String {
    match bytes {
        Bytes::Go => "go".to_owned(),
        Bytes::GoOnceRedacted => "go once redacted".to_owned(),
        Bytes::Kept(keeper) => format!("kept for {}: {}", keeper.purpose, said(keeper.verdict)),
        Bytes::NotAsked => "not asked".to_owned(),
    }
}

#[rstest]
#[case::all_erase(&[("duty", ERASE), ("sale", UNLAWFUL)], "go", &["duty", "sale"])]
#[case::one_has_others_in_it(&[("duty", UNLAWFUL), ("sale", REDACT)], "go once redacted", &["duty", "sale"])]
#[case::a_duty_keeps(&[("duty", DEFER), ("sale", ERASE)], "kept for duty: defer-restrict", &["sale"])]
#[case::a_duty_keeps_what_others_are_in(&[("duty", DEFER), ("sale", REDACT)], "kept for duty: defer-restrict", &["sale"])]
#[case::deferral_before_refusal(&[("sale", REFUSE), ("duty", DEFER)], "kept for duty: defer-restrict", &[])]
#[case::refusal_before_weighing(&[("fraud", WEIGH), ("sale", REFUSE)], "kept for sale: refuse", &[])]
#[case::refusal_before_a_skeleton(&[("fraud", SKELETON), ("sale", REFUSE)], "kept for sale: refuse", &[])]
#[case::a_skeleton(&[("duty", ERASE), ("sale", SKELETON)], "kept for sale: retain-minimal", &["duty"])]
#[case::weighing(&[("fraud", WEIGH), ("sale", ERASE)], "kept for fraud: restrict+pending-balance", &["sale"])]
#[case::choosing(&[("fraud", CHOOSE), ("sale", ERASE)], "kept for fraud: pending-subject", &["sale"])]
#[case::the_officer(&[("fraud", OFFICER), ("sale", SKELETON)], "kept for fraud: pending-balance", &[])]
#[case::a_backup(&[("duty", EXPIRE), ("sale", EXPIRE)], "kept for duty: erase-by-expiry", &[])]
#[case::a_backup_is_whole(&[("duty", SKELETON), ("sale", EXPIRE)], "kept for sale: erase-by-expiry", &[])]
#[case::not_in_it(&[("duty", ABSENT), ("sale", ERASE)], "kept for duty: not-applicable", &["sale"])]
#[case::stopped_is_not_erased(&[("duty", STOP)], "kept for duty: stop-purpose", &[])]
#[case::another_right_erases_nothing(&[("duty", ACCESS), ("sale", ERASE)], "kept for duty: grant-full", &["sale"])]
#[case::of_equals_the_first_by_name(&[("sale", REFUSE), ("duty", REFUSE)], "kept for duty: refuse", &[])]
#[case::a_purpose_that_keeps_a_part(&[("sale", ERASE), ("sale", REFUSE)], "kept for sale: refuse", &[])]
#[case::nobody_was_asked(&[], "not asked", &[])]
fn purposes_on_one_artefact(#[case] asked: &[(&str, &str)], #[case] bytes: &str, #[case] lost: &[&str]) {
    let combined = combined(asked);
    assert_eq!(in_words(&combined.bytes), bytes);
    let lost: BTreeSet<_> = lost.iter().map(|name| purpose(name)).collect();
    assert_eq!(combined.lost, lost);
}

#[test]
fn what_others_are_in_is_redacted_before_its_purpose_loses_its_entries() {
    let combined = combined(&[("duty", DEFER), ("quality", REDACT), ("sale", ERASE)]);
    assert_eq!(combined.lost, BTreeSet::from([purpose("quality"), purpose("sale")]));
    assert_eq!(combined.redacted_first, BTreeSet::from([purpose("quality")]));
}

/// The keepers of the matrix in its order, each beside all that come after it.
#[test]
fn the_strictest_keeper_is_named() {
    let strictest_first = [DEFER, REFUSE, SKELETON, ERASE];
    for (n, &stricter) in strictest_first.iter().enumerate() {
        for &other in &strictest_first[n + 1..] {
            let combined = combined(&[("a", other), ("b", stricter)]);
            assert_eq!(in_words(&combined.bytes), format!("kept for b: {}", said(decide(&ask(stricter)))));
        }
    }
}

fn any_question() -> impl Strategy<Value = Question> {
    let right = prop_oneof![3 => Just(Right::Erase), 1 => prop::sample::select(Right::ALL.to_vec())];
    let category = prop::sample::select(Category::ALL.to_vec());
    let basis = prop::sample::select(BasisState::ALL.to_vec());
    let hold = prop_oneof![2 => Just(HoldState::None), 1 => prop::sample::select(HoldState::ALL.to_vec())];
    let presence = prop::sample::select(Presence::ALL.to_vec());
    let gate = prop::sample::select(Gate::ALL.to_vec());
    (right, category, basis, hold, presence, gate).prop_map(
        |(right, category, basis, hold, presence, gate)| Question {
            right,
            category,
            basis,
            hold,
            presence,
            gate,
        },
    )
}

/// Verdicts as they come, with enough that erase and enough that defer to meet both alone.
fn any_verdict() -> impl Strategy<Value = Verdict> {
    let erasing = prop::sample::select(vec![ERASE, UNLAWFUL, REDACT]).prop_map(ask);
    let question = prop_oneof![3 => erasing, 1 => Just(DEFER).prop_map(ask), 2 => any_question()];
    question.prop_map(|question| decide(&question))
}

type Verdicts = Vec<(PurposeName, Verdict)>;

/// One artefact's verdicts, and the same in another order. Few names, so that some purposes are asked twice.
fn any_verdicts() -> impl Strategy<Value = (Verdicts, Verdicts)> {
    let name = prop::sample::select(vec!["duty", "fraud", "quality", "sale"]).prop_map(purpose);
    let verdicts = prop::collection::vec((name, any_verdict()), 0..5);
    verdicts.prop_flat_map(|verdicts| (Just(verdicts.clone()), Just(verdicts).prop_shuffle()))
}

proptest! {
    #[test]
    fn bytes_go_if_and_only_if_somebody_was_asked_and_every_purpose_erases((verdicts, _) in any_verdicts()) {
        let all_erase = verdicts.iter().all(|(_, verdict)| verdict.erases());
        let combined = combine(verdicts.clone());
        prop_assert_eq!(combined.bytes_go(), all_erase && !verdicts.is_empty(), "{:?}", combined);
    }

    #[test]
    fn nothing_goes_and_the_deferral_is_named_while_one_purpose_defers((verdicts, _) in any_verdicts()) {
        let defers = |verdict: &Verdict| verdict.outcome() == Outcome::DeferRestrict;
        let one_defers = verdicts.iter().any(|(_, verdict)| defers(verdict));
        let deferral_is_named = match combine(verdicts).bytes {
            Bytes::Kept(keeper) => defers(&keeper.verdict),
            Bytes::Go | Bytes::GoOnceRedacted | Bytes::NotAsked => false,
        };
        prop_assert_eq!(deferral_is_named, one_defers);
    }

    #[test]
    fn a_purpose_is_lost_if_and_only_if_all_of_it_erases((verdicts, _) in any_verdicts()) {
        let Combined { lost, redacted_first, .. } = combine(verdicts.clone());
        prop_assert!(redacted_first.is_subset(&lost));
        for (purpose, _) in &verdicts {
            let mut of_it = verdicts.iter().filter(|(other, _)| other == purpose);
            prop_assert_eq!(lost.contains(purpose), of_it.all(|(_, verdict)| verdict.erases()), "{}", purpose);
        }
        prop_assert!(lost.iter().all(|lost| verdicts.iter().any(|(purpose, _)| purpose == lost)));
    }

    #[test]
    fn the_order_of_purposes_does_not_matter((verdicts, shuffled) in any_verdicts()) {
        prop_assert_eq!(combine(verdicts), combine(shuffled));
    }
}
