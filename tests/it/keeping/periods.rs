//! A period ends at its moment, whoever looks, and before anybody has swept.

use std::time::Duration;

use kernel::{ErasureId, Timestamp};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{
    Considered, DataKind, ErasureCause, ErasureState, ExplainResponse, SweepRequest, Term, TermState,
};
use tonic::Code;
use verbale::commands::retention;

use crate::harness::keeping::{BY_PERIOD, DAY, explained, must_be_gone, settled};
use crate::harness::{Expected, Sample, World, hear, in_one_process, on_every_shape, purpose, reason};

on_every_shape!(a_period_ends_at_its_moment_and_what_it_kept_is_refused_before_any_sweep_and_erased_by_one);
in_one_process!(why_something_is_kept_is_explained_by_rule_article_and_who_set_it,);

const DUTY: &str = "mifid2-transaction";
const QUALITY: &str = "quality";
/// How long before its end a period is looked at, and how long a slow machine may take for that.
const BEFORE: Duration = Duration::from_secs(60);

async fn a_period_ends_at_its_moment_and_what_it_kept_is_refused_before_any_sweep_and_erased_by_one(
    world: World,
) {
    let world = world.unswept();
    let sample = Sample::new("mifid-order-it");
    let (expected, quality, duty) = (Expected::of(&sample), purpose(QUALITY), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    let ends = Timestamp(term(&explained(&anna, id).await, QUALITY).ends);
    assert!(ends.since(sample.started_at()) >= 89 * DAY, "{ends:?}");

    world.pass_to(Timestamp(ends.0 - i64::try_from(BEFORE.as_micros()).unwrap())).await;
    hear(&anna, id, &quality).await.unwrap().must_be(&expected, &sample, &quality, sample.whole());
    assert!(world.now() < ends, "the machine is too slow to look before {ends:?}");

    world.pass_to(ends).await;
    let refused = hear(&anna, id, &quality).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "period-over"), "{refused}");
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());
    let told = retention::explained(&anna, id).await.unwrap();
    assert_eq!(term(&told, QUALITY).state(), TermState::Running, "nothing was swept yet: {told:?}");
    assert!(told.erasure_ids.is_empty(), "{told:?}");

    let request = anna.request(SweepRequest { plan: String::new() }).unwrap();
    let swept = RetentionClient::new(anna.wire()).sweep(request).await.unwrap().into_inner();
    assert!(!swept.waits_for_second, "{swept:?}");
    let (erasure, items) = settled(&anna, ErasureId::from_slice(&swept.erasure_id).unwrap()).await;
    assert_eq!((erasure.state(), erasure.cause()), (ErasureState::Done, ErasureCause::PeriodOver));
    assert_eq!((erasure.ordered_by.as_str(), items.len()), ("anna", 1), "{erasure:?}");
    assert_eq!(items[0].erased, [QUALITY]);
    must_be_gone(&hear(&anna, id, &quality).await.unwrap_err(), &[BY_PERIOD]);
    hear(&anna, id, &duty).await.unwrap().must_be(&expected, &sample, &duty, sample.whole());
    let told = retention::explained(&anna, id).await.unwrap();
    assert_eq!(term(&told, QUALITY).state(), TermState::Ended);
    assert_eq!(told.erasure_ids, [swept.erasure_id]);
    mesh.stop().await.unwrap();
}

async fn why_something_is_kept_is_explained_by_rule_article_and_who_set_it(world: World) {
    let sample = Sample::new("mifid-order-it");
    let expected = Expected::of(&sample);
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let told = explained(&world.named(&server, &sample.tenant, "anna"), id).await;
    assert_eq!(told.recording_id, id.to_bytes());
    assert_eq!(Timestamp(told.started_at), sample.started_at());
    assert_eq!(told.ended_at - told.started_at, i64::try_from(sample.length()).unwrap());
    assert!(told.holds.is_empty() && told.erasure_ids.is_empty(), "{told:?}");

    let duty = term(&told, DUTY);
    assert_eq!((duty.state(), Timestamp(duty.ends)), (TermState::Running, expected.duty_ends()), "{duty:?}");
    assert_eq!(duty.rule, "regime mifid2-16-7");
    assert!(duty.article.contains("2014/65/EU Art. 16(7)"), "{duty:?}");
    assert_eq!(winner(duty).set_by, "law");
    let quality = term(&told, QUALITY);
    assert!(quality.rule.contains("90 days") && quality.rule.contains("policy"), "{quality:?}");
    assert_eq!(
        (winner(quality).set_by.as_str(), quality.article.as_str()),
        ("policy", "GDPR Art. 5(1)(e)"),
        "{quality:?}"
    );
    // Metadata is kept as long as the audio that it is about.
    assert_eq!(told.terms.len(), 4, "{told:?}");
    assert_eq!((told.earliest, told.latest), (quality.ends, duty.ends));
    mesh.stop().await.unwrap();
}

/// The term of a purpose's audio.
fn term<'t>(told: &'t ExplainResponse, purpose: &str) -> &'t Term {
    let own = |term: &&Term| term.purpose == purpose && term.kind() == DataKind::Audio;
    told.terms.iter().find(own).unwrap_or_else(|| panic!("nothing is said of {purpose}: {told:?}"))
}

/// The one rule that won, which says the term's end.
fn winner(term: &Term) -> &Considered {
    let mut wins = term.considered.iter().filter(|rule| rule.verdict == "wins");
    let winner = wins.next().unwrap_or_else(|| panic!("no rule wins: {term:?}"));
    assert!(wins.next().is_none() && (winner.ends, &winner.rule) == (term.ends, &term.rule), "{term:?}");
    winner
}
