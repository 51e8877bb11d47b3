//! Orders: of a person, a recording, some purposes of it, or a stretch of it.
//!
//! An order is answered when the journal has it: a store that is put back from a backup finds it there. Whoever is told of an
//! error repeats the same order, which does what is left.

use std::collections::BTreeSet;

use journal::MAX_ACTS;
use kernel::{ErasureId, PurposeName, RecordingId, SubjectId, TenantId};
use policy::code::Code;
use seal::manifest::ReasonCode;

use super::Erasing;
use crate::acts;
use crate::erasure::{Cause, Erasure, MAX_ITEMS, Scope, State, Step, Target};
use crate::error::Error;
use crate::kept::{Kept, MAX_TERMS, RecordingKey};
use crate::saga::within;
use crate::store::{MAX_LISTED, Written};

/// What a reason must be: the addendum says it, whose codes are narrower than others.
pub(crate) const REASON_FORM: &str = "must have 1 to 63 of the characters a-z 0-9 _ -";
/// Most legs that a stretch names.
const MAX_LEGS: usize = 1_024;

/// An order, as somebody gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ordered {
    /// Its id, which whoever orders it has drawn: the same order again has no second effect.
    pub id: ErasureId,
    /// Of whom or what; never [`Target::Due`].
    pub target: Target,
    /// What of it.
    pub scope: Scope,
    /// Why.
    pub reason: Code,
    /// The token's subject of who orders it.
    pub by: String,
}

impl Erasing {
    /// Takes an order, finds its recordings and journals each. A recording that is sealed later is not among them.
    pub async fn order(&self, tenant: &TenantId, ordered: Ordered) -> Result<Erasure, Error> {
        check(&ordered)?;
        if let Some(standing) = self.store().erasure(tenant, ordered.id).await? {
            return self.ordered_again(standing, &ordered).await;
        }
        self.check_target(tenant, &ordered).await?;
        let erasure = Erasure {
            tenant: tenant.clone(),
            id: ordered.id,
            version: 1,
            cause: Cause::Order,
            target: ordered.target.clone(),
            scope: ordered.scope.clone(),
            reason: ordered.reason.clone(),
            ordered_by: ordered.by.clone(),
            ordered_at: self.now(),
            state: State::Gathering,
            items: 0,
            settled_at: None,
            receipt: Vec::new(),
        };
        match self.begin(&erasure).await? {
            Written::Applied => self.gather_and_announce(&erasure).await,
            Written::Conflict => {
                let standing = self.store().erasure(tenant, ordered.id).await?;
                let standing = standing.ok_or(Error::Contended("the erasure"))?;
                self.ordered_again(standing, &ordered).await
            }
        }
    }

    /// What stands under the id of an order that comes again.
    async fn ordered_again(&self, standing: Erasure, ordered: &Ordered) -> Result<Erasure, Error> {
        let is_same = standing.cause == Cause::Order
            && standing.target == ordered.target
            && standing.scope == ordered.scope
            && standing.reason == ordered.reason;
        if !is_same {
            let why = format!("erasure {} was ordered with other contents", ordered.id);
            return Err(Error::refused("other-erasure", why));
        }
        match standing.state {
            State::Gathering => self.gather_and_announce(&standing).await,
            // Whoever ordered it first may have got no further than the store.
            State::Running => {
                self.announce_all(&standing).await?;
                Ok(standing)
            }
            State::Done | State::Partial | State::Refused => Ok(standing),
        }
    }

    async fn gather_and_announce(&self, erasure: &Erasure) -> Result<Erasure, Error> {
        let gathered = self.gather(erasure).await?;
        self.announce_all(&gathered).await?;
        Ok(gathered)
    }

