//! Whose the calls of a line are that several people use: people say so, call by call (scenario 25).

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{ErrorCode, RecordingId, ServiceError, TenantId};
use policy::request::Actor;

use super::Service;
use crate::act::{Act, MAX_NAMED, RequestKey};
use crate::error::Error;
use crate::file::{File, is_carried_out};
use crate::finding;
use crate::mesh::Mesh;
use crate::person::Person;

/// Recordings that are asked about at the same time.
const SIDE_BY_SIDE: usize = 8;

impl Service {
    /// Takes which calls are the person's, and which are somebody else's. A plan that was frozen before is frozen anew.
    pub async fn confirm(
        &self,
        key: &RequestKey,
        by: &Actor,
        theirs: BTreeSet<RecordingId>,
        not_theirs: BTreeSet<RecordingId>,
    ) -> Result<File, Error> {
        check(&theirs, &not_theirs)?;
        let file = self.file(key).await?;
        if file.received.said_in.is_some_and(|(call, _)| not_theirs.contains(&call)) {
            return Err(Error::invalid("not_theirs", "is the call in which the request was said"));
        }
        let person = self.mesh().person(&key.tenant, file.received.subject).await?;
        self.check_on(&key.tenant, &person, &theirs, "theirs").await?;
        self.check_on(&key.tenant, &person, &not_theirs, "not_theirs").await?;
        let is_said = theirs.is_subset(&file.theirs) && not_theirs.is_subset(&file.not_theirs);
        if is_said {
            return Ok(file);
        }
        let calls = theirs.union(&not_theirs).copied();
        if is_carried_out(file.request.state())
            && self.unconfirmed(key, &file, &person, calls.clone()).await? != calls.collect()
        {
            let why =
                "only of calls of which nobody has said it, and of which it is needed, it is said this late";
            return Err(Error::refused("decided-already", why));
        }
        self.act(key, by, Act::CallsConfirmed { theirs, not_theirs }).await
    }

    /// Those of these calls of which somebody has to say first whose they are.
    pub(crate) async fn unconfirmed(
        &self,
        key: &RequestKey,
        file: &File,
        person: &Person,
        calls: impl Iterator<Item = RecordingId>,
    ) -> Result<BTreeSet<RecordingId>, Error> {
        if !person.is_unsure() {
            return Ok(BTreeSet::new());
        }
        let confirmed = self.scope(key, file).await?.confirmed;
        let mut unconfirmed = BTreeSet::new();
        for call in calls {
            let facts = self.mesh().recording(&key.tenant, call).await?;
            if finding::is_to_confirm(person, &confirmed, call, &facts) {
                unconfirmed.insert(call);
            }
        }
        Ok(unconfirmed)
    }

    /// Refuses calls that the person's line is not on. Whether there are such is not told.
    async fn check_on(
        &self,
        tenant: &TenantId,
        person: &Person,
        calls: &BTreeSet<RecordingId>,
        what: &'static str,
    ) -> Result<(), Error> {
        let (mesh, calls) = (self.mesh(), calls.iter().copied().collect::<Vec<_>>());
        let asked = stream::iter(calls).map(|call| is_on(mesh, tenant, person, call));
        let mut asked = asked.buffered(SIDE_BY_SIDE);
        while let Some(is_on) = asked.try_next().await? {
            if !is_on {
                return Err(Error::invalid(what, "must be calls that the person's line is on"));
            }
        }
        Ok(())
    }
}

/// At least one, none of them in both, and not too many.
fn check(theirs: &BTreeSet<RecordingId>, not_theirs: &BTreeSet<RecordingId>) -> Result<(), Error> {
    if theirs.is_empty() && not_theirs.is_empty() {
        return Err(Error::invalid("theirs", "must name at least one call, or not_theirs must"));
    }
    if theirs.len() + not_theirs.len() > MAX_NAMED {
        return Err(Error::invalid("theirs", format!("must be at most {MAX_NAMED}, with not_theirs")));
    }
    if !theirs.is_disjoint(not_theirs) {
        return Err(Error::invalid("not_theirs", "must be other calls than theirs"));
    }
    Ok(())
}

/// Whether the person's line is on a call.
async fn is_on(
    mesh: &dyn Mesh,
    tenant: &TenantId,
    person: &Person,
    call: RecordingId,
) -> Result<bool, Error> {
    match mesh.recording(tenant, call).await {
        Ok(facts) => Ok(facts.parties.iter().any(|party| person.is(&party.subject_id))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
