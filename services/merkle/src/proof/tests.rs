use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::samples::{EDGE_SIZES, Uniform, leaves, log};
use crate::shape::{consistency_ranges, inclusion_ranges};
use crate::{TileSet, consistency_tiles, inclusion_tiles, root_of};

fn head(size: u64) -> TreeHead {
    TreeHead { size, root: root_of(&leaves(size)) }
}

fn inclusion(index: u64, size: u64) -> InclusionProof {
    log(size).0.prove_inclusion(index, size).unwrap()
}

fn consistency(old: u64, new: u64) -> ConsistencyProof {
    log(new).0.prove_consistency(old, new).unwrap()
}

/// On which side each sibling of a path stands: a root alone tells two sizes apart only where this differs.
fn sides(index: u64, size: u64) -> Option<Vec<bool>> {
    let ranges = inclusion_ranges(index, size)?;
    Some(ranges.into_iter().map(|(start, _)| start > index).collect())
}

#[test]
fn every_leaf_of_every_small_tree_is_proved() {
    let all = leaves(520);
    for size in (1..=70).chain([127, 128, 129, 255, 256, 257, 511, 512, 513, 520]) {
        let (tiles, head) = log(size);
        for index in 0..size {
            let proof = tiles.prove_inclusion(index, size).unwrap();
            assert_eq!(proof.verify(&all[index as usize], &head), Ok(()), "{index} in {size}");
            let other = &all[((index + 1) % size) as usize];
            assert_eq!(proof.verify(other, &head).is_ok(), size == 1, "{index} in {size}");
        }
    }
}

#[test]
fn every_small_tree_begins_with_every_smaller_one() {
    let heads: Vec<_> = (0..=70).map(head).collect();
    for new in 0..=70u64 {
        let (tiles, _) = log(new);
        for old in 0..=new {
            let proof = tiles.prove_consistency(old, new).unwrap();
            assert_eq!(proof.verify(&heads[old as usize], &heads[new as usize]), Ok(()), "{old} to {new}");
        }
    }
}

#[test]
fn trees_of_nearly_2_to_the_64_leaves_are_proved() {
    let uniform = Uniform::new();
    for size in EDGE_SIZES {
        let head = uniform.head(size);
        for index in [0, 1, 255, 256, size / 3, size / 2, size.saturating_sub(2), size - 1] {
            let index = index.min(size - 1);
            let tiles = TileSet::read(&uniform, inclusion_tiles(index, size).unwrap()).unwrap();
            let proof = tiles.prove_inclusion(index, size).unwrap();
            assert!(proof.hashes.len() < MAX_PROOF_HASHES);
            assert_eq!(proof.verify(&uniform.leaf(), &head), Ok(()), "{index} in {size}");
            let tiles = TileSet::read(&uniform, consistency_tiles(index, size).unwrap()).unwrap();
            let proof = tiles.prove_consistency(index, size).unwrap();
            assert!(proof.hashes.len() <= MAX_PROOF_HASHES);
            assert_eq!(proof.verify(&uniform.head(index), &head), Ok(()), "{index} to {size}");
        }
    }
}

#[test]
fn a_leaf_outside_the_tree_is_refused() {
    let proof = InclusionProof { index: u64::MAX, hashes: Vec::new() };
    for size in [0, 1, u64::MAX] {
        let refused = Err(ProofError::NoSuchLeaf { index: u64::MAX, size });
        assert_eq!(proof.verify(&EMPTY_ROOT, &TreeHead { size, root: EMPTY_ROOT }), refused);
    }
}

#[test]
fn a_tree_that_shrank_is_refused() {
    let proof = ConsistencyProof { hashes: Vec::new() };
    assert_eq!(proof.verify(&head(7), &head(6)), Err(ProofError::Shrunk { old: 7, new: 6 }));
}

#[test]
fn a_fork_of_the_same_size_is_refused() {
    let fork = TreeHead { size: 7, root: root_of(&leaves(8)[1..]) };
    assert_eq!(consistency(7, 7).verify(&head(7), &fork), Err(ProofError::Root { size: 7 }));
    assert_eq!(consistency(6, 7).verify(&head(6), &fork), Err(ProofError::Root { size: 7 }));
}

