//! merkle: the append-only tree under the ledger, its proofs, and the notes that sign its roots.
//!
//! It owns the RFC 6962 tree over SHA-256 as C2SP *tlog-tiles* cuts it (tiles of 256 hashes), inclusion and
//! consistency proofs, C2SP *signed notes* (Ed25519), *tlog checkpoints* and *tlog proofs*. It does not know what a
//! leaf means, where tiles are kept, or who holds a signing key: callers fetch the tiles that a proof asks for, and
//! pass a function that signs. It does no I/O, and no size, path, proof or note from outside can make it panic.
//!
//! Read [`edge`] (a log that grows: stage a batch, commit its [`TreeHead`], publish its tiles), [`tiles`] (which
//! tiles a proof needs, and the proof out of them), [`proof`] (verification, without any tile), then [`note`],
//! [`checkpoint`] and [`log_proof`]. [`shape`] has the arithmetic that the others stand on.
//!
//! ```
//! use merkle::{Edge, TileSet, inclusion_tiles, leaf_hash};
//!
//! let leaves: Vec<_> = (0u32..1000).map(|n| leaf_hash(&n.to_be_bytes())).collect();
//! let staged = Edge::default().stage(&leaves)?;
//! let head = staged.edge.head();
//!
//! let store: TileSet = staged.tiles.into_iter().collect();
//! let tiles = TileSet::read(&store, inclusion_tiles(7, head.size)?)?;
//! tiles.prove_inclusion(7, head.size)?.verify(&leaves[7], &head)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod checkpoint;
pub mod edge;
mod error;
pub mod frontier;
pub mod hash;
pub mod log_proof;
pub mod note;
pub mod proof;
#[cfg(test)]
mod samples;
pub mod shape;
mod text;
pub mod tile;
pub mod tiles;

pub use checkpoint::Checkpoint;
pub use edge::{Edge, Growth, Staged, tiles_between};
pub use error::{
    CheckpointError, KeyError, LogProofError, NoteError, PathError, ProofError, TilesError, TreeFull,
};
pub use frontier::{Frontier, root_of};
pub use hash::{EMPTY_ROOT, Hash, TreeHead, leaf_hash, node_hash};
pub use log_proof::LogProof;
pub use note::{KeyId, KeyName, Note, NoteKey, NoteSignature, Opened};
pub use proof::{ConsistencyProof, InclusionProof};
pub use tile::{Tile, TileId};
pub use tiles::{TileReader, TileSet, consistency_tiles, edge_tiles, inclusion_tiles};
