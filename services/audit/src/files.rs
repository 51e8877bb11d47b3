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
    /// Keys that begin so, in order, after `after`, those of damaged objects too; fewer than [`MAX_LIST`] means that
    /// there are no more.
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
        let (mut keys, mut limit): (Vec<Key>, usize) = (Vec::new(), MAX_LIST);
        while keys.len() < MAX_LIST {
            let asked = limit.min(MAX_LIST - keys.len());
            let listed = self.0.list(prefix, keys.last().or(after), asked).await;
            match listed {
                Ok(listed) => {
                    let is_last = listed.len() < asked;
                    keys.extend(listed.into_iter().map(|listed| listed.key));
                    if is_last {
                        break;
                    }
                }
                // One damaged object fails the whole page. What comes before it is asked for in smaller pages, until
                // it is the next one.
                Err(Error::Damaged { .. }) if asked > 1 => limit = asked / 2,
                Err(Error::Damaged { key, .. }) => {
                    keys.push(key);
                    limit = MAX_LIST;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(keys)
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

#[cfg(test)]
mod tests {
    use kernel::SystemClock;
    use objects::{DirectoryObjects, PutOptions};

    use super::*;

    #[tokio::test]
    async fn a_damaged_object_is_listed_among_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = DirectoryObjects::open(folder.path(), Arc::new(SystemClock)).await.unwrap();
        let names: Vec<_> = (0..7).map(|number| Key::new(format!("a/{number}")).unwrap()).collect();
        for key in &names {
            store.put(key, Bytes::from_static(b"x"), PutOptions::default()).await.unwrap();
        }
        for number in [0, 3, 4, 6] {
            let version = store.head(&names[number], None).await.unwrap().version;
            let sidecar = folder.path().join(format!("objects/a/{number}=/{version}.json"));
            std::fs::write(sidecar, "{").unwrap();
        }
        let files = ObjectFiles(Arc::new(store));
        let prefix = Prefix::new("a/").unwrap();
        assert_eq!(files.list(&prefix, None).await.unwrap(), names);
        assert_eq!(files.list(&prefix, Some(&names[3])).await.unwrap(), names[4..]);
        assert!(matches!(files.read(&names[3]).await, Err(Error::Damaged { .. })));
    }
}
