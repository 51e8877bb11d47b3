//! What is in a package, what is not, and how it ends where it cannot be whole.

mod bench;
mod page;
mod portable;
mod recipients;
mod silenced;
mod streaming;
mod whole;
