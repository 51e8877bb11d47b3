//! No plaintext in what a mesh keeps, in directories, topics, tables or the bucket: no audio, nobody's name or
//! number, no key, nothing of what the keys directory keeps for itself.

use std::path::Path;

use eventlog::Stored;
use futures::future::join_all;
use kernel::PurposeName;
use kernel::topics::{ALL, Topic};
use sqlite::rusqlite::Connection;
use verbale::call_file::CallFile;
use verbale::sender::Call;
use verbale::wav::Wav;

use crate::harness::asking::Desk;
use crate::harness::keeping::customer;
use crate::harness::{Expected, Raw, Sample, Scan, World, files, hear_range, id_of, on_every_shape, secrets};

/// Values that occur nowhere by chance.
const PHONE: &str = "+390655512345";
const CRM: &str = "crm-7f3a-quercia-0815";
const EMAIL: &str = "giulia.verdi@example.org";
const CALL_ID: &str = "call-quercia-20260302-0001";
const EMPLOYEE: &str = "employee-quercia-017";
const REASON: &str = "the customer of the oak tree complains";
/// The call of which a copy is made, among all samples.
const COPIED: usize = 0;
/// What embedded key tables hold once a call is sealed.
const KEPT: [&str; 5] = ["epoch.kek", "epoch.hpke_secret", "page.key", "entry.sealed", "identifier.value"];

on_every_shape!(no_audio_no_identifier_and_no_key_lies_anywhere);

async fn no_audio_no_identifier_and_no_key_lies_anywhere(world: World) {
    let samples = Sample::all();
    let mesh = world.up().await;
    let (server, tap) = (mesh.server(), world.tap());
    let named = named(&samples[0]);
    let (recordings, _) = tokio::join!(
        join_all(samples.iter().map(|sample| world.record(&server, sample))),
        world.send(&server, &named, 0.0)
    );
    world.sealed(&server, &samples[0].tenant, named.recording()).await;
    for (sample, recording) in samples.iter().zip(&recordings) {
        let caller = world.person(&server, &sample.tenant);
        for purpose in Expected::of(sample).purposes() {
            listen(&caller, recording, &purpose).await;
        }
    }

    // A copy and a letter are made for whoever gets them, and leave nothing behind.
    let copied = &samples[COPIED];
    let desk = Desk::of(&world, &server, &copied.tenant);
    let person = customer(&desk.anna, copied).await;
    let request = desk.ask(person, &["access"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&request).await).await;
    let elsewhere = tempfile::tempdir().unwrap();
    desk.copy(&done, &elsewhere.path().join("copy.zip")).await;
    desk.answer(&done).await;

    let kept = secrets(&world.keys());
    for name in KEPT.iter().filter(|_| world.is_embedded()) {
        assert!(kept.iter().any(|(own, _)| own == name), "no {name} in the keys directory");
    }
    let scan = everything(&samples, &world.keys());
    // With the write-ahead logs of a running program, and as it is left.
    look(&scan, &world.raw().await, "running");
    mesh.stop().await.unwrap();
    look(&scan, &world.raw().await, "stopped");
    if let Some(tap) = tap {
        through_the_log(&scan, &tap.close().await);
    }
}

#[test]
fn the_scan_finds_what_is_there() {
    let sample = Sample::new("mifid-order-it");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("issuer.key"), [0xa7; 32]).unwrap();
    let wrapped: Vec<u8> = (0..81u8).map(|n| n.wrapping_mul(37) ^ 0x5a).collect();
    let public: Vec<u8> = (0..32u8).map(|n| n.wrapping_mul(91) ^ 0xc3).collect();
    let tables = Connection::open(folder.path().join("keys.db")).unwrap();
    tables.execute_batch("CREATE TABLE epoch (kek BLOB NOT NULL, hpke_public BLOB NOT NULL)").unwrap();
    tables.execute("INSERT INTO epoch VALUES (?, ?)", (&wrapped, &public)).unwrap();
    let scan = everything(&[Sample::new("mifid-order-it")], folder.path());
    let voice = 60_000..60_000 + 64;
    for planted in [
        sample.legs[0][voice.clone()].to_vec(),
        pcm(&sample.legs[0])[voice.start * 2..voice.start * 2 + 64].to_vec(),
        PHONE.as_bytes().to_vec(),
        b"+390612345678".to_vec(),
        CRM.as_bytes().to_vec(),
        EMAIL.as_bytes().to_vec(),
        CALL_ID.as_bytes().to_vec(),
        EMPLOYEE.as_bytes().to_vec(),
        REASON.as_bytes().to_vec(),
        wrapped.clone(),
        wrapped[5..37].to_vec(),
        vec![0xa7; 32],
        "a7".repeat(32).into_bytes(),
    ] {
        let mut bytes = vec![0; 5_001];
        bytes.splice(777..777, planted);
        assert_eq!(scan.findings(&bytes).len(), 1, "{:?}", scan.findings(&bytes));
    }
    assert_eq!(scan.findings(&public), [""; 0], "what is public is looked for");
}

