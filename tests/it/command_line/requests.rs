//! A request from its receipt to its answer, on the command line.

use kernel::RequestId;
use serde_json::json;

use super::Prompt;
use crate::harness::{Sample, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_taken_in_decided_carried_out_and_answered_from_the_command_line() {
    let (world, sample) = (World::new(), Sample::new("access-request-en"));
    let mesh = world.up().await;
    world.kept(&mesh.server(), &sample).await;
    let prompt = Prompt { world: &world, server: mesh.server(), tenant: sample.tenant.clone() };
    assert_eq!(prompt.told(&["request", "list"]).await.trim(), "no requests");
    let id = RequestId::new().to_string();
    let phone = sample.phone().to_owned();
    let open = ["request", "open", "--id", &id, "--phone", &phone, "--right", "access", "--right", "erase"];
    let opened = prompt.json(&open).await;
    assert_eq!((&opened["state"], &opened["waits_for"]), (&json!("identifying"), &json!("identity")));
    assert_eq!(prompt.json(&open).await["request"], json!(id), "the same again is the same request");
    let (code, word) = prompt.refused(&["request", "plan", &id]).await;
    assert_eq!((code, word.as_str()), (3, "not-shown"), "nothing is looked for before it is known who asks");
    prompt.told(&["request", "identify", &id, "--proved", "one-time-code"]).await;
    let (_, word) = prompt.refused(&["request", "identify", &id, "--verified"]).await;
    assert_eq!(word, "not-shown", "a number proves who has it today");
    prompt.told(&["request", "identify", &id, "--proved", "call-knowledge"]).await;
    prompt.told(&["request", "identify", &id, "--verified"]).await;

    let seen = prompt.told(&["request", "plan", &id, "--dry-run"]).await;
    assert!(seen.contains("nothing was kept of this"), "{seen}");
    let planned = prompt.json(&["request", "plan", &id]).await;
    let plan = planned["plan"].as_str().unwrap().to_owned();
    assert_eq!(planned["outcomes"]["erase"], json!(3), "{planned}");
    let (_, word) = prompt.refused(&["request", "decide", &id, "--plan", "another"]).await;
    assert_eq!(word, "stale-plan");
    prompt.told(&["request", "decide", &id, "--plan", &plan, "--complete"]).await;
    let (code, word) = prompt.refused(&["request", "approve", &id, "--plan", &plan]).await;
    assert_eq!((code, word.as_str()), (3, "same-person"));
    let approved = prompt.json_as("bruno", &["request", "approve", &id, "--plan", &plan]).await;
    assert_eq!(approved["waits_for"], json!("hand-out"), "the copy comes before the erasure: {approved}");

    let (copy, trust) = (world.folder().join("copy.zip"), world.folder().join("trust.json"));
    let (copy, trust) = (copy.to_str().unwrap(), trust.to_str().unwrap());
    let (locked, key) = (format!("{copy}.age"), age::x25519::Identity::generate());
    let reader = key.to_public().to_string();
    let package =
        ["request", "package", &id, "--out", &locked, "--recipient", &reader, "--reason", "a letter"];
    assert_eq!(prompt.json(&package).await["encrypted"], json!(true));
    let bytes = std::fs::read(&locked).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"), "nobody reads it without the key");
    std::fs::write(copy, age::decrypt(&key, &bytes).unwrap()).unwrap();
    prompt.told(&["trust", "export", "--output", trust]).await;
    let verified = prompt.json(&["request", "verify", copy, "--trust", trust]).await;
    assert_eq!((&verified["ok"], &verified["request"]), (&json!(true), &json!(id)), "{verified}");
    let mut bytes = std::fs::read(copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(copy, bytes).unwrap();
    let damaged = prompt.run(&["request", "verify", copy, "--trust", trust, "--json"]).await;
    assert_eq!((damaged.code, &damaged.json()["ok"]), (1, &json!(false)), "{damaged:?}");

    let done = prompt.json(&["request", "execute", &id, "--wait"]).await;
    assert_eq!((&done["state"], &done["waits_for"]), (&json!("responding"), &json!("delivery")), "{done}");
    let letter = world.folder().join("letter.md");
    let letter = letter.to_str().unwrap();
    prompt.told(&["request", "answer", &id, "--out", letter]).await;
    let text = std::fs::read_to_string(letter).unwrap();
    assert!(text.contains(&id) && text.contains("Information Commissioner"), "{text}");
    std::fs::write(letter, format!("{text}\nand one more thing")).unwrap();
    let (_, word) = prompt.refused(&["request", "answer", &id, "--out", letter, "--delivered"]).await;
    assert_eq!(word, "other-letter");
    std::fs::write(letter, &text).unwrap();
    prompt.told(&["request", "answer", &id, "--out", letter, "--delivered"]).await;
    let shown = prompt.json(&["request", "show", &id]).await;
    assert_eq!(shown["request"]["state"], json!("closed"), "{shown}");
    assert!(shown["history"].as_array().unwrap().len() >= 12, "{shown}");
    let listed = prompt.json(&["request", "list", "--open"]).await;
    assert_eq!(listed, json!([]));
    mesh.stop().await.unwrap();
}
