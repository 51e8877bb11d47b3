//! What crypto did not do, on which id; never with key material or a stated reason in it.

use std::fmt;

use kernel::{ErasureId, ErrorCode, KeyEpoch, LeaseId, PageId, RecordingId, Retry, ServiceError, TenantId};
use seal::SectionAddress;

use crate::backend;
use crate::canary::ShelfError;
use crate::consent::ConsentError;
use crate::copies::CopyError;
use crate::gate::Refusal;
use crate::policies::PolicyUnavailable;
use crate::store::StoreError;

/// Why a call to crypto failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key backend failed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// A cipher or a format refused.
    #[error("cannot {act}")]
    Seal {
        /// What was attempted.
        act: &'static str,
        /// Why it failed.
        #[source]
        source: seal::Error,
    },
    /// The request is wrong in itself.
    #[error("{field} {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nobody began this epoch, or it has been destroyed.
    #[error("tenant {tenant} has no key epoch {epoch}")]
    UnknownEpoch {
        /// Whose.
        tenant: TenantId,
        /// Which.
        epoch: KeyEpoch,
    },
    /// Nothing that was sealed to this epoch is taken in any more.
    #[error("key epoch {epoch} of tenant {tenant} is over, and takes nothing in that was sealed to it")]
    EpochOver {
        /// Whose.
        tenant: TenantId,
        /// Which.
        epoch: KeyEpoch,
    },
    /// What was sealed to an epoch does not open for its place.
    #[error("the sealed key of {} does not open", Shown(section))]
    Unopened {
        /// The section that it was said to be for.
        section: SectionAddress,
        /// Why.
        #[source]
        source: seal::Error,
    },
    /// The section is there with another key.
    #[error("{} was adopted before with another key", Shown(.0))]
    OtherKey(SectionAddress),
    /// A page holds something that its locator does not say.
    #[error("page {0} does not hold what its locator says")]
    Misplaced(PageId),
    /// A page has lost entries, or has some that nobody counted.
    #[error("page {page} holds {found} entries where {counted} were counted")]
    Miscounted {
        /// Which page.
        page: PageId,
        /// How many it holds.
        found: u64,
        /// How many were added and not removed.
        counted: u64,
    },
    /// Others wrote at the same time, again and again.
    #[error("{0} is being changed by others")]
    Contended(&'static str),
    /// Another sealing has taken over with another timeline or policy.
    #[error("recording {0} is being sealed under another timeline or policy")]
    Overtaken(RecordingId),
    /// An erasure came again with more to erase than it marked: what is erased is said once.
    #[error("erasure {erasure} has marked recording {recording} with another scope")]
    OtherScope {
        /// Which erasure.
        erasure: ErasureId,
        /// Which recording.
        recording: RecordingId,
    },
    /// The gate says no.
    #[error("not allowed: {0}")]
    Refused(Refusal),
    /// The lease has run out, or was never given.
    #[error("lease {0} does not run")]
    NoLease(LeaseId),
    /// As many leases run as may.
    #[error("{0} leases run, which is the bound")]
    LeasesFull(usize),
    /// consent does not answer.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The policy cannot be had.
    #[error(transparent)]
    Policy(#[from] PolicyUnavailable),
    /// How far others have read the event log is not known.
    #[error("the event log does not tell how far it was read")]
    Log(#[source] eventlog::Error),
    /// The restrictive journal does not take the end of an epoch.
    #[error("the end of key epoch {epoch} of tenant {tenant} cannot be journalled")]
    Journal {
        /// Whose.
        tenant: TenantId,
        /// Which.
        epoch: KeyEpoch,
        /// Why.
        #[source]
        source: Box<journal::Error>,
    },
    /// The key tables were not copied.
    #[error(transparent)]
    Copies(#[from] CopyError),
    /// What is kept of canaries cannot be had.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The bearer's token was not taken.
    #[error("the subject token was not taken")]
    Token(#[source] platform::auth::AuthError),
}

impl Error {
    pub(crate) fn invalid(field: &'static str, problem: &'static str) -> Self {
        Self::Invalid { field, problem }
    }

    /// For `map_err`: says what was attempted.
    pub(crate) fn seal(act: &'static str) -> impl Fn(seal::Error) -> Self {
        move |source| Self::Seal { act, source }
    }

    /// The word that goes beside the status.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(refusal.word()),
            Self::NoLease(_) => Some("lease-expired"),
            Self::OtherKey(_) => Some("other-key"),
            Self::OtherScope { .. } => Some("other-scope"),
            Self::Token(_) => Some("subject-token"),
            Self::EpochOver { .. } => Some("epoch-over"),
            Self::Store(_)
            | Self::Backend(_)
            | Self::Seal { .. }
            | Self::Invalid { .. }
            | Self::UnknownEpoch { .. }
            | Self::Unopened { .. }
            | Self::Misplaced(_)
            | Self::Miscounted { .. }
            | Self::Log(_)
            | Self::Journal { .. }
            | Self::Copies(_)
            | Self::Shelf(_)
            | Self::Contended(_)
            | Self::Overtaken(_)
            | Self::LeasesFull(_)
            | Self::Consent(_)
            | Self::Policy(_) => None,
        }
    }
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Backend(error) => error.code(),
            Self::Seal { source, .. } => source.code(),
            // Of an epoch that is over nothing is taken, however often it comes.
            Self::Invalid { .. } | Self::Unopened { .. } | Self::EpochOver { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::Log(error) => error.code(),
            Self::Journal { source, .. } => source.code(),
            Self::Copies(error) => error.code(),
            Self::Shelf(error) => error.code(),
            Self::UnknownEpoch { .. } => ErrorCode::FailedPrecondition,
            Self::OtherKey(_) | Self::OtherScope { .. } => ErrorCode::AlreadyExists,
            Self::Misplaced(_) | Self::Miscounted { .. } => ErrorCode::DataLoss,
            Self::Contended(_) => ErrorCode::Unavailable,
            Self::Overtaken(_) => ErrorCode::Aborted,
            Self::Refused(refusal) => refusal.code(),
            Self::NoLease(_) => ErrorCode::NotFound,
            Self::LeasesFull(_) => ErrorCode::ResourceExhausted,
            Self::Consent(_) | Self::Policy(_) => ErrorCode::Unavailable,
            Self::Token(error) => error.code(),
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

struct Shown<'a>(&'a SectionAddress);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SectionAddress { recording, leg, section } = self.0;
        write!(f, "recording {recording} leg {leg} section {section}")
    }
}
