//! What a change does to a slot and to the counts of its page: the same in every adapter.

use kernel::ErrorCode;

use super::{Change, EntryBody, MAX_CHANGES, PageRow, StoreError};

impl Change {
    /// Which slot.
    pub fn slot(&self) -> u16 {
        let (Self::Add(slot, _) | Self::Replace(slot, _) | Self::Destroy(slot)) = self;
        *slot
    }

    /// What lies in the slot afterwards; nothing where it destroys.
    pub fn sealed(&self) -> Option<&[u8]> {
        match self {
            Self::Add(_, sealed) | Self::Replace(_, sealed) => Some(sealed),
            Self::Destroy(_) => None,
        }
    }

    /// Whether the slot is in the state that the change names.
    pub(super) fn fits(&self, before: Option<&EntryBody>) -> bool {
        match (self, before) {
            (Self::Add(..) | Self::Destroy(_), None)
            | (Self::Replace(..) | Self::Destroy(_), Some(EntryBody::Sealed(_))) => true,
            (Self::Add(..), Some(_))
            | (Self::Replace(..), None | Some(EntryBody::Destroyed))
            | (Self::Destroy(_), Some(EntryBody::Destroyed)) => false,
        }
    }
}

impl PageRow {
    /// Counts a change of a slot that held `before`.
    pub(super) fn count(&mut self, change: &Change, before: Option<&EntryBody>) {
        let held = match before {
            Some(EntryBody::Sealed(sealed)) => Some(sealed.len() as u64),
            Some(EntryBody::Destroyed) | None => None,
        };
        let holds = change.sealed().map(|sealed| sealed.len() as u64);
        self.dirty |= held.is_some();
        self.added += u64::from(held.is_none() && holds.is_some());
        self.removed += u64::from(held.is_some() && holds.is_none());
        self.bytes = self.bytes.saturating_sub(held.unwrap_or(0)) + holds.unwrap_or(0);
    }
}

/// Refuses changes that cannot be one write: too many, or two of one slot.
pub(super) fn check(changes: &[Change]) -> Result<(), StoreError> {
    let refuse = |why| Err(StoreError::new("write a page", ErrorCode::InvalidArgument, why));
    if changes.len() > MAX_CHANGES {
        return refuse("more changes than one write may have");
    }
    let mut slots: Vec<_> = changes.iter().map(Change::slot).collect();
    slots.sort_unstable();
    slots.dedup();
    if slots.len() == changes.len() { Ok(()) } else { refuse("two changes of one slot") }
}
