//! From an entry to its leaf, its sealed bytes and its index terms, all under one tenant's audit key.
//!
//! ```text
//! leaf   = 0x01 || SHA-256(salt || canonical entry)
//! sealed = wrap(audit key, tenant and event, salt || canonical entry)
//! salt   = HMAC-SHA-256(HMAC-SHA-256(audit key, "verbale/ledger-salt/v1"), event id)
//! term   = first 16 bytes of HMAC-SHA-256(HMAC-SHA-256(audit key, "verbale/ledger-term/v1"), kind || text)
//! ```
//!
//! The salt is a keyed function of the event and not drawn, so that an index restored from before the newest
//! entries stages the same leaves again from the topic, and never signs a second history. To whoever has not
//! the audit key it is as good as random; whoever has it opens the entry anyway.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use kernel::{EventId, SubjectId, TenantId};
use merkle::{Hash, leaf_hash};
use seal::{AuditKey, WrapContext, wrap};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::entry::Entry;

/// The version of leaves.
pub const LEAF_VERSION: u8 = 1;
/// Bytes of a leaf.
pub const LEAF: usize = 33;
/// Bytes of a salt.
pub const SALT: usize = 32;

/// What a leaf commits to.
pub type Commitment = [u8; 32];

/// An entry as index and entry objects have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its identity.
    pub event: EventId,
    /// What its leaf commits to.
    pub commitment: Commitment,
    /// Salt and canonical entry under the tenant's audit key.
    pub bytes: Vec<u8>,
}

/// An opened entry with what proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The entry.
    pub entry: Entry,
    /// Its canonical bytes.
    pub canonical: Vec<u8>,
    /// Its salt.
    pub salt: [u8; SALT],
}

/// What entries of one tenant are looked up by, without telling what it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub [u8; 16]);

/// What a term stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TermKind {
    /// One of the entry's objects.
    Object = 1,
    /// Who did it.
    Actor = 2,
    /// What was done.
    Action = 3,
}

/// The keys of one tenant's ledger; zeroised when dropped.
pub struct LedgerKeys {
    tenant: TenantId,
    audit: AuditKey,
    salt: Derived,
    term: Derived,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Derived([u8; 32]);

/// A sealed entry that is not what its leaf or its place says.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// It does not seal or open under the tenant's key.
    #[error("the sealed entry does not open")]
    Seal(#[from] seal::Error),
    /// It opens to something that is no entry, or another's.
    #[error("the sealed entry holds something else")]
    Contents,
    /// It opens, and its leaf commits to something else.
    #[error("the entry is not the one that its leaf commits to")]
    Commitment,
}

/// The leaf with this commitment.
pub fn leaf(commitment: &Commitment) -> [u8; LEAF] {
    let mut leaf = [LEAF_VERSION; LEAF];
    leaf[1..].copy_from_slice(commitment);
    leaf
}

/// The hash of the leaf with this commitment.
pub fn hash(commitment: &Commitment) -> Hash {
    leaf_hash(&leaf(commitment))
}

/// What the leaf of an entry commits to.
pub fn commitment(salt: &[u8; SALT], canonical: &[u8]) -> Commitment {
    Sha256::new().chain_update(salt).chain_update(canonical).finalize().into()
}

/// Longest canonical entry that can be sealed.
pub fn max_canonical() -> usize {
    wrap::MAX_VALUE - SALT
}

impl LedgerKeys {
    /// The keys that follow from a tenant's audit key.
    pub fn new(tenant: TenantId, audit: AuditKey) -> Self {
        let salt = Derived(mac(audit.expose(), &[b"verbale/ledger-salt/v1"]));
        let term = Derived(mac(audit.expose(), &[b"verbale/ledger-term/v1"]));
        Self { tenant, audit, salt, term }
    }

    /// Whose they are.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Seals an entry of this tenant.
    pub fn seal(&self, entry: &Entry) -> Result<Sealed, LeafError> {
        let salt = mac(&self.salt.0, &[&entry.event.to_bytes()]);
        let canonical = entry.encode();
        let commitment = commitment(&salt, &canonical);
        let value = Zeroizing::new([salt.as_slice(), &canonical].concat());
        let bytes = wrap::wrap(&self.audit, &self.context(entry.event), &value)?;
        Ok(Sealed { event: entry.event, commitment, bytes })
    }

