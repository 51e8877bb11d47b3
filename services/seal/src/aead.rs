//! AES-256-GCM, in one place.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

pub(crate) const TAG_LEN: usize = 16;

/// Whether this machine's AES instructions are used. The soft fallback is about 25 times slower: say it in
/// a metric and warn at start.
pub fn hardware_accelerated() -> bool {
    aes_gcm::aes::hardware_accelerated()
}

/// A key schedule, wiped when dropped.
pub(crate) struct Gcm(Aes256Gcm);

/// The bytes did not authenticate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl Gcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Seals bytes where they stand and gives back their tag.
    pub(crate) fn seal_in_place(&self, nonce: [u8; 12], aad: &[u8], bytes: &mut [u8]) -> [u8; TAG_LEN] {
        self.0
            .encrypt_inout_detached(&Nonce::<Aes256Gcm>::from(nonce), aad, bytes.into())
            .expect("a bounded message is below GCM's limit")
            .into()
    }

    /// Appends `plaintext` sealed, with its tag, to `out`.
    pub(crate) fn seal_into(&self, nonce: [u8; 12], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.seal_in_place(nonce, aad, &mut out[start..]);
        out.extend_from_slice(&tag);
    }

    /// Appends what `sealed` (with its tag) holds to `out`; appends nothing where it is refused.
    pub(crate) fn open_into(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        sealed: &[u8],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(), Refused> {
        let (body, tag) = sealed.split_at_checked(sealed.len().wrapping_sub(TAG_LEN)).ok_or(Refused)?;
        let tag = Tag::<Aes256Gcm>::try_from(tag).map_err(|_| Refused)?;
        let start = out.len();
        out.extend_from_slice(body);
        let opened = self.0.decrypt_inout_detached(
            &Nonce::<Aes256Gcm>::from(nonce),
            aad,
            (&mut out[start..]).into(),
            &tag,
        );
        opened.map_err(|_| {
            out.truncate(start);
            Refused
        })
    }
}
