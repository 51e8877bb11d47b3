//! What consent keeps, and on which conditions.
//!
//! Two stores, apart on purpose: [`Store`] has facts and ciphertext and lies in the data directory;
//! [`Identifiers`] says whose an identifier's HMAC is, lies in the keys directory and is in no backup of data.
//! Events are only ever added. A subject's events are added conditionally on the last one that was read, so
//! that no answer is judged by a history that another one has just changed; a version that is visible has no
//! lower one that becomes visible later. All of this also holds between processes that share a store.

mod columns;

pub mod scylla;
pub mod sqlite;

pub use sqlite::identifiers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    Envelope, ErrorCode, EventId, NoticeName, PurposeName, RecordingId, SectionNo, ServiceError, SubjectId,
    TenantId, Timestamp, TraceParent,
};
use platform::audit::AuditOutbox;
use policy::{Party, PolicyHash};

use crate::event::{NewEvent, NoticeRef, StoredEvent};
use crate::identity::{Choice, Known, Line, Presented, Reassigned};
use crate::links::LinkStep;

/// A store did not do something.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {act} in consent's store")]
pub struct StoreError {
    act: &'static str,
    code: ErrorCode,
    #[source]
    source: Arc<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// What was attempted, which kind of failure it was, and why.
    pub fn new(
        act: &'static str,
        code: ErrorCode,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { act, code, source: Arc::new(source) }
    }
}

impl ServiceError for StoreError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// A policy as it was loaded; never removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyRow {
    /// Whose.
    pub tenant: TenantId,
    /// What identifies it.
    pub hash: PolicyHash,
    /// The YAML.
    pub document: String,
    /// Notice texts by the names that the document gives their files.
    pub texts: BTreeMap<String, String>,
    /// Since when it is, or was last, in force.
    pub since: Timestamp,
}

/// A text that tells people about recording; never changed or removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeRow {
    /// Its name, and SHA-256 of its text.
    pub notice: NoticeRef,
    /// BCP 47 tag.
    pub language: String,
    /// The words.
    pub text: String,
}

/// What came into force, or ended, in one load of the policies; one act.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PolicyChange {
    /// Policies that are in force from now on.
    pub begins: Vec<PolicyRow>,
    /// Their notices.
    pub notices: Vec<(TenantId, NoticeRow)>,
    /// Tenants that have no policy any more, since when.
    pub ends: Vec<(TenantId, Timestamp)>,
}

/// Somebody in a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartyRow {
    /// Their place in the request.
    pub place: u32,
    /// Who they are to policy.
    pub party: Party,
    /// Who they are.
    pub subject: SubjectId,
}

/// What consent remembers of a call that it authorised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordingRow {
    /// Whose.
    pub tenant: TenantId,
    /// Which recording.
    pub recording: RecordingId,
    /// The policy stamped into it; none where the tenant had none.
    pub policy: Option<PolicyHash>,
    /// When it started, on the sender's clock.
    pub started_at: Timestamp,
    /// When it was first authorised.
    pub authorised_at: Timestamp,
    /// What it asked for.
    pub purposes: BTreeSet<PurposeName>,
    /// Everybody who was ever in it.
    pub parties: Vec<PartyRow>,
}

/// Ciphertext of a subject's identifier values: a VRS1 section with one span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedValues {
    /// Whose.
    pub tenant: TenantId,
    /// Of whom.
    pub subject: SubjectId,
    /// Which of their sections.
    pub section: SectionNo,
    /// The container.
    pub container: Vec<u8>,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// One subject's events, all that reach a call or everything, oldest version first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct History {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// The last version of the subject's events, those left out included; 0 where there is none.
    pub latest: u64,
}

/// What became of events that were to be added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Appended {
    /// They are there, numbered in their order.
    Now(Vec<StoredEvent>),
    /// The act's id was there before, as this event.
    Before(Box<StoredEvent>),
    /// The subject has later events than the one that was read: decide again.
    Overtaken,
    /// One of the ids is another event's, maybe another tenant's: consumers would take it for that one.
    IdTaken,
}

/// What became of a step of two subjects' link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stepped {
    /// It is there.
    Now,
    /// The pair has another step of that number: decide again.
    Overtaken,
}

/// An act on one subject's consent.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Whose.
    pub tenant: TenantId,
    /// The event that was said; the others follow from it. By its id a repetition is known.
    pub act: EventId,
    /// All of them in their order; at least one, all of one subject.
    pub events: Vec<NewEvent>,
    /// [`History::latest`] when it was decided.
    pub after: u64,
    /// The call's audit entry; kept with the events, and also for a repetition.
    pub entry: Option<Envelope>,
    /// What caused it.
    pub trace: Option<TraceParent>,
}

