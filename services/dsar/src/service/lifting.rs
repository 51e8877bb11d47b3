//! What a request has restricted is lifted (GDPR Art. 18(3)): never before the person was told that it will be.
//!
//! It outlives the answer, so that it is lifted from requests that are closed, too. Another open request's hold on the same
//! recordings stands all the same; an erasure that what the person needed had deferred goes on by itself in retention.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{HoldId, RecordingId, TenantId, Timestamp};
use policy::request::Actor;
use policy::rights::Outcome;
use proto::retention::v1::{Hold, HoldState};
use tracing::info;

use super::{Service, TRIES};
use crate::act::{Act, RequestKey};
use crate::error::Error;
use crate::file::{File, LIFTED};
use crate::person::Person;

impl Service {
    /// Releases what a request has restricted, once a notice of it was delivered; the same again has no second effect. Where
    /// it breaks off, some of it is released: the next call does the rest.
    pub async fn lift(&self, key: &RequestKey, by: &Actor, notice: Timestamp) -> Result<File, Error> {
        let act = Act::Lifted { notice_delivered_at: notice };
        for _ in 0..TRIES {
            let file = self.file(key).await?;
            if file.lifted.is_some() {
                return self.lifted(key, notice).await;
            }
            self.check_lift(&file, notice)?;
            for hold in &file.restrictions {
                self.mesh().release(&key.tenant, *hold).await?;
            }
            // Written on what was read: a restriction that came meanwhile is lifted with the others.
            if let Some(lifted) = self.take_on(&file, key, by, &act, &Arc::default()).await? {
                let (tenant, restrictions) = (&key.tenant, lifted.restrictions.len());
                info!(%tenant, request = %key.id, restrictions, "what a request has restricted is lifted");
                return Ok(lifted);
            }
        }
        Err(Error::Contended("the request"))
    }

    fn check_lift(&self, file: &File, notice: Timestamp) -> Result<(), Error> {
        if notice > self.now() {
            return Err(Error::invalid("notice_delivered_at", "must not be in the future"));
        }
        if notice < file.received.received_at {
            return Err(Error::invalid("notice_delivered_at", "must not be before the request was received"));
        }
        if file.restrictions.is_empty() {
            return Err(Error::refused("nothing-restricted", "the request has restricted nothing"));
        }
        if is_restricting(file) {
            let why = "something of the request is still to be restricted, and is lifted with the rest";
            return Err(Error::refused("still-restricting", why));
        }
        Ok(())
    }

    /// The request as it was lifted; refused where another notice is meant.
    async fn lifted(&self, key: &RequestKey, notice: Timestamp) -> Result<File, Error> {
        let told = Act::Lifted { notice_delivered_at: notice };
        if self.history(key).await?.iter().any(|record| record.act == told) {
            return self.file(key).await;
        }
        Err(Error::refused(LIFTED, "it was lifted after a notice that was delivered at another time"))
    }

    /// The restrictions that other requests of a person have placed, each with its request.
    pub(crate) async fn restricted_before(
        &self,
        key: &RequestKey,
        person: &Person,
    ) -> Result<BTreeMap<HoldId, RequestKey>, Error> {
        let mut placed = BTreeMap::new();
        for subject in person.subjects() {
            let heads = self.store().of_subject(&key.tenant, subject).await?;
            for head in heads.into_iter().filter(|head| head.key != *key) {
                for record in self.history(&head.key).await? {
                    if let Act::Restricted(holds) = record.act {
                        placed.extend(holds.into_iter().map(|hold| (hold, head.key.clone())));
                    }
                }
            }
        }
        Ok(placed)
    }

    /// A hold that stands over a recording; none where it was released.
    pub(crate) async fn hold_over(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        hold: HoldId,
    ) -> Result<Option<Hold>, Error> {
        let kept = self.mesh().kept(tenant, recording).await?.unwrap_or_default();
        let found = kept.holds.into_iter().find(|own| own.hold_id == hold.to_bytes());
        Ok(found.filter(|own| own.state() != HoldState::Released))
    }
}

/// Whether it is decided that something is restricted that is not yet.
fn is_restricting(file: &File) -> bool {
    let open = file.request.items().values().filter(|item| !item.is_settled());
    let mut decided =
        open.filter_map(|item| item.decision()).flat_map(|decision| decision.verdict.outcomes());
    decided.any(|outcome| outcome == Outcome::Restrict)
}
