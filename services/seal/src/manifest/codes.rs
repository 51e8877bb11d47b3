//! The codes of a manifest: numbers that leave the process and are never reused.

use std::fmt;
use std::str::FromStr;

use crate::cbor::{DecodeError, Reader};
use crate::error::Error;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $text:literal,)+ })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The number that leaves the process; never reused.
            pub fn number(self) -> u32 { self as u32 }
            /// The value with this number.
            pub fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
            /// The word that people and JSON read.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $text,)+ } }
            pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let number = r.narrow()?;
                Self::from_number(number).ok_or_else(|| r.wrong("is not a known code"))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }
    )+ };
}

codes! {
    /// Why a recording ended.
    EndCause {
        /// The sender closed it.
        Closed = 1 "closed",
        /// Recording was stopped for good.
        Stopped = 2 "stopped",
        /// Nothing was heard of it any more.
        Abandoned = 3 "abandoned",
        /// No purpose had a basis any more, and none could come.
        NoBasis = 4 "no_basis",
    }

    /// Whether every frame number up to each leg's last lies in a stored span or a dropped range.
    Completeness {
        /// It does.
        Complete = 1 "complete",
        /// The legs name what is missing.
        Gaps = 2 "gaps",
    }

    /// What a leg's party is in the call.
    PartyRole {
        /// Who called or was called.
        Customer = 1 "customer",
        /// Who works for the centre.
        Agent = 2 "agent",
        /// Who listens in or takes over.
        Supervisor = 3 "supervisor",
        /// Anybody else.
        Bystander = 4 "bystander",
        /// A machine: announcement, voice menu.
        System = 5 "system",
        /// Several parties on one channel.
        Mixed = 6 "mixed",
        /// Not said by the sender.
        Unknown = 7 "unknown",
    }

    /// Why frames were not stored.
    DropReason {
        /// Spoken in a pause.
        Pause = 1 "pause",
        /// No purpose had a basis.
        NoBasis = 2 "no_basis",
        /// The sender says that it has lost them.
        Sender = 3 "sender",
        /// Recording had been stopped for good.
        Stopped = 4 "stopped",
    }

    /// Why a call was not recorded at all.
    NotRecordedReason {
        /// No purpose was granted; the denials say why.
        NoPurposeGranted = 1 "no_purpose_granted",
        /// A purpose waited for its basis, which never came.
        BasisNeverCame = 2 "basis_never_came",
        /// The tenant's policy records nothing.
        EmptyPolicy = 3 "empty_policy",
        /// An expected call never reached the recorder.
        NeverOpened = 4 "never_opened",
        /// The recorder could not record: no key epoch, no store, no room.
        NotAble = 5 "not_able",
        /// All that came was paused or dropped.
        NothingKept = 6 "nothing_kept",
    }
}

/// A reason from the tenant's policy or its vocabulary: 1 to 63 characters `a-z 0-9 _ -`, never a
/// sender's text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReasonCode(String);

impl ReasonCode {
    /// Takes a code.
    pub fn new(text: &str) -> Result<Self, Error> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if text.is_empty() || text.len() > 63 || !text.bytes().all(legal) {
            return Err(Error::invalid("reason code", "must have 1 to 63 of the characters a-z 0-9 _ -"));
        }
        Ok(Self(text.to_owned()))
    }
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReasonCode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
