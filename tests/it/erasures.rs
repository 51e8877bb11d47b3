//! What was erased is gone: on every surface, for every key in hand, and for what comes late. What was not stays.
//!
//! [`surfaces`] looks wherever a person may be found, [`duties`] at what a law keeps and for how long, [`parts`] at
//! pieces of a call, [`orders`] at the way of an order, its holds and its receipt, [`late`] at audio that comes after
//! its erasure, and [`locks`] at a server that deletes nothing before its own date.

mod duties;
mod late;
mod locks;
mod orders;
mod parts;
pub(crate) mod surfaces;
