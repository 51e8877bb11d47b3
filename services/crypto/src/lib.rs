//! crypto
pub mod backend;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod store;
