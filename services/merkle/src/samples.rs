//! Trees for the tests: small ones with distinct leaves, and uniform ones of any size.

use crate::shape::{TILE_LEVELS, TILE_WIDTH};
use crate::tile::width_in_tree;
use crate::{Edge, Hash, Tile, TileId, TileReader, TileSet, TreeHead, leaf_hash, node_hash};

/// Sizes at which an arithmetic slip would show.
pub(crate) const EDGE_SIZES: [u64; 16] = [
    1,
    2,
    255,
    256,
    257,
    65_535,
    65_536,
    70_000,
    1 << 32,
    (1 << 56) - 1,
    (1 << 56) + 257,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    u64::MAX - 1,
    u64::MAX,
];

/// The hashes of `count` distinct leaves.
pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// All tiles and the head of the tree over [`leaves`].
pub(crate) fn log(count: u64) -> (TileSet, TreeHead) {
    let staged = Edge::default().stage(&leaves(count)).unwrap();
    (staged.tiles.into_iter().collect(), staged.edge.head())
}

/// A tree whose leaves are all the same, so that a tile of any tree is known without the tree.
pub(crate) struct Uniform {
    /// The hash of a perfect subtree by its height.
    levels: [Hash; 64],
}

impl Uniform {
    pub(crate) fn new() -> Self {
        let mut levels = [leaf_hash(b"the same"); 64];
        for level in 1..64 {
            levels[level] = node_hash(&levels[level - 1], &levels[level - 1]);
        }
        Self { levels }
    }

    pub(crate) fn leaf(&self) -> Hash {
        self.levels[0]
    }

    pub(crate) fn edge(&self, size: u64) -> Edge {
        let row = |level: u8| {
            let width = (size >> (8 * u32::from(level))) % TILE_WIDTH;
            vec![self.levels[8 * usize::from(level)]; width as usize]
        };
        Edge::from_rows(size, std::array::from_fn(|level| row(level as u8))).unwrap()
    }

    pub(crate) fn head(&self, size: u64) -> TreeHead {
        self.edge(size).head()
    }
}

impl TileReader for Uniform {
    type Error = std::convert::Infallible;

    fn tile(&self, id: TileId) -> Result<Tile, Self::Error> {
        let hash = self.levels[8 * usize::from(id.level())];
        Ok(Tile::new(id, vec![hash; usize::from(id.width())]).unwrap())
    }
}

/// Every tile of a tree, the slow way.
pub(crate) fn tiles_of_tree(size: u64) -> Vec<TileId> {
    let mut ids = Vec::new();
    for level in 0..TILE_LEVELS {
        let mut index = 0;
        while let Some(id) = TileId::new(level, index, width_in_tree(level, index, size)) {
            ids.push(id);
            index += 1;
        }
    }
    ids
}