/// The new root being right is not enough: the old one may be of another history.
#[test]
fn an_old_tree_that_is_not_the_beginning_is_refused() {
    for (old, new) in [(1, 2), (3, 7), (6, 7), (6, 8), (4, 8), (255, 300), (256, 300)] {
        let fork = TreeHead { size: old, root: root_of(&leaves(old + 1)[1..]) };
        assert!(
            matches!(consistency(old, new).verify(&fork, &head(new)), Err(ProofError::Root { .. })),
            "{old}"
        );
    }
}

#[test]
fn an_empty_tree_with_another_root_is_refused() {
    let odd = TreeHead { size: 0, root: head(1).root };
    assert_eq!(consistency(0, 7).verify(&odd, &head(7)), Err(ProofError::Root { size: 0 }));
    assert_eq!(consistency(0, 0).verify(&odd, &odd), Err(ProofError::Root { size: 0 }));
    let padded = ConsistencyProof { hashes: leaves(1) };
    assert_eq!(padded.verify(&TreeHead::EMPTY, &head(7)), Err(ProofError::Length { have: 1 }));
    assert_eq!(padded.verify(&head(7), &head(7)), Err(ProofError::Length { have: 1 }));
}

/// Without its sibling a leaf would otherwise be compared with a root of any size.
#[test]
fn an_empty_path_proves_only_the_tree_of_one_leaf() {
    let leaf = leaves(1)[0];
    let proof = InclusionProof { index: 0, hashes: Vec::new() };
    assert_eq!(proof.verify(&leaf, &TreeHead { size: 1, root: leaf }), Ok(()));
    for size in EDGE_SIZES.into_iter().filter(|size| *size > 1) {
        let refused = Err(ProofError::Length { have: 0 });
        assert_eq!(proof.verify(&leaf, &TreeHead { size, root: leaf }), refused);
        let same = ConsistencyProof { hashes: Vec::new() };
        let (old, new) = (TreeHead { size: 1, root: leaf }, TreeHead { size, root: leaf });
        assert_eq!(same.verify(&old, &new), refused);
    }
}

/// One way of spoiling a path of hashes.
#[derive(Clone, Debug)]
enum Spoil {
    Flip(Index, u8, u8),
    Drop(Index),
    Insert(Index, [u8; 32]),
    Repeat(Index),
    Swap(Index, Index),
    Truncate(Index),
}

impl Spoil {
    fn apply(&self, hashes: &[Hash]) -> Vec<Hash> {
        let mut hashes = hashes.to_vec();
        let len = hashes.len();
        match self {
            Self::Insert(at, hash) => hashes.insert(at.index(len + 1), Hash::from(*hash)),
            _ if hashes.is_empty() => hashes.push(EMPTY_ROOT),
            Self::Flip(at, byte, bit) => {
                let at = at.index(len);
                let mut bytes = *hashes[at].as_bytes();
                bytes[usize::from(byte % 32)] ^= 1 << (bit % 8);
                hashes[at] = Hash::from(bytes);
            }
            Self::Drop(at) => drop(hashes.remove(at.index(len))),
            Self::Repeat(at) => hashes.insert(at.index(len), hashes[at.index(len)]),
            Self::Swap(a, b) => hashes.swap(a.index(len), b.index(len)),
            Self::Truncate(at) => hashes.truncate(at.index(len)),
        }
        hashes
    }
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        (any::<Index>(), any::<u8>(), any::<u8>()).prop_map(|(at, byte, bit)| Spoil::Flip(at, byte, bit)),
        any::<Index>().prop_map(Spoil::Drop),
        (any::<Index>(), any::<[u8; 32]>()).prop_map(|(at, hash)| Spoil::Insert(at, hash)),
        any::<Index>().prop_map(Spoil::Repeat),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Spoil::Swap(a, b)),
        any::<Index>().prop_map(Spoil::Truncate),
    ]
}

