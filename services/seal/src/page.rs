//! Entries: what lets one purpose open exactly the spans of one section that it may use.

use kernel::{LegNo, PageId, PurposeName, RecordingId, SectionNo, TenantId};
use zeroize::Zeroizing;

use crate::cbor::{DecodeError, Reader, Writer};
use crate::error::Error;
use crate::header::SectionAddress;
use crate::key::PageKey;
use crate::tree::{Cover, MAX_NODES};
use crate::wrap::{self, WrapContext};

/// A page closes at so many entries.
pub const MAX_ENTRIES: u16 = 1_024;
/// A page closes at so many bytes of sealed entries.
pub const MAX_BYTES: usize = 512 * 1_024;
/// The reserved purpose under which a section's root waits for the sealing; it serves no reader.
pub const SEALING: &str = "sealing";
/// The reserved purpose under which a subject's identifier values are kept.
pub const SUBJECT: &str = "subject";

/// One section's cover for one purpose.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The section whose spans it opens.
    pub section: SectionAddress,
    /// Whose purpose it serves.
    pub purpose: PurposeName,
    /// What it opens.
    pub cover: Cover,
}

/// Where an entry lies; it opens nowhere else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryPlace {
    /// Whose page.
    pub tenant: TenantId,
    /// Which page.
    pub page: PageId,
    /// Under which generation of the page's key.
    pub generation: u32,
    /// Which slot, from 0.
    pub slot: u16,
}

/// Seals an entry for its place.
pub fn seal_entry(key: &PageKey, place: &EntryPlace, entry: &Entry) -> Result<Vec<u8>, Error> {
    check_slot(place)?;
    wrap::wrap(key, &WrapContext::Entry(place.clone()), &entry.encode()?)
}

/// Opens the entry at its place.
pub fn open_entry(key: &PageKey, place: &EntryPlace, sealed: &[u8]) -> Result<Entry, Error> {
    check_slot(place)?;
    let encoded = wrap::unwrap(key, &WrapContext::Entry(place.clone()), sealed)?;
    Ok(Entry::decode(&encoded)?)
}

impl Entry {
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        Error::bounded("number of cover nodes", self.cover.node_count(), MAX_NODES)?;
        let mut w = Writer::with_capacity(128 + self.cover.encoded_len_bound());
        w.map(5).key(1).bytes(&self.section.recording.to_bytes());
        w.key(2).uint(self.section.leg.0).key(3).uint(self.section.section.0);
        w.key(4).text(self.purpose.as_str()).key(5);
        self.cover.write(&mut w);
        Ok(Zeroizing::new(w.finish()))
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("entry", bytes);
        let mut f = r.map()?;
        r.field(&mut f, 1, "recording")?;
        let recording = RecordingId::from_bytes(r.fixed()?);
        r.field(&mut f, 2, "leg")?;
        let leg = LegNo(r.narrow()?);
        r.field(&mut f, 3, "section")?;
        let section = SectionNo(r.narrow()?);
        r.field(&mut f, 4, "purpose")?;
        let purpose = r.name()?;
        r.field(&mut f, 5, "cover")?;
        let cover = Cover::read(&mut r)?;
        r.end(&f)?;
        r.finish()?;
        Ok(Self { section: SectionAddress { recording, leg, section }, purpose, cover })
    }
}

fn check_slot(place: &EntryPlace) -> Result<(), Error> {
    Error::bounded("slot", place.slot.into(), usize::from(MAX_ENTRIES) - 1)
}

#[cfg(test)]
mod tests;
