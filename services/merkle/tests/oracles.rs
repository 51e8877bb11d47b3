//! The tree beside two others, and beside published vectors.

#![allow(clippy::unwrap_used, reason = "the whole file is a test, its helpers too")]

use std::cell::RefCell;

use ct_merkle::{RootHash, mem_backed_tree::MemoryBackedTree};
use merkle::{
    Checkpoint, ConsistencyProof, Edge, Hash, InclusionProof, Staged, TileSet, TreeHead, leaf_hash, root_of,
    tiles_between,
};
use sha2::Sha256;
use tlog_tiles::HashReader;

/// A log kept by `tlog_tiles`: its stored hashes, and its tiles read out of these.
#[derive(Default)]
struct Oracle {
    stored: Vec<tlog_tiles::Hash>,
    size: u64,
}

impl HashReader for Oracle {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.stored[*index as usize]).collect())
    }
}

impl Oracle {
    fn push(&mut self, data: &[u8]) {
        let hashes = tlog_tiles::stored_hashes(self.size, data, self).unwrap();
        self.stored.extend(hashes);
        self.size += 1;
    }

    fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, root: tlog_tiles::tree_hash(size, self).unwrap().0.into() }
    }
}

/// Our tiles, served to `tlog_tiles`, which checks each against the root.
struct Served<'a> {
    tiles: &'a TileSet,
    asked: RefCell<usize>,
}

