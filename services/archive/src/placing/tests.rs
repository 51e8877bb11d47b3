use ::objects::ObjectStore;
use seal::signing::DocumentKind as Signed;

use crate::document;
use crate::error::Error;
use crate::testing::{Bench, Call};

#[tokio::test]
async fn what_is_signed_of_no_recording_is_never_placed_as_its_manifest() {
    let bench = Bench::new().await;
    let call = Call::plain(&bench, 1, &[("mifid2-transaction", 0)]).await;
    bench.consume().await;
    let history = bench.history(&call).await;
    let sealer = crate::consumer(&bench.config, bench.deps()).sealer;
    for kind in [Signed::Receipt, Signed::Heartbeat, Signed::Package] {
        let refused = sealer.placer.place(&history, 1, kind, b"payload".to_vec()).await.err();
        assert!(matches!(refused, Some(Error::Document { .. })), "{refused:?}");
    }
    let lies = bench.objects.head(&document::name(&call.key, 1), None).await;
    assert!(matches!(lies, Err(::objects::Error::NotFound { .. })), "{lies:?}");
}
