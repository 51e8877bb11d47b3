//! How a page comes under another epoch: the same in every adapter.

use kernel::{ErrorCode, KeyEpoch};

use super::{EntryRow, PageRow, StoreError};

/// A page and its slots as of one version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WholePage {
    /// The page.
    pub row: PageRow,
    /// Every slot that was written, in order.
    pub entries: Vec<EntryRow>,
}

/// What a page is from its turn on.
#[derive(Clone, PartialEq, Eq)]
pub enum NextGeneration {
    /// Its key stays, wrapped anew: nothing was removed under it.
    Rewrapped {
        /// The epoch whose KEK wraps it now.
        epoch: KeyEpoch,
        /// The wrapped key.
        key: Vec<u8>,
    },
    /// What is left of it, sealed under a fresh key.
    Resealed {
        /// The epoch whose KEK wraps the fresh key.
        epoch: KeyEpoch,
        /// The next number after the page's.
        generation: u32,
        /// The fresh key, wrapped.
        key: Vec<u8>,
        /// *Every* slot that was written, destroyed ones with nothing. As slots are never taken away, whoever writes
        /// all of them also overwrites whatever an attempt before left of this generation.
        entries: Vec<(u16, Option<Vec<u8>>)>,
    },
}

impl NextGeneration {
    /// The page's row afterwards. Refused where it does not follow from the row.
    pub(super) fn after(&self, row: &PageRow) -> Result<PageRow, StoreError> {
        let refuse = |why| Err(StoreError::new("turn a page", ErrorCode::InvalidArgument, why));
        let turned = PageRow { version: row.version + 1, dirty: false, ..row.clone() };
        match self {
            Self::Rewrapped { .. } if row.dirty => refuse("what was removed under its key must not stay"),
            Self::Rewrapped { epoch, key } => Ok(PageRow { epoch: *epoch, key: key.clone(), ..turned }),
            Self::Resealed { epoch, generation, key, entries } => {
                if row.generation.checked_add(1) != Some(*generation) {
                    return refuse("the generation is not the next one");
                }
                if !entries.is_sorted_by(|one, other| one.0 < other.0) {
                    return refuse("slots are not in order");
                }
                let bytes = entries.iter().filter_map(|(_, sealed)| sealed.as_ref());
                let bytes = bytes.map(|sealed| sealed.len() as u64).sum();
                let (epoch, generation, key) = (*epoch, *generation, key.clone());
                Ok(PageRow { epoch, generation, key, bytes, ..turned })
            }
        }
    }
}