    /// Journals that each item is to come to pass, of those that the saga has not decided: it journals it before it does. An
    /// act's id follows from the item's row, so that what both say of the same row is one act.
    async fn announce_all(&self, erasure: &Erasure) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.store().items(&erasure.tenant, erasure.id, after, MAX_LISTED).await?;
            after = page.last().map(|last| last.recording);
            let waiting = page.iter().filter(|item| item.step == Step::Registered);
            let acts: Vec<_> = waiting.flat_map(|item| acts::erasure_intended(erasure, item)).collect();
            for some in acts.chunks(MAX_ACTS) {
                self.parts.journal.append(some.to_vec()).await?;
            }
            if page.len() < MAX_LISTED as usize {
                return Ok(());
            }
        }
    }

    async fn check_target(&self, tenant: &TenantId, ordered: &Ordered) -> Result<(), Error> {
        match ordered.target {
            Target::Recording(recording) | Target::RecordingOf { recording, .. } => {
                self.check_recording(tenant, recording, &ordered.scope).await
            }
            Target::Subject(subject) => self.check_subject(tenant, subject, &ordered.scope).await,
            Target::Due => Err(Error::invalid("what", "must be a person or a recording")),
        }
    }

    /// One that is not sealed yet is erased once it is; one that nobody knows is an error of whoever orders.
    async fn check_recording(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        scope: &Scope,
    ) -> Result<(), Error> {
        let key = RecordingKey { tenant: tenant.clone(), id: recording };
        if let Some(kept) = self.store().kept(&key).await? {
            let mut missing = named(scope);
            kept.terms.iter().for_each(|term| {
                missing.remove(&term.stamp.purpose);
            });
            all_found(&missing)?;
            return self.check_stretch(&kept, scope).await;
        }
        if self.parts.mesh.knows(tenant, recording).await? {
            return Ok(());
        }
        Err(Error::Unknown { what: "recording", id: recording.to_string() })
    }

    /// What archive refuses to find now it would refuse for ever.
    async fn check_stretch(&self, kept: &Kept, scope: &Scope) -> Result<(), Error> {
        let Scope::Stretch { interval, legs } = scope else { return Ok(()) };
        let late = || Error::invalid("stretch", "must begin before the recording ends");
        let interval = within(*interval, kept).ok_or_else(late)?;
        self.parts.mesh.spans(&kept.key.tenant, kept.key.id, interval, legs).await?;
        Ok(())
    }

    /// A person is on some recordings, and not on more than one erasure takes.
    async fn check_subject(&self, tenant: &TenantId, subject: SubjectId, scope: &Scope) -> Result<(), Error> {
        let mut missing = named(scope);
        let (mut count, mut after) = (0_u32, None);
        loop {
            let page = self.store().of_subject(tenant, subject, after, MAX_LISTED).await?;
            count = count.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
            if count > MAX_ITEMS {
                let why = format!("subject {subject} is on more than {MAX_ITEMS} recordings");
                return Err(Error::refused("too-many", why));
            }
            for id in &page {
                if missing.is_empty() {
                    break;
                }
                let kept = self.store().kept(&RecordingKey { tenant: tenant.clone(), id: *id }).await?;
                kept.iter().flat_map(|kept| &kept.terms).for_each(|term| {
                    missing.remove(&term.stamp.purpose);
                });
            }
            match page.last() {
                Some(last) if page.len() == MAX_LISTED as usize => after = Some(*last),
                Some(_) | None => break,
            }
        }
        if count == 0 {
            let why = format!("nothing is kept of subject {subject}");
            return Err(Error::refused("nothing-kept", why));
        }
        all_found(&missing)
    }
}

/// What is wrong with an order in itself.
fn check(ordered: &Ordered) -> Result<(), Error> {
    // The addendum says it, whose codes are narrower: an order that archive could never sign would never end.
    if ReasonCode::new(ordered.reason.as_str()).is_err() {
        return Err(Error::invalid("reason", REASON_FORM));
    }
    match (&ordered.target, &ordered.scope) {
        (_, Scope::Purposes(purposes)) if purposes.is_empty() => {
            Err(Error::invalid("purposes", "must be named"))
        }
        (_, Scope::Purposes(purposes)) if purposes.len() > MAX_TERMS => {
            Err(Error::invalid("purposes", format!("must be at most {MAX_TERMS}")))
        }
        (Target::Subject(_) | Target::Due, Scope::Stretch { .. }) => {
            Err(Error::invalid("stretch", "must be one of a recording"))
        }
        (_, Scope::Stretch { legs, .. }) if legs.len() > MAX_LEGS => {
            Err(Error::invalid("legs", format!("must be at most {MAX_LEGS}")))
        }
        (_, Scope::Everything | Scope::Purposes(_) | Scope::Stretch { .. }) => Ok(()),
    }
}

fn named(scope: &Scope) -> BTreeSet<PurposeName> {
    match scope {
        Scope::Purposes(purposes) => purposes.clone(),
        Scope::Everything | Scope::Stretch { .. } => BTreeSet::new(),
    }
}

/// The first that is missing is named: it is a purpose's name in form, and so nobody's free text.
fn all_found(missing: &BTreeSet<PurposeName>) -> Result<(), Error> {
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            let problem = format!("must all be ones that something is kept for, and nothing is for {first}");
            Err(Error::invalid("purposes", problem))
        }
    }
}
