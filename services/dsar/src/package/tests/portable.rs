//! What a person takes with them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policy::rights::{Presence, Right};
use sha2::{Digest, Sha512};

use super::bench::Bench;

#[tokio::test]
async fn a_vcon_has_what_rests_on_consent_and_its_audio_lies_beside_it() {
    let bench = Bench::new()
        .leg(Right::Access, 0, Presence::Oneself, "mifid2-transaction")
        .leg(Right::Port, 0, Presence::Oneself, "mifid2-transaction")
        .leg(Right::Port, 0, Presence::Oneself, "quality");
    let package = bench.package().await;
    // The duty covers as much, but does not go into a vCon.
    assert_eq!(package.audio(), ["leg-0-mifid2-transaction.wav", "leg-0-quality.wav"]);
    let name = package.order.iter().find(|name| name.ends_with(".vcon.json")).unwrap();
    assert!(name.starts_with("portability/2026-03-02-"), "{name}");
    let vcon = package.json(name);
    assert_eq!((&vcon["vcon"], &vcon["extensions"][0]), (&"0.4.0".into(), &"CC".into()));
    assert_eq!(vcon["parties"], serde_json::json!([{ "role": "customer" }]));
    let dialog = vcon["dialog"].as_array().unwrap();
    assert_eq!(dialog.len(), 1);
    let file = dialog[0]["filename"].as_str().unwrap();
    assert!(file.ends_with("leg-0-quality.wav"), "{file}");
    let hash = URL_SAFE_NO_PAD.encode(Sha512::digest(&package.files[file]));
    assert_eq!(dialog[0]["content_hash"], format!("sha512-{hash}"));
    assert_eq!((&dialog[0]["type"], &dialog[0]["duration"]), (&"recording".into(), &1_800.0_f64.into()));
}

#[tokio::test]
async fn nothing_is_portable_where_only_a_copy_was_asked() {
    let package = Bench::new().leg(Right::Access, 0, Presence::Oneself, "quality").package().await;
    assert!(!package.order.iter().any(|name| name.starts_with("portability/")));
}
