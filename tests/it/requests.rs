//! What people ask over their calls: each gets a complete answer, and nothing of anybody else.
//!
//! [`copies`] has what is handed out, checked by tools that are not ours, and [`rights`] what is erased, restricted, held
//! and refused.

mod copies;
mod rights;
