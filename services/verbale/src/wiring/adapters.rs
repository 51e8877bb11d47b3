//! Each role on its adapters: embedded ones in the data and keys directories, or those on the CQL cluster.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use consent::policies::directory::DOCUMENT;
use eventlog::{EventLog, SqliteLog, SqliteLogOptions};
use kernel::topics;
use platform::audit::AuditOutbox;
use platform::outbox::Bell;
use platform::role::Role;
use sqlite::{Db, Options};
use tracing::warn;

use super::shared::Shared;
use crate::config::Engine;

/// The keys: tables and backend in the keys directory, its audit entries in the data directory.
pub(super) async fn crypto(shared: &mut Shared) -> Result<Role> {
    type Stores =
        (Arc<dyn crypto::store::KeyStore>, Arc<dyn AuditOutbox>, Arc<dyn crypto::canary::CanaryShelf>);
    let (clock, bell) = (Arc::clone(&shared.clock), Bell::new());
    let backend = Arc::new(crypto::backend::file::FileBackend::open(&shared.config.storage.keys())?);
    let mut copies: Arc<dyn crypto::copies::KeyCopies> = Arc::new(crypto::copies::NoCopies);
    let (store, outbox, canaries): Stores = match &shared.cql.clone() {
        None => {
            let file = shared.data("crypto.db");
            let outbox = crypto::outbox::SqliteOutbox::open(&file, Arc::clone(&clock), bell.clone()).await;
            let outbox = Arc::new(outbox.context("crypto's outbox cannot be opened")?);
            shared.publish("crypto", outbox.clone(), bell);
            let canaries = crypto::canary::SqliteCanaries::open(&file).await;
            let tables = crypto::store::sqlite::SqliteKeyStore::open(&shared.keys("keys.db")).await;
            let tables = Arc::new(tables.context("the key tables cannot be opened")?);
            if let Some(second) = &shared.config.storage.key_copies {
                let (file, clock) = (shared.keys("keys.db"), Arc::clone(&clock));
                let made = crypto::copies::SqliteCopies::open(&file, second, backend.clone(), clock);
                copies = Arc::new(made.context("storage.key_copies cannot be used")?);
            }
            (tables, outbox, Arc::new(canaries.context("the canaries cannot be opened")?))
        }
        Some(cql) => {
            let outbox = Arc::new(crypto::outbox::scylla::ScyllaOutbox::open(cql, bell.clone()).await?);
            shared.publish("crypto", outbox.clone(), bell);
            let canaries = crypto::canary::scylla::ScyllaCanaries::open(cql).await?;
            (Arc::new(crypto::store::scylla::ScyllaKeyStore::open(cql).await?), outbox, Arc::new(canaries))
        }
    };
    let deps = crypto::Deps {
        store,
        backend,
        clock,
        consent: shared.wire("crypto"),
        retention: shared.wire("crypto"),
        verifier: Arc::clone(&shared.verifier),
        policies: shared.policies("crypto"),
        outbox,
        log: Arc::clone(&shared.log),
        journal: shared.journal().await?,
        copies,
        canaries,
        metrics: shared.metrics.clone(),
    };
    Ok(crypto::build(&shared.config.crypto, deps))
}

/// Subjects, consent and policies: facts in the data directory, the identifier index in the keys directory.
pub(super) async fn consent(shared: &mut Shared) -> Result<Role> {
    type Stores = (Arc<dyn consent::store::Store>, Arc<dyn consent::store::Identifiers>);
    let clock = Arc::clone(&shared.clock);
    let (store, identifiers): Stores = match shared.cql.clone() {
        None => {
            let (file, bell) = (shared.data("consent.db"), Bell::new());
            let store =
                consent::store::sqlite::SqliteStore::open(&file, Arc::clone(&clock), bell.clone()).await;
            let store = Arc::new(store.context("consent's store cannot be opened")?);
            let file = shared.keys("identifiers.db");
            let identifiers = consent::store::identifiers::SqliteIdentifiers::open(&file).await;
            shared.publish("consent", store.clone(), bell);
            (store, Arc::new(identifiers.context("the identifier index cannot be opened")?))
        }
        Some(cql) => {
            let store = Arc::new(consent::store::scylla::ScyllaStore::open(cql.clone()).await?);
            shared.publish("consent", store.clone(), store.bell());
            (store, Arc::new(consent::store::scylla::ScyllaIdentifiers::open(cql).await?))
        }
    };
    let deps = consent::Deps {
        store,
        identifiers,
        clock,
        policies: shared.config.storage.policies(),
        crypto: shared.wire("consent"),
        log: Arc::clone(&shared.log),
        journal: shared.journal().await?,
        metrics: shared.metrics.clone(),
    };
    // A first start has no policies: it records nothing, and says so to every call.
    std::fs::create_dir_all(&deps.policies)
        .with_context(|| format!("cannot make the directory of policies {}", deps.policies.display()))?;
    if !has_policy(&deps.policies) {
        let (policies, expected) = (deps.policies.display(), format!("<tenant>/{DOCUMENT}"));
        warn!(%policies, expected, "there are no policies: nothing will be recorded");
    }
    let built = consent::build(&shared.config.consent, deps).await?;
    shared.task(super::reload::task(built.policies));
    Ok(built.role)
}

