//! The key tables: epochs, sections, recordings, pages with their entries, locators, reasons.
//!
//! They live apart from the data (an SQLite file in the keys directory, split: a keyspace of their own) and
//! are in no backup of it. What they hold of keys is wrapped. A page and its entries are one partition, a
//! recording's sections and locators another; nothing spans two. Every write on a page is conditional on the
//! version that it was decided on, so that two writers never both believe they were the last. A slot is read under
//! the generation that its page's row names, and no other: what else lies there was never, or is no more.

mod change;
mod generation;
mod mark;

pub mod scylla;
pub mod sqlite;

use async_trait::async_trait;
use kernel::{
    ErrorCode, EventId, InstanceId, KeyEpoch, PageId, PurposeName, RecordingId, ServiceError, SessionEpoch,
    TenantId, Timestamp,
};
use seal::{Hash, SectionAddress, SectionKind};

use crate::marks::Mark;
pub use generation::{NextGeneration, WholePage};

/// Most changes of one write on a page, and most slots that are read by their numbers: ScyllaDB takes no more
/// than 100 of them in one request.
pub const MAX_CHANGES: usize = 100;
/// Most pages that one answer lists.
pub const MAX_LISTED: u32 = 1_000;
/// Most marks of one recording.
pub const MAX_MARKS: usize = 10_000;
/// Most tenants that one deployment has.
pub const MAX_TENANTS: usize = 100_000;

/// The key tables did not do something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} in the key tables")]
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

/// How far an epoch's life has come; it never goes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EpochState {
    /// Given to ingest; new pages lie under it.
    Active = 1,
    /// Followed by another; what was sealed to it is still taken in.
    Closing = 2,
    /// Nothing is sealed to it any more; its pages are being taken over by the active one.
    Drained = 3,
    /// Its backend key is destroyed, and with it whatever was removed before.
    Destroyed = 4,
}

/// One tenant's epoch.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochRow {
    /// Whose.
    pub tenant: TenantId,
    /// Its number, from 1.
    pub epoch: KeyEpoch,
    /// When it began, in domain time.
    pub from: Timestamp,
    /// When the next may begin.
    pub until: Timestamp,
    /// Its place in its life.
    pub state: EpochState,
    /// The KEK, wrapped by the epoch's backend key; empty once that is destroyed.
    pub kek: Vec<u8>,
    /// The HPKE secret, wrapped likewise.
    pub hpke_secret: Vec<u8>,
    /// The HPKE public key.
    pub hpke_public: [u8; 32],
    /// When its key was destroyed, in domain time.
    pub destroyed_at: Option<Timestamp>,
}

/// An instance that was given an epoch's public key and may have sealed to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// Which instance.
    pub instance: InstanceId,
    /// When it was first given, in domain time.
    pub since: Timestamp,
}

/// A section whose key was taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionRow {
    /// Whose.
    pub tenant: TenantId,
    /// Which section.
    pub section: SectionAddress,
    /// What it holds.
    pub kind: SectionKind,
    /// The reserved purpose whose entry keeps its root.
    pub reserved: PurposeName,
    /// The epoch its key was sealed to.
    pub key_epoch: KeyEpoch,
    /// Who sealed it.
    pub writer: InstanceId,
    /// In which session epoch.
    pub session_epoch: SessionEpoch,
    /// SHA-256 of the sealed key, by which a repetition is known.
    pub fingerprint: Hash,
    /// When, in domain time.
    pub adopted_at: Timestamp,
}

/// What there was of a section when it was to be adopted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Adoption {
    /// Nothing: it is adopted now.
    New,
    /// This row, which stays.
    Before(Box<SectionRow>),
}

/// How far the sealing of a recording's entries has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordingState {
    /// A sealing has begun under the timeline and the policy named.
    Sealing = 1,
    /// Its entries are written; timeline and policy are frozen.
    Sealed = 2,
}

/// What crypto remembers of a recording from its sealing on; before it, nothing opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordingRow {
    /// Whose.
    pub tenant: TenantId,
    /// Which recording.
    pub recording: RecordingId,
    /// 1 when first written, one more with each change.
    pub version: u64,
    /// How far it has come.
    pub state: RecordingState,
    /// The tenant's policy when the call opened; the gate goes by it.
    pub policy_hash: Hash,
    /// Hash of the folded timeline that its entries follow.
    pub timeline_hash: Hash,
    /// Hash of the span table of the last sealing.
    pub span_table_hash: Hash,
}

impl RecordingRow {
    /// What no later sealing changes: timeline and policy.
    pub fn frozen(&self) -> (Hash, Hash) {
        (self.timeline_hash, self.policy_hash)
    }
}

/// The key of an entry: whose purpose, which section.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryKey {
    /// Which section.
    pub section: SectionAddress,
    /// Which purpose.
    pub purpose: PurposeName,
}

