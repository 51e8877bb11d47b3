//! Verified from files alone: one changed bit in the middle of a span's object, a manifest, a record of why not, the
//! largest ledger tile or the largest file of entries is caught, and so is what the store keeps beside each of these when
//! it cannot be read.
//!
//! Not looked at are partial tiles that a later one superseded, older versions of checkpoints, and single facts in what
//! the store keeps beside an object, such as its legal hold.

use std::path::{Path, PathBuf};

use futures::future::join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};
use verbale::commands::{audit, trust};

use crate::harness::{Ended, Sample, World, eventually, files, id_of, program};

#[tokio::test(flavor = "multi_thread")]
async fn files_verify_offline_and_one_flipped_bit_is_caught_in_each_kind_of_file() {
    let (world, samples) = (World::new(), ["mifid-order-it", "no-consent-it"].map(Sample::new));
    let mesh = world.up().await;
    let server = mesh.server();
    let recordings = join_all(samples.iter().map(|sample| world.record(&server, sample))).await;
    let caller = world.person(&server, &samples[0].tenant);
    let trust = eventually("the ledger has its keys", async || {
        trust::fetch(&caller).await.ok().filter(|trust| !trust.ledger_keys.is_empty())
    })
    .await;
    std::fs::write(world.folder().join("trust.json"), serde_json::to_string(&trust).unwrap()).unwrap();
    mesh.stop().await.unwrap();

    let objects = world.data().join("objects");
    let good = verify(&world, &objects).await;
    assert_eq!(good.code, 0, "{good:?}");
    let counted = good.json();
    assert_eq!((&counted["ok"], counted["recordings"].as_u64()), (&Value::Bool(true), Some(2)), "{counted}");
    for what in ["documents", "objects", "spans", "ledger_leaves"] {
        assert!(counted[what].as_u64().unwrap() > 0, "{what}: {counted}");
    }
    // A process that stops leaves no entry in the index alone.
    assert_eq!(counted["ledger_entries"], counted["ledger_leaves"], "{counted}");
    let around = verify(&world, &world.data()).await;
    assert!(around.code == 2 && around.err.contains("no directory of objects"), "{around:?}");

    let stored = files(&objects);
    let bytes_of = |part: &str| {
        let own = stored.iter().filter(|file| file.extension().is_some_and(|e| e == "data"));
        let found = own.filter(|file| file.to_string_lossy().contains(part)).max_by_key(|file| size(file));
        found.unwrap_or_else(|| panic!("nothing is stored with {part} in its name: {stored:?}")).clone()
    };
    let (order, refusal) = (id_of(&recordings[0]).to_string(), id_of(&recordings[1]).to_string());
    let audio = format!("{order}/00000");
    let table = [
        ("a span", bytes_of(&audio)),
        ("a manifest", bytes_of(&format!("{order}/documents"))),
        ("a record of why not", bytes_of(&format!("{refusal}/documents"))),
        ("a ledger tile", bytes_of("/tile/")),
        ("ledger entries", bytes_of("/entries/")),
    ];
    for (what, file) in &table {
        is_caught(&world, &objects, what, file, flip).await;
    }
    // Whoever can write there can write the store's own checksum too: what is signed must catch it alone. Entries
    // are sealed, so offline nothing but that checksum speaks for them; the ledger itself opens them.
    for (what, file) in &table[..4] {
        let forge = |copy: &Path| {
            flip(copy);
            repair(copy);
        };
        is_caught(&world, &objects, &format!("{what}, forged"), file, forge).await;
    }
    let (_, span) = &table[0];
    for (what, file) in &table {
        let what = format!("what the store keeps of {what}");
        is_caught(&world, &objects, &what, file, |copy| {
            std::fs::write(copy.with_extension("json"), "{").unwrap()
        })
        .await;
    }
    is_caught(&world, &objects, "an object that is gone", span, |copy| {
        std::fs::remove_dir_all(copy.parent().unwrap()).unwrap();
    })
    .await;

    // Entries forged under a running mesh.
    let (_, entries) = &table[4];
    flip(entries);
    repair(entries);
    let mesh = world.up().await;
    let checked = audit::check(&world.person(&mesh.server(), &samples[0].tenant)).await.unwrap();
    assert!(!checked.ok && !checked.findings.is_empty(), "forged entries: {checked:?}");
    mesh.stop().await.unwrap();

    // Entries and states gone, with a mesh up that has the index.
    for file in files(&objects) {
        let path = file.to_string_lossy();
        if !path.contains("/tile/") && (path.contains("/entries/") || path.contains("/state/")) {
            std::fs::remove_file(&file).unwrap();
        }
    }
    let mesh = world.up().await;
    let checked = audit::check(&world.person(&mesh.server(), &samples[0].tenant)).await.unwrap();
    assert!(checked.findings.iter().any(|found| found.name.contains("/state")), "{checked:?}");
    mesh.stop().await.unwrap();
}

/// Changes one file in a copy of everything, and has it verified.
async fn is_caught(world: &World, objects: &Path, what: &str, file: &Path, change: impl FnOnce(&Path)) {
    let copy = world.folder().join("copy");
    copy_all(objects, &copy);
    change(&copy.join(file.strip_prefix(objects).unwrap()));
    let caught = verify(world, &copy).await;
    assert_eq!(caught.code, 1, "{what}, {}: {caught:?}", file.display());
    let report = caught.json();
    let findings = report["findings"].as_array().unwrap();
    let key = key_of(file, objects);
    let named = findings
        .iter()
        .map(|finding| finding["name"].as_str().unwrap())
        .any(|name| key.contains(name) || name.contains(&key) || what.contains("ledger"));
    assert!(named, "{what}, {key}: {report}");
    std::fs::remove_dir_all(copy).unwrap();
}

/// Changes one bit in the middle of a file.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

/// Writes the directory store's checksum anew, as somebody would who covers their tracks.
fn repair(file: &Path) {
    let sidecar = file.with_extension("json");
    let mut told: Value = serde_json::from_slice(&std::fs::read(&sidecar).unwrap()).unwrap();
    told["sha256"] = hex::encode(Sha256::digest(std::fs::read(file).unwrap())).into();
    std::fs::write(sidecar, told.to_string()).unwrap();
}

async fn verify(world: &World, objects: &Path) -> Ended {
    let trust = world.folder().join("trust.json");
    let args = ["verify", objects.to_str().unwrap(), "--trust", trust.to_str().unwrap(), "--json"];
    program::run(world.folder(), &args).await
}

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// The object's key, from its file's place in the directory store: `objects/<key>=/<version>.data`.
fn key_of(file: &Path, root: &Path) -> String {
    let folder = file.parent().unwrap().strip_prefix(root.join("objects")).unwrap();
    folder.to_string_lossy().trim_end_matches('=').to_owned()
}

fn copy_all(from: &Path, to: &Path) {
    for file in files(from) {
        let target: PathBuf = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, target).unwrap();
    }
}
