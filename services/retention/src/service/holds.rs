//! Holds, as they are placed, released and listed.
//!
//! A hold is in the store before anything else is done about it: from then on every erasure that is not decided finds
//! it. Then it is journalled, then it stops what is under way. Whoever is told of an error repeats the same call, which
//! does what is left. A restriction keeps nothing, and so stops nothing.

use std::collections::BTreeSet;

use kernel::{HoldId, PurposeName, RecordingId, TenantId, Timestamp};
use policy::code::Code;
use tracing::info;

use super::{Service, TRIES};
use crate::acts;
use crate::error::Error;
use crate::events;
use crate::hold::{Hold, HoldKind, HoldState, ReleaseError, Selector};
use crate::store::{MAX_LISTED, Written};

/// A hold as somebody asks for it; its form was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewHold {
    /// Its id, by which a repetition is known.
    pub id: HoldId,
    /// Why.
    pub kind: HoldKind,
    /// Over what.
    pub selector: Selector,
    /// Of a restriction: only these purposes, every one where empty.
    pub purposes: BTreeSet<PurposeName>,
    /// A code.
    pub reason: Code,
    /// When somebody is to look whether it is still needed.
    pub review_at: Timestamp,
}

/// A hold that stands, and what it came across.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// The hold.
    pub hold: Hold,
    /// Recordings that it covers whose erasure was decided before, and goes on or is done.
    pub erased_before: Vec<RecordingId>,
    /// Recordings whose erasure it stopped.
    pub stopped: Vec<RecordingId>,
}

/// Which holds are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// Those that keep or restrict something.
    Standing,
    /// Those that no longer do.
    Released,
}

impl Service {
    /// Places a hold, or answers for one that stands with this id and content.
    pub async fn place(&self, tenant: &TenantId, by: &str, new: NewHold) -> Result<Placed, Error> {
        let hold = match self.store.hold(tenant, new.id).await? {
            Some(standing) => standing,
            None => self.placed(tenant, by, &new).await?,
        };
        if !new.is_content_of(&hold) {
            let why = format!("hold {} was placed with another content", hold.id);
            return Err(Error::refused("other-hold", why));
        }
        if hold.state == HoldState::Released {
            return Ok(Placed { hold, erased_before: Vec::new(), stopped: Vec::new() });
        }
        self.journalled(acts::hold_placed(&hold.as_placed())).await?;
        let crossed = self.erasing.stopped_by(&hold).await?;
        // One that was released while it stopped erasures has deferred what nobody else would take up again.
        let now = self.store.hold(tenant, hold.id).await?.unwrap_or(hold);
        if now.state == HoldState::Released {
            self.erasing.released(&now).await?;
        }
        Ok(Placed { hold: now, erased_before: crossed.erased_before, stopped: crossed.stopped })
    }

    /// The hold with this id, written now or by another at the same moment.
    async fn placed(&self, tenant: &TenantId, by: &str, new: &NewHold) -> Result<Hold, Error> {
        let now = self.clock.now();
        self.check(tenant, new, now).await?;
        let hold = Hold {
            tenant: tenant.clone(),
            id: new.id,
            version: 1,
            kind: new.kind,
            selector: new.selector.clone(),
            purposes: new.purposes.clone(),
            reason: new.reason.clone(),
            placed_by: by.to_owned(),
            placed_at: now,
            review_at: new.review_at,
            state: HoldState::Placed,
            released_by: Vec::new(),
            released_at: None,
        };
        match self.store.place(&hold, &events::hold(&hold, now)).await? {
            Written::Applied => {
                info!(%tenant, hold = %hold.id, "a hold was placed");
                Ok(hold)
            }
            Written::Conflict => self.store.hold(tenant, new.id).await?.ok_or(Error::Contended("the hold")),
        }
    }

