//! One tile: 256 consecutive hashes of every eighth level of the tree, or fewer at its right edge.

use std::fmt;
use std::str::FromStr;

use crate::shape::{TILE_LEVELS, TILE_WIDTH};
use crate::text::decimal;
use crate::{Hash, PathError, TilesError, root_of};

/// Which tile, and how wide: displayed and parsed as its path, `tile/<L>/<N>` or `tile/<L>/<N>.p/<W>`.
///
/// Every value is a tile of some tree of at most 2^64 - 1 leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// A tile with its hashes, as many as its id says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tile {
    id: TileId,
    hashes: Vec<Hash>,
}

impl TileId {
    /// The tile `index` of `level` with `width` hashes; `None` when no tree has it.
    pub fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        if level >= TILE_LEVELS || width == 0 || u64::from(width) > TILE_WIDTH {
            return None;
        }
        let hashes = u128::from(index) * u128::from(TILE_WIDTH) + u128::from(width);
        let leaves = hashes.checked_mul(1 << (8 * u32::from(level)))?;
        (leaves <= u128::from(u64::MAX)).then_some(Self { level, index, width })
    }

    /// The tile as wide as it is in a tree of `size` leaves, for one that this tree has.
    pub(crate) fn in_tree(level: u8, index: u64, size: u64) -> Self {
        let width = width_in_tree(level, index, size);
        debug_assert!(width > 0, "tile {level}/{index} is not in a tree of {size}");
        Self { level, index, width }
    }

    /// Its level: a hash at level L spans 256^L leaves.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Its place in the level, from the left.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes it has, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will never change again.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// Length of its bytes.
    pub fn byte_len(&self) -> usize {
        usize::from(self.width) * Hash::LEN
    }
}

impl Tile {
    /// A tile from its hashes.
    pub fn new(id: TileId, hashes: Vec<Hash>) -> Result<Self, TilesError> {
        if hashes.len() != usize::from(id.width) {
            return Err(TilesError::Length { tile: id, len: hashes.len().saturating_mul(Hash::LEN) });
        }
        Ok(Self { id, hashes })
    }

    /// A tile from its bytes, the hashes one after the other.
    pub fn from_bytes(id: TileId, bytes: &[u8]) -> Result<Self, TilesError> {
        if bytes.len() != id.byte_len() {
            return Err(TilesError::Length { tile: id, len: bytes.len() });
        }
        let (hashes, _) = bytes.as_chunks::<{ Hash::LEN }>();
        Ok(Self { id, hashes: hashes.iter().map(|bytes| Hash::from(*bytes)).collect() })
    }

    /// Its bytes, the hashes one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// Which tile it is.
    pub fn id(&self) -> TileId {
        self.id
    }

    /// Its hashes.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The root of the tile as a tree; of a full tile, this is a hash of the level above.
    pub fn root(&self) -> Hash {
        root_of(&self.hashes)
    }
}

/// How many hashes the tile has in a tree of `size` leaves; 0 when it is not there.
pub(crate) fn width_in_tree(level: u8, index: u64, size: u64) -> u16 {
    let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
    match index.cmp(&(hashes / TILE_WIDTH)) {
        std::cmp::Ordering::Less => TILE_WIDTH as u16,
        std::cmp::Ordering::Equal => (hashes % TILE_WIDTH) as u16,
        std::cmp::Ordering::Greater => 0,
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        // Groups of three digits; all but the last begin with `x`, so that a directory never has a tile's name.
        let mut divisor = 1_000u64.pow(self.index.max(1).ilog10() / 3);
        while divisor > 1 {
            write!(f, "x{:03}/", self.index / divisor % 1_000)?;
            divisor /= 1_000;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl fmt::Debug for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TileId {
    type Err = PathError;

    /// Reads a path; only the one writing that [`fmt::Display`] gives is accepted.
    fn from_str(path: &str) -> Result<Self, PathError> {
        let rest = path.strip_prefix("tile/").ok_or(PathError::Form)?;
        let (level, rest) = rest.split_once('/').ok_or(PathError::Form)?;
        let level = decimal(level).filter(|level| *level <= 63).ok_or(PathError::Form)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                (index, decimal(width).filter(|width| (1..256).contains(width)).ok_or(PathError::Form)?)
            }
            None => (rest, TILE_WIDTH),
        };
        let index = parse_index(index)?;
        Self::new(level as u8, index, width as u16).ok_or(PathError::OutOfTree)
    }
}

/// `x001/x234/067` is 1234067: as few groups as the number needs.
fn parse_index(path: &str) -> Result<u64, PathError> {
    let mut index = 0u64;
    let mut groups = path.split('/').peekable();
    let first = path.trim_start_matches('x').get(..3);
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            Some(_) => group.strip_prefix('x').ok_or(PathError::Form)?,
            None => group,
        };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PathError::Form);
        }
        let value = digits.parse::<u64>().map_err(|_| PathError::Form)?;
        index = index
            .checked_mul(1_000)
            .and_then(|index| index.checked_add(value))
            .ok_or(PathError::OutOfTree)?;
    }
    // A leading group of zeros would be a second path to the same tile.
    if path.len() > 3 && first == Some("000") { Err(PathError::Form) } else { Ok(index) }
}

#[cfg(test)]
mod tests;
