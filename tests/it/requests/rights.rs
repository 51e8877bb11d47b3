//! What is erased at once, what a duty or a hold keeps until its day, and what nobody gets.

use kernel::{ErasureId, Position, RecordingId, SubjectId, Timestamp};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{LinkOp, LinkSubjectsRequest};
use proto::dsar::v1::requests_client::RequestsClient;
use proto::retention::v1::{ErasureCause, ErasureState, HoldKind};
use verbale::commands::request::steps;
use verbale::commands::{erasure, retention};
use verbale::connect::Caller;

use crate::harness::asking::{Desk, asked, outcomes, request_id};
use crate::harness::keeping::{DAY, customer, explained, hold, must_be_gone, over, release, swept_away};
use crate::harness::{
    Expected, Sample, World, eventually, hear, in_one_process, on_every_shape, purpose, reason,
};

on_every_shape!(an_erasure_takes_what_may_go_now_and_what_a_duty_keeps_on_its_day_without_a_new_request);
in_one_process!(
    a_hold_on_one_of_three_calls_defers_that_one_and_the_others_go,
    a_withdrawal_by_letter_stops_the_purpose_and_its_copies_go_unasked,
    what_an_open_request_is_about_outlives_its_period_until_it_is_answered,
    nobody_s_request_is_another_tenant_s,
    two_numbers_of_one_person_are_answered_as_one_and_apart_after_an_unmerge,
    what_a_hold_deferred_is_not_erased_once_it_is_another_person_s,
    an_id_that_nobody_has_is_refused,
);

const DUTY: &str = "mifid2-transaction";
const QUALITY: &str = "quality";

async fn an_erasure_takes_what_may_go_now_and_what_a_duty_keeps_on_its_day_without_a_new_request(
    world: World,
) {
    let sample = Sample::new("mifid-order-it");
    let other = Sample::new("mifid-order-it").between("agent-018", "+390687654321", "order-of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (id, stays) = (world.kept(&server, &sample).await, world.kept(&server, &other).await);
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    hear(&desk.anna, id, &purpose(DUTY)).await.unwrap();

    let request = desk.ask(person, &["erase"]).await.unwrap();
    let planned = desk.plan(&request).await;
    let found = outcomes(&planned);
    let count = |outcome: &str| found.iter().find(|(own, _)| own == outcome).map_or(0, |(_, count)| *count);
    assert_eq!((count("erase"), count("defer-restrict")), (3, 3), "two legs and the facts, each: {found:?}");
    let done = desk.carry_out(&planned).await;
    assert_eq!((done.state.as_str(), done.waits_for.as_str()), ("responding", "delivery"));

    must_be_gone(&hear(&desk.anna, id, &purpose(QUALITY)).await.unwrap_err(), &["art-17-1"]);
    let refused = hear(&desk.anna, id, &purpose(DUTY)).await.unwrap_err();
    assert_eq!(reason(&refused), "restricted");
    let heard = hear(&desk.anna, stays, &purpose(QUALITY)).await.unwrap();
    heard.must_be(&Expected::of(&other), &other, &purpose(QUALITY), other.whole());

    let (letter, closed) = desk.answer(&done).await;
    assert_eq!((closed.state.as_str(), closed.ending.as_str()), ("closed", "partial"));
    let told = explained(&desk.anna, id).await;
    let day = told.latest;
    let year = Timestamp(day).to_jiff().strftime("%Y").to_string();
    assert!(letter.contains(&year) && letter.contains("Garante"), "{letter}");

    world.pass_to(Timestamp(day)).await;
    swept_away(&desk.anna, ErasureCause::PeriodOver, id, &[DUTY]).await;
    mesh.stop().await.unwrap();
}

async fn a_hold_on_one_of_three_calls_defers_that_one_and_the_others_go(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let mut ids = Vec::new();
    for call_id in ["one", "two", "three"] {
        let call = Sample::new("access-request-en").between(sample.agent(), sample.phone(), call_id);
        ids.push(world.kept(&server, &call).await);
    }
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let placed = hold(&world, &desk.anna, HoldKind::Litigation, over(&ids[..1])).await;

    let request = desk.ask(person, &["erase"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&request).await).await;
    hear(&desk.anna, ids[0], &purpose(QUALITY)).await.map(drop).unwrap_err();
    for id in &ids[1..] {
        must_be_gone(&hear(&desk.anna, *id, &purpose(QUALITY)).await.unwrap_err(), &["art-17-1"]);
    }
    assert!(opens(&desk.anna, ids[0]).await, "it is kept for the claim");
    let (letter, closed) = desk.answer(&done).await;
    assert_eq!(closed.ending, "partial");
    assert!(!letter.contains("case-"), "who placed a hold and why is nobody's: {letter}");

    let carla = world.named(&server, &sample.tenant, "carla");
    release(&desk.bruno, placed).await.unwrap();
    release(&carla, placed).await.unwrap();
    eventually("the held one goes, without a new request", async || {
        (!opens(&desk.anna, ids[0]).await).then_some(())
    })
    .await;
    mesh.stop().await.unwrap();
}

/// Whether something of a recording is still kept for a purpose.
async fn opens(caller: &Caller, id: RecordingId) -> bool {
    let told = retention::explained(caller, id).await.unwrap();
    told.terms.iter().any(|term| term.state() == proto::retention::v1::TermState::Running)
}

async fn a_withdrawal_by_letter_stops_the_purpose_and_its_copies_go_unasked(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["withdraw"]).await.unwrap();
    // It takes no proof (GDPR Art. 7(3)): that nothing more is needed is all that is said.
    let planned = desk.plan(&request).await;
    assert_eq!(outcomes(&planned), [("stop-purpose".to_owned(), 1)]);
    let done = desk.carry_out(&planned).await;
    let (_, closed) = desk.answer(&done).await;
    assert_eq!(closed.ending, "fulfilled");
    eventually("what rested on it goes", async || (!opens(&desk.anna, id).await).then_some(())).await;
    must_be_gone(&hear(&desk.anna, id, &purpose(QUALITY)).await.unwrap_err(), &["withdrawn", "art-17-1-b"]);
    mesh.stop().await.unwrap();
}

