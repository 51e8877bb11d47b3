//! Who asks the same again, who asks as two and is one, and who shares a number with others.

use kernel::{RecordingId, SubjectId, Timestamp};
use proto::common::v1::{Identifier, IdentifierKind};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::get_state_request::Subject;
use proto::consent::v1::{EventKind, GetStateRequest, LinkOp, MarkSharedLineRequest};
use proto::dsar::v1::identify_request::Act;
use proto::dsar::v1::link_request::Link;
use proto::dsar::v1::requests_client::RequestsClient;
use proto::dsar::v1::{ConfirmRequest, IdentifyRequest, LinkRequest, OpenRequest, PlanResponse, Request};
use tonic::{Code, Status};
use verbale::commands::request::{get, steps};
use verbale::connect::Caller;

use super::rights::link;
use crate::harness::asking::{Desk, asked, request_id};
use crate::harness::keeping::{DAY, customer};
use crate::harness::{Sample, World, in_one_process, reason};

in_one_process!(
    of_fifty_that_ask_for_a_copy_the_verified_one_counts_and_each_is_answered,
    a_number_that_several_use_is_confirmed_call_by_call,
    two_requests_of_one_person_are_due_with_the_first_until_they_are_two_again,
);

/// As it stands.
async fn stands(caller: &Caller, request: &Request) -> Request {
    get(caller, request_id(request)).await.unwrap().request.unwrap()
}

async fn linked(caller: &Caller, request: &Request, link: Link) -> Result<Request, Status> {
    let asked = LinkRequest { request_id: request.request_id.clone(), link: Some(link) };
    let answer = RequestsClient::new(caller.wire()).link(caller.request(asked).unwrap()).await?;
    Ok(answer.into_inner().request.unwrap())
}

async fn confirmed(
    caller: &Caller,
    request: &Request,
    theirs: &[RecordingId],
    not_theirs: &[RecordingId],
) -> Result<Request, Status> {
    let ids = |calls: &[RecordingId]| calls.iter().map(|call| call.to_bytes().to_vec()).collect();
    let request_id = request.request_id.clone();
    let asked = ConfirmRequest { request_id, theirs: ids(theirs), not_theirs: ids(not_theirs) };
    let answer = RequestsClient::new(caller.wire()).confirm(caller.request(asked).unwrap()).await?;
    Ok(answer.into_inner().request.unwrap())
}

/// Who asks could not be shown to be the person.
async fn not_shown(caller: &Caller, request: &Request) {
    let asked = IdentifyRequest { request_id: request.request_id.clone(), act: Some(Act::Failed(true)) };
    RequestsClient::new(caller.wire()).identify(caller.request(asked).unwrap()).await.unwrap();
}

async fn of_fifty_that_ask_for_a_copy_the_verified_one_counts_and_each_is_answered(world: World) {
    let sample = Sample::new("access-request-en");
    let mesh = world.up().await;
    let server = mesh.server();
    let call = world.kept(&server, &sample).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let person = customer(&desk.anna, &sample).await;
    let mut copies = Vec::new();
    for _ in 0..50 {
        copies.push(desk.ask(person, &["access"]).await.unwrap());
    }
    let real = desk.ask(person, &["access"]).await.unwrap();
    assert_eq!(
        real.duplicate_of, copies[0].request_id,
        "as long as nobody is verified, who asked first counts"
    );
    let planned = desk.plan(&real).await;
    let real = planned.request.clone().unwrap();
    assert!(real.duplicate_of.is_empty(), "who is verified is nobody's duplicate");
    assert!(planned.items.iter().any(|item| item.recording_id == call.to_bytes()), "none of them bars it");
    for copy in &copies {
        let copy = stands(&desk.anna, copy).await;
        assert_eq!(copy.duplicate_of, real.request_id);
        assert_eq!(copy.waits_for, "identity", "and each goes on by itself");
    }
    for copy in copies.iter().step_by(10) {
        not_shown(&desk.anna, copy).await;
        let (letter, closed) = desk.answer(copy).await;
        assert_eq!((closed.state.as_str(), closed.ending.as_str()), ("closed", "unverified"));
        assert!(letter.contains("it could not be shown to us that you are the person"), "{letter}");
    }
    let done = desk.carry_out(&planned).await;
    assert_eq!(done.waits_for, "hand-out");
    mesh.stop().await.unwrap();
}

