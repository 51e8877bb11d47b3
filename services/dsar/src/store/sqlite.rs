//! The embedded adapter: one file of the data directory, typed tables, events in its outbox.
//!
//! Read `schema` for the tables, `write` for how a head, its act and its event become one transaction, `read`
//! for the way back. `port` only calls them. `disclosures` has all of that for disclosures.

mod disclosures;
mod outgoing;
mod port;
mod read;
mod row;
mod schema;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use ::sqlite::{Component, Db, Options, outbox};
use kernel::{Clock, ServiceError};
use platform::Bell;

use super::{StoreError, Written};

const COMPONENTS: &[Component] = &[schema::COMPONENT, outbox::COMPONENT];

/// Dsar's store in one SQLite file; clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    db: Db,
    bell: Bell,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, or makes it.
    pub async fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let db = Db::open(path, options, COMPONENTS).await.map_err(failed("open the file"))?;
        Ok(Self { db, bell: Bell::new(), clock })
    }

    /// Rung when something was put into the outbox.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Rings where the write had its event.
    fn rung(&self, written: Written) -> Written {
        if written == Written::Applied {
            self.bell.ring();
        }
        written
    }
}

/// Says what was attempted.
fn failed<E: ServiceError>(act: &'static str) -> impl Fn(E) -> StoreError {
    move |source| StoreError::new(act, source.code(), source)
}
