//! The words of what archive, retention and consent answer as numbers.

use kernel::Basis;
use policy::jurisdiction::Area;
use proto::archive::v1::RecordingState;
use proto::common::v1::PartyRole;
use proto::consent::v1::{ConsentScope, EventKind, Expression};

/// How far a recording is.
pub(super) fn state(number: i32) -> &'static str {
    match RecordingState::try_from(number).unwrap_or(RecordingState::Unspecified) {
        RecordingState::Unspecified => "unknown",
        RecordingState::Open => "open",
        RecordingState::Sealing => "sealing",
        RecordingState::Sealed | RecordingState::Addended => "sealed",
        RecordingState::NotRecorded => "not-recorded",
        RecordingState::Erased => "erased",
    }
}

/// What somebody was in a call.
pub(super) fn role(number: i32) -> &'static str {
    match PartyRole::try_from(number).unwrap_or(PartyRole::Unspecified) {
        PartyRole::Agent => "agent",
        PartyRole::Customer => "customer",
        PartyRole::Supervisor => "supervisor",
        PartyRole::Bystander => "bystander",
        PartyRole::Unknown | PartyRole::Unspecified => "unknown",
    }
}

/// Where a law has a basis.
pub(super) fn article(basis: Basis, area: Area) -> String {
    let law = match area {
        Area::Uk => "UK GDPR",
        Area::Eea | Area::Switzerland => "GDPR",
    };
    let letter = match basis {
        Basis::Consent => 'a',
        Basis::Contract => 'b',
        Basis::LegalObligation => 'c',
        Basis::VitalInterest => 'd',
        Basis::PublicTask => 'e',
        Basis::LegitimateInterest => 'f',
    };
    format!("{law} Art. 6(1)({letter})")
}

/// What an event of consent says.
pub(super) fn said(number: i32) -> &'static str {
    match EventKind::try_from(number).unwrap_or(EventKind::Unspecified) {
        EventKind::Unspecified => "unknown",
        EventKind::NoticePresented => "notice-presented",
        EventKind::Asked => "asked",
        EventKind::Given => "given",
        EventKind::Refused => "refused",
        EventKind::Deferred => "deferred",
        EventKind::Withdrawn => "withdrawn",
        EventKind::Expired => "expired",
        EventKind::Revoked => "revoked",
        EventKind::Invalidated => "invalidated",
    }
}

/// How far consent reaches.
pub(super) fn scope(number: i32) -> &'static str {
    match ConsentScope::try_from(number).unwrap_or(ConsentScope::Unspecified) {
        ConsentScope::Unspecified => "unknown",
        ConsentScope::Call => "call",
        ConsentScope::Account => "account",
    }
}

/// How somebody expressed their will.
pub(super) fn expression(number: i32) -> Option<&'static str> {
    match Expression::try_from(number).unwrap_or(Expression::Unspecified) {
        Expression::Unspecified => None,
        Expression::Dtmf => Some("key"),
        Expression::Voice => Some("voice"),
        Expression::App => Some("app"),
        Expression::Web => Some("web"),
        Expression::Written => Some("written"),
        Expression::AgentAttested => Some("agent-attested"),
    }
}
