//! Why a step does not go on, as the code that its item shows.

use kernel::chain;
use policy::code::Code;

use crate::error::Error;
use crate::store::StoreError;

/// Why a step does not go on.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// The recording has no row yet: it is sealed, and then stamped.
    NotStamped,
    /// The probe opened something of what went.
    StillOpen,
    /// Nothing opens elsewhere either, so that what the probe found says nothing.
    ControlSilent,
    /// Others are kept, and none of them could be looked at: what the probe found says nothing yet.
    NoControl,
    /// Somebody did not do its part.
    Failed(Error),
}

impl Stuck {
    /// Its code, which is stored.
    pub(crate) fn code(&self) -> Code {
        Code::new(self.word()).expect("a plain word is a code")
    }

    fn word(&self) -> &'static str {
        match self {
            Self::NotStamped => "not-stamped",
            Self::StillOpen => "still-open",
            Self::ControlSilent => "control-silent",
            Self::NoControl => "no-control",
            Self::Failed(error) => match error {
                Error::Store(_) | Error::Contended(_) => "store",
                Error::Journal(_) => "journal",
                Error::Peer { peer, .. } | Error::Answer { peer, .. } => peer,
                Error::Log(_)
                | Error::Policy(_)
                | Error::Seal(_)
                | Error::Instance(_)
                | Error::Invalid { .. }
                | Error::Unknown { .. }
                | Error::Refused { .. } => "internal",
            },
        }
    }

    /// Whether somebody must look at it where it does not pass.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Self::NotStamped => false,
            Self::StillOpen | Self::ControlSilent | Self::NoControl | Self::Failed(_) => true,
        }
    }

    /// In words, with its causes.
    pub(super) fn chain(&self) -> String {
        match self {
            Self::NotStamped => "the recording is not stamped yet".to_owned(),
            Self::StillOpen => "the probe opens something of what was erased".to_owned(),
            Self::ControlSilent => "the probe opens nothing of what is kept".to_owned(),
            Self::NoControl => "others are kept, and none of them can be looked at for now".to_owned(),
            Self::Failed(error) => chain(error),
        }
    }
}

impl From<Error> for Stuck {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Stuck {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<journal::Error> for Stuck {
    fn from(error: journal::Error) -> Self {
        Self::Failed(error.into())
    }
}
