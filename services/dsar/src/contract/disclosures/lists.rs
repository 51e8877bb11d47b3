//! Disclosures by their recording, by whether a notice is open, and by whose they are.

use kernel::{DisclosureId, RecordingId};
use policy::code::Code;
use policy::request::NoticeState;

use super::super::appended;
use super::super::sample::disclosures::{Given, disclosure_key, to_vendor};
use super::super::sample::{Step, alfa, beta, id_of, key, tenant};
use super::{given, got, of_recording, unanswered};
use crate::disclosure::Disclosure;
use crate::store::{Disclosures, Store};

/// In every quarter of what is unanswered, more than one in some.
const NUMBERS: [u8; 9] = [8, 1, 0xff, 5, 2, 4, 0, 7, 6];

fn at(number: u8) -> DisclosureId {
    DisclosureId::from_bytes(id_of(3, number).to_bytes())
}

fn sorted<'g>(all: impl IntoIterator<Item = &'g Given>) -> Vec<Disclosure> {
    let mut found: Vec<_> = all.into_iter().map(|given| given.disclosure.clone()).collect();
    found.sort_by_key(|disclosure| disclosure.key.id);
    found
}

/// Whatever became of their notices; and of no other recording.
pub async fn the_disclosures_of_a_recording_come_in_order_and_pages(store: &dyn Disclosures) {
    let (recording, other) = (RecordingId::new(), RecordingId::new());
    let mut own = Vec::new();
    for number in NUMBERS {
        let of = if number == 5 { other } else { recording };
        let one = Given::of(to_vendor(disclosure_key(alfa(), at(number)), of));
        given(store, &one).await;
        if of == recording {
            own.push(one);
        }
    }
    own[3] = own[3].due();
    given(store, &own[3]).await;
    let expected = sorted(&own);
    for limit in [1, 2, 3, 1_000] {
        let mut found: Vec<Disclosure> = Vec::new();
        loop {
            let after = found.last().map(|disclosure| disclosure.key.id);
            let page = store.of_recording(&alfa(), recording, after, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "{limit} at once");
    }
    let after = store.of_recording(&alfa(), recording, Some(at(5)), 100).await.expect("read");
    let later: Vec<_> = expected.into_iter().filter(|disclosure| disclosure.key.id > at(5)).collect();
    assert_eq!(after, later, "after one that is not of it");
    assert_eq!(of_recording(store, &alfa(), RecordingId::new()).await, []);
    assert_eq!(store.of_recording(&alfa(), recording, None, 0).await.expect("read"), []);
}

/// Also once all were answered and another act needs a notice, however often it was looked at before.
pub async fn a_disclosure_is_unanswered_while_a_notice_is_open(store: &dyn Disclosures) {
    let first = Given::first();
    let due = first.due();
    let again = due.told_again();
    let failed = again.failed();
    let acknowledged = failed.acknowledged();
    let another = acknowledged.due();
    let filed = Some(Code::new("effort-2").expect("a code"));
    let impossible = another.answered(NoticeState::Impossible, filed);
    let third = impossible.due();
    let fourth = third.due();
    let third_alone = fourth.acknowledged();
    for (step, is_open) in [
        (&first, false),
        (&due, true),
        (&again, true),
        (&failed, true),
        (&acknowledged, false),
        (&another, true),
        (&impossible, false),
        (&third, true),
        (&fourth, true),
        (&third_alone, true),
    ] {
        given(store, step).await;
        for _ in 0..2 {
            let expected = if is_open { vec![step.disclosure.clone()] } else { Vec::new() };
            assert_eq!(unanswered(store, &alfa()).await, expected, "version {}", step.disclosure.version);
        }
    }
}

/// Those of which all is answered are passed over.
pub async fn unanswered_disclosures_come_in_order_and_pages(store: &dyn Disclosures) {
    let (mut open, mut settled) = (Vec::new(), Vec::new());
    for number in NUMBERS {
        let first = Given::of(to_vendor(disclosure_key(alfa(), at(number)), RecordingId::new()));
        given(store, &first).await;
        let due = first.due();
        given(store, &due).await;
        if number % 3 == 1 { settled.push(due) } else { open.push(due) }
    }
    for due in &settled {
        given(store, &due.acknowledged()).await;
    }
    given(store, &Given::first()).await;
    let expected = sorted(&open);
    for limit in [1, 2, 4, 1_000] {
        let mut found: Vec<Disclosure> = Vec::new();
        loop {
            let after = found.last().map(|disclosure| disclosure.key.id);
            let page = store.unanswered(&alfa(), after, limit).await.expect("read");
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "{limit} at once");
    }
    let after = store.unanswered(&alfa(), Some(at(4)), 100).await.expect("read");
    let later: Vec<_> = expected.into_iter().filter(|disclosure| disclosure.key.id > at(4)).collect();
    assert_eq!(after, later, "after one that is answered");
    assert_eq!(store.unanswered(&alfa(), None, 0).await.expect("read"), []);
}

/// Whether or not they have requests.
pub async fn tenants_with_disclosures_are_listed_once_in_order<S: Disclosures + Store>(store: &S) {
    for name in ["telco-beta", "banca-alfa", "utility-gamma", "banca-alfa", "banca-alfa-2"] {
        let key = disclosure_key(tenant(name), DisclosureId::new());
        given(store, &Given::of(to_vendor(key, RecordingId::new()))).await;
    }
    let request = Step::first();
    let key = key(tenant("asked-only"), request.head.key.id);
    appended(store, &Step::of(key, request.head.subject)).await;
    let listed = store.disclosing().await.expect("read");
    let listed: Vec<_> = listed.iter().map(|tenant| tenant.as_str()).collect();
    assert_eq!(listed, ["banca-alfa", "banca-alfa-2", "telco-beta", "utility-gamma"]);
    assert_eq!(store.tenants().await.expect("read"), [tenant("asked-only")]);
}

/// The same ids under another tenant are other things.
pub async fn tenants_see_nothing_of_each_others_disclosures(store: &dyn Disclosures) {
    let first = Given::first();
    let own = first.due();
    let recording = own.disclosure.recording;
    given(store, &first).await;
    given(store, &own).await;
    let theirs = Given::of(to_vendor(disclosure_key(beta(), own.disclosure.key.id), recording));
    assert_eq!(got(store, &theirs.disclosure.key).await, None);
    assert_eq!(of_recording(store, &beta(), recording).await, []);
    assert_eq!(unanswered(store, &beta()).await, []);
    given(store, &theirs).await;
    assert_eq!(unanswered(store, &beta()).await, []);
    assert_eq!(of_recording(store, &beta(), recording).await, [theirs.disclosure]);
    let expected = std::slice::from_ref(&own.disclosure);
    assert_eq!(got(store, &own.disclosure.key).await.as_ref(), Some(&own.disclosure));
    assert_eq!(of_recording(store, &alfa(), recording).await, expected);
    assert_eq!(unanswered(store, &alfa()).await, expected);
}
