use kernel::{RecordingId, SubjectId};
use platform::config::Period;

use super::*;
use crate::config::Config;
use crate::hold::Selector;
use crate::service::NewHold;
use crate::testing::{Bench, DAY, after, extension, new_hold, purpose, purposes, sealed, six_years, tenant};

const LASTS: [Option<Lasts>; 5] =
    [None, Some(Lasts::Runs), Some(Lasts::Over), Some(Lasts::Ending), Some(Lasts::Ended)];
const KINDS: [HoldKind; 5] = [
    HoldKind::Litigation,
    HoldKind::Regulator,
    HoldKind::Subject,
    HoldKind::OpenRequest,
    HoldKind::Restriction,
];

fn every_named() -> Vec<Named> {
    [Named::Nothing, Named::Order].into_iter().chain(KINDS.map(Named::Hold)).collect()
}

/// What the five of [`LASTS`] are answered.
type Row = [&'static str; 5];

/// The rule as people have it: by use, by whether a hold restricts the purpose, by what the reference names.
fn row(wanted: Use, is_restricted: bool, named: Named) -> Row {
    match (wanted, is_restricted, named) {
        (Use::Replay | Use::Review, false, _) => ["not-kept", "", "period-over", "erased", "erased"],
        (Use::Replay | Use::Review, true, _) => ["not-kept", "restricted", "period-over", "erased", "erased"],
        (Use::Rights, _, _) => ["not-kept", "", "period-over", "erased", "erased"],
        // What only restricts keeps nothing, so nothing is claimed under it.
        (Use::LegalClaim, _, Named::Hold(HoldKind::Restriction)) => {
            ["not-kept", "no-hold", "no-hold", "no-hold", "erased"]
        }
        (Use::LegalClaim, _, Named::Hold(_)) => ["not-kept", "", "", "", "erased"],
        (Use::LegalClaim, _, _) => ["not-kept", "no-hold", "no-hold", "no-hold", "erased"],
        (Use::Authority, false, Named::Order | Named::Hold(HoldKind::Regulator)) => {
            ["not-kept", "", "", "", "erased"]
        }
        (Use::Authority, true, Named::Order | Named::Hold(HoldKind::Regulator)) => {
            ["not-kept", "restricted", "restricted", "restricted", "erased"]
        }
        (Use::Authority, _, _) => ["not-kept", "no-order", "no-order", "no-order", "erased"],
        (Use::Probe, _, _) => ["not-kept", "probe", "probe", "probe", "probe"],
    }
}

#[test]
fn every_combination_has_its_answer() {
    let mut count = 0;
    for wanted in Use::ALL.iter().copied() {
        for is_restricted in [false, true] {
            for named in every_named() {
                for (lasts, reason) in LASTS.into_iter().zip(row(wanted, is_restricted, named)) {
                    let facts = Facts { lasts, is_restricted, named };
                    let expected = if reason.is_empty() { Served::Allows } else { Served::Refuses(reason) };
                    assert_eq!(decide(wanted, facts), expected, "{wanted} {facts:?}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 6 * 2 * 7 * 5);
}

#[test]
fn nothing_opens_what_is_gone_nor_for_a_probe_nor_without_its_reference() {
    for wanted in Use::ALL.iter().copied() {
        for is_restricted in [false, true] {
            for named in every_named() {
                for lasts in LASTS {
                    let allowed = decide(wanted, Facts { lasts, is_restricted, named }) == Served::Allows;
                    assert!(!(allowed && lasts.is_none_or(|lasts| lasts == Lasts::Ended)));
                    assert!(!(allowed && wanted == Use::Probe));
                    let claims = [Use::LegalClaim, Use::Authority].contains(&wanted);
                    assert!(!(allowed && claims && named == Named::Nothing));
                    let spared = [Use::Rights, Use::LegalClaim].contains(&wanted);
                    assert!(!(allowed && is_restricted && !spared), "{wanted}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_purpose_serves_up_to_its_end_and_not_at_it() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    let ends = bench.audio_ends(id, "quality").await;
    for (now, expected) in [
        (ends.0 - 1, Served::Allows),
        (ends.0, Served::Refuses("period-over")),
        (ends.0 + 1, Served::Refuses("period-over")),
    ] {
        bench.clock.set(Timestamp(now));
        for wanted in [Use::Replay, Use::Review, Use::Rights] {
            assert_eq!(bench.serves(id, "quality", wanted, "").await, expected, "{wanted} at {now}");
        }
    }
    assert_eq!(bench.serves(id, "duty", Use::Replay, "").await, Served::Allows, "another purpose goes on");
    bench.bring(id, "quality", TermState::Ending).await;
    assert_eq!(bench.serves(id, "quality", Use::Rights, "").await, Served::Refuses("erased"));
}

#[tokio::test]
async fn a_recording_that_was_sealed_just_now_is_waited_for() {
    let bench = Bench::with(Config { patience: Period::secs(20), ..Config::default() }).await;
    let id = RecordingId::new();
    let (here, event) = (tenant(), sealed(id, &["quality"], &[]));
    // The reader is polled first: it has looked before the stamp is written.
    let stamped = bench.service.stamp(&here, &event);
    let (served, stamped) = tokio::join!(bench.serves(id, "quality", Use::Replay, ""), stamped);
    stamped.unwrap();
    assert_eq!(served, Served::Allows);
}

#[tokio::test]
async fn what_another_process_stamps_is_found_too() {
    let bench = Bench::with(Config { patience: Period::secs(20), ..Config::default() }).await;
    let (id, another) = (RecordingId::new(), bench.another());
    let (here, event) = (tenant(), sealed(id, &["quality"], &[]));
    let stamped = another.stamp(&here, &event);
    let (served, stamped) = tokio::join!(bench.serves(id, "quality", Use::Replay, ""), stamped);
    stamped.unwrap();
    assert_eq!(served, Served::Allows);
}

#[tokio::test]
async fn what_is_not_known_or_not_kept_is_told_after_a_while() {
    let bench = Bench::with(Config { patience: Period::millis(60), ..Config::default() }).await;
    let began = Instant::now();
    let unknown = RecordingId::new();
    assert_eq!(bench.serves(unknown, "quality", Use::Replay, "").await, Served::Refuses("not-kept"));
    assert!(began.elapsed() >= Duration::from_millis(60));
    let id = bench.recording_of(&["duty"], &[]).await;
    assert_eq!(bench.serves(id, "quality", Use::Replay, "").await, Served::Refuses("not-kept"));
    let elsewhere = TenantId::new("telco-beta").unwrap();
    let foreign = bench.service.may_serve(&elsewhere, id, &purpose("duty"), Use::Replay, "").await.unwrap();
    assert_eq!(foreign, Served::Refuses("not-kept"), "another tenant's recording is no recording");
}

#[tokio::test]
async fn a_legal_claim_names_a_hold_that_stands_and_covers() {
    let bench = Bench::new().await;
    let (id, other) = (bench.recording().await, bench.recording().await);
    let hold = new_hold(HoldKind::Litigation, Selector::Recordings([id].into()));
    bench.service.place(&tenant(), "anna", hold.clone()).await.unwrap();
    let text = hold.id.to_string();
    let claim = async |id, reference: &str| bench.serves(id, "quality", Use::LegalClaim, reference).await;
    assert_eq!(claim(id, &text).await, Served::Allows);
    assert_eq!(claim(other, &text).await, Served::Refuses("no-hold"), "it does not cover this one");
    for reference in ["", "case-7", &HoldId::new().to_string(), &"x".repeat(10_000)] {
        assert_eq!(claim(id, reference).await, Served::Refuses("no-hold"), "{reference:.40}");
    }
    bench.clock.set(bench.audio_ends(id, "quality").await);
    assert_eq!(claim(id, &text).await, Served::Allows, "past its period it opens for the hold");
    assert_eq!(bench.serves(id, "quality", Use::Replay, &text).await, Served::Refuses("period-over"));
    bench.service.release(&tenant(), "bruno", hold.id).await.unwrap();
    assert_eq!(claim(id, &text).await, Served::Allows, "who has asked has not released");
    bench.service.release(&tenant(), "carla", hold.id).await.unwrap();
    assert_eq!(claim(id, &text).await, Served::Refuses("no-hold"));
}

#[tokio::test]
async fn an_authority_names_its_hold_or_its_order() {
    let bench = Bench::new().await;
    let anna = SubjectId::new();
    let id = bench.recording_of(&["duty"], &[anna]).await;
    let ask = async |reference: &str| bench.serves(id, "duty", Use::Authority, reference).await;
    bench.service.extend(&tenant(), "cosimo", extension("CONSOB/2026:0412", six_years())).await.unwrap();
    assert_eq!(ask("CONSOB/2026:0412").await, Served::Allows);
    for reference in ["", "CONSOB/2026:0413", "two words"] {
        assert_eq!(ask(reference).await, Served::Refuses("no-order"), "{reference}");
    }
    let litigation = new_hold(HoldKind::Litigation, Selector::Subjects([anna].into()));
    let regulator = new_hold(HoldKind::Regulator, Selector::Subjects([anna].into()));
    for (hold, expected) in [(litigation, Served::Refuses("no-order")), (regulator, Served::Allows)] {
        bench.service.place(&tenant(), "cosimo", hold.clone()).await.unwrap();
        assert_eq!(ask(&hold.id.to_string()).await, expected);
    }
    let elsewhere = policy::retention::OrderScope::new(after(DAY), after(DAY * 2), None).unwrap();
    let order = policy::retention::ExtensionOrder { scope: elsewhere, ..extension("CONSOB/9", six_years()) };
    bench.service.extend(&tenant(), "cosimo", order).await.unwrap();
    assert_eq!(ask("CONSOB/9").await, Served::Refuses("no-order"), "it does not reach this call");
}

#[tokio::test]
async fn a_persons_own_hold_leaves_it_to_that_person_and_to_courts() {
    let bench = Bench::new().await;
    let anna = SubjectId::new();
    let id = bench.recording_of(&["quality"], &[anna]).await;
    let hold = new_hold(HoldKind::Subject, Selector::Subjects([anna].into()));
    bench.service.place(&tenant(), "paola", hold.clone()).await.unwrap();
    for (wanted, expected) in [
        (Use::Replay, Served::Refuses("restricted")),
        (Use::Review, Served::Refuses("restricted")),
        (Use::Rights, Served::Allows),
        (Use::LegalClaim, Served::Allows),
        (Use::Probe, Served::Refuses("probe")),
    ] {
        assert_eq!(bench.serves(id, "quality", wanted, &hold.id.to_string()).await, expected, "{wanted}");
    }
    let other = bench.recording_of(&["quality"], &[SubjectId::new()]).await;
    assert_eq!(bench.serves(other, "quality", Use::Replay, "").await, Served::Allows);
}

#[tokio::test]
async fn a_restriction_leaves_its_purposes_to_their_person_and_to_courts() {
    let bench = Bench::new().await;
    let anna = SubjectId::new();
    let id = bench.recording_of(&["quality", "duty"], &[anna]).await;
    let over = || Selector::Subjects([anna].into());
    let restriction = NewHold { purposes: purposes(&["quality"]), ..new_hold(HoldKind::Restriction, over()) };
    let litigation = new_hold(HoldKind::Litigation, over());
    let regulator = new_hold(HoldKind::Regulator, over());
    for hold in [&restriction, &litigation, &regulator] {
        bench.service.place(&tenant(), "paola", hold.clone()).await.unwrap();
    }
    let [restricting, claim, order] = [&restriction, &litigation, &regulator].map(|hold| hold.id.to_string());
    for (wanted, reference, quality, duty) in [
        (Use::Replay, "", Served::Refuses("restricted"), Served::Allows),
        (Use::Review, "", Served::Refuses("restricted"), Served::Allows),
        (Use::Authority, order.as_str(), Served::Refuses("restricted"), Served::Allows),
        (Use::Rights, "", Served::Allows, Served::Allows),
        (Use::LegalClaim, claim.as_str(), Served::Allows, Served::Allows),
        (Use::LegalClaim, restricting.as_str(), Served::Refuses("no-hold"), Served::Refuses("no-hold")),
        (Use::Authority, restricting.as_str(), Served::Refuses("no-order"), Served::Refuses("no-order")),
    ] {
        assert_eq!(bench.serves(id, "quality", wanted, reference).await, quality, "{wanted} {reference}");
        assert_eq!(bench.serves(id, "duty", wanted, reference).await, duty, "{wanted} {reference}");
    }
    let whole = new_hold(HoldKind::Restriction, over());
    bench.service.place(&tenant(), "paola", whole.clone()).await.unwrap();
    assert_eq!(
        bench.serves(id, "duty", Use::Replay, "").await,
        Served::Refuses("restricted"),
        "every purpose"
    );
    for (hold, quality) in [(&whole, Served::Refuses("restricted")), (&restriction, Served::Allows)] {
        for by in ["bruno", "carla"] {
            bench.service.release(&tenant(), by, hold.id).await.unwrap();
        }
        assert_eq!(bench.serves(id, "duty", Use::Replay, "").await, Served::Allows);
        assert_eq!(bench.serves(id, "quality", Use::Replay, "").await, quality);
    }
}

#[tokio::test]
async fn what_is_restricted_is_still_over_at_its_end() {
    let bench = Bench::new().await;
    let id = bench.recording().await;
    let restriction = new_hold(HoldKind::Restriction, Selector::Recordings([id].into()));
    bench.service.place(&tenant(), "paola", restriction.clone()).await.unwrap();
    let ends = bench.audio_ends(id, "quality").await;
    bench.clock.set(ends);
    assert_eq!(bench.serves(id, "quality", Use::Rights, "").await, Served::Refuses("period-over"));
    let claimed = bench.serves(id, "quality", Use::LegalClaim, &restriction.id.to_string()).await;
    assert_eq!(claimed, Served::Refuses("no-hold"));
    let due = bench.service.due(&tenant(), ends, None, 10).await.unwrap();
    assert_eq!((due.recordings.len(), due.recordings[0].held_by.as_slice()), (1, &[][..]));
}
