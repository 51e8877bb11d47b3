//! Requests as people handle them: received, shown, planned, decided, answered.
//!
//! Every act is taken the same way: the file is folded from its acts, the act is tried on it, and it is written at the
//! next version, or tried again where somebody else was first. `opening` has how a request begins, `planning` how it is
//! planned and decided (by what `checking` lets pass), `verifying` what people say to have done, `answering` its copy and
//! its answer, `lifting` the end of what it has restricted; what was decided is done in [`working`](crate::working). `disclosing` has who outside got something of
//! a recording, and what they are told of it.
//!
//! `linking` and `merging` have requests that belong together, and `scope` how far they reach; `confirming` has whose the
//! calls of a shared line are, `parting` what turns out to be somebody else's.

mod answering;
mod checking;
mod confirming;
mod disclosing;
mod lifting;
mod linking;
mod merging;
mod opening;
mod parting;
mod planning;
mod scope;
mod verifying;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{Clock, EventId, RecordingId, RequestId, SubjectId, TenantId, Timestamp};
use parking_lot::Mutex;
use platform::{Instance, PolicyBook};
use policy::request::{Actor, PlanName};
use tokio::sync::Notify;

use crate::act::{Act, MAX_ACTS, Record, RequestKey};
use crate::config::Config;
use crate::error::Error;
use crate::events;
use crate::file::{File, Items};
use crate::mesh::Mesh;
use crate::store::{Disclosures, Head, Store, Written};
use crate::working::Rest;

pub(crate) use disclosing::Change;
pub use disclosing::NewDisclosure;
pub use linking::Link;
pub(crate) use opening::derived;
pub use opening::{NewRequest, Who};
pub(crate) use parting::strange_items;
pub use planning::Planned;

/// How often a request that others change is read again before that is an error.
const TRIES: u32 = 16;
/// Who does what nobody did: the role itself.
pub const BY_ITSELF: &str = "service/dsar";

/// What the service stands on.
pub struct Parts {
    /// Its store.
    pub store: Arc<dyn Store>,
    /// The same, in the words of disclosures.
    pub disclosures: Arc<dyn Disclosures>,
    /// archive, retention, consent, crypto and audit.
    pub mesh: Arc<dyn Mesh>,
    /// The tenants' policies.
    pub policies: Arc<PolicyBook>,
    /// Signs packages.
    pub instance: Arc<Instance>,
    /// Domain time.
    pub clock: Arc<dyn Clock>,
    /// How long is rested, and holds stand.
    pub config: Config,
}

/// Which requests are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// All, newest first.
    All,
    /// Those that are not closed, oldest first.
    Open,
    /// A person's, oldest first.
    Of(SubjectId),
}

