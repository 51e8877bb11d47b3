//! Pulls a plan through the gate, span by span.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ::objects::ObjectStore;
use kernel::{Interval, LegNo, Retry, SectionNo, ServiceError};
use platform::auth::Token;
use seal::{Cover, Frame, SpanView};
use tokio::time::Instant;
use tracing::error;

use super::fetch::Fetch;
use super::plan::{Item, Plan, PlannedSpan};
use crate::absence::Gap;
use crate::error::Error;
use crate::mesh::{Asked, Lease, Mesh};

/// What a player gives out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Played {
    /// A stretch that does not play.
    Gap(Gap),
    /// A span's frames, those that were asked for.
    Frames(Heard),
}

/// Frames of one leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Which leg.
    pub leg: LegNo,
    /// Its frames, in order.
    pub frames: Vec<Frame>,
    /// How much of the timeline they take, in microseconds.
    pub micros: u64,
}

/// A running replay.
pub struct Player {
    mesh: Mesh,
    asked: Asked,
    token: Token,
    plan: Plan,
    items: VecDeque<Item>,
    covers: BTreeMap<(LegNo, SectionNo), Cover>,
    held: Option<Held>,
    fetch: Fetch,
}

/// A lease that runs.
struct Held {
    id: Vec<u8>,
    since: Instant,
    ttl: Duration,
}

impl Player {
    /// Passes the gate and gets ready to play. Where the plan has no span in its ranges there is nothing to
    /// open, and the gaps are told without asking.
    pub async fn start(
        mesh: Mesh,
        objects: Arc<dyn ObjectStore>,
        read_bytes: u64,
        plan: Plan,
        asked: Asked,
        token: Token,
    ) -> Result<Self, Error> {
        let fetch = Fetch::new(objects, read_bytes);
        let (items, covers) = (VecDeque::new(), BTreeMap::new());
        let mut player = Self { mesh, asked, token, plan, items, covers, held: None, fetch };
        player.open().await?;
        let opened = player.covers.iter().map(|(section, cover)| (*section, cover.spans())).collect();
        player.items = player.plan.items(&opened);
        Ok(player)
    }

    /// What is being played.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where the next item begins; `None` at the end.
    pub fn position(&self) -> Option<kernel::Position> {
        self.items.front().map(|item| match item {
            Item::Gap(gap) => gap.interval.start(),
            Item::Span(planned) => planned.span.start,
        })
    }

    /// The next thing to send; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Played>, Error> {
        let Some(item) = self.items.pop_front() else { return Ok(None) };
        match item {
            Item::Gap(gap) => Ok(Some(Played::Gap(gap))),
            Item::Span(planned) => {
                self.keep_lease().await?;
                Ok(Some(self.span(&planned).await?))
            }
        }
    }

    async fn span(&mut self, planned: &PlannedSpan) -> Result<Played, Error> {
        let container = match self.fetch.container(planned, self.items.iter()).await {
            Ok(container) => container,
            // A store that is away ends the stream; an object that is gone or damaged is a gap.
            Err(error) if error.retry() == Retry::Backoff => return Err(error),
            Err(error) => return self.unreadable(planned, &error),
        };
        match self.frames(planned, &container) {
            Ok(heard) => Ok(Played::Frames(heard)),
            Err(error) => self.unreadable(planned, &error),
        }
    }

    fn frames(&self, planned: &PlannedSpan, container: &[u8]) -> Result<Heard, seal::Error> {
        let span = &planned.span;
        let view = SpanView::parse(container)?;
        if view.ct_root() != span.ct_root {
            return Err(seal::Error::Root(span.span));
        }
        let cover = self.covers.get(&(span.leg, span.section)).ok_or(seal::Error::NotCovered(span.span))?;
        let key = cover.key(span.span).ok_or(seal::Error::NotCovered(span.span))?;
        let frames = view.open_frames(&key)?;
        let ends: Vec<_> = frames.iter().skip(1).map(|frame| frame.position).chain([span.end]).collect();
        let wanted = frames.into_iter().zip(ends).filter(|(frame, end)| {
            // A frame without length, the last before an anchor that steps back, is asked for by its start.
            let inside = Interval::new(frame.position, *end).map_or_else(
                || self.plan.ranges.contains(frame.position),
                |own| self.plan.ranges.covers(own),
            );
            inside && !planned.skip.contains(frame.number.0)
        });
        let (mut heard, mut micros) = (Vec::new(), 0);
        for (frame, end) in wanted {
            micros += end.0.saturating_sub(frame.position.0);
            heard.push(frame);
        }
        Ok(Heard { leg: span.leg, frames: heard, micros })
    }

    fn unreadable(&self, planned: &PlannedSpan, error: &dyn std::error::Error) -> Result<Played, Error> {
        let span = &planned.span;
        error!(recording = %self.asked.recording.id, leg = %span.leg, section = %span.section, span = %span.span,
            object = %planned.object.name, error = error.to_string(), "a stored span does not open");
        Ok(match self.plan.unreadable(span) {
            Some(gap) => Played::Gap(gap),
            None => Played::Frames(Heard { leg: span.leg, frames: Vec::new(), micros: 0 }),
        })
    }

    /// Renews in the second half of its life, and asks anew where it ran out because nobody pulled, or nobody knows it.
    async fn keep_lease(&mut self) -> Result<(), Error> {
        let Some(held) = &self.held else { return Ok(()) };
        if held.since.elapsed() < held.ttl / 2 {
            return Ok(());
        }
        if held.since.elapsed() >= held.ttl {
            return self.open_anew().await;
        }
        let asked_at = Instant::now();
        let ttl = match self.mesh.renew(&self.asked.recording, &held.id).await {
            Ok(ttl) => ttl,
            // The instance that gave it is gone, and nobody else knows of it.
            Err(error) if error.is_no_lease() => return self.open_anew().await,
            // The lease still holds: a gate that is silent now may answer before it is over.
            Err(error) if error.retry() == Retry::Backoff && held.since.elapsed() < held.ttl => return Ok(()),
            Err(error) => return Err(error),
        };
        self.held = Some(Held { id: held.id.clone(), since: asked_at, ttl });
        Ok(())
    }

    async fn open_anew(&mut self) -> Result<(), Error> {
        self.covers.clear();
        self.held = None;
        self.open().await
    }

    async fn open(&mut self) -> Result<(), Error> {
        // Asked also where the range has no span: gaps and their reasons are for those alone who may listen.
        // Counted from before the question: the lease never lasts longer here than at crypto.
        let since = Instant::now();
        let Lease { id, ttl, covers } = self.mesh.unwrap(&self.asked, self.token.expose()).await?;
        self.covers = covers.into_iter().map(|(leg, section, cover)| ((leg, section), cover)).collect();
        self.held = Some(Held { id, since, ttl });
        Ok(())
    }
}