/// Whether a tenant has a policy there, as consent looks for it: files beside the tenants' folders and hidden folders
/// are none.
fn has_policy(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut folders = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    folders.any(|folder| folder.path().join(DOCUMENT).is_file())
}

/// Sessions.
pub(super) async fn ingest(shared: &mut Shared) -> Result<Role> {
    let (store, outbox): (Arc<dyn ingest::Store>, Arc<dyn AuditOutbox>) = match shared.cql.clone() {
        None => {
            let components = ingest::store::SqliteStore::COMPONENTS;
            let db = Db::open(&shared.data("ingest.db"), Options::default(), components).await;
            let db = db.context("ingest's store cannot be opened")?;
            let store = Arc::new(ingest::store::SqliteStore::new(db));
            shared.publish("ingest", store.clone(), store.bell());
            (store.clone(), store)
        }
        Some(cql) => {
            let store = Arc::new(ingest::store::ScyllaStore::open(cql).await?);
            shared.publish("ingest", store.clone(), store.bell());
            (store.clone(), store)
        }
    };
    let deps = ingest::Deps {
        store,
        outbox,
        log: Arc::clone(&shared.log),
        spool: spool(shared).await?,
        clock: Arc::clone(&shared.clock),
        instance: Shared::unsigned(),
        node: ingest::Node::open(&shared.data("ingest-node.db"))
            .await
            .context("this node's file cannot be opened")?,
        address: shared.config.peers.own.clone().unwrap_or_default(),
        owners: shared.owners("ingest"),
        consent: shared.wire("ingest"),
        crypto: shared.wire("ingest"),
        policies: shared.policies("ingest"),
        metrics: shared.metrics.clone(),
    };
    Ok(ingest::build(shared.config.ingest.clone(), deps))
}

/// What takes the log's place while it is away. The embedded log is on the disk that a spool would be on.
async fn spool(shared: &Shared) -> Result<Option<Arc<dyn EventLog>>> {
    if shared.config.storage.log() == Ok(Engine::Embedded) {
        return Ok(None);
    }
    let file = shared.data("spool.db");
    let spool = SqliteLog::open(&file, Arc::clone(&shared.clock), SqliteLogOptions::default()).await;
    Ok(Some(Arc::new(spool.context("the spool cannot be opened")?)))
}

/// Recordings.
pub(super) async fn archive(shared: &mut Shared) -> Result<Role> {
    let (store, outbox): (Arc<dyn archive::Store>, Arc<dyn AuditOutbox>) = match shared.cql.clone() {
        None => {
            let (file, clock) = (shared.data("archive.db"), Arc::clone(&shared.clock));
            let store = archive::SqliteStore::open(&file, Options::default(), clock).await;
            let store = Arc::new(store.context("archive's store cannot be opened")?);
            shared.publish("archive", store.clone(), store.bell());
            (store.clone(), store)
        }
        Some(cql) => {
            let store = Arc::new(archive::ScyllaStore::open(cql).await?);
            shared.publish("archive", store.clone(), store.bell());
            (store.clone(), store)
        }
    };
    shared.show_lag(archive::consumer::GROUP, topics::AUDIO);
    let deps = archive::Deps {
        store,
        outbox,
        log: Arc::clone(&shared.log),
        objects: Arc::clone(&shared.objects),
        clock: Arc::clone(&shared.clock),
        instance: shared.signer("archive")?,
        crypto: shared.wire("archive"),
        consent: shared.wire("archive"),
        ingest: shared.wire("archive"),
        policies: shared.policies("archive"),
        metrics: shared.metrics.clone(),
    };
    Ok(archive::build(&shared.config.archive, deps))
}

