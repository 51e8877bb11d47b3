//! What recipients of something are told of it (GDPR Art. 19).

use crate::words::words;

words! {
    /// What a recipient must know of.
    Cause {
        /// It was erased (GDPR Art. 17(1)).
        Erased = 1 "erased",
        /// It may be stored and not used (GDPR Art. 18).
        Restricted = 2 "restricted",
        /// It was put right, or a statement was attached (GDPR Art. 16).
        Corrected = 3 "corrected",
    }
}

words! {
    /// How far a notice is.
    NoticeState {
        /// It is published, and nobody has answered.
        Due = 1 "due",
        /// The recipient could not be told; it is published again.
        Failed = 2 "failed",
        /// The recipient knows.
        Acknowledged = 3 "acknowledged",
        /// The recipient cannot be told, or only with disproportionate effort.
        Impossible = 4 "impossible",
    }
}

impl NoticeState {
    /// Whether the recipient is still to be told.
    pub fn is_open(self) -> bool {
        match self {
            Self::Due | Self::Failed => true,
            Self::Acknowledged | Self::Impossible => false,
        }
    }
}
