//! What can be wrong with what came from outside, or with what was asked.

use thiserror::Error;

use crate::{KeyId, KeyName, TileId};

/// The tree would pass 2^64 - 1 leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a tree cannot have more than 2^64 - 1 leaves")]
pub struct TreeFull;

/// A tile path that is not one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PathError {
    /// Not of the form `tile/<L>/<N>[.p/<W>]`.
    #[error("the path is not of the form tile/<L>/<N>[.p/<W>] in its one canonical writing")]
    Form,
    /// Well formed, and in no tree of at most 2^64 - 1 leaves.
    #[error("no tree of less than 2^64 leaves has this tile")]
    OutOfTree,
}

/// A proof or a root that the tiles at hand do not give.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum TilesError {
    /// The tree has no such leaf.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: u64,
        /// The tree asked about.
        size: u64,
    },
    /// A tree is never the beginning of a smaller one.
    #[error("a tree of {new} leaves does not begin with one of {old}")]
    Shrunk {
        /// The size said to be older.
        old: u64,
        /// The size said to be newer.
        new: u64,
    },
    /// The tile is not in the set, or narrower than needed.
    #[error("the tile {0} is missing")]
    Missing(TileId),
    /// The bytes are not as many hashes as the tile is wide.
    #[error("the tile {tile} has {len} bytes")]
    Length {
        /// The tile.
        tile: TileId,
        /// How many bytes there are.
        len: usize,
    },
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ProofError {
    /// The leaf's index is not below the size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The leaf's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The newer tree is the smaller one.
    #[error("a tree of {new} leaves does not begin with one of {old}")]
    Shrunk {
        /// The older size.
        old: u64,
        /// The newer size.
        new: u64,
    },
    /// Too many or too few hashes for these sizes.
    #[error("the proof has {have} hashes, which does not fit the sizes")]
    Length {
        /// How many there are.
        have: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root than the tree of {size} leaves has")]
    Root {
        /// The tree whose root was not met.
        size: u64,
    },
}

/// A name or key that cannot sign or verify notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum KeyError {
    /// The name breaks the rules for names.
    #[error("a key name is not empty and has no spaces, control characters or plus signs")]
    Name,
    /// Not of the form `<name>+<id>+<base64 of type and key>`.
    #[error("a verifier key is written <name>+<8 hex digits>+<base64>")]
    Form,
    /// Another signature type than Ed25519.
    #[error("the key is not of type 0x01, Ed25519")]
    Type,
    /// Not a point on the curve, or one of small order.
    #[error("the bytes are not an ed25519 public key")]
    Point,
    /// The id written beside the key is not the key's.
    #[error("the key id does not belong to this name and key")]
    Id,
}

/// Bytes that are no note, or a note that is not to be believed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NoteError {
    /// Larger than any note that is read or written here.
    #[error("a note has at most {max} bytes, this one has {len}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// More signature lines than are looked at.
    #[error("a note has at most {max} signatures")]
    TooManySignatures {
        /// The bound.
        max: usize,
    },
    /// Not UTF-8, or with control characters other than newlines.
    #[error("a note is utf-8 text without control characters")]
    Text,
    /// No text ending in a newline, blank line, signature lines.
    #[error("a note is text, a blank line and signature lines, each ending in a newline")]
    Form,
    /// A signature line that is not `— <name> <base64>`.
    #[error("signature line {line} is malformed")]
    SignatureLine {
        /// Which, from 1.
        line: usize,
    },
    /// A signature by a known key that does not verify.
    #[error("the signature by {name} (key {id}) does not verify")]
    BadSignature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// None of the signatures is by a known key.
    #[error("no known key signed the note")]
    Unsigned,
}

/// A note text that is no checkpoint, or not of the log expected.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty one, or no newline at the end.
    #[error("a checkpoint is at least three lines, none of them empty")]
    Form,
    /// The size is not a canonical decimal below 2^64.
    #[error("the checkpoint's size is not a decimal number below 2^64 without leading zeros")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("the checkpoint's root is not the base64 of 32 bytes")]
    Root,
    /// A checkpoint of another log.
    #[error("the checkpoint is of another log than expected")]
    Origin,
    /// The note around it.
    #[error("the checkpoint's note was refused")]
    Note(#[from] NoteError),
}

/// A proof file that is none, or that proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LogProofError {
    /// Larger than any proof that is read here.
    #[error("a log proof has at most {max} bytes, this one has {len}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// Not header, index, hashes, blank line and checkpoint.
    #[error("a log proof is a header line, the index, base64 hashes, a blank line and a checkpoint")]
    Form,
    /// The checkpoint is no note.
    #[error("the log proof's note was refused")]
    Note(#[from] NoteError),
    /// The checkpoint is not the log's.
    #[error("the log proof's checkpoint was refused")]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead to the checkpoint's root.
    #[error("the log proof's path was refused")]
    Proof(#[from] ProofError),
}
