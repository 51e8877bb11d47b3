//! verbale: the only binary. It owns the command line, the list of roles, their wiring, and the demo; what the
//! mesh does is in the roles.
//!
//! Read [`app`] (from arguments to exit code), [`mesh`] (a running mesh), [`wiring`] (who stands on what). For
//! the command line: [`cli`], [`commands`], [`connect`], [`output`], [`timeline`]. For sending calls: [`sender`],
//! [`call_file`], [`wav`]. [`demo`] puts all of it together, [`bench`] measures it, [`drill`] has domain time run ahead.

pub mod app;
pub mod mesh;
pub mod wiring;

pub mod config;
pub mod role;

pub mod cli;
pub mod commands;
pub mod connect;
pub mod output;
pub mod shown;
pub mod timeline;

pub mod call_file;
pub mod sender;
pub mod wav;

pub mod bench;
pub mod demo;
pub mod drill;
pub mod offline;
