//! The only way to a cover: the gate, then the entries, then a lease.
//!
//! What marks have taken of an entry is not handed out, even while it still stands. An erasure marks first and asks
//! then how long leases may run; here the lease begins first and the marks are read then, so that no lease begins
//! unseen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{LeaseId, PurposeName, RecordingId, TenantId, Use};
use platform::auth::{Token, Verifier};
use seal::{Cover, SectionAddress, SpanSet};

use crate::error::Error;
use crate::gate::{Claim, Gate, Refusal};
use crate::leases::{Lease, Leases};
use crate::marks::left;
use crate::pages::Pages;
use crate::store::KeyStore;

/// Most nodes that one answer hands out: more would not fit a message.
pub const MAX_NODES: usize = 65_536;

/// What archive asks for on somebody's behalf.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Which recording.
    pub recording: RecordingId,
    /// Under which purpose.
    pub purpose: PurposeName,
    /// For which use.
    pub wanted: Use,
    /// What a legal claim or an authority's use rests on: a hold's id, an order's reference; empty for others.
    pub reference: String,
    /// Which spans of which sections; none to ask the gate alone.
    pub spans: BTreeMap<SectionAddress, SpanSet>,
    /// Whom the audio is for.
    pub subject_token: Token,
}

/// What is handed out.
#[derive(Debug)]
pub struct Opened {
    /// Whom it is for, by the token.
    pub principal: String,
    /// The lease.
    pub lease: LeaseId,
    /// How long it runs.
    pub life: Duration,
    /// What opens the spans asked for, as far as the purpose may use them; no section without a span.
    pub covers: BTreeMap<SectionAddress, Cover>,
}

/// Hands out covers.
pub struct Unwrapping {
    store: Arc<dyn KeyStore>,
    pages: Arc<Pages>,
    gate: Gate,
    leases: Arc<Leases>,
    verifier: Arc<Verifier>,
}

impl Unwrapping {
    /// Behind this gate.
    pub fn new(
        store: Arc<dyn KeyStore>,
        pages: Arc<Pages>,
        gate: Gate,
        leases: Arc<Leases>,
        verifier: Arc<Verifier>,
    ) -> Self {
        Self { store, pages, gate, leases, verifier }
    }

    /// Opens what the bearer of the subject token may have of what is asked. `holder` is the caller.
    pub async fn unwrap(&self, tenant: &TenantId, holder: &str, ask: &Ask) -> Result<Opened, Error> {
        let principal = self.verifier.verify(&ask.subject_token).await.map_err(Error::Token)?;
        let claim = Claim {
            principal,
            tenant: tenant.clone(),
            recording: ask.recording,
            purpose: ask.purpose.clone(),
            wanted: ask.wanted,
            reference: ask.reference.clone(),
        };
        self.admit(&claim).await?;
        let covers = self.covers(&claim, &ask.spans).await?;
        // Somebody who asks for no span learns whether they might.
        if covers.is_empty() && !ask.spans.is_empty() {
            return Err(Error::Refused(Refusal::NothingOpens));
        }
        let principal = claim.principal.id.clone();
        let spans = covers.iter().map(|(section, cover)| (*section, cover.spans())).collect();
        let lease = Lease { claim, holder: holder.to_owned(), spans };
        let id = self.leases.begin(lease.clone())?;
        match self.is_unmarked(&lease).await {
            Ok(true) => Ok(Opened { principal, lease: id, life: self.leases.life(), covers }),
            // Nothing was handed out yet.
            other => {
                self.leases.end(id);
                other.and(Err(Error::Contended("what may be read of a recording")))
            }
        }
    }

    /// Asks everything again for a lease that runs; one that is refused is not asked for again.
    pub async fn renew(&self, tenant: &TenantId, holder: &str, id: LeaseId) -> Result<Duration, Error> {
        let lease = self.leases.running(tenant, holder, id)?;
        match self.still_open(&lease).await {
            Ok(()) => {}
            // A rule that is silent now may answer before the lease is over.
            Err(Error::Refused(refusal)) if !matches!(refusal, Refusal::Silent(_)) => {
                self.leases.refuse(id);
                return Err(Error::Refused(refusal));
            }
            Err(error) => return Err(error),
        }
        self.leases.renew(id)?;
        if self.is_unmarked(&lease).await? {
            return Ok(self.leases.life());
        }
        self.leases.refuse(id);
        Err(Error::Refused(Refusal::Narrowed))
    }

    /// Whether nothing of what was handed out is erased by now.
    async fn is_unmarked(&self, lease: &Lease) -> Result<bool, Error> {
        if lease.spans.is_empty() {
            return Ok(true);
        }
        let marks = self.pages.marks(&lease.claim.tenant, lease.claim.recording).await?;
        Ok(lease.entries().all(|(key, spans)| left(&marks, &key, spans) == *spans))
    }

    async fn admit(&self, claim: &Claim) -> Result<(), Error> {
        let row = self.store.recording(&claim.tenant, claim.recording).await?;
        self.gate.admit(claim, row.as_ref()).await
    }

    async fn still_open(&self, lease: &Lease) -> Result<(), Error> {
        self.admit(&lease.claim).await?;
        let covers = self.covers(&lease.claim, &lease.spans).await?;
        let opens = |section, spans: &SpanSet| {
            covers.get(section).is_some_and(|cover| spans.difference(&cover.spans()).is_empty())
        };
        if lease.spans.iter().all(|(section, spans)| opens(section, spans)) {
            Ok(())
        } else {
            Err(Error::Refused(Refusal::Narrowed))
        }
    }

    /// The purpose's covers of these spans and no others.
    async fn covers(
        &self,
        claim: &Claim,
        spans: &BTreeMap<SectionAddress, SpanSet>,
    ) -> Result<BTreeMap<SectionAddress, Cover>, Error> {
        let mut covers = BTreeMap::new();
        let mut nodes = 0;
        let marks = self.pages.marks(&claim.tenant, claim.recording).await?;
        let locators = self.pages.locators(&claim.tenant, claim.recording).await?;
        for locator in locators.iter().filter(|locator| locator.key.purpose == claim.purpose) {
            let Some(asked) = spans.get(&locator.key.section) else { continue };
            let Some(cover) = self.pages.serving(&claim.tenant, locator, &marks).await? else { continue };
            let cover = cover.restrict(asked);
            nodes += cover.node_count();
            if nodes > MAX_NODES {
                return Err(Error::invalid("sections", "need more key nodes than one answer may have"));
            }
            if !cover.is_empty() {
                covers.insert(locator.key.section, cover);
            }
        }
        Ok(covers)
    }
}

#[cfg(test)]
mod tests;
