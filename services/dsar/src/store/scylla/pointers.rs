//! Whatever leads to a request. All of it is written before its first act, so that no order among the
//! pointers matters.

use futures::future;
use kernel::RequestId;

use super::Inner;
use super::error::Error;
use crate::act::RequestKey;
use crate::store::Head;

/// How many partitions have what a tenant has open, or unanswered.
pub(super) const BUCKETS: i64 = 4;

impl Inner {
    /// Leads to a request that is about to begin.
    pub(super) async fn point(&self, head: &Head) -> Result<(), Error> {
        let with = &self.statements;
        let (tenant, subject, id) = (head.key.tenant.as_str(), head.subject.to_bytes(), head.key.id);
        let (day, bytes) = (day(id), id.to_bytes());
        future::try_join3(
            self.cql.write(&with.point_tenant, (tenant,)),
            self.cql.write(&with.point_day, (tenant, day)),
            self.cql.write(&with.point_by_day, (tenant, day, bytes)),
        )
        .await?;
        future::try_join(
            self.cql.write(&with.point_of_subject, (tenant, subject, bytes)),
            self.cql.write(&with.point_open, (tenant, bucket(bytes), bytes)),
        )
        .await?;
        Ok(())
    }

    /// Takes the pointer to an open request away; it was seen closed.
    pub(super) async fn drop_open(&self, key: &RequestKey) -> Result<(), Error> {
        let values = (key.tenant.as_str(), bucket(key.id.to_bytes()), key.id.to_bytes());
        Ok(self.cql.write(&self.statements.drop_open, values).await?)
    }
}

/// The day of the time in an id, whose first six bytes are milliseconds: days follow each other as the ids
/// do, whatever a sender put there.
pub(super) fn day(id: RequestId) -> i64 {
    let millis = id.to_bytes()[..6].iter().fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    millis / 86_400_000
}

/// The partition of what is open, or unanswered, that has an id.
pub(super) fn bucket(id: [u8; 16]) -> i64 {
    i64::from(id[15]) % BUCKETS
}
