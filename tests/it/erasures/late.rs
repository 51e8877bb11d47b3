//! Audio that comes after its erasure: the log delivers what it held back, or what it delivered before.

use std::sync::Arc;

use eventlog::{EventLog, ReadLimit, Record, Stored};
use kernel::RecordingId;
use kernel::topics::AUDIO;
use platform::config::Period;
use proto::archive::v1::RecordingState;
use proto::retention::v1::{ErasureState, ErasureStep};
use verbale::commands::recordings;
use verbale::role::RoleName;

use crate::harness::keeping::{ON_REQUEST, erased, must_be_gone, of_recording};
use crate::harness::{Expected, REPLICAS, Running, Sample, Shape, World, eventually, hear, purpose};

const QUALITY: &str = "quality";
/// What a record of a span says that it is.
const SPAN: &[u8] = b"verbale.span.sealed";
/// Archive's group.
const ARCHIVE: &str = "archive";

/// A gap is not waited for, and what comes late is put away at once.
fn in_a_hurry(world: World) -> World {
    world.tuned(|config| {
        config.archive.gap_wait = Period::secs(1);
        config.archive.idle = Period::secs(1);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn audio_that_comes_late_or_again_after_the_erasure_of_its_call_opens_for_nobody() {
    let Some(world) = World::on(Shape::Split).await else { return };
    let world = in_a_hurry(world);
    let (sample, other) = (Sample::new("access-request-en"), Sample::new("access-request-en"));
    let other = other.between("agent-299", "+442079460777", "access-request-of-another");
    let Running::Many(mut split) = world.up().await else { panic!("each role is a process of its own") };
    let server = split.server();
    let stays = world.kept(&server, &other).await;
    let log = world.log_past().unwrap();
    caught_up(&log).await;

    // Archive is away while the call is made, and finds less of it in the log than there was.
    for number in 0..REPLICAS {
        split.replica(RoleName::Archive, number).stop().await.unwrap();
    }
    let call = sample.call();
    let id = call.recording();
    assert_eq!(world.send(&server, &call, 0.0).await.refused, []);
    let (early, late) = hold_back(&log, id).await;
    log.append(&AUDIO, early.clone()).await.unwrap();
    for number in 0..REPLICAS {
        split.replica(RoleName::Archive, number).start().await;
    }
    let sealed = world.sealed(&server, &sample.tenant, id).await;
    assert_eq!((sealed.state(), sealed.complete), (RecordingState::Sealed, false), "{sealed:?}");

    let anna = world.named(&server, &sample.tenant, "anna");
    let (_, told, items) = erased(&anna, &of_recording(id)).await;
    assert_eq!((told.state(), items[0].step()), (ErasureState::Done, ErasureStep::Done), "{items:?}");
    // What was read, put away and erased once is delivered once more, its keys with it.
    let mut shelved = Vec::new();
    for delivered in [late, early] {
        shelved.push(world.shelf().await.versions(&format!("{}/{id}/", sample.tenant)).await);
        log.append(&AUDIO, delivered).await.unwrap();
        caught_up(&log).await;
        must_be_gone(&hear(&anna, id, &purpose(QUALITY)).await.unwrap_err(), &[ON_REQUEST, "no-basis"]);
        let checked = recordings::check(&anna, id).await.unwrap();
        assert!(checked.ok, "{:?}", checked.findings);
    }
    shelved.push(world.shelf().await.versions(&format!("{}/{id}/", sample.tenant)).await);
    assert!(shelved[0].iter().all(|name| name.contains("/documents/")), "{shelved:?}");
    assert_eq!(shelved[1], shelved[2], "what was there is put away again");
    still_plays(&world, &server, &other, stays).await;
    split.stop().await.unwrap();
    let entries = world.keyring().await.entries(&sample.tenant, id).await;
    assert!(entries.is_empty(), "{} entries are there again", entries.len());
    assert!(!world.keyring().await.entries(&other.tenant, stays).await.is_empty());
}

async fn still_plays(world: &World, server: &str, sample: &Sample, id: RecordingId) {
    let (caller, quality) = (world.person(server, &sample.tenant), purpose(QUALITY));
    let heard = hear(&caller, id, &quality).await.unwrap();
    heard.must_be(&Expected::of(sample), sample, &quality, sample.whole());
}

/// Waits until archive has read and put away all of the log.
async fn caught_up(log: &Arc<dyn EventLog>) {
    eventually("archive has put away all of the log", async || {
        let lag = log.lag(ARCHIVE, &AUDIO).await.ok()?;
        lag.iter().all(|behind| *behind == 0).then_some(())
    })
    .await;
}

/// Takes a recording out of the log, and answers all of it but the second half of its spans, and these. Whatever else is
/// there has been put away.
async fn hold_back(log: &Arc<dyn EventLog>, id: RecordingId) -> (Vec<Record>, Vec<Record>) {
    let mut own = Vec::new();
    for ends in log.ends(&AUDIO).await.unwrap() {
        let mut next = ends.low;
        while next < ends.high {
            let found = log.read(&AUDIO, ends.partition, next, ReadLimit::default()).await.unwrap();
            next = found.last().expect("there is more").offset + 1;
            own.extend(found);
        }
        log.delete_before(&AUDIO, ends.partition, ends.high).await.unwrap();
    }
    let key = id.to_string();
    own.retain(|record| record.key == key.as_bytes());
    let is_span = |record: &Stored| record.header(eventlog::envelope::TYPE) == Some(SPAN);
    let spans = own.iter().filter(|record| is_span(record)).count();
    assert!(spans > 10, "hardly any spans: {spans}");
    let (mut early, mut late, mut seen) = (Vec::new(), Vec::new(), 0);
    for record in own {
        seen += usize::from(is_span(&record));
        let is_late = is_span(&record) && seen > spans / 2;
        let part = if is_late { &mut late } else { &mut early };
        part.push(again(record));
    }
    (early, late)
}

/// A record as it was appended.
fn again(record: Stored) -> Record {
    let Stored { key, headers, value, .. } = record;
    Record { key, headers, value }
}
