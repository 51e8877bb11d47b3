//! Whether a purpose of a recording may serve a use now: its period runs, nothing restricts it, and what is claimed
//! under a hold or an order is covered by it.
//!
//! Whether the basis stands is consent's to say, and who may claim a use the policy's; crypto's gate asks all of them.

use std::time::Duration;

use kernel::{HoldId, PurposeName, RecordingId, TenantId, Timestamp, Use};
use policy::code::Code;
use policy::retention::DataKind;
use tokio::time::{Instant, sleep_until};

use super::Service;
use crate::error::Error;
use crate::hold::{Hold, HoldKind};
use crate::kept::{Kept, RecordingKey, TermState};

/// How often a store is asked for a row that another process writes.
const LOOK: Duration = Duration::from_millis(50);

/// The purpose is not kept of this recording, or the recording is not known.
const NOT_KEPT: &str = "not-kept";
/// Its time is over.
const PERIOD_OVER: &str = "period-over";
/// Its entries are gone, or going.
const ERASED: &str = "erased";
/// A hold that its person needs, or a restriction of the purpose, leaves it to that person and courts (GDPR
/// Art. 18(2)).
const RESTRICTED: &str = "restricted";
/// No standing hold of this id keeps the recording.
const NO_HOLD: &str = "no-hold";
/// No order of this reference, and no authority's hold of this id, covers the recording.
const NO_ORDER: &str = "no-order";
/// A probe opens for nobody.
const PROBE: &str = "probe";

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Served {
    /// It may.
    Allows,
    /// It may not, for this reason, a code.
    Refuses(&'static str),
}

/// How the time of a purpose's audio stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lasts {
    /// It runs.
    Runs,
    /// It is over, and nothing was erased yet: a hold may keep it, or the sweep was not there yet.
    Over,
    /// It was decided that it goes.
    Ending,
    /// It is gone.
    Ended,
}

/// What a reference names that stands and covers the recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Named {
    /// Nothing.
    Nothing,
    /// A hold of this kind.
    Hold(HoldKind),
    /// An authority's order.
    Order,
}

/// What the answer goes by.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// How the audio of the purpose stands; none where it is not kept.
    lasts: Option<Lasts>,
    /// A hold restricts the purpose of the recording.
    is_restricted: bool,
    /// What the reference names.
    named: Named,
}

/// The whole rule.
fn decide(wanted: Use, facts: Facts) -> Served {
    let Some(lasts) = facts.lasts else { return Served::Refuses(NOT_KEPT) };
    let in_period = match lasts {
        Lasts::Runs => Served::Allows,
        Lasts::Over => Served::Refuses(PERIOD_OVER),
        Lasts::Ending | Lasts::Ended => Served::Refuses(ERASED),
    };
    let restricted = if facts.is_restricted { Served::Refuses(RESTRICTED) } else { Served::Allows };
    match wanted {
        Use::Replay | Use::Review => in_period.and(restricted),
        Use::Rights => in_period,
        // What is past its period opens for the hold, which keeps it, and for nothing else.
        Use::LegalClaim => match (lasts, facts.named) {
            (Lasts::Ended, _) => Served::Refuses(ERASED),
            (_, Named::Hold(kind)) if kind.keeps() => Served::Allows,
            (_, Named::Nothing | Named::Hold(_) | Named::Order) => Served::Refuses(NO_HOLD),
        },
        Use::Authority => match (lasts, facts.named) {
            (Lasts::Ended, _) => Served::Refuses(ERASED),
            (_, Named::Order | Named::Hold(HoldKind::Regulator)) => restricted,
            (_, Named::Nothing)
            | (
                _,
                Named::Hold(
                    HoldKind::Litigation | HoldKind::Subject | HoldKind::OpenRequest | HoldKind::Restriction,
                ),
            ) => Served::Refuses(NO_ORDER),
        },
        Use::Probe => Served::Refuses(PROBE),
    }
}

impl Served {
    /// Allows where both do.
    fn and(self, other: Self) -> Self {
        match self {
            Self::Allows => other,
            Self::Refuses(_) => self,
        }
    }
}

impl Service {
    /// Whether a purpose of a recording may serve a use now; for a legal claim or an authority under what the
    /// reference names. A recording that was sealed just now is waited for, as long as the configuration says.
    pub async fn may_serve(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        wanted: Use,
        reference: &str,
    ) -> Result<Served, Error> {
        if wanted == Use::Probe {
            return Ok(Served::Refuses(PROBE));
        }
        let key = RecordingKey { tenant: tenant.clone(), id: recording };
        let Some(kept) = self.once_stamped(&key).await? else { return Ok(Served::Refuses(NOT_KEPT)) };
        let holds = self.store.standing(tenant).await?;
        let covering: Vec<_> = holds.iter().filter(|hold| hold.covers(&kept)).collect();
        let facts = Facts {
            lasts: lasts(&kept, purpose, self.clock.now()),
            is_restricted: covering.iter().any(|hold| hold.restricts(&kept, purpose)),
            named: self.named(&kept, &covering, wanted, reference).await?,
        };
        Ok(decide(wanted, facts))
    }

    async fn named(
        &self,
        kept: &Kept,
        covering: &[&Hold],
        wanted: Use,
        reference: &str,
    ) -> Result<Named, Error> {
        match wanted {
            Use::Replay | Use::Review | Use::Rights | Use::Probe => return Ok(Named::Nothing),
            Use::LegalClaim | Use::Authority => {}
        }
        let id = reference.parse::<HoldId>().ok();
        if let Some(hold) = covering.iter().find(|hold| Some(hold.id) == id) {
            return Ok(Named::Hold(hold.kind));
        }
        let (Use::Authority, Ok(reference)) = (wanted, Code::new(reference)) else {
            return Ok(Named::Nothing);
        };
        let parties = kept.parties.iter().copied().collect();
        let orders = self.store.orders(&kept.key.tenant).await?;
        let covers = orders
            .iter()
            .filter(|placed| placed.order.reference == reference)
            .any(|placed| placed.order.scope.covers(kept.started_at, &parties));
        Ok(if covers { Named::Order } else { Named::Nothing })
    }

    /// A recording's row, waited for where it is not there yet.
    async fn once_stamped(&self, key: &RecordingKey) -> Result<Option<Kept>, Error> {
        let until = Instant::now() + self.config.patience.0;
        loop {
            // Made before the store is read: what is stamped in between rings it.
            let stamped = self.stamps.notified();
            if let Some(kept) = self.store.kept(key).await? {
                return Ok(Some(kept));
            }
            let now = Instant::now();
            if now >= until {
                return Ok(None);
            }
            tokio::select! {
                () = stamped => {}
                () = sleep_until(until.min(now + LOOK)) => {}
            }
        }
    }
}

fn lasts(kept: &Kept, purpose: &PurposeName, now: Timestamp) -> Option<Lasts> {
    let term = kept.term(purpose, DataKind::Audio)?;
    Some(match term.state {
        TermState::Running if now < term.stamp.ends => Lasts::Runs,
        TermState::Running => Lasts::Over,
        TermState::Ending => Lasts::Ending,
        TermState::Ended => Lasts::Ended,
    })
}

#[cfg(test)]
mod tests;
