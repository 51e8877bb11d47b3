use kernel::Timestamp;
use objects::ObjectStore;
use proto::archive::v1::LockRequest;
use proto::archive::v1::recordings_server::Recordings;
use tonic::{Code, Status};

use crate::testing::{Bench, Call, NOW, guarded};

const YEAR: i64 = 366 * 86_400_000_000;

/// A call of which a duty keeps the first second, and nobody the second one.
async fn sealed(bench: &Bench) -> Call {
    let mut call = Call::plain(bench, 1, &[("mifid2-transaction", 0)]).await;
    for leg in 0..2 {
        call.span(bench, leg, 0, 1, (50, 99), false).await;
    }
    call.close(bench, 100).await;
    bench.consume().await;
    call
}

async fn lock(bench: &Bench, call: &Call, until: Timestamp) -> Result<u32, Status> {
    let asked = LockRequest { recording_id: call.key.id.to_bytes().to_vec(), until: until.0 };
    Ok(bench.rpc().lock(guarded(&call.key.tenant, None, asked)).await?.into_inner().lengthened)
}

/// The locks of what is stored: of what a duty keeps with the documents, and of the rest.
async fn locks(bench: &Bench, call: &Call) -> (Vec<Option<Timestamp>>, Vec<Option<Timestamp>>) {
    let history = bench.history(call).await;
    let (mut kept, mut rest) = (Vec::new(), Vec::new());
    let stored = history.objects.iter().map(|object| (&object.name, object.lock_until.is_some()));
    for (name, by_duty) in stored.chain(history.documents.iter().map(|document| (&document.name, true))) {
        let until = bench.objects.head(name, None).await.unwrap().retain_until;
        if by_duty { kept.push(until) } else { rest.push(until) }
    }
    (kept, rest)
}

#[tokio::test]
async fn an_order_lengthens_the_locks_of_what_a_duty_keeps_and_no_others() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    let (before, _) = locks(&bench, &call).await;
    let until = Timestamp(NOW.0 + 7 * YEAR);
    assert!(before.len() == 3 && before.iter().all(|lock| lock.is_some_and(|at| at < until)), "{before:?}");
    assert_eq!(lock(&bench, &call, until).await.unwrap() as usize, before.len());
    let (kept, rest) = locks(&bench, &call).await;
    assert!(kept.iter().all(|lock| *lock == Some(until)), "{kept:?}");
    assert!(rest.len() > 1 && rest.iter().all(Option::is_none), "{rest:?}");
    // Given again, or for less, it changes nothing.
    for again in [until, Timestamp(NOW.0 + 6 * YEAR)] {
        assert_eq!(lock(&bench, &call, again).await.unwrap(), 0);
    }
    assert_eq!(locks(&bench, &call).await.0, kept);
}

#[tokio::test]
async fn a_lock_that_cannot_be_is_refused() {
    let bench = Bench::new().await;
    let call = sealed(&bench).await;
    assert_eq!(lock(&bench, &call, NOW).await.unwrap_err().code(), Code::InvalidArgument);
    let unknown = Call::new(&bench);
    let later = Timestamp(NOW.0 + YEAR);
    assert_eq!(lock(&bench, &unknown, later).await.unwrap_err().code(), Code::NotFound);
}
