//! Consent, as it stands and as it came about, and the notices by which people were told.

use std::collections::BTreeMap;

use kernel::{NoticeName, Timestamp};
use proto::consent::v1::{ConsentEvent, GetStateResponse, PurposeState};
use seal::Hash;

use super::super::data::{Consent, Notice, Said, Standing};
use super::super::gather::{Facts, NOTICE_PLAYED};
use super::{event_id, known, recording_id, words};

pub(super) fn consent(answer: &GetStateResponse) -> Consent {
    let mut history: Vec<_> = answer.history.iter().map(said).collect();
    history.sort_by_key(|said| said.occurred);
    Consent { states: answer.states.iter().map(standing).collect(), history }
}

fn standing(state: &PurposeState) -> Standing {
    Standing {
        purpose: state.purpose.clone(),
        state: state.state.clone(),
        since: (state.since != 0).then(|| Timestamp(state.since).to_string()),
        scope: words::scope(state.scope),
        recording: recording_id(&state.recording_id),
    }
}

fn said(event: &ConsentEvent) -> Said {
    Said {
        event: event_id(&event.event_id),
        at: Timestamp(event.occurred_at).to_string(),
        what: words::said(event.kind),
        purposes: event.purposes.clone(),
        scope: words::scope(event.scope),
        recording: recording_id(&event.recording_id),
        notice: known(&event.notice),
        notice_sha256: Hash::from_slice(&event.notice_hash).map(|hash| hash.to_string()),
        how: words::expression(event.expression),
        occurred: Timestamp(event.occurred_at),
    }
}

/// A notice that was shown: its name, its text's hash where it is known, the policy that it is of, and when.
struct Shown<'a> {
    name: &'a str,
    hash: Option<Hash>,
    policy: &'a [u8],
    at: Timestamp,
}

/// The notices that were presented to the person or played in their calls, each text once.
pub(super) fn notices(facts: &Facts) -> Vec<Notice> {
    let mut notices: BTreeMap<(String, Option<String>), Notice> = BTreeMap::new();
    for shown in presented(facts).chain(played(facts)) {
        let notice = notice(facts, &shown);
        let key = (notice.name.clone(), notice.sha256.clone());
        let known = notices.entry(key).or_insert(notice);
        let at = shown.at.to_string();
        if !known.shown_at.contains(&at) {
            known.shown_at.push(at);
        }
    }
    let sorted = |mut notice: Notice| {
        notice.shown_at.sort();
        notice
    };
    notices.into_values().map(sorted).collect()
}

fn presented(facts: &Facts) -> impl Iterator<Item = Shown<'_>> {
    let history = facts.consent.iter().flat_map(|consent| &consent.history);
    history.filter(|event| !event.notice.is_empty()).map(|event| Shown {
        name: &event.notice,
        hash: Hash::from_slice(&event.notice_hash),
        policy: &event.policy_hash,
        at: Timestamp(event.occurred_at),
    })
}

fn played(facts: &Facts) -> impl Iterator<Item = Shown<'_>> {
    facts.recordings.iter().flat_map(|found| {
        let recording = &found.recording;
        let notes = recording.notes.iter().filter(|note| note.kind == NOTICE_PLAYED);
        notes.map(move |note| {
            let into = i64::try_from(note.position).unwrap_or(i64::MAX);
            let at = Timestamp(recording.started_at.saturating_add(into));
            Shown { name: &note.code, hash: None, policy: &recording.policy_hash, at }
        })
    })
}

/// What its policy says of it; nothing where its text is another one than what was shown.
fn notice(facts: &Facts, shown: &Shown<'_>) -> Notice {
    let policy = Hash::from_slice(shown.policy).and_then(|hash| facts.policies.get(hash.as_bytes()));
    let name = NoticeName::new(shown.name).ok();
    let found = policy.zip(name).and_then(|(policy, name)| policy.notices.get(&name));
    let found = found.map(|notice| (notice, Hash(notice.sha256())));
    let found = found.filter(|(_, hash)| shown.hash.is_none_or(|shown| shown == *hash));
    let hash = shown.hash.or(found.map(|(_, hash)| hash));
    Notice {
        name: shown.name.to_owned(),
        sha256: hash.map(|hash| hash.to_string()),
        language: found.map(|(notice, _)| notice.language.clone()),
        text: found.map(|(notice, _)| notice.text.clone()),
        shown_at: Vec::new(),
    }
}
