//! Where records lie: in folders of a thousand, so that no folder grows without end, and with zeros before, so that
//! the order of keys is the order of numbers.
//!
//! ```text
//! <prefix><number / 1000, 17 digits>/<number % 1000, 3 digits>
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::Clock;
use objects::{Enforcement, Key, ObjectStore, Prefix, PutOptions};

use crate::error::{Break, Error};
use crate::record::MAX_RECORD;

const FOLDER: u64 = 1_000;

/// The objects of the journal.
pub(super) struct Shelf {
    objects: Arc<dyn ObjectStore>,
    prefix: Prefix,
    clock: Arc<dyn Clock>,
    horizon: Duration,
}

impl Shelf {
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        prefix: Prefix,
        clock: Arc<dyn Clock>,
        horizon: Duration,
    ) -> Result<Self, Error> {
        if objects.capabilities().conditional_put == Enforcement::NotEnforced {
            return Err(Error::Unfit("the object store lets two writers take one number"));
        }
        if !prefix.as_str().is_empty() && !prefix.as_str().ends_with('/') {
            return Err(Error::Unfit("the prefix does not end with /"));
        }
        if Key::new(text_of(&prefix, u64::MAX)).is_err() {
            return Err(Error::Unfit("the prefix leaves no room for a number"));
        }
        if horizon.is_zero() {
            return Err(Error::Unfit("the horizon is zero"));
        }
        Ok(Self { objects, prefix, clock, horizon })
    }

    /// The numbers after `after`, ascending, at most `limit`.
    pub(super) async fn numbers_after(&self, after: u64, limit: usize) -> Result<Vec<u64>, Error> {
        let listed = self.objects.list(&self.prefix, Some(&self.key(after)), limit).await;
        let keys = listed.map_err(Error::List)?.into_iter().map(|listed| listed.key);
        keys.map(|key| self.number_of(&key).ok_or(Error::NotARecord { key })).collect()
    }

    /// The first number after `after`.
    pub(super) async fn first_after(&self, after: u64) -> Result<Option<u64>, Error> {
        Ok(self.numbers_after(after, 1).await?.pop())
    }

    /// Whether a record is there.
    pub(super) async fn has(&self, number: u64) -> Result<bool, Error> {
        match self.objects.head(&self.key(number), None).await {
            Ok(_) => Ok(true),
            Err(objects::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(Error::Get { number, source }),
        }
    }

    /// A record's bytes, if it is there; never more than a record has.
    pub(super) async fn get(&self, number: u64) -> Result<Option<Bytes>, Error> {
        let broken = |source| Error::Broken { number, source };
        let bound = MAX_RECORD as u64;
        let object = match self.objects.get(&self.key(number), None, Some(0..bound)).await {
            Ok(object) => object,
            Err(objects::Error::NotFound { .. }) => return Ok(None),
            Err(objects::Error::RangeOutside { .. }) => return Err(broken(Break::Length)),
            Err(source) => return Err(Error::Get { number, source }),
        };
        if object.head.length > bound {
            return Err(broken(Break::Length));
        }
        // A store checks this in whole reads alone.
        if objects::sha256(&object.bytes) != object.head.sha256 {
            return Err(broken(Break::Damaged));
        }
        Ok(Some(object.bytes))
    }

    /// Puts a record where nothing is, locked for the horizon from now.
    pub(super) async fn put(&self, number: u64, bytes: Vec<u8>) -> Result<(), objects::Error> {
        let has_locks = self.objects.capabilities().locks == Enforcement::Enforced;
        let retain_until = has_locks.then(|| self.clock.now().plus(self.horizon));
        let options = PutOptions { retain_until, ..PutOptions::default() };
        self.objects.put(&self.key(number), bytes.into(), options).await.map(drop)
    }

    fn key(&self, number: u64) -> Key {
        Key::new(text_of(&self.prefix, number)).expect("the prefix was found to leave room for it")
    }

    fn number_of(&self, key: &Key) -> Option<u64> {
        let (folder, rest) = key.as_str().strip_prefix(self.prefix.as_str())?.split_once('/')?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(folder, 17) || !is_number(rest, 3) {
            return None;
        }
        // Three digits count a thousand: written together the two are the number.
        format!("{folder}{rest}").parse().ok()
    }
}

fn text_of(prefix: &Prefix, number: u64) -> String {
    format!("{prefix}{:017}/{:03}", number / FOLDER, number % FOLDER)
}

#[cfg(test)]
mod tests {
    use kernel::ManualClock;
    use objects::MemoryObjects;

    use super::*;

    fn shelf(prefix: &str) -> Result<Shelf, Error> {
        let clock = Arc::new(ManualClock::default());
        let objects = Arc::new(MemoryObjects::new(clock.clone()));
        Shelf::new(objects, Prefix::new(prefix).unwrap(), clock, Duration::from_secs(1))
    }

    #[test]
    fn keys_are_in_the_order_of_numbers() {
        let shelf = shelf("keys/journal/").unwrap();
        let numbers = [0, 1, 9, 10, 999, 1_000, 1_001, 99_999, 100_000, 123_456_789, u64::MAX - 1, u64::MAX];
        let keys = numbers.map(|number| shelf.key(number));
        assert!(keys.is_sorted());
        assert_eq!(keys[6].as_str(), "keys/journal/00000000000000001/001");
        assert_eq!(keys.map(|key| shelf.number_of(&key)), numbers.map(Some));
    }

    #[test]
    fn what_is_no_number_is_no_record() {
        let shelf = shelf("journal/").unwrap();
        for other in [
            "journal/readme",
            "journal/00000000000000001/1",
            "journal/0000000000000001/001",
            "journal/00000000000000001/001/a",
            "journal/00000000000000001/00a",
            "journal/99999999999999999/999",
            "other/00000000000000001/001",
        ] {
            assert_eq!(shelf.number_of(&Key::new(other).unwrap()), None, "{other}");
        }
    }

    #[test]
    fn a_prefix_is_a_folder_with_room_for_numbers() {
        assert!(shelf("").is_ok() && shelf("journal/").is_ok());
        let long = format!("{}/", vec!["a".repeat(124); 4].join("/"));
        for bad in ["journal", "a/journal", &long[..]] {
            assert!(matches!(shelf(bad), Err(Error::Unfit(_))), "{bad}");
        }
    }
}
