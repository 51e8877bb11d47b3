//! Which key epochs of a tenant this process was given and what still rests on them: pure but for counting.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use kernel::{KeyEpoch, Timestamp};

/// While one lives something is being sealed to its epoch, or is on its way to the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold(#[allow(dead_code, reason = "it is held, not read")] Arc<()>);

/// One tenant's epochs.
#[derive(Default)]
pub(super) struct Held(BTreeMap<KeyEpoch, Given>);

struct Given {
    until: Timestamp,
    hold: Weak<()>,
}

impl Held {
    /// The epoch was given; what it is sealed to by keeps this.
    pub(super) fn give(&mut self, epoch: KeyEpoch, until: Timestamp) -> Hold {
        let given = self.0.entry(epoch).or_insert_with(|| Given { until, hold: Weak::new() });
        given.until = given.until.max(until);
        let hold = given.hold.upgrade().unwrap_or_default();
        given.hold = Arc::downgrade(&hold);
        Hold(hold)
    }

    /// The last epoch up to which all are over and nothing rests on any of them.
    pub(super) fn over(&self, now: Timestamp) -> Option<KeyEpoch> {
        let is_over = |given: &Given| given.until <= now && given.hold.strong_count() == 0;
        self.0.iter().take_while(|(_, given)| is_over(given)).map(|(epoch, _)| *epoch).last()
    }

    /// They were left.
    pub(super) fn left(&mut self, through: KeyEpoch) {
        // One of them that came again meanwhile is left the next time.
        self.0.retain(|epoch, given| *epoch > through || given.hold.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_over_when_its_time_is_and_nothing_rests_on_it_or_on_one_before() {
        let mut held = Held::default();
        let (at, epoch) = (Timestamp, KeyEpoch);
        let first = held.give(epoch(1), at(10));
        let again = held.give(epoch(1), at(10));
        let second = held.give(epoch(2), at(20));
        drop(first);
        assert_eq!(held.over(at(30)), None, "a clone still holds");
        drop(second);
        assert_eq!(held.over(at(30)), None, "the one before is held");
        drop(again);
        assert_eq!(held.over(at(9)), None);
        assert_eq!(held.over(at(10)), Some(epoch(1)));
        assert_eq!(held.over(at(30)), Some(epoch(2)));
        held.left(epoch(1));
        assert_eq!((held.over(at(10)), held.over(at(30))), (None, Some(epoch(2))));
        let third = held.give(epoch(3), at(40));
        held.left(epoch(3));
        assert_eq!(held.over(at(50)), None, "what is held is not forgotten");
        drop(third);
        assert_eq!(held.over(at(50)), Some(epoch(3)));
    }
}
