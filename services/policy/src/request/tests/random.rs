use proptest::prelude::*;

use super::model::{both, universe};
use super::steps::check;
use super::*;

/// The events of the model, and those that it leaves out.
fn all_events() -> Vec<Event> {
    let by = who("anna");
    let mut events = universe();
    let other = after(&received("r2", &[Right::Access]), to_discovering());
    let (reason, notice_delivered_at) = (deadline::Reason::Number, Some(next_day()));
    events.extend([
        Event::Merged { part: other.part().unwrap(), by: by.clone() },
        Event::MergedInto { into: key("r2"), by: by.clone() },
        Event::Unmerged { other: key("r2"), by: by.clone() },
        Event::AnsweredWith { into: key("r2"), ending: Ending::Partial, by: by.clone() },
        Event::DuplicateLinked { of: key("r3"), by: by.clone() },
        Event::Extended { reason, notice_delivered_at, by },
    ]);
    events
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_the_rules(
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0i64..48), 0..120),
    ) {
        let events = all_events();
        let mut request = both();
        let mut now = next_day();
        for (index, hours) in steps {
            now = Timestamp(now.0 + hours * 3_600_000_000);
            let mut possible = events.clone();
            possible.push(delivered(&request));
            // Of events at random few are taken, so the ones that the state does not know are left out.
            possible.retain(|event| event.kind().states().contains(&request.state()));
            if possible.is_empty() {
                prop_assert_eq!(request.state(), State::Closed);
                break;
            }
            let event = index.get(possible.as_slice()).clone();
            let kind = event.kind();
            let Ok(next) = request.apply(event, now) else { continue };
            check(&request, kind, &next);
            request = next;
        }
    }

    #[test]
    fn time_alone_changes_nothing(hours in 0i64..100_000) {
        let now = Timestamp(next_day().0 + hours * 3_600_000_000);
        for &state in State::OPEN {
            let request = in_state(state);
            let overdue = now >= request.clock().due().strict.ends;
            prop_assert_eq!(request.is_overdue(now), overdue);
            prop_assert_eq!(request.state(), state);
        }
    }
}