impl tlog_tiles::TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        *self.asked.borrow_mut() += tiles.len();
        let ours = tiles.iter().map(|tile| our_path(tile).parse().unwrap());
        Ok(ours.map(|id| merkle::TileReader::tile(self.tiles, id).unwrap().to_bytes()).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// The oracle writes the height into its paths, which tlog-tiles has fixed since.
fn our_path(tile: &tlog_tiles::Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

fn data(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn stage(edge: &Edge, range: std::ops::Range<u64>) -> Staged {
    let leaves: Vec<_> = range.map(|n| leaf_hash(&data(n))).collect();
    edge.stage(&leaves).unwrap()
}

fn theirs(hash: &Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

fn flat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn oracle(size: u64) -> Oracle {
    let mut oracle = Oracle::default();
    (0..size).for_each(|n| oracle.push(&data(n)));
    oracle
}

#[test]
fn tiles_are_those_of_tlog_tiles_at_every_step() {
    let oracle = oracle(67_000);
    let steps = (0..1_100).chain([5_000, 5_001, 65_279, 65_280, 65_535, 65_536, 65_537, 65_793, 67_000]);
    let mut edge = Edge::default();
    for size in steps {
        let staged = stage(&edge, edge.size()..size);
        assert_eq!(staged.edge.head(), oracle.head(size));
        let expected = tlog_tiles::Tile::new_tiles(8, edge.size(), size);
        let named: Vec<_> = tiles_between(edge.size(), size).map(|id| id.to_string()).collect();
        assert_eq!(named, expected.iter().map(our_path).collect::<Vec<_>>());
        for (tile, expected) in staged.tiles.iter().zip(&expected) {
            assert_eq!(tile.id().to_string(), our_path(expected));
            assert_eq!(tile.to_bytes(), expected.read_data(&oracle).unwrap());
        }
        assert_eq!(staged.tiles.len(), expected.len());
        edge = staged.edge;
    }
}

#[test]
fn proofs_are_those_of_tlog_tiles() {
    let oracle = oracle(66_100);
    let tiles: TileSet = stage(&Edge::default(), 0..66_100).tiles.into_iter().collect();
    let sizes = (1..=70).chain([255, 256, 257, 300, 511, 512, 513, 4_097, 65_535, 65_536, 65_537, 66_100]);
    for size in sizes {
        let head = oracle.head(size);
        let step = (size / 67).max(1) as usize;
        for index in (0..size).step_by(step).chain([size - 1]) {
            let proof = tiles.prove_inclusion(index, size).unwrap();
            let expected = tlog_tiles::prove_record(size, index, &oracle).unwrap();
            assert_eq!(proof.hashes.iter().map(theirs).collect::<Vec<_>>(), expected, "{index} in {size}");
            assert_eq!(proof.verify(&leaf_hash(&data(index)), &head), Ok(()));

            let old = oracle.head(index + 1);
            let proof = tiles.prove_consistency(index + 1, size).unwrap();
            let expected = tlog_tiles::prove_tree(size, index + 1, &oracle).unwrap();
            assert_eq!(
                proof.hashes.iter().map(theirs).collect::<Vec<_>>(),
                expected,
                "{} to {size}",
                old.size
            );
            assert_eq!(proof.verify(&old, &head), Ok(()));
        }
    }
}

#[test]
fn tlog_tiles_proves_and_checks_from_our_tiles() {
    let staged = stage(&Edge::default(), 0..66_100);
    let head = staged.edge.head();
    let tiles = staged.tiles.into_iter().collect();
    let served = Served { tiles: &tiles, asked: RefCell::new(0) };
    let reader = tlog_tiles::TileHashReader::new(head.size, theirs(&head.root), &served);
    for index in (0..head.size).step_by(977) {
        let proof = tlog_tiles::prove_record(head.size, index, &reader).unwrap();
        let leaf = leaf_hash(&data(index));
        tlog_tiles::check_record(&proof, head.size, theirs(&head.root), index, theirs(&leaf)).unwrap();
        let hashes = proof.iter().map(|hash| hash.0.into()).collect();
        assert_eq!(InclusionProof { index, hashes }.verify(&leaf, &head), Ok(()));
    }
    assert!(*served.asked.borrow() > 0);
}

#[test]
fn roots_and_proofs_are_those_of_ct_merkle() {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut leaves = Vec::new();
    let mut heads = vec![TreeHead::EMPTY];
    for size in 1..=600u64 {
        tree.push(data(size - 1));
        leaves.push(leaf_hash(&data(size - 1)));
        let head = TreeHead { size, root: root_of(&leaves) };
        heads.push(head);
        assert_eq!(tree.root().as_bytes().as_slice(), head.root.as_bytes());
        if size % 7 != 0 && size > 70 {
            continue;
        }
        let tiles: TileSet = Edge::default().stage(&leaves).unwrap().tiles.into_iter().collect();
        for index in (0..size).step_by((size / 23).max(1) as usize) {
            let ours = tiles.prove_inclusion(index, size).unwrap();
            let theirs = tree.prove_inclusion(index as usize);
            assert_eq!(theirs.as_bytes(), flat(&ours.hashes), "{index} in {size}");
            tree.root().verify_inclusion(&data(index), index, &theirs).unwrap();

            let old = heads[index as usize + 1];
            let ours = tiles.prove_consistency(old.size, size).unwrap();
            let theirs = tree.prove_consistency((size - old.size) as usize);
            assert_eq!(theirs.as_bytes(), flat(&ours.hashes), "{} to {size}", old.size);
            let old_root = RootHash::<Sha256>::new((*old.root.as_bytes()).into(), old.size);
            tree.root().verify_consistency(&old_root, &theirs).unwrap();
        }
    }
}

#[test]
fn a_checkpoint_is_that_of_tlog_tiles() {
    let head = TreeHead { size: 20_852_163, root: leaf_hash(b"root") };
    let lines = vec!["one".to_owned(), "two".to_owned()];
    let ours = Checkpoint::with_extensions("example.com/log", head, lines).unwrap().to_string();
    let expected =
        tlog_tiles::Checkpoint::new("example.com/log", head.size, theirs(&head.root), "one\ntwo\n");
    assert_eq!(ours.as_bytes(), expected.unwrap().to_bytes());
    assert_eq!(tlog_tiles::Checkpoint::from_bytes(ours.as_bytes()).unwrap().size(), head.size);
}

// Leaves, roots and proofs of the RFC 6962 reference tests, as transparency-dev/merkle (Apache-2.0) carries them in
// testonly/constants.go and testonly/reference_test.go.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const A: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const B: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const C: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const D: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const E: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const F: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

fn unhex(text: &str) -> Hash {
    Hash::try_from(hex::decode(text).unwrap().as_slice()).unwrap()
}

fn vector(size: usize) -> (TileSet, Vec<Hash>, TreeHead) {
    let leaves: Vec<_> = LEAVES[..size].iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect();
    let tiles = Edge::default().stage(&leaves).unwrap().tiles.into_iter().collect();
    (tiles, leaves, TreeHead { size: size as u64, root: unhex(ROOTS[size]) })
}

#[test]
fn published_roots_are_met() {
    for size in 0..=8 {
        let (_, leaves, head) = vector(size);
        assert_eq!(root_of(&leaves), head.root, "{size}");
    }
}

#[test]
fn published_inclusion_proofs_are_met() {
    let cases: [(usize, u64, &[&str]); 7] = [
        (1, 0, &[]),
        (2, 0, &[A]),
        (2, 1, &[ROOTS[1]]),
        (3, 2, &[ROOTS[2]]),
        (5, 1, &[ROOTS[1], B, D]),
        (8, 0, &[A, B, C]),
        (8, 5, &[D, E, ROOTS[4]]),
    ];
    for (size, index, hashes) in cases {
        let (tiles, leaves, head) = vector(size);
        let expected = InclusionProof { index, hashes: hashes.iter().map(|hash| unhex(hash)).collect() };
        assert_eq!(tiles.prove_inclusion(index, size as u64).unwrap(), expected, "{index} in {size}");
        assert_eq!(expected.verify(&leaves[index as usize], &head), Ok(()));
    }
}

#[test]
fn published_consistency_proofs_are_met() {
    let cases: [(usize, usize, &[&str]); 4] =
        [(1, 1, &[]), (1, 8, &[A, B, C]), (2, 5, &[B, D]), (6, 8, &[F, E, ROOTS[4]])];
    for (old, new, hashes) in cases {
        let (tiles, _, head) = vector(new);
        let expected = ConsistencyProof { hashes: hashes.iter().map(|hash| unhex(hash)).collect() };
        assert_eq!(tiles.prove_consistency(old as u64, new as u64).unwrap(), expected, "{old} to {new}");
        assert_eq!(expected.verify(&vector(old).2, &head), Ok(()));
    }
}
