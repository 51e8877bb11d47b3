//! What turns out to be somebody else's while a request is carried out: two who were taken for one person were not. Nothing
//! more is done with it, and what was done is told as a breach to assess.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{RecordingId, TenantId};
use policy::request::{Item, ItemKey};
use proto::archive::v1::{Recording, RecordingState};

use super::{Service, itself};
use crate::act::{Act, MAX_NAMED, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::finding;
use crate::mesh::Mesh;
use crate::person::Person;
use crate::plan::{Artefact, PlanItem};

/// Recordings that are asked about at the same time.
const SIDE_BY_SIDE: usize = 8;

impl Service {
    /// Marks what of a plan is somebody else's, and answers for the request as it is then. Nobody is asked about where nobody
    /// was found to be somebody else since the request was received.
    pub(crate) async fn without_strangers(&self, key: &RequestKey, mut file: File) -> Result<File, Error> {
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let planned = file.items.iter().filter(|(key, _)| !file.strange.contains(*key));
        let planned: BTreeSet<_> = planned.filter_map(|(_, item)| item.artefact.recording()).collect();
        // That others use their line, too, may have turned out since it was planned.
        finding::check_confirmed(&self.unconfirmed(key, &file, &person, planned.into_iter()).await?)?;
        if person.parted_at().is_none_or(|at| at < file.received.received_at) {
            return Ok(file);
        }
        let recordings = file.items.values().filter_map(|item| item.artefact.recording()).collect();
        let recordings = self.strange_recordings(&key.tenant, &person, recordings).await?;
        let requests = self.strange_requests(key, &person, &file).await?;
        let items = strange_items(&file, |item| match &item.artefact {
            Artefact::Leg(recording, _) | Artefact::Metadata(recording) => recordings.contains(recording),
            Artefact::Request(request) => requests.contains(&key.beside(*request)),
            Artefact::Consent | Artefact::AccessLog | Artefact::Backups => false,
        });
        for some in items.chunks(MAX_NAMED) {
            file = self.act(key, &itself(), Act::NotTheirs(some.iter().cloned().collect())).await?;
        }
        Ok(file)
    }

    /// Those of these recordings that are of nobody whom a request is about by now. Of what is erased already nobody is named
    /// any more.
    pub(crate) async fn strange_recordings(
        &self,
        tenant: &TenantId,
        person: &Person,
        recordings: BTreeSet<RecordingId>,
    ) -> Result<BTreeSet<RecordingId>, Error> {
        let mesh = self.mesh();
        let asked = stream::iter(recordings).map(|recording| ask(mesh, tenant, recording));
        let mut asked = asked.buffered(SIDE_BY_SIDE);
        let mut strange = BTreeSet::new();
        while let Some((recording, facts)) = asked.try_next().await? {
            let is_erased = facts.state() == RecordingState::Erased;
            if !is_erased && !facts.parties.iter().any(|party| person.is(&party.subject_id)) {
                strange.insert(recording);
            }
        }
        Ok(strange)
    }

    /// The requests of a plan that are of nobody whom a request is about by now.
    async fn strange_requests(
        &self,
        key: &RequestKey,
        person: &Person,
        file: &File,
    ) -> Result<BTreeSet<RequestKey>, Error> {
        let mut strange = BTreeSet::new();
        for item in file.items.values() {
            let Artefact::Request(request) = &item.artefact else { continue };
            let other = key.beside(*request);
            let head = self.store().head(&other).await?;
            if head.is_some_and(|head| !person.is(&head.subject.to_bytes())) {
                strange.insert(other);
            }
        }
        Ok(strange)
    }
}

/// The items of such recordings that are not known yet to be somebody else's. Those with which something was done come first:
/// what one act has no room for is met again by those with which something is still to be done.
pub(crate) fn strange_items(file: &File, is_strange: impl Fn(&PlanItem) -> bool) -> Vec<ItemKey> {
    let found = file.items.iter().filter(|(key, item)| is_strange(item) && !file.strange.contains(*key));
    let is_settled = |key: &&ItemKey| file.request.items().get(*key).is_some_and(Item::is_settled);
    let (settled, open): (Vec<_>, Vec<_>) = found.map(|(key, _)| key).partition(is_settled);
    settled.into_iter().chain(open).cloned().collect()
}

async fn ask(
    mesh: &dyn Mesh,
    tenant: &TenantId,
    recording: RecordingId,
) -> Result<(RecordingId, Recording), Error> {
    Ok((recording, mesh.recording(tenant, recording).await?))
}