async fn what_an_open_request_is_about_outlives_its_period_until_it_is_answered(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    world.pass(80 * DAY).await;
    let request = desk.ask(person, &["access"]).await.unwrap();
    let planned = desk.plan(&request).await;
    // Its ninety days end on the tenth day of the request.
    world.pass(11 * DAY).await;
    let due = eventually("it is due, and held", async || {
        let told = retention::explained(&desk.anna, id).await.unwrap();
        let is_over = told.terms.iter().all(|term| term.ends <= world.now().0);
        (is_over && told.holds.len() == 1).then_some(told)
    })
    .await;
    assert_eq!(due.holds[0].kind(), HoldKind::OpenRequest);
    let done = desk.carry_out(&planned).await;
    assert_eq!(done.waits_for, "hand-out");
    let copy = world.folder().join("late.zip");
    desk.copy(&done, &copy).await;
    let stands =
        verbale::commands::request::get(&desk.anna, request_id(&done)).await.unwrap().request.unwrap();
    desk.answer(&stands).await;
    swept_away(&desk.anna, ErasureCause::PeriodOver, id, &[QUALITY]).await;
    mesh.stop().await.unwrap();
}

async fn nobody_s_request_is_another_tenant_s(world: World) {
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let server = mesh.server();
    let recording = world.record(&server, &sample).await;
    let (own, theirs) = (Desk::of(&world, &server, &sample.tenant), Desk::of(&world, &server, &other.tenant));
    let person = customer(&own.anna, &sample).await;
    let request = own.ask(person, &["access"]).await.unwrap();
    let id = request_id(&request);
    let missing = verbale::commands::request::get(&theirs.anna, id).await.unwrap_err();
    let missing = missing.downcast_ref::<tonic::Status>().map(tonic::Status::code);
    assert_eq!(missing, Some(tonic::Code::NotFound));
    // What is said of another tenant's call is said of none.
    let said = proto::dsar::v1::OpenRequest {
        recording_id: recording.recording_id.clone(),
        position: Some(Position(1).0),
        ..asked(person, &["access"])
    };
    let said = theirs.anna.request(said).unwrap();
    let refused = RequestsClient::new(theirs.anna.wire()).open(said).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::NotFound);
    mesh.stop().await.unwrap();
}

