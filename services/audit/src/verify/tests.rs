//! Whatever is changed in objects or index is named.

use std::collections::BTreeSet;
use std::sync::Arc;

use eventlog::Record;
use objects::{IfExists, Key, PutOptions};

use super::*;
use crate::samples;
use crate::service::Service;
use crate::state::State;
use crate::testing::{INCARNATION, World, record};

/// A ledger of three hundred entries in one partition and three in another.
async fn ledger() -> World {
    let world = World::new().await;
    let records: Vec<Record> = (0..300).map(|event| record(1, event, event + 1)).collect();
    world.produce(records).await;
    world.produce((500..503).map(|event| record(2, event, event - 499)).collect()).await;
    world.settle().await;
    world
}

async fn keys(world: &World) -> Vec<Key> {
    let listed = world.objects.list(&objects::Prefix::ALL, None, objects::MAX_LIST).await.unwrap();
    listed.into_iter().map(|listed| listed.key).collect()
}

/// Puts other bytes in an object's place, as somebody with access to the store would.
async fn replace(world: &World, key: &Key, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = world.objects.get(key, None, None).await.unwrap().bytes.to_vec();
    change(&mut bytes);
    let options = PutOptions { if_exists: IfExists::NewVersion, ..PutOptions::default() };
    world.objects.put(key, bytes.into(), options).await.unwrap();
}

async fn remove(world: &World, key: &Key) {
    let head = world.objects.head(key, None).await.unwrap();
    world.objects.delete_version(key, &head.version).await.unwrap();
}

/// Removes every state and every entry object.
async fn remove_entries(world: &World) {
    for key in keys(world).await {
        let of_log = key.as_str().contains("/tile/");
        if !of_log && ["/state/", "/entries/"].iter().any(|part| key.as_str().contains(part)) {
            remove(world, &key).await;
        }
    }
}

/// One more entry in the first of the partitions, so much later.
async fn age(world: &World, by: Duration) {
    world.clock.advance(by);
    world.produce(vec![record(1, 300, 301)]).await;
    world.settle().await;
}

fn names(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.name.as_str()).collect()
}

fn service(world: &World) -> Service {
    let store: Arc<dyn crate::store::LedgerStore> = Arc::new(world.store.clone());
    Service::new(store, Arc::clone(&world.objects), world.keys.clone())
}

#[tokio::test]
async fn a_ledger_verifies_from_its_objects_and_the_signing_root_alone() {
    let world = ledger().await;
    let report = world.verify(None).await;
    assert_eq!(report, Report { leaves: 303, stored: 303, opened: 0, findings: Vec::new() });
    let keys = samples::keys("banca-alfa");
    assert_eq!(world.verify(Some(&keys)).await.opened, 303);
    assert!(service(&world).verify(keys.tenant()).await.unwrap().is_good());
}

#[tokio::test]
async fn a_flipped_byte_in_any_object_is_named_by_that_object() {
    let world = ledger().await;
    let states = [name::states(INCARNATION, 1), name::states(INCARNATION, 2)];
    let mut flipped = 0;
    for key in keys(&world).await {
        if states.iter().any(|own| own.matches(&key)) || key.as_str().contains("/signer/") {
            continue;
        }
        let len = world.objects.head(&key, None).await.unwrap().length;
        for at in [0, len / 2, len - 2] {
            let at = usize::try_from(at).unwrap();
            replace(&world, &key, |bytes| bytes[at] ^= 1).await;
            let report = world.verify(None).await;
            let first = report.findings.first().unwrap_or_else(|| panic!("{key} byte {at}: nothing found"));
            assert_eq!(first.name, key.as_str(), "byte {at}: {}", first.detail);
            replace(&world, &key, |bytes| bytes[at] ^= 1).await;
        }
        flipped += 1;
    }
    assert!(flipped > 12, "{flipped} objects");
    assert!(world.verify(None).await.is_good());
}

#[tokio::test]
async fn an_object_that_is_gone_is_found() {
    let world = ledger().await;
    for key in keys(&world).await {
        if key.as_str().contains("/state/") {
            continue;
        }
        let bytes = world.objects.get(&key, None, None).await.unwrap().bytes;
        remove(&world, &key).await;
        let report = world.verify(None).await;
        assert!(!report.is_good(), "{key}");
        world.objects.put(&key, bytes, PutOptions::default()).await.unwrap();
    }
    assert!(world.verify(None).await.is_good());
}

#[tokio::test]
async fn entries_that_are_all_gone_are_found_once_the_log_is_older_than_they_are_let_wait() {
    let states = [1, 2].map(|partition| format!("ledger/{INCARNATION}/{partition}/state"));
    let world = ledger().await;
    remove_entries(&world).await;
    let young = world.verify(None).await;
    assert_eq!(young, Report { leaves: 303, stored: 0, opened: 0, findings: Vec::new() });

    let world = ledger().await;
    age(&world, ENTRY_OBJECT_AGE).await;
    assert_eq!(
        world.verify(None).await,
        Report { leaves: 304, stored: 304, opened: 0, findings: Vec::new() }
    );
    remove_entries(&world).await;
    let old = world.verify(None).await;
    assert_eq!(
        (names(&old), old.leaves, old.stored),
        (states.each_ref().map(String::as_str).to_vec(), 304, 0)
    );
}

