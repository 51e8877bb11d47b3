//! From a record of the topic to what it says; whatever cannot be read is named and never stops the log.

use eventlog::Stored;
use eventlog::envelope::from_record;
use kernel::{InstanceId, Timestamp};
use platform::AuditEntry;
use platform::audit::{ENTRY_WRITTEN, HEARTBEAT, HEARTBEAT_DOCUMENT, SealedReason, deployment};
use prost::Message;
use proto::audit::v1 as wire;
use seal::signing::TenantScope;
use seal::{InstanceCert, SignedDocument, TrustRoots};

use crate::entry::Entry;
use crate::leaf;
use crate::store::ProducerState;

/// A record that came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrival {
    /// Its offset in the partition.
    pub(crate) offset: u64,
    /// When the topic took it.
    pub(crate) at: Timestamp,
    /// What it says.
    pub(crate) said: Said,
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    /// Somebody did something.
    Act(Box<Act>),
    /// A producer has come so far.
    Beat {
        /// Which producer.
        producer: InstanceId,
        /// How many entries it has written to this partition.
        produced: u64,
        /// Running, or closed.
        state: ProducerState,
    },
    /// Nothing that can be taken; the word says why.
    Refused(&'static str),
}

/// An entry and a person's reason for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Act {
    pub(crate) entry: Entry,
    pub(crate) reason: Option<SealedReason>,
}

/// The refusal of a heartbeat whose certificate no known root has signed: the roots may be newer.
pub(crate) const UNTRUSTED: &str = "heartbeat-untrusted";

/// Reads a record of this partition.
pub(crate) fn read(record: &Stored, partition: u32, roots: &TrustRoots) -> Arrival {
    let said = said(record, partition, roots).unwrap_or_else(Said::Refused);
    Arrival { offset: record.offset, at: record.timestamp, said }
}

fn said(record: &Stored, partition: u32, roots: &TrustRoots) -> Result<Said, &'static str> {
    let envelope = from_record(record).map_err(|_| "envelope-malformed")?;
    let event = wire::AuditEvent::decode(envelope.payload.as_slice()).map_err(|_| "event-malformed")?;
    match (envelope.kind.as_str(), event.event) {
        (ENTRY_WRITTEN, Some(wire::audit_event::Event::EntryWritten(written))) => {
            let act = act(written)?;
            if act.entry.event != envelope.id || act.entry.tenant != envelope.tenant {
                return Err("envelope-of-another-entry");
            }
            Ok(Said::Act(Box::new(act)))
        }
        (HEARTBEAT, Some(wire::audit_event::Event::Heartbeat(beat))) => heartbeat(beat, partition, roots),
        _ => Err("kind-unknown"),
    }
}

fn act(written: wire::EntryWritten) -> Result<Act, &'static str> {
    let (id, number) = match &written.entry {
        Some(entry) => (InstanceId::from_slice(&entry.producer).ok(), entry.producer_number),
        None => return Err("entry-malformed"),
    };
    let mut written = AuditEntry::from_wire(written).map_err(|_| "entry-malformed")?;
    let reason = written.reason.as_ref().map(|reason| reason.sealed.clone());
    if let Some(reason) = &mut written.reason {
        // The entry keeps the commitment alone.
        reason.sealed.ciphertext = Vec::new();
    }
    let entry = Entry::of(written, id.filter(|_| number > 0).map(|id| (id, number)));
    if entry.encode().len() > leaf::max_canonical() {
        return Err("entry-too-large");
    }
    Ok(Act { entry, reason })
}

fn heartbeat(beat: wire::Heartbeat, partition: u32, roots: &TrustRoots) -> Result<Said, &'static str> {
    let document = SignedDocument::decode(&beat.signed).map_err(|_| "heartbeat-malformed")?;
    // Producers of every role beat, and a beat is no tenant's: both are as their certificate has them.
    let InstanceCert { role, tenants, .. } = document.certificate().cert.clone();
    let tenant = match tenants {
        TenantScope::All => deployment(),
        TenantScope::Only(tenants) => tenants.into_iter().next().ok_or("heartbeat-unsigned")?,
    };
    let verified = match document.verify(roots, HEARTBEAT_DOCUMENT, role.as_str(), &tenant) {
        Ok(verified) => verified,
        Err(seal::Error::Untrusted(_)) => return Err(UNTRUSTED),
        Err(_) => return Err("heartbeat-unsigned"),
    };
    let said = wire::Heartbeat { signed: Vec::new(), ..beat };
    let producer = InstanceId::from_slice(&said.producer).map_err(|_| "heartbeat-malformed")?;
    if verified.payload != said.encode_to_vec() || verified.cert.instance != producer {
        return Err("heartbeat-of-another");
    }
    if said.partition != partition {
        return Err("heartbeat-of-another-partition");
    }
    let state = if said.closing { ProducerState::Closed } else { ProducerState::Running };
    Ok(Said::Beat { producer, produced: said.produced, state })
}
