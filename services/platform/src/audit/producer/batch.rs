//! Dense numbers per partition, and the records that carry them.

use std::sync::Arc;

use eventlog::envelope::to_record;
use eventlog::{Record, partition_of};
use kernel::topics::AUDIT;
use kernel::{Envelope, EventId, Timestamp, TraceParent};
use prost::Message;
use proto::audit::v1 as wire;
use seal::signing::DocumentKind;

use super::Closing;
use crate::audit::{AuditEntry, ENTRY_WRITTEN, HEARTBEAT, deployment};
use crate::instance::{Instance, InstanceError};

/// The kind of document that a heartbeat's `signed` is: its payload is the encoded `Heartbeat` with `signed`
/// left empty.
pub const HEARTBEAT_DOCUMENT: DocumentKind = DocumentKind::Heartbeat;
/// What events of this producer name as their source.
const SOURCE: &str = "/verbale/audit";

/// How many entries each partition was given; an entry's number is the count with it, so the first is 1.
pub(super) struct Numbers {
    instance: Arc<Instance>,
    produced: Vec<u64>,
    /// A key that falls into each partition, for heartbeats.
    beat_keys: Vec<String>,
}

/// Bytes of an entry's event.
pub(super) fn encoded_len(entry: &AuditEntry) -> usize {
    entry.to_wire().encoded_len()
}

impl Numbers {
    pub(super) fn new(instance: Arc<Instance>) -> Self {
        let beat_keys = (0..AUDIT.partitions).map(|partition| beat_key(&instance, partition)).collect();
        Self { produced: vec![0; AUDIT.partitions as usize], beat_keys, instance }
    }

    /// The entry's record, with the next number of its partition.
    pub(super) fn record(&mut self, entry: &AuditEntry, trace: Option<TraceParent>) -> Record {
        let key = entry.key();
        let partition = partition_of(key.as_bytes(), AUDIT.partitions) as usize;
        self.produced[partition] += 1;
        let mut event = entry.to_wire();
        if let Some(wire::audit_event::Event::EntryWritten(written)) = &mut event.event
            && let Some(entry) = &mut written.entry
        {
            entry.producer = self.instance.id().to_bytes().to_vec();
            entry.producer_number = self.produced[partition];
        }
        let envelope = Envelope {
            id: entry.id,
            kind: ENTRY_WRITTEN.to_owned(),
            tenant: entry.tenant.clone(),
            aggregate: key,
            version: 1,
            at: entry.at,
            trace,
            payload: event.encode_to_vec(),
        };
        to_record(&envelope, SOURCE)
    }

    /// A signed heartbeat to every partition.
    pub(super) fn heartbeats(&self, at: Timestamp, closing: Closing) -> Result<Vec<Record>, InstanceError> {
        (0..AUDIT.partitions).map(|partition| self.heartbeat(partition, at, closing)).collect()
    }

    fn heartbeat(&self, partition: u32, at: Timestamp, closing: Closing) -> Result<Record, InstanceError> {
        let mut beat = wire::Heartbeat {
            producer: self.instance.id().to_bytes().to_vec(),
            partition,
            produced: self.produced[partition as usize],
            at: at.0,
            closing: closing == Closing::Yes,
            signed: Vec::new(),
        };
        let document = self.instance.sign(HEARTBEAT_DOCUMENT, beat.encode_to_vec(), at)?;
        let encoded = document.encode();
        beat.signed =
            encoded.map_err(|source| InstanceError::Seal { instance: self.instance.id(), source })?;
        let event = wire::AuditEvent { event: Some(wire::audit_event::Event::Heartbeat(beat)) };
        let envelope = Envelope {
            id: EventId::new(),
            kind: HEARTBEAT.to_owned(),
            tenant: deployment(),
            aggregate: self.beat_keys[partition as usize].clone(),
            version: 1,
            at,
            trace: None,
            payload: event.encode_to_vec(),
        };
        Ok(to_record(&envelope, SOURCE))
    }
}

/// The log places by key only, so a key for the partition is looked for: four tries on average.
fn beat_key(instance: &Instance, partition: u32) -> String {
    let keys = (0u64..).map(|n| format!("heartbeat/{}/{n}", instance.id()));
    let mut keys = keys.filter(|key| partition_of(key.as_bytes(), AUDIT.partitions) == partition);
    keys.next().expect("a hash of endless keys falls into every partition")
}
