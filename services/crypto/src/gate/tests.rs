//! The gate as a table: role, purpose, use and consent's answer, silence included.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kernel::{PrincipalKind, Role};
use rstest::rstest;
use seal::Hash;

use super::*;
use crate::store::RecordingState;
use crate::testing::{
    FakeConsent, FakePolicies, FakeRetention, POLICY, Says, Serves, other_tenant, purpose, tenant,
};

fn claim(role: Role, name: &str, wanted: Use) -> Claim {
    Claim {
        principal: Principal {
            id: "giulia".to_owned(),
            kind: PrincipalKind::Person,
            roles: BTreeSet::from([role]),
            tenants: BTreeSet::from([tenant()]),
        },
        tenant: tenant(),
        recording: RecordingId::from_bytes([1; 16]),
        purpose: purpose(name),
        wanted,
        reference: String::new(),
    }
}

fn row(policies: &str) -> RecordingRow {
    RecordingRow {
        tenant: tenant(),
        recording: RecordingId::from_bytes([1; 16]),
        version: 1,
        state: RecordingState::Sealed,
        policy_hash: Hash(policy::parse(policies, &|_| None).unwrap().hash().0),
        timeline_hash: Hash([1; 32]),
        span_table_hash: Hash([2; 32]),
    }
}

fn gate(consent: Says, policies: &[&str]) -> Gate {
    gate_with(consent, Arc::new(FakeRetention::default()), policies)
}

fn gate_with(consent: Says, retention: Arc<FakeRetention>, policies: &[&str]) -> Gate {
    let (fake, book) = (FakeConsent::default(), FakePolicies::default());
    for name in ["mifid2-transaction", "quality", "training"] {
        fake.will_say(name, [consent.clone()]);
    }
    policies.iter().for_each(|text| book.take(text));
    let consent = Arc::new(rules::ConsentRule(Arc::new(fake)));
    Gate::new(Arc::new(book), vec![consent, Arc::new(rules::RetentionRule(retention))])
}

async fn word(gate: &Gate, claim: &Claim, row: Option<&RecordingRow>) -> String {
    match gate.admit(claim, row).await {
        Ok(()) => "open".to_owned(),
        Err(Error::Refused(refusal)) => refusal.word().to_owned(),
        Err(other) => panic!("{other}"),
    }
}

use Says::{Gone, Nothing, Stands};

#[rstest]
// A purpose on consent: the role, the use, then consent.
#[case(Role::Supervisor, "quality", Use::Replay, Stands, "open")]
#[case(Role::Supervisor, "quality", Use::Review, Stands, "open")]
#[case(Role::Supervisor, "quality", Use::Replay, Gone("withdrawn"), "withdrawn")]
#[case(Role::Supervisor, "quality", Use::Replay, Gone("refused"), "refused")]
#[case(Role::Supervisor, "quality", Use::Replay, Nothing, "rule-silent")]
#[case(Role::Compliance, "quality", Use::Replay, Stands, "role-not-allowed")]
#[case(Role::Operator, "quality", Use::Replay, Stands, "role-not-allowed")]
#[case(Role::Agent, "quality", Use::Replay, Stands, "role-not-allowed")]
#[case(Role::Supervisor, "training", Use::Replay, Stands, "open")]
#[case(Role::Supervisor, "training", Use::Review, Stands, "use-not-allowed")]
// A duty asks no consent, whatever it would say.
#[case(Role::Compliance, "mifid2-transaction", Use::Replay, Gone("withdrawn"), "open")]
#[case(Role::Auditor, "mifid2-transaction", Use::Replay, Nothing, "open")]
#[case(Role::Supervisor, "mifid2-transaction", Use::Replay, Stands, "role-not-allowed")]
#[case(Role::Service, "mifid2-transaction", Use::Replay, Stands, "role-not-allowed")]
// A subject's own request goes through the officer.
#[case(Role::PrivacyOfficer, "quality", Use::Rights, Stands, "open")]
#[case(Role::PrivacyOfficer, "quality", Use::Rights, Gone("withdrawn"), "open")]
#[case(Role::PrivacyOfficer, "quality", Use::Replay, Stands, "role-not-allowed")]
#[case(Role::Supervisor, "quality", Use::Rights, Stands, "role-not-allowed")]
// A claim names a hold, an authority its order; a role that may not claim them is told that.
#[case(Role::Compliance, "mifid2-transaction", Use::LegalClaim, Stands, "no-hold")]
#[case(Role::PrivacyOfficer, "quality", Use::LegalClaim, Gone("withdrawn"), "no-hold")]
#[case(Role::Compliance, "mifid2-transaction", Use::Authority, Stands, "no-order")]
#[case(Role::Supervisor, "quality", Use::LegalClaim, Stands, "role-not-allowed")]
#[case(Role::Supervisor, "quality", Use::Authority, Stands, "role-not-allowed")]
// verbale's own check opens for nobody.
#[case(Role::Service, "quality", Use::Probe, Stands, "use-not-allowed")]
#[case(Role::Auditor, "quality", Use::Probe, Stands, "use-not-allowed")]
// Not a reader's purpose, or nobody's.
#[case(Role::Service, "sealing", Use::Probe, Stands, "reserved-purpose")]
#[case(Role::PrivacyOfficer, "subject", Use::Rights, Stands, "reserved-purpose")]
#[case(Role::PrivacyOfficer, "reason", Use::Rights, Stands, "reserved-purpose")]
#[case(Role::Supervisor, "marketing", Use::Replay, Stands, "purpose-not-in-policy")]
#[tokio::test]
async fn the_gate_opens_exactly_here(
    #[case] role: Role,
    #[case] name: &str,
    #[case] wanted: Use,
    #[case] consent: Says,
    #[case] expected: &str,
) {
    let gate = gate(consent, &[POLICY]);
    assert_eq!(word(&gate, &claim(role, name, wanted), Some(&row(POLICY))).await, expected);
}

