//! One act, as the ledger will have it.

use std::collections::BTreeMap;

use kernel::{Envelope, EventId, Principal, PrincipalKind, PurposeName, TenantId, Timestamp, TraceParent};
use prost::Message;
use proto::audit::v1 as wire;

/// The kind of an envelope that carries an entry.
pub const ENTRY_WRITTEN: &str = "verbale.audit.entry-written";
/// The kind of an envelope that carries a heartbeat.
pub const HEARTBEAT: &str = "verbale.audit.heartbeat";

/// The reserved tenant of entries about the deployment itself, and of refusals of callers who named a tenant
/// that is not theirs: nobody writes into another's ledger by knocking at it.
pub fn deployment() -> TenantId {
    TenantId::new(TenantId::DEPLOYMENT).expect("the name is a slug")
}

/// Who did what to which object, for what, and how it came out. Ids, codes, times and numbers; no free text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Its identity: a repeated one is dropped.
    pub id: EventId,
    /// Whose ledger it is in.
    pub tenant: TenantId,
    /// When, in domain time.
    pub at: Timestamp,
    /// `<noun>.<past participle>`.
    pub action: String,
    /// The token's subject.
    pub actor: String,
    /// Person or machine.
    pub actor_kind: PrincipalKind,
    /// `recording/<id>`, `subject/<id>` ...
    pub objects: Vec<String>,
    /// What for.
    pub purpose: Option<PurposeName>,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// Codes and numbers.
    pub facts: BTreeMap<String, String>,
    /// Why, committed to and sealed.
    pub reason: Option<ReasonRecord>,
}

/// A person's free-text reason: what the entry says of it, and the text itself where only crypto opens it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReasonRecord {
    /// SHA-256(salt || reason); the salt is sealed with the reason.
    pub commitment: [u8; 32],
    /// Salt and reason, sealed to the tenant's epoch key.
    pub sealed: SealedReason,
}

/// Salt (32 bytes) and reason under HPKE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedReason {
    /// The epoch whose key opens it.
    pub key_epoch: u64,
    /// HPKE's encapsulated key.
    pub enc: Vec<u8>,
    /// HPKE's ciphertext.
    pub ciphertext: Vec<u8>,
}

/// Bytes that are not an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// They are no protobuf message.
    #[error("the audit event cannot be decoded")]
    Decode {
        /// Why.
        #[source]
        source: prost::DecodeError,
    },
    /// A field is missing or malformed.
    #[error("the audit event's {field} is missing or malformed")]
    Field {
        /// Which.
        field: &'static str,
    },
}

impl AuditEntry {
    /// An entry with a fresh id, outcome `ok` and nothing touched; without a tenant it is the deployment's.
    pub fn new(action: &str, actor: &Principal, tenant: Option<&TenantId>, at: Timestamp) -> Self {
        Self {
            id: EventId::new(),
            tenant: tenant.cloned().unwrap_or_else(deployment),
            at,
            action: action.to_owned(),
            actor: actor.id.clone(),
            actor_kind: actor.kind,
            objects: Vec::new(),
            purpose: None,
            outcome: "ok".to_owned(),
            facts: BTreeMap::new(),
            reason: None,
        }
    }

    /// The topic key: entries about one object keep their order.
    pub fn key(&self) -> String {
        let object = self.objects.first().map_or(self.actor.as_str(), String::as_str);
        format!("{}/{object}", self.tenant)
    }

    /// As it stands in an outbox: without producer and number, which it gets on its way to the topic.
    pub fn into_envelope(self, trace: Option<TraceParent>) -> Envelope {
        Envelope {
            id: self.id,
            kind: ENTRY_WRITTEN.to_owned(),
            tenant: self.tenant.clone(),
            aggregate: self.key(),
            version: 1,
            at: self.at,
            trace,
            payload: self.to_wire().encode_to_vec(),
        }
    }

    /// The event, without producer and number.
    pub fn to_wire(&self) -> wire::AuditEvent {
        let entry = wire::Entry {
            event_id: self.id.to_bytes().to_vec(),
            tenant: self.tenant.to_string(),
            at: self.at.0,
            action: self.action.clone(),
            actor: self.actor.clone(),
            actor_kind: kind_word(self.actor_kind).to_owned(),
            objects: self.objects.clone(),
            purpose: self.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
            outcome: self.outcome.clone(),
            facts: self.facts.clone().into_iter().collect(),
            reason_commitment: self.reason.as_ref().map(|r| r.commitment.to_vec()).unwrap_or_default(),
            partition: 0,
            index: 0,
            producer: Vec::new(),
            producer_number: 0,
        };
        let reason = self.reason.as_ref().map(|reason| wire::SealedReason {
            key_epoch: reason.sealed.key_epoch,
            hpke_enc: reason.sealed.enc.clone(),
            hpke_ciphertext: reason.sealed.ciphertext.clone(),
        });
        let written = wire::EntryWritten { entry: Some(entry), reason };
        wire::AuditEvent { event: Some(wire::audit_event::Event::EntryWritten(written)) }
    }

    /// Reads an entry from an event's bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, EntryError> {
        let event = wire::AuditEvent::decode(payload).map_err(|source| EntryError::Decode { source })?;
        match event.event {
            Some(wire::audit_event::Event::EntryWritten(written)) => Self::from_wire(written),
            Some(wire::audit_event::Event::Heartbeat(_)) | None => Err(EntryError::Field { field: "entry" }),
        }
    }

    /// Reads an entry from its message.
    pub fn from_wire(written: wire::EntryWritten) -> Result<Self, EntryError> {
        let field = |field| EntryError::Field { field };
        let entry = written.entry.ok_or(field("entry"))?;
        let purpose = Some(entry.purpose).filter(|purpose| !purpose.is_empty());
        Ok(Self {
            id: EventId::from_slice(&entry.event_id).map_err(|_| field("event_id"))?,
            tenant: TenantId::new(entry.tenant).map_err(|_| field("tenant"))?,
            at: Timestamp(entry.at),
            action: entry.action,
            actor: entry.actor,
            actor_kind: kind_of(&entry.actor_kind).ok_or(field("actor_kind"))?,
            objects: entry.objects,
            purpose: purpose.map(PurposeName::new).transpose().map_err(|_| field("purpose"))?,
            outcome: entry.outcome,
            facts: entry.facts.into_iter().collect(),
            reason: reason(&entry.reason_commitment, written.reason)?,
        })
    }
}

fn reason(commitment: &[u8], sealed: Option<wire::SealedReason>) -> Result<Option<ReasonRecord>, EntryError> {
    let malformed = || EntryError::Field { field: "reason" };
    match (commitment, sealed) {
        ([], None) => Ok(None),
        (commitment, Some(sealed)) => Ok(Some(ReasonRecord {
            commitment: commitment.try_into().map_err(|_| malformed())?,
            sealed: SealedReason {
                key_epoch: sealed.key_epoch,
                enc: sealed.hpke_enc,
                ciphertext: sealed.hpke_ciphertext,
            },
        })),
        (_, None) => Err(malformed()),
    }
}

fn kind_word(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
    }
}

fn kind_of(word: &str) -> Option<PrincipalKind> {
    [PrincipalKind::Person, PrincipalKind::Service].into_iter().find(|kind| kind_word(*kind) == word)
}
