//! Facts into rows. Whatever stays the same is written again as it is; what makes a recording more than it was
//! goes into its own row, last.

use std::collections::BTreeMap;
use std::time::Duration;

use cql::{Batch, Statement};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use proto::common::v1::Grant;

use super::own::{Change, Own};
use super::{AT_ONCE, Inner, KNOWN_MAX, columns, unsettled};
use crate::fact::{Edge, Fact, LegClosed, Opened, RecordingKey, What};
use crate::store::row::bits;
use crate::store::{Error, State};

/// Rows of one write.
const ROWS: usize = 100;
/// How far ahead of the machines' time an event may be for its own time to order it. Servers refuse to write far
/// ahead; domain time is there in drills alone, where what comes later is later.
const AHEAD: Duration = Duration::from_secs(86_400);

impl Inner {
    /// Adds facts. What contradicts is found before anything is written; what fails half-way is completed when
    /// the same facts come again.
    pub(super) async fn record(&self, facts: Vec<Fact>) -> Result<(), Error> {
        self.refuse_second_places(&facts).await?;
        let mut by_recording: BTreeMap<RecordingKey, Vec<Fact>> = BTreeMap::new();
        for fact in facts {
            by_recording.entry(fact.recording.clone()).or_default().push(fact);
        }
        let writes: Vec<_> = by_recording.iter().map(|(key, facts)| self.facts(key, facts).boxed()).collect();
        stream::iter(writes).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn facts(&self, key: &RecordingKey, facts: &[Fact]) -> Result<(), Error> {
        for fact in facts {
            self.rows(key, fact).await?;
        }
        if facts.iter().any(|fact| concerns_own(&fact.what)) || !self.known.lock().contains(key) {
            self.change(key, |own| self.grown(key, own, facts)).await?;
            let mut known = self.known.lock();
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(key.clone());
        }
        // Archive's own acts are no sign of life of the call.
        let signs = facts.iter().filter(|fact| !matches!(fact.what, What::Stored(_)));
        if let Some(at) = signs.map(|fact| fact.at).max() {
            let (tenant, id) = columns(key);
            let written_at = at.0.min(self.clock.now().plus(AHEAD).0).max(1);
            self.cql.write(&self.statements.alive, (tenant, id, at.0, written_at)).await?;
        }
        Ok(())
    }

    /// What the own row comes to by these facts, with what must be there before it says so.
    async fn grown(&self, key: &RecordingKey, found: Option<Own>, facts: &[Fact]) -> Result<Change, Error> {
        let Some(first) = facts.first() else { return Ok(Change::Nothing) };
        let mut own = match &found {
            Some(own) => own.clone(),
            None => Own::new(key, first.partition, first.at, unsettled::bucket_now(&*self.clock)),
        };
        let mut is_touched = false;
        for fact in facts {
            match &fact.what {
                What::Opened(opened) => self.opened(&mut own, opened).await?,
                What::Closed(closed) => {
                    let row = &mut own.recording;
                    let is_latest = closed.session_epoch >= row.session_epoch;
                    if is_latest && row.state == State::Open && row.closed_at.is_none() {
                        row.closed_at = Some(fact.at);
                        row.cause.clone_from(&closed.cause);
                        row.end = Some(closed.end);
                    }
                }
                What::NotRecorded(refused) if own.recording.refusal.is_empty() => {
                    own.recording.refusal.clone_from(&refused.reason);
                }
                What::Stored(object) => {
                    if !own.recording.state.is_settled() {
                        is_touched = true;
                    } else if !self.is_named(&own, object).await? {
                        is_touched = true;
                        own.recording.has_unnamed = true;
                    }
                }
                What::NotRecorded(_)
                | What::Heard
                | What::SectionBegan(_)
                | What::Anchored(_)
                | What::Basis(_)
                | What::Pause(_)
                | What::Mark(_)
                | What::Note(_)
                | What::Dropped(_)
                | What::LegClosed(_) => {}
            }
        }
        // An object that no document names takes a new version even so: whoever is settling looks at it again.
        if found.as_ref() == Some(&own) && !is_touched {
            return Ok(Change::Nothing);
        }
        if own.is_unsettled() && found.is_none_or(|before| !before.is_unsettled()) {
            self.point_unsettled(&own).await?;
        }
        Ok(Change::To(Box::new(own)))
    }

    /// The first opening says when it began, and lists it so before the own row has it; a later one may bring more
    /// parties.
    async fn opened(&self, own: &mut Own, opened: &Opened) -> Result<(), Error> {
        let row = &mut own.recording;
        row.session_epoch = row.session_epoch.max(opened.session_epoch);
        let is_first = row.started_at.is_none();
        let started_at = *row.started_at.get_or_insert(opened.started_at);
        if is_first {
            row.direction = opened.direction;
            row.language.clone_from(&opened.language);
            row.policy_hash = opened.policy_hash;
        }
        self.list_as(&row.key, started_at, opened).await
    }

    /// The rows that a fact adds, beside the own one.
    pub(super) async fn rows(&self, key: &RecordingKey, fact: &Fact) -> Result<(), Error> {
        let (tenant, id) = columns(key);
        let event = fact.event.to_bytes().to_vec();
        let with = &self.statements;
        match &fact.what {
            What::Heard | What::Closed(_) => Ok(()),
            What::Opened(opened) => self.opened_rows(key, opened).await,
            What::NotRecorded(refused) => self.grant_rows(key, &refused.grants).await,
            What::Stored(object) => self.stored(key, object).await,
            What::LegClosed(closed) => self.leg_closed(key, closed).await,
            What::SectionBegan(began) => {
                let values = (
                    tenant,
                    id,
                    i32::from(began.leg.0),
                    i64::from(began.section.0),
                    i64::from(began.kind.number()),
                    bits(began.session_epoch.0),
                    bits(began.key_epoch.0),
                    began.writer.to_bytes().to_vec(),
                );
                Ok(self.cql.write(&with.add_section, values).await?)
            }
            What::Anchored(anchors) => {
                let rows = anchors.anchors.iter().map(|anchor| {
                    (
                        tenant.clone(),
                        id.clone(),
                        i32::from(anchors.leg.0),
                        i64::from(anchors.section.0),
                        bits(anchor.frame.0),
                        bits(anchor.rtp_timestamp),
                        bits(anchor.position.0),
                        i64::from(anchor.ssrc),
                    )
                });
                self.add_all(&with.add_anchor, rows).await
            }
            What::Basis(change) => {
                let values = (
                    tenant,
                    id,
                    event,
                    change.event.to_bytes().to_vec(),
                    bits(change.position.0),
                    change.purpose.as_str().to_owned(),
                    change.basis.number(),
                    change.kind.number(),
                    change.cause.number(),
                    change.evidence.map(|id| id.to_bytes().to_vec()),
                    change.derived_error_us.map(bits),
                );
                Ok(self.cql.write(&with.add_change, values).await?)
            }
            What::Pause(edge) => {
                let values = (
                    tenant,
                    id,
                    event,
                    edge.event.to_bytes().to_vec(),
                    bits(edge.position.0),
                    edge.begins.clone(),
                    edge.derived_error.map(bits),
                );
                Ok(self.cql.write(&with.add_pause, values).await?)
            }
            What::Mark(edge) => {
                let (position, begins) = (bits(edge.position.0), edge.edge == Edge::Begins);
                let label = edge.label.as_str().to_owned();
                let values = (tenant, id, event, edge.event.to_bytes().to_vec(), position, label, begins);
                Ok(self.cql.write(&with.add_mark, values).await?)
            }
            What::Note(note) => {
                let (position, cause) = (bits(note.position.0), note.event.to_bytes().to_vec());
                let values = (tenant, id, event, cause, position, note.kind.clone(), note.code.clone());
                Ok(self.cql.write(&with.add_note, values).await?)
            }
            What::Dropped(dropped) => {
                let values = (
                    tenant,
                    id,
                    event,
                    i32::from(dropped.leg.0),
                    bits(dropped.first.0),
                    bits(dropped.last.0),
                    dropped.reason.number(),
                    bits(dropped.start.0),
                    bits(dropped.end.0),
                );
                Ok(self.cql.write(&with.add_dropped, values).await?)
            }
        }
    }

    /// Who takes part: the first word on a number stays.
    async fn opened_rows(&self, key: &RecordingKey, opened: &Opened) -> Result<(), Error> {
        let ((tenant, id), with) = (columns(key), &self.statements);
        let known = self.numbers("archive_party", "number", &with.parties, key).await?;
        let new = (0..).zip(&opened.parties).filter(|(number, _): &(i32, _)| !known.contains(number));
        let parties = new.map(|(number, party)| {
            (tenant.clone(), id.clone(), number, party.subject.to_bytes().to_vec(), party.role)
        });
        self.add_all(&with.add_party, parties).await?;
        let known = self.numbers("archive_leg", "leg", &with.legs, key).await?;
        let new = opened.legs.iter().filter(|leg| !known.contains(&i32::from(leg.leg.0)));
        let legs = new.map(|leg| {
            let (number, rate) = (i32::from(leg.leg.0), i64::from(leg.clock_rate));
            (tenant.clone(), id.clone(), number, leg.codec.clone(), rate, i64::from(leg.party))
        });
        self.add_all(&with.add_leg, legs).await?;
        self.grant_rows(key, &opened.grants).await
    }

    /// The first word on a purpose stays: what came of it later are changes of basis.
    async fn grant_rows(&self, key: &RecordingKey, grants: &[Grant]) -> Result<(), Error> {
        let (tenant, id) = columns(key);
        let known = self.numbers("archive_grant", "number", &self.statements.grants, key).await?;
        let new = (0..).zip(grants).filter(|(number, _): &(i32, _)| !known.contains(number));
        let rows = new.map(|(number, grant)| {
            (
                tenant.clone(),
                id.clone(),
                number,
                grant.purpose.clone(),
                grant.outcome,
                grant.basis,
                grant.regime.clone(),
                grant.mark.clone(),
                grant.reason.clone(),
                grant.evidence.clone(),
                grant.until_mark,
            )
        });
        self.add_all(&self.statements.add_grant, rows).await
    }

    async fn leg_closed(&self, key: &RecordingKey, closed: &LegClosed) -> Result<(), Error> {
        let ((tenant, id), leg) = (columns(key), i32::from(closed.leg.0));
        let values = (tenant.clone(), id.clone(), leg, bits(closed.frames));
        self.cql.write(&self.statements.end_leg, values).await?;
        let Some(end) = &closed.section else { return Ok(()) };
        let (section, spans) = (i64::from(end.section.0), i64::from(end.spans));
        let values = (tenant, id, leg, section, spans, end.root.0.to_vec());
        Ok(self.cql.write(&self.statements.end_section, values).await?)
    }

    /// Rows of one partition, some at a time.
    pub(super) async fn add_all<V>(
        &self,
        statement: &Statement,
        rows: impl Iterator<Item = V>,
    ) -> Result<(), Error>
    where
        V: scylla::serialize::row::SerializeRow + Send + Sync + 'static,
    {
        let mut batch = Batch::unlogged();
        for row in rows {
            batch.add(statement, row)?;
            if batch.len() == ROWS {
                self.cql.batch(std::mem::replace(&mut batch, Batch::unlogged())).await?;
            }
        }
        Ok(self.cql.batch(batch).await?)
    }
}

/// Whether a fact may change the own row.
fn concerns_own(what: &What) -> bool {
    match what {
        What::Opened(_) | What::Closed(_) | What::NotRecorded(_) | What::Stored(_) => true,
        What::Heard
        | What::SectionBegan(_)
        | What::Anchored(_)
        | What::Basis(_)
        | What::Pause(_)
        | What::Mark(_)
        | What::Note(_)
        | What::Dropped(_)
        | What::LegClosed(_) => false,
    }
}
