//! What follows when a purpose has lost what it rested on: its entries go, unasked.

use std::collections::BTreeSet;

use kernel::{ErasureId, PurposeName, TenantId};
use policy::code::Code;
use sha2::{Digest, Sha256};

use super::{BY_ITSELF, Erasing};
use crate::erasure::{Cause, Erasure, Scope, State, Target};
use crate::error::Error;
use crate::kept::{Kept, TermState};
use crate::store::Written;

/// GDPR Art. 17(1)(b): the consent is withdrawn, and there is no other ground.
const REASON: &str = "art-17-1-b";

/// An erasure that follows from one thing, and is the same each time that this is told.
pub(crate) struct Follows {
    pub(crate) tenant: TenantId,
    pub(crate) id: ErasureId,
    pub(crate) target: Target,
    pub(crate) purposes: BTreeSet<PurposeName>,
}

impl Erasing {
    /// Looks whether a basis was lost while a recording was not stamped yet; to be called after every stamp. `gone`
    /// are the purposes that had lost it by the sealing and so have no entry: what was stored for them alone goes, too.
    pub async fn basis_after_stamp(&self, kept: &Kept, gone: &BTreeSet<PurposeName>) -> Result<(), Error> {
        let mut lost = self.lost(kept, |_| true).await?;
        lost.extend(gone.iter().cloned());
        if lost.is_empty() {
            return Ok(());
        }
        let recording = kept.key.id;
        let follows = Follows {
            tenant: kept.key.tenant.clone(),
            id: derived(recording.to_bytes(), b"basis-after-stamp"),
            target: Target::Recording(recording),
            purposes: lost.clone(),
        };
        let _entered = self.adding.enter(follows.id);
        let erasure = self.follow(&follows).await?;
        self.add_item(&erasure, recording, Scope::Purposes(lost)).await?;
        self.close(&erasure.tenant, erasure.id).await?;
        Ok(())
    }

    /// Which purposes of a recording have lost their basis: of those that run, and under no duty.
    pub(crate) async fn lost<F>(&self, kept: &Kept, is_meant: F) -> Result<BTreeSet<PurposeName>, Error>
    where
        F: Fn(&PurposeName) -> bool + Send,
    {
        let running = kept.terms.iter().filter(|term| term.state == TermState::Running);
        let without_duty = running.filter(|term| term.stamp.rule.regime().is_none());
        let asked: BTreeSet<_> =
            without_duty.map(|term| term.stamp.purpose.clone()).filter(|purpose| is_meant(purpose)).collect();
        let mut lost = BTreeSet::new();
        for purpose in asked {
            let reason = self.parts.mesh.basis_lost(&kept.key.tenant, kept.key.id, &purpose).await?;
            if reason.is_some() {
                lost.insert(purpose);
            }
        }
        Ok(lost)
    }

    /// The erasure, begun now or when the same was told before.
    pub(crate) async fn follow(&self, follows: &Follows) -> Result<Erasure, Error> {
        let erasure = Erasure {
            tenant: follows.tenant.clone(),
            id: follows.id,
            version: 1,
            cause: Cause::BasisLost,
            target: follows.target.clone(),
            scope: Scope::Purposes(follows.purposes.clone()),
            reason: Code::new(REASON).expect("a plain word is a code"),
            ordered_by: BY_ITSELF.to_owned(),
            ordered_at: self.now(),
            state: State::Gathering,
            items: 0,
            settled_at: None,
            receipt: Vec::new(),
        };
        match self.begin(&erasure).await? {
            Written::Applied => Ok(erasure),
            Written::Conflict => {
                let standing = self.store().erasure(&follows.tenant, follows.id).await?;
                standing.ok_or(Error::Contended("the erasure"))
            }
        }
    }
}

/// An id that follows from another: the same each time, and in its place in time where the other one's is.
pub(crate) fn derived(from: [u8; 16], what: &[u8]) -> ErasureId {
    let digest: [u8; 32] = Sha256::new().chain_update(from).chain_update(what).finalize().into();
    let mut bytes = from;
    bytes[6..].copy_from_slice(&digest[..10]);
    // RFC 9562: version 8, variant 10.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    ErasureId::from_bytes(bytes)
}
