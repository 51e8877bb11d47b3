use super::*;
use crate::samples::{EDGE_SIZES, Uniform, leaves, log};

#[test]
fn a_proof_needs_no_tile_but_those_named() {
    let (store, head) = log(70_000);
    for index in [0, 255, 256, 65_535, 65_536, 69_888, 69_999] {
        let needed = inclusion_tiles(index, head.size).unwrap();
        let tiles = TileSet::read(&store, needed.iter().copied()).unwrap();
        let proof = tiles.prove_inclusion(index, head.size).unwrap();
        assert_eq!(proof, store.prove_inclusion(index, head.size).unwrap());
        for id in &needed {
            let others = needed.iter().copied().filter(|other| other != id);
            let incomplete = TileSet::read(&store, others).unwrap();
            assert_eq!(incomplete.prove_inclusion(index, head.size), Err(TilesError::Missing(*id)));
        }
    }
}

#[test]
fn a_narrower_tile_is_a_missing_one_and_a_wider_one_serves() {
    let (old, _) = log(300);
    let (new, _) = log(600);
    assert!(new.prove_inclusion(299, 300).unwrap().verify(&leaves(300)[299], &log(300).1).is_ok());
    let missing = TileId::new(1, 0, 2).unwrap();
    assert_eq!(old.prove_inclusion(10, 600), Err(TilesError::Missing(missing)));
    assert_eq!(TileSet::read(&old, [missing]), Err(TilesError::Missing(missing)));
}

#[test]
fn the_wider_of_two_tiles_stays_in_whatever_order_they_come() {
    let (old, new) = (Edge::default().stage(&leaves(3)).unwrap(), Edge::default().stage(&leaves(9)).unwrap());
    let forth: TileSet = old.tiles.iter().chain(&new.tiles).cloned().collect();
    let back: TileSet = new.tiles.iter().chain(&old.tiles).cloned().collect();
    assert_eq!(forth, back);
    assert!(back.edge(9).is_ok());
}

#[test]
fn what_is_not_in_a_tree_cannot_be_proved() {
    let (store, _) = log(9);
    assert_eq!(store.prove_inclusion(9, 9), Err(TilesError::NoSuchLeaf { index: 9, size: 9 }));
    assert_eq!(store.prove_inclusion(0, 0), Err(TilesError::NoSuchLeaf { index: 0, size: 0 }));
    assert_eq!(store.prove_consistency(9, 8), Err(TilesError::Shrunk { old: 9, new: 8 }));
    assert_eq!(
        inclusion_tiles(u64::MAX, u64::MAX).unwrap_err(),
        store.prove_inclusion(u64::MAX, u64::MAX).unwrap_err()
    );
    assert_eq!(store.prove_inclusion(0, u64::MAX).unwrap_err().to_string(), "the tile tile/0/000 is missing");
}

#[test]
fn an_edge_reads_back_from_its_partial_tiles() {
    let uniform = Uniform::new();
    for size in EDGE_SIZES {
        let tiles = TileSet::read(&uniform, edge_tiles(size)).unwrap();
        assert_eq!(tiles.edge(size).unwrap(), uniform.edge(size));
    }
    assert_eq!(TileSet::default().edge(0).unwrap(), Edge::default());
    assert_eq!(edge_tiles(256).into_iter().collect::<Vec<_>>(), [TileId::new(1, 0, 1).unwrap()]);
}

#[test]
fn a_proof_never_needs_more_than_a_few_tiles_a_level() {
    for size in EDGE_SIZES {
        for index in [0, size / 2, size / 3, size - 1] {
            assert!(inclusion_tiles(index, size).unwrap().len() <= 3 * usize::from(TILE_LEVELS));
            assert!(consistency_tiles(index, size).unwrap().len() <= 3 * usize::from(TILE_LEVELS));
        }
    }
}
