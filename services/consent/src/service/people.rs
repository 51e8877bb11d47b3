//! Who is who: subjects that are one person, numbers that were given out again, lines of many.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{SubjectId, TenantId, Timestamp};
use tracing::info;

use super::{Service, Who};
use crate::error::Error;
use crate::identifier::Identifier;
use crate::identity::{Known, Line};
use crate::links::{self, LinkRefusal, LinkStep, Links, MAX_SUBJECTS, Stage, SubjectLink, Wanted};
use crate::store::Stepped;
use crate::subjects::Handed;

/// Attempts to take a step that others take, too.
const ATTEMPTS: u32 = 16;
/// Most subjects whose links are read at once. Two merges at once may each have seen room for itself.
const MAX_READ: usize = 4 * MAX_SUBJECTS;
/// Most links that are told, the newest ones.
const MAX_TOLD: usize = 1_000;

/// What became of a wanted link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Linked {
    /// How far it is now.
    pub stage: Stage,
    /// The link.
    pub link: SubjectLink,
    /// Everybody who is the same person as its first subject now.
    pub person: BTreeSet<SubjectId>,
}

/// What is known of a subject, without values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectFacts {
    /// Who.
    pub subject: SubjectId,
    /// What they are, or were, known by.
    pub identifiers: Vec<Known>,
    /// Everybody who is the same person, the subject among them.
    pub person: BTreeSet<SubjectId>,
    /// Their links, the oldest first.
    pub links: Vec<SubjectLink>,
}

impl Service {
    /// What a subject is known by, and who else is the same person.
    pub async fn subject(&self, tenant: &TenantId, who: &Who) -> Result<SubjectFacts, Error> {
        let subject = self.find(tenant, who, self.clock.now()).await?.ok_or(Error::UnknownSubject)?;
        let identifiers = self.subjects.identifiers(tenant, subject).await?;
        let mut links = links::history(&self.steps(tenant, &[subject]).await?);
        let person = Links::fold(&links).person(subject);
        links.sort_by_key(|link| (link.at, link.a, link.b));
        let links = links.split_off(links.len().saturating_sub(MAX_TOLD));
        Ok(SubjectFacts { subject, identifiers, person, links })
    }

    /// Asks that two subjects be one person, or two again, or agrees to what somebody else asked.
    pub async fn link(&self, tenant: &TenantId, by: &str, wanted: &Wanted) -> Result<Linked, Error> {
        let pair = wanted.pair;
        for subject in pair.both() {
            if !self.store.has_subject(tenant, subject).await? {
                return Err(Error::UnknownSubject);
            }
        }
        for _ in 0..ATTEMPTS {
            let steps = self.steps(tenant, &pair.both()).await?;
            let step = links::decide(wanted, by, self.clock.now(), &steps)?;
            match self.store.add_link_step(tenant, &step).await? {
                Stepped::Now => return linked(tenant, steps, step),
                Stepped::Overtaken => {}
            }
        }
        Err(Error::LinksContended(pair.a()))
    }

    /// Gives an identifier to somebody new from a moment on; whoever has it keeps it before.
    pub async fn reassign(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        from: Timestamp,
    ) -> Result<Handed, Error> {
        let now = self.clock.now();
        if from > now {
            return Err(Error::invalid("from", "is in the future"));
        }
        let handed = self.subjects.reassign(tenant, identifier, from).await?;
        self.store.add_subject(tenant, handed.after, now).await?;
        let Handed { before, after } = handed;
        info!(%tenant, %before, %after, "an identifier is somebody else's");
        Ok(handed)
    }

    /// Says how many people use what an identifier names; tells who has it now.
    pub async fn mark_line(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        line: Line,
    ) -> Result<SubjectId, Error> {
        self.subjects.mark_line(tenant, identifier, line).await
    }

    /// The steps of everybody who is one person with any of these, by pair and number.
    async fn steps(&self, tenant: &TenantId, subjects: &[SubjectId]) -> Result<Vec<LinkStep>, Error> {
        let (mut steps, mut read) = (BTreeMap::new(), BTreeSet::new());
        let mut waiting = subjects.to_vec();
        while let Some(subject) = waiting.pop() {
            if !read.insert(subject) {
                continue;
            }
            if read.len() > MAX_READ {
                return Err(LinkRefusal::TooManySubjects.into());
            }
            let own = self.store.link_steps(tenant, subject).await?;
            waiting.extend(Links::fold(&links::history(&own)).person(subject));
            steps.extend(own.into_iter().map(|step| ((step.pair, step.number), step)));
        }
        Ok(steps.into_values().collect())
    }
}

/// What a step comes to after those that it was decided on.
fn linked(tenant: &TenantId, mut steps: Vec<LinkStep>, step: LinkStep) -> Result<Linked, Error> {
    let (pair, stage, op) = (step.pair, step.stage, step.op.as_str());
    let (a, b) = (pair.a(), pair.b());
    info!(%tenant, %a, %b, op, stage = stage.as_str(), "a link of two subjects was taken");
    steps.push(step);
    steps.sort_by_key(|step| (step.pair, step.number));
    let links = links::history(&steps);
    let person = Links::fold(&links).person(a);
    let link = links.into_iter().rfind(|link| (link.a, link.b) == (a, b));
    Ok(Linked { stage, link: link.ok_or(Error::UnknownSubject)?, person })
}

#[cfg(test)]
mod tests;