/// The calls in which a person's consent was taken back; empty for one that is of every call.
async fn taken_back_in(caller: &Caller, person: SubjectId) -> Vec<Vec<u8>> {
    let subject = Some(Subject::SubjectId(person.to_bytes().to_vec()));
    let asked = caller.request(GetStateRequest { subject }).unwrap();
    let known = ConsentClient::new(caller.wire()).get_state(asked).await.unwrap().into_inner();
    let taken = known.history.into_iter().filter(|event| event.kind() == EventKind::Withdrawn);
    taken.map(|event| event.recording_id).collect()
}

/// The recordings that a plan is about.
fn calls(planned: &PlanResponse) -> Vec<RecordingId> {
    let mut calls: Vec<_> =
        planned.items.iter().filter_map(|item| RecordingId::from_slice(&item.recording_id).ok()).collect();
    calls.sort_unstable();
    calls.dedup();
    calls
}

async fn a_number_that_several_use_is_confirmed_call_by_call(world: World) {
    let sample = Sample::new("access-request-en");
    let second = Sample::new("access-request-en").between(sample.agent(), sample.phone(), "a-colleague");
    let other = Sample::new("access-request-en").between(sample.agent(), "+442079460777", "of-another");
    let mesh = world.up().await;
    let server = mesh.server();
    let (own, colleague_s) = (world.kept(&server, &sample).await, world.kept(&server, &second).await);
    let another_s = world.kept(&server, &other).await;
    let desk = Desk::of(&world, &server, &sample.tenant);
    let identifier = Identifier { kind: IdentifierKind::Phone.into(), value: sample.phone().to_owned() };
    let shared = MarkSharedLineRequest { identifier: Some(identifier), shared: true };
    let shared = desk.anna.request(shared).unwrap();
    ConsentClient::new(desk.anna.wire()).mark_shared_line(shared).await.unwrap();

    let person = customer(&desk.anna, &sample).await;
    let request = desk.ask(person, &["access"]).await.unwrap();
    steps::identify(&desk.anna, request_id(&request)).await.unwrap();
    let refused = steps::plan(&desk.anna, request_id(&request)).await.unwrap_err();
    let refused = refused.downcast_ref::<Status>().unwrap();
    assert_eq!((refused.code(), reason(refused)), (Code::FailedPrecondition, "calls-to-confirm"));
    for call in [own, colleague_s] {
        assert!(refused.message().contains(&call.to_string()), "{refused}");
    }
    let unknown = confirmed(&desk.anna, &request, &[RecordingId::new()], &[]).await.unwrap_err();
    let others = confirmed(&desk.anna, &request, &[another_s], &[]).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::InvalidArgument, others.message()));
    confirmed(&desk.anna, &request, &[own], &[colleague_s]).await.unwrap();
    let planned = steps::plan(&desk.anna, request_id(&request)).await.unwrap();
    assert_eq!(calls(&planned), [own]);
    let archive = planned.stores.iter().find(|store| store.store == "archive").unwrap();
    assert_eq!(archive.artefacts, 3, "two legs and the facts of one call");
    let done = desk.carry_out(&planned).await;
    assert_eq!(done.waits_for, "hand-out");

    // What a colleague agreed to on the same line is not taken back with it.
    let request = desk.ask(person, &["withdraw"]).await.unwrap();
    assert_eq!(taken_back_in(&desk.anna, person).await, Vec::<Vec<u8>>::new());
    steps::identify(&desk.anna, request_id(&request)).await.unwrap();
    confirmed(&desk.anna, &request, &[own], &[colleague_s]).await.unwrap();
    let planned = steps::plan(&desk.anna, request_id(&request)).await.unwrap();
    desk.carry_out(&planned).await;
    assert_eq!(taken_back_in(&desk.anna, person).await, [own.to_bytes().to_vec()]);
    mesh.stop().await.unwrap();
}

