//! Acts, pages and disclosures as both adapters keep them: the bytes of the wire, checked before they are written and
//! once they are read.

use crate::act::{Record, RequestKey};
use crate::disclosure::{Disclosure, DisclosureKey};
use crate::error::Error;
use crate::plan::PlanItem;
use crate::wire;

/// An act as bytes; one that could not be read again is refused, since nothing is ever written over.
pub(super) fn act(record: &Record) -> Result<Vec<u8>, Error> {
    let bytes = wire::encode(record);
    match wire::decode(&bytes) {
        Ok(read) if read == *record => Ok(bytes),
        Ok(_) | Err(_) => Err(Error::invalid("an act", "says what cannot be kept")),
    }
}

/// An act from bytes that lie at a place of a request.
pub(super) fn read_act(key: &RequestKey, version: u64, bytes: &[u8]) -> Result<Record, Error> {
    let record = wire::decode(bytes)?;
    let is_here = record.key == *key && record.version == version;
    if is_here { Ok(record) } else { Err(Error::Damaged("an act of another place")) }
}

/// A page as bytes; likewise.
pub(super) fn page(items: &[PlanItem]) -> Result<Vec<u8>, Error> {
    let bytes = wire::page(items);
    match wire::items(&bytes) {
        Ok(read) if read == items => Ok(bytes),
        Ok(_) | Err(_) => Err(Error::invalid("a page of a plan", "has what cannot be kept")),
    }
}

/// A disclosure as bytes; likewise.
pub(super) fn disclosure(disclosure: &Disclosure) -> Result<Vec<u8>, Error> {
    let bytes = wire::disclosure_bytes(disclosure);
    match wire::disclosure_from(&bytes) {
        Ok(read) if read == *disclosure => Ok(bytes),
        Ok(_) | Err(_) => Err(Error::invalid("a disclosure", "says what cannot be kept")),
    }
}

/// A disclosure from bytes that lie under a key at a version.
pub(super) fn read_disclosure(key: &DisclosureKey, version: u64, bytes: &[u8]) -> Result<Disclosure, Error> {
    let disclosure = wire::disclosure_from(bytes)?;
    let is_here = disclosure.key == *key && disclosure.version == version;
    if is_here { Ok(disclosure) } else { Err(Error::Damaged("a disclosure of another place")) }
}

/// Whether these are the numbers from `first` on, without a gap.
pub(super) fn in_order(first: u64, numbers: impl IntoIterator<Item = u64>) -> bool {
    (first..).zip(numbers).all(|(expected, number)| expected == number)
}
