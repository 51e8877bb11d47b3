//! Receipts: what became of an erasure, recording by recording, signed once all of it is settled.
//!
//! It says which of it is done and before when the rest will not be: a lock ends, an epoch is destroyed. It holds random
//! ids, numbers, times and codes: nothing that names a person, because it outlives what it tells of.

mod row;

use std::fmt;
use std::str::FromStr;

use kernel::{ErasureId, TenantId, Timestamp};

pub use row::{KeptBack, Outcome, ReceiptRow, Stretch};

use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::manifest::write_list;
use crate::signing::{DocumentKind, SignedCert, SignedDocument, SigningKey, TrustRoots};

/// The role whose certificate signs receipts.
pub const RECEIPT_ROLE: &str = "retention";
/// Most recordings of one receipt.
pub const MAX_RECORDINGS: usize = 10_000;

/// Why something was erased.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErasureCause {
    /// The period of a purpose was over.
    PeriodOver = 1,
    /// What a purpose rested on was gone.
    BasisLost = 2,
    /// Somebody ordered it.
    Order = 3,
}

/// What became of the whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ErasureState {
    /// All of it was erased.
    Done = 1,
    /// Some of it is kept by a duty or a hold.
    Partial = 2,
    /// All of it is kept.
    Refused = 3,
}

/// A code of a policy, an authority or a program: 1 to 80 characters `A-Z a-z 0-9 - . _ / :`, the first a letter or
/// digit; never a sender's text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PlainCode(String);

/// What became of an erasure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Whose recordings.
    pub tenant: TenantId,
    /// Which erasure; addenda and the restrictive journal name it, too.
    pub erasure: ErasureId,
    /// Why.
    pub cause: ErasureCause,
    /// Why, as whoever ordered it put it in a code.
    pub reason: PlainCode,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When its last recording was settled.
    pub settled_at: Timestamp,
    /// What became of the whole.
    pub state: ErasureState,
    /// Whether the rows say no more than outcome and number of spans, because all that there is to say of so many
    /// recordings is more than a signed document holds.
    pub is_abridged: bool,
    /// What became of each recording, in order of their ids.
    pub recordings: Vec<ReceiptRow>,
}

const DOCUMENT: &str = "receipt";

impl Receipt {
    /// Signs it as retention.
    pub fn sign(&self, at: Timestamp, cert: &SignedCert, key: &SigningKey) -> Result<SignedDocument, Error> {
        SignedDocument::sign(DocumentKind::Receipt, self.encode()?, at, cert, key)
    }

    /// Verifies and reads a signed receipt of this tenant.
    pub fn verify(document: &SignedDocument, roots: &TrustRoots, tenant: &TenantId) -> Result<Self, Error> {
        let verified = document.verify(roots, DocumentKind::Receipt, RECEIPT_ROLE, tenant)?;
        let receipt = Self::decode(verified.payload)?;
        if receipt.tenant != *tenant {
            return Err(Error::invalid(DOCUMENT, "is of another tenant"));
        }
        Ok(receipt)
    }

    /// The same with rows that say no more than outcome and number of spans.
    pub fn abridged(mut self) -> Self {
        self.is_abridged = true;
        self.recordings = self.recordings.iter().map(ReceiptRow::abridged).collect();
        self
    }

    /// Its one encoding (`FORMAT.md`, receipt).
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let mut w = Writer::new();
        w.map(8 + usize::from(self.is_abridged));
        w.key(1).text(self.tenant.as_str()).key(2).bytes(&self.erasure.to_bytes());
        w.key(3).uint(self.cause as u64).key(4).text(self.reason.as_str());
        w.key(5).int(self.ordered_at.0).key(6).int(self.settled_at.0).key(7).uint(self.state as u64);
        write_list(&mut w, 8, &self.recordings, ReceiptRow::write);
        if self.is_abridged {
            w.key(9).uint(1_u64);
        }
        Ok(w.finish())
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let receipt = Self::read(bytes)?;
        receipt.check()?;
        Ok(receipt)
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(DOCUMENT, bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "tenant")?;
        let tenant = r.name()?;
        r.field(&mut f, 2, "erasure")?;
        let erasure = ErasureId::from_bytes(r.fixed()?);
        r.field(&mut f, 3, "cause")?;
        let cause = ErasureCause::read(&mut r)?;
        r.field(&mut f, 4, "reason")?;
        let reason = r.name()?;
        r.field(&mut f, 5, "ordered at")?;
        let ordered_at = Timestamp(r.int()?);
        r.field(&mut f, 6, "settled at")?;
        let settled_at = Timestamp(r.int()?);
        r.field(&mut f, 7, "state")?;
        let state = ErasureState::read(&mut r)?;
        r.field(&mut f, 8, "recordings")?;
        let recordings = r.list(MAX_RECORDINGS, ReceiptRow::read)?;
        let is_abridged = r.optional(&mut f, 9, "abridged")?;
        if is_abridged && r.uint()? != 1 {
            return Err(r.wrong("must be 1"));
        }
        r.end(&f)?;
        r.finish()?;
        Ok(Self { tenant, erasure, cause, reason, ordered_at, settled_at, state, is_abridged, recordings })
    }

    /// Each recording once and in order, and a whole that is what its rows come to.
    fn check(&self) -> Result<(), Error> {
        Error::bounded("number of recordings", self.recordings.len(), MAX_RECORDINGS)?;
        if !self.recordings.is_sorted_by(|a, b| a.recording < b.recording) {
            return Err(Error::invalid(DOCUMENT, "has recordings out of order or twice"));
        }
        self.recordings.iter().try_for_each(ReceiptRow::check)?;
        if self.is_abridged && self.recordings.iter().any(|row| *row != row.abridged()) {
            return Err(Error::invalid(DOCUMENT, "is abridged and says more than that"));
        }
        let is_erased = |row: &ReceiptRow| row.outcome == Outcome::Erased;
        let fits = match self.state {
            ErasureState::Done => self.recordings.iter().all(|row| is_erased(row) && row.kept.is_empty()),
            ErasureState::Partial => self.recordings.iter().any(is_erased),
            ErasureState::Refused => !self.recordings.iter().any(is_erased),
        };
        if fits {
            Ok(())
        } else {
            Err(Error::invalid(DOCUMENT, "has a state that its recordings contradict"))
        }
    }
}

impl ErasureCause {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.uint()? {
            1 => Ok(Self::PeriodOver),
            2 => Ok(Self::BasisLost),
            3 => Ok(Self::Order),
            _ => Err(r.wrong("is not a known cause")),
        }
    }
}

impl ErasureState {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.uint()? {
            1 => Ok(Self::Done),
            2 => Ok(Self::Partial),
            3 => Ok(Self::Refused),
            _ => Err(r.wrong("is not a known state")),
        }
    }
}

impl PlainCode {
    /// Longest code, in bytes.
    pub const MAX_LEN: usize = 80;

    /// Takes a code.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/:".contains(&byte));
        if begins && plain && text.len() <= Self::MAX_LEN {
            return Ok(Self(text));
        }
        Err(Error::invalid(
            "code",
            "must have 1 to 80 letters, digits and - . _ / : and begin with a letter or digit",
        ))
    }
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlainCode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl fmt::Display for PlainCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