    /// What only a new hold must keep to: one that stands already may be past its review.
    async fn check(&self, tenant: &TenantId, new: &NewHold, now: Timestamp) -> Result<(), Error> {
        if new.review_at <= now {
            return Err(Error::invalid("review_at", "must be in the future"));
        }
        let latest = now.plus(self.config.review.0);
        if new.review_at > latest {
            let problem =
                format!("must not be later than {latest}, the latest that a hold may stand without a review");
            return Err(Error::invalid("review_at", problem));
        }
        let named = match &new.selector {
            Selector::Recordings(ids) => ids,
            Selector::Subjects(_) | Selector::Query { .. } => return Ok(()),
        };
        let rows = self.rows(tenant, named.iter().copied()).await?;
        match named.iter().zip(rows).find(|(_, row)| row.is_none()) {
            Some((id, _)) => Err(Error::Unknown { what: "recording", id: id.to_string() }),
            None => Ok(()),
        }
    }

    /// Asks for a hold's release, or agrees to it: with the second person it is released, or with the service
    /// that placed it for a request.
    pub async fn release(&self, tenant: &TenantId, by: &str, id: HoldId) -> Result<Hold, Error> {
        for _ in 0..TRIES {
            let hold = self.hold(tenant, id).await?;
            let now = self.clock.now();
            let next = match hold.release(by, now) {
                Ok(next) => next,
                Err(error) => {
                    // Where whoever released it got no further than the store, this is what finishes it.
                    self.after_release(&hold).await?;
                    return Err(Error::refused(word(error), error.to_string()));
                }
            };
            if self.store.change_hold(&next, &events::hold(&next, now)).await? == Written::Applied {
                self.after_release(&next).await?;
                return Ok(next);
            }
        }
        Err(Error::Contended("the hold"))
    }

    /// Journals a release and lets go on what the hold had deferred; nothing where it still stands.
    async fn after_release(&self, hold: &Hold) -> Result<(), Error> {
        if hold.state != HoldState::Released {
            return Ok(());
        }
        self.journalled(vec![acts::hold_released(hold)]).await?;
        self.erasing.released(hold).await?;
        info!(tenant = %hold.tenant, hold = %hold.id, "a hold was released");
        Ok(())
    }

    /// One hold, whatever its state.
    pub async fn hold(&self, tenant: &TenantId, id: HoldId) -> Result<Hold, Error> {
        let found = self.store.hold(tenant, id).await?;
        found.ok_or_else(|| Error::Unknown { what: "hold", id: id.to_string() })
    }

    /// Holds in order of their ids, after one, at most `limit`.
    pub async fn holds(
        &self,
        tenant: &TenantId,
        which: Which,
        after: Option<HoldId>,
        limit: u32,
    ) -> Result<Vec<Hold>, Error> {
        match which {
            Which::Released => Ok(self.store.released(tenant, after, limit.min(MAX_LISTED)).await?),
            Which::Standing => {
                let standing = self.store.standing(tenant).await?.into_iter();
                let page = standing.filter(|hold| after.is_none_or(|after| hold.id > after));
                Ok(page.take(limit as usize).collect())
            }
        }
    }
}

impl NewHold {
    /// Whether a hold of this id says the same. Who placed it first placed it.
    fn is_content_of(&self, hold: &Hold) -> bool {
        let asked = (self.kind, &self.selector, &self.purposes, &self.reason, self.review_at);
        asked == (hold.kind, &hold.selector, &hold.purposes, &hold.reason, hold.review_at)
    }
}

impl Hold {
    /// As it was when it was placed, whatever has been asked of it since: a repetition's acts are the first ones.
    fn as_placed(&self) -> Self {
        Self {
            version: 1,
            state: HoldState::Placed,
            released_by: Vec::new(),
            released_at: None,
            ..self.clone()
        }
    }
}

fn word(error: ReleaseError) -> &'static str {
    match error {
        ReleaseError::PlacedBySame => "placed-by-same",
        ReleaseError::AskedBySame => "asked-by-same",
        ReleaseError::Released => "already-released",
    }
}

#[cfg(test)]
mod tests;
