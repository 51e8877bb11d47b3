//! The right edge of a log that grows: the partial tiles of each level.
//!
//! This is what a log's writer keeps. [`Edge::stage`] changes nothing: it answers what the log would be, so that a
//! batch is staged, its head committed, its tiles published from what was committed, and the next one staged on
//! [`Staged::edge`]; or dropped, as if it had never been.

use crate::shape::{TILE_LEVELS, TILE_WIDTH};
use crate::tile::width_in_tree;
use crate::{Frontier, Hash, Tile, TileId, TreeFull, TreeHead, node_hash, root_of};

/// A tree of `size` leaves by the partial tiles on its right edge, at most 8 times 255 hashes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Edge {
    size: u64,
    /// Per level the hashes that are not yet in a full tile.
    rows: [Vec<Hash>; TILE_LEVELS as usize],
}

/// What a batch of leaves would make of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Staged {
    /// The edge after it.
    pub edge: Edge,
    /// The new hashes of each level that grew, leaves first.
    pub growth: Vec<Growth>,
    /// Every tile that is new or wider than before, in the order of level and index. Of a tile that filled up only
    /// the full one is here.
    pub tiles: Vec<Tile>,
}

/// New hashes of one tile level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Growth {
    /// The level: a hash at level L spans 256^L leaves.
    pub level: u8,
    /// The index in the level of the first of them.
    pub first: u64,
    /// The hashes.
    pub hashes: Vec<Hash>,
}

impl Edge {
    /// An edge from its rows, as [`Edge::rows`] gives them. `None` unless each has as many hashes as a tree of
    /// `size` leaves has there.
    pub fn from_rows(size: u64, rows: [Vec<Hash>; TILE_LEVELS as usize]) -> Option<Self> {
        let fits =
            (0..TILE_LEVELS).zip(&rows).all(|(level, row)| row.len() as u64 == partial_width(level, size));
        fits.then_some(Self { size, rows })
    }

    /// The hashes of the partial tile of each level, level 0 first; empty where there is none.
    pub fn rows(&self) -> &[Vec<Hash>; TILE_LEVELS as usize] {
        &self.rows
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    pub fn root(&self) -> Hash {
        self.peaks()
            .into_iter()
            .rev()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or(crate::EMPTY_ROOT)
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }

    /// The same tree without its tiles.
    pub fn frontier(&self) -> Frontier {
        Frontier::from_peaks(self.size, self.peaks()).expect("a row's width is its eight bits of the size")
    }

    /// What the log would be with these leaf hashes appended. Costs about one hash a leaf.
    pub fn stage(&self, leaves: &[Hash]) -> Result<Staged, TreeFull> {
        let size = self.size.checked_add(leaves.len() as u64).ok_or(TreeFull)?;
        let mut staged =
            Staged { edge: Self { size, rows: self.rows.clone() }, growth: Vec::new(), tiles: Vec::new() };
        let mut hashes = leaves.to_vec();
        for level in 0..TILE_LEVELS {
            if hashes.is_empty() {
                break;
            }
            let first = self.size >> (8 * u32::from(level));
            let carried = staged.grow(level, first, &hashes);
            staged.growth.push(Growth { level, first, hashes });
            hashes = carried;
        }
        Ok(staged)
    }

    /// The roots of the perfect subtrees, largest first: each lies in the partial tile of its level.
    fn peaks(&self) -> Vec<Hash> {
        let mut peaks = Vec::new();
        for row in self.rows.iter().rev() {
            let mut rest = row.as_slice();
            while !rest.is_empty() {
                let (subtree, right) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(root_of(subtree));
                rest = right;
            }
        }
        peaks
    }
}

impl Staged {
    /// Appends hashes to a level, cuts its tiles, and returns the roots of those that are full.
    fn grow(&mut self, level: u8, first: u64, hashes: &[Hash]) -> Vec<Hash> {
        let mut row = std::mem::take(&mut self.edge.rows[usize::from(level)]);
        row.extend_from_slice(hashes);
        let mut index = first / TILE_WIDTH;
        let (full, rest) = row.as_chunks::<{ TILE_WIDTH as usize }>();
        for chunk in full {
            self.push_tile(level, index, chunk);
            index += 1;
        }
        if !rest.is_empty() {
            self.push_tile(level, index, rest);
        }
        let carried = full.iter().map(|chunk| root_of(chunk)).collect();
        self.edge.rows[usize::from(level)] = rest.to_vec();
        carried
    }

    fn push_tile(&mut self, level: u8, index: u64, hashes: &[Hash]) {
        let id = TileId::in_tree(level, index, self.edge.size);
        self.tiles.push(Tile::new(id, hashes.to_vec()).expect("a tile is cut as wide as the tree has it"));
    }
}

/// How many hashes are in the level's partial tile.
fn partial_width(level: u8, size: u64) -> u64 {
    (size >> (8 * u32::from(level))) % TILE_WIDTH
}

/// The tiles that a log of `new` leaves has and one of `old` had not, or not as wide: what is still to publish after a
/// restart between a commit and its tiles. Lazy, because the first publication of a restored log can be long. Only
/// the tiles of the newer tree are named, so a partial tile in between is not.
pub fn tiles_between(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    (0..TILE_LEVELS).flat_map(move |level| {
        let shift = 8 * u32::from(level);
        let (from, to) = (old >> shift, new >> shift);
        let range = if from < to { from / TILE_WIDTH..to.div_ceil(TILE_WIDTH) } else { 0..0 };
        range.filter_map(move |index| TileId::new(level, index, width_in_tree(level, index, new)))
    })
}

#[cfg(test)]
mod tests;