/// A slot of a page.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// Which page.
    pub page: PageId,
    /// Which slot, from 0.
    pub slot: u16,
}

/// Whether a locator still leads to an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocatorState {
    /// Its place is taken for the entry, which may be written already.
    Claimed = 1,
    /// The entry was removed; no other takes its place.
    Removed = 2,
}

/// Where an entry lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Locator {
    /// Which entry.
    pub key: EntryKey,
    /// Where.
    pub place: Place,
    /// Whether it is still there.
    pub state: LocatorState,
}

/// Whether a page takes more entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageState {
    /// Its owner fills it.
    Open = 1,
    /// Full, or left by its owner.
    Closed = 2,
}

/// A page: entries of one tenant and purpose under one page key, filled by one crypto instance.
#[derive(Clone, PartialEq, Eq)]
pub struct PageRow {
    /// Which page.
    pub page: PageId,
    /// Whose.
    pub tenant: TenantId,
    /// Of which purpose.
    pub purpose: PurposeName,
    /// The epoch whose KEK wraps its key.
    pub epoch: KeyEpoch,
    /// Which key of the page's it is, from 1.
    pub generation: u32,
    /// 1 when made, one more with each write.
    pub version: u64,
    /// Who fills it.
    pub owner: InstanceId,
    /// Whether it takes more.
    pub state: PageState,
    /// The page key, wrapped.
    pub key: Vec<u8>,
    /// Something was removed or narrowed under this generation: it must not survive its epoch as it is.
    pub dirty: bool,
    /// Entries ever added.
    pub added: u64,
    /// Entries removed.
    pub removed: u64,
    /// Bytes of sealed entries.
    pub bytes: u64,
}

/// What lies in a slot.
#[derive(Clone, PartialEq, Eq)]
pub enum EntryBody {
    /// A sealed entry.
    Sealed(Vec<u8>),
    /// Nothing any more: the bytes were overwritten.
    Destroyed,
}

/// A slot that was written.
#[derive(Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Which slot.
    pub slot: u16,
    /// Under which generation of the page's key.
    pub generation: u32,
    /// What lies there.
    pub body: EntryBody,
}

/// One change of a slot. It applies only to a slot in the state that it names.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes an empty slot.
    Add(u16, Vec<u8>),
    /// Overwrites a sealed entry with another; marks the generation dirty.
    Replace(u16, Vec<u8>),
    /// Overwrites a sealed entry, or an empty slot, with nothing; marks the generation dirty.
    Destroy(u16),
}

/// What became of a conditional write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// All of it is there.
    Applied,
    /// None of it: the row is not at the version, or a slot not in the state, that it was decided on.
    Conflict,
}