/// Facts and ciphertext.
#[async_trait]
pub trait Store: AuditOutbox {
    /// The policies in force.
    async fn policies_in_force(&self) -> Result<Vec<PolicyRow>, StoreError>;
    /// A policy, whether in force or not.
    async fn policy(&self, tenant: &TenantId, hash: PolicyHash) -> Result<Option<PolicyRow>, StoreError>;
    /// Every policy that a tenant ever had, by hash.
    async fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRow>, StoreError>;
    /// Takes a load of policies in, all of it or nothing. What is in force already stays in force since then, so
    /// that several processes may bring the same load.
    async fn change_policies(&self, change: &PolicyChange) -> Result<(), StoreError>;
    /// A notice that ever was.
    async fn notice(
        &self,
        tenant: &TenantId,
        name: &NoticeName,
        text_hash: [u8; 32],
    ) -> Result<Option<NoticeRow>, StoreError>;

    /// Remembers a person; a known one is no error.
    async fn add_subject(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        since: Timestamp,
    ) -> Result<(), StoreError>;
    /// Whether somebody is known.
    async fn has_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<bool, StoreError>;
    /// Keeps sealed identifier values; the same section again changes nothing.
    async fn keep_values(&self, values: &SealedValues) -> Result<(), StoreError>;
    /// A subject's sealed identifier values, by section.
    async fn values(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<SealedValues>, StoreError>;

    /// The steps of all pairs that a subject is in, by pair and number.
    async fn link_steps(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<LinkStep>, StoreError>;
    /// Adds a step, where the pair has none of its number yet; from then on both subjects lead to it.
    async fn add_link_step(&self, tenant: &TenantId, step: &LinkStep) -> Result<Stepped, StoreError>;

    /// Remembers a call with its subjects and the audit entry, in one act. What is known of it stays: the
    /// policy, the start, who was in it; new purposes and parties are added.
    async fn remember(&self, row: &RecordingRow, entry: Option<Envelope>) -> Result<(), StoreError>;
    /// A call.
    async fn recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<RecordingRow>, StoreError>;

    /// A subject's events: all, or those that reach this call.
    async fn history(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        reaching: Option<RecordingId>,
    ) -> Result<History, StoreError>;
    /// An event by its id.
    async fn event(&self, tenant: &TenantId, id: EventId) -> Result<Option<StoredEvent>, StoreError>;
    /// The notice that was last presented in a call, by when it was.
    async fn last_notice(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Option<NoticeRef>, StoreError>;
    /// Adds events and what goes to the topic, in one act.
    async fn append(&self, addition: &Addition) -> Result<Appended, StoreError>;
    /// The last version; 0 where there is no event.
    async fn version(&self) -> Result<u64, StoreError>;
    /// Events of all tenants after a version, in order.
    async fn changes(&self, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// The number of the last record of the restrictive journal that this store is through with; 0 before the first.
    async fn journal_position(&self) -> Result<u64, StoreError>;
    /// Notes that; durable when it answers, and never lower than before.
    async fn set_journal_position(&self, position: u64) -> Result<(), StoreError>;
}

/// Whose an identifier is.
#[async_trait]
pub trait Identifiers: Send + Sync + 'static {
    /// Who has these identifiers at a moment, each once, as far as they are known.
    async fn find(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        at: Timestamp,
    ) -> Result<Vec<Known>, StoreError>;
    /// Everything that a subject has or once had, by kind's number and value.
    async fn of_subject(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Known>, StoreError>;
    /// Chooses whom they mean at a moment ([`crate::identity::choose`]) and adds what becomes theirs, in
    /// one act: of two that come at once, the second sees what the first has written.
    async fn resolve(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        fresh: SubjectId,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Choice, StoreError>;
    /// Gives an identifier to somebody new from a moment on, unless somebody's time with it begins then or
    /// later ([`crate::identity::reassign`]), in one act.
    async fn reassign(
        &self,
        tenant: &TenantId,
        one: &Presented,
        from: Timestamp,
        fresh: SubjectId,
        now: Timestamp,
    ) -> Result<Reassigned, StoreError>;
    /// Notes how many people use it; whether anybody has it.
    async fn mark_line(&self, tenant: &TenantId, one: &Presented, line: Line) -> Result<bool, StoreError>;
    /// Claims a number for a section of a subject; never the same twice.
    async fn claim_section(&self, tenant: &TenantId, subject: SubjectId) -> Result<SectionNo, StoreError>;
    /// Notes the section in which these values are sealed for a subject who has them; the first one stays.
    async fn mark_sealed(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        presented: &[Presented],
        section: SectionNo,
    ) -> Result<(), StoreError>;
}
