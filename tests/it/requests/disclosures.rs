//! Scenario 54: who outside got something of a recording is told of its erasure, on its own, and until each has answered.

use kernel::RecordingId;
use proto::retention::v1::HoldKind;
use serde_json::{Value, json};

use crate::harness::asking::Desk;
use crate::harness::keeping::{DAY, customer, hold, over};
use crate::harness::{Sample, World, eventually, in_one_process, on_every_shape};

on_every_shape!(of_three_recipients_two_know_of_the_erasure_and_the_third_is_told_again);
in_one_process!(a_restriction_is_told_and_a_hold_for_a_claim_is_not);

const RECIPIENTS: [&str; 3] = ["stt-vendor", "consob", "partner"];

/// The command line, about one tenant.
struct Register<'w> {
    world: &'w World,
    server: String,
    tenant: String,
}

impl<'w> Register<'w> {
    fn of(world: &'w World, server: &str, sample: &Sample) -> Self {
        Self { world, server: server.to_owned(), tenant: sample.tenant.to_string() }
    }

    async fn run(&self, args: &[&str]) -> Value {
        let all = [&["disclosure"][..], args, &["--json"]].concat();
        let ended = self.world.run(&self.server, &self.tenant, &all).await;
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.json()
    }

    async fn record(&self, id: RecordingId, recipient: &str) -> String {
        let id = id.to_string();
        let args = ["record", "--recording", &id, "--recipient", recipient, "--filed", "contract-7"];
        let recorded = self.run(&args).await;
        assert_eq!((&recorded["recipient"], &recorded["notices"]), (&json!(recipient), &json!([])));
        recorded["disclosure"].as_str().unwrap().to_owned()
    }

    async fn unanswered(&self) -> Vec<Value> {
        self.run(&["list", "--unanswered"]).await.as_array().unwrap().clone()
    }

    /// Those of a recording, with how far their one notice is.
    async fn standing(&self, id: RecordingId) -> Vec<(String, String)> {
        let listed = self.run(&["list", "--recording", &id.to_string()]).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let all = listed.as_array().unwrap().iter();
        all.map(|one| (text(&one["recipient"]), text(&one["notices"][0]["state"]))).collect()
    }

    async fn answer(&self, disclosure: &Value, state: &[&str]) -> Value {
        let id = disclosure["disclosure"].as_str().unwrap();
        let act = disclosure["notices"][0]["act"].as_str().unwrap();
        self.run(&[&["answer", id, "--act", act, "--state"][..], state].concat()).await
    }
}

async fn of_three_recipients_two_know_of_the_erasure_and_the_third_is_told_again(world: World) {
    let sample = Sample::new("access-request-en");
    let other = Sample::new("access-request-en").between("agent-299", "+442079460777", "of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (id, stays) = (world.kept(&server, &sample).await, world.kept(&server, &other).await);
    let register = Register::of(&world, &server, &sample);
    for recipient in RECIPIENTS {
        register.record(id, recipient).await;
    }
    register.record(stays, "consob").await;
    assert_eq!(register.unanswered().await, Vec::<Value>::new(), "nothing was done yet");

    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["erase"]).await.unwrap();
    desk.carry_out(&desk.plan(&request).await).await;
    let due = eventually("each recipient is to be told", async || {
        let due = register.unanswered().await;
        (due.len() == RECIPIENTS.len()).then_some(due)
    })
    .await;
    for one in &due {
        let notice = &one["notices"][0];
        assert_eq!((&notice["cause"], &notice["state"]), (&json!("erased"), &json!("due")), "{one}");
        assert_eq!((&one["recording"], &notice["told"]), (&json!(id.to_string()), &json!(1)), "{one}");
    }

    for one in &due[..2] {
        register.answer(one, &["acknowledged"]).await;
    }
    let third = register.answer(&due[2], &["failed", "--filed", "smtp-550"]).await;
    assert_eq!(third["notices"][0]["filed"], json!("smtp-550"));
    let standing = register.standing(id).await;
    let of = |state: &str| standing.iter().filter(|(_, own)| own == state).count();
    assert_eq!((of("acknowledged"), of("failed")), (2, 1), "all three are listed: {standing:?}");

    world.pass(8 * DAY).await;
    let open = eventually("it is published again", async || {
        let open = register.unanswered().await;
        (open[0]["notices"][0]["told"] == json!(2)).then_some(open)
    })
    .await;
    assert_eq!((open.len(), &open[0]["disclosure"]), (1, &third["disclosure"]));
    register.answer(&open[0], &["acknowledged"]).await;
    assert_eq!(register.unanswered().await, Vec::<Value>::new());
    let apart = register.run(&["list", "--recording", &stays.to_string()]).await;
    assert_eq!(apart[0]["notices"], json!([]), "another call is another matter");
    mesh.stop().await.unwrap();
}

async fn a_restriction_is_told_and_a_hold_for_a_claim_is_not(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let register = Register::of(&world, &server, &sample);
    register.record(id, "stt-vendor").await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    hold(&world, &desk.anna, HoldKind::Litigation, over(&[id])).await;
    let restriction = hold(&world, &desk.anna, HoldKind::Restriction, over(&[id])).await;
    let due = eventually("the recipient is to be told", async || {
        let due = register.unanswered().await;
        (!due.is_empty()).then_some(due)
    })
    .await;
    let notices = due[0]["notices"].as_array().unwrap();
    let [notice] = notices.as_slice() else { panic!("{notices:?}") };
    assert_eq!((&notice["cause"], &notice["act"]), (&json!("restricted"), &json!(restriction.to_string())));
    mesh.stop().await.unwrap();
}