/// The key tables in the words of crypto. All methods are durable when they answer.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// The tenant's highest epoch.
    async fn latest_epoch(&self, tenant: &TenantId) -> Result<Option<EpochRow>, StoreError>;
    /// One epoch.
    async fn epoch(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Option<EpochRow>, StoreError>;
    /// Adds an epoch and sets the one before it closing; [`Written::Conflict`] where it exists.
    async fn begin_epoch(&self, row: &EpochRow) -> Result<Written, StoreError>;
    /// Remembers that an instance was given an epoch's public key; the first time counts.
    async fn add_holder(&self, tenant: &TenantId, epoch: KeyEpoch, holder: &Holder)
    -> Result<(), StoreError>;
    /// Forgets that; nothing happens where it is not noted.
    async fn remove_holder(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        instance: InstanceId,
    ) -> Result<(), StoreError>;
    /// The tenant's epochs, in order.
    async fn epochs(&self, tenant: &TenantId) -> Result<Vec<EpochRow>, StoreError>;
    /// Who was given it.
    async fn holders(&self, tenant: &TenantId, epoch: KeyEpoch) -> Result<Vec<Holder>, StoreError>;
    /// Takes an epoch from one state of its life to another; [`Written::Conflict`] where it is not in `from`, or is
    /// not there. From and to the same state it only sees to it that whoever reads the row later sees that state.
    /// With [`EpochState::Destroyed`] its wrapped keys are overwritten, and `at` is kept.
    async fn set_epoch(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        from: EpochState,
        to: EpochState,
        at: Timestamp,
    ) -> Result<Written, StoreError>;
    /// The tenants that have epochs, in order.
    async fn tenants(&self) -> Result<Vec<TenantId>, StoreError>;
    /// Whether other processes may work on these tables, too: then their open keys live on after an epoch ends here, and
    /// nobody knows their leases.
    fn is_shared(&self) -> bool;

    /// Adds a section, unless there is one at this address.
    async fn adopt(&self, row: &SectionRow) -> Result<Adoption, StoreError>;
    /// A recording's sections, by address.
    async fn sections(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<SectionRow>, StoreError>;
    /// What is remembered of a recording.
    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, StoreError>;
    /// Writes a recording's row over the version before it; version 1 where there was none.
    async fn save_recording(&self, row: &RecordingRow) -> Result<Written, StoreError>;

    /// Claims a place for each entry that has no locator yet. Returns the locators that stand now, in the
    /// order asked: the claimed, or those of an earlier claim.
    async fn claim(
        &self,
        tenant: &TenantId,
        claims: &[(EntryKey, Place)],
    ) -> Result<Vec<Locator>, StoreError>;
    /// A recording's locators, by section and purpose, removed ones included.
    async fn locators(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Locator>, StoreError>;
    /// Sets a locator removed; nothing happens where it is.
    async fn retire(&self, tenant: &TenantId, key: &EntryKey) -> Result<(), StoreError>;

    /// Keeps what an erasure takes of a recording, for ever; where the erasure has a mark there already, that one
    /// stays. Whoever reads the marks after it answered finds it. Refused where there are [`MAX_MARKS`] others.
    async fn add_mark(&self, mark: &Mark) -> Result<(), StoreError>;
    /// A recording's marks, by erasure.
    async fn marks(&self, tenant: &TenantId, recording: RecordingId) -> Result<Vec<Mark>, StoreError>;
    /// When the newest of a tenant's marks was made, in domain time: by it key tables that were put back tell their
    /// age.
    async fn last_erasure(&self, tenant: &TenantId) -> Result<Option<Timestamp>, StoreError>;

    /// Adds a page; its id and its wrapped key were drawn for it.
    async fn open_page(&self, row: &PageRow) -> Result<(), StoreError>;
    /// One page.
    async fn page(&self, page: PageId) -> Result<Option<PageRow>, StoreError>;
    /// What was written in one slot. Where it answers that nothing was, nothing comes to be there later by a
    /// write that was under way.
    async fn entry(&self, place: Place) -> Result<Option<EntryRow>, StoreError>;
    /// What was written in these slots, at most [`MAX_CHANGES`], in no order. Enough to decide a write on the page
    /// by, which hangs on the page's version; read that first.
    async fn slots(&self, page: PageId, slots: &[u16]) -> Result<Vec<EntryRow>, StoreError>;
    /// Every slot of a page that was written, in order.
    async fn entries(&self, page: PageId) -> Result<Vec<EntryRow>, StoreError>;
    /// The pages under an epoch, in order of their ids, from after one on; at most [`MAX_LISTED`].
    async fn pages(
        &self,
        tenant: &TenantId,
        epoch: KeyEpoch,
        after: Option<PageId>,
        limit: u32,
    ) -> Result<Vec<PageRow>, StoreError>;
    /// Writes all changes, or none where the page is not at `version` or a slot not in the state that its
    /// change names. Counts, dirt and version of the page follow in the same act. At most [`MAX_CHANGES`], of
    /// different slots. A conflict may be told to a writer whose changes were applied after all, and have been
    /// overwritten since: it looks again in either case.
    async fn write_page(&self, page: PageId, version: u64, changes: &[Change])
    -> Result<Written, StoreError>;
    /// A page with every slot that was written, both as of the page's version: what its next generation is made of.
    async fn whole_page(&self, page: PageId) -> Result<Option<WholePage>, StoreError>;
    /// Takes a page to another epoch, at once for every reader, or not at all where it is not at `version`. What is
    /// left of an attempt that failed is never taken for an entry.
    async fn turn_page(
        &self,
        page: PageId,
        version: u64,
        next: NextGeneration,
    ) -> Result<Written, StoreError>;
    /// Closes a page, whatever its version. One that is closed, or is not there, stays as it is.
    async fn close_page(&self, page: PageId) -> Result<(), StoreError>;

    /// Keeps a sealed reason, unless there is one for the event; returns the one that stands.
    async fn keep_reason(
        &self,
        tenant: &TenantId,
        event: EventId,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError>;
    /// A sealed reason.
    async fn reason(&self, tenant: &TenantId, event: EventId) -> Result<Option<Vec<u8>>, StoreError>;
}

macro_rules! state_numbers {
    ($($state:ident { $($variant:ident = $number:literal,)+ })+) => { $(
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
    )+ };
}

state_numbers! {
    EpochState { Active = 1, Closing = 2, Drained = 3, Destroyed = 4, }
    RecordingState { Sealing = 1, Sealed = 2, }
    LocatorState { Claimed = 1, Removed = 2, }
    PageState { Open = 1, Closed = 2, }
}

impl std::fmt::Debug for EpochRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EpochRow({} epoch {} {:?}, redacted)", self.tenant, self.epoch, self.state)
    }
}

impl std::fmt::Debug for PageRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PageRow({} for {} version {}, redacted)", self.page, self.purpose, self.version)
    }
}

impl std::fmt::Debug for EntryRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = match self.body {
            EntryBody::Sealed(_) => "sealed",
            EntryBody::Destroyed => "destroyed",
        };
        write!(f, "EntryRow({} {body})", self.slot)
    }
}
