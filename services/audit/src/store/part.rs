//! Numbers of the index: of incarnations, of partitions' logs, of all logs. They are in its tables, and never reused.
//!
//! ```text
//! a partition's log   generation << 16 | partition
//! a root log          -(generation + 1)
//! ```
//!
//! In an index of one incarnation they are the partition's own number and -1.

use std::fmt;

use crate::name::{Incarnation, LogName};
use crate::succession::Succession;

/// The number of an incarnation in the index, from 0 in the order in which they began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Generation(u16);

/// The log of a partition in one incarnation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(u32);

/// A log of one incarnation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogId {
    /// A partition's.
    Part(Part),
    /// The root log.
    Root(Generation),
}

/// An incarnation and its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Era {
    /// Its number.
    pub generation: Generation,
    /// Which.
    pub incarnation: Incarnation,
}

/// An incarnation that the index has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// Which.
    pub era: Era,
    /// What it follows; nothing where it is the first.
    pub after: Option<Succession>,
}

/// Bits of a partition in a part's number.
const BITS: u32 = 16;
const MASK: u32 = (1 << BITS) - 1;

const _: () = assert!(kernel::topics::AUDIT.partitions <= MASK);

impl Generation {
    /// The first incarnation's.
    pub const FIRST: Self = Self(0);
    /// The highest: a part's number stays below 2^31.
    const MAX: u16 = i16::MAX.unsigned_abs();

    /// The one after this, if there may be another.
    pub fn next(self) -> Option<Self> {
        Self::from_number(i64::from(self.0) + 1)
    }
    /// Its number in tables.
    pub fn number(self) -> i64 {
        i64::from(self.0)
    }
    /// The generation with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        u16::try_from(number).ok().filter(|own| *own <= Self::MAX).map(Self)
    }
}

impl Part {
    /// A partition of the audit topic in a generation. It has fewer than 65,536.
    pub const fn of(generation: Generation, partition: u32) -> Self {
        debug_assert!(partition <= MASK);
        Self(((generation.0 as u32) << BITS) | (partition & MASK))
    }
    /// The partition.
    pub const fn partition(self) -> u32 {
        self.0 & MASK
    }
    /// The generation.
    pub fn generation(self) -> Generation {
        Generation(u16::try_from(self.0 >> BITS).unwrap_or(Generation::MAX))
    }
    /// Its number in tables and tokens.
    pub const fn number(self) -> u32 {
        self.0
    }
    /// The part with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Generation::from_number(i64::from(number >> BITS)).map(|_| Self(number))
    }
}

impl LogId {
    /// A log of a generation.
    pub fn of(generation: Generation, log: LogName) -> Self {
        match log {
            LogName::Partition(partition) => Self::Part(Part::of(generation, partition)),
            LogName::Root => Self::Root(generation),
        }
    }
    /// What it is called in its incarnation.
    pub fn name(self) -> LogName {
        match self {
            Self::Part(part) => LogName::Partition(part.partition()),
            Self::Root(_) => LogName::Root,
        }
    }
    /// Whose it is.
    pub fn generation(self) -> Generation {
        match self {
            Self::Part(part) => part.generation(),
            Self::Root(generation) => generation,
        }
    }
    /// Its number in tables.
    pub fn number(self) -> i64 {
        match self {
            Self::Part(part) => i64::from(part.number()),
            Self::Root(generation) => -1 - generation.number(),
        }
    }
    /// The log with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        if number < 0 {
            return Generation::from_number(-1 - number).map(Self::Root);
        }
        u32::try_from(number).ok().and_then(Part::from_number).map(Self::Part)
    }
}

impl Era {
    /// A log of it.
    pub fn log(self, log: LogName) -> LogId {
        LogId::of(self.generation, log)
    }
    /// A partition's log of it.
    pub fn part(self, partition: u32) -> Part {
        Part::of(self.generation, partition)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.generation().0, self.partition())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_those_of_the_first_incarnation_are_the_partitions_own() {
        let last = Generation::from_number(i64::from(Generation::MAX)).unwrap();
        for generation in [Generation::FIRST, Generation::FIRST.next().unwrap(), last] {
            for log in [LogName::Partition(0), LogName::Partition(3), LogName::Partition(MASK), LogName::Root]
            {
                let id = LogId::of(generation, log);
                assert_eq!(LogId::from_number(id.number()), Some(id));
                assert_eq!((id.generation(), id.name()), (generation, log));
                assert!(i32::try_from(id.number()).is_ok(), "{id:?}");
            }
        }
        assert_eq!(LogId::of(Generation::FIRST, LogName::Partition(3)).number(), 3);
        assert_eq!(LogId::of(Generation::FIRST, LogName::Root).number(), -1);
        assert_eq!(last.next(), None);
        for foreign in [1 << 31, i64::MAX, i64::MIN, -1 - (1 << 15)] {
            assert_eq!(LogId::from_number(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn parts_are_in_the_order_of_incarnations() {
        let second = Generation::FIRST.next().unwrap();
        assert!(Part::of(Generation::FIRST, 3) < Part::of(second, 0));
    }
}
