//! What requests themselves disclose and put right.

use std::collections::BTreeSet;

use kernel::{DisclosureId, RecordingId};
use policy::code::Code;
use policy::request::{Asker, Cause, ItemKey};
use policy::rights::Outcome;

use crate::act::RequestKey;
use crate::disclosure::{DATA_SUBJECT, Disclosure, DisclosureKey, Origin, REPRESENTATIVE};
use crate::error::Error;
use crate::file::File;
use crate::service::{Service, derived, itself};

impl Service {
    /// Writes down who got the copy of a request, for each recording that it told of; once, however often it is fetched.
    pub(in crate::service) async fn note_copy(
        &self,
        key: &RequestKey,
        asker: Asker,
        recordings: &BTreeSet<RecordingId>,
    ) -> Result<(), Error> {
        let recipient = match asker {
            Asker::Oneself => DATA_SUBJECT,
            Asker::Representative => REPRESENTATIVE,
        };
        let recipient = Code::new(recipient).expect("a plain word is a code");
        for recording in recordings.iter().copied() {
            let what = [&b"disclosure"[..], &recording.to_bytes()].concat();
            let id = DisclosureId::from_bytes(derived(key.id.to_bytes(), &what));
            let own = DisclosureKey { tenant: key.tenant.clone(), id };
            if self.disclosures().get(&own).await?.is_some() {
                continue;
            }
            self.begin(Disclosure {
                key: own,
                recording,
                recipient: recipient.clone(),
                purpose: None,
                at: self.now(),
                by: itself(),
                origin: Origin::Copy(key.id),
                notices: Vec::new(),
                version: 1,
            })
            .await?;
        }
        Ok(())
    }

    /// Opens the notices of what people have put right, where the act that says so can be taken: before that is written,
    /// so that whoever is cut off in between does it again.
    pub(in crate::service) async fn note_corrected(
        &self,
        key: &RequestKey,
        file: &File,
        items: &BTreeSet<ItemKey>,
    ) -> Result<(), Error> {
        for recording in corrected(file, items) {
            self.note_act(&key.tenant, recording, Cause::Corrected, key.id.to_bytes()).await?;
        }
        Ok(())
    }
}

/// The recordings of those items of which something is put right, or a statement attached.
fn corrected(file: &File, items: &BTreeSet<ItemKey>) -> BTreeSet<RecordingId> {
    let is_corrected = |key: &&ItemKey| {
        let decision = file.request.items().get(*key).and_then(|item| item.decision());
        let puts_right = |outcome| matches!(outcome, Outcome::Correct | Outcome::Annotate);
        decision.is_some_and(|decision| decision.verdict.outcomes().any(puts_right))
    };
    let found = items.iter().filter(is_corrected);
    found.filter_map(|key| file.items.get(key)?.artefact.recording()).collect()
}
