//! Consent that somebody gave and that consent could not be told: kept until it is taken, or taken back.

use kernel::PurposeName;

use super::consents::Consents;
use super::{SessionEvent, SessionEventKind};
use crate::intake::ConsentAct;

/// What waits, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct OwedConsents(Vec<SessionEvent>);

impl OwedConsents {
    pub(super) fn events(&self) -> &[SessionEvent] {
        &self.0
    }

    /// What the same person says takes the place of what waits: consent that is in force, and a restriction that
    /// is not older, which also reaches what others gave where it does not say whose it is.
    pub(super) fn take(&mut self, event: &SessionEvent, consents: &Consents) {
        match &event.kind {
            SessionEventKind::ConsentOwed { .. } => self.0.push(event.clone()),
            SessionEventKind::Consent { act: ConsentAct::Given, purpose, party, .. } => {
                self.0.retain(|owed| !is_of(owed, purpose, Some(*party)));
            }
            SessionEventKind::Consent { purpose, party, .. } => {
                let whose = consents.needs(purpose, *party).then_some(*party);
                self.0.retain(|owed| owed.at > event.at || !is_of(owed, purpose, whose));
            }
            _ => {}
        }
    }
}

/// Whether it is about this purpose, and this party's or anybody's.
fn is_of(owed: &SessionEvent, purpose: &PurposeName, whose: Option<u32>) -> bool {
    match &owed.kind {
        SessionEventKind::ConsentOwed { purpose: own, party, .. } => {
            own == purpose && whose.is_none_or(|whose| whose == *party)
        }
        _ => false,
    }
}
