//! Where the ledger's objects are read from: an object store, or anything else that has its bytes.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use objects::{Error, Key, MAX_LIST, ObjectStore, Prefix};

/// Reads the ledger's objects; what a verifier needs and no more.
#[async_trait]
pub trait LedgerFiles: Send + Sync {
    /// An object's bytes; nothing where there is none. Bytes that are known to be damaged are
    /// [`Error::Damaged`].
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, Error>;
    /// Keys that begin so, in order, after `after`; fewer than [`MAX_LIST`] means that there are no more.
    async fn list(&self, prefix: &Prefix, after: Option<&Key>) -> Result<Vec<Key>, Error>;
}

/// An object store as [`LedgerFiles`].
#[derive(Clone)]
pub struct ObjectFiles(pub Arc<dyn ObjectStore>);

#[async_trait]
impl LedgerFiles for ObjectFiles {
    async fn read(&self, key: &Key) -> Result<Option<Bytes>, Error> {
        match self.0.get(key, None, None).await {
            Ok(object) => Ok(Some(object.bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>) -> Result<Vec<Key>, Error> {
        let listed = self.0.list(prefix, after, MAX_LIST).await?;
        Ok(listed.into_iter().map(|listed| listed.key).collect())
    }
}

/// Every key that begins so, in order.
pub(crate) async fn keys(files: &dyn LedgerFiles, prefix: &Prefix) -> Result<Vec<Key>, Error> {
    let mut all: Vec<Key> = Vec::new();
    loop {
        let listed = files.list(prefix, all.last()).await?;
        let is_last = listed.len() < MAX_LIST;
        all.extend(listed);
        if is_last {
            return Ok(all);
        }
    }
}
