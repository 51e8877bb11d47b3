//! One act as the ledger keeps it, and its canonical bytes: deterministic CBOR (RFC 8949 section 4.2).
//!
//! ```text
//! { 1: event id (16 bytes), 2: tenant, 3: at (us since 1970), 4: action, 5: actor, 6: 1 person | 2 service,
//!   7: [object, ...], ?8: purpose, 9: outcome, ?10: [[fact, value], ...] sorted by fact,
//!   ?11: reason commitment (32 bytes), ?12: producer (16 bytes), ?13: the producer's number }
//! ```
//!
//! Partition and index are not in it: the log that holds the leaf says both.

use std::collections::BTreeMap;

use kernel::{EventId, InstanceId, PrincipalKind, PurposeName, TenantId, Timestamp};
use minicbor::{Decoder, Encoder};
use platform::AuditEntry;
use proto::audit::v1 as wire;

/// An act, who did it, on what and with which outcome; ids, codes, times and numbers only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its identity.
    pub event: EventId,
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
    /// `ok`, or a code.
    pub outcome: String,
    /// Codes and numbers.
    pub facts: BTreeMap<String, String>,
    /// The commitment to a person's reason, which crypto keeps.
    pub reason: Option<[u8; 32]>,
    /// Who numbered it, and its number there and in this partition; none for the ledger's own findings.
    pub producer: Option<(InstanceId, u64)>,
}

/// Bytes that are not the canonical form of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the canonical form of a ledger entry")]
pub struct NotCanonical;

impl Entry {
    /// The entry that a producer wrote.
    pub fn of(written: AuditEntry, producer: Option<(InstanceId, u64)>) -> Self {
        Self {
            event: written.id,
            tenant: written.tenant,
            at: written.at,
            action: written.action,
            actor: written.actor,
            actor_kind: written.actor_kind,
            objects: written.objects,
            purpose: written.purpose,
            outcome: written.outcome,
            facts: written.facts,
            reason: written.reason.map(|reason| reason.commitment),
            producer,
        }
    }

    /// Its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        self.write(&mut e).expect("a Vec takes every byte");
        e.into_writer()
    }

    /// Reads exactly the canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        let read = read(&mut Decoder::new(bytes)).ok_or(NotCanonical)?;
        // One document has one encoding: whatever else would be read is refused here.
        if read.encode() == bytes { Ok(read) } else { Err(NotCanonical) }
    }

    /// As answers have it, with the place that it has in the ledger.
    pub fn to_wire(&self, partition: u32, index: u64) -> wire::Entry {
        let (producer, producer_number) =
            self.producer.map_or((Vec::new(), 0), |(id, number)| (id.to_bytes().to_vec(), number));
        wire::Entry {
            event_id: self.event.to_bytes().to_vec(),
            tenant: self.tenant.to_string(),
            at: self.at.0,
            action: self.action.clone(),
            actor: self.actor.clone(),
            actor_kind: kind_word(self.actor_kind).to_owned(),
            objects: self.objects.clone(),
            purpose: self.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
            outcome: self.outcome.clone(),
            facts: self.facts.clone().into_iter().collect(),
            reason_commitment: self.reason.map(Vec::from).unwrap_or_default(),
            partition,
            index,
            producer,
            producer_number,
        }
    }

    fn write(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let present = [
            self.purpose.is_some(),
            !self.facts.is_empty(),
            self.reason.is_some(),
            self.producer.is_some(),
            self.producer.is_some(),
        ];
        let optional = present.into_iter().map(u64::from).sum::<u64>();
        e.map(8 + optional)?.u8(1)?.bytes(&self.event.to_bytes())?.u8(2)?.str(self.tenant.as_str())?;
        e.u8(3)?.i64(self.at.0)?.u8(4)?.str(&self.action)?.u8(5)?.str(&self.actor)?;
        e.u8(6)?.u8(kind_number(self.actor_kind))?.u8(7)?.array(self.objects.len() as u64)?;
        for object in &self.objects {
            e.str(object)?;
        }
        if let Some(purpose) = &self.purpose {
            e.u8(8)?.str(purpose.as_str())?;
        }
        e.u8(9)?.str(&self.outcome)?;
        if !self.facts.is_empty() {
            e.u8(10)?.array(self.facts.len() as u64)?;
            for (fact, value) in &self.facts {
                e.array(2)?.str(fact)?.str(value)?;
            }
        }
        if let Some(reason) = &self.reason {
            e.u8(11)?.bytes(reason)?;
        }
        if let Some((producer, number)) = self.producer {
            e.u8(12)?.bytes(&producer.to_bytes())?.u8(13)?.u64(number)?;
        }
        Ok(())
    }
}

