//! Others who are heard in a call: a copy is silent there, and says so (GDPR Art. 15(4)).

use kernel::{Interval, Position, RecordingId};
use proto::dsar::v1 as wire;
use proto::dsar::v1::requests_client::RequestsClient;
use serde_json::Value;
use tonic::Status;
use verbale::commands::request::steps;
use verbale::connect::Caller;

use super::copies::Copy;
use crate::harness::asking::{Desk, request_id};
use crate::harness::keeping::customer;
use crate::harness::{Expected, PATIENCE, Sample, World, in_one_process, purpose, reason};

in_one_process!(where_a_bystander_is_heard_the_copy_is_silent_and_all_else_is_as_it_was_said);

const QUALITY: &str = "quality";
/// The customer's leg.
const CUSTOMER: u32 = 1;
/// A-law's silence.
const SILENCE: u8 = 0xd5;
/// Of a frame of the sample calls.
const SAMPLES: usize = 160;

async fn decide(caller: &Caller, asked: wire::DecideRequest) -> Result<wire::Request, Status> {
    let request = caller.request(asked).unwrap();
    let decided = RequestsClient::new(caller.wire()).decide(request).await?;
    Ok(decided.into_inner().request.unwrap())
}

/// Scenario 31.
async fn where_a_bystander_is_heard_the_copy_is_silent_and_all_else_is_as_it_was_said(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["access"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let own = planned.items.iter().find(|item| item.leg == Some(CUSTOMER) && item.purpose == QUALITY);
    let bystander = Interval::new(Position(8_000_000), Position(9_000_000)).unwrap();
    let heard = wire::DecideRequest {
        request_id: request.request_id.clone(),
        plan: planned.plan.clone(),
        items: vec![own.unwrap().key.clone()],
        others_heard: vec![proto::common::v1::Interval { start: 8_000_000, end: 9_000_000 }],
        ..Default::default()
    };
    let elsewhere = wire::DecideRequest { items: Vec::new(), ..heard.clone() };
    let refused = decide(&desk.anna, elsewhere).await.unwrap_err();
    assert_eq!(reason(&refused), "others-heard-elsewhere", "{refused}");
    decide(&desk.anna, heard).await.unwrap();

    let rest = wire::DecideRequest {
        request_id: request.request_id.clone(),
        plan: planned.plan.clone(),
        complete: true,
        ..Default::default()
    };
    let decided = decide(&desk.anna, rest).await.unwrap();
    assert_eq!(decided.waits_for, "second-person", "what is redacted takes another person's yes");
    let plan = planned.plan.clone();
    let yes = wire::ApproveRequest { request_id: request.request_id.clone(), plan, reject: false };
    RequestsClient::new(desk.bruno.wire()).approve(desk.bruno.request(yes).unwrap()).await.unwrap();
    let done = steps::worked_on(&desk.anna, request_id(&request), PATIENCE).await.unwrap();
    assert_eq!(done.waits_for, "hand-out");
    let file = world.folder().join("silent.zip");
    desk.copy(&done, &file).await;
    if let Some(copy) = Copy::open(&world, &desk.anna, &file).await {
        let told = leg(&copy, id, CUSTOMER)["silenced"].clone();
        let expected = serde_json::json!([
            { "start_micros": 8_000_000, "end_micros": 9_000_000, "what": "others-heard" }
        ]);
        assert_eq!(told, expected);
        assert!(copy.page().contains("other people are heard here"), "{}", copy.page());
        assert_eq!(leg(&copy, id, 1 - CUSTOMER)["silenced"], serde_json::json!([]));
        must_sound(&world, &copy, id, &sample, CUSTOMER, Some(bystander));
        must_sound(&world, &copy, id, &sample, 1 - CUSTOMER, None);
    }
    mesh.stop().await.unwrap();
}

/// What the copy says of a leg.
fn leg(copy: &Copy, id: RecordingId, leg: u32) -> &Value {
    let call = copy.list("recordings").iter().find(|call| call["id"] == id.to_string()).unwrap();
    call["legs"].as_array().unwrap().iter().find(|own| own["leg"] == leg).unwrap()
}

/// Everything that the purpose opens sounds in the copy as it was sent, and within the stretch nothing does.
fn must_sound(
    world: &World,
    copy: &Copy,
    id: RecordingId,
    sample: &Sample,
    number: u32,
    silent: Option<Interval>,
) {
    let name = leg(copy, id, number)["audio"][0]["file"].as_str().unwrap();
    let wav = std::fs::read(world.folder().join("opened").join(name)).unwrap();
    let from = wav.windows(4).position(|window| window == b"data").unwrap() + 8;
    let (samples, expected) = (&wav[from..], Expected::of(sample));
    let (mut silenced, mut sounding) = (0, 0);
    for frame in 0..sample.frames() {
        let sent = sample.payload(number as usize, frame);
        let first = frame as usize * SAMPLES;
        let found = samples.get(first..first + sent.len()).unwrap_or_default();
        if silent.is_some_and(|stretch| stretch.covers(sample.place(frame))) {
            assert_eq!(found, vec![SILENCE; sent.len()], "leg {number} frame {frame}");
            silenced += usize::from(expected.may_open(&purpose(QUALITY), frame));
        } else if expected.may_open(&purpose(QUALITY), frame) {
            assert_eq!(found, sent, "leg {number} frame {frame}");
            sounding += 1;
        }
    }
    assert!(sounding > 0 && (silent.is_none() || silenced > 0), "{sounding} and {silenced} frames");
}
