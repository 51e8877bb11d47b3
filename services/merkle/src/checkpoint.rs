//! C2SP tlog checkpoints: the text of a note that says how large a log is and what its root is.
//!
//! ```text
//! <origin>
//! <size, decimal>
//! <root, base64>
//! [<extension line> ...]
//! ```

use std::fmt;

use crate::text::{base64, decimal, hash};
use crate::{CheckpointError, Note, NoteError, NoteKey, TreeHead};

/// One log's head, as its note says it. Its lines are never empty and hold no control character.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint of the log `origin` with this head.
    pub fn new(origin: impl Into<String>, head: TreeHead) -> Result<Self, CheckpointError> {
        Self::with_extensions(origin, head, Vec::new())
    }

    /// A checkpoint with lines of its own after the root. Monitors cannot audit these.
    pub fn with_extensions(
        origin: impl Into<String>,
        head: TreeHead,
        extensions: Vec<String>,
    ) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if !is_line(&origin) || !extensions.iter().all(|line| is_line(line)) {
            return Err(CheckpointError::Form);
        }
        Ok(Self { origin, head, extensions })
    }

    /// Reads the text of a note. Whether the note is genuine must be known by then: see [`Checkpoint::open`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Form);
        };
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = hash(root).ok_or(CheckpointError::Root)?;
        let head = TreeHead { size, root };
        Self::with_extensions(origin, head, lines.map(str::to_owned).collect())
    }

    /// The checkpoint in a note, if `key` signed it and it is of the log `origin`.
    pub fn open(note: &Note, origin: &str, key: &NoteKey) -> Result<Self, CheckpointError> {
        let opened = note.open(std::slice::from_ref(key))?;
        let checkpoint = Self::parse(opened.text)?;
        if checkpoint.origin == origin { Ok(checkpoint) } else { Err(CheckpointError::Origin) }
    }

    /// The note of this checkpoint, signed by `sign` in the name of `key`.
    ///
    /// A log must never sign two heads of which neither begins with the other.
    pub fn sign(&self, key: &NoteKey, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Result<Note, NoteError> {
        Note::sign(self.to_string(), key, sign)
    }

    /// Which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its size and root.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The lines after the root.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    /// The note text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.head.size, base64(self.head.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c >= ' ')
}

#[cfg(test)]
mod tests;
