//! The index: heads of logs, sealed entries with what they are found by, and what producers have come to.
//!
//! It is what a writer commits to and what queries read; the objects are what it can be rebuilt from. A batch
//! is staged under the writer's fence, invisible, and becomes the log by one conditional update of the head:
//! of two writers at most one commits on a size, and rows of the other are never seen. An index has the logs of every
//! incarnation, so that what the closed ones have is still found and proved. `contract.rs` says what every adapter
//! must keep.

mod part;
pub mod scylla;
pub mod sqlite;

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use kernel::{ErrorCode, EventId, InstanceId, ServiceError, TenantId, Timestamp};
use merkle::{Hash, TreeHead};

use crate::leaf::{Sealed, Term};
pub use part::{Begun, Era, Generation, LogId, Part};

/// The index did not do something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} in the ledger's index")]
pub struct StoreError {
    act: &'static str,
    code: ErrorCode,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// What was attempted, which kind of failure it was, and why.
    pub fn new(
        act: &'static str,
        code: ErrorCode,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { act, code, source: source.into() }
    }
}

impl ServiceError for StoreError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// How far a log has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The committed log.
    pub tree: TreeHead,
    /// Offset of the first record of the topic that is not in it; 0 in the root log.
    pub next_offset: u64,
    /// The log as its newest checkpoint has it: the tiles of this are readable.
    pub published: TreeHead,
    /// Entries below this index are in entry objects.
    pub stored: u64,
}

impl Head {
    /// A log in which nothing has happened.
    pub const EMPTY: Self =
        Self { tree: TreeHead::EMPTY, next_offset: 0, published: TreeHead::EMPTY, stored: 0 };
}

/// A log taken over: whoever claimed before commits nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What every commit must name; higher than any given before.
    pub fence: u64,
    /// The log as it stands.
    pub head: Head,
}

/// An entry of a partition's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its log.
    pub part: Part,
    /// Its leaf's index.
    pub index: u64,
    /// Whose.
    pub tenant: TenantId,
    /// When, in domain time.
    pub at: Timestamp,
    /// Its identity, commitment and bytes.
    pub sealed: Sealed,
}

/// A row with what it is found by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRow {
    /// The row.
    pub row: Row,
    /// Each once.
    pub terms: Vec<Term>,
}

/// How far a producer has come in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Producer {
    /// Which.
    pub id: InstanceId,
    /// The highest number that is accounted for: seen, or named as missing.
    pub last: u64,
    /// Whether more is to come.
    pub state: ProducerState,
}

/// Whether a producer is still at work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProducerState {
    /// It beats.
    Running = 1,
    /// It said goodbye.
    Closed = 2,
    /// It fell silent, and the ledger says so.
    Silent = 3,
}

/// What a partition's log becomes by one commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Which partition's.
    pub part: Part,
    /// The writer's fence. A writer stages an index at most once under one fence.
    pub fence: u64,
    /// The size that it was staged on.
    pub on: u64,
    /// The log afterwards.
    pub tree: TreeHead,
    /// Where the topic goes on afterwards.
    pub next_offset: u64,
    /// The new entries, from index `on`.
    pub rows: Vec<NewRow>,
    /// The producers that have come further.
    pub producers: Vec<Producer>,
}

/// A leaf of the root log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootRow {
    /// Whose root log.
    pub generation: Generation,
    /// The writer's fence.
    pub fence: u64,
    /// Its index; the size that it was staged on.
    pub index: u64,
    /// Its contents.
    pub data: Vec<u8>,
    /// The log afterwards.
    pub tree: TreeHead,
}

/// What became of a conditional write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committed {
    /// It stands.
    Done,
    /// Another writer has the log; nothing was changed.
    Fenced,
}

