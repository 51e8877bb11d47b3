//! Stored spans by ranged reads, with a bounded read-ahead per leg.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::objects::{Key, ObjectStore};
use bytes::Bytes;
use kernel::LegNo;

use super::plan::{Item, PlannedSpan};
use crate::error::Error;

/// Reads spans; neighbours in one object come with one read.
pub(super) struct Fetch {
    objects: Arc<dyn ObjectStore>,
    read_bytes: u64,
    /// The last read of each leg.
    ahead: BTreeMap<LegNo, Ahead>,
}

struct Ahead {
    object: Key,
    offset: u64,
    bytes: Bytes,
}

impl Fetch {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, read_bytes: u64) -> Self {
        Self { objects, read_bytes, ahead: BTreeMap::new() }
    }

    /// A span's container. `rest` is what will be wanted after it.
    pub(super) async fn container<'i>(
        &mut self,
        wanted: &PlannedSpan,
        rest: impl Iterator<Item = &'i Item>,
    ) -> Result<Bytes, Error> {
        let leg = wanted.span.leg;
        if let Some(bytes) = self.ahead.get(&leg).and_then(|ahead| ahead.cut(wanted)) {
            return Ok(bytes);
        }
        let end = self.end(wanted, rest);
        let (object, offset) = (wanted.object.name.clone(), wanted.span.offset);
        let bytes = self.objects.get(&object, None, Some(offset..end)).await?.bytes;
        let ahead = Ahead { object, offset, bytes };
        let found = ahead.cut(wanted);
        self.ahead.insert(leg, ahead);
        found.ok_or(Error::Invalid { what: "an object", problem: "ends before its spans do" })
    }

    /// How far to read: on through spans that follow in the same object, up to the bound.
    fn end<'i>(&self, wanted: &PlannedSpan, rest: impl Iterator<Item = &'i Item>) -> u64 {
        let mut end = wanted.span.offset + u64::from(wanted.span.length);
        for item in rest {
            let Item::Span(next) = item else { continue };
            if next.object.name != wanted.object.name {
                if next.span.leg == wanted.span.leg {
                    break;
                }
                continue;
            }
            let after = next.span.offset + u64::from(next.span.length);
            if after - wanted.span.offset > self.read_bytes {
                break;
            }
            end = end.max(after);
        }
        end
    }
}

impl Ahead {
    fn cut(&self, wanted: &PlannedSpan) -> Option<Bytes> {
        if self.object != wanted.object.name {
            return None;
        }
        let from = usize::try_from(wanted.span.offset.checked_sub(self.offset)?).ok()?;
        let to = from.checked_add(wanted.span.length as usize)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}
