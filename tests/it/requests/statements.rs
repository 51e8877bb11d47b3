//! What a person states about a call whose sound contradicts them: the sound stays, and the statement is told with it.

use kernel::{RecordingId, TenantId};
use proto::archive::v1::{Recording, RecordingState};
use proto::dsar::v1::PlanResponse;
use seal::manifest::AddendumChange;
use seal::{Addendum, SignedDocument};
use serde_json::json;
use verbale::commands::recordings;
use verbale::commands::request::steps;
use verbale::connect::Caller;

use super::copies::Copy;
use crate::harness::asking::{Desk, outcomes, request_id};
use crate::harness::keeping::{customer, must_be_gone, roots};
use crate::harness::{
    Ended, Expected, PATIENCE, Sample, World, hear, in_one_process, on_every_shape, purpose,
};

on_every_shape!(a_statement_is_told_at_every_play_and_the_sound_is_as_it_was_recorded);
in_one_process!(a_statement_is_attached_before_its_call_is_erased);

const DUTY: &str = "mifid2-transaction";
const QUALITY: &str = "quality";
/// Under which reference the statement is filed.
const FILED: &str = "statement-7";

async fn a_statement_is_told_at_every_play_and_the_sound_is_as_it_was_recorded(world: World) {
    let sample = Sample::new("mifid-order-it");
    let (expected, duty) = (Expected::of(&sample), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let before = recordings::get(&desk.anna, id).await.unwrap();
    let manifest = world.shelf().await.object(&before.document_name).await;

    let request = desk.ask(person, &["rectify"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let found = outcomes(&planned);
    let names: Vec<_> = found.iter().map(|(outcome, _)| outcome.as_str()).collect();
    assert_eq!(names, ["annotate", "correct"], "the sound stays, the facts are put right: {found:?}");
    let done = desk.carry_out(&planned).await;
    assert_eq!((done.state.as_str(), done.waits_for.as_str()), ("executing", "by-hand"));
    assert!(recordings::get(&desk.anna, id).await.unwrap().statements.is_empty());
    done_by_hand(&world, &server, &sample.tenant, &planned).await;

    let after = recordings::get(&desk.anna, id).await.unwrap();
    let told: Vec<_> = after.statements.iter().map(|own| (own.filed.as_str(), &own.request_id)).collect();
    assert_eq!(told, [(FILED, &request.request_id)]);
    let heard = hear(&desk.anna, id, &duty).await.unwrap();
    heard.must_be(&expected, &sample, &duty, sample.whole());
    is_as_it_was(&desk.anna, &world, &before, &after).await;
    let shelf = world.shelf().await;
    assert_eq!(shelf.object(&before.document_name).await, manifest, "what was signed of it stands");
    let document = SignedDocument::decode(&shelf.object(&after.document_name).await).unwrap();
    let addendum = Addendum::verify(&document, &roots(&desk.anna).await, &sample.tenant).unwrap();
    let AddendumChange::Stated { filed, request: by } = &addendum.change else {
        panic!("the last document says something else: {addendum:?}")
    };
    assert_eq!((filed.as_str(), *by), (FILED, request_id(&request)));
    is_told_on_the_command_line(&world, &server, &sample.tenant, id).await;

    let answered = steps::worked_on(&desk.anna, request_id(&request), PATIENCE).await.unwrap();
    let (letter, closed) = desk.answer(&answered).await;
    assert!(closed.state == "closed" && letter.contains("allegato la Sua dichiarazione"), "{letter}");

    let further = desk.ask(person, &["access"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&further).await).await;
    let file = world.folder().join("further.zip");
    desk.copy(&done, &file).await;
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        let calls = copy.list("recordings");
        let stated = &calls[0]["statements"][0];
        assert_eq!((calls.len(), &stated["filed"]), (1, &json!(FILED)), "{calls:?}");
        assert_eq!(stated["request"], json!(request_id(&request).to_string()));
    }
    mesh.stop().await.unwrap();
}

/// Says on the command line that what only people can do was done, and under which reference that is filed.
async fn done_by_hand(world: &World, server: &str, tenant: &TenantId, planned: &PlanResponse) {
    let id = request_id(planned.request.as_ref().unwrap()).to_string();
    let by_hand = planned.items.iter().filter(|item| item.right == "rectify");
    let items = by_hand.flat_map(|item| ["--item", item.key.as_str()]);
    let done = ["request", "done", &id, "--plan", &planned.plan, "--filed", FILED].into_iter().chain(items);
    ran(world, server, tenant, &done.collect::<Vec<_>>()).await;
}

/// A command that ends well.
async fn ran(world: &World, server: &str, tenant: &TenantId, args: &[&str]) -> Ended {
    let ended = world.run(server, tenant.as_str(), args).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    ended
}

/// The objects are those that were there, and whatever is signed verifies.
async fn is_as_it_was(caller: &Caller, world: &World, before: &Recording, after: &Recording) {
    assert_eq!((after.state(), after.complete), (RecordingState::Addended, before.complete));
    assert_eq!((&after.objects, &after.legs), (&before.objects, &before.legs));
    let shelf = world.shelf().await;
    for object in &after.objects {
        let bytes = shelf.object(&object.name).await;
        assert_eq!(seal::Hash::of(&bytes).0.as_slice(), object.sha256, "{}", object.name);
    }
    let id = RecordingId::from_slice(&after.recording_id).unwrap();
    let checked = recordings::check(caller, id).await.unwrap();
    assert!(checked.ok && checked.objects > 0, "{:?}", checked.findings);
}

async fn is_told_on_the_command_line(world: &World, server: &str, tenant: &TenantId, id: RecordingId) {
    let id = id.to_string();
    let told = format!("statement {FILED} (request ");
    let shown = ran(world, server, tenant, &["recordings", "show", &id]).await;
    assert!(shown.out.contains(&told), "{shown:?}");
    let shown = ran(world, server, tenant, &["recordings", "show", &id, "--json"]).await.json();
    assert_eq!(shown["statements"][0]["filed"], json!(FILED), "{shown}");
    let replay = ["replay", &id, "--purpose", DUTY, "--reason", "a check", "-o", "stated.wav"];
    let played = ran(world, server, tenant, &replay).await;
    assert!(played.err.contains(&told) && played.err.contains("tell it with the recording"), "{played:?}");
    let played = ran(world, server, tenant, &[&replay[..], &["--json"]].concat()).await;
    assert!(!played.err.contains(&told), "in JSON it is where a script reads it: {played:?}");
    assert_eq!(played.json()["statements"][0]["filed"], json!(FILED), "{played:?}");
}

async fn a_statement_is_attached_before_its_call_is_erased(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["rectify", "erase"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let done = desk.carry_out(&planned).await;
    assert_eq!(done.waits_for, "by-hand", "nothing could be attached to what is gone");
    hear(&desk.anna, id, &purpose(QUALITY)).await.unwrap();
    done_by_hand(&world, &server, &sample.tenant, &planned).await;

    let answered = steps::worked_on(&desk.anna, request_id(&request), PATIENCE).await.unwrap();
    assert_eq!(answered.waits_for, "delivery");
    must_be_gone(&hear(&desk.anna, id, &purpose(QUALITY)).await.unwrap_err(), &["art-17-1"]);
    let left = recordings::get(&desk.anna, id).await.unwrap();
    assert_eq!((left.state(), left.statements.len()), (RecordingState::Erased, 0), "{left:?}");
    let checked = recordings::check(&desk.anna, id).await.unwrap();
    assert!(checked.ok, "{:?}", checked.findings);
    let (letter, closed) = desk.answer(&answered).await;
    assert!(closed.state == "closed" && letter.contains("attached your statement to it"), "{letter}");
    mesh.stop().await.unwrap();
}
