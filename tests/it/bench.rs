//! `verbale bench ingest`: that its figures are there and can be right. How large they are no test says.

use serde_json::Value;

use crate::harness::{Sample, World, free_port, program, server};

/// A second of two legs of G.711.
const AUDIO: u64 = 16_000;

#[tokio::test(flavor = "multi_thread")]
async fn meshes_of_its_own_are_measured_with_and_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "ingest", "--calls", "4", "--seconds", "3", "--speed", "0", "--json"];
    let ended = program::run(folder.path(), &args).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let told = ended.json();
    let shapes = told["shapes"].as_array().unwrap();
    let names: Vec<_> = shapes.iter().map(|shape| shape["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["embedded", "embedded, TLS"]);
    for shape in shapes {
        is_plausible(shape, 4, 3);
        // Opened and closed, three spans on each leg, and what was dropped: little beside the audio.
        assert!(whole(shape, "logged_records") >= 4 * 2 * (1 + 3 + 1), "{shape}");
        let logged = whole(shape, "logged_bytes_per_call");
        assert!((3 * AUDIO..6 * AUDIO).contains(&logged), "{shape}");
        assert!(shape["records_per_append"].as_f64().unwrap() >= 1.0, "{shape}");
    }
    assert!(told["sealing"]["micros_per_span"].as_f64().unwrap() > 0.0, "{told}");
    assert!(told["sealing"]["calls_per_core"].as_f64().unwrap() > 0.0, "{told}");
    assert!(told["machine"]["cores"].as_u64().unwrap() > 0, "{told}");
    assert_eq!((&told["bare"], &told["left"]), (&Value::Null, &Value::Array(Vec::new())));
    assert!(folder.path().read_dir().unwrap().next().is_none(), "it leaves nothing where it was called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_that_runs_is_measured_by_its_processes() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let pid = std::process::id().to_string();
    let args = ["bench", "ingest", "--calls", "2", "--seconds", "2", "--speed", "0", "--json"];
    let named = ["--pid", &pid, "--purpose", "mifid2-transaction"];
    let ended = world.run(&mesh.server(), sample.tenant.as_str(), &[&args[..], &named].concat()).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let told = ended.json();
    let shapes = told["shapes"].as_array().unwrap();
    assert_eq!((shapes.len(), &shapes[0]["name"]), (1, &Value::from("running")), "{told}");
    is_plausible(&shapes[0], 2, 2);
    assert_eq!(shapes[0]["logged_records"], Value::Null, "nobody was asked for metrics");

    // A purpose that waits for consent records nothing, and the bench says so instead of a figure.
    let other = ["--purpose", "quality"];
    let ended = world.run(&mesh.server(), sample.tenant.as_str(), &[&args[..], &other].concat()).await;
    assert!(ended.code != 0 && ended.err.contains("quality"), "{ended:?}");
    mesh.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_measured_is_refused_with_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = server(free_port());
    let table: &[(&str, &str)] = &[
        ("--calls 0", "--calls"),
        ("--seconds 0", "--seconds"),
        ("--speed=-1", "--speed"),
        ("--set storage.store=/verbale", "storage.store"),
        ("--pid 1", "--server"),
        ("--purpose duty", "--server"),
        ("--metrics 127.0.0.1:1", "--server"),
        ("--server SERVER", "--tenant"),
        ("--server SERVER --tenant t", "--purpose"),
        ("--server SERVER --tenant t --purpose p --token a.b.c --pid 1073741824", "1073741824"),
        ("--server SERVER --tenant t --purpose p --token a.b.c --metrics NOBODY", "shows no metrics"),
    ];
    for (args, needle) in table {
        let nobody_shows = format!("127.0.0.1:{}", free_port());
        let args = args.replace("SERVER", &nobody).replace("NOBODY", &nobody_shows);
        let all: Vec<_> = ["bench", "ingest"].into_iter().chain(args.split(' ')).collect();
        let ended = program::run(folder.path(), &all).await;
        assert!(ended.code == 2 && ended.err.contains(needle), "{args}: {ended:?}");
    }
}

/// What holds of any mesh that carried so many calls of so many seconds.
fn is_plausible(shape: &Value, calls: u64, seconds: u64) {
    let sent = whole(shape, "sent_bytes_per_call");
    assert!((seconds * AUDIO..2 * seconds * AUDIO).contains(&sent), "{shape}");
    for measured in ["after_last_frame", "after_span_end"] {
        let (low, high) = (&shape[measured]["p50_ms"], &shape[measured]["p99_ms"]);
        assert!(low.as_f64().unwrap() > 0.0 && low.as_f64() <= high.as_f64(), "{shape}");
    }
    // Every span of both legs; behind the last one nothing is sent any more.
    assert_eq!(whole(&shape["after_last_frame"], "count"), calls * seconds * 2, "{shape}");
    assert_eq!(whole(&shape["after_span_end"], "count"), calls * (seconds - 1) * 2, "{shape}");
    assert!(shape["processor_seconds"].as_f64().unwrap() > 0.0, "{shape}");
    assert!(shape["calls_per_core"].as_f64().unwrap() > 0.0, "{shape}");
    assert!(shape["clock_seconds"].as_f64().unwrap() > 0.0, "{shape}");
    assert!(shape["memory_bytes_per_call"].is_u64(), "{shape}");
    assert_eq!((whole(shape, "reconnects"), &shape["level"]), (0, &Value::from("logged")), "{shape}");
}

fn whole(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}
