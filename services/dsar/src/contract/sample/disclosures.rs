//! Disclosures as the suite has them: each as it stands after something was disclosed, due or answered, with the event
//! that tells of it.

use kernel::{DisclosureId, Envelope, EventId, PurposeName, RecordingId, TenantId, Timestamp};
use policy::code::Code;
use policy::request::{Cause, NoticeState};

use super::{alfa, anna, code, moment};
use crate::disclosure::{Disclosure, DisclosureKey, Origin};
use crate::events;

/// A disclosure, with its event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// The disclosure.
    pub disclosure: Disclosure,
    /// The event: made once, since each has an id of its own.
    pub event: Envelope,
}

impl Given {
    /// One of alfa, of a recording of its own.
    pub fn first() -> Self {
        Self::of(to_vendor(disclosure_key(alfa(), DisclosureId::new()), RecordingId::new()))
    }

    /// That it was made.
    pub fn of(disclosure: Disclosure) -> Self {
        let event = events::disclosed(&disclosure, None);
        Self { disclosure, event }
    }

    /// With a notice of one more act.
    pub fn due(&self) -> Self {
        let act = EventId::new().to_bytes();
        let next = self.disclosure.with_notice(Cause::Erased, act, self.now()).expect("there is room");
        Self::about(next.expect("an act that is new"), act)
    }

    /// With its last notice published once more.
    pub fn told_again(&self) -> Self {
        let act = self.last_act();
        Self::about(self.disclosure.told_again(act, self.now()).expect("an open notice"), act)
    }

    /// With an answer to its last notice.
    pub fn answered(&self, state: NoticeState, filed: Option<Code>) -> Self {
        let act = self.last_act();
        let next = self.disclosure.answered(act, state, filed, self.now()).expect("an answer that may be");
        Self::about(next.expect("another answer"), act)
    }

    /// With its last notice acknowledged.
    pub fn acknowledged(&self) -> Self {
        self.answered(NoticeState::Acknowledged, None)
    }

    /// With its last notice failed.
    pub fn failed(&self) -> Self {
        self.answered(NoticeState::Failed, Some(code("no-answer")))
    }

    fn about(disclosure: Disclosure, act: [u8; 16]) -> Self {
        let notice = disclosure.notices.iter().find(|notice| notice.act == act);
        let event = events::disclosed(&disclosure, notice);
        Self { disclosure, event }
    }

    fn last_act(&self) -> [u8; 16] {
        self.disclosure.notices.last().expect("a notice").act
    }

    /// A second after each other.
    fn now(&self) -> Timestamp {
        moment(1, self.disclosure.version as i64 * 1_000_000)
    }
}

/// Which disclosure of a tenant.
pub fn disclosure_key(tenant: TenantId, id: DisclosureId) -> DisclosureKey {
    DisclosureKey { tenant, id }
}

/// What a vendor outside got of a recording, without a notice.
pub fn to_vendor(key: DisclosureKey, recording: RecordingId) -> Disclosure {
    Disclosure {
        key,
        recording,
        recipient: code("stt-vendor"),
        purpose: Some(PurposeName::new("quality").expect("a slug")),
        at: moment(0, 5),
        by: anna(),
        origin: Origin::Filed(code("dpa-2026-07")),
        notices: Vec::new(),
        version: 1,
    }
}