fn read(d: &mut Decoder<'_>) -> Option<Entry> {
    let mut left = d.map().ok()??;
    let event = field(d, &mut left, 1)?;
    let event = EventId::from_slice(event.then(|| d.bytes().ok())??).ok()?;
    let tenant = TenantId::new(required(d, &mut left, 2)?.str().ok()?).ok()?;
    let at = Timestamp(required(d, &mut left, 3)?.i64().ok()?);
    let action = required(d, &mut left, 4)?.str().ok()?.to_owned();
    let actor = required(d, &mut left, 5)?.str().ok()?.to_owned();
    let actor_kind = kind_of(required(d, &mut left, 6)?.u8().ok()?)?;
    let objects = texts(required(d, &mut left, 7)?)?;
    let purpose = match field(d, &mut left, 8)? {
        true => Some(PurposeName::new(d.str().ok()?).ok()?),
        false => None,
    };
    let outcome = required(d, &mut left, 9)?.str().ok()?.to_owned();
    let facts = if field(d, &mut left, 10)? { facts(d)? } else { BTreeMap::new() };
    let reason = match field(d, &mut left, 11)? {
        true => Some(d.bytes().ok()?.try_into().ok()?),
        false => None,
    };
    let producer = match field(d, &mut left, 12)? {
        true => {
            let id = InstanceId::from_slice(d.bytes().ok()?).ok()?;
            Some((id, required(d, &mut left, 13)?.u64().ok()?))
        }
        false => None,
    };
    let entry = Entry {
        event,
        tenant,
        at,
        action,
        actor,
        actor_kind,
        objects,
        purpose,
        outcome,
        facts,
        reason,
        producer,
    };
    (left == 0).then_some(entry)
}

/// Whether the next key is this one; then the decoder is at its value.
fn field(d: &mut Decoder<'_>, left: &mut u64, key: u8) -> Option<bool> {
    if *left == 0 {
        return Some(false);
    }
    let before = d.position();
    if d.u8().ok()? != key {
        d.set_position(before);
        return Some(false);
    }
    *left -= 1;
    Some(true)
}

fn required<'d, 'b>(d: &'d mut Decoder<'b>, left: &mut u64, key: u8) -> Option<&'d mut Decoder<'b>> {
    field(d, left, key)?.then_some(d)
}

fn texts(d: &mut Decoder<'_>) -> Option<Vec<String>> {
    let count = d.array().ok()??;
    // Grows as texts are really there: the announced count reserves nothing.
    (0..count).map(|_| d.str().ok().map(str::to_owned)).collect()
}

fn facts(d: &mut Decoder<'_>) -> Option<BTreeMap<String, String>> {
    let count = d.array().ok()??;
    let mut facts = BTreeMap::new();
    for _ in 0..count {
        let pair = d.array().ok()??;
        let (fact, value) = (d.str().ok()?.to_owned(), d.str().ok()?.to_owned());
        if pair != 2 || facts.insert(fact, value).is_some() {
            return None;
        }
    }
    Some(facts)
}

fn kind_number(kind: PrincipalKind) -> u8 {
    match kind {
        PrincipalKind::Person => 1,
        PrincipalKind::Service => 2,
    }
}

fn kind_of(number: u8) -> Option<PrincipalKind> {
    match number {
        1 => Some(PrincipalKind::Person),
        2 => Some(PrincipalKind::Service),
        _ => None,
    }
}

fn kind_word(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Person => "person",
        PrincipalKind::Service => "service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn an_entry_reads_back_from_its_canonical_bytes_and_from_no_others() {
        let full = samples::entry(7);
        let bare = Entry {
            purpose: None,
            facts: BTreeMap::new(),
            reason: None,
            producer: None,
            objects: Vec::new(),
            ..full.clone()
        };
        for entry in [full, bare] {
            let bytes = entry.encode();
            assert_eq!(Entry::decode(&bytes), Ok(entry.clone()));
            for cut in 0..bytes.len() {
                assert_eq!(Entry::decode(&bytes[..cut]), Err(NotCanonical), "cut at {cut}");
            }
            assert_eq!(Entry::decode(&[bytes.as_slice(), &[0]].concat()), Err(NotCanonical));
        }
    }

    #[test]
    fn the_canonical_bytes_never_change() {
        let entry = Entry {
            event: EventId::from_bytes([1; 16]),
            tenant: TenantId::new("alfa").unwrap(),
            at: Timestamp(-2),
            action: "a.b".to_owned(),
            actor: "me".to_owned(),
            actor_kind: PrincipalKind::Person,
            objects: vec!["x/1".to_owned()],
            purpose: Some(PurposeName::new("q").unwrap()),
            outcome: "ok".to_owned(),
            facts: [("f".to_owned(), "1".to_owned())].into(),
            reason: None,
            producer: Some((InstanceId::from_bytes([2; 16]), 24)),
        };
        let golden = concat!(
            "ac0150010101010101010101010101010101010264616c666103210463612e6205626d65060107816378",
            "2f310861710962",
            "6f6b0a8182616661310c50020202020202020202020202020202020d1818"
        );
        // All but the reason: 12 keys.
        assert_eq!(hex::encode(entry.encode()), golden);
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut bytes = samples::entry(1).encode();
        let at = bytes.iter().position(|byte| *byte == 7).unwrap();
        bytes.splice(at + 1.., [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(Entry::decode(&bytes), Err(NotCanonical));
    }
}