async fn two_numbers_of_one_person_are_answered_as_one_and_apart_after_an_unmerge(world: World) {
    let sample = Sample::new("access-request-en");
    let other = Sample::new("access-request-en").between(sample.agent(), "+442079460777", "another-number");
    let mesh = world.up().await;
    let server = mesh.server();
    let (first, second) = (world.kept(&server, &sample).await, world.kept(&server, &other).await);
    let desk = Desk::of(&world, &server, &sample.tenant);
    let (one, two) = (customer(&desk.anna, &sample).await, customer(&desk.anna, &other).await);
    let planned = async || {
        let request = desk.ask(one, &["erase"]).await.unwrap();
        let planned = desk.plan(&request).await;
        let of = |id: RecordingId| planned.items.iter().any(|item| item.recording_id == id.to_bytes());
        (of(first), of(second), planned)
    };
    assert_eq!((planned().await.0, planned().await.1), (true, false));
    link(&desk, LinkOp::Merge, one, two).await;
    let (own, theirs, both) = planned().await;
    assert!(own && theirs, "{both:?}");

    link(&desk, LinkOp::Unmerge, one, two).await;
    let (own, theirs, _) = planned().await;
    assert!(own && !theirs);
    // What was planned while they were one is not carried out on the other, and the rest goes on.
    let done = desk.carry_out(&both).await;
    assert_eq!(done.waits_for, "delivery");
    assert!(done.to_assess.is_empty(), "nothing of the other was given or erased: {done:?}");
    let (letter, _) = desk.answer(&done).await;
    assert!(letter.contains("one call turned out not to be yours"), "{letter}");
    hear(&desk.anna, second, &purpose(QUALITY)).await.unwrap();
    mesh.stop().await.unwrap();
}

async fn what_a_hold_deferred_is_not_erased_once_it_is_another_person_s(world: World) {
    let sample = Sample::new("access-request-en");
    let other = Sample::new("access-request-en").between(sample.agent(), "+442079460777", "another-number");
    let mesh = world.up().await;
    let server = mesh.server();
    let (first, second) = (world.kept(&server, &sample).await, world.kept(&server, &other).await);
    let desk = Desk::of(&world, &server, &sample.tenant);
    let (one, two) = (customer(&desk.anna, &sample).await, customer(&desk.anna, &other).await);
    link(&desk, LinkOp::Merge, one, two).await;
    let placed = hold(&world, &desk.anna, HoldKind::Litigation, over(&[first, second])).await;
    let request = desk.ask(one, &["erase"]).await.unwrap();
    let done = desk.carry_out(&desk.plan(&request).await).await;
    let (_, closed) = desk.answer(&done).await;
    assert_eq!((closed.state.as_str(), closed.ending.as_str()), ("closed", "partial"));

    // It turns out when the request is long answered, and before the hold ends.
    link(&desk, LinkOp::Unmerge, one, two).await;
    release(&desk.bruno, placed).await.unwrap();
    release(&world.named(&server, &sample.tenant, "carla"), placed).await.unwrap();
    eventually("the one's own goes", async || (!opens(&desk.anna, first).await).then_some(())).await;
    let kept_by = eventually("the other's is left to them", async || {
        for found in erasure::all(&desk.anna, 10).await.unwrap() {
            let id = ErasureId::from_slice(&found.erasure_id).unwrap();
            let (erasure, items) = erasure::get(&desk.anna, id).await.unwrap();
            let own = items.into_iter().find(|item| item.recording_id == second.to_bytes());
            if let Some(own) = own.filter(|_| erasure.state() == ErasureState::Refused) {
                return own.kept.into_iter().map(|kept| kept.by).find(|by| !by.starts_with("hold:"));
            }
        }
        None
    })
    .await;
    assert_eq!(kept_by, "not-theirs");
    assert!(opens(&desk.anna, second).await);
    mesh.stop().await.unwrap();
}

/// Both people say so.
pub(super) async fn link(desk: &Desk, op: LinkOp, one: SubjectId, two: SubjectId) {
    for caller in [&desk.anna, &desk.bruno] {
        let said = LinkSubjectsRequest {
            a_id: one.to_bytes().to_vec(),
            b_id: two.to_bytes().to_vec(),
            op: op.into(),
            evidence: "two-letters".to_owned(),
        };
        let said = caller.request(said).unwrap();
        ConsentClient::new(caller.wire()).link_subjects(said).await.unwrap();
    }
}

async fn an_id_that_nobody_has_is_refused(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let refused = desk.ask(SubjectId::new(), &["access"]).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    assert!(steps::open_ones(&desk.anna).await.unwrap().is_empty());
    mesh.stop().await.unwrap();
}
