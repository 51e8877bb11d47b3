//! C2SP tlog proofs: one file that proves a leaf to somebody who has only the log's key.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! [extra <base64>]
//! index <decimal>
//! <inclusion proof, one base64 hash a line>
//!
//! <the signed checkpoint>
//! ```

use std::fmt;

use crate::note::MAX_NOTE_BYTES;
use crate::proof::MAX_PROOF_HASHES;
use crate::text::{base64, decimal, from_base64, hash};
use crate::{Checkpoint, Hash, InclusionProof, LogProofError, Note, NoteKey};

/// The longest proof that is read: its checkpoint, as much again for what is extra, and the hashes.
pub const MAX_LOG_PROOF_BYTES: usize = 2 * MAX_NOTE_BYTES + 4096;

const HEADER: &str = "c2sp.org/tlog-proof@v1\n";

/// An inclusion proof with the checkpoint that it leads to. That it parsed says nothing of whether it is genuine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogProof {
    /// Bytes that nothing authenticates.
    pub extra: Option<Vec<u8>>,
    /// The leaf's index and path.
    pub inclusion: InclusionProof,
    /// The signed checkpoint, with any cosignatures.
    pub checkpoint: Note,
}

impl LogProof {
    /// Reads a proof; verifies nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        if bytes.len() > MAX_LOG_PROOF_BYTES {
            return Err(LogProofError::TooLong { len: bytes.len(), max: MAX_LOG_PROOF_BYTES });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| LogProofError::Form)?;
        let body = text.strip_prefix(HEADER).ok_or(LogProofError::Form)?;
        let (proof, note) = body.split_once("\n\n").ok_or(LogProofError::Form)?;
        let (extra, inclusion) = parse_proof(proof).ok_or(LogProofError::Form)?;
        Ok(Self { extra, inclusion, checkpoint: Note::parse(note.as_bytes())? })
    }

    /// Whether the log `origin`, whose key is `key`, holds the leaf with this hash: the checkpoint that says so.
    pub fn verify(&self, leaf: &Hash, origin: &str, key: &NoteKey) -> Result<Checkpoint, LogProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, origin, key)?;
        self.inclusion.verify(leaf, &checkpoint.head())?;
        Ok(checkpoint)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64(extra))?;
        }
        writeln!(f, "index {}", self.inclusion.index)?;
        self.inclusion.hashes.iter().try_for_each(|hash| writeln!(f, "{}", base64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn parse_proof(text: &str) -> Option<(Option<Vec<u8>>, InclusionProof)> {
    let mut lines = text.split('\n').peekable();
    let extra = match lines.next_if(|line| line.starts_with("extra ")) {
        Some(line) => Some(from_base64(&line["extra ".len()..])?),
        None => None,
    };
    let index = decimal(lines.next()?.strip_prefix("index ")?)?;
    let hashes: Vec<Hash> = lines.by_ref().take(MAX_PROOF_HASHES).map(hash).collect::<Option<_>>()?;
    if lines.next().is_some() { None } else { Some((extra, InclusionProof { index, hashes })) }
}

#[cfg(test)]
mod tests;
