//! What readers ask of archive.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::objects::ObjectStore;
use kernel::{Interval, LegNo, Position, PurposeName, Use};
use platform::auth::Token;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;
use crate::erased::{self, Sections};
use crate::error::Error;
use crate::fact::RecordingKey;
use crate::mesh::{Asked, Mesh};
use crate::replay::{self, Player, plan};
use crate::store::{History, Query, Recording, Store};
use crate::verify::{self, Report};

/// How often a recording that others change meanwhile is verified.
const TRIES: u32 = 5;

/// Finds, replays, verifies.
pub struct Service {
    store: Arc<dyn Store>,
    objects: Arc<dyn ObjectStore>,
    mesh: Mesh,
    config: Config,
    replays: Arc<Semaphore>,
}

/// A replay that is counted among the running ones until it is dropped.
pub struct Playing {
    /// The replay.
    pub player: Player,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Service {
    /// A service over these stores.
    pub fn new(store: Arc<dyn Store>, objects: Arc<dyn ObjectStore>, mesh: Mesh, config: Config) -> Self {
        let replays = Arc::new(Semaphore::new(config.replays));
        Self { store, objects, mesh, config, replays }
    }

    /// The other roles.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Everything known of a recording.
    pub async fn history(&self, key: &RecordingKey) -> Result<History, Error> {
        self.store.history(key).await?.ok_or(Error::NotFound(key.id))
    }

    /// A page of recordings.
    pub async fn list(&self, query: &Query) -> Result<Vec<Recording>, Error> {
        Ok(self.store.list(query).await?)
    }

    /// Starts a replay: planned here, decided by crypto.
    pub async fn replay(
        &self,
        key: RecordingKey,
        purpose: PurposeName,
        use_for: Use,
        reference: String,
        wanted: &replay::Request,
        token: Token,
    ) -> Result<Playing, Error> {
        let busy = |_| Error::Busy { what: "the number of replays", bound: self.config.replays };
        let permit = Arc::clone(&self.replays).try_acquire_owned().map_err(busy)?;
        let plan = plan::plan(self.history(&key).await?, &purpose, wanted)?;
        let asked = Asked { recording: key, purpose, use_for, reference, spans: plan.spans.clone() };
        let (mesh, objects) = (self.mesh.clone(), Arc::clone(&self.objects));
        let player = Player::start(mesh, objects, self.config.replay_read.0, plan, asked, token).await?;
        Ok(Playing { player, permit })
    }

    /// The whole spans that a stretch of a sealed recording touches; of every leg of audio where none is named.
    pub async fn spans(
        &self,
        key: &RecordingKey,
        (start, end): (Position, Position),
        legs: &[LegNo],
    ) -> Result<Sections, Error> {
        let history = self.history(key).await?;
        if !history.recording.state.is_settled() {
            return Err(Error::NotSealedYet(key.id));
        }
        let empty = Error::Invalid { what: "stretch", problem: "must end after its start" };
        let stretch = Interval::new(start, end).ok_or(empty)?;
        if end > history.duration() {
            return Err(Error::Invalid {
                what: "stretch",
                problem: "must not reach past the recording's end",
            });
        }
        let legs: BTreeSet<_> = plan::legs(&history, legs)?.into_iter().collect();
        erased::spans_touched(&history, stretch, &legs)
    }

    /// Verifies what lies of a recording. What is found wrong is looked at again where a document came meanwhile: that
    /// may be what says why an object is gone.
    pub async fn verify(&self, key: &RecordingKey) -> Result<Report, Error> {
        let roots = self.mesh.trust().await?;
        let mut history = self.history(key).await?;
        for _ in 1..TRIES {
            let report = verify::verify(&self.objects, &history, &roots).await?;
            let after = self.history(key).await?;
            if report.is_ok() || after.documents == history.documents {
                return Ok(report);
            }
            history = after;
        }
        verify::verify(&self.objects, &history, &roots).await
    }
}