    /// Opens an entry, and finds it to be what its leaf commits to.
    pub fn open(&self, sealed: &Sealed) -> Result<Opened, LeafError> {
        let value = wrap::unwrap(&self.audit, &self.context(sealed.event), &sealed.bytes)?;
        let (salt, canonical) = value.split_first_chunk::<SALT>().ok_or(LeafError::Contents)?;
        if commitment(salt, canonical) != sealed.commitment {
            return Err(LeafError::Commitment);
        }
        let entry = Entry::decode(canonical).map_err(|_| LeafError::Contents)?;
        if entry.event != sealed.event || entry.tenant != self.tenant {
            return Err(LeafError::Contents);
        }
        Ok(Opened { entry, canonical: canonical.to_vec(), salt: *salt })
    }

    /// The terms that an entry is found by, each once.
    pub fn terms(&self, entry: &Entry) -> Vec<Term> {
        let objects = entry.objects.iter().map(|object| self.term(TermKind::Object, object));
        let others = [self.term(TermKind::Actor, &entry.actor), self.term(TermKind::Action, &entry.action)];
        let mut terms: Vec<_> = objects.chain(others).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// The term of one text.
    pub fn term(&self, kind: TermKind, text: &str) -> Term {
        let whole = mac(&self.term.0, &[&[kind as u8], text.as_bytes()]);
        let (term, _) = whole.split_first_chunk().expect("32 bytes are more than 16");
        Term(*term)
    }

    /// The term of a subject, as entries name it.
    pub fn subject_term(&self, subject: SubjectId) -> Term {
        self.term(TermKind::Object, &format!("subject/{subject}"))
    }

    fn context(&self, event: EventId) -> WrapContext {
        WrapContext::AuditEntry { tenant: self.tenant.clone(), event }
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for LedgerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerKeys({}, redacted)", self.tenant)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("event", &self.event).field("bytes", &self.bytes.len()).finish()
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_sealed_entry_opens_to_what_its_leaf_commits_to() {
        let keys = samples::keys("banca-alfa");
        let entry = samples::entry(1);
        let sealed = keys.seal(&entry).unwrap();
        let opened = keys.open(&sealed).unwrap();
        assert_eq!(opened.entry, entry);
        assert_eq!(commitment(&opened.salt, &opened.canonical), sealed.commitment);
        assert_eq!(leaf(&sealed.commitment)[0], 1);
    }

    #[test]
    fn the_same_entry_has_the_same_leaf_each_time_and_other_bytes() {
        let (entry, keys) = (samples::entry(1), samples::keys("banca-alfa"));
        let (one, two) = (keys.seal(&entry).unwrap(), samples::keys("banca-alfa").seal(&entry).unwrap());
        assert_eq!(one.commitment, two.commitment);
        assert_ne!(one.bytes, two.bytes);
    }

    #[test]
    fn no_byte_of_a_sealed_entry_can_be_changed() {
        let keys = samples::keys("banca-alfa");
        let sealed = keys.seal(&samples::entry(1)).unwrap();
        for at in 0..sealed.bytes.len() {
            let mut flipped = sealed.clone();
            flipped.bytes[at] ^= 1;
            assert!(keys.open(&flipped).is_err(), "byte {at}");
        }
        let other = Sealed { commitment: [0; 32], ..sealed.clone() };
        assert!(matches!(keys.open(&other), Err(LeafError::Commitment)));
        let moved = Sealed { event: EventId::new(), ..sealed };
        assert!(matches!(keys.open(&moved), Err(LeafError::Seal(_))));
    }

    #[test]
    fn terms_of_other_kinds_and_tenants_never_meet() {
        let (alfa, beta) = (samples::keys("banca-alfa"), samples::keys("beta"));
        let term = alfa.term(TermKind::Object, "x");
        assert_eq!(term, alfa.term(TermKind::Object, "x"));
        assert_ne!(term, alfa.term(TermKind::Actor, "x"));
        assert_ne!(term, beta.term(TermKind::Object, "x"));
    }
}