#[tokio::test]
async fn a_bearer_of_another_tenant_is_refused_before_anything_is_asked() {
    let gate = Gate::new(Arc::new(FakePolicies::default()), Vec::new());
    let mut foreign = claim(Role::Supervisor, "quality", Use::Replay);
    foreign.principal.tenants = BTreeSet::from([other_tenant()]);
    assert_eq!(word(&gate, &foreign, Some(&row(POLICY))).await, "other-tenant");
}

#[tokio::test]
async fn a_recording_that_was_not_sealed_is_unknown() {
    let gate = gate(Stands, &[POLICY]);
    assert_eq!(
        word(&gate, &claim(Role::Supervisor, "quality", Use::Replay), None).await,
        "unknown-recording"
    );
}

#[tokio::test]
async fn a_later_policy_narrows_and_never_widens() {
    let wider = POLICY.replace("roles: [supervisor]", "roles: [supervisor, compliance]");
    let narrower =
        POLICY.replace("uses: [replay, review], roles: [supervisor]", "uses: [review], roles: [supervisor]");
    let listens = claim(Role::Compliance, "quality", Use::Replay);
    let coaches = claim(Role::Supervisor, "quality", Use::Replay);
    let widened = gate(Stands, &[POLICY, &wider]);
    assert_eq!(word(&widened, &listens, Some(&row(POLICY))).await, "role-not-allowed");
    assert_eq!(word(&widened, &listens, Some(&row(&wider))).await, "open");
    let narrowed = gate(Stands, &[POLICY, &narrower]);
    assert_eq!(word(&narrowed, &coaches, Some(&row(POLICY))).await, "use-not-allowed");
}

#[tokio::test]
async fn consent_is_asked_if_either_policy_rests_on_it() {
    let duty = "quality: { basis: legitimate_interest, retention: P90D, uses: [replay, review], roles: [supervisor] }";
    let start = POLICY.find("quality: {").unwrap();
    let end = start + POLICY[start..].find('\n').unwrap();
    let without = format!("{}{duty}{}", &POLICY[..start], &POLICY[end..]);
    let coaches = claim(Role::Supervisor, "quality", Use::Replay);
    for texts in [[POLICY, without.as_str()], [without.as_str(), POLICY]] {
        let gate = gate(Gone("withdrawn"), &texts);
        assert_eq!(word(&gate, &coaches, Some(&row(texts[0]))).await, "withdrawn");
    }
    let never = gate(Gone("withdrawn"), &[&without]);
    assert_eq!(word(&never, &coaches, Some(&row(&without))).await, "open");
}

/// What refuses by a rule of its own, whatever else allows it.
async fn refused(gate: &Gate, claim: &Claim) -> (ErrorCode, String) {
    match gate.admit(claim, Some(&row(POLICY))).await {
        Err(Error::Refused(refusal)) => (refusal.code(), refusal.word().to_owned()),
        other => panic!("{other:?}"),
    }
}

const HOLD: &str = "0199f2f0-0000-7000-8000-000000000001";

