//! How one incarnation follows another: what was signed last, what was found of it, and in which order those that lie
//! in the objects began.
//!
//! The first leaf of an incarnation's root log says it, so that it is signed and verified without any key:
//!
//! ```text
//! [[incarnation (16 bytes), size, root (32 bytes)], [incarnation, size, root] | null, [entries, ...]]
//! ```
//!
//! What was signed is the newest root in the restrictive journal, what was found the root log as the objects have it
//! when it is closed, and the entries those of each partition that are in its logs then. What lies between is lost.

use std::convert::Infallible;

use merkle::{Hash, TreeHead};
use minicbor::{Decoder, Encoder};
use objects::Error as ObjectsError;

use crate::error::Error;
use crate::files::LedgerFiles;
use crate::name::{self, Incarnation, LogName};
use crate::root::{PARTITIONS_MAX, RootLeaf, unbundle};
use crate::signed::SignedRoot;
use crate::verify::incarnations;

/// Why an incarnation began where another was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Succession {
    /// The last root that is known to have been signed.
    pub signed: SignedRoot,
    /// The history that was found and closed, as far as it was found; nothing where there was none.
    pub found: Option<SignedRoot>,
    /// How many entries of each of its partitions were found, by number.
    pub entries: Vec<u64>,
}

impl Succession {
    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        self.write(&mut e).expect("a Vec takes every byte");
        e.into_writer()
    }

    /// Reads exactly that encoding.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let read = Self::read(&mut Decoder::new(bytes))?;
        (read.encode() == bytes).then_some(read)
    }

    pub(crate) fn write(&self, e: &mut Encoder<Vec<u8>>) -> Result<(), minicbor::encode::Error<Infallible>> {
        e.array(3)?;
        write_root(e, &self.signed)?;
        match &self.found {
            Some(found) => write_root(e, found)?,
            None => {
                e.null()?;
            }
        }
        e.array(self.entries.len() as u64)?;
        for entries in &self.entries {
            e.u64(*entries)?;
        }
        Ok(())
    }

    pub(crate) fn read(d: &mut Decoder<'_>) -> Option<Self> {
        (d.array().ok()?? == 3).then_some(())?;
        let signed = read_root(d)?;
        let found = if d.datatype().ok()? == minicbor::data::Type::Null {
            d.null().ok()?;
            None
        } else {
            Some(read_root(d)?)
        };
        let count = d.array().ok()?.filter(|count| *count <= PARTITIONS_MAX)?;
        let entries = (0..count).map(|_| d.u64().ok()).collect::<Option<_>>()?;
        Some(Self { signed, found, entries })
    }
}

fn write_root(
    e: &mut Encoder<Vec<u8>>,
    root: &SignedRoot,
) -> Result<(), minicbor::encode::Error<Infallible>> {
    e.array(3)?.bytes(&root.incarnation.to_bytes())?;
    e.u64(root.head.size)?.bytes(root.head.root.as_bytes())?;
    Ok(())
}

fn read_root(d: &mut Decoder<'_>) -> Option<SignedRoot> {
    (d.array().ok()?? == 3).then_some(())?;
    let incarnation = Incarnation::from_bytes(d.bytes().ok()?.try_into().ok()?);
    let size = d.u64().ok()?;
    Some(SignedRoot { incarnation, head: TreeHead { size, root: Hash::try_from(d.bytes().ok()?).ok()? } })
}

/// An incarnation that lies in the objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lying {
    pub(crate) incarnation: Incarnation,
    pub(crate) after: Option<Succession>,
}

impl Lying {
    /// The one that it closed.
    pub(crate) fn closed(&self) -> Option<Incarnation> {
        Some(self.after.as_ref()?.found?.incarnation)
    }
}

/// The incarnations in the objects, each after the one that it closed. What their first leaves say is not verified
/// here: whoever rebuilds one finds it to be what was signed.
pub(crate) async fn lying(files: &dyn LedgerFiles) -> Result<Vec<Lying>, Error> {
    let objects = Error::objects(LogName::Root);
    let mut found = Vec::new();
    for incarnation in incarnations(files).await.map_err(&objects)? {
        let after = first_leaf(files, incarnation).await?.and_then(|leaf| leaf.after);
        found.push(Lying { incarnation, after });
    }
    Ok(in_order(found))
}

