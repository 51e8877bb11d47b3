//! Orders of authorities: what may be ordered, what is refused by name, and an order that is given twice.

use kernel::{Timestamp, Use};
use proto::retention::v1::retention_client::RetentionClient;
use proto::retention::v1::{DataKind, ExplainResponse, ExtendRequest};
use tonic::{Code, Status};
use verbale::commands::retention;
use verbale::connect::Caller;

use crate::harness::keeping::DAY;
use crate::harness::{Expected, Sample, World, hear_for, in_one_process, purpose, reason};

in_one_process!(
    an_order_that_may_not_be_obeyed_is_refused_by_its_field_and_one_given_twice_counts_once,
    an_authority_hears_what_its_order_covers_and_reaches_calls_that_come_later,
);

const DUTY: &str = "mifid2-transaction";
const REGIME: &str = "mifid2-16-7";

async fn an_order_that_may_not_be_obeyed_is_refused_by_its_field_and_one_given_twice_counts_once(
    world: World,
) {
    let (world, sample) = (world.unswept(), Sample::new("mifid-order-it"));
    let mesh = world.up().await;
    let server = mesh.server();
    let id = world.kept(&server, &sample).await;
    let anna = world.named(&server, &sample.tenant, "anna");
    let before = ends(&retention::explained(&anna, id).await.unwrap());
    let good = new_order(&sample);
    let later = |years: u32| sample.started_at().plus(years * 365 * DAY).0;
    let table = [
        ("reference", ExtendRequest { reference: String::new(), ..good.clone() }),
        ("reference", ExtendRequest { reference: "as she asked us to".to_owned(), ..good.clone() }),
        ("regime", ExtendRequest { regime: "lex-futura".to_owned(), ..good.clone() }),
        ("regime", ExtendRequest { regime: String::new(), ..good.clone() }),
        ("until", ExtendRequest { until: later(9), ..good.clone() }),
        ("until", ExtendRequest { until: world.now().0 - 1, ..good.clone() }),
        ("to", ExtendRequest { to: good.from, ..good.clone() }),
        ("subject_ids", ExtendRequest { subject_ids: vec![vec![7; 3]], ..good.clone() }),
    ];
    for (field, asked) in table {
        let refused = extend(&anna, &asked).await.unwrap_err();
        let told = refused.message();
        assert!(refused.code() == Code::InvalidArgument && told.starts_with(field), "{field}: {refused}");
        assert!(!told.contains("she asked") && !told.contains("lex-futura"), "{refused}");
    }
    assert_eq!(ends(&retention::explained(&anna, id).await.unwrap()), before, "a refused order moved an end");

    assert_eq!(extend(&anna, &good).await.unwrap(), 1);
    assert_eq!(extend(&anna, &good).await.unwrap(), 0, "the same order again moves nothing");
    let other = ExtendRequest { until: later(6), ..good.clone() };
    let refused = extend(&anna, &other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "other-order"), "{refused}");
    // An order lengthens and never shortens.
    let shorter = ExtendRequest { reference: "consob-2026-78".to_owned(), ..other };
    assert_eq!(extend(&anna, &shorter).await.unwrap(), 0);
    let after = ends(&retention::explained(&anna, id).await.unwrap());
    let expected: Vec<_> = before
        .into_iter()
        .map(|(name, kind, end)| (name.clone(), kind, if name == DUTY { Timestamp(good.until) } else { end }))
        .collect();
    assert_eq!(after, expected);
    mesh.stop().await.unwrap();
}

async fn an_authority_hears_what_its_order_covers_and_reaches_calls_that_come_later(world: World) {
    let (sample, later) = (Sample::new("mifid-order-it"), Sample::new("mifid-order-it"));
    // It begins before the range that is ordered.
    let outside = Sample::new("mifid-order-it").dated(Timestamp(sample.started_at().0 - 3_600_000_000));
    let (world, duty) = (world.unswept(), purpose(DUTY));
    let mesh = world.up().await;
    let server = mesh.server();
    let (own, beside) = tokio::join!(world.kept(&server, &sample), world.kept(&server, &outside));
    let anna = world.named(&server, &sample.tenant, "anna");
    let order = new_order(&sample);
    assert_eq!(extend(&anna, &order).await.unwrap(), 1);
    let later_id = world.kept(&server, &later).await;
    for id in [own, later_id] {
        let told = retention::explained(&anna, id).await.unwrap();
        assert_eq!(told.latest, order.until, "{told:?}");
        let heard = hear_for(&anna, id, &duty, Use::Authority, &order.reference).await.unwrap();
        heard.must_be(&Expected::of(&sample), &sample, &duty, sample.whole());
    }
    assert_eq!(
        retention::explained(&anna, beside).await.unwrap().latest,
        Expected::of(&outside).duty_ends().0
    );
    for (id, named) in [(beside, order.reference.as_str()), (own, ""), (own, "consob-2026-78")] {
        let refused = hear_for(&anna, id, &duty, Use::Authority, named).await.unwrap_err();
        let told = (refused.code(), reason(&refused));
        assert_eq!(told, (Code::FailedPrecondition, "no-order"), "{named:?}: {refused}");
    }
    mesh.stop().await.unwrap();
}

/// Nearly seven years for whatever began on the sample's day, from the sample on.
fn new_order(sample: &Sample) -> ExtendRequest {
    ExtendRequest {
        reference: "consob-2026-77".to_owned(),
        regime: REGIME.to_owned(),
        until: sample.started_at().plus(7 * 365 * DAY).0,
        from: sample.started_at().0,
        to: sample.started_at().plus(DAY).0,
        subject_ids: Vec::new(),
    }
}

async fn extend(caller: &Caller, asked: &ExtendRequest) -> Result<u64, Status> {
    let request = caller.request(asked.clone()).unwrap();
    Ok(RetentionClient::new(caller.wire()).extend(request).await?.into_inner().lengthened)
}

/// Every term's end.
fn ends(told: &ExplainResponse) -> Vec<(String, DataKind, Timestamp)> {
    told.terms.iter().map(|term| (term.purpose.clone(), term.kind(), Timestamp(term.ends))).collect()
}
