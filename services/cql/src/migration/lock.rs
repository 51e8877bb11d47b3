//! One migrating process at a time: a row that ends by itself when its holder dies.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Error;
use crate::options::Space;
use crate::session::Cql;
use crate::statement::Statement;

/// How long the lock stands when nobody holds on to it. Longer than one change of the schema may take.
const TTL_SECONDS: i32 = 120;
/// How long to wait for another process's migration. Longer than the lock of one that died.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(250);

const TAKE: &str = "INSERT INTO {ks}.applied_step (component, number, digest) VALUES ('lock', 0, ?)
    IF NOT EXISTS USING TTL ?";
const HOLD: &str =
    "UPDATE {ks}.applied_step USING TTL ? SET digest = ? WHERE component = 'lock' AND number = 0
    IF digest = ?";
const RELEASE: &str = "DELETE FROM {ks}.applied_step WHERE component = 'lock' AND number = 0 IF digest = ?";
const HOLDER: &str = "SELECT digest FROM {ks}.applied_step WHERE component = 'lock' AND number = 0";

/// The right to change tables, for as long as it is held on to.
pub(super) struct Lock<'a> {
    cql: &'a Cql,
    holder: Vec<u8>,
    hold: Statement,
    release: Statement,
}

impl<'a> Lock<'a> {
    pub(super) async fn take(cql: &'a Cql) -> Result<Self, Error> {
        let lock = Self {
            cql,
            holder: Uuid::new_v4().into_bytes().to_vec(),
            hold: cql.prepare(Space::Data, HOLD).await?,
            release: cql.prepare(Space::Data, RELEASE).await?,
        };
        lock.wait().await?;
        Ok(lock)
    }

    /// Keeps it for another while; before each step.
    pub(super) async fn hold(&self) -> Result<(), Error> {
        let values = (TTL_SECONDS, &self.holder, &self.holder);
        if self.cql.apply(&self.hold, values).await? { Ok(()) } else { Err(Error::Locked) }
    }

    pub(super) async fn release(self) -> Result<(), Error> {
        self.cql.apply(&self.release, (&self.holder,)).await.map(drop)
    }

    async fn wait(&self) -> Result<(), Error> {
        let take = self.cql.prepare(Space::Data, TAKE).await?;
        let holder = self.cql.prepare(Space::Data, HOLDER).await?;
        let until = Instant::now() + PATIENCE;
        loop {
            match self.cql.apply(&take, (&self.holder, TTL_SECONDS)).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                // It may be ours all the same.
                Err(error) if error.is_uncertain() => {
                    let found: Option<(Option<Vec<u8>>,)> = self.cql.serial_row(&holder, ()).await?;
                    if found.and_then(|(holder,)| holder).as_ref() == Some(&self.holder) {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= until {
                return Err(Error::Locked);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
