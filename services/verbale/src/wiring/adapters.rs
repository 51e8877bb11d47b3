//! Each role on its embedded adapters.

use std::sync::Arc;

use anyhow::{Context, Result};
use platform::outbox::Bell;
use platform::role::Role;
use sqlite::{Db, Options};
use tracing::warn;

use super::shared::Shared;

/// The keys: tables and backend in the keys directory, its audit entries in the data directory.
pub(super) async fn crypto(shared: &mut Shared) -> Result<Role> {
    let (clock, bell) = (Arc::clone(&shared.clock), Bell::new());
    let file = shared.data("crypto.db");
    let outbox = crypto::outbox::SqliteOutbox::open(&file, Arc::clone(&clock), bell.clone()).await;
    let outbox = Arc::new(outbox.context("crypto's outbox cannot be opened")?);
    let tables = crypto::store::sqlite::SqliteKeyStore::open(&shared.keys("keys.db")).await;
    shared.publish("crypto", outbox.clone(), bell);
    let deps = crypto::Deps {
        store: Arc::new(tables.context("the key tables cannot be opened")?),
        backend: Arc::new(crypto::backend::file::FileBackend::open(&shared.config.storage.keys())?),
        clock,
        consent: shared.wire("crypto"),
        verifier: Arc::clone(&shared.verifier),
        policies: shared.policies("crypto"),
        outbox,
    };
    Ok(crypto::build(&shared.config.crypto, deps))
}

/// Subjects, consent and policies: facts in the data directory, the identifier index in the keys directory.
pub(super) async fn consent(shared: &mut Shared) -> Result<Role> {
    let (clock, bell) = (Arc::clone(&shared.clock), Bell::new());
    let file = shared.data("consent.db");
    let store = consent::store::sqlite::SqliteStore::open(&file, Arc::clone(&clock), bell.clone()).await;
    let store = Arc::new(store.context("consent's store cannot be opened")?);
    let identifiers =
        consent::store::identifiers::SqliteIdentifiers::open(&shared.keys("identifiers.db")).await;
    shared.publish("consent", store.clone(), bell);
    let deps = consent::Deps {
        store,
        identifiers: Arc::new(identifiers.context("the identifier index cannot be opened")?),
        clock,
        policies: shared.config.storage.policies(),
        crypto: shared.wire("consent"),
    };
    // A first start has no policies: it records nothing, and says so to every call.
    std::fs::create_dir_all(&deps.policies)
        .with_context(|| format!("cannot make the directory of policies {}", deps.policies.display()))?;
    if std::fs::read_dir(&deps.policies).is_ok_and(|mut entries| entries.next().is_none()) {
        warn!(policies = %deps.policies.display(), "there are no policies: nothing will be recorded");
    }
    let built = consent::build(&shared.config.consent, deps).await?;
    shared.task(super::reload::task(built.policies));
    Ok(built.role)
}

/// Sessions.
pub(super) async fn ingest(shared: &mut Shared) -> Result<Role> {
    let components = ingest::store::SqliteStore::COMPONENTS;
    let db = Db::open(&shared.data("ingest.db"), Options::default(), components).await;
    let store = Arc::new(ingest::store::SqliteStore::new(db.context("ingest's store cannot be opened")?));
    shared.publish("ingest", store.clone(), store.bell());
    let deps = ingest::Deps {
        store: store.clone(),
        outbox: store,
        log: Arc::clone(&shared.log),
        // The embedded log is on the disk that a spool would be on.
        spool: None,
        clock: Arc::clone(&shared.clock),
        instance: Shared::unsigned(),
        address: String::new(),
        owners: Arc::new(ingest::NoOwners),
        consent: shared.wire("ingest"),
        crypto: shared.wire("ingest"),
        policies: shared.policies("ingest"),
        metrics: shared.metrics.clone(),
    };
    Ok(ingest::build(shared.config.ingest.clone(), deps).role)
}

/// Recordings.
pub(super) async fn archive(shared: &mut Shared) -> Result<Role> {
    let (file, clock) = (shared.data("archive.db"), Arc::clone(&shared.clock));
    let store = archive::SqliteStore::open(&file, Options::default(), clock).await;
    let store = Arc::new(store.context("archive's store cannot be opened")?);
    shared.publish("archive", store.clone(), store.bell());
    let deps = archive::Deps {
        store: store.clone(),
        outbox: store,
        log: Arc::clone(&shared.log),
        objects: Arc::clone(&shared.objects),
        clock: Arc::clone(&shared.clock),
        instance: shared.signer("archive")?,
        crypto: shared.wire("archive"),
        consent: shared.wire("archive"),
        ingest: shared.wire("archive"),
        policies: shared.policies("archive"),
    };
    Ok(archive::build(&shared.config.archive, deps))
}

/// The ledger.
pub(super) async fn audit(shared: &mut Shared) -> Result<Role> {
    let store = audit::store::sqlite::SqliteStore::open(&shared.data("ledger.db"), Options::default()).await;
    let deps = audit::Deps {
        store: Arc::new(store.context("the ledger's index cannot be opened")?),
        log: Arc::clone(&shared.log),
        objects: Arc::clone(&shared.objects),
        clock: Arc::clone(&shared.clock),
        instance: shared.signer("audit")?,
        crypto: shared.wire("audit"),
    };
    Ok(audit::build(shared.config.ledger.clone(), deps)?)
}
