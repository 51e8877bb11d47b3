//! Single values from the wire.

use std::collections::BTreeSet;

use kernel::{InvalidId, PurposeName};
use policy::code::Code;
use policy::request::{ItemKey, PlanName};

use crate::act::MAX_NAMED;
use crate::error::Error;

/// An id that must be there.
pub(super) fn id<T>(
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, InvalidId>,
    damaged: &'static str,
) -> Result<T, Error> {
    read(bytes).map_err(|_| Error::Damaged(damaged))
}

/// An id that may be missing.
pub(super) fn maybe_id<T>(
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, InvalidId>,
    damaged: &'static str,
) -> Result<Option<T>, Error> {
    if bytes.is_empty() { Ok(None) } else { id(bytes, read, damaged).map(Some) }
}

/// A value by its number.
pub(super) fn number<T>(
    number: i32,
    read: impl FnOnce(i32) -> Option<T>,
    damaged: &'static str,
) -> Result<T, Error> {
    read(number).ok_or(Error::Damaged(damaged))
}

/// Values by their numbers, each of them once.
pub(super) fn numbers<T: Ord>(
    numbers: &[i32],
    read: impl Fn(i32) -> Option<T>,
    damaged: &'static str,
) -> Result<BTreeSet<T>, Error> {
    let mut found = BTreeSet::new();
    for one in numbers {
        if !found.insert(number(*one, &read, damaged)?) {
            return Err(Error::Damaged(damaged));
        }
    }
    Ok(found)
}

/// The items that an act names, each of them once.
pub(super) fn keys(names: Vec<String>) -> Result<BTreeSet<ItemKey>, Error> {
    if names.len() > MAX_NAMED {
        return Err(Error::Damaged("an act on too many items"));
    }
    let named = names.len();
    let keys = names.into_iter().map(ItemKey::new).collect::<Result<BTreeSet<_>, _>>();
    let keys = keys.map_err(|_| Error::Damaged("an act on no known item"))?;
    if keys.len() == named { Ok(keys) } else { Err(Error::Damaged("an act on one item twice")) }
}

/// The ids that an act names, each of them once.
pub(super) fn ids<T: Ord>(
    ids: &[Vec<u8>],
    read: impl Fn(&[u8]) -> Result<T, InvalidId>,
    damaged: &'static str,
) -> Result<BTreeSet<T>, Error> {
    let found = ids.iter().map(|bytes| id(bytes, &read, damaged)).collect::<Result<BTreeSet<_>, _>>()?;
    let is_whole = ids.len() <= MAX_NAMED && found.len() == ids.len();
    if is_whole { Ok(found) } else { Err(Error::Damaged(damaged)) }
}

/// A plan's name.
pub(super) fn plan(name: String) -> Result<PlanName, Error> {
    PlanName::new(name).map_err(|_| Error::Damaged("an act on no known plan"))
}

/// A code that must be there.
pub(super) fn code(text: String, damaged: &'static str) -> Result<Code, Error> {
    Code::new(text).map_err(|_| Error::Damaged(damaged))
}

/// A code that may be missing.
pub(super) fn maybe_code(text: String, damaged: &'static str) -> Result<Option<Code>, Error> {
    if text.is_empty() { Ok(None) } else { code(text, damaged).map(Some) }
}

/// Purposes, each of them once.
pub(super) fn purposes(names: Vec<String>) -> Result<BTreeSet<PurposeName>, Error> {
    let damaged = || Error::Damaged("an act on no known purposes");
    if names.len() > MAX_NAMED {
        return Err(damaged());
    }
    let named = names.len();
    let purposes = names.into_iter().map(PurposeName::new).collect::<Result<BTreeSet<_>, _>>();
    let purposes = purposes.map_err(|_| damaged())?;
    if purposes.len() == named { Ok(purposes) } else { Err(damaged()) }
}
