//! Cobblestone-256: C2SP *chunked-encryption* with AES-256-GCM under HKDF-SHA-512, whole messages in memory.
//!
//! `salt[24] || commitment[32] || chunk*`, each chunk 16 KiB and a tag, the last one shorter (and present even
//! when empty). The commitment is compared first, in constant time, and there is no way to skip it; no
//! plaintext of a message leaves here unless all of it authenticates.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::aead::{Gcm, TAG_LEN};
use crate::error::Error;
use crate::key::{SpanKey, random};

/// Bytes of salt at the beginning of a message.
pub const SALT_LEN: usize = 24;
/// Bytes of key commitment after it.
pub const COMMITMENT_LEN: usize = 32;
/// Plaintext bytes of every chunk but the last.
pub const CHUNK: usize = 16 * 1_024;
/// Bytes of a sealed chunk that is full.
pub const SEALED_CHUNK: usize = CHUNK + TAG_LEN;
/// Bytes before the first chunk.
pub const PREAMBLE_LEN: usize = SALT_LEN + COMMITMENT_LEN;

const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00";

/// How long a message of `plaintext` bytes is when sealed.
pub const fn sealed_len(plaintext: usize) -> usize {
    PREAMBLE_LEN + plaintext + (plaintext / CHUNK + 1) * TAG_LEN
}

/// Seals a whole message under a fresh salt.
pub fn seal(key: &SpanKey, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(sealed_len(plaintext.len()));
    let write = |out: &mut Vec<u8>| out.extend_from_slice(plaintext);
    seal_into(key, context, &random()?, plaintext.len(), write, &mut out);
    Ok(out)
}

/// Opens a whole message.
pub fn open(key: &SpanKey, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (preamble, chunks) = split(sealed)?;
    let (salt, commitment) = preamble.split_at(SALT_LEN);
    let message = Message::derive(key, context, salt);
    if !bool::from(message.commitment.ct_eq(commitment)) {
        return Err(Error::Commitment);
    }
    message.open_chunks(chunks)
}

/// The sealed chunks of a message, in order, without opening any; the preamble is not among them.
pub fn sealed_chunks(sealed: &[u8]) -> Result<impl Iterator<Item = &[u8]>, Error> {
    let (_, chunks) = split(sealed)?;
    if chunks.len() % SEALED_CHUNK < TAG_LEN {
        return Err(Error::Truncated("sealed message"));
    }
    Ok(chunks.chunks(SEALED_CHUNK))
}

/// Appends a sealed message to `out`. `write` appends its plaintext, at most `room` bytes, which are sealed
/// where they stand: no second copy of them is made, nor left behind by growing.
pub(crate) fn seal_into(
    key: &SpanKey,
    context: &[u8],
    salt: &[u8; SALT_LEN],
    room: usize,
    write: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let message = Message::derive(key, context, salt);
    out.reserve_exact(sealed_len(room));
    out.extend_from_slice(salt);
    out.extend_from_slice(&message.commitment);
    let start = out.len();
    write(out);
    let length = out.len() - start;
    debug_assert!(length <= room, "the plaintext keeps to its room");
    let chunks = length / CHUNK + 1;
    out.resize(out.len() + chunks * TAG_LEN, 0);
    // From the last chunk on, each moves right to make room for the tags before it.
    for index in (0..chunks).rev() {
        let (from, to) = (start + index * CHUNK, start + index * SEALED_CHUNK);
        let size = CHUNK.min(length - index * CHUNK);
        out.copy_within(from..from + size, to);
        let tag = message.gcm.seal_in_place(message.nonce(index), &[], &mut out[to..to + size]);
        out[to + size..to + size + TAG_LEN].copy_from_slice(&tag);
    }
}

fn split(sealed: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    sealed.split_at_checked(PREAMBLE_LEN).ok_or(Error::Truncated("sealed message"))
}

/// Key, base nonce and commitment: HKDF-Expand with the input key as the pseudorandom key. Two blocks are 128
/// bytes, of which 76 are used.
fn expand(key: &SpanKey, context: &[u8], salt: &[u8]) -> Zeroizing<[u8; 128]> {
    let keyed = Hmac::<Sha512>::new_from_slice(key.expose()).expect("HMAC takes any key");
    let info = |mac: Hmac<Sha512>| mac.chain_update(LABEL).chain_update(salt).chain_update(context);
    let first = info(keyed.clone()).chain_update([1]).finalize().into_bytes();
    let second = info(keyed.chain_update(first)).chain_update([2]).finalize().into_bytes();
    let mut okm = Zeroizing::new([0; 128]);
    okm[..64].copy_from_slice(&first);
    okm[64..].copy_from_slice(&second);
    okm
}

/// One message's key, nonce and commitment.
pub(crate) struct Message {
    gcm: Gcm,
    base_nonce: [u8; 12],
    commitment: [u8; COMMITMENT_LEN],
}

impl Message {
    fn derive(key: &SpanKey, context: &[u8], salt: &[u8]) -> Self {
        let okm = expand(key, context, salt);
        let mut gcm_key = Zeroizing::new([0; 32]);
        gcm_key.copy_from_slice(&okm[..32]);
        let mut message = Self::raw(&gcm_key, [0; 12]);
        message.base_nonce.copy_from_slice(&okm[32..44]);
        message.commitment.copy_from_slice(&okm[44..76]);
        message
    }

    /// The chunk layer alone, for vectors.
    pub(crate) fn raw(key: &[u8; 32], base_nonce: [u8; 12]) -> Self {
        Self { gcm: Gcm::new(key), base_nonce, commitment: [0; COMMITMENT_LEN] }
    }

    pub(crate) fn open_chunks(&self, chunks: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut out = Zeroizing::new(Vec::with_capacity(chunks.len()));
        let mut ended = false;
        for (index, chunk) in chunks.chunks(SEALED_CHUNK).enumerate() {
            let opened = self.gcm.open_into(self.nonce(index), &[], chunk, &mut out);
            opened.map_err(|_| Error::Chunk(u32::try_from(index).unwrap_or(u32::MAX)))?;
            ended = chunk.len() < SEALED_CHUNK;
        }
        if ended { Ok(out) } else { Err(Error::Truncated("sealed message")) }
    }

    /// The chunk's number, big-endian, on the end of the base nonce.
    fn nonce(&self, index: usize) -> [u8; 12] {
        let mut nonce = self.base_nonce;
        let counter = (index as u64).to_be_bytes();
        nonce[4..].iter_mut().zip(counter).for_each(|(byte, count)| *byte ^= count);
        nonce
    }
}

#[cfg(test)]
mod tests;
