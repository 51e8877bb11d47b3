use super::RuleId::*;
use super::*;

#[rstest]
#[case::identity_failed(
    "erase audio-leg consent-gone none self identity-failed",
    G1,
    "refuse",
    "A12IdentityFailure"
)]
#[case::unfounded_or_excessive(
    "access audio-leg contract-running none self article-12-5",
    G2,
    "refuse",
    "A12ManifestlyExcessive A12ManifestlyUnfounded"
)]
#[case::not_in_it("access transcript contract-running none absent clear", G3, "not-applicable", "")]
#[case::no_basis_under_a_hold("erase audio-leg none litigation dialog clear", U1, "pending-balance", "")]
#[case::no_basis("withdraw audio-leg none none dialog clear", U2, "erase", "A17UnlawfulProcessing")]
#[case::privileged("access transcript duty-running regulator dialog article-23", A1, "pending-balance", "")]
#[case::the_same_data_again("access search-index consent-live none self clear", A2, "not-applicable", "")]
#[case::others_audible(
    "access audio-leg contract-ended none third clear",
    A3,
    "grant-redacted",
    "ThirdPartyRightsImpaired"
)]
#[case::log(
    "access access-log duty-running none self clear",
    A3,
    "grant-redacted",
    "ThirdPartyRightsImpaired"
)]
#[case::agent_in_danger("access audio-leg contract-running none dialog risk", A4, "grant-redacted", "")]
#[case::access_under_a_hold("access audio-leg duty-running litigation dialog clear", A5, "grant-full", "")]
#[case::backup_not_corrected(
    "rectify backup-copy contract-running none self clear",
    C1,
    "not-applicable",
    ""
)]
#[case::audio_not_edited("rectify audio-leg contract-running none self clear", C2, "annotate", "")]
#[case::transcript_corrected("rectify transcript contract-running none self clear", C3, "correct", "")]
#[case::backup_expires("erase backup-copy consent-gone none self clear", E1, "erase-by-expiry", "")]
#[case::evidence_kept("erase consent-evidence consent-gone none self clear", E2, "retain-minimal", "")]
#[case::litigation(
    "erase transcript consent-gone litigation self clear",
    E3,
    "defer-restrict",
    "A17LegalClaims"
)]
#[case::authority(
    "erase transcript consent-gone regulator self clear",
    E3,
    "defer-restrict",
    "A17LegallyRequired"
)]
#[case::request_of_another(
    "erase transcript consent-gone other-dsar self clear",
    E3,
    "defer-restrict",
    "A17LegallyRequired"
)]
#[case::hold_of_their_own("erase audio-leg consent-gone subject-18c self clear", E4, "pending-subject", "")]
#[case::duty_runs("erase audio-leg duty-running none self clear", E5, "defer-restrict", "A17LegallyRequired")]
#[case::contract_runs("erase call-metadata contract-running none self clear", E6, "refuse", "")]
#[case::grounds_to_keep(
    "erase audio-leg legitimate-interest none self compelling",
    E7,
    "refuse",
    "LegitimateInterestOverride"
)]
#[case::grounds_not_weighed(
    "erase audio-leg legitimate-interest none self clear",
    E8,
    "restrict+pending-balance",
    ""
)]
#[case::mixed_with_others("erase audio-mix consent-gone none dialog clear", E9, "erase-redacting", "")]
#[case::spoken_about("erase audio-leg consent-gone none mentioned clear", E9, "erase-redacting", "")]
#[case::duty_does_not_cover_it("erase voiceprint duty-running none self clear", E10, "erase", "")]
#[case::no_ground_to_restrict("restrict audio-leg contract-ended none self no-ground", R1, "refuse", "")]
#[case::ground_to_restrict("restrict audio-leg contract-ended none self clear", R2, "restrict", "")]
#[case::not_portable("port audio-leg legitimate-interest none self clear", P1, "not-applicable", "")]
#[case::not_provided("port derived consent-live none self clear", P2, "not-applicable", "")]
#[case::ported_whole("port audio-leg consent-live none self clear", P3, "grant-full", "")]
#[case::ported_without_others("port audio-mix contract-running none dialog clear", P4, "grant-redacted", "")]
#[case::marketing(
    "object-marketing audio-leg consent-live litigation self identity-failed",
    M1,
    "stop-purpose",
    ""
)]
#[case::grounds_against_objection("object audio-leg public-task none dialog compelling", O1, "refuse", "")]
#[case::objection_to_be_weighed(
    "object audio-leg legitimate-interest none dialog clear",
    O2,
    "restrict+pending-balance",
    ""
)]
#[case::objection_is_withdrawal("object audio-leg consent-live none self clear", O3, "stop-purpose", "")]
#[case::objection_does_not_reach("object audio-leg duty-running none self clear", O4, "not-applicable", "")]
#[case::withdrawn_without_proof(
    "withdraw audio-leg explicit-9a litigation self identity-failed",
    W1,
    "stop-purpose",
    ""
)]
#[case::nothing_to_withdraw("withdraw audio-leg contract-running none self clear", W2, "not-applicable", "")]
fn each_rule_decides_its_example_and_nothing_else_would(
    #[case] question: &str,
    #[case] rule: RuleId,
    #[case] outcomes: &str,
    #[case] reasons: &str,
) {
    let question = ask(question);
    let verdict = decide(&question);
    assert_eq!((verdict.rule(), said(verdict).as_str()), (rule, outcomes));
    let expected: Vec<Reason> = reasons.split_whitespace().map(|code| code.parse().unwrap()).collect();
    assert_eq!(verdict.reasons(), expected);
    assert_eq!(verdict.reason(), if expected.len() == 1 { Some(expected[0]) } else { None });
    let otherwise = decide_by(&without(rule), &question);
    assert!(otherwise.is_none_or(|otherwise| said(otherwise) != said(verdict)), "{otherwise:?}");
}