/// The line of those that lie there and end with the newest: each closed the one before it.
pub(crate) fn newest_line(lying: &[Lying]) -> Vec<Lying> {
    let mut line: Vec<Lying> = lying.last().cloned().into_iter().collect();
    while let Some(before) = line.last().and_then(Lying::closed)
        && line.len() < lying.len()
        && let Some(own) = lying.iter().find(|own| own.incarnation == before)
    {
        line.push(own.clone());
    }
    line.reverse();
    line
}

async fn first_leaf(files: &dyn LedgerFiles, incarnation: Incarnation) -> Result<Option<RootLeaf>, Error> {
    let objects = Error::objects(LogName::Root);
    let bundles = files.list(&name::first_bundle(incarnation), None).await.map_err(&objects)?;
    for key in bundles {
        let bytes = match files.read(&key).await {
            Ok(bytes) => bytes,
            // Another writing of it may be whole.
            Err(ObjectsError::Damaged { .. }) => None,
            Err(error) => return Err(objects(error)),
        };
        let leaves = bytes.and_then(|bytes| unbundle(&bytes));
        if let Some(leaf) = leaves.and_then(|leaves| RootLeaf::decode(leaves.first()?)) {
            return Ok(Some(leaf));
        }
    }
    Ok(None)
}

fn in_order(mut found: Vec<Lying>) -> Vec<Lying> {
    let depth = |own: &Lying| {
        let (mut depth, mut at) = (0, own);
        while let Some(before) = at.closed()
            && depth < found.len()
            && let Some(next) = found.iter().find(|other| other.incarnation == before)
        {
            (depth, at) = (depth + 1, next);
        }
        depth
    };
    let depths: Vec<_> = found.iter().map(|own| (depth(own), own.incarnation)).collect();
    found.sort_by_cached_key(|own| depths.iter().find(|(_, of)| *of == own.incarnation).copied());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(byte: u8, size: u64) -> SignedRoot {
        let head = TreeHead { size, root: Hash::from([byte; 32]) };
        SignedRoot { incarnation: Incarnation::from_bytes([byte; 16]), head }
    }

    #[test]
    fn a_succession_reads_back_from_its_one_encoding_and_from_no_other() {
        for found in [None, Some(root(1, 7))] {
            let succession = Succession { signed: root(1, 9), found, entries: vec![0, 300, 70_000] };
            let bytes = succession.encode();
            assert_eq!(Succession::decode(&bytes), Some(succession));
            for cut in 0..bytes.len() {
                assert_eq!(Succession::decode(&bytes[..cut]), None, "cut at {cut}");
            }
            assert_eq!(Succession::decode(&[bytes, vec![0]].concat()), None);
        }
    }

    /// Which closed which, by number; 0 closed nothing.
    fn lying(pairs: &[(u8, u8)]) -> Vec<Lying> {
        let of = |(own, closed): &(u8, u8)| Lying {
            incarnation: Incarnation::from_bytes([*own; 16]),
            after: (*closed > 0).then(|| Succession {
                signed: root(99, 9),
                found: Some(root(*closed, 1)),
                entries: Vec::new(),
            }),
        };
        pairs.iter().map(of).collect()
    }

    fn numbers(lying: &[Lying]) -> Vec<u8> {
        lying.iter().map(|own| own.incarnation.to_bytes()[0]).collect()
    }

    #[test]
    fn an_incarnation_comes_after_the_one_that_it_closed_whatever_its_id() {
        for (pairs, ordered, line) in [
            (&[][..], &[][..], &[][..]),
            (&[(5, 0)], &[5], &[5]),
            (&[(3, 0), (5, 0)], &[3, 5], &[5]),
            (&[(2, 5), (3, 2), (5, 0)], &[5, 2, 3], &[5, 2, 3]),
            (&[(2, 5), (5, 0), (9, 0)], &[5, 9, 2], &[5, 2]),
            (&[(2, 8)], &[2], &[2]),
            // Nobody's own work, and no reason to go round for ever.
            (&[(2, 5), (5, 2)], &[2, 5], &[2, 5]),
        ] {
            let found = in_order(lying(pairs));
            assert_eq!(numbers(&found), ordered, "{pairs:?}");
            assert_eq!(numbers(&newest_line(&found)), line, "{pairs:?}");
        }
    }
}
