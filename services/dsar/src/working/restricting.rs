//! Restrictions: what a request stores only, and why (GDPR Art. 18 and 17(3)).

use std::collections::{BTreeMap, BTreeSet};

use kernel::{HoldId, PurposeName, RecordingId, RequestId};
use policy::request::Ground;

use super::doing::code;
use super::todo::Restrict;
use crate::act::RequestKey;
use crate::error::Error;
use crate::file::File;
use crate::mesh::{On, Restriction, RestrictionKind};
use crate::service::{Service, derived};

/// The person needs it for claims: it is kept beyond its period, too.
pub(super) const CLAIMS: &str = "art-18-1-c";
/// It is erased when what forbids that is over. Nobody lifts that: it ends with the erasure.
pub(super) const DEFERRED: &str = "art-17-3";

/// Why something is restricted, as its hold says it.
pub(super) fn reason(ground: Option<Ground>) -> &'static str {
    match ground {
        Some(Ground::Accuracy) => "art-18-1-a",
        Some(Ground::Unlawful) => "art-18-1-b",
        Some(Ground::Claims) => CLAIMS,
        Some(Ground::Objection) => "art-18-1-d",
        None => "art-18",
    }
}

/// Purposes of a recording that are to be stored only.
pub(super) struct Meant<'m> {
    pub(super) recording: RecordingId,
    pub(super) purposes: &'m BTreeSet<PurposeName>,
    pub(super) reason: &'static str,
}

impl<'m> Meant<'m> {
    pub(super) fn by(restrict: &'m Restrict) -> Self {
        let Restrict { recording, ground, purposes, .. } = restrict;
        Self { recording: *recording, purposes, reason: reason(*ground) }
    }
}

/// A restriction that is to stand.
pub(super) struct Placing {
    pub(super) restriction: Restriction,
    recordings: BTreeSet<RecordingId>,
    reason: &'static str,
}

/// What is to stand: recordings of the same purposes together, as holds are counted. The ids are the same each time that the
/// same is meant.
pub(super) fn placing(key: &RequestKey, meant: &[Meant<'_>]) -> Vec<Placing> {
    let whole = BTreeSet::new();
    let mut groups: BTreeMap<(&'static str, &BTreeSet<PurposeName>), BTreeSet<RecordingId>> = BTreeMap::new();
    for one in meant.iter().filter(|one| !one.purposes.is_empty()) {
        // What a person needs is kept as a whole, whatever it is kept for.
        let purposes = if one.reason == CLAIMS { &whole } else { one.purposes };
        groups.entry((one.reason, purposes)).or_default().insert(one.recording);
    }
    let mut all = Vec::with_capacity(groups.len());
    for ((reason, purposes), recordings) in groups {
        let restriction = restriction(key.id, reason, purposes, recordings.clone());
        all.push(Placing { restriction, recordings, reason });
    }
    all
}

impl Service {
    /// Places restrictions of a plan, but for those that this process has placed.
    pub(super) async fn restrict_all(
        &self,
        key: &RequestKey,
        file: &File,
        placing: &[Placing],
    ) -> Result<(), Error> {
        let review_at = self.first_seen(key).await?.plus(self.parts.config.hold.0);
        for Placing { restriction, recordings, reason } in placing {
            if recordings.iter().all(|recording| self.has_restricted(key, file, *recording, reason)) {
                continue;
            }
            self.mesh().restrict(&key.tenant, restriction, review_at).await?;
            let plan = file.request.plan().map(|frozen| frozen.name.clone());
            let own = recordings.iter().map(|recording| (key.id, plan.clone(), *recording, *reason));
            self.restricted.lock().extend(own);
        }
        Ok(())
    }

    /// Whether this process has restricted a recording by a request's plan, for that reason.
    pub(super) fn has_restricted(
        &self,
        key: &RequestKey,
        file: &File,
        recording: RecordingId,
        reason: &'static str,
    ) -> bool {
        let plan = file.request.plan().map(|frozen| frozen.name.clone());
        self.restricted.lock().contains(&(key.id, plan, recording, reason))
    }
}

fn restriction(
    request: RequestId,
    reason: &'static str,
    purposes: &BTreeSet<PurposeName>,
    recordings: BTreeSet<RecordingId>,
) -> Restriction {
    let mut what = format!("restriction/{reason}").into_bytes();
    for purpose in purposes {
        what.push(b'/');
        what.extend(purpose.as_str().as_bytes());
    }
    recordings.iter().for_each(|recording| what.extend(recording.to_bytes()));
    let kind = match reason {
        CLAIMS => RestrictionKind::NeededByPerson,
        _ => RestrictionKind::StorageOnly(purposes.clone()),
    };
    let id = HoldId::from_bytes(derived(request.to_bytes(), &what));
    Restriction { id, kind, on: On::Recordings(recordings), reason: code(reason) }
}