/// A sample call between people whose identifiers are known to occur nowhere else.
fn named(sample: &Sample) -> Call {
    let mut file = CallFile::parse(&sample.json.to_string()).unwrap();
    file.call_id = CALL_ID.to_owned();
    file.agent.id = EMPLOYEE.to_owned();
    file.customer.phone = Some(PHONE.to_owned());
    file.customer.crm_id = Some(CRM.to_owned());
    file.customer.email = Some(EMAIL.to_owned());
    let wav = Wav::parse(&std::fs::read(sample.wav()).unwrap()).unwrap();
    Call::new(file, &wav, None).unwrap()
}

async fn listen(
    caller: &verbale::connect::Caller,
    recording: &proto::archive::v1::Recording,
    purpose: &PurposeName,
) {
    use proto::archive::v1::ReplayRequest;
    // Whether it plays is another test's; what it leaves behind is this one's.
    let _heard_or_refused =
        hear_range(caller, id_of(recording), purpose, ReplayRequest::default(), REASON).await;
}

fn everything(samples: &[Sample], keys: &Path) -> Scan {
    let mut scan = Scan::default();
    for sample in samples {
        for (leg, payload) in sample.legs.iter().enumerate() {
            scan.audio(&format!("{} leg {leg}, A-law", sample.name), payload.clone());
            scan.audio(&format!("{} leg {leg}, PCM", sample.name), pcm(payload));
        }
        // Shorter ones, such as a CRM's `S-9`, turn up in random bytes.
        for text in sample.personal().iter().filter(|text| text.len() >= 8) {
            scan.text(text, text);
        }
    }
    for text in [PHONE, CRM, EMAIL, CALL_ID, EMPLOYEE, REASON] {
        scan.text(text, text);
    }
    let mut keys_found = 0;
    for file in files(keys) {
        let bytes = std::fs::read(&file).unwrap();
        if bytes.len() == 32 {
            keys_found += 1;
            let name = file.display().to_string();
            scan.text(&name, &bytes);
            scan.text(&format!("{name} in hexadecimal"), hex::encode(&bytes));
        }
    }
    assert!(keys_found > 0, "{} has no file of 32 bytes", keys.display());
    assert!(scan.blocks() > 1_000 * samples.len(), "the samples are not silent");
    for (name, bytes) in secrets(keys) {
        scan.secret(&name, bytes);
    }
    scan
}

fn look(scan: &Scan, kept: &[Raw], when: &str) {
    assert!(kept.len() > 20, "{when}: hardly anything is kept: {kept:?}");
    for (place, bytes) in kept {
        assert_eq!(scan.findings(bytes), [""; 0], "{when}: {place}");
    }
}

fn through_the_log(scan: &Scan, passed: &[(&Topic, Stored)]) {
    for topic in ALL {
        let records: Vec<_> =
            passed.iter().filter(|(own, _)| *own == topic).map(|(_, record)| record).collect();
        assert!(!records.is_empty(), "nothing passed through {}", topic.name);
        for record in records {
            let headers = record.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]);
            let parts = [&record.key[..], &record.value].into_iter().chain(headers);
            let bytes = parts.collect::<Vec<_>>().concat();
            assert_eq!(scan.findings(&bytes), [""; 0], "{} at {}", topic.name, record.offset);
        }
    }
}

/// G.711 A-law decoded to 16-bit PCM, little-endian.
fn pcm(payload: &[u8]) -> Vec<u8> {
    payload.iter().flat_map(|byte| decoded(*byte).to_le_bytes()).collect()
}

fn decoded(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (i16::from(byte >> 4 & 7), i16::from(byte & 15));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}