/// By the plan of which request a recording was restricted, and why: another plan restricts it anew.
pub(crate) type Restricted = (RequestId, Option<PlanName>, RecordingId, &'static str);

/// Requests; shared as an [`Arc`].
pub struct Service {
    pub(crate) parts: Parts,
    /// Rung when there is something to do.
    pub(crate) bell: Notify,
    /// Recordings that this process has restricted by a request, and why; what another one has, is asked for once more.
    pub(crate) restricted: Mutex<BTreeSet<Restricted>>,
    /// Requests that were found not to be done, and are tried again after a rest.
    pub(crate) resting: Mutex<BTreeMap<RequestId, Rest>>,
}

impl Service {
    /// Stands on these.
    pub fn new(parts: Parts) -> Self {
        Self { parts, bell: Notify::new(), restricted: Mutex::default(), resting: Mutex::default() }
    }

    /// Domain time.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    pub(crate) fn disclosures(&self) -> &dyn Disclosures {
        self.parts.disclosures.as_ref()
    }

    pub(crate) fn mesh(&self) -> &dyn Mesh {
        self.parts.mesh.as_ref()
    }

    /// A request as its acts have left it.
    pub async fn file(&self, key: &RequestKey) -> Result<File, Error> {
        let records = self.history(key).await?;
        let items = match File::frozen(&records) {
            Some(plan) => self.store().items(key, plan).await?,
            None => Vec::new(),
        };
        let named = items.into_iter().map(|item| Ok((item.key().map_err(|_| BAD_KEY)?, item)));
        let items = named.collect::<Result<Items, Error>>()?;
        File::fold(&records, items)
    }

    /// The acts of a request, oldest first.
    pub async fn history(&self, key: &RequestKey) -> Result<Vec<Record>, Error> {
        let records = self.store().records(key).await?;
        if records.is_empty() { Err(unknown(key.id)) } else { Ok(records) }
    }

    /// Requests in the order of [`Which`], after one, or before it where newest first; at most `limit`.
    pub async fn list(
        &self,
        tenant: &TenantId,
        which: Which,
        page: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<(RequestId, File)>, Error> {
        let heads = match which {
            Which::All => self.store().list(tenant, page, limit).await?,
            Which::Open => self.store().open(tenant, page, limit).await?,
            Which::Of(subject) => {
                let all = self.store().of_subject(tenant, subject).await?.into_iter();
                let after = all.filter(|head| page.is_none_or(|page| head.key.id > page));
                after.take(limit as usize).collect()
            }
        };
        let mut found = Vec::with_capacity(heads.len());
        for Head { key, .. } in heads {
            found.push((key.id, self.file(&key).await?));
        }
        Ok(found)
    }

    /// Does one act that needs nothing beside the request itself.
    pub async fn act(&self, key: &RequestKey, by: &Actor, act: Act) -> Result<File, Error> {
        self.take(key, by, &act, &Arc::default()).await
    }

    /// Does an act, on whatever the request is when it is written; `items` are the plan's, where one is frozen.
    pub(crate) async fn take(
        &self,
        key: &RequestKey,
        by: &Actor,
        act: &Act,
        items: &Arc<Items>,
    ) -> Result<File, Error> {
        for _ in 0..TRIES {
            let file = self.file(key).await?;
            if let Some(next) = self.take_on(&file, key, by, act, items).await? {
                return Ok(next);
            }
        }
        Err(Error::Contended("the request"))
    }

    /// Does an act on a request as it was read; none where it has gone on since.
    pub(crate) async fn take_on(
        &self,
        file: &File,
        key: &RequestKey,
        by: &Actor,
        act: &Act,
        items: &Arc<Items>,
    ) -> Result<Option<File>, Error> {
        if file.version >= MAX_ACTS && !matches!(act, Act::Delivered { .. }) {
            return Err(Error::TooMany { what: "acts of one request", bound: MAX_ACTS });
        }
        let record = self.record(file, key, by, act);
        let next = file.apply(&record, Arc::clone(items))?;
        if self.append(&record, &next).await? == Written::Conflict {
            return Ok(None);
        }
        // What is found not to be done is tried again after a rest.
        if !matches!(act, Act::ProbesFailed(_)) {
            self.bell.notify_one();
        }
        Ok(Some(next))
    }

    /// An act as it would come next.
    fn record(&self, file: &File, key: &RequestKey, by: &Actor, act: &Act) -> Record {
        Record {
            id: EventId::new(),
            key: key.clone(),
            version: file.version + 1,
            at: self.now(),
            by: by.clone(),
            act: act.clone(),
        }
    }

    async fn append(&self, record: &Record, next: &File) -> Result<Written, Error> {
        let head = Head {
            key: record.key.clone(),
            version: record.version,
            subject: next.received.subject,
            received_at: next.received.received_at,
            due: next.due(record.at),
            state: next.request.state(),
            ending: next.request.ended(),
        };
        Ok(self.store().append(&head, record, &events::happened(record)).await?)
    }
}

const BAD_KEY: Error = Error::Damaged("an item whose name is too long");

fn unknown(id: RequestId) -> Error {
    Error::Unknown { what: "request", id: id.to_string() }
}

/// Who acts where nobody does.
pub(crate) fn itself() -> Actor {
    Actor::new(BY_ITSELF).expect("a plain word is a name")
}

#[cfg(test)]
mod tests;
