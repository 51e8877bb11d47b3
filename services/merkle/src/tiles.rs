//! Proofs and edges out of tiles: first which tiles are needed, then, from these alone, the answer.
//!
//! Reading is left to the caller because stores are asynchronous and proofs are not: fetch what
//! [`inclusion_tiles`], [`consistency_tiles`] or [`edge_tiles`] name (a few per level, never more than a few dozen),
//! collect them into a [`TileSet`], and prove. A proof from tiles that somebody else sent is only as good as its
//! verification against a signed head; so is an edge, whose root must equal the committed one.

use std::collections::{BTreeMap, BTreeSet};

use crate::shape::{self, Node, TILE_LEVELS, TILE_WIDTH};
use crate::tile::width_in_tree;
use crate::{ConsistencyProof, Edge, Hash, InclusionProof, Tile, TileId, TilesError, node_hash, root_of};

/// A store of tiles that answers at once.
pub trait TileReader {
    /// Why a tile could not be read.
    type Error;

    /// The tile, with the width asked for or wider: a partial tile may be gone once the full one is there.
    fn tile(&self, id: TileId) -> Result<Tile, Self::Error>;
}

/// Tiles at hand, each at the greatest width seen.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TileSet {
    tiles: BTreeMap<(u8, u64), Tile>,
}

/// The tiles from which [`TileSet::prove_inclusion`] answers.
pub fn inclusion_tiles(index: u64, size: u64) -> Result<BTreeSet<TileId>, TilesError> {
    Ok(tiles_of(&inclusion_ranges(index, size)?, size))
}

/// The tiles from which [`TileSet::prove_consistency`] answers.
pub fn consistency_tiles(old: u64, new: u64) -> Result<BTreeSet<TileId>, TilesError> {
    Ok(tiles_of(&consistency_ranges(old, new)?, new))
}

/// The partial tiles of a tree of `size` leaves, at most one per level: what [`TileSet::edge`] answers from.
pub fn edge_tiles(size: u64) -> BTreeSet<TileId> {
    (0..TILE_LEVELS).filter_map(|level| edge_tile(level, size)).collect()
}

impl TileSet {
    /// Reads each of these tiles.
    pub fn read<R: TileReader>(reader: &R, ids: impl IntoIterator<Item = TileId>) -> Result<Self, R::Error> {
        ids.into_iter().map(|id| reader.tile(id)).collect()
    }

    /// Adds a tile; of two for the same place the wider one stays.
    pub fn insert(&mut self, tile: Tile) {
        let place = (tile.id().level(), tile.id().index());
        let wider = self.tiles.get(&place).is_none_or(|held| held.id().width() < tile.id().width());
        if wider {
            self.tiles.insert(place, tile);
        }
    }

    /// The proof that leaf `index` is in the tree of `size` leaves.
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<InclusionProof, TilesError> {
        let ranges = inclusion_ranges(index, size)?;
        Ok(InclusionProof { index, hashes: self.range_hashes(&ranges, size)? })
    }

    /// The proof that the tree of `old` leaves is the beginning of that of `new`.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, TilesError> {
        let ranges = consistency_ranges(old, new)?;
        Ok(ConsistencyProof { hashes: self.range_hashes(&ranges, new)? })
    }

    /// The edge of the tree of `size` leaves, to go on appending. Compare its root with the committed one.
    pub fn edge(&self, size: u64) -> Result<Edge, TilesError> {
        let mut rows: [Vec<Hash>; TILE_LEVELS as usize] = Default::default();
        for id in edge_tiles(size) {
            rows[usize::from(id.level())] = self.hashes(id)?.to_vec();
        }
        Ok(Edge::from_rows(size, rows).expect("each row is as wide as the tree's edge tile there"))
    }

    fn range_hashes(&self, ranges: &[(u64, u64)], size: u64) -> Result<Vec<Hash>, TilesError> {
        ranges.iter().map(|(start, end)| self.range_hash(*start, *end, size)).collect()
    }

    fn range_hash(&self, start: u64, end: u64, size: u64) -> Result<Hash, TilesError> {
        let mut nodes = shape::subtrees(start, end).into_iter().rev();
        let last = nodes.next().expect("a proof's range holds a leaf");
        let last = self.node(last, size)?;
        nodes.try_fold(last, |right, left| Ok(node_hash(&self.node(left, size)?, &right)))
    }

    fn node(&self, node: Node, size: u64) -> Result<Hash, TilesError> {
        let (id, stretch) = node.place(size);
        Ok(root_of(&self.hashes(id)?[stretch]))
    }

    /// The hashes of the tile, exactly as many as it is wide.
    fn hashes(&self, id: TileId) -> Result<&[Hash], TilesError> {
        let held = self.tiles.get(&(id.level(), id.index()));
        held.and_then(|tile| tile.hashes().get(..usize::from(id.width()))).ok_or(TilesError::Missing(id))
    }
}

impl TileReader for TileSet {
    type Error = TilesError;

    fn tile(&self, id: TileId) -> Result<Tile, TilesError> {
        Tile::new(id, self.hashes(id)?.to_vec())
    }
}

impl FromIterator<Tile> for TileSet {
    fn from_iter<I: IntoIterator<Item = Tile>>(tiles: I) -> Self {
        let mut set = Self::default();
        set.extend(tiles);
        set
    }
}

impl Extend<Tile> for TileSet {
    fn extend<I: IntoIterator<Item = Tile>>(&mut self, tiles: I) {
        tiles.into_iter().for_each(|tile| self.insert(tile));
    }
}

fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<(u64, u64)>, TilesError> {
    shape::inclusion_ranges(index, size).ok_or(TilesError::NoSuchLeaf { index, size })
}

fn consistency_ranges(old: u64, new: u64) -> Result<Vec<(u64, u64)>, TilesError> {
    shape::consistency_ranges(old, new).ok_or(TilesError::Shrunk { old, new })
}

fn tiles_of(ranges: &[(u64, u64)], size: u64) -> BTreeSet<TileId> {
    let nodes = ranges.iter().flat_map(|(start, end)| shape::subtrees(*start, *end));
    nodes.map(|node| node.place(size).0).collect()
}

fn edge_tile(level: u8, size: u64) -> Option<TileId> {
    let index = size.checked_shr(8 * u32::from(level) + 8).unwrap_or(0);
    let width = width_in_tree(level, index, size);
    debug_assert!(u64::from(width) < TILE_WIDTH);
    TileId::new(level, index, width)
}

#[cfg(test)]
mod tests;
