//! What a duty keeps though somebody asked, until when, and what goes when a basis does.

use kernel::{RecordingId, Timestamp};
use proto::archive::v1::RecordingState;
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    DataKind, ErasureCause, ErasureState, ErasureStep, ExplainResponse, ExtendRequest, KeptBack, Term,
    TermState,
};
use serde_json::json;
use verbale::commands::recordings;

use crate::harness::keeping::{
    BY_BASIS, BY_PERIOD, DAY, ON_REQUEST, customer, erased, explained, must_be_gone, of_person, swept_away,
};
use crate::harness::{Expected, Sample, World, hear, in_one_process, on_every_shape, purpose};

on_every_shape!(an_order_call_erased_on_request_loses_its_review_copy_now_and_the_duty_s_when_that_ends);
in_one_process!(
    an_authority_s_order_keeps_an_order_call_two_more_years_and_nothing_else_of_it,
    a_withdrawal_by_letter_after_the_call_erases_what_rested_on_it_unasked_and_the_duty_stays,
);

const REGIME: &str = "mifid2-16-7";
const DUTY: &str = "mifid2-transaction";
const QUALITY: &str = "quality";
/// An authority's reference.
const REFERENCE: &str = "consob-2026-77";

async fn an_order_call_erased_on_request_loses_its_review_copy_now_and_the_duty_s_when_that_ends(
    world: World,
) {
    let sample = Sample::new("mifid-order-it");
    // So that there is something to lose in year two.
    world.with_policy("banca-alfa", "retention: P90D", "retention: P3Y");
    let (expected, quality, duty) = (Expected::of(&sample), purpose(QUALITY), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    let subject = customer(&anna, &sample).await;
    world.pass(400 * DAY).await;
    hear(&anna, id, &quality).await.unwrap().must_be(&expected, &sample, &quality, sample.whole());

    let (erasure, told, items) = erased(&anna, &of_person(subject)).await;
    assert_eq!((told.state(), items.len()), (ErasureState::Partial, 1), "{told:?}");
    let (item, until) = (&items[0], expected.duty_ends());
    assert!(item.step() == ErasureStep::Done && item.erased == [QUALITY], "{item:?}");
    let by = format!("regime:{REGIME}");
    assert_eq!(item.kept, [KeptBack { purpose: DUTY.to_owned(), by: by.clone(), until: until.0 }]);
    must_be_gone(&hear(&anna, id, &quality).await.unwrap_err(), &[ON_REQUEST]);
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());

    // Whoever must answer the person finds the rule and the date.
    let (erasure, tenant) = (erasure.to_string(), sample.tenant.as_str());
    let shown = world.run(&server, tenant, &["erasure", "show", &erasure, "--json"]).await;
    let kept = json!([{ "purpose": DUTY, "by": by, "until": until.to_string() }]);
    assert_eq!((shown.code, &shown.json()["recordings"][0]["kept"]), (0, &kept), "{shown:?}");
    let shown = world.run(&server, tenant, &["erasure", "show", &erasure]).await;
    assert!(shown.out.contains(&by) && shown.out.contains(&until.to_string()), "{shown:?}");

    world.pass_to(until).await;
    let (swept, item) = swept_away(&anna, ErasureCause::PeriodOver, id, &[DUTY]).await;
    assert_eq!((swept.state(), item.step()), (ErasureState::Done, ErasureStep::Done), "{swept:?}");
    assert_ne!(swept.erasure_id, told.erasure_id);
    must_be_gone(&hear(&anna, id, &duty).await.unwrap_err(), &[BY_PERIOD]);
    let left = recordings::get(&anna, id).await.unwrap();
    assert!(left.state() == RecordingState::Erased && left.parties.is_empty(), "{left:?}");
    let checked = recordings::check(&anna, id).await.unwrap();
    assert!(checked.ok, "{:?}", checked.findings);
    mesh.stop().await.unwrap();
}

