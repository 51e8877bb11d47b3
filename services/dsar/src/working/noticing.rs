//! What recipients must know of (GDPR Art. 19), by what really happened and not by what was asked for: retention says which
//! erasures are done and which restrictions placed, whoever ordered them.
//!
//! Art. 19 is about erasures of Art. 17(1): by an order, and where what something rested on is gone. That a period ended is
//! none, and nobody is told. What a hold keeps back of an erasure is told of once that erasure goes on. What a duty keeps
//! back goes as its period ends: until then it is restricted, and that is told.
//!
//! A restriction is told of at the recordings that its hold names. Of a hold on persons, or on a range of time, nobody can
//! say without going through all recordings what of it was disclosed, and nobody is told; requests name recordings.

use std::sync::Arc;

use async_trait::async_trait;
use eventlog::Stored;
use kernel::{ErasureId, ErrorCode, HoldId, ServiceError, TenantId, chain};
use platform::feed::Take;
use policy::request::Cause;
use prost::Message;
use proto::retention::v1::retention_event::Event;
use proto::retention::v1::{ErasureState, HoldState, RetentionEvent};
use tracing::error;

use crate::error::Error;
use crate::mesh::Why;
use crate::service::Service;

/// The consumer group.
pub(crate) const GROUP: &str = "dsar-notices";
/// Most pages of one erasure: more than it can have.
const MAX_PAGES: usize = 1_000;

/// Opens notices of what happened to what was disclosed.
pub(super) struct Noticing {
    pub(super) service: Arc<Service>,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Happened {
    /// An erasure has come as far as it goes, and has taken something.
    Erased(ErasureId),
    /// A hold was placed, which may be a restriction.
    Held(HoldId),
}

#[async_trait]
impl Take for Noticing {
    type Error = Error;
    async fn take(&self, record: &Stored) -> Result<(), Error> {
        let (tenant, happened) = match happened(record) {
            Ok(Some(happened)) => happened,
            Ok(None) => return Ok(()),
            // What comes again cannot be read then, either.
            Err(Unreadable) => {
                error!(
                    offset = record.offset,
                    "an event of retention cannot be read: whom to tell of it is not known, and somebody has to find out"
                );
                return Ok(());
            }
        };
        match self.service.notice(&tenant, happened).await {
            Err(error) if !comes_again(&error) => {
                error!(%tenant, ?happened, error = chain(&error),
                    "whom to tell of an act cannot be found out: somebody has to");
                Ok(())
            }
            noticed => noticed,
        }
    }
}

impl Service {
    /// Opens a notice at each disclosure of what something happened to. Where a tenant has disclosed nothing, nothing is
    /// asked.
    async fn notice(&self, tenant: &TenantId, happened: Happened) -> Result<(), Error> {
        if !self.disclosures().disclosing().await?.contains(tenant) {
            return Ok(());
        }
        match happened {
            Happened::Erased(erasure) => self.notice_erasure(tenant, erasure).await,
            Happened::Held(hold) => {
                for recording in self.mesh().restricted_by(tenant, hold).await? {
                    self.note_act(tenant, recording, Cause::Restricted, hold.to_bytes()).await?;
                }
                Ok(())
            }
        }
    }

    async fn notice_erasure(&self, tenant: &TenantId, erasure: ErasureId) -> Result<(), Error> {
        let mut token = String::new();
        for _ in 0..MAX_PAGES {
            let (gone, next) = self.mesh().erasure_of(tenant, erasure, token).await?;
            if !is_told(gone.why) {
                return Ok(());
            }
            for recording in gone.recordings {
                self.note_act(tenant, recording, Cause::Erased, erasure.to_bytes()).await?;
            }
            match next {
                Some(next) => token = next,
                None => return Ok(()),
            }
        }
        Err(Error::Answer { peer: "retention", what: "an erasure without an end" })
    }
}

/// Whether recipients are told of what was erased for this.
fn is_told(why: Why) -> bool {
    match why {
        Why::BasisLost | Why::Ordered => true,
        Why::PeriodOver => false,
    }
}

/// Of a record nothing can be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Unreadable;

/// What a record says; none where it says something else.
fn happened(record: &Stored) -> Result<Option<(TenantId, Happened)>, Unreadable> {
    let envelope = eventlog::from_record(record).map_err(|_| Unreadable)?;
    let told = RetentionEvent::decode(record.value.clone()).map_err(|_| Unreadable)?;
    let happened = match told.event {
        Some(Event::Erasure(changed)) if has_taken(changed.state) => {
            Happened::Erased(ErasureId::from_slice(&changed.erasure_id).map_err(|_| Unreadable)?)
        }
        Some(Event::Hold(changed)) if changed.state == i32::from(HoldState::Placed) => {
            Happened::Held(HoldId::from_slice(&changed.hold_id).map_err(|_| Unreadable)?)
        }
        // Of an event that is newer than this program nothing is known.
        Some(Event::Erasure(_) | Event::Hold(_) | Event::Stamped(_) | Event::Order(_)) | None => {
            return Ok(None);
        }
    };
    Ok(Some((envelope.tenant, happened)))
}

/// Whether an erasure is settled, and not all of it was kept.
fn has_taken(state: i32) -> bool {
    match ErasureState::try_from(state).unwrap_or(ErasureState::Unspecified) {
        ErasureState::Done | ErasureState::Partial => true,
        ErasureState::Running | ErasureState::Refused | ErasureState::Unspecified => false,
    }
}

/// Whether what failed may go well later: somebody comes back, or mends who may ask. What is not known, or cannot be, stays
/// so.
fn comes_again(error: &Error) -> bool {
    match error.code() {
        ErrorCode::Unavailable
        | ErrorCode::DeadlineExceeded
        | ErrorCode::Aborted
        | ErrorCode::ResourceExhausted
        | ErrorCode::Unauthenticated
        | ErrorCode::PermissionDenied => true,
        ErrorCode::NotFound
        | ErrorCode::InvalidArgument
        | ErrorCode::AlreadyExists
        | ErrorCode::FailedPrecondition
        | ErrorCode::DataLoss
        | ErrorCode::Internal => false,
    }
}

#[cfg(test)]
mod tests;