/// Which entries are looked for; all conditions hold at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// Whose.
    pub tenant: TenantId,
    /// Found by each of these.
    pub terms: Vec<Term>,
    /// Not before this.
    pub from: Timestamp,
    /// Before this.
    pub to: Timestamp,
    /// Beyond this one, in the order asked for.
    pub after: Option<Spot>,
    /// In which order.
    pub order: Order,
    /// At most so many.
    pub limit: u32,
}

/// In which order entries are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// By time, log and index.
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

/// Where an entry lies in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spot {
    /// When it happened.
    pub at: Timestamp,
    /// Its log.
    pub part: Part,
    /// Its index.
    pub index: u64,
}

/// The ledger's index.
#[async_trait]
pub trait LedgerStore: Send + Sync + 'static {
    /// The incarnations that this index has, in order of generation; the last one is what goes on.
    async fn incarnations(&self) -> Result<Vec<Begun>, StoreError>;
    /// Gives a generation this incarnation, if it has none yet; answers which one stands. Whoever calls has seen that
    /// all generations before have one.
    async fn begin(&self, begun: &Begun) -> Result<Begun, StoreError>;

    /// Takes a log over. Rows that earlier claimants staged and did not commit may be dropped.
    async fn claim(&self, log: LogId) -> Result<Claim, StoreError>;
    /// The heads of all logs that were ever claimed.
    async fn heads(&self) -> Result<Vec<(LogId, Head)>, StoreError>;

    /// Writes a batch's rows where nobody sees them.
    async fn stage(&self, batch: &Batch) -> Result<(), StoreError>;
    /// Makes a staged batch the log, if the fence and the size that it was staged on still stand. After an
    /// error it may or may not have been done: claim again and see.
    async fn commit(&self, batch: &Batch) -> Result<Committed, StoreError>;
    /// The same for a leaf of the root log, in one act.
    async fn commit_root(&self, leaf: &RootRow) -> Result<Committed, StoreError>;
    /// Moves the offset at which the topic goes on to wherever is said, also back, if the fence still stands: the
    /// topic has become another one. The log stays as it is.
    async fn rewind(&self, part: Part, fence: u64, next_offset: u64) -> Result<Committed, StoreError>;

    /// Says that a checkpoint of this tree was published. Never moves back.
    async fn mark_published(&self, log: LogId, tree: TreeHead) -> Result<(), StoreError>;
    /// Says that entries below this index are in entry objects. Never moves back.
    async fn mark_stored(&self, part: Part, below: u64) -> Result<(), StoreError>;

    /// Those of the events that are in the partition's log, of this incarnation or of one before it.
    async fn known(&self, part: Part, events: &[EventId]) -> Result<BTreeSet<EventId>, StoreError>;
    /// The producers of the entries of a partition's log.
    async fn producers(&self, part: Part) -> Result<Vec<Producer>, StoreError>;

    /// Committed entries from an index on, in order, at most `limit`.
    async fn rows(&self, part: Part, from: u64, limit: u32) -> Result<Vec<Row>, StoreError>;
    /// Hashes of the committed leaves from an index on, in order, at most `limit`; of any log.
    async fn hashes(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Hash>, StoreError>;
    /// Contents of a root log's leaves from an index on, in order, at most `limit`.
    async fn root_rows(&self, of: Generation, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Looks for committed entries.
    async fn find(&self, filter: &Filter) -> Result<Vec<Row>, StoreError>;
    /// A tenant's committed entry with this identity.
    async fn entry(&self, tenant: &TenantId, event: EventId) -> Result<Option<Row>, StoreError>;
}

impl Row {
    /// Where it lies in the order of time.
    pub fn spot(&self) -> Spot {
        Spot { at: self.at, part: self.part, index: self.index }
    }
}

impl ProducerState {
    /// The number in tables and objects; never reused.
    pub fn number(self) -> u8 {
        self as u8
    }
    /// The state with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Running),
            2 => Some(Self::Closed),
            3 => Some(Self::Silent),
            _ => None,
        }
    }
}

impl fmt::Display for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Fenced => "fenced",
        })
    }
}
