//! The table itself. What a rule is about, its [`RuleId`](super::RuleId) says.

use super::RuleId::*;
use super::rule::{Rule, is_total};
use super::{BasisState, Category, Gate, HoldState, Outcome, Presence, Reason, Right};

/// What needs no proof of who asks, and is never refused.
const UNCONDITIONAL: &[Right] = &[Right::ObjectMarketing, Right::Withdraw];

/// What ends processing.
const ENDING: &[Right] = &[Right::Erase, Right::Object, Right::ObjectMarketing, Right::Withdraw];

/// What is kept for a reason of its own, and not on a purpose's basis.
const ON_ITS_OWN: &[Category] =
    &[Category::BackupCopy, Category::ConsentEvidence, Category::AccessLog, Category::DsarFile];

/// What has the data of other artefacts again.
const THE_SAME_AGAIN: &[Category] = &[Category::BackupCopy, Category::SearchIndex, Category::Embedding];

/// What shows that everything was done as it should be.
const PROOF: &[Category] = &[Category::ConsentEvidence, Category::AccessLog, Category::DsarFile];

/// What a duty to record covers (MiFID II Art. 16(7)): the record of the call, and nothing computed of it.
const COVERED: &[Category] = &[
    Category::AudioLeg,
    Category::AudioMix,
    Category::Transcript,
    Category::CallMetadata,
    Category::Signalling,
    Category::Dtmf,
    Category::Screen,
    Category::AgentNote,
];

/// What was recorded as it happened, and is not edited.
const AS_IT_HAPPENED: &[Category] = &[
    Category::AudioLeg,
    Category::AudioMix,
    Category::Screen,
    Category::Dtmf,
    Category::Signalling,
    Category::ConsentEvidence,
    Category::AccessLog,
];

/// What the person did not provide.
const NOT_PROVIDED: &[Category] = &[
    Category::Derived,
    Category::Voiceprint,
    Category::AccessLog,
    Category::DsarFile,
    Category::SearchIndex,
    Category::Embedding,
    Category::BackupCopy,
    Category::AgentNote,
];

/// What is withdrawn from; that it was withdrawn before does not matter.
const CONSENT: &[BasisState] = &[BasisState::ConsentLive, BasisState::ConsentGone, BasisState::Explicit9a];

/// What Art. 20 reaches.
const PORTABLE: &[BasisState] = &[
    BasisState::ConsentLive,
    BasisState::Explicit9a,
    BasisState::ContractRunning,
    BasisState::ContractEnded,
];

/// What may be objected to.
const WEIGHED: &[BasisState] = &[BasisState::LegitimateInterest, BasisState::PublicTask];

/// Presences that others have a part in.
const WITH_OTHERS: &[Presence] = &[Presence::Third, Presence::Mentioned];

