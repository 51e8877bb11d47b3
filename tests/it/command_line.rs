//! The command line as scripts use it: JSON, exit codes, and errors that name the place.

mod keeping;
mod prompt;
mod requests;

use std::path::Path;

use kernel::{RecordingId, Role};
use serde_json::{Value, json};

use self::prompt::Prompt;
use crate::harness::{Sample, World, eventually, free_port, id_of, program, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_recorded_listed_shown_replayed_and_verified_from_the_command_line() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let (server, tenant) = (mesh.server(), sample.tenant.as_str());
    let (wav, meta) = (sample.wav(), sample.meta());
    let record =
        ["record", wav.to_str().unwrap(), "--meta", meta.to_str().unwrap(), "--speed", "0", "--json"];
    let recorded = world.run(&server, tenant, &record).await;
    assert_eq!(recorded.code, 0, "{recorded:?}");
    let id = recorded.json()["recording"].as_str().unwrap().to_owned();
    world.sealed(&server, &sample.tenant, id.parse::<RecordingId>().unwrap()).await;

    let phone = sample.json["customer"]["phone"].as_str().unwrap();
    let call = sample.json["call_id"].as_str().unwrap();
    for by in [&[][..], &["--phone", phone], &["--agent", "agent-017"], &["--correlation", call]] {
        let listed = world.run(&server, tenant, &[&["recordings", "list", "--json"], by].concat()).await;
        let found = listed.json();
        assert_eq!(found.as_array().unwrap().len(), 1, "{by:?}: {listed:?}");
        assert_eq!(found[0]["recording"].as_str(), Some(id.as_str()), "{by:?}");
    }
    let none =
        world.run(&server, tenant, &["recordings", "list", "--phone", "+390000000000", "--json"]).await;
    assert_eq!((none.code, none.json()), (0, Value::Array(Vec::new())));

    let clip = world.folder().join("order.wav");
    let replay = |purpose: &'static str, output: &'static str| {
        [
            "replay",
            &id,
            "--purpose",
            purpose,
            "--reason",
            "a dispute",
            "--mark",
            "order",
            "-o",
            output,
            "--json",
        ]
        .map(str::to_owned)
    };
    let asked = replay("mifid2-transaction", "order.wav");
    let played = world.run(&server, tenant, &asked.each_ref().map(String::as_str)).await;
    assert_eq!(played.code, 0, "{played:?}");
    is_the_order(&clip, &sample);

    let asked = replay("mifid2-transaction", "none.wav");
    let token = world.token(&[Role::Supervisor], &[&sample.tenant]);
    let other = [&asked.each_ref().map(String::as_str)[..], &["--token", token.expose()]].concat();
    let refused = world.run(&server, tenant, &other).await;
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(
        refused.err.contains("policy explain") && !world.folder().join("none.wav").exists(),
        "{refused:?}"
    );

    let behind =
        ["replay", &id, "--purpose", "mifid2-transaction", "--reason", "x", "--from", "100", "-o", "b.wav"];
    let behind = world.run(&server, tenant, &behind).await;
    assert!(behind.code == 2 && behind.err.contains("the recording ends at 0:3"), "{behind:?}");
    assert!(!world.folder().join("b.wav").exists(), "a file without sound is written");

    let verified = world.run(&server, tenant, &["recordings", "verify", &id, "--json"]).await;
    assert_eq!((verified.code, &verified.json()["ok"]), (0, &Value::Bool(true)), "{verified:?}");
    let nobody = RecordingId::new().to_string();
    let unknown = world.run(&server, tenant, &["recordings", "show", &nobody]).await;
    assert_eq!(unknown.code, 4, "{unknown:?}");
    assert_eq!(unknown.err.matches(&nobody).count(), 1, "it is named once: {unknown:?}");
    let unknown =
        world.run(&server, tenant, &["recordings", "show", &RecordingId::new().to_string(), "--json"]).await;
    let told = unknown.error();
    assert_eq!(unknown.code, 4, "{unknown:?}");
    assert!(told["exit"] == 4 && told["code"].is_string() && told["message"].is_string(), "{unknown:?}");
    assert!(unknown.out.is_empty(), "{unknown:?}");
    let keys = world.keys().display().to_string();
    let token = ["token", "--role", "supervisor", "--keys", &keys];
    let served = world.run(&server, tenant, &token[..3]).await;
    let nobody = program::run(world.folder(), &token).await;
    assert!(served.code == 0 && served.err.is_empty(), "{served:?}");
    assert!(
        nobody.code == 0 && nobody.err.contains("no tenant") && !nobody.out.contains("no tenant"),
        "{nobody:?}"
    );

    let ledger = world.run(&server, tenant, &["audit", "verify", "--json"]).await;
    assert_eq!((ledger.code, &ledger.json()["ok"]), (0, &Value::Bool(true)), "{ledger:?}");
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_recorded_as_it_asks_ends_with_the_code_of_a_refusal() {
    let (world, order, declined) =
        (World::new(), Sample::new("mifid-order-it"), Sample::new("no-consent-it"));
    let mesh = world.up().await;
    let mut unknown = order.json.clone();
    unknown["purposes"] = json!(["marketing"]);
    let mut unheard = order.json.clone();
    unheard["events"].as_array_mut().unwrap().retain(|event| event["type"] != "notice.played");
    let table = [
        (&order, unknown, 3, true, json!([])),
        (&order, unheard, 3, false, json!([["consent.given", "notice-missing"]])),
        (&declined, declined.json.clone(), 0, false, json!([])),
    ];
    for (sample, call, code, not_recorded, refused) in table {
        std::fs::write(world.folder().join("call.json"), call.to_string()).unwrap();
        let wav = sample.wav().display().to_string();
        let record = ["record", &wav, "--meta", "call.json", "--speed", "0", "--json"];
        let recorded = world.run(&mesh.server(), sample.tenant.as_str(), &record).await;
        let told = recorded.json();
        assert_eq!((recorded.code, &told["not_recorded"]), (code, &json!(not_recorded)), "{recorded:?}");
        assert_eq!(told["refused_events"], refused, "{recorded:?}");
    }
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_and_not_there_is_told_with_what_there_is() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let (server, tenant) = (mesh.server(), sample.tenant.as_str());
    let id = id_of(&world.record(&server, &sample).await).to_string();
    let table: [(&[&str], i32, &[&str]); 3] = [
        (&["--purpose", "qualty"], 4, &["no purpose qualty", "mifid2-transaction, quality"]),
        (&["--purpose", "quality", "--mark", "payment"], 2, &["no mark payment; it has order"]),
        (&["--purpose", "quality", "--leg", "7"], 2, &["no leg 7; it has 0, 1"]),
    ];
    for (asked, code, needles) in table {
        let replay = [&["replay", &id, "--reason", "a check", "-o", "none.wav"][..], asked].concat();
        let ended = world.run(&server, tenant, &replay).await;
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(needles.iter().all(|needle| ended.err.contains(needle)), "{ended:?}");
        assert!(!world.folder().join("none.wav").exists(), "{ended:?}");
    }

    let about = ["audit", "query", "--object", &id, "--json"];
    eventually("entries about the recording", async || {
        let found = world.run(&server, tenant, &about).await.json();
        found.as_array().is_some_and(|entries| !entries.is_empty()).then_some(())
    })
    .await;
    let nope = world.run(&server, tenant, &["audit", "query", "--action", "nope"]).await;
    assert!(nope.code == 0 && nope.out.contains("no entries"), "{nope:?}");
    assert!(nope.err.contains("\"nope\"") && nope.err.contains("recording.replayed"), "{nope:?}");
    let known = world.run(&server, tenant, &["audit", "query", "--action", "epoch.left"]).await;
    assert!(known.code == 0 && !known.err.contains("note:"), "{known:?}");
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_on_the_command_line_says_what_it_did_not_reach_and_what_it_implied() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let (server, tenant) = (mesh.server(), sample.tenant.as_str());
    let person = ["--phone", "+393339990000", "--purpose", "quality", "--json"];
    let withdraw = [&["consent", "withdraw"][..], &person].concat();
    let first = world.run(&server, tenant, &withdraw).await;
    let told = first.json()["warnings"].clone();
    let nobody = "nobody is known by this number; kept for calls to come";
    assert_eq!((first.code, told), (0, serde_json::json!([nobody])), "{first:?}");
    let again = world.run(&server, tenant, &withdraw).await;
    assert_eq!((again.code, &again.json()["warnings"]), (0, &Value::Array(Vec::new())), "{again:?}");

    let mistyped = RecordingId::new().to_string();
    let one = [&withdraw[..], &["--recording", &mistyped]].concat();
    let one = world.run(&server, tenant, &one).await;
    let told = one.json()["warnings"][0].to_string();
    assert!(one.code == 4 && told.contains(&format!("there is no recording {mistyped}")), "{one:?}");

    let give = [&["consent", "give", "--notice", "notice-it-3", "--by", "web"][..], &person].concat();
    let given = world.run(&server, tenant, &give).await;
    let told = given.json();
    assert_eq!(given.code, 0, "{given:?}");
    assert!(told["notice"] == "notice-it-3" && told["expression"] == "web", "{told}");
    let shown = world.run(&server, tenant, &["consent", "show", "--phone", "+393339990000", "--json"]).await;
    let shown = shown.json();
    let history: Vec<_> = shown["history"].as_array().unwrap().iter().rev().take(3).collect();
    let kinds: Vec<_> = history.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["given", "asked", "notice-presented"], "{shown}");
    assert!(history[0]["implied_by"].is_null(), "{shown}");
    assert!(history[1..].iter().all(|event| event["implied_by"] == told["event"]), "{shown}");
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_place_and_end_with_a_code_that_scripts_can_use() {
    let (world, sample) = (World::new(), Sample::new("mifid-order-it"));
    let folder = world.folder();
    let put = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.join(name), bytes).unwrap();
        name.to_owned()
    };
    let policy = put(
        "policy.yaml",
        b"tenant: banca-alfa\njurisdiction: IT\npurposes:\n  quality: { basis: consnt }\n",
    );
    let config = put("verbale.toml", b"[ingest]\nwindow_frmes = 5\n");
    let wav = std::fs::read(sample.wav()).unwrap();
    let short = put("short.wav", &wav[..wav.len() - 1_000]);
    let meta = std::fs::read_to_string(sample.meta()).unwrap();
    let typo = put("typo.json", meta.replacen("\"consent.given\"", "\"consent.givn\"", 1).as_bytes());
    let unknown = put("unknown.json", meta.replacen("\"direction\"", "\"directions\"", 1).as_bytes());
    let brief = put("brief.json", meta.replacen("\"duration_s\": 35.462", "\"duration_s\": 5", 1).as_bytes());
    let late = put("late.json", meta.replacen("\"at_s\": 8.721", "\"at_s\": 1000", 1).as_bytes());
    let (good_wav, good_meta) = (sample.wav().display().to_string(), sample.meta().display().to_string());
    let record = |wav: &str, meta: &str| ["record", wav, "--meta", meta].map(str::to_owned).to_vec();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();

    let table: Vec<(Vec<String>, i32, &[&str])> = vec![
        (words(&format!("policy check {policy}")), 2, &["policy.yaml:4:", "consnt"]),
        (words("policy check none.yaml"), 2, &["none.yaml"]),
        (words(&format!("config check --config {config}")), 2, &["window_frmes"]),
        (words("config check --set server.listne=1"), 2, &["server.listne"]),
        (words("config check --data d --keys d/keys"), 2, &["inside the data directory"]),
        (words("config check --set storage.objects=s3://"), 2, &["storage.objects", "bucket"]),
        (words("config check --set kafka.security.bogus=5"), 2, &["kafka.security.bogus"]),
        (words("config dump --set storage.log=kafka://u:p@a:1"), 0, &["kafka://redacted\"", "# auth.jwks"]),
        (record(&short, &good_meta), 2, &["short.wav", "cut short"]),
        (record(&good_wav, &typo), 2, &["typo.json", "events[1].type"]),
        (record(&good_wav, &unknown), 2, &["unknown.json", "directions", "line 5"]),
        (record(&good_wav, &brief), 2, &["brief.json", "duration_s: is 5"]),
        (record(&good_wav, &late), 2, &["late.json", "events[0].at_s: is 1000"]),
        (words("token --role emperor --tenant banca-alfa"), 2, &["emperor"]),
        (words("recordings list --tenant banca-alfa --token a.b.c --server SERVER"), 5, &["verbale up"]),
        (words("verify nowhere --trust nothing.json"), 2, &["nothing.json"]),
        (
            words("recordings list --tenant banca-alfa --phone 12ab --token a.b.c"),
            2,
            &["--phone", "telephone"],
        ),
        (words("no-such-command"), 2, &["no-such-command"]),
    ];
    let nobody = server(free_port());
    for (args, code, needles) in table {
        let args: Vec<_> = args.iter().map(|arg| arg.replace("SERVER", &nobody)).collect();
        let ended = program::run(folder, &args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(ended.code, code, "{args:?}: {ended:?}");
        for needle in needles {
            let said = ended.out.contains(needle) || ended.err.contains(needle);
            assert!(said, "{args:?} does not say {needle:?}: {ended:?}");
        }
    }

    let policy = world.policies().join("banca-alfa/policy.yaml").display().to_string();
    let sound = program::run(folder, &["policy", "check", &policy, "--json"]).await;
    assert_eq!((sound.code, &sound.json()["ok"]), (0, &Value::Bool(true)), "{sound:?}");
    let sound = program::run(folder, &["config", "check"]).await;
    assert_eq!(sound.code, 0, "{sound:?}");

    // In JSON form too.
    let odd = ["config", "check", "--json", "--set", "kafka.queue=0", "--set", "ledger.batch=0"];
    let odd = program::run(folder, &odd).await;
    let told = odd.json();
    assert_eq!((odd.code, &told["ok"]), (2, &Value::Bool(false)), "{odd:?}");
    let problems = told["problems"].as_array().unwrap().iter().map(|p| p["message"].as_str().unwrap());
    let keys: Vec<_> = problems.filter_map(|problem| problem.split(' ').next()).collect();
    assert_eq!(keys, ["kafka.queue", "ledger.batch"]);
    let odd = program::run(folder, &["config", "check", "--json", "--set", "server.listne=1"]).await;
    let message = odd.json()["problems"][0]["message"].to_string();
    assert!(odd.code == 2 && message.contains("server.listne"), "{odd:?}");
    for args in
        [&["no-such-command", "--json"][..], &["verify", "nowhere", "--trust", "nothing.json", "--json"]]
    {
        let failed = program::run(folder, args).await;
        assert_eq!(failed.code, 2, "{failed:?}");
        assert_eq!(failed.error()["code"], "usage", "{failed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_mesh_on_the_same_directories_is_refused_with_what_to_do() {
    let world = World::new();
    let mesh = world.up().await;
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (data, keys, policies) = (text(&world.data()), text(&world.keys()), text(&world.policies()));
    let elsewhere = text(&world.folder().join("elsewhere"));
    for (data, keys, whose) in [(&data, &elsewhere, &data), (&elsewhere, &keys, &keys)] {
        let up = ["up", "--listen", "127.0.0.1:0", "--policies", &policies, "--data", data, "--keys", keys];
        let second = program::run(world.folder(), &up).await;
        let told = second.err.contains(&format!("directory {whose}: stop it first"));
        assert!(second.code == 2 && told, "{second:?}");
        std::fs::remove_dir_all(&elsewhere).unwrap();
    }
    // What only reads goes on beside it.
    let copied = program::run(world.folder(), &["backup", "create", "b", "--data", &data]).await;
    assert_eq!(copied.code, 0, "{copied:?}");
    mesh.stop().await.unwrap();
    world.up().await.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_its_story_and_catches_what_it_alters() {
    let folder = tempfile::tempdir().unwrap();
    let demo = ["demo", "--data", "data", "--json", "--set", "telemetry.format=human"];
    let ended = program::run(folder.path(), &demo).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    // Log lines for people have colours on a terminal alone.
    assert!(ended.err.contains("INFO") && !ended.err.contains('\u{1b}'), "{ended:?}");
    let told = ended.json();
    assert_eq!(told["verified"], true, "{told}");
    let caught = told["tampering"].as_array().unwrap();
    assert!(caught.len() >= 2 && caught.iter().all(|one| one["caught"] == true), "{caught:?}");
    let later = told["later"].as_array().unwrap();
    assert!(later.len() > 15 && later.iter().all(|step| step["as_it_must_be"] == true), "{later:?}");
    let shop =
        later.iter().find(|step| step["what"].as_str().unwrap().starts_with("the shop's quality purpose"));
    assert!(shop.unwrap()["detail"].as_str().unwrap().ends_with(": quality"), "{later:?}");
    let mut heard = Vec::new();
    for call in told["recordings"].as_array().unwrap() {
        for one in call["listening"].as_array().unwrap() {
            heard.push((
                call["call"].as_str().unwrap(),
                one["purpose"].as_str().unwrap(),
                one["reason"].as_str(),
            ));
        }
    }
    let story = [
        ("mifid-order-it", "mifid2-transaction", None),
        ("mifid-order-it", "quality", None),
        ("withdrawal-midcall-it", "quality", Some("erased")),
        ("withdrawal-midcall-it", "training", Some("erased")),
        ("card-payment-en", "verbal-contract", None),
        ("card-payment-en", "quality", None),
        ("access-request-en", "quality", None),
        ("no-consent-it", "quality", Some("not-recorded")),
    ];
    for part in story {
        assert!(heard.contains(&part), "{part:?} is not in {heard:?}");
    }
    // Its data directory is there to look at, and it does not write over it.
    let again = program::run(folder.path(), &["demo", "--data", "data"]).await;
    assert!(again.code == 2 && again.err.contains("not empty"), "{again:?}");
    // Nor over its files, to which the commands that it named point.
    assert_eq!(told["files"], "data-files");
    for gone in ["data", "data-keys"] {
        std::fs::remove_dir_all(folder.path().join(gone)).unwrap();
    }
    let again = program::run(folder.path(), &["demo", "--data", "data"]).await;
    assert!(again.code == 2 && again.err.contains("data-files is not empty"), "{again:?}");
    assert!(!folder.path().join("data").exists(), "it was refused before anything was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_draws_again_what_was_erased_what_ended_and_what_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let ended = program::run(folder.path(), &["demo", "--data", "data", "--speed", "0"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let (_, later) = ended.out.split_once("Time goes by").unwrap();
    for needle in [
        "quality: over since ",
        "mifid2-transaction: kept until ",
        "quality: erased (art-17-1), its period was until ",
        "until its erasure, with which this ends by itself, or two people release it",
        "more lines in data-files/erasure.letter.md)",
        "(art-17-1-d), erasure ",
        "art-5-1-e: nobody can open it",
        "on a copy of data and keys, in data-files/five-years-on",
        "went by itself, with no new request: erasure ",
        "verbal-contract: over since ",
        "held by case-2026-117 (litigation, hold ",
        "until two people release it",
        "××××",
        "and letters in data-files were taken out",
    ] {
        assert!(later.contains(needle), "{needle:?} is not in {later}");
    }
    for letter in ["copy", "copy-of-the-agent", "erasure"] {
        let file = folder.path().join(format!("data-files/{letter}.letter.md"));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# ") && text.lines().count() > 14, "{text}");
    }
}

/// A stereo A-law file, as long as the mark; its frames are the sample's, those that the mark cuts are silence.
fn is_the_order(file: &Path, sample: &Sample) {
    let wav = std::fs::read(file).unwrap();
    let at = wav.windows(4).position(|window| window == b"data").unwrap() + 8;
    let left: Vec<u8> = wav[at..].iter().step_by(2).copied().collect();
    let mark = |kind| sample.event(kind, Some("order")).unwrap().0;
    let (start, end) = (mark("mark.begin"), mark("mark.end"));
    assert_eq!(left.len() as u64, (end - start) / 125, "the clip is as long as the mark");
    let first = start.div_ceil(20_000);
    let whole = first..end / 20_000;
    let silent = ((first * 20_000 - start) / 125) as usize;
    assert!(left[..silent].iter().all(|byte| *byte == 0xd5), "the frame that the mark cuts is not played");
    let payload: Vec<u8> = whole.flat_map(|frame| sample.payload(0, frame).to_vec()).collect();
    assert!(left[silent..].starts_with(&payload), "the clip is what was said");
}
