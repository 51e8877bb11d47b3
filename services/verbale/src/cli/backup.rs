//! `verbale backup`.

use std::path::PathBuf;

use clap::Subcommand;

/// `verbale backup`.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Copy the data directory (--data) while the mesh runs, or does not. Keys are not in it: they are copied apart, to
    /// `storage.key_copies`, and the restrictive journal lies with the keys.
    Create {
        /// A directory that does not exist yet, outside of the data and keys directories.
        to: PathBuf,
    },
    /// Put a backup where the data directory (--data) is to be, which must be empty. It is started with today's keys:
    /// what was erased since stays erased.
    Restore {
        /// The backup.
        from: PathBuf,
    },
}
