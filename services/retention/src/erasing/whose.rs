//! For whom an erasure is: what a person's own request asked for does not go on, after a hold, where its recording turned
//! out meanwhile to be somebody else's. Two who were taken for one person lose nothing by each other (GDPR Art. 5(1)(d)).
//!
//! Whoever orders it has looked, and what no hold defers goes at once: it is looked at again only after the hold, which may
//! be years later. Where consent does not answer the erasure waits.

use policy::code::Code;
use tracing::warn;

use super::Erasing;
use super::crossing::kept_whole;
use crate::erasure::{Item, KeptBy, Step, Target};
use crate::error::Error;
use crate::store::Written;

/// What keeps back what is another person's.
const NOT_THEIRS: &str = "not-theirs";

impl Erasing {
    /// Whether a deferred item is of nobody who is the same person, by now, as whose request it follows from. Of a recording
    /// without a row nobody is known.
    pub(super) async fn is_another_s(&self, item: &Item) -> Result<bool, Error> {
        let Target::RecordingOf { subject, .. } = self.erasure_of(item).await?.target else {
            return Ok(false);
        };
        let Some(kept) = self.kept_of(item).await? else { return Ok(false) };
        let person = self.mesh().person(&item.tenant, subject).await?;
        Ok(!kept.parties.iter().any(|party| person.contains(party)))
    }

    /// Ends a deferred item with nothing erased. The erasure is reopened first: it is settled anew, and its receipt says so.
    pub(super) async fn leave_to_another(&self, item: Item) -> Result<(), Error> {
        self.reopen(&item.tenant, item.erasure).await?;
        let kept = self.kept_of(&item).await?;
        let by = KeptBy::Rule(Code::new(NOT_THEIRS).expect("a plain word is a code"));
        let next = kept_whole(&item, kept.as_ref(), Step::Refused, &by);
        if self.store().change_item(&next).await? == Written::Applied {
            self.tell_kept(&next).await?;
            warn!(tenant = %next.tenant, erasure = %next.erasure, recording = %next.recording,
                "what a hold had deferred is not erased: it turned out to be another person's");
        }
        self.bell.notify_one();
        Ok(())
    }
}
