//! Why something that was said is not taken.

use kernel::ErrorCode;

/// Why an event is not taken; nothing is changed then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// It names no purpose.
    PurposeMissing,
    /// It names a purpose that the tenant's policy does not have.
    UnknownPurpose,
    /// It is about consent to a purpose that does not rest on it.
    PurposeNotOnConsent,
    /// It names no notice, and none was presented in the call.
    NoticeMissing,
    /// It names a notice that the tenant's policy does not have.
    UnknownNotice,
    /// Its notice does not tell of every purpose that it names.
    NoticeNotForPurpose,
    /// It does not say how consent was expressed.
    ExpressionMissing,
    /// It is further in the future than a sender's clock may be.
    ClockAhead,
    /// It is an answer to a question that was not put.
    NotAsked,
    /// It is older than, or at the same moment as, what took the consent away.
    ConsentNotStanding,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 10] = [
        Self::PurposeMissing,
        Self::UnknownPurpose,
        Self::PurposeNotOnConsent,
        Self::NoticeMissing,
        Self::UnknownNotice,
        Self::NoticeNotForPurpose,
        Self::ExpressionMissing,
        Self::ClockAhead,
        Self::NotAsked,
        Self::ConsentNotStanding,
    ];

    /// The code that callers get.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PurposeMissing => "purpose-missing",
            Self::UnknownPurpose => "unknown-purpose",
            Self::PurposeNotOnConsent => "purpose-not-on-consent",
            Self::NoticeMissing => "notice-missing",
            Self::UnknownNotice => "unknown-notice",
            Self::NoticeNotForPurpose => "notice-not-for-purpose",
            Self::ExpressionMissing => "expression-missing",
            Self::ClockAhead => "clock-ahead",
            Self::NotAsked => "not-asked",
            Self::ConsentNotStanding => "consent-not-standing",
        }
    }

    /// The kind of failure.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::PurposeMissing
            | Self::UnknownPurpose
            | Self::PurposeNotOnConsent
            | Self::NoticeMissing
            | Self::UnknownNotice
            | Self::NoticeNotForPurpose
            | Self::ExpressionMissing
            | Self::ClockAhead => ErrorCode::InvalidArgument,
            Self::NotAsked | Self::ConsentNotStanding => ErrorCode::FailedPrecondition,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
