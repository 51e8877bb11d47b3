//! What the rules say, in words for whoever decides: short, and no more than the rules have.

use policy::rights::{Outcome, Reason, RuleId};

/// What a word means that this version does not know.
const UNKNOWN: &str = "which this version does not know";

/// What becomes of an artefact, by the outcome's word.
pub(crate) fn outcome_words(outcome: &str) -> &'static str {
    let Ok(outcome) = outcome.parse::<Outcome>() else { return UNKNOWN };
    match outcome {
        Outcome::GrantFull => "a copy of it is given, whole",
        Outcome::GrantRedacted => "a copy of it is given, without what is of others",
        Outcome::Correct => "a version that is right is made, by hand",
        Outcome::Annotate => "it stays as it is, and the person's statement is attached once it is filed",
        Outcome::Erase => "it is erased",
        Outcome::EraseByExpiry => "it expires with its backup, and is erased again wherever that is restored",
        Outcome::DeferRestrict => "it is restricted now, and erased once nothing forbids that",
        Outcome::Restrict => "it is stored, and nothing else is done with it",
        Outcome::StopPurpose => "the purpose stops",
        Outcome::RetainMinimal => "it is kept as a proof, for its own period",
        Outcome::Refuse => "it is not done, and the answer says why",
        Outcome::NotApplicable => "the right does not reach it, and the answer says so",
        Outcome::PendingSubject => "the person must choose first",
        Outcome::PendingBalance => "somebody must weigh interests first",
        Outcome::EraseRedacting => "it is erased once a copy without the person's part is made, by hand",
    }
}

/// Why, by the rule's id.
pub(crate) fn rule_words(rule: &str) -> &'static str {
    let Ok(rule) = rule.parse::<RuleId>() else { return UNKNOWN };
    match rule {
        RuleId::G1 => "who asks could not be shown to be the person",
        RuleId::G2 => "it was proven unfounded or excessive",
        RuleId::G3 => "the person is not in it",
        RuleId::U1 => "no basis was ever recorded, and a hold stands",
        RuleId::U2 => "no basis was ever recorded",
        RuleId::A1 => "a restriction by law may apply",
        RuleId::A2 => "it has the same data as other artefacts",
        RuleId::A3 => "others are in it",
        RuleId::A4 => "an answer in full would endanger the agent",
        RuleId::A5 => "nothing stands against a copy",
        RuleId::C1 => "a backup expires, and what is restored is corrected again",
        RuleId::C2 => "what was recorded as it happened is not edited",
        RuleId::C3 => "what is wrong is put right",
        RuleId::E1 => "nobody takes one artefact out of a backup",
        RuleId::E2 => "it is the proof that all was done as it should be",
        RuleId::E3 => "a hold forbids to erase it",
        RuleId::E4 => "the person asked that it is kept for them",
        RuleId::E5 => "a duty to keep it runs",
        RuleId::E6 => "it is needed for a contract or a vital interest",
        RuleId::E7 => "compelling grounds were approved",
        RuleId::E8 => "who asks for erasure also objects",
        RuleId::E9 => "others have a part in it",
        RuleId::E10 => "nothing stands against its erasure",
        RuleId::R1 => "no ground was given",
        RuleId::R2 => "a ground was shown",
        RuleId::P1 => "it rests on neither consent nor contract",
        RuleId::P2 => "the person did not provide it",
        RuleId::P3 => "it is theirs alone",
        RuleId::P4 => "others are in it",
        RuleId::M1 => "marketing stops whatever else is said",
        RuleId::O1 => "compelling grounds were approved",
        RuleId::O2 => "the objection is weighed",
        RuleId::O3 => "it rests on consent, so that this withdraws it",
        RuleId::O4 => "its basis knows no objection",
        RuleId::W1 => "consent is taken back",
        RuleId::W2 => "it does not rest on consent",
    }
}

/// A reason's code of the Data Privacy Vocabulary with the article that it stands for.
pub(crate) fn reason_words(reason: &str) -> &'static str {
    let Ok(reason) = reason.parse::<Reason>() else { return UNKNOWN };
    match reason {
        Reason::A12IdentityFailure => "Art. 12(2) and (6)",
        Reason::A12ManifestlyExcessive | Reason::A12ManifestlyUnfounded => "Art. 12(5)",
        Reason::A17UnlawfulProcessing => "Art. 17(1)(d)",
        Reason::A17LegalClaims => "Art. 17(3)(e)",
        Reason::A17LegallyRequired => "Art. 17(3)(b)",
        Reason::ThirdPartyRightsImpaired => "Art. 15(4)",
        Reason::LegitimateInterestOverride => "Art. 21(1)",
    }
}

/// What keeps a request where it is, by its code.
pub(crate) fn waits_words(code: &str) -> &str {
    match code {
        "work" => "the mesh, which goes on by itself",
        "identity" => "who asks to be shown to be the person",
        "subject" => "an answer of who asks",
        "plan" => "a plan",
        "decisions" => "somebody to decide",
        "second-person" => "another person's yes",
        "hand-out" => "the copy to be handed out",
        "by-hand" => "what is to be done by hand",
        "delivery" => "the answer to be delivered",
        "other-request" => "the answer of the request that it is answered with",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_rules_has_words_and_no_other_has() {
        let outcomes = Outcome::ALL.iter().map(|outcome| outcome_words(outcome.as_str()));
        let rules = RuleId::ALL.iter().map(|rule| rule_words(rule.as_str()));
        let reasons = Reason::ALL.iter().map(|reason| reason_words(reason.as_str()));
        assert!(outcomes.chain(rules).chain(reasons).all(|words| words != UNKNOWN));
        assert_eq!([outcome_words("burn"), rule_words("Z9"), reason_words("")], [UNKNOWN; 3]);
        assert_eq!(waits_words("something-new"), "something-new");
    }
}
