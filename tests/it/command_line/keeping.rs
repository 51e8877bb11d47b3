//! Holds, sweeps, erasures and keys on the command line: tables for people, JSON for scripts.

use kernel::{ErasureId, HoldId, RecordingId, TenantId};
use serde_json::json;

use super::Prompt;
use crate::harness::keeping::{BY_PERIOD, CASE, DAY, ON_REQUEST, settled};
use crate::harness::{Sample, World, program};

const QUALITY: &str = "quality";

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_placed_listed_and_released_from_the_command_line() {
    let (world, sample) = (World::new(), Sample::new("access-request-en"));
    let mesh = world.up().await;
    let own = world.kept(&mesh.server(), &sample).await.to_string();
    let prompt = Prompt { world: &world, server: mesh.server(), tenant: sample.tenant.clone() };
    assert_eq!(prompt.told(&["hold", "list"]).await.trim(), "no holds");
    let (id, review) = (HoldId::new().to_string(), world.now().plus(180 * DAY).to_string());
    let place = ["hold", "place", "--kind", "litigation", "--recording", &own, "--reason", CASE];
    let place = [&place[..], &["--review", &review, "--id", &id]].concat();
    let placed = prompt.json(&place).await;
    let hold = &placed["hold"];
    assert_eq!(
        (&hold["hold"], &hold["kind"], &hold["state"]),
        (&json!(id), &json!("litigation"), &json!("placed"))
    );
    assert_eq!((&hold["recordings"], &hold["reason"]), (&json!([own]), &json!(CASE)), "{placed}");
    assert_eq!(hold["review_at"], json!(review), "{placed}");
    assert_eq!((&placed["erased_before"], &placed["stopped"]), (&json!([]), &json!([])));
    // The same again is the same hold.
    let told = prompt.told(&place).await;
    assert!(told.contains(&format!("hold {id} (litigation, {CASE}) over 1 recordings")), "{told}");

    let listed = prompt.json(&["hold", "list"]).await;
    assert_eq!(listed, json!([hold]));
    let told = prompt.told(&["hold", "list"]).await;
    assert!(told.contains("litigation") && told.contains(CASE) && told.contains("placed"), "{told}");
    let explained = prompt.json(&["retention", "explain", &own]).await;
    assert_eq!(explained["holds"], listed);
    assert!(prompt.told(&["retention", "explain", &own]).await.contains("held: hold "));

    assert_eq!(prompt.refused(&["hold", "release", &id]).await, (3, "placed-by-same".to_owned()));
    let asked = prompt.json_as("bruno", &["hold", "release", &id]).await;
    assert_eq!(asked["state"], "release-asked", "{asked}");
    let released = prompt.json_as("carla", &["hold", "release", &id]).await;
    assert_eq!(
        (&released["state"], &released["released_by"]),
        (&json!("released"), &json!(["bruno", "carla"]))
    );
    assert_eq!(prompt.json(&["hold", "list"]).await, json!([]));
    assert_eq!(prompt.json(&["hold", "list", "--released"]).await, json!([released]));
    // The same again is no hold any more.
    assert_eq!(prompt.refused(&place).await, (3, "hold-released".to_owned()));
    let again = prompt.run(&place).await;
    assert!(again.out.is_empty() && again.err.contains("released by bruno and carla on"), "{again:?}");

    let nobody = HoldId::new().to_string();
    assert_eq!(prompt.run(&["hold", "release", &nobody]).await.code, 4);
    let what =
        prompt.run(&["hold", "place", "--kind", "regulator", "--reason", CASE, "--review", &review]).await;
    assert!(what.code == 2 && what.err.contains("say what is held"), "{what:?}");
    let when = ["--review", "tomorrow"];
    let when = prompt.run(&[&place[..8], &when].concat()).await;
    assert!(when.code == 2 && when.err.contains("RFC 3339"), "{when:?}");
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_of_whom_no_policy_is_in_force_is_told_so() {
    let world = World::new();
    let mesh = world.up().await;
    let tenant: TenantId = "banca-alpha".parse().unwrap();
    let prompt = Prompt { world: &world, server: mesh.server(), tenant: tenant.clone() };
    let (own, review) = (RecordingId::new().to_string(), world.now().plus(180 * DAY).to_string());
    let hold = ["hold", "place", "--kind", "litigation", "--recording", &own, "--reason", CASE];
    let hold = [&hold[..], &["--review", &review]].concat();
    let commands: [&[&str]; 4] =
        [&["retention", "due"], &["retention", "sweep", "--plan"], &["retention", "sweep"], &hold];
    for command in commands {
        assert_eq!(prompt.refused(command).await, (4, "no-policy".to_owned()), "{command:?}");
        let told = prompt.run(command).await.err;
        assert!(told.contains("no policy of tenant banca-alpha is in force"), "{told}");
    }
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_listed_planned_explained_and_swept_from_the_command_line() {
    let world = World::new().unswept();
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let own = world.kept(&mesh.server(), &sample).await.to_string();
    let prompt = Prompt { world: &world, server: mesh.server(), tenant: sample.tenant.clone() };
    let (soon, later) = (world.now().plus(30 * DAY).to_string(), world.now().plus(120 * DAY).to_string());
    assert_eq!(prompt.told(&["retention", "due", "--by", &soon]).await.trim(), "nothing is due");
    let due = prompt.json(&["retention", "due", "--by", &later]).await;
    let [row] = due.as_array().unwrap().as_slice() else { panic!("one call is due: {due}") };
    assert_eq!(
        (&row["recording"], &row["purposes"], &row["held_by"]),
        (&json!(own), &json!([QUALITY]), &json!([]))
    );
    let told = prompt.told(&["retention", "due", "--by", &later]).await;
    assert!(told.contains("recording") && told.contains("held by") && told.contains(QUALITY), "{told}");

    let explained = prompt.json(&["retention", "explain", &own]).await;
    let terms = explained["terms"].as_array().unwrap();
    let audio = terms.iter().find(|term| term["kind"] == "audio").unwrap();
    assert_eq!((&audio["purpose"], &audio["state"]), (&json!(QUALITY), &json!("runs")), "{explained}");
    assert_eq!((&audio["ends"], &explained["latest"]), (&row["at"], &row["at"]), "{explained}");
    assert_eq!(
        (&audio["considered"][0]["set_by"], &audio["considered"][0]["verdict"]),
        (&json!("policy"), &json!("wins"))
    );
    let told = prompt.told(&["retention", "explain", &own]).await;
    assert!(told.contains("because of") && told.contains("90 days from"), "{told}");

    assert!(prompt.told(&["retention", "sweep", "--plan"]).await.contains("nothing is due (0 held, 1 kept)"));
    world.pass(95 * DAY).await;
    let plan = prompt.json(&["retention", "sweep", "--plan"]).await;
    assert_eq!(
        (&plan["recordings"], &plan["purposes"], &plan["over_bound"]),
        (&json!(1), &json!(1), &json!(false))
    );
    assert_eq!(plan["first"][0]["recording"], json!(own), "{plan}");
    let told = prompt.told(&["retention", "sweep", "--plan"]).await;
    let name = plan["plan"].as_str().unwrap();
    assert!(told.contains(&format!("plan {name}: 1 purposes of 1 recordings")), "{told}");
    let swept = prompt.json(&["retention", "sweep"]).await;
    assert_eq!(
        (&swept["waits_for_second"], &swept["plan"]["plan"]),
        (&json!(false), &json!(name)),
        "{swept}"
    );
    let erasure: ErasureId = swept["erasure"].as_str().unwrap().parse().unwrap();
    settled(&world.person(&mesh.server(), &sample.tenant), erasure).await;
    let shown = prompt.json(&["erasure", "show", &erasure.to_string()]).await;
    let told = &shown["erasure"];
    assert_eq!(
        (&told["cause"], &told["reason"], &told["ordered_by"]),
        (&json!("period-over"), &json!(BY_PERIOD), &json!("local"))
    );
    assert!(prompt.told(&["retention", "sweep"]).await.contains("nothing is due"));
    let explained = prompt.json(&["retention", "explain", &own]).await;
    assert_eq!(explained["erasures"], json!([erasure.to_string()]), "{explained}");

    let nobody = RecordingId::new().to_string();
    assert_eq!(prompt.run(&["retention", "explain", &nobody]).await.code, 4);
    let stale = ["retention", "sweep", "--agree", "00000000000000000000000000000000"];
    assert_eq!(prompt.refused(&stale).await, (3, "stale-plan".to_owned()));
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_ordered_listed_and_shown_from_the_command_line() {
    let (world, sample) = (World::new(), Sample::new("access-request-en"));
    let mesh = world.up().await;
    let server = mesh.server();
    let (own, part) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &sample));
    let prompt = Prompt { world: &world, server: server.clone(), tenant: sample.tenant.clone() };
    let caller = world.person(&server, &sample.tenant);
    assert_eq!(prompt.told(&["erasure", "list"]).await.trim(), "no erasures");

    // Two seconds of one call, then all of the other.
    let (id, recording) = (ErasureId::new(), part.to_string());
    let (id_text, stretch) = (id.to_string(), ["--from", "0:10", "--to", "12.0", "--leg", "0", "--leg", "1"]);
    let order = ["erasure", "order", "--recording", &recording, "--reason", "pci-3-3-1", "--id", &id_text];
    let ordered = prompt.json(&[&order[..], &stretch].concat()).await;
    assert_eq!((&ordered["erasure"], &ordered["cause"]), (&json!(id_text), &json!("order")), "{ordered}");
    settled(&caller, id).await;
    let told = prompt.told(&["erasure", "show", &id_text]).await;
    assert!(told.contains(&format!("of: recording {recording}, 0:10.000-0:12.000, legs 0 and 1")), "{told}");
    let of = prompt.json(&["erasure", "show", &id_text]).await["erasure"]["of"].clone();
    assert_eq!((&of["recording"], &of["end_s"]), (&json!(recording), &json!(12.0)), "{of}");
    let shown = prompt.json(&["recordings", "show", &recording]).await;
    let erased = shown["erased"].as_array().unwrap();
    assert!(
        erased.iter().all(|row| row["erasure"] == json!(id_text) && row["reason"] == "pci-3-3-1"),
        "{shown}"
    );
    assert_eq!(erased.len(), 2, "{shown}");
    assert!(prompt.told(&["recordings", "show", &recording]).await.contains("(pci-3-3-1), erasure "));

    let recording = own.to_string();
    let order = ["erasure", "order", "--recording", &recording, "--purpose", QUALITY, "--reason", ON_REQUEST];
    let told = prompt.told(&order).await;
    let first = told.split_whitespace().nth(1).unwrap();
    let id: ErasureId = first.parse().unwrap_or_else(|_| panic!("no id is told: {told}"));
    assert!(told.contains(&format!("`verbale erasure show {id}`")), "{told}");
    settled(&caller, id).await;
    let id = id.to_string();
    let shown = prompt.json(&["erasure", "show", &id]).await;
    assert_eq!((&shown["erasure"]["state"], &shown["erasure"]["recordings"]), (&json!("done"), &json!(1)));
    let row = &shown["recordings"][0];
    assert_eq!((&row["recording"], &row["step"]), (&json!(recording), &json!("done")), "{shown}");
    assert_eq!((&row["erased"], &row["kept"], &row["failure"]), (&json!([QUALITY]), &json!([]), &json!("")));
    let stores = row["stores"].as_array().unwrap().iter().map(|store| store["store"].as_str().unwrap());
    let stores: Vec<_> = stores.collect();
    assert_eq!(stores, ["entries", "key-epoch", "spool", "objects", "event-log", "addendum", "backups"]);
    let told = prompt.told(&["erasure", "show", &id]).await;
    assert!(
        told.contains(&format!("recording {recording}: done")) && told.contains("gone: quality"),
        "{told}"
    );
    assert!(told.contains(&format!("of: recording {recording}, only for quality")), "{told}");
    assert!(told.contains("key-epoch") && told.contains("when"), "{told}");

    let listed = prompt.json(&["erasure", "list"]).await;
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["erasure"].as_str().unwrap()).collect();
    assert_eq!(ids, [id.as_str(), id_text.as_str()], "newest first: {listed}");
    let listed = prompt.json(&["erasure", "list", "--limit", "1"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let told = prompt.told(&["erasure", "list"]).await;
    assert!(told.contains(ON_REQUEST) && told.contains("pci-3-3-1") && told.contains("local"), "{told}");
    let told = prompt.told(&["erasure", "receipt", &id]).await;
    let counts = "1 erased, 0 deferred, 0 refused";
    assert!(told.contains(&format!("receipt of erasure {id}: {counts}")), "{told}");
    prompt.told(&["erasure", "receipt", &id, "-o", "receipt.bin"]).await;
    prompt.told(&["trust", "export", "-o", "trust.json"]).await;

    // From the two files alone.
    let offline = async |args: &[&str]| {
        let verify = ["erasure", "verify", "receipt.bin", "--trust", "trust.json"];
        let verify = [&verify[..], args].concat();
        program::run(world.folder(), &verify).await
    };
    let verified = offline(&[]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
    let says = [id.as_str(), recording.as_str(), counts, "gone: quality", "no key was left"];
    assert!(says.iter().all(|needle| verified.out.contains(needle)), "{verified:?}");
    let verified = offline(&["--json"]).await.json();
    let row = &verified["recordings"][0];
    assert_eq!((&verified["ok"], &verified["outcomes"]["erased"]), (&json!(true), &json!(1)), "{verified}");
    assert_eq!((&row["recording"], &row["outcome"]), (&json!(recording), &json!("erased")), "{verified}");
    assert!(row["entries_at"].is_string(), "{verified}");
    assert_eq!(offline(&["--tenant", "banca-alfa"]).await.code, 1, "it is not that tenant's");
    let file = world.folder().join("receipt.bin");
    let mut forged = std::fs::read(&file).unwrap();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    std::fs::write(&file, forged).unwrap();
    let found = offline(&["--json"]).await;
    assert_eq!((found.code, &found.json()["ok"]), (1, &json!(false)), "{found:?}");

    // A hold that comes too late says so.
    let review = world.now().plus(180 * DAY).to_string();
    let hold = ["hold", "place", "--kind", "litigation", "--recording", &recording, "--reason", CASE];
    let told = prompt.told(&[&hold[..], &["--review", &review]].concat()).await;
    let late = format!("erased before: {recording}, this hold keeps nothing of them");
    assert!(told.contains(&late), "{told}");

    let nobody = ErasureId::new().to_string();
    for command in ["show", "receipt"] {
        assert_eq!(prompt.run(&["erasure", command, &nobody]).await.code, 4, "{command}");
    }
    let table: [(&[&str], &str); 3] = [
        (&["erasure", "order", "--reason", ON_REQUEST], "say of what"),
        (
            &["erasure", "order", "--recording", &recording, "--reason", "x", "--from", "3", "--to", "2"],
            "--from must be",
        ),
        (
            &["erasure", "order", "--phone", sample.phone(), "--reason", "x", "--from", "2", "--to", "3"],
            "must be one of a recording",
        ),
    ];
    for (args, needle) in table {
        let ended = prompt.run(args).await;
        assert!(ended.code == 2 && ended.err.contains(needle), "{args:?}: {ended:?}");
    }
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_an_authority_and_the_keys_are_seen_from_the_command_line() {
    let (world, sample) = (World::new().unswept(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let own = world.kept(&mesh.server(), &sample).await.to_string();
    let prompt = Prompt { world: &world, server: mesh.server(), tenant: sample.tenant.clone() };
    let at = |days: u32| sample.started_at().plus(days * DAY).to_string();
    let (from, to, until) = (at(0), at(1), at(7 * 365));
    let extend = ["retention", "extend", "--reference", "consob-2026-77", "--regime", "mifid2-16-7"];
    let extend = [&extend[..], &["--from", &from, "--to", &to, "--until", &until]].concat();
    let extended = prompt.json(&extend).await;
    assert_eq!(extended, json!({ "reference": "consob-2026-77", "lengthened": 1 }));
    assert!(prompt.told(&extend).await.contains("consob-2026-77: 0 recordings are kept longer"));
    let explained = prompt.json(&["retention", "explain", &own]).await;
    assert_eq!(explained["latest"], json!(until), "{explained}");
    let told = prompt.told(&["retention", "explain", &own]).await;
    assert!(
        told.contains("every rule") && told.contains("consob-2026-77") && told.contains("authority"),
        "{told}"
    );

    let status = prompt.json(&["keys", "status"]).await;
    let epochs = status["epochs"].as_array().unwrap();
    assert!(epochs.len() == 1 && epochs[0]["state"] == "active" && epochs[0]["epoch"] == 1, "{status}");
    assert!(epochs[0]["entries"].as_u64().unwrap() > 0 && status["warnings"].is_array(), "{status}");
    let told = prompt.told(&["keys", "status"]).await;
    assert!(told.contains("waits for") && told.contains("active"), "{told}");
    let canary = prompt.json(&["keys", "canary"]).await;
    assert_eq!(canary["ok"], json!(true), "{canary}");
    for one in canary["canaries"].as_array().unwrap() {
        assert!(one["ok"] == json!(true) && one["neighbour_opens"] == json!(true), "{canary}");
    }
    prompt.told(&["keys", "canary"]).await;
    mesh.stop().await.unwrap();
}
