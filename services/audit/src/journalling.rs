//! Roots on their way into the restrictive journal, beside everything else that their writer does: a journal that is
//! away or slow keeps back the next checkpoint and nothing else.

use std::sync::Arc;
use std::time::Duration;

use journal::Journal;
use kernel::Clock;
use merkle::TreeHead;
use tokio::task::JoinSet;
use tracing::warn;

use crate::error::Error;
use crate::name::Incarnation;
use crate::signed::SignedRoot;

/// How long a writer stands still for a root that it has just handed over; later it only looks.
const PATIENCE: Duration = Duration::from_secs(1);

/// Brings the roots of one incarnation into the journal, one at a time.
pub(crate) struct Journalling {
    journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
    incarnation: Incarnation,
    under_way: JoinSet<(TreeHead, Result<u64, journal::Error>)>,
    /// The newest root that is there.
    there: Option<TreeHead>,
}

impl Journalling {
    pub(crate) fn new(journal: Arc<Journal>, clock: Arc<dyn Clock>, incarnation: Incarnation) -> Self {
        Self { journal, clock, incarnation, under_way: JoinSet::new(), there: None }
    }

    /// Whether a root is still on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Whether the journal has this root. Hands it over if nothing is on its way; what failed may be tried again.
    pub(crate) async fn has(&mut self, head: TreeHead) -> Result<bool, Error> {
        if self.there == Some(head) {
            return Ok(true);
        }
        let patience = if self.is_waiting() { Duration::ZERO } else { PATIENCE };
        if !self.is_waiting() {
            let act = SignedRoot { incarnation: self.incarnation, head }.act(self.clock.now());
            let journal = Arc::clone(&self.journal);
            self.under_way.spawn(async move { (head, journal.append(vec![act]).await) });
        }
        match tokio::time::timeout(patience, self.under_way.join_next()).await {
            Ok(Some(Ok((own, written)))) => {
                written?;
                self.there = Some(own);
                Ok(own == head)
            }
            Ok(Some(Err(source))) => Err(Error::Unjournalled(source)),
            Ok(None) => Ok(false),
            Err(_) => {
                if !patience.is_zero() {
                    let size = head.size;
                    warn!(incarnation = %self.incarnation, size, "a signed root waits for the restrictive journal");
                }
                Ok(false)
            }
        }
    }
}
