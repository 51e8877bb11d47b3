//! Looks for what must not be there, in every byte of everything that is kept.
//!
//! Audio is looked for in stretches of at least 64 bytes. To find one at any offset, each source is cut into
//! blocks of 32 bytes, of which any 64 bytes hold a whole one; files are hashed at every offset, and a block that
//! is found is extended both ways. Blocks of fewer than eight different bytes are not looked for: silence and
//! steady tones say nothing, and zeroes are everywhere. Secrets are looked for in the same way, but in stretches of
//! one block: each of theirs is taken, at every offset.

use std::collections::HashMap;

/// Shortest stretch of audio that counts.
const STRETCH: usize = 64;
const BLOCK: usize = STRETCH / 2;
/// Fewest different bytes of a block that is looked for.
const VARIETY: usize = 8;
/// Odd, so that it has an inverse and no byte is lost.
const BASE: u64 = 0x0100_0000_01b3;

/// What must not be there.
#[derive(Default)]
pub(crate) struct Scan {
    sources: Vec<Source>,
    blocks: HashMap<u64, Vec<(usize, usize)>>,
    texts: Vec<(String, Vec<u8>)>,
}

/// What is looked for in stretches.
struct Source {
    name: String,
    bytes: Vec<u8>,
    /// Shortest stretch of it that counts.
    shortest: usize,
}

impl Scan {
    /// Adds audio bytes.
    pub(crate) fn audio(&mut self, name: &str, bytes: Vec<u8>) {
        for (number, block) in bytes.chunks_exact(BLOCK).enumerate() {
            self.look_for(block, number * BLOCK);
        }
        self.sources.push(Source { name: name.to_owned(), bytes, shortest: STRETCH });
    }

    /// Adds random bytes, of which any 32 in a row count.
    pub(crate) fn secret(&mut self, name: &str, bytes: Vec<u8>) {
        for (offset, block) in bytes.windows(BLOCK).enumerate() {
            self.look_for(block, offset);
        }
        self.sources.push(Source { name: name.to_owned(), bytes, shortest: BLOCK });
    }

    /// A block of the source that is added next.
    fn look_for(&mut self, block: &[u8], offset: usize) {
        let mut seen = [false; 256];
        block.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        if seen.iter().filter(|seen| **seen).count() >= VARIETY {
            self.blocks.entry(hash(block)).or_default().push((self.sources.len(), offset));
        }
    }

    /// Adds a text or a key, whole.
    pub(crate) fn text(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        self.texts.push((name.to_owned(), bytes.as_ref().to_vec()));
    }

    /// How many blocks are looked for.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.values().map(Vec::len).sum()
    }

    /// What is found in these bytes.
    pub(crate) fn findings(&self, bytes: &[u8]) -> Vec<String> {
        let mut findings = Vec::new();
        for (name, text) in &self.texts {
            if let Some(at) = find(bytes, text) {
                findings.push(format!("{name} at byte {at}"));
            }
        }
        let mut rolling = Rolling::default();
        let mut beyond = 0;
        for (end, byte) in bytes.iter().enumerate() {
            rolling.push(*byte, end.checked_sub(BLOCK).map(|left| bytes[left]));
            let Some(at) = (end + 1).checked_sub(BLOCK).filter(|at| *at >= beyond) else { continue };
            for (source, offset) in self.blocks.get(&rolling.0).into_iter().flatten() {
                let Source { name, bytes: own, shortest } = &self.sources[*source];
                if let Some(length) = common(bytes, at, own, *offset).filter(|length| length >= shortest) {
                    findings.push(format!("{length} bytes of {name} at byte {at}"));
                    beyond = at + length;
                    break;
                }
            }
        }
        findings
    }
}

/// The length of the common stretch around a block, where it is the same.
fn common(bytes: &[u8], at: usize, own: &[u8], offset: usize) -> Option<usize> {
    if bytes[at..at + BLOCK] != own[offset..offset + BLOCK] {
        return None;
    }
    let before = bytes[..at].iter().rev().zip(own[..offset].iter().rev());
    let after = bytes[at + BLOCK..].iter().zip(&own[offset + BLOCK..]);
    let same = |(a, b): &(&u8, &u8)| a == b;
    Some(before.take_while(same).count() + BLOCK + after.take_while(same).count())
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    let mut from = 0;
    while let Some(next) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + next;
        if bytes[at..].starts_with(text) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn hash(block: &[u8]) -> u64 {
    block.iter().fold(0, |hash: u64, byte| hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1))
}

/// The hash of the last [`BLOCK`] bytes.
#[derive(Default)]
struct Rolling(u64);

impl Rolling {
    fn push(&mut self, byte: u8, leaves: Option<u8>) {
        const TOP: u64 = {
            let (mut power, mut n) = (1u64, 0);
            while n < BLOCK {
                power = power.wrapping_mul(BASE);
                n += 1;
            }
            power
        };
        self.0 = self.0.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1);
        if let Some(left) = leaves {
            self.0 = self.0.wrapping_sub(TOP.wrapping_mul(u64::from(left) + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_found_at_any_offset_and_a_shorter_one_is_not() {
        let audio: Vec<u8> = (0..2_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        let mut scan = Scan::default();
        scan.audio("the call", audio.clone());
        scan.text("the number", "+390612345678");
        let noise: Vec<u8> = (0..5_000u32).map(|n| (n.wrapping_mul(40_503) >> 7) as u8).collect();
        assert_eq!(scan.findings(&noise), [""; 0]);
        for (from, at) in [(0, 0), (33, 1), (500, 4_000), (1_936, 4_936)] {
            let mut bytes = noise.clone();
            bytes[at..at + STRETCH].copy_from_slice(&audio[from..from + STRETCH]);
            let found = scan.findings(&bytes);
            assert!(found.len() == 1 && found[0].contains("of the call"), "{from} {at}: {found:?}");
        }
        let mut bytes = noise;
        bytes[700..700 + STRETCH - 2].copy_from_slice(&audio[100..100 + STRETCH - 2]);
        assert_eq!(scan.findings(&bytes), [""; 0]);
        bytes.extend(b"tel:+390612345678");
        assert_eq!(scan.findings(&bytes), ["the number at byte 5004"]);
    }

    #[test]
    fn any_block_of_a_secret_is_found_and_less_is_not() {
        let key: Vec<u8> = (0..81u8).map(|n| n.wrapping_mul(37) ^ 0x5a).collect();
        let mut scan = Scan::default();
        scan.secret("the key", key.clone());
        for from in [0, 1, 31, key.len() - BLOCK] {
            let mut bytes = vec![0; 500];
            bytes[99..99 + BLOCK].copy_from_slice(&key[from..from + BLOCK]);
            assert_eq!(scan.findings(&bytes), ["32 bytes of the key at byte 99"], "from {from}");
            bytes[99] ^= 1;
            assert_eq!(scan.findings(&bytes), [""; 0], "from {from}");
        }
    }

    #[test]
    fn silence_is_not_looked_for() {
        let mut scan = Scan::default();
        scan.audio("silence", vec![0xd5; 1_000]);
        assert_eq!((scan.blocks(), scan.findings(&[0xd5; 500])), (0, Vec::new()));
    }
}
