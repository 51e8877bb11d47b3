//! The gate as a table: role, purpose, use and consent's answer, silence included.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kernel::{PrincipalKind, Role};
use rstest::rstest;
use seal::Hash;

use super::*;
use crate::store::RecordingState;
use crate::testing::{FakeConsent, FakePolicies, POLICY, Says, other_tenant, purpose, tenant};

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
    let (fake, book) = (FakeConsent::default(), FakePolicies::default());
    for name in ["mifid2-transaction", "quality", "training"] {
        fake.will_say(name, [consent.clone()]);
    }
    policies.iter().for_each(|text| book.take(text));
    Gate::new(Arc::new(book), vec![Arc::new(rules::ConsentRule(Arc::new(fake)))])
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
#[case(Role::PrivacyOfficer, "quality", Use::Rights, Gone("withdrawn"), "withdrawn")]
#[case(Role::PrivacyOfficer, "quality", Use::Replay, Stands, "role-not-allowed")]
#[case(Role::Supervisor, "quality", Use::Rights, Stands, "role-not-allowed")]
// A claim needs a hold, an authority its order; a role that may not claim them is told that.
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
    for (rules, expected) in
        [(vec![], "rule-silent"), (vec!["weather"], "rule-silent"), (vec!["consent"], "open")]
    {
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