async fn an_authority_s_order_keeps_an_order_call_two_more_years_and_nothing_else_of_it(world: World) {
    let sample = Sample::new("mifid-order-it");
    let (expected, quality, duty) = (Expected::of(&sample), purpose(QUALITY), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    // Seven years of the calendar are a day or two longer.
    let until = sample.started_at().plus(7 * 365 * DAY);
    let order = ExtendRequest {
        reference: REFERENCE.to_owned(),
        regime: REGIME.to_owned(),
        until: until.0,
        from: sample.started_at().0,
        to: sample.started_at().plus(DAY).0,
        subject_ids: Vec::new(),
    };
    let request = anna.request(order).unwrap();
    let extended = RetentionClient::new(anna.wire()).extend(request).await.unwrap().into_inner();
    // The tenant's first sweep walks over its recordings for the policy and what was ordered: it may be quicker.
    assert!(extended.lengthened <= 1, "{extended:?}");
    let told = explained(&anna, id).await;
    let term = audio(&told, DUTY);
    assert_eq!((term.state(), Timestamp(term.ends)), (TermState::Running, until), "{term:?}");
    assert!(term.rule.contains(REFERENCE), "{term:?}");
    assert!(Timestamp(audio(&told, QUALITY).ends) < expected.duty_ends(), "{told:?}");

    world.pass_to(expected.duty_ends().plus(30 * DAY)).await;
    let (swept, _) = swept_away(&anna, ErasureCause::PeriodOver, id, &[QUALITY]).await;
    assert_eq!(swept.state(), ErasureState::Done, "{swept:?}");
    must_be_gone(&hear(&anna, id, &quality).await.unwrap_err(), &[BY_PERIOD]);
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());

    world.pass_to(until).await;
    let (swept, _) = swept_away(&anna, ErasureCause::PeriodOver, id, &[DUTY]).await;
    assert_eq!(swept.state(), ErasureState::Done, "{swept:?}");
    must_be_gone(&hear(&anna, id, &duty).await.unwrap_err(), &[BY_PERIOD]);
    mesh.stop().await.unwrap();
}

async fn a_withdrawal_by_letter_after_the_call_erases_what_rested_on_it_unasked_and_the_duty_stays(
    world: World,
) {
    let (sample, other) = (Sample::new("mifid-order-it"), Sample::new("mifid-order-it"));
    let other = other.between("agent-099", "+390699999999", "order-of-another");
    let (expected, quality, duty) = (Expected::of(&sample), purpose(QUALITY), purpose(DUTY));
    let mesh = world.up().await;
    let (server, tenant) = (mesh.server(), sample.tenant.as_str());
    let (id, stays) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &other));
    let anna = world.named(&server, &sample.tenant, "anna");
    hear(&anna, id, &quality).await.unwrap().must_be(&expected, &sample, &quality, sample.whole());

    let withdraw = ["consent", "withdraw", "--phone", sample.phone(), "--purpose", QUALITY, "--json"];
    let ended = world.run(&server, tenant, &withdraw).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let gone = [BY_BASIS, "withdrawn"];
    must_be_gone(&hear(&anna, id, &quality).await.unwrap_err(), &gone);
    let (erasure, item) = swept_away(&anna, ErasureCause::BasisLost, id, &[QUALITY]).await;
    assert_eq!((erasure.state(), erasure.reason.as_str()), (ErasureState::Done, BY_BASIS), "{erasure:?}");
    assert!(item.step() == ErasureStep::Done && item.kept.is_empty(), "{item:?}");
    assert_eq!(erasure.recordings, 1, "nobody else withdrew anything: {erasure:?}");
    must_be_gone(&hear(&anna, id, &quality).await.unwrap_err(), &gone);
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());
    let expected = Expected::of(&other);
    hear(&anna, stays, &quality).await.unwrap().must_be(&expected, &other, &quality, other.whole());
    mesh.stop().await.unwrap();

    let purposes = async |id: RecordingId| {
        let entries = world.keyring().await.entries(&sample.tenant, id).await;
        let mut named: Vec<_> = entries.into_iter().map(|entry| entry.purpose.to_string()).collect();
        named.sort_unstable();
        named.dedup();
        named
    };
    assert_eq!(purposes(id).await, [DUTY]);
    assert_eq!(purposes(stays).await, [DUTY, QUALITY]);
}

/// The term of a purpose's audio.
fn audio<'t>(told: &'t ExplainResponse, purpose: &str) -> &'t Term {
    let own = |term: &&Term| term.purpose == purpose && term.kind() == DataKind::Audio;
    told.terms.iter().find(own).unwrap_or_else(|| panic!("nothing is said of {purpose}: {told:?}"))
}
