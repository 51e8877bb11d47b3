use proptest::prelude::*;

use super::*;
use crate::samples::{EDGE_SIZES, leaves, tiles_of_tree};

fn parse(path: &str) -> Result<TileId, PathError> {
    path.parse()
}

/// The index 1234067 and the tree of 70,000 are the examples of C2SP tlog-tiles.
#[test]
fn paths_are_written_as_the_specification_writes_them() {
    let cases = [
        (TileId::new(0, 0, 256), "tile/0/000"),
        (TileId::new(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (TileId::new(0, 273, 112), "tile/0/273.p/112"),
        (TileId::new(1, 1, 17), "tile/1/001.p/17"),
        (TileId::new(2, 0, 1), "tile/2/000.p/1"),
        (TileId::new(1, 1_000, 255), "tile/1/x001/000.p/255"),
        (TileId::new(0, u64::MAX >> 8, 255), "tile/0/x072/x057/x594/x037/x927/935.p/255"),
        (TileId::new(7, 0, 255), "tile/7/000.p/255"),
    ];
    for (id, path) in cases {
        let id = id.expect(path);
        assert_eq!(id.to_string(), path);
        assert_eq!(parse(path), Ok(id));
    }
}

#[test]
fn a_tree_of_70000_has_the_tiles_that_the_specification_counts() {
    let ids = tiles_of_tree(70_000);
    let count = |level, width| ids.iter().filter(|id| id.level() == level && id.width() == width).count();
    assert_eq!((count(0, 256), count(0, 112), count(1, 256), count(1, 17), count(2, 1)), (273, 1, 1, 1, 1));
    assert_eq!(ids.len(), 277);
}

#[test]
fn paths_of_another_form_are_refused() {
    let refused = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/1/66/949",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/x000/x000/001",
        "tile/0/xx01/001",
        "tile/0/x01/001",
        "tile/0/x001/001/",
        "tile/0//001",
        "tile/00/001",
        "tile/01/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/+1/001",
        "tile/entries/001",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/1/1",
        "tile/0/001.p/1.p/1",
        "tile/0/.p/1",
        "tile/0/00\u{661}",
        "tile/\u{661}/001",
        "/tile/0/001",
        "tile/0/001 ",
        "Tile/0/001",
        "tile/8/0/001",
    ];
    for path in refused {
        assert_eq!(parse(path), Err(PathError::Form), "{path}");
    }
}

#[test]
fn paths_of_tiles_that_no_tree_has_are_refused() {
    let refused = [
        "tile/8/000.p/1",
        "tile/63/000",
        "tile/7/000",
        "tile/7/001.p/1",
        "tile/6/256.p/1",
        "tile/0/x072/x057/x594/x037/x927/936.p/1",
        "tile/0/x072/x057/x594/x037/x927/935",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999.p/255",
    ];
    for path in refused {
        assert_eq!(parse(path), Err(PathError::OutOfTree), "{path}");
    }
    assert_eq!(TileId::new(0, 0, 0), None);
    assert_eq!(TileId::new(0, 0, 257), None);
    assert_eq!(TileId::new(255, u64::MAX, 256), None);
    assert_eq!(TileId::new(7, u64::MAX, 256), None);
}

#[test]
fn bytes_of_another_length_are_refused() {
    let id = TileId::new(0, 0, 3).unwrap();
    let tile = Tile::new(id, leaves(3)).unwrap();
    let bytes = tile.to_bytes();
    assert_eq!(Tile::from_bytes(id, &bytes), Ok(tile));
    for len in [0, 1, 32, 95] {
        assert_eq!(Tile::from_bytes(id, &bytes[..len]), Err(TilesError::Length { tile: id, len }));
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Tile::from_bytes(id, &longer), Err(TilesError::Length { tile: id, len: 97 }));
    assert_eq!(Tile::new(id, leaves(4)), Err(TilesError::Length { tile: id, len: 128 }));
}

#[test]
fn widths_are_right_at_every_edge() {
    for size in EDGE_SIZES {
        let last = (size - 1) / TILE_WIDTH;
        assert_eq!(u64::from(width_in_tree(0, last, size)), (size - 1) % TILE_WIDTH + 1, "{size}");
        assert_eq!(width_in_tree(0, last + 1, size), 0);
        assert_eq!(width_in_tree(8, 0, size), 0);
        assert_eq!(width_in_tree(255, 0, size), 0);
    }
    assert_eq!(width_in_tree(7, 0, u64::MAX), 255);
}

proptest! {
    #[test]
    fn a_tiles_path_reads_back(level in 0u8..9, index: u64, shift in 0u32..64, width in 0u16..300) {
        if let Some(id) = TileId::new(level, index >> shift, width) {
            prop_assert_eq!(parse(&id.to_string()), Ok(id));
        }
    }

    #[test]
    fn what_parses_is_written_the_same_way(path in "tile/[0-9]{1,2}/(x[0-9]{3}/){0,7}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(id) = parse(&path) {
            prop_assert_eq!(id.to_string(), path);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(path in "(tile/)?\\PC{0,30}", tail in "[/x0-9.p]{0,40}") {
        let _ = parse(&path);
        let _ = parse(&format!("tile/{tail}"));
    }
}
