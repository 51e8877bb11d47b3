//! Calls that are not A-law: recorded from a WAV file, replayed into one, sample by sample the same.

use std::path::Path;

use serde_json::json;

use crate::harness::{Ended, Sample, World};

#[tokio::test(flavor = "multi_thread")]
async fn linear_pcm_and_mu_law_come_back_as_they_went_in() {
    let world = World::new();
    let mesh = world.up().await;
    // Three seconds and a bit, so that the last frame is a short one; every byte value occurs.
    let noise = |bytes: usize| (0..bytes).map(|n| (n * n / 7 + n) as u8).collect::<Vec<_>>();
    let table = [
        ("L16", 1u16, 16_000u32, 16u16, noise(2 * (16_000 * 3 + 100) * 2)),
        ("PCMU", 7, 8_000, 8, noise(2 * (8_000 * 3 + 36))),
    ];
    for (codec, tag, rate, bits, data) in table {
        let (file, meta) = (format!("{codec}.wav"), format!("{codec}.json"));
        std::fs::write(world.folder().join(&file), wav(tag, rate, bits, &data)).unwrap();
        std::fs::write(world.folder().join(&meta), call(codec, rate)).unwrap();
        let record = ["record", &file, "--meta", &meta, "--speed", "0", "--json"];
        let recorded = world.run(&mesh.server(), "banca-alfa", &record).await;
        assert_eq!(recorded.code, 0, "{codec}: {recorded:?}");
        let id = recorded.json()["recording"].as_str().unwrap().to_owned();
        let tenant = Sample::new("mifid-order-it").tenant;
        world.sealed(&mesh.server(), &tenant, id.parse().unwrap()).await;

        let out = format!("{codec}-again.wav");
        let replay =
            ["replay", &id, "--purpose", "mifid2-transaction", "--reason", "a check", "-o", &out, "--json"];
        let played: Ended = world.run(&mesh.server(), "banca-alfa", &replay).await;
        assert_eq!(played.code, 0, "{codec}: {played:?}");
        let again = read(&world.folder().join(&out));
        assert_eq!((again.0, again.1, again.2), (tag, rate, bits), "{codec}");
        assert!(again.3 == data, "{codec}: {} bytes went in, {} came out", data.len(), again.3.len());
    }
    mesh.stop().await.unwrap();
}

/// A stereo file of this format.
fn wav(tag: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = 2 * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0");
    file.extend(tag.to_le_bytes());
    file.extend(2u16.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(block)).to_le_bytes());
    file.extend(block.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// Format, rate, bits and data of a stereo file.
fn read(path: &Path) -> (u16, u32, u16, Vec<u8>) {
    let file = std::fs::read(path).unwrap();
    let find = |name: &[u8]| file.windows(4).position(|window| window == name).unwrap() + 8;
    let (format, data) = (find(b"fmt "), find(b"data"));
    let u16_at = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap());
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(u16_at(format + 2), 2, "channels");
    let length = u32_at(data - 4) as usize;
    (u16_at(format), u32_at(format + 4), u16_at(format + 14), file[data..data + length].to_vec())
}

/// A call that is recorded by duty from its first frame.
fn call(codec: &str, rate: u32) -> String {
    json!({
        "call_id": format!("call-{codec}"), "tenant": "banca-alfa", "language": "it", "direction": "outbound",
        "started_at": "2026-03-02T10:00:00+01:00", "agent": { "id": "agent-900" },
        "customer": { "phone": "+390612340000" }, "purposes": ["mifid2-transaction"],
        "audio": { "codec": codec, "sample_rate_hz": rate, "channels": ["agent", "customer"] },
    })
    .to_string()
}
