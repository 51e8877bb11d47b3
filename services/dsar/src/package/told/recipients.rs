//! Who outside got something of the person's calls, and the copies that the person has (GDPR Art. 15(1)(c) and 19).

use kernel::RequestId;

use super::super::data::{Copied, Recipient, Telling};
use super::super::gather::Found;
use crate::disclosure::{DATA_SUBJECT, Disclosure, Notice, Origin, REPRESENTATIVE};

/// Those who got something, oldest first. Whoever got a copy of their own is none of them.
pub(super) fn recipients(recordings: &[Found]) -> Vec<Recipient> {
    let disclosed = recordings.iter().flat_map(|found| &found.disclosures);
    let mut all: Vec<_> = disclosed.filter_map(recipient).collect();
    all.sort_by_key(|recipient| recipient.moment);
    all
}

fn recipient(disclosure: &Disclosure) -> Option<Recipient> {
    match disclosure.origin {
        Origin::Copy(_) => None,
        Origin::Filed(_) => Some(Recipient {
            recording: disclosure.recording.to_string(),
            who: disclosure.recipient.to_string(),
            at: disclosure.at.to_string(),
            purpose: disclosure.purpose.as_ref().map(ToString::to_string),
            told: disclosure.notices.iter().map(telling).collect(),
            moment: disclosure.at,
        }),
    }
}

fn telling(notice: &Notice) -> Telling {
    Telling { what: notice.cause.as_str(), since: notice.since.to_string(), state: notice.state.as_str() }
}

/// The copies that were handed out before, oldest first.
pub(super) fn copies(recordings: &[Found]) -> Vec<Copied> {
    let disclosed = recordings.iter().flat_map(|found| &found.disclosures);
    let mut all: Vec<_> = disclosed
        .filter_map(|disclosure| match &disclosure.origin {
            Origin::Copy(request) => Some(copied(disclosure, *request)),
            Origin::Filed(_) => None,
        })
        .collect();
    all.sort_by_key(|copied| copied.moment);
    all
}

fn copied(disclosure: &Disclosure, request: RequestId) -> Copied {
    let is_for_somebody = disclosure.recipient.as_str() == REPRESENTATIVE;
    Copied {
        recording: disclosure.recording.to_string(),
        request: request.to_string(),
        to: if is_for_somebody { REPRESENTATIVE } else { DATA_SUBJECT },
        at: disclosure.at.to_string(),
        moment: disclosure.at,
    }
}
