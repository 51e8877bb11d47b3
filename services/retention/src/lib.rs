//! retention: how long recordings are kept, what keeps them longer, and what is due.
//!
//! It owns a row for each sealed recording with the end of every purpose ([`kept`]), the index of what is due, the
//! holds that keep a recording whatever its ends ([`hold`]), and the orders by which an authority lengthens a
//! regime's period. It keeps no audio and no key, erases nothing, and decides no period: `policy` does.
//!
//! Read [`kept`] and [`hold`], which are pure, then [`store`]; `contract` says what every adapter must keep.

pub mod hold;
pub mod kept;
pub mod store;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use store::{Store, StoreError};