proptest! {
    #[test]
    fn a_spoiled_inclusion_proof_is_refused(size in 1u64..700, at: Index, spoil in spoil()) {
        let index = at.index(size as usize) as u64;
        let proof = inclusion(index, size);
        let hashes = spoil.apply(&proof.hashes);
        prop_assume!(hashes != proof.hashes);
        let leaf = leaves(size)[index as usize];
        let spoiled = InclusionProof { index, hashes };
        prop_assert!(spoiled.verify(&leaf, &head(size)).is_err());
    }

    #[test]
    fn a_spoiled_consistency_proof_is_refused(new in 0u64..700, at: Index, spoil in spoil()) {
        let old = at.index(new as usize + 1) as u64;
        let proof = consistency(old, new);
        let hashes = spoil.apply(&proof.hashes);
        prop_assume!(hashes != proof.hashes);
        let spoiled = ConsistencyProof { hashes };
        prop_assert!(spoiled.verify(&head(old), &head(new)).is_err());
    }

    #[test]
    fn a_proof_for_another_index_or_root_is_refused(size in 2u64..700, at: Index, other: u64, byte in 0usize..32) {
        let index = at.index(size as usize) as u64;
        let proof = inclusion(index, size);
        let leaf = leaves(size)[index as usize];
        for forged in [other, other % size, index + 1, index ^ 1].into_iter().filter(|forged| *forged != index) {
            let forged = InclusionProof { index: forged, hashes: proof.hashes.clone() };
            prop_assert!(forged.verify(&leaf, &head(size)).is_err());
        }
        let mut root = *head(size).root.as_bytes();
        root[byte] ^= 1;
        let refused = Err(ProofError::Root { size });
        prop_assert_eq!(proof.verify(&leaf, &TreeHead { size, root: root.into() }), refused);
    }

    /// With the true root a forged size passes only where the path has the same turns, which no verifier can tell.
    #[test]
    fn a_forged_size_is_refused_wherever_the_path_differs(size in 1u64..700, at: Index, forged: u64, near in -9i64..9) {
        let index = at.index(size as usize) as u64;
        let proof = inclusion(index, size);
        let leaf = leaves(size)[index as usize];
        for forged in [forged, forged % 1_024, size.saturating_add_signed(near)] {
            let verified = proof.verify(&leaf, &TreeHead { size: forged, root: head(size).root }).is_ok();
            prop_assert_eq!(verified, sides(index, forged) == sides(index, size), "{} as {}", size, forged);
        }
    }

    #[test]
    fn forged_sizes_of_two_trees_are_refused(new in 3u64..700, at: Index, forged_old: u64, forged_new: u64) {
        let old = 1 + at.index(new as usize - 1) as u64;
        let proof = consistency(old, new);
        let (true_old, true_new) = (head(old), head(new));
        // The old root fixes nothing but itself: a forged size needs another number of hashes to be refused by that.
        for (claimed_old, claimed_new) in [(forged_old, forged_new), (old, forged_new), (forged_old % new, new)] {
            let older = TreeHead { size: claimed_old, ..true_old };
            let newer = TreeHead { size: claimed_new, ..true_new };
            let fits = consistency_ranges(claimed_old, claimed_new).is_some_and(|r| r.len() == proof.hashes.len());
            prop_assert!(fits || proof.verify(&older, &newer).is_err(), "{} to {}", claimed_old, claimed_new);
        }
    }

    #[test]
    fn no_sizes_and_no_hashes_make_verification_panic(
        index: u64, old: u64, new: u64, shift in 0u32..64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70)
    ) {
        let hashes: Vec<Hash> = hashes.into_iter().map(Hash::from).collect();
        for size in [new, new >> shift, u64::MAX, u64::MAX - (new >> shift)] {
            let newer = TreeHead { size, root: EMPTY_ROOT };
            let older = TreeHead { size: old, root: EMPTY_ROOT };
            let inclusion = InclusionProof { index, hashes: hashes.clone() };
            prop_assert!(inclusion.verify(&EMPTY_ROOT, &newer).is_err());
            let verified = ConsistencyProof { hashes: hashes.clone() }.verify(&older, &newer).is_ok();
            prop_assert!(!verified || old == size && hashes.is_empty());
        }
    }
}
