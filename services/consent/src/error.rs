//! What consent did not do, on which id; never with an identifier in it.

use kernel::{ErrorCode, EventId, Retry, ServiceError, SubjectId, TenantId};
use policy::PolicyHash;

use crate::admission::Refusal;
use crate::identifier::Malformed;
use crate::keys::KeysError;
use crate::links::LinkRefusal;
use crate::policies::directory::LoadError;
use crate::store::StoreError;

/// Why a call to consent failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// crypto does not answer, or not as agreed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The policies were not taken in; those of before stay.
    #[error("the policies are refused")]
    Policies(#[from] LoadError),
    /// A stored policy is not what its hash says.
    #[error("the policy {hash} of tenant {tenant} is not what was stored")]
    PolicyDamaged {
        /// Whose.
        tenant: TenantId,
        /// Which.
        hash: PolicyHash,
    },
    /// The tenant has no such policy, or none at all.
    #[error("tenant {tenant} has no such policy")]
    UnknownPolicy {
        /// Whose.
        tenant: TenantId,
        /// Which was asked for; none: the one in force.
        hash: Option<PolicyHash>,
    },
    /// The request is wrong in itself.
    #[error("{field} {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An identifier is not one of its kind.
    #[error(transparent)]
    Identifier(#[from] Malformed),
    /// An event that cannot be taken.
    #[error("event {event} is refused: {refusal}")]
    Refused {
        /// Which.
        event: EventId,
        /// Why.
        refusal: Refusal,
    },
    /// A link that cannot be taken.
    #[error(transparent)]
    Link(#[from] LinkRefusal),
    /// An identifier is somebody else's from then on already, or from later on.
    #[error("the identifier was given to somebody from then on, or from later on, already")]
    ReassignedAlready,
    /// Nobody, or nobody in the call, is meant.
    #[error("there is no such subject")]
    UnknownSubject,
    /// The event's id is there with another content.
    #[error("event {0} was recorded before with another content")]
    OtherContent(EventId),
    /// A subject's values cannot be sealed.
    #[error("the values of subject {subject} cannot be sealed")]
    Sealing {
        /// Whose.
        subject: SubjectId,
        /// Why.
        #[source]
        source: seal::Error,
    },
    /// Others changed the subject's consent at the same time, again and again.
    #[error("the consent of subject {0} is being changed by others")]
    Contended(SubjectId),
    /// Others changed the subject's links at the same time, again and again.
    #[error("the links of subject {0} are being changed by others")]
    LinksContended(SubjectId),
    /// As many watch as may.
    #[error("{0} watch, which is the bound")]
    WatchesFull(usize),
    /// The process ends.
    #[error("consent is ending")]
    Ending,
}

impl Error {
    pub(crate) fn invalid(field: &'static str, problem: &'static str) -> Self {
        Self::Invalid { field, problem }
    }

    /// The word that goes beside the status.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.as_str()),
            Self::Link(refusal) => Some(refusal.as_str()),
            Self::ReassignedAlready => Some("reassigned-already"),
            Self::UnknownSubject => Some("unknown-subject"),
            Self::UnknownPolicy { hash: None, .. } => Some("no-policy"),
            Self::UnknownPolicy { hash: Some(_), .. } => Some("unknown-policy"),
            Self::OtherContent(_) => Some("other-content"),
            Self::Identifier(_) => Some("identifier-malformed"),
            Self::Store(_)
            | Self::Keys(_)
            | Self::Policies(_)
            | Self::PolicyDamaged { .. }
            | Self::Invalid { .. }
            | Self::Sealing { .. }
            | Self::Contended(_)
            | Self::LinksContended(_)
            | Self::WatchesFull(_)
            | Self::Ending => None,
        }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Policies(error) => error.code(),
            Self::PolicyDamaged { .. } => ErrorCode::DataLoss,
            Self::UnknownPolicy { .. } | Self::UnknownSubject => ErrorCode::NotFound,
            Self::Invalid { .. } | Self::Identifier(_) => ErrorCode::InvalidArgument,
            Self::Refused { refusal, .. } => refusal.code(),
            Self::Link(refusal) => refusal.code(),
            Self::ReassignedAlready => ErrorCode::FailedPrecondition,
            Self::OtherContent(_) => ErrorCode::AlreadyExists,
            Self::Sealing { .. } => ErrorCode::Internal,
            Self::Contended(_) | Self::LinksContended(_) | Self::Ending => ErrorCode::Unavailable,
            Self::WatchesFull(_) => ErrorCode::ResourceExhausted,
        }
    }

    fn retry(&self) -> Retry {
        match self.code() {
            ErrorCode::Unavailable | ErrorCode::ResourceExhausted | ErrorCode::DeadlineExceeded => {
                Retry::Backoff
            }
            _ => Retry::No,
        }
    }
}
