//! Commits to a Kafka group: one at a time, each durable before it is answered.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::faults::{self, unavailable};
use super::member::Joined;
use crate::error::Error;
use crate::log::TopicPartition;
use crate::session::Standing;

const COMMIT: &str = "commit an offset";
/// A rebalance under way refuses commits for so long about.
const TRY_AGAIN: Duration = Duration::from_millis(50);

pub(super) struct Commits {
    timeout: Duration,
    // One that nobody waits for any more is waited for by the next: a late lower one would undo a higher.
    under_way: JoinSet<KafkaResult<()>>,
}

impl Commits {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, under_way: JoinSet::new() }
    }

    /// Another member's commits follow.
    pub(super) fn forget(&mut self) {
        self.under_way = JoinSet::new();
    }

    pub(super) async fn commit(
        &mut self,
        consumer: Arc<Joined>,
        name: String,
        at: TopicPartition,
        next: u64,
    ) -> Result<Standing, Error> {
        let deadline = Instant::now() + self.timeout;
        let partition = i32::try_from(at.partition).unwrap_or(i32::MAX);
        let next = i64::try_from(next).unwrap_or(i64::MAX);
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&name, partition, Offset::Offset(next)).map_err(unavailable(COMMIT))?;
        loop {
            drop(self.finish(deadline).await?);
            let (consumer, list) = (consumer.clone(), list.clone());
            self.under_way.spawn_blocking(move || consumer.commit(&list, CommitMode::Sync));
            let code = match self.finish(deadline).await? {
                Ok(()) => return Ok(Standing::Holds),
                Err(KafkaError::ConsumerCommit(code)) => code,
                Err(error) => return Err(unavailable(COMMIT)(error)),
            };
            match verdict(code) {
                Verdict::Fenced => return Ok(Standing::Fenced),
                Verdict::Failed => return Err(faults::refused(COMMIT, code)),
                Verdict::TryAgain if Instant::now() + TRY_AGAIN < deadline => {}
                // No rebalance takes so long but one that this member has no part in.
                Verdict::TryAgain if code == RDKafkaErrorCode::IllegalGeneration => {
                    return Ok(Standing::Fenced);
                }
                Verdict::TryAgain => return Err(faults::refused(COMMIT, code)),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// Waits for what is under way; the last one's outcome.
    async fn finish(&mut self, deadline: Instant) -> Result<KafkaResult<()>, Error> {
        let mut outcome = Ok(());
        loop {
            let next = timeout_at(deadline, self.under_way.join_next()).await;
            match next.map_err(|_elapsed| faults::late(COMMIT))? {
                Some(Ok(done)) => outcome = done,
                Some(Err(source)) => {
                    return Err(Error::Unavailable { attempt: COMMIT, source: source.into() });
                }
                None => return Ok(outcome),
            }
        }
    }
}

enum Verdict {
    Fenced,
    TryAgain,
    Failed,
}

fn verdict(code: RDKafkaErrorCode) -> Verdict {
    use RDKafkaErrorCode as Code;
    match code {
        Code::UnknownMemberId | Code::FencedInstanceId | Code::AssignmentLost => Verdict::Fenced,
        // As long as a rebalance is under way, or the coordinator moves.
        Code::RebalanceInProgress | Code::IllegalGeneration => Verdict::TryAgain,
        code if faults::is_passing(code) => Verdict::TryAgain,
        _ => Verdict::Failed,
    }
}
