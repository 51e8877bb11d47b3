//! Requests that belong together: who asks the same again is linked to whoever is verified, or asked first, and is answered
//! all the same (scenario 26).
//!
//! `merging` has those that are answered as one.

use kernel::{RequestId, chain};
use policy::request::{Actor, State, canonical};
use tracing::{info, warn};

use super::{Service, itself};
use crate::act::{Act, RequestKey};
use crate::error::Error;
use crate::file::File;
use crate::store::MAX_LISTED;

/// How two requests belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// It asks the same as this one.
    DuplicateOf(RequestId),
    /// This one is answered with it.
    Merge(RequestId),
    /// This one turned out not to be of the same person.
    Unmerge(RequestId),
}

impl Service {
    /// Says how a request belongs together with another one; the same again has no second effect.
    pub async fn link(&self, key: &RequestKey, by: &Actor, link: Link) -> Result<File, Error> {
        match link {
            Link::DuplicateOf(other) => self.link_duplicate(key, by, other).await,
            Link::Merge(other) => self.merge(key, by, other).await,
            Link::Unmerge(other) => self.unmerge(key, by, other).await,
        }
    }

    async fn link_duplicate(&self, key: &RequestKey, by: &Actor, of: RequestId) -> Result<File, Error> {
        let (file, other) = (self.file(key).await?, self.file(&key.beside(of)).await?);
        if file.duplicate_of() == Some(of) {
            return Ok(file);
        }
        self.check_one_person(key, &file, &other).await?;
        self.act(key, by, Act::DuplicateOf(of)).await
    }

    /// Takes what was shown of who asks, or was not. To whoever is verified by it the others are linked from then on.
    pub async fn identify(&self, key: &RequestKey, by: &Actor, act: Act) -> Result<File, Error> {
        let file = self.act(key, by, act).await?;
        if file.request.is_verified() { Ok(self.linked(key, file).await) } else { Ok(file) }
    }

    /// The request once its duplicates are linked. What stands in the way of that stands in the way of nothing else.
    pub(crate) async fn linked(&self, key: &RequestKey, file: File) -> File {
        match self.link_duplicates(key, &file).await {
            Ok(true) => self.file(key).await.unwrap_or(file),
            Ok(false) => file,
            Err(error) => {
                let (tenant, request) = (&key.tenant, key.id);
                warn!(%tenant, %request, error = chain(&error), "duplicates of a request are not linked");
                file
            }
        }
    }

    /// Links those who ask the same as a request, and the request itself, to the one of them that counts. False where there
    /// was nothing to link.
    async fn link_duplicates(&self, key: &RequestKey, file: &File) -> Result<bool, Error> {
        if !is_asking(file) {
            return Ok(false);
        }
        let alike = self.alike(key, file).await?;
        let Some((of, unlinked)) = unlinked(key, file, &alike) else { return Ok(false) };
        let mut is_linked = false;
        for other in unlinked {
            let (tenant, request) = (&key.tenant, other.id);
            match self.act(&other, &itself(), Act::DuplicateOf(of)).await {
                Ok(_) => {
                    is_linked = true;
                    info!(%tenant, %request, %of, "a request asks the same again");
                }
                // It was answered meanwhile.
                Err(Error::Lifecycle(_)) => {}
                Err(error) => warn!(%tenant, %request, error = chain(&error), "a duplicate is not linked"),
            }
        }
        Ok(is_linked)
    }

    /// Other open requests of the same person that ask for one of the same rights: at most [`MAX_LISTED`].
    async fn alike(&self, key: &RequestKey, file: &File) -> Result<Vec<(RequestKey, File)>, Error> {
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        let mut others = Vec::new();
        for subject in person.subjects() {
            let heads = self.store().of_subject(&key.tenant, subject).await?.into_iter();
            others.extend(heads.filter(|head| head.is_open() && head.key != *key).map(|head| head.key));
        }
        others.truncate(MAX_LISTED as usize);
        let rights = file.request.rights();
        let mut alike = Vec::new();
        for other in others {
            let found = self.file(&other).await?;
            if is_asking(&found) && !rights.is_disjoint(&found.request.rights()) {
                alike.push((other, found));
            }
        }
        Ok(alike)
    }
}

/// Whether a request still asks for itself: it is open, was not taken back, and is answered with no other one.
fn is_asking(file: &File) -> bool {
    let request = &file.request;
    request.state() != State::Closed && !request.is_taken_back() && request.merged_into().is_none()
}

/// Of a request and those that ask the same: the one that counts, and those that are not linked to it yet.
fn unlinked(
    key: &RequestKey,
    file: &File,
    alike: &[(RequestKey, File)],
) -> Option<(RequestId, Vec<RequestKey>)> {
    let all: Vec<_> = alike.iter().map(|(key, file)| (key, file)).chain([(key, file)]).collect();
    let counts = canonical(all.iter().map(|(_, file)| &file.request))?;
    let (of, _) = all.iter().find(|(_, file)| file.request.key() == counts.key())?;
    let others = all.iter().filter(|(own, file)| own.id != of.id && file.duplicate_of() != Some(of.id));
    Some((of.id, others.map(|(own, _)| (*own).clone()).collect()))
}