/// The rules, of which the first that takes a question decides.
pub const RULES: [Rule; 36] = [
    Rule::new(G1, Outcome::Refuse)
        .right_but(UNCONDITIONAL)
        .gate(&[Gate::IdentityFailed])
        .because(&[Reason::A12IdentityFailure]),
    Rule::new(G2, Outcome::Refuse)
        .right_but(UNCONDITIONAL)
        .gate(&[Gate::Article12])
        .because(&[Reason::A12ManifestlyExcessive, Reason::A12ManifestlyUnfounded]),
    Rule::new(G3, Outcome::NotApplicable).presence(&[Presence::Absent]),
    Rule::new(U1, Outcome::PendingBalance)
        .right(ENDING)
        .category_but(ON_ITS_OWN)
        .basis(&[BasisState::None])
        .hold_but(&[HoldState::None]),
    Rule::new(U2, Outcome::Erase)
        .right(ENDING)
        .category_but(ON_ITS_OWN)
        .basis(&[BasisState::None])
        .because(&[Reason::A17UnlawfulProcessing]),
    Rule::new(A1, Outcome::PendingBalance).right(&[Right::Access]).gate(&[Gate::Article23]),
    Rule::new(A2, Outcome::NotApplicable).right(&[Right::Access]).category(THE_SAME_AGAIN),
    Rule::new(A3, Outcome::GrantRedacted)
        .right(&[Right::Access])
        .either(&[Category::AccessLog], WITH_OTHERS)
        .because(&[Reason::ThirdPartyRightsImpaired]),
    Rule::new(A4, Outcome::GrantRedacted)
        .right(&[Right::Access])
        .presence(&[Presence::Dialog])
        .gate(&[Gate::Risk]),
    Rule::new(A5, Outcome::GrantFull).right(&[Right::Access]),
    Rule::new(C1, Outcome::NotApplicable).right(&[Right::Rectify]).category(&[Category::BackupCopy]),
    Rule::new(C2, Outcome::Annotate).right(&[Right::Rectify]).category(AS_IT_HAPPENED),
    Rule::new(C3, Outcome::Correct).right(&[Right::Rectify]),
    Rule::new(E1, Outcome::EraseByExpiry).right(&[Right::Erase]).category(&[Category::BackupCopy]),
    Rule::new(E2, Outcome::RetainMinimal).right(&[Right::Erase]).category(PROOF),
    Rule::new(E3, Outcome::DeferRestrict)
        .right(&[Right::Erase])
        .hold(&[HoldState::Litigation, HoldState::Regulator, HoldState::OtherDsar])
        .because(&[Reason::A17LegallyRequired])
        .because_in_litigation(&[Reason::A17LegalClaims]),
    Rule::new(E4, Outcome::PendingSubject).right(&[Right::Erase]).hold(&[HoldState::Subject18c]),
    Rule::new(E5, Outcome::DeferRestrict)
        .right(&[Right::Erase])
        .category(COVERED)
        .basis(&[BasisState::DutyRunning])
        .because(&[Reason::A17LegallyRequired]),
    Rule::new(E6, Outcome::Refuse)
        .right(&[Right::Erase])
        .basis(&[BasisState::ContractRunning, BasisState::VitalInterest]),
    Rule::new(E7, Outcome::Refuse)
        .right(&[Right::Erase])
        .basis(WEIGHED)
        .gate(&[Gate::Compelling])
        .because(&[Reason::LegitimateInterestOverride]),
    Rule::new(E8, Outcome::Restrict).also(Outcome::PendingBalance).right(&[Right::Erase]).basis(WEIGHED),
    Rule::new(E9, Outcome::EraseRedacting).right(&[Right::Erase]).either(&[Category::AudioMix], WITH_OTHERS),
    Rule::new(E10, Outcome::Erase).right(&[Right::Erase]),
    Rule::new(R1, Outcome::Refuse).right(&[Right::Restrict]).gate(&[Gate::NoGround]),
    Rule::new(R2, Outcome::Restrict).right(&[Right::Restrict]),
    Rule::new(P1, Outcome::NotApplicable).right(&[Right::Port]).basis_but(PORTABLE),
    Rule::new(P2, Outcome::NotApplicable).right(&[Right::Port]).category(NOT_PROVIDED),
    Rule::new(P3, Outcome::GrantFull).right(&[Right::Port]).presence(&[Presence::Oneself]),
    Rule::new(P4, Outcome::GrantRedacted).right(&[Right::Port]),
    Rule::new(M1, Outcome::StopPurpose).right(&[Right::ObjectMarketing]),
    Rule::new(O1, Outcome::Refuse).right(&[Right::Object]).basis(WEIGHED).gate(&[Gate::Compelling]),
    Rule::new(O2, Outcome::Restrict).also(Outcome::PendingBalance).right(&[Right::Object]).basis(WEIGHED),
    Rule::new(O3, Outcome::StopPurpose).right(&[Right::Object]).basis(CONSENT),
    Rule::new(O4, Outcome::NotApplicable).right(&[Right::Object]),
    Rule::new(W1, Outcome::StopPurpose).right(&[Right::Withdraw]).basis(CONSENT),
    Rule::new(W2, Outcome::NotApplicable).right(&[Right::Withdraw]),
];

const _: () = assert!(is_total(&RULES), "a right has no rule that takes whatever is asked under it");
