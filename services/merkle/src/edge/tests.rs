use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::samples::{EDGE_SIZES, Uniform, leaves, tiles_of_tree};
use crate::{EMPTY_ROOT, TileSet, leaf_hash};

#[test]
fn an_empty_log_has_the_empty_root() {
    assert_eq!(Edge::default().head(), TreeHead { size: 0, root: EMPTY_ROOT });
    assert_eq!(Edge::default().frontier(), Frontier::default());
    assert_eq!(Edge::default().stage(&[]).unwrap().tiles, []);
}

#[test]
fn staging_leaves_the_edge_as_it_was() {
    let before = Edge::default().stage(&leaves(300)).unwrap().edge;
    let edge = before.clone();
    edge.stage(&leaves(1_000)).unwrap();
    assert_eq!(edge, before);
}

#[test]
fn an_edge_has_the_root_of_the_leaf_by_leaf_tree() {
    let mut frontier = Frontier::default();
    let mut edge = Edge::default();
    for leaf in leaves(1_200) {
        frontier.push(leaf).unwrap();
        edge = edge.stage(&[leaf]).unwrap().edge;
        assert_eq!(edge.head(), frontier.head());
        assert_eq!(edge.frontier(), frontier);
    }
}

/// Every tile that any batch staged, the latest of each, is the tile set of the tree, no more and no less.
#[test]
fn a_large_log_in_batches_leaves_exactly_its_tiles() {
    let all = leaves(70_000);
    let (mut edge, mut published) = (Edge::default(), BTreeMap::new());
    for batch in all.chunks(4_093) {
        let staged = edge.stage(batch).unwrap();
        let named: Vec<_> = staged.tiles.iter().map(Tile::id).collect();
        assert_eq!(named, tiles_between(edge.size(), staged.edge.size()).collect::<Vec<_>>());
        for tile in staged.tiles {
            published.insert((tile.id().level(), tile.id().index()), tile);
        }
        edge = staged.edge;
    }
    let ids: Vec<_> = published.values().map(Tile::id).collect();
    assert_eq!(ids, tiles_of_tree(70_000));
    assert_eq!(edge.root(), root_of(&all));
    for tile in published.values().filter(|tile| tile.id().is_full()) {
        let (level, index) = (tile.id().level() + 1, tile.id().index());
        let above = &published[&(level, index / TILE_WIDTH)];
        assert_eq!(above.hashes()[(index % TILE_WIDTH) as usize], tile.root());
    }
    let set: TileSet = published.into_values().collect();
    assert_eq!(set.edge(70_000).unwrap(), edge);
}

#[test]
fn growth_names_the_new_hashes_of_each_level() {
    let all = leaves(600);
    let edge = Edge::default().stage(&all[..300]).unwrap().edge;
    let growth = edge.stage(&all[300..]).unwrap().growth;
    let shape: Vec<_> = growth.iter().map(|level| (level.level, level.first, level.hashes.len())).collect();
    assert_eq!(shape, [(0, 300, 300), (1, 1, 1)]);
    assert_eq!(growth[0].hashes, all[300..]);
    assert_eq!(growth[1].hashes, [root_of(&all[256..512])]);
}

#[test]
fn rows_of_another_size_are_refused() {
    let edge = Edge::default().stage(&leaves(300)).unwrap().edge;
    assert_eq!(Edge::from_rows(300, edge.rows().clone()), Some(edge.clone()));
    for size in [0, 44, 299, 301, 556, u64::MAX] {
        assert_eq!(Edge::from_rows(size, edge.rows().clone()), None, "{size}");
    }
    assert_eq!(Frontier::from_peaks(3, leaves(1)), None);
}

#[test]
fn a_log_grows_up_to_its_last_leaf_and_no_further() {
    let uniform = Uniform::new();
    let almost = uniform.edge(u64::MAX - 3);
    let staged = almost.stage(&[uniform.leaf(); 3]).unwrap();
    assert_eq!(staged.edge, uniform.edge(u64::MAX));
    assert_eq!(almost.stage(&[uniform.leaf(); 4]), Err(TreeFull));
    assert_eq!(staged.edge.frontier().push(uniform.leaf()), Err(TreeFull));
    assert_eq!(tiles_between(u64::MAX - 3, u64::MAX).collect::<Vec<_>>(), [staged.tiles[0].id()]);
}

#[test]
fn a_batch_may_complete_tiles_of_every_level() {
    let uniform = Uniform::new();
    for size in EDGE_SIZES.into_iter().filter(|size| *size > 300 && *size < u64::MAX - 300) {
        for (before, added) in [(1, 1), (1, 2), (2, 2), (3, 259), (257, 520)] {
            let edge = uniform.edge(size - before);
            let staged = edge.stage(&vec![uniform.leaf(); added]).unwrap();
            let expected = uniform.edge(size - before + added as u64);
            assert_eq!(staged.edge, expected, "{size} - {before} + {added}");
            let named: Vec<_> = tiles_between(edge.size(), expected.size()).collect();
            assert_eq!(staged.tiles.iter().map(Tile::id).collect::<Vec<_>>(), named);
        }
    }
}

#[test]
fn nothing_is_to_publish_between_equal_or_shrinking_sizes() {
    assert_eq!(tiles_between(70_000, 70_000).count(), 0);
    assert_eq!(tiles_between(70_000, 3).count(), 0);
    assert!(tiles_between(0, u64::MAX).next().is_some());
}

proptest! {
    #[test]
    fn how_leaves_are_batched_does_not_matter(batches in prop::collection::vec(0usize..400, 0..8)) {
        let all = leaves(batches.iter().sum::<usize>() as u64);
        let (mut edge, mut rest, mut set) = (Edge::default(), all.as_slice(), TileSet::default());
        for batch in batches {
            let (now, later) = rest.split_at(batch);
            let staged = edge.stage(now).unwrap();
            set.extend(staged.tiles);
            (edge, rest) = (staged.edge, later);
        }
        let whole = Edge::default().stage(&all).unwrap();
        prop_assert_eq!(&edge, &whole.edge);
        prop_assert_eq!(set, whole.tiles.into_iter().collect());
        prop_assert_eq!(edge.root(), root_of(&all));
    }
}

/// RFC 6962 tells leaves from nodes, or a node's children could be passed off as a leaf.
#[test]
fn a_leaf_is_never_a_node() {
    let [left, right] = [leaf_hash(b"a"), leaf_hash(b"b")];
    let forged = [left.as_bytes().as_slice(), right.as_bytes()].concat();
    assert_ne!(leaf_hash(&forged), node_hash(&left, &right));
}
