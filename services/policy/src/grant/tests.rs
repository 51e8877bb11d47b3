use kernel::RecordingId;

use super::*;

const POLICY: &str = "
tenant: t
jurisdiction: IT
purposes:
  duty: { basis: legal_obligation, regime: mifid2-16-7 }
  quality: { basis: consent, retention: P90D }
  clip: { basis: consent, retention: P90D, from: mark order }
  deal: { basis: contract, retention: P2Y }
notices:
  n: { language: it, text: Parole., purposes: [quality, clip] }
";

fn policy() -> TenantPolicy {
    crate::parse(POLICY, &|_| None).unwrap()
}

fn name(text: &str) -> PurposeName {
    PurposeName::new(text).unwrap()
}

fn facts(requested: &[&str]) -> CallFacts {
    CallFacts {
        requested: requested.iter().map(|text| name(text)).collect(),
        parties: BTreeSet::from([Party::Customer, Party::Agent]),
    }
}

fn outcomes(decision: &Decision) -> Vec<(&str, Outcome)> {
    decision.grants.iter().map(|grant| (grant.purpose.as_str(), grant.outcome.clone())).collect()
}

fn order() -> Outcome {
    Outcome::AwaitingMark(MarkLabel::new("order").unwrap())
}

#[test]
fn each_purpose_is_granted_awaited_or_denied_by_its_own_terms() {
    let requested = facts(&["duty", "quality", "clip", "deal", "sale"]);
    let decision = decide(&policy(), &requested, &BTreeMap::new());
    assert_eq!(
        outcomes(&decision),
        [
            ("clip", Outcome::AwaitingConsent),
            ("deal", Outcome::AwaitingMark(MarkLabel::new("deal").unwrap())),
            ("duty", Outcome::Granted),
            ("quality", Outcome::AwaitingConsent),
            ("sale", Outcome::Denied(DenyReason::PurposeNotInPolicy)),
        ]
    );
    assert_eq!(decision.policy, Some(policy().hash()));
    assert_eq!(decision.grants[2].regime().unwrap().as_str(), "mifid2-16-7");
    assert_eq!(decision.grants[4].basis(), None);
    assert_eq!(decision.nothing_because(), None);
}

#[test]
fn only_given_consent_grants() {
    let evidence = Some(EventId::new());
    for state in ConsentState::ALL.iter().copied() {
        let known = PurposeConsent { state, evidence };
        let consents = BTreeMap::from([(name("quality"), known), (name("clip"), known)]);
        let decision = decide(&policy(), &facts(&["quality", "clip"]), &consents);
        let given = state == ConsentState::Given;
        let expected = if given {
            (order(), Outcome::Granted)
        } else {
            (Outcome::AwaitingConsent, Outcome::AwaitingConsent)
        };
        assert_eq!(outcomes(&decision), [("clip", expected.0), ("quality", expected.1)], "{state}");
        assert_eq!(decision.grants[1].evidence, evidence.filter(|_| given));
    }
}

#[test]
fn a_consent_service_that_is_not_heard_closes_consent_purposes_only() {
    let decision = decide_without_consent(&policy(), &facts(&["duty", "quality"]));
    let unreachable = Outcome::Denied(DenyReason::ConsentUnreachable);
    assert_eq!(outcomes(&decision), [("duty", Outcome::Granted), ("quality", unreachable)]);
    assert_eq!(decision.alarm, Some(Alarm::ConsentUnreachable));
}

#[test]
fn an_empty_policy_records_nothing_and_says_why() {
    let empty = crate::parse("tenant: t\njurisdiction: IT\n", &|_| None).unwrap();
    let decision = decide(&empty, &facts(&["quality"]), &BTreeMap::new());
    assert_eq!(decision.nothing_because(), Some(DenyReason::EmptyPolicy));
    let decision = decide_without_policy(&facts(&["quality"]));
    assert_eq!(decision.nothing_because(), Some(DenyReason::NoPolicy));
    let decision = decide(&policy(), &facts(&[]), &BTreeMap::new());
    assert_eq!(decision.nothing_because(), Some(DenyReason::NothingRequested));
}

#[test]
fn consent_needs_somebody_who_can_give_it() {
    let internal = CallFacts { parties: BTreeSet::from([Party::Agent]), ..facts(&["quality", "duty"]) };
    let decision = decide(&policy(), &internal, &BTreeMap::new());
    let nobody = Outcome::Denied(DenyReason::NobodyToAsk);
    assert_eq!(outcomes(&decision), [("duty", Outcome::Granted), ("quality", nobody)]);
}

#[test]
fn dropping_a_purpose_never_widens_what_is_granted() {
    let all = ["duty", "quality", "clip", "deal"];
    let evidence = Some(EventId::new());
    let known = PurposeConsent { state: ConsentState::Given, evidence };
    let consents = BTreeMap::from([(name("quality"), known)]);
    let whole = decide(&policy(), &facts(&all), &consents);
    for dropped in all {
        let rest: Vec<_> = all.into_iter().filter(|one| *one != dropped).collect();
        let decision = decide(&policy(), &facts(&rest), &consents);
        assert_eq!(decision.grants.len(), rest.len());
        assert!(decision.grants.iter().all(|grant| whole.grants.contains(grant)), "without {dropped}");
    }
}

#[test]
fn a_grant_survives_json() {
    let decision = decide(&policy(), &facts(&["duty", "deal", "sale"]), &BTreeMap::new());
    let json = serde_json::to_string(&decision.grants).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Grant>>(&json).unwrap(), decision.grants);
    assert!(!json.contains(&RecordingId::new().to_string()[..8]) && json.contains("purpose-not-in-policy"));
}