/// A request that was received earlier, of somebody who is shown to be the person.
async fn received_before(desk: &Desk, world: &World, person: SubjectId, rights: &[&str]) -> Request {
    let received_at = Timestamp(world.now().0 - 9 * i64::try_from(DAY.as_micros()).unwrap()).0;
    let asked = OpenRequest { received_at, ..asked(person, rights) };
    let opened = RequestsClient::new(desk.anna.wire()).open(desk.anna.request(asked).unwrap()).await.unwrap();
    let id = request_id(&opened.into_inner().request.unwrap());
    steps::identify(&desk.anna, id).await.unwrap()
}

async fn two_requests_of_one_person_are_due_with_the_first_until_they_are_two_again(world: World) {
    let sample = Sample::new("access-request-en");
    let other = Sample::new("access-request-en").between(sample.agent(), "+442079460777", "another-number");
    let mesh = world.up().await;
    let server = mesh.server();
    let (first, second) = (world.kept(&server, &sample).await, world.kept(&server, &other).await);
    let desk = Desk::of(&world, &server, &sample.tenant);
    let (one, two) = (customer(&desk.anna, &sample).await, customer(&desk.anna, &other).await);
    let copy = desk.ask(one, &["access"]).await.unwrap();
    steps::identify(&desk.anna, request_id(&copy)).await.unwrap();
    let earlier = received_before(&desk, &world, two, &["port"]).await;
    let alone = stands(&desk.anna, &copy).await.answer_day;
    assert!(earlier.answer_day < alone, "{} and {alone}", earlier.answer_day);
    let merge = || Link::Merge(earlier.request_id.clone());
    let refused = linked(&desk.anna, &copy, merge()).await.unwrap_err();
    assert_eq!(reason(&refused), "another-person");

    link(&desk, LinkOp::Merge, one, two).await;
    let merged = linked(&desk.anna, &copy, merge()).await.unwrap();
    assert_eq!((&merged.answer_day, &merged.parts), (&earlier.answer_day, &vec![earlier.request_id.clone()]));
    assert_eq!(merged.rights, ["access", "port"]);
    let part = stands(&desk.anna, &earlier).await;
    assert_eq!((&part.merged_into, part.waits_for.as_str()), (&copy.request_id, "other-request"));
    let planned = steps::plan(&desk.anna, request_id(&copy)).await.unwrap();
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(calls(&planned), both, "who asks as one of them asks for both");
    let done = desk.carry_out(&planned).await;
    assert_eq!(done.waits_for, "hand-out");
    let file = world.folder().join("of-two.zip");
    desk.copy(&done, &file).await;

    link(&desk, LinkOp::Unmerge, one, two).await;
    let apart = linked(&desk.anna, &copy, Link::Unmerge(earlier.request_id.clone())).await.unwrap();
    assert_eq!((&apart.answer_day, apart.rights.as_slice()), (&alone, &["access".to_owned()][..]));
    let of_another = |key: &String| key.starts_with("access/") && key.contains(&second.to_string());
    assert!(apart.to_assess.iter().any(of_another), "what was given is a breach to assess: {apart:?}");
    let part = stands(&desk.anna, &earlier).await;
    assert_eq!((part.merged_into.len(), part.waits_for.as_str()), (0, "plan"), "each asks for itself again");
    let planned = steps::plan(&desk.anna, request_id(&copy)).await.unwrap();
    assert_eq!(calls(&planned), [first]);
    mesh.stop().await.unwrap();
}
