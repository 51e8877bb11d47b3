//! Sample entries and keys for tests.

use kernel::{EventId, InstanceId, PrincipalKind, PurposeName, TenantId, Timestamp};
use seal::AuditKey;

use crate::entry::Entry;
use crate::leaf::LedgerKeys;

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// The tenant's keys: each name has its own.
pub(crate) fn keys(name: &str) -> LedgerKeys {
    LedgerKeys::new(tenant(name), audit_key(name))
}

pub(crate) fn audit_key(name: &str) -> AuditKey {
    let mut bytes = [0x5a; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte ^= letter);
    AuditKey::from_bytes(bytes)
}

/// An entry of `banca-alfa` about recording number `number`.
pub(crate) fn entry(number: u64) -> Entry {
    let mut id = [0x11; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    Entry {
        event: EventId::from_bytes(id),
        tenant: tenant("banca-alfa"),
        at: Timestamp(1_000_000 + i64::try_from(number).unwrap()),
        action: "recording.replayed".to_owned(),
        actor: "account-7".to_owned(),
        actor_kind: PrincipalKind::Person,
        objects: vec![format!("recording/{number}"), "subject/9".to_owned()],
        purpose: Some(PurposeName::new("quality").unwrap()),
        outcome: "ok".to_owned(),
        facts: [("sent-messages".to_owned(), "3".to_owned()), ("after".to_owned(), "x".to_owned())].into(),
        reason: Some([9; 32]),
        producer: Some((InstanceId::from_bytes([3; 16]), number)),
    }
}
