use std::sync::atomic::Ordering;

use kernel::{Clock, ErrorCode, RegimeName, ServiceError, SubjectId, Timestamp};
use policy::retention::{OrderScope, Rule};

use super::*;
use crate::store::Store;
use crate::testing::{Bench, DAY, START, after, extension, purpose, six_years, tenant};

async fn refusal(bench: &Bench, asked: ExtensionOrder) -> Error {
    let before = bench.traces().await;
    let error = bench.service.extend(&tenant(), "cosimo", asked).await.unwrap_err();
    assert_eq!(bench.traces().await, before, "a refusal leaves nothing: {error}");
    error
}

#[tokio::test]
async fn an_order_lengthens_what_its_regime_set_and_nothing_else() {
    let bench = Bench::new().await;
    let (id, other) = (bench.recording().await, bench.recording_of(&["quality"], &[]).await);
    let before = [bench.kept(id).await, bench.kept(other).await];
    let lengthened =
        bench.service.extend(&tenant(), "cosimo", extension("CONSOB/1", six_years())).await.unwrap();
    assert_eq!(lengthened, 1);
    let after = bench.kept(id).await;
    for (term, first) in after.terms.iter().zip(&before[0].terms) {
        if term.stamp.purpose == purpose("duty") {
            assert_eq!(term.stamp.ends, six_years());
            assert!(matches!(&term.stamp.rule, Rule::Order { .. }), "{term:?}");
        } else {
            assert_eq!(term, first);
        }
    }
    assert_eq!(bench.kept(other).await, before[1]);
    let placed = bench.store.orders(&tenant()).await.unwrap();
    assert_eq!((placed.len(), placed[0].placed_by.as_str()), (1, "cosimo"));
    assert!(bench.traces().await.3 > 0, "the journal has it");
}

#[tokio::test]
async fn the_same_order_again_goes_on_where_it_was_cut_off() {
    let bench = Bench::new().await;
    let order = extension("CONSOB/1", six_years());
    let id = bench.recording().await;
    assert_eq!(bench.service.extend(&tenant(), "cosimo", order.clone()).await.unwrap(), 1);
    let done = bench.traces().await;
    let kept = bench.kept(id).await;
    bench.clock.set(Timestamp(six_years().0 + 1));
    assert_eq!(bench.service.extend(&tenant(), "delia", order).await.unwrap(), 0);
    assert_eq!((bench.traces().await, bench.kept(id).await), (done, kept));
}

/// An order that is carried out and leaves the store's lock behind keeps nothing unaltered.
#[tokio::test]
async fn an_order_reaches_the_locks_before_it_is_said_to_be_carried_out() {
    let bench = Bench::new().await;
    let order = extension("CONSOB/1", six_years());
    let (id, other) = (bench.recording().await, bench.recording_of(&["quality"], &[]).await);
    bench.mesh.is_away.store(true, Ordering::SeqCst);
    bench.service.extend(&tenant(), "cosimo", order.clone()).await.unwrap_err();
    assert!(bench.audio_ends(id, "duty").await < six_years());
    bench.mesh.is_away.store(false, Ordering::SeqCst);
    assert_eq!(bench.service.extend(&tenant(), "cosimo", order.clone()).await.unwrap(), 1);
    assert_eq!(*bench.mesh.locked.lock(), [(id, six_years())]);
    assert!(bench.kept(other).await.version == 1, "nobody ordered anything about it");
    // Once is enough.
    bench.service.extend(&tenant(), "cosimo", order).await.unwrap();
    assert_eq!(bench.mesh.locked.lock().len(), 1);
}

#[tokio::test]
async fn what_is_sealed_after_an_order_is_stamped_with_it() {
    let bench = Bench::new().await;
    bench.service.extend(&tenant(), "cosimo", extension("CONSOB/1", six_years())).await.unwrap();
    let id = bench.recording().await;
    assert_eq!(*bench.mesh.locked.lock(), [(id, six_years())]);
    assert_eq!(bench.kept(id).await.version, 1);
    assert_eq!(bench.audio_ends(id, "duty").await, six_years());
}

#[tokio::test]
async fn an_order_and_a_sealing_at_the_same_moment_do_not_miss_each_other() {
    for _ in 0..10 {
        let bench = Bench::new().await;
        let tenant = tenant();
        let (id, extended) = tokio::join!(
            bench.recording(),
            bench.service.extend(&tenant, "cosimo", extension("CONSOB/1", six_years()))
        );
        extended.unwrap();
        assert_eq!(bench.audio_ends(id, "duty").await, six_years());
    }
}

#[tokio::test]
async fn an_order_reaches_only_whom_and_when_it_names() {
    let bench = Bench::new().await;
    let (anna, bruno) = (SubjectId::new(), SubjectId::new());
    let hers = bench.recording_of(&["duty"], &[anna]).await;
    let his = bench.recording_of(&["duty"], &[bruno]).await;
    let ends = bench.audio_ends(his, "duty").await;
    let scope = |from, until, parties: Option<SubjectId>| {
        OrderScope::new(from, until, parties.map(|id| [id].into())).unwrap()
    };
    let later = ExtensionOrder {
        scope: scope(after(DAY), after(DAY * 2), None),
        ..extension("CONSOB/1", six_years())
    };
    assert_eq!(bench.service.extend(&tenant(), "cosimo", later).await.unwrap(), 0);
    let of_anna =
        ExtensionOrder { scope: scope(START, after(DAY), Some(anna)), ..extension("CONSOB/2", six_years()) };
    assert_eq!(bench.service.extend(&tenant(), "cosimo", of_anna).await.unwrap(), 1);
    assert_eq!(bench.audio_ends(hers, "duty").await, six_years());
    assert_eq!(bench.audio_ends(his, "duty").await, ends);
}

#[tokio::test]
async fn another_order_under_the_same_reference_is_refused() {
    let bench = Bench::new().await;
    let order = extension("CONSOB/1", six_years());
    bench.service.extend(&tenant(), "cosimo", order.clone()).await.unwrap();
    let error = refusal(&bench, ExtensionOrder { until: Timestamp(six_years().0 - 1), ..order }).await;
    assert!(matches!(error, Error::Refused { word: "other-order", .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::FailedPrecondition);
}

#[tokio::test]
async fn an_order_that_the_law_does_not_have_is_refused_by_its_field() {
    let bench = Bench::new().await;
    bench.recording().await;
    let order = extension("CONSOB/1", six_years());
    let regime = RegimeName::new("lex-futura").unwrap();
    let eight_years = Timestamp::parse("2034-03-02T09:00:00+01:00").unwrap();
    for (asked, field) in [
        (ExtensionOrder { regime, ..order.clone() }, "regime"),
        (ExtensionOrder { until: eight_years, ..order.clone() }, "until"),
        (ExtensionOrder { until: Timestamp(i64::MAX), ..order.clone() }, "until"),
        (ExtensionOrder { until: bench.clock.now(), ..order.clone() }, "until"),
        (ExtensionOrder { until: Timestamp(0), ..order }, "until"),
    ] {
        let error = refusal(&bench, asked).await;
        assert!(matches!(&error, Error::Invalid { what, .. } if *what == field), "{field}: {error:?}");
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}