/// Periods, holds, erasures.
pub(super) async fn retention(shared: &mut Shared) -> Result<Role> {
    let store: Arc<dyn retention::Store> = match shared.cql.clone() {
        None => {
            let (file, clock) = (shared.data("retention.db"), Arc::clone(&shared.clock));
            let store = retention::store::sqlite::SqliteStore::open(&file, Options::default(), clock).await;
            let store = Arc::new(store.context("retention's store cannot be opened")?);
            shared.publish("retention", store.clone(), store.bell());
            store
        }
        Some(cql) => {
            let store = Arc::new(retention::store::scylla::ScyllaStore::open(cql).await?);
            shared.publish("retention", store.clone(), store.bell());
            store
        }
    };
    let deps = retention::Deps {
        store,
        log: Arc::clone(&shared.log),
        journal: shared.journal().await?,
        clock: Arc::clone(&shared.clock),
        instance: shared.signer("retention")?,
        crypto: shared.wire("retention"),
        archive: shared.wire("retention"),
        consent: shared.wire("retention"),
        policies: shared.policies("retention"),
        metrics: shared.metrics.clone(),
    };
    Ok(retention::build(&shared.config.retention, deps))
}

/// People's requests.
pub(super) async fn dsar(shared: &mut Shared) -> Result<Role> {
    type Stores = (Arc<dyn dsar::Store>, Arc<dyn dsar::Disclosures>);
    let (store, disclosures): Stores = match shared.cql.clone() {
        None => {
            let (file, clock) = (shared.data("dsar.db"), Arc::clone(&shared.clock));
            let store = dsar::store::sqlite::SqliteStore::open(&file, Options::default(), clock).await;
            let store = Arc::new(store.context("dsar's store cannot be opened")?);
            shared.publish("dsar", store.clone(), store.bell());
            (store.clone(), store)
        }
        Some(cql) => {
            let store = Arc::new(dsar::store::scylla::ScyllaStore::open(cql).await?);
            shared.publish("dsar", store.clone(), store.bell());
            (store.clone(), store)
        }
    };
    let deps = dsar::Deps {
        store,
        disclosures,
        log: Arc::clone(&shared.log),
        clock: Arc::clone(&shared.clock),
        instance: shared.signer("dsar")?,
        wire: shared.wire("dsar"),
        bare: shared.bare_wire(),
        policies: shared.policies("dsar"),
        metrics: shared.metrics.clone(),
    };
    Ok(dsar::build(&shared.config.dsar, deps))
}

/// The ledger.
pub(super) async fn audit(shared: &mut Shared) -> Result<Role> {
    let store: Arc<dyn audit::store::LedgerStore> = match shared.cql.clone() {
        None => {
            let file = shared.data("ledger.db");
            let store = audit::store::sqlite::SqliteStore::open(&file, Options::default()).await;
            Arc::new(store.context("the ledger's index cannot be opened")?)
        }
        Some(cql) => Arc::new(audit::store::scylla::ScyllaStore::open(cql).await?),
    };
    shared.show_lag(audit::consumer::GROUP, topics::AUDIT);
    let deps = audit::Deps {
        store,
        log: Arc::clone(&shared.log),
        objects: Arc::clone(&shared.objects),
        clock: Arc::clone(&shared.clock),
        instance: shared.signer("audit")?,
        crypto: shared.wire("audit"),
        journal: shared.journal().await?,
        metrics: shared.metrics.clone(),
    };
    Ok(audit::build(shared.config.ledger.clone(), deps)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_tenant_s_where_it_lies_in_the_tenant_s_folder() {
        let check = |files: &[&str], expected: bool| {
            let directory = tempfile::tempdir().unwrap();
            for file in files {
                let path = directory.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            assert_eq!(has_policy(directory.path()), expected, "{files:?}");
        };
        check(&[], false);
        check(&["policy.yaml", "banca-alfa.yaml"], false);
        check(&["..data/policy.yaml"], false);
        check(&["banca-alfa/notices/notice-it-3.txt"], false);
        check(&["README.md", "banca-alfa/policy.yaml"], true);
        assert!(!has_policy(Path::new("/there/is/no/such/directory")));
    }
}
