//! A retention over a filled store.

use std::sync::Arc;
use std::time::Duration;

use journal::Journal;
use kernel::{Clock, ErasureId, ManualClock, SubjectId, TenantId};
use objects::{MemoryObjects, Prefix};
use policy::code::Code;
use retention::erasing::{Erasing, Ordered, Parts};
use retention::erasure::{Erasure, Scope, Target};
use retention::saga::Saga;
use retention::store::sqlite::SqliteStore;
use retention::{Config, Store};
use tokio::time::Instant;

use crate::filling::{AT_ONCE, DAY, Layout, START, beginning, fill};
use crate::others::{Others, certified, policies, policy};

pub(crate) struct Bench {
    pub(crate) kept: usize,
    pub(crate) filled_within: Duration,
    tenant: TenantId,
    store: Arc<dyn Store>,
    clock: ManualClock,
    persons: Vec<SubjectId>,
    erasing: Arc<Erasing>,
    saga: Saga,
    _files: tempfile::TempDir,
}

/// An erasure that is over, and how long it took.
pub(crate) struct Taken {
    pub(crate) erasure: Erasure,
    pub(crate) begin: Duration,
    pub(crate) carry: Duration,
}

impl Bench {
    pub(crate) async fn filled(layout: Layout) -> Self {
        let files = tempfile::tempdir().expect("a directory");
        let path = files.path().join("retention.db");
        let clock = ManualClock::at(START);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let tenant = policy().tenant;
        let open = async |options| {
            let opened = SqliteStore::open(&path, options, Arc::clone(&shared)).await;
            Arc::new(opened.expect("a store")) as Arc<dyn Store>
        };
        let in_large_commits =
            sqlite::Options { queue: AT_ONCE, group: AT_ONCE, ..sqlite::Options::default() };
        let begun = Instant::now();
        let filling = open(in_large_commits).await;
        let persons = fill(&filling, &tenant, layout).await;
        // A policy that is new is carried to everything that is kept, once; here it was before.
        filling.set_applied_policy(&tenant, policy().hash()).await.expect("a note");
        drop(filling);
        let filled_within = begun.elapsed();
        let store = open(sqlite::Options::default()).await;
        let erasing = Arc::new(Erasing::new(parts(Arc::clone(&store), shared).await));
        let saga = Saga::new(Arc::clone(&erasing));
        let kept = layout.kept;
        Self { kept, filled_within, tenant, store, clock, persons, erasing, saga, _files: files }
    }

    /// What has become due in a round goes.
    pub(crate) async fn sweep(&self, round: usize) -> Taken {
        self.clock.set(beginning(round));
        let begun = Instant::now();
        let swept = self.erasing.sweep(&self.tenant, None, "anna").await.expect("a sweep");
        let begin = begun.elapsed();
        self.carried(swept.erasure.expect("something is due"), begin).await
    }

    /// The person of a round wants to be forgotten.
    pub(crate) async fn order(&self, round: usize) -> Taken {
        let ordered = Ordered {
            id: ErasureId::new(),
            target: Target::Subject(self.persons[round]),
            scope: Scope::Everything,
            reason: Code::new("art-17-1-d").expect("a code"),
            by: "anna".to_owned(),
        };
        let begun = Instant::now();
        let erasure = self.erasing.order(&self.tenant, ordered).await.expect("an order");
        let begin = begun.elapsed();
        self.carried(erasure.id, begin).await
    }

    async fn carried(&self, id: ErasureId, begin: Duration) -> Taken {
        let begun = Instant::now();
        while self.saga.advance().await.expect("an advance") {}
        let carry = begun.elapsed();
        let erasure = self.store.erasure(&self.tenant, id).await.expect("a row");
        Taken { erasure: erasure.expect("it was begun"), begin, carry }
    }
}

async fn parts(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Parts {
    let objects = Arc::new(MemoryObjects::new(Arc::clone(&clock)));
    let prefix = Prefix::new("journal/").expect("a prefix");
    let journal = Journal::open(objects, prefix, Arc::clone(&clock), DAY * 400).await.expect("a journal");
    Parts {
        store,
        journal: Arc::new(journal),
        mesh: Arc::new(Others::default()),
        policies: policies(),
        clock,
        instance: certified().await,
        config: Config::default(),
    }
}
