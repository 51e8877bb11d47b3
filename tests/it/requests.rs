//! What people ask over their calls: each gets a complete answer, and nothing of anybody else.
//!
//! [`copies`] has what is handed out, checked by tools that are not ours, [`bystanders`] what is silent in it, [`rights`]
//! what is erased, restricted, held and refused, [`restrictions`] on which grounds and until when, [`statements`] what is
//! said of a call that stays as it was, [`disclosures`] who outside is told of it, and [`together`] requests that belong
//! together and lines that several people use.

mod bystanders;
mod copies;
mod disclosures;
mod restrictions;
mod rights;
mod statements;
mod together;
