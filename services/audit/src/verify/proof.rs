//! One entry's proof, as the `Prove` call answers it, verified from itself and a verifier key.

use merkle::{Checkpoint, Hash, InclusionProof, Note, NoteKey, leaf_hash};
use proto::audit::v1 as wire;

use crate::entry::Entry;
use crate::leaf;

/// Why a proof proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    /// A part of it is malformed.
    #[error("the proof's {0} is malformed")]
    Form(&'static str),
    /// The leaf does not commit to the entry.
    #[error("the leaf does not commit to the entry")]
    Commitment,
    /// The checkpoint is not signed by a known key.
    #[error("the checkpoint is not to be believed")]
    Note(#[from] merkle::NoteError),
    /// The checkpoint is none.
    #[error("the note is no checkpoint")]
    Checkpoint(#[from] merkle::CheckpointError),
    /// The path does not lead to the checkpoint's root.
    #[error("the path does not lead to the signed root")]
    Path(#[from] merkle::ProofError),
}

/// The entry, if one of these keys signed that it is in its log; with that checkpoint.
pub fn verify_proof(proof: &wire::Proof, keys: &[NoteKey]) -> Result<(Entry, Checkpoint), ProofError> {
    let salt = proof.salt.as_slice().try_into().map_err(|_| ProofError::Form("salt"))?;
    let commitment = leaf::commitment(salt, &proof.canonical_entry);
    if proof.leaf != leaf::leaf(&commitment) {
        return Err(ProofError::Commitment);
    }
    let entry = Entry::decode(&proof.canonical_entry).map_err(|_| ProofError::Form("canonical entry"))?;
    if proof.inclusion.len() > merkle::proof::MAX_PROOF_HASHES {
        return Err(ProofError::Form("path"));
    }
    let hashes = proof.inclusion.iter().map(|hash| Hash::try_from(hash.as_slice()));
    let hashes = hashes.collect::<Result<_, _>>().map_err(|_| ProofError::Form("path"))?;
    let note = Note::parse(proof.checkpoint.as_bytes())?;
    let checkpoint = Checkpoint::parse(note.open(keys)?.text)?;
    let inclusion = InclusionProof { index: proof.index, hashes };
    inclusion.verify(&leaf_hash(&proof.leaf), &checkpoint.head())?;
    Ok((entry, checkpoint))
}
