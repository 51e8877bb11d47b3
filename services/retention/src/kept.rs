//! A recording as retention knows it: facts by random ids, and the end of each purpose and kind of data. Pure.

use kernel::{PurposeName, RecordingId, SubjectId, TenantId, Timestamp};
use policy::PolicyHash;
use policy::retention::{DataKind, Stamp};

/// Most terms of one recording: purposes by kinds of data.
pub const MAX_TERMS: usize = 256;
/// Most parties of one recording.
pub const MAX_PARTIES: usize = 64;

/// Which recording.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecordingKey {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: RecordingId,
}

/// How far a purpose's time has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TermState {
    /// It may be used for the purpose.
    Running = 1,
    /// Its time is over, or its basis is gone: it opens nothing any more, and its entries are to go.
    Ending = 2,
    /// Its entries are gone.
    Ended = 3,
}

/// One purpose's data of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// Until when, and who says so.
    pub stamp: Stamp,
    /// How far it has come.
    pub state: TermState,
}

/// A sealed recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Which.
    pub key: RecordingKey,
    /// 1 when first stamped, one more with each change.
    pub version: u64,
    /// When it began, in domain time.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The policy that it was made under.
    pub policy: PolicyHash,
    /// Whose voices are on it, as far as they are known; each once.
    pub parties: Vec<SubjectId>,
    /// Each purpose and kind of data once, in their order.
    pub terms: Vec<Term>,
}

impl Kept {
    /// The term of a purpose and kind of data.
    pub fn term(&self, purpose: &PurposeName, kind: DataKind) -> Option<&Term> {
        self.terms.iter().find(|term| term.stamp.purpose == *purpose && term.stamp.kind == kind)
    }

    /// When the first of its running terms ends; none where none runs.
    pub fn due(&self) -> Option<Timestamp> {
        self.terms.iter().filter(|term| term.state == TermState::Running).map(|term| term.stamp.ends).min()
    }
}

/// A recording that is due: a hint, to be looked up. Its row decides.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Due {
    /// When its first running term ends.
    pub at: Timestamp,
    /// Which.
    pub id: RecordingId,
}

macro_rules! numbers {
    ($state:ident { $($variant:ident = $number:literal,)+ }) => {
        impl $state {
            /// The number that is stored; never reused.
            pub fn number(self) -> i64 {
                self as i64
            }
            /// The state with this number.
            pub fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use numbers;

numbers! { TermState { Running = 1, Ending = 2, Ended = 3, } }
