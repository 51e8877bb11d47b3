//! Sealing to a tenant's epoch: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. A writer that holds the public key alone can seal a leg key and never open one.

use std::fmt;

use ::hpke::aead::AesGcm256;
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::X25519HkdfSha256;
use ::hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use kernel::{EventId, KeyEpoch, TenantId};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cbor::Writer;
use crate::error::Error;
use crate::header::SectionAddress;
use crate::key::{LegKey, random};

/// Largest secret that is sealed to an epoch.
pub const MAX_SECRET: usize = 64 * 1_024;
/// Bytes of an encapsulated key, before the ciphertext.
pub const ENC_LEN: usize = 32;

const TAG_LEN: usize = 16;

/// An epoch's public key: what ingest knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EpochPublic([u8; 32]);

/// An epoch's secret key: what crypto keeps, wrapped by the epoch's backend key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct EpochSecret([u8; 32]);

/// What a sealed secret is bound to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HpkeInfo {
    /// A section's leg key.
    LegKey(LegKeyInfo),
    /// A person's free-text reason, given with one audited act.
    Reason {
        /// Whose ledger it is in.
        tenant: TenantId,
        /// The epoch it is sealed to.
        epoch: KeyEpoch,
        /// The audit event that carries its commitment.
        event: EventId,
    },
}

/// Which section a leg key is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegKeyInfo {
    /// Whose data it opens.
    pub tenant: TenantId,
    /// The section whose tree it is the root of.
    pub section: SectionAddress,
    /// The epoch it is sealed to.
    pub epoch: KeyEpoch,
}

/// An encapsulated key and what is sealed under it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HpkeSealed {
    /// The sender's ephemeral public key.
    pub enc: [u8; ENC_LEN],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

/// Seals a section's leg key to an epoch.
pub fn seal_leg_key(to: &EpochPublic, info: &LegKeyInfo, key: &LegKey) -> Result<HpkeSealed, Error> {
    seal_to_epoch(to, &HpkeInfo::LegKey(info.clone()), key.expose())
}

/// Opens a section's leg key.
pub fn open_leg_key(secret: &EpochSecret, info: &LegKeyInfo, sealed: &HpkeSealed) -> Result<LegKey, Error> {
    LegKey::from_slice(&open_from_epoch(secret, &HpkeInfo::LegKey(info.clone()), sealed)?)
}

/// Seals any secret of at most 64 KiB to an epoch.
pub fn seal_to_epoch(to: &EpochPublic, info: &HpkeInfo, secret: &[u8]) -> Result<HpkeSealed, Error> {
    Error::bounded("secret", secret.len(), MAX_SECRET)?;
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| bad_public())?;
    let (enc, ciphertext) = single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        &info.encode(),
        secret,
        &[],
    )
    .map_err(|_| bad_public())?;
    Ok(HpkeSealed { enc: enc.to_bytes().into(), ciphertext })
}

/// Opens what was sealed to an epoch for exactly this place.
pub fn open_from_epoch(
    secret: &EpochSecret,
    info: &HpkeInfo,
    sealed: &HpkeSealed,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let refused = |_| Error::Unwrap("HPKE secret");
    let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&secret.0).map_err(refused)?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.enc).map_err(refused)?;
    let opened = single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &enc,
        &info.encode(),
        &sealed.ciphertext,
        &[],
    );
    opened.map(Zeroizing::new).map_err(refused)
}

impl EpochSecret {
    /// Draws a fresh key pair's secret half (RFC 9180 DeriveKeyPair over 32 random bytes).
    pub fn generate() -> Result<Self, Error> {
        let seed = Zeroizing::new(random::<32>()?);
        let (private, _) = X25519HkdfSha256::derive_keypair(seed.as_slice());
        Ok(Self(private.to_bytes().into()))
    }
    /// The key with exactly these bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.try_into().map_err(|_| Error::invalid("epoch secret", "must be 32 bytes"))?;
        Ok(Self(bytes))
    }
    /// The key's bytes, for wrapping.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
    /// Its public half.
    pub fn public(&self) -> EpochPublic {
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.0)
            .expect("X25519 takes any 32 bytes as a private key");
        EpochPublic(X25519HkdfSha256::sk_to_pk(&private).to_bytes().into())
    }
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochSecret(redacted)")
    }
}

impl EpochPublic {
    /// Takes 32 bytes that are a usable public key.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(bytes).map_err(|_| bad_public())?;
        bytes.try_into().map(Self).map_err(|_| bad_public())
    }
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl HpkeSealed {
    /// `enc || ciphertext`, as it stands on a topic.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.enc.as_slice(), &self.ciphertext].concat()
    }
    /// Reads that.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        Error::bounded("HPKE secret", bytes.len(), ENC_LEN + MAX_SECRET + TAG_LEN)?;
        let (enc, ciphertext) =
            bytes.split_first_chunk::<ENC_LEN>().ok_or(Error::Truncated("HPKE secret"))?;
        Ok(Self { enc: *enc, ciphertext: ciphertext.to_vec() })
    }
}

impl HpkeInfo {
    /// What goes into HPKE as `info` (`FORMAT.md`, sealing to an epoch).
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::LegKey(LegKeyInfo { tenant, section, epoch }) => {
                w.map(6).key(1).text("verbale/hpke/leg-key/v1").key(2).text(tenant.as_str());
                w.key(3).bytes(&section.recording.to_bytes()).key(4).uint(section.leg.0);
                w.key(5).uint(section.section.0).key(6).uint(epoch.0);
            }
            Self::Reason { tenant, epoch, event } => {
                w.map(4).key(1).text("verbale/hpke/reason/v1").key(2).text(tenant.as_str());
                w.key(3).uint(epoch.0).key(4).bytes(&event.to_bytes());
            }
        }
        w.finish()
    }
}

fn bad_public() -> Error {
    Error::invalid("epoch public key", "is not one that can be sealed to")
}

#[cfg(test)]
mod tests;
