//! What holds an epoch up, in words that an operator can act on.

use std::fmt;
use std::time::Duration;

use kernel::{KeyEpoch, PageId};

use crate::store::Holder;

/// Why an epoch is not further.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wait {
    /// An instance may still seal to it; the one that was given it first.
    Held(Holder),
    /// What was sealed to it may still lie in the log.
    Unread {
        /// Who has not read it.
        reader: &'static str,
        /// Which topic.
        topic: &'static str,
        /// How many records.
        records: u64,
    },
    /// A page does not hold what it should, or does not open.
    Page {
        /// Which.
        page: PageId,
        /// What is wrong with it.
        problem: String,
    },
    /// A page came under it after the others were turned.
    Late,
    /// An epoch before it is not destroyed.
    Before(KeyEpoch),
    /// Other processes may have its keys open.
    Rings(Duration),
    /// The key tables were not copied.
    Copies(String),
    /// What it takes could not be had.
    Failed(String),
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(holder) => {
                write!(f, "instance {} has not left it since {}", holder.instance, holder.since)
            }
            Self::Unread { reader, topic, records } => {
                write!(f, "{reader} has not passed {records} records of {topic}")
            }
            Self::Page { page, problem } => write!(f, "page {page}: {problem}"),
            Self::Late => f.write_str("a page is still to be turned"),
            Self::Before(epoch) => write!(f, "epoch {epoch} before it is not destroyed"),
            Self::Rings(left) => {
                write!(f, "other processes may have its keys open for {} s", left.as_secs().max(1))
            }
            Self::Copies(problem) => write!(f, "copies: {problem}"),
            Self::Failed(problem) => write!(f, "it cannot be taken further: {problem}"),
        }
    }
}
