//! What holds whatever happens to a disclosure.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What may happen to a disclosure.
#[derive(Clone, Debug)]
enum Happens {
    Notice(Cause, u8),
    Again(u8),
    Answer(u8, NoticeState, Option<Code>),
}

fn happens() -> impl Strategy<Value = Happens> {
    let filed = prop::option::of("[a-z]{1,3}".prop_map(|text| Code::new(text).unwrap()));
    prop_oneof![
        (select(Cause::ALL), 0..6_u8).prop_map(|(cause, act)| Happens::Notice(cause, act)),
        (0..6_u8).prop_map(Happens::Again),
        (0..6_u8, select(NoticeState::ALL), filed)
            .prop_map(|(act, state, filed)| Happens::Answer(act, state, filed)),
    ]
}

fn after(one: &Disclosure, happens: Happens, now: Timestamp) -> Option<Disclosure> {
    match happens {
        Happens::Notice(cause, number) => one.with_notice(cause, act(number), now).unwrap(),
        Happens::Again(number) => one.told_again(act(number), now),
        Happens::Answer(number, state, filed) => one.answered(act(number), state, filed, now).ok().flatten(),
    }
}

proptest! {
    #[test]
    fn whatever_happens_no_notice_is_lost_doubled_or_given_up(
        all in prop::collection::vec(happens(), 0..40),
    ) {
        let mut one = to("stt-vendor");
        for (second, happens) in (1..).zip(all) {
            let now = Timestamp(NOW.0 + second);
            let Some(next) = after(&one, happens, now) else { continue };
            prop_assert_eq!(next.version, one.version + 1);
            prop_assert!(next.is_same(&one));
            prop_assert!(next != one, "a version in which nothing changed");
            let acts: BTreeSet<_> = next.notices.iter().map(|notice| notice.act).collect();
            prop_assert_eq!(acts.len(), next.notices.len());
            prop_assert!(next.notices.len() >= one.notices.len());
            for (before, now) in one.notices.iter().zip(&next.notices) {
                prop_assert_eq!((before.act, before.cause, before.since), (now.act, now.cause, now.since));
                prop_assert!(before.told <= now.told && before.told_at <= now.told_at);
                if before.state == NoticeState::Acknowledged {
                    prop_assert_eq!(before, now);
                }
                if !now.state.is_open() {
                    prop_assert!(now.answered_at.is_some(), "nothing is settled without an answer");
                }
            }
            let has_open = next.notices.iter().any(|notice| notice.state.is_open());
            prop_assert_eq!(next.is_open(), has_open);
            one = next;
        }
    }

    #[test]
    fn whatever_happens_can_be_kept(all in prop::collection::vec(happens(), 0..40)) {
        let mut one = to("stt-vendor");
        for (second, happens) in (1..).zip(all) {
            one = after(&one, happens, Timestamp(NOW.0 + second)).unwrap_or(one);
            let bytes = crate::wire::disclosure_bytes(&one);
            prop_assert_eq!(&crate::wire::disclosure_from(&bytes).unwrap(), &one);
        }
    }
}