#[rstest]
// What a hold or an order covers opens also where the basis is gone, or consent does not answer.
#[case(Role::Compliance, "mifid2-transaction", Use::LegalClaim, HOLD, Stands, Serves::Allows, "open")]
#[case(Role::PrivacyOfficer, "quality", Use::LegalClaim, HOLD, Gone("withdrawn"), Serves::Allows, "open")]
#[case(Role::Compliance, "quality", Use::LegalClaim, HOLD, Nothing, Serves::Allows, "open")]
#[case(
    Role::Compliance,
    "quality",
    Use::Authority,
    "consob:2026-17",
    Gone("withdrawn"),
    Serves::Allows,
    "open"
)]
// One that does not cover it, or is none, is retention's to tell.
#[case(Role::Compliance, "quality", Use::LegalClaim, HOLD, Stands, Serves::Refuses("no-hold"), "no-hold")]
#[case(Role::Compliance, "quality", Use::Authority, "x", Stands, Serves::Refuses("no-order"), "no-order")]
#[case(Role::Compliance, "quality", Use::LegalClaim, HOLD, Stands, Serves::Refuses("erased"), "erased")]
#[case(Role::Compliance, "quality", Use::LegalClaim, HOLD, Stands, Serves::Nothing, "rule-silent")]
// Nothing is named: retention is not even asked.
#[case(Role::Compliance, "quality", Use::LegalClaim, "", Stands, Serves::Allows, "no-hold")]
#[case(Role::Compliance, "quality", Use::Authority, "", Stands, Serves::Allows, "no-order")]
// A reference opens nothing to who may not claim the use, and no other use.
#[case(Role::Supervisor, "quality", Use::LegalClaim, HOLD, Stands, Serves::Allows, "role-not-allowed")]
#[case(Role::PrivacyOfficer, "quality", Use::Authority, "x", Stands, Serves::Allows, "role-not-allowed")]
#[case(Role::Service, "quality", Use::Probe, HOLD, Stands, Serves::Allows, "use-not-allowed")]
#[case(Role::Supervisor, "quality", Use::Replay, HOLD, Gone("withdrawn"), Serves::Allows, "withdrawn")]
// Every other use asks retention, too.
#[case(Role::Supervisor, "quality", Use::Replay, "", Stands, Serves::Refuses("period-over"), "period-over")]
#[case(Role::Supervisor, "quality", Use::Review, "", Stands, Serves::Refuses("restricted"), "restricted")]
#[case(Role::PrivacyOfficer, "quality", Use::Rights, "", Stands, Serves::Refuses("not-kept"), "not-kept")]
#[case(Role::Compliance, "mifid2-transaction", Use::Replay, "", Stands, Serves::Nothing, "rule-silent")]
#[tokio::test]
async fn holds_orders_and_periods_open_exactly_here(
    #[case] role: Role,
    #[case] name: &str,
    #[case] wanted: Use,
    #[case] reference: &str,
    #[case] consent: Says,
    #[case] retention: Serves,
    #[case] expected: &str,
) {
    let fake = Arc::new(FakeRetention::default());
    fake.will_say(retention);
    let gate = gate_with(consent, Arc::clone(&fake), &[POLICY]);
    let claim = Claim { reference: reference.to_owned(), ..claim(role, name, wanted) };
    assert_eq!(word(&gate, &claim, Some(&row(POLICY))).await, expected);
    let asked = (purpose(name), wanted, reference.to_owned());
    assert!(fake.asked().iter().all(|question| *question == asked));
    assert!(expected != "open" || fake.asked().len() == 1, "nothing opens unasked");
}

#[tokio::test]
async fn what_a_claim_lacks_is_a_precondition_and_what_a_rule_denies_is_not() {
    for (wanted, word) in [(Use::LegalClaim, "no-hold"), (Use::Authority, "no-order")] {
        let fake = Arc::new(FakeRetention::default());
        fake.will_say(Serves::Refuses(word));
        let gate = gate_with(Stands, fake, &[POLICY]);
        for reference in ["", HOLD] {
            let claim =
                Claim { reference: reference.to_owned(), ..claim(Role::Compliance, "quality", wanted) };
            assert_eq!(refused(&gate, &claim).await, (ErrorCode::FailedPrecondition, word.to_owned()));
        }
    }
    let fake = Arc::new(FakeRetention::default());
    fake.will_say(Serves::Refuses("period-over"));
    let listens = claim(Role::Compliance, "mifid2-transaction", Use::Replay);
    let over = refused(&gate_with(Stands, fake, &[POLICY]), &listens).await;
    assert_eq!(over, (ErrorCode::PermissionDenied, "period-over".to_owned()));
    // The word is retention's alone to say.
    let coaches = claim(Role::Supervisor, "quality", Use::Replay);
    let gone = refused(&gate(Gone("no-hold"), &[POLICY]), &coaches).await;
    assert_eq!(gone, (ErrorCode::PermissionDenied, "no-hold".to_owned()));
}

struct Agreeable(&'static str);

#[async_trait]
impl GateRule for Agreeable {
    fn name(&self) -> &'static str {
        self.0
    }
    async fn ask(&self, _: &Question<'_>) -> Answer {
        Answer::Allows
    }
}

#[tokio::test]
async fn a_rule_that_is_not_registered_refuses() {
    for (rules, expected) in [
        (vec![], "rule-silent"),
        (vec!["weather"], "rule-silent"),
        (vec!["consent"], "rule-silent"),
        (vec!["retention"], "rule-silent"),
        (vec!["retention", "consent"], "open"),
    ] {
        let book = FakePolicies::default();
        book.take(POLICY);
        let rules = rules.into_iter().map(|name| Arc::new(Agreeable(name)) as Arc<dyn GateRule>).collect();
        let gate = Gate::new(Arc::new(book), rules);
        let duty = claim(Role::Compliance, "mifid2-transaction", Use::Replay);
        assert_eq!(word(&gate, &duty, Some(&row(POLICY))).await, expected);
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_had_refuses() {
    let gate = Gate::new(Arc::new(FakePolicies::default()), vec![Arc::new(Agreeable("consent"))]);
    let refused = gate.admit(&claim(Role::Compliance, "quality", Use::Replay), Some(&row(POLICY))).await;
    assert!(matches!(refused, Err(Error::Policy(_))));
}
