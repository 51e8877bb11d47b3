//! Every act on personal data is in the ledger, and the ledger proves it.

use std::collections::BTreeSet;

use kernel::EventId;
use merkle::{Checkpoint, Hash, InclusionProof, Note, NoteKey, leaf_hash};
use proto::audit::v1::ledger_client::LedgerClient;
use proto::audit::v1::{Entry, ProveRequest, QueryRequest};
use sha2::{Digest, Sha256};
use verbale::commands::{audit, recordings, trust};
use verbale::connect::Caller;

use crate::harness::{Sample, World, eventually, hear, id_of, on_every_shape, purpose};

on_every_shape!(
    every_act_of_a_recording_is_in_the_ledger_and_each_is_proven,
    a_ledger_goes_on_over_restarts_and_one_tenants_entries_are_not_anothers,
);

async fn every_act_of_a_recording_is_in_the_ledger_and_each_is_proven(world: World) {
    let sample = Sample::new("mifid-order-it");
    let mesh = world.up().await;
    let recording = world.record(&mesh.server(), &sample).await;
    let (caller, id) = (world.person(&mesh.server(), &sample.tenant), id_of(&recording));
    hear(&caller, id, &purpose("quality")).await.unwrap();
    let refused = hear(&caller, id, &purpose("training")).await.unwrap_err();
    recordings::check(&caller, id).await.unwrap();

    let expected: BTreeSet<_> = [
        "call.opened",
        "call.authorised",
        "consent.recorded",
        "recording.keyed",
        "recording.read",
        "key.unwrapped",
        "recording.replayed",
        "recording.verified",
    ]
    .into();
    let entries = eventually("every act is in the ledger", async || {
        let entries = of_recording(&caller, id).await;
        let actions: BTreeSet<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
        expected.is_subset(&actions).then_some(entries)
    })
    .await;

    let replays: Vec<_> = entries.iter().filter(|entry| entry.action == "recording.replayed").collect();
    let played =
        replays.iter().find(|entry| entry.outcome == "ok" && !entry.reason_commitment.is_empty()).unwrap();
    assert_eq!((played.purpose.as_str(), played.actor_kind.as_str()), ("quality", "person"));
    let told = crate::harness::reason(&refused);
    assert!(replays.iter().any(|e| e.purpose == "training" && e.outcome == told), "{told}: {replays:#?}");

    for entry in &entries {
        prove(&caller, entry).await;
    }
    let checked = audit::check(&caller).await.unwrap();
    assert!(checked.ok && checked.entries >= entries.len() as u64, "{checked:?}");
    mesh.stop().await.unwrap();
}

async fn a_ledger_goes_on_over_restarts_and_one_tenants_entries_are_not_anothers(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let recording = world.record(&mesh.server(), &sample).await;
    let caller = world.person(&mesh.server(), &sample.tenant);
    let id = id_of(&recording);
    let before = eventually("the keying is in the ledger", async || {
        let entries = of_recording(&caller, id).await;
        entries.iter().any(|entry| entry.action == "recording.keyed").then_some(entries)
    })
    .await;
    mesh.stop().await.unwrap();

    let mesh = world.up().await;
    let caller = world.person(&mesh.server(), &sample.tenant);
    let after = of_recording(&caller, id).await;
    let found = |entry: &Entry| after.iter().any(|other| place(other) == place(entry));
    assert!(before.iter().all(found), "an entry changed its place over the restart");
    let numbers: BTreeSet<_> = after.iter().map(place).collect();
    assert_eq!(numbers.len(), after.len(), "an entry is there twice");
    assert!(audit::check(&caller).await.unwrap().ok);

    let stranger = world.person(&mesh.server(), &Sample::new("mifid-order-it").tenant);
    assert!(of_recording(&stranger, id).await.is_empty());
    mesh.stop().await.unwrap();
}

fn place(entry: &Entry) -> (Vec<u8>, u32, u64) {
    (entry.event_id.clone(), entry.partition, entry.index)
}

async fn of_recording(caller: &Caller, id: kernel::RecordingId) -> Vec<Entry> {
    let request = QueryRequest { object: format!("recording/{id}"), ..Default::default() };
    audit::query(caller, request, 1_000).await.unwrap()
}

/// Recomputes the leaf from the entry, the root from the leaf, and opens the signed note.
async fn prove(caller: &Caller, entry: &Entry) {
    let event = EventId::from_slice(&entry.event_id).unwrap();
    let request = caller.request(ProveRequest { event_id: entry.event_id.clone() }).unwrap();
    let proof = LedgerClient::new(caller.wire()).prove(request).await.unwrap().into_inner();
    assert_eq!(place(proof.entry.as_ref().unwrap()), place(entry));

    let digest = Sha256::digest([proof.salt.as_slice(), &proof.canonical_entry].concat());
    assert_eq!(&proof.leaf[proof.leaf.len() - 32..], digest.as_slice(), "{event}: the leaf is the entry's");
    let contains = |text: &str| proof.canonical_entry.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(contains(&entry.action) && contains(&entry.actor), "{event}: the entry says what is proven");

    let note = Note::parse(proof.checkpoint.as_bytes()).unwrap();
    // Looked up after the proof: a partition may have gone to an instance that was certified just now.
    let keys = trust::fetch(caller).await.unwrap().ledger_keys;
    let keys: Vec<NoteKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    let opened = note.open(&keys).unwrap();
    let head = Checkpoint::parse(opened.text).unwrap().head();
    let read = |hash: &Vec<u8>| Hash::from(<[u8; Hash::LEN]>::try_from(hash.as_slice()).unwrap());
    let inclusion = InclusionProof { index: proof.index, hashes: proof.inclusion.iter().map(read).collect() };
    assert_eq!(proof.tree_size, head.size, "{event}");
    inclusion.verify(&leaf_hash(&proof.leaf), &head).unwrap_or_else(|error| panic!("{event}: {error}"));
    // Another entry under the same proof is not in the ledger.
    let mut forged = proof.leaf.clone();
    forged[5] ^= 1;
    assert!(inclusion.verify(&leaf_hash(&forged), &head).is_err(), "{event}: any leaf is proven");
}