#[tokio::test]
async fn a_state_that_is_gone_alone_is_found_too() {
    let world = ledger().await;
    age(&world, ENTRY_OBJECT_AGE).await;
    for partition in [1, 2] {
        let prefix = name::states(INCARNATION, partition);
        for key in keys(&world).await {
            if prefix.matches(&key) {
                remove(&world, &key).await;
            }
        }
        assert_eq!(world.verify(None).await.findings.len(), partition as usize);
    }
}

#[tokio::test]
async fn an_index_misses_entries_that_it_has_put_into_objects_however_young_the_log_is() {
    let world = ledger().await;
    let service = service(&world);
    let tenant = samples::tenant("banca-alfa");
    remove_entries(&world).await;
    let report = service.verify(&tenant).await.unwrap();
    let states = [1, 2].map(|partition| format!("ledger/{INCARNATION}/{partition}/state"));
    assert_eq!(names(&report), states.each_ref().map(String::as_str));
}

#[tokio::test]
async fn a_state_that_says_less_than_there_was_hides_no_entry_for_long() {
    let world = ledger().await;
    age(&world, STORED).await;
    let states = name::states(INCARNATION, 1);
    let standing = keys(&world).await.into_iter().find(|key| states.matches(key)).unwrap();
    remove_entries(&world).await;
    let nothing = State { size: 0, next_offset: 0, tenants: BTreeSet::new(), producers: BTreeMap::default() };
    world.objects.put(&standing, nothing.encode().into(), PutOptions::default()).await.unwrap();
    let report = world.verify(None).await;
    let entry = format!("ledger/{INCARNATION}/1/entry/0");
    assert_eq!(names(&report)[0], entry);
}

#[tokio::test]
async fn a_checkpoint_that_no_trusted_root_has_certified_is_refused() {
    let world = ledger().await;
    let files = crate::files::ObjectFiles(Arc::clone(&world.objects));
    let roots = [seal::SigningKey::from_bytes(&[8; 32]).verifying_key()].into_iter().collect();
    let report = verify(&files, Means { roots: &roots, keys: None, stored: None }).await.unwrap();
    assert!(report.findings.iter().all(|finding| finding.kind == FindingKind::Checkpoint));
    assert_eq!(report.findings.len(), 1 + kernel::topics::AUDIT.partitions as usize);
}

#[tokio::test]
async fn a_rewritten_entry_object_is_caught_with_the_tenant_s_key() {
    let world = ledger().await;
    let tenant = samples::tenant("banca-alfa");
    let key = name::entries(&tenant, INCARNATION, 2, 0);
    // Whoever rewrites the bytes can make the digest fit again, and the leaf's commitment stand.
    replace(&world, &key, |bytes| {
        let mut object = crate::entry_object::EntryObject::decode(bytes).unwrap();
        object.records[1].sealed.bytes[60] ^= 1;
        *bytes = object.encode();
    })
    .await;
    assert!(world.verify(None).await.is_good(), "without a key the bytes are as good as others");
    let keys = samples::keys("banca-alfa");
    let report = world.verify(Some(&keys)).await;
    assert_eq!(report.findings[0].name, key.as_str());
    assert!(report.findings[0].detail.starts_with("entry 1:"), "{:?}", report.findings);
}

#[tokio::test]
async fn a_changed_row_of_the_index_is_named_whosever_it_is() {
    let changes = [
        ("UPDATE entry SET sealed = zeroblob(80) WHERE part = 1 AND idx = 70", "index/1/70"),
        ("UPDATE entry SET commitment = zeroblob(32) WHERE part = 2 AND idx = 1", "index/2/1"),
        ("DELETE FROM entry WHERE part = 1 AND idx = 299", "index/1/299"),
        ("UPDATE entry SET at = at + 1 WHERE part = 1 AND idx = 256", "index/1/256"),
    ];
    for (change, name) in changes {
        let world = ledger().await;
        let changed =
            world.store.db().write(move |tx| Ok::<_, ::sqlite::Error>(tx.execute(change, [])?)).await;
        assert_eq!(changed.unwrap(), 1);
        let report = service(&world).verify(&samples::tenant("banca-alfa")).await.unwrap();
        let found: Vec<_> =
            report.findings.iter().map(|finding| (finding.kind, finding.name.as_str())).collect();
        assert_eq!(found, [(FindingKind::Index, name)], "{change}");
    }
}

#[tokio::test]
async fn nothing_at_all_is_no_ledger() {
    let world = World::new().await;
    assert!(!world.verify(None).await.is_good());
}

#[test]
fn a_loss_alone_is_no_fault() {
    let no_fault: Vec<_> = FindingKind::ALL.iter().filter(|kind| !kind.is_fault()).collect();
    assert_eq!(no_fault, [&FindingKind::Lost]);
    let words: BTreeSet<_> = FindingKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.len(), FindingKind::ALL.len());
    let mut report = Report::default();
    report.find("ledger", FindingKind::Lost, "ended early");
    assert!(report.is_good());
    report.find("ledger", FindingKind::Entry, "is missing");
    assert!(!report.is_good());
}
