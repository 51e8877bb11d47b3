//! A leg on which others are heard for a while: it is given, and silent there.

use futures::{StreamExt, stream};
use kernel::{Interval, IntervalSet, LegNo, Position, PurposeName};
use policy::rights::{Gate, Presence, Right};
use serde_json::json;

use super::bench::Bench;
use crate::error::Error;
use crate::mesh::Audio;
use crate::plan::Language;

/// Samples of a millisecond: A-law at 8 kHz.
const MILLI: usize = 8;

/// So many milliseconds of a WAV, in small pieces.
fn wav(millis: usize) -> Vec<u8> {
    let samples = vec![7_u8; millis * MILLI];
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((50 + samples.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x12\0\0\0\x06\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0fact\x04\0\0\0");
    bytes.extend((samples.len() as u32).to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((samples.len() as u32).to_le_bytes());
    bytes.extend(samples);
    bytes
}

fn plays(_: &PurposeName, _: LegNo) -> Result<Audio, Error> {
    let pieces: Vec<_> = wav(100).chunks(33).map(|piece| Ok(piece.to_vec())).collect();
    Ok(stream::iter(pieces).boxed())
}

/// Both legs of the call, with others heard on each from 20 to 50 ms.
fn heard() -> Bench {
    let mut bench = Bench::playing(Box::new(plays));
    bench.others_heard = Interval::new(Position(20_000), Position(50_000)).into_iter().collect();
    let own = bench.leg(Right::Access, 0, Presence::Oneself, "quality");
    own.leg(Right::Access, 1, Presence::Dialog, "quality")
}

/// The WAV with silence there.
fn silent() -> Vec<u8> {
    let mut bytes = wav(100);
    let samples = bytes.len() - 100 * MILLI;
    bytes[samples + 20 * MILLI..samples + 50 * MILLI].fill(0xd5);
    bytes
}

#[tokio::test]
async fn a_leg_is_given_and_is_silent_where_others_are_heard() {
    let package = heard().package().await;
    assert_eq!(package.audio(), ["leg-0-quality.wav", "leg-1-quality.wav"], "their own, and the agent's");
    for (name, bytes) in package.files.iter().filter(|(name, _)| name.ends_with(".wav")) {
        assert_eq!(*bytes, silent(), "{name}");
    }
    let legs = &package.json("data.json")["recordings"][0]["legs"];
    let told = json!([{ "start_micros": 20_000, "end_micros": 50_000, "what": "others-heard" }]);
    assert_eq!((&legs[0]["silenced"], &legs[1]["silenced"]), (&told, &told));
    assert_eq!(legs[0]["withheld"], json!(null));
}

#[tokio::test]
async fn the_page_says_so_in_both_languages() {
    for (language, words) in [
        (Language::English, "other people are heard here"),
        (Language::Italian, "qui si sentono altre persone"),
    ] {
        let mut bench = heard();
        bench.language = language;
        let page = bench.package().await.text("index.html");
        assert_eq!(page.matches(words).count(), 2, "{page}");
    }
}

#[tokio::test]
async fn what_is_redacted_for_another_reason_stays_so() {
    let mut risk = heard();
    risk.gate = Some(Gate::Risk);
    assert_eq!(risk.package().await.audio(), ["leg-0-quality.wav"], "the agent would be endangered");

    let mut bystander = Bench::playing(Box::new(plays));
    bystander.others_heard = heard().others_heard;
    let package = bystander.leg(Right::Access, 0, Presence::Third, "quality").package().await;
    assert_eq!(package.audio(), Vec::<&str>::new(), "another person's leg");
    let leg = &package.json("data.json")["recordings"][0]["legs"][0];
    assert_eq!((&leg["silenced"], &leg["audio"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn what_a_person_takes_with_them_is_silent_too() {
    let bench = heard().leg(Right::Port, 0, Presence::Oneself, "quality");
    let package = bench.package().await;
    let name = package.order.iter().find(|name| name.ends_with(".vcon.json")).unwrap();
    let vcon = package.json(name);
    let file = vcon["dialog"][0]["filename"].as_str().unwrap();
    assert_eq!(package.files[file], silent());
    let attached = &vcon["attachments"][0];
    assert_eq!((&attached["purpose"], &attached["dialog"]), (&json!("silenced"), &json!(0)));
    let body: serde_json::Value = serde_json::from_str(attached["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["silenced"][0]["start_micros"], 20_000);
}

#[tokio::test]
async fn nothing_is_handed_out_that_could_not_be_made_silent() {
    let strange = |_: &PurposeName, _: LegNo| -> Result<Audio, Error> {
        Ok(stream::iter([Ok(b"OggS and whoever is heard".to_vec())]).boxed())
    };
    let mut bench = Bench::playing(Box::new(strange)).leg(Right::Access, 0, Presence::Oneself, "quality");
    bench.others_heard = IntervalSet::all();
    let chunks: Vec<_> = bench.handed().await.unwrap().stream.collect().await;
    assert!(chunks.last().unwrap().is_err());
    let sent: Vec<u8> = chunks.into_iter().flat_map(Result::unwrap_or_default).collect();
    assert!(!sent.windows(7).any(|window| window == b"whoever"));
}
