//! Locks that last longer than the policy said when they were put: an authority has ordered it.

use ::objects::{Error as ObjectsError, Key};
use kernel::Timestamp;
use tracing::info;

use crate::error::Error;
use crate::fact::RecordingKey;
use crate::placing::Placer;

impl Placer {
    /// Locks what a duty keeps of a recording, and its documents, until this date. A lock that ends later stays. Where
    /// none was put, none comes: no duty keeps that. Answers how many locks last longer by this call; to be called again
    /// for what is stored later.
    pub(crate) async fn lock(&self, key: &RecordingKey, until: Timestamp) -> Result<u32, Error> {
        if until <= self.clock.now() {
            return Err(Error::Invalid { what: "until", problem: "must be in the future" });
        }
        let history = self.store.history(key).await?.ok_or(Error::NotFound(key.id))?;
        let stored = history.objects.iter().filter(|object| object.deleted_at.is_none());
        let locked: Vec<_> = stored.filter(|object| object.lock_until.is_some()).collect();
        if locked.is_empty() {
            return Ok(0);
        }
        let documents = history.documents.iter().map(|document| &document.name);
        let mut lengthened = 0;
        for name in locked.into_iter().map(|object| &object.name).chain(documents) {
            lengthened += u32::from(self.lengthen(name, until).await?);
        }
        if lengthened > 0 {
            info!(recording = %key.id, until = %until, lengthened, "locks last longer");
        }
        Ok(lengthened)
    }

    async fn lengthen(&self, name: &Key, until: Timestamp) -> Result<bool, Error> {
        let head = match self.objects.head(name, None).await {
            Ok(head) => head,
            // What was erased meanwhile has no lock to lengthen.
            Err(ObjectsError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if head.retain_until.is_some_and(|at| at >= until) {
            return Ok(false);
        }
        self.objects.extend_retention(name, &head.version, until).await?;
        Ok(true)
    }
}
