//! Finding entries by term and time: hour after hour, the partitions of one hour side by side.

use std::collections::{BTreeMap, VecDeque};

use cql::{Error, Statement};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::Inner;
use super::places::{self, Window, is_beyond, year};
use super::read::AT_ONCE;
use super::rows::{from_column, part_of, to_column};
use super::statements::Both;
use super::visible::Visible;
use crate::leaf::Term;
use crate::store::{Filter, LogId, Order, Part, Row, Spot};

/// Years in which a term may occur.
const MAX_YEARS: usize = 100_000;
/// Pointers to hours that are read at once.
const HOURS: usize = 512;
/// Index rows of one partition that are read at once.
const PAGE: usize = 256;
/// Candidates that are looked up under further terms at once.
const GROUP: usize = 64;

/// A row of the index: where an entry is, and under which fence it was staged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Hit {
    spot: Spot,
    fence: i64,
}

/// The clustering key of `ledger_term`: time, index, fence.
type Bound = (i64, i64, i64);

/// A search under way.
struct Search<'a> {
    inner: &'a Inner,
    filter: &'a Filter,
    window: Window,
    /// The term whose rows are walked.
    term: Vec<u8>,
    logs: BTreeMap<Part, Visible>,
    found: Vec<Hit>,
}

/// One partition of an hour, as far as it is read.
struct Strand {
    part: i32,
    hits: VecDeque<Hit>,
    /// Where to read on; `None` at its end.
    rest: Option<(Bound, Bound)>,
}

impl Inner {
    pub(super) async fn find(&self, filter: &Filter) -> Result<Vec<Row>, Error> {
        let Some(window) = Window::of(filter) else { return Ok(Vec::new()) };
        let term = places::term(filter.terms.first());
        let mut search =
            Search { inner: self, filter, window, term, logs: BTreeMap::new(), found: Vec::new() };
        search.years().await?;
        let hits = search.found;
        let entries =
            stream::iter(hits).map(|hit| self.committed_entry(hit.spot.part, hit.spot.index, hit.fence));
        entries.buffered(AT_ONCE).try_collect().await
    }
}

impl Search<'_> {
    async fn years(&mut self) -> Result<(), Error> {
        let (first, last) = self.window.years();
        let values = (self.tenant(), self.term.as_slice(), first, last);
        let years = self.pick(&self.inner.statements.years);
        let years: Vec<(i64,)> = self.inner.cql.rows(years, values, MAX_YEARS).await?;
        for (year,) in years {
            self.hours(year).await?;
            if self.is_full() {
                break;
            }
        }
        Ok(())
    }

    async fn hours(&mut self, of: i64) -> Result<(), Error> {
        let (mut first, mut last) = self.window.hours();
        while first <= last && !self.is_full() {
            let values = (self.tenant(), self.term.as_slice(), of, first, last);
            let hours = self.pick(&self.inner.statements.hours);
            let rows: Vec<(i64, i32)> = self.inner.cql.rows(hours, values, HOURS).await?;
            let (hours, rest) = whole_hours(rows, HOURS, self.filter.order);
            for (hour, parts) in hours {
                debug_assert_eq!(year(hour), of);
                self.hour(hour, parts).await?;
                if self.is_full() {
                    return Ok(());
                }
            }
            match (rest, self.filter.order) {
                (None, _) => return Ok(()),
                (Some(hour), Order::OldestFirst) => first = hour,
                (Some(hour), Order::NewestFirst) => last = hour,
            }
        }
        Ok(())
    }

    async fn hour(&mut self, hour: i64, parts: Vec<i32>) -> Result<(), Error> {
        let ends = ((self.window.first.0, i64::MIN, i64::MIN), (self.window.last.0, i64::MAX, i64::MAX));
        let strand = |part| Strand { part, hits: VecDeque::new(), rest: Some(ends) };
        let mut strands: Vec<_> = parts.into_iter().map(strand).collect();
        loop {
            let group = self.next_group(hour, &mut strands).await?;
            if group.is_empty() {
                return Ok(());
            }
            let kept = self.with_further_terms(hour, group).await?;
            let room = self.filter.limit as usize - self.found.len();
            self.found.extend(kept.into_iter().take(room));
            if self.is_full() {
                return Ok(());
            }
        }
    }

    /// The next candidates in the order asked for, over all partitions of the hour.
    async fn next_group(&mut self, hour: i64, strands: &mut [Strand]) -> Result<Vec<Hit>, Error> {
        let mut group = Vec::new();
        while group.len() < GROUP {
            for strand in strands.iter_mut() {
                while strand.hits.is_empty() && strand.rest.is_some() {
                    self.read_on(hour, strand).await?;
                }
            }
            let fronts = strands.iter_mut().filter(|strand| !strand.hits.is_empty());
            let spot = |strand: &&mut Strand| strand.hits.front().map(|hit| hit.spot);
            let next = match self.filter.order {
                Order::OldestFirst => fronts.min_by_key(spot),
                Order::NewestFirst => fronts.max_by_key(spot),
            };
            let Some(hit) = next.and_then(|strand| strand.hits.pop_front()) else { break };
            group.push(hit);
        }
        Ok(group)
    }

    /// Reads another page of a partition; keeps what is in the log and beyond where the page asked for begins.
    async fn read_on(&mut self, hour: i64, strand: &mut Strand) -> Result<(), Error> {
        let Some((low, high)) = strand.rest.take() else { return Ok(()) };
        let part = part_of(strand.part)?;
        self.see(part).await?;
        let key = (self.tenant(), self.term.as_slice(), hour, strand.part);
        let values = (key.0, key.1, key.2, key.3, low.0, low.1, low.2, high.0, high.1, high.2);
        let terms = self.pick(&self.inner.statements.terms);
        let rows: Vec<Bound> = self.inner.cql.rows(terms, values, PAGE).await?;
        if let Some(&(at, index, fence)) = rows.last().filter(|_| rows.len() >= PAGE) {
            strand.rest = Some(match self.filter.order {
                Order::OldestFirst => ((at, index, fence.saturating_add(1)), high),
                Order::NewestFirst => (low, (at, index, fence.saturating_sub(1))),
            });
        }
        let log = &self.logs[&part];
        for (at, index, fence) in rows {
            let index = from_column(index, "ledger_term")?;
            let spot = Spot { at: kernel::Timestamp(at), part, index };
            if log.has(index, fence) && is_beyond(self.filter, spot) {
                strand.hits.push_back(Hit { spot, fence });
            }
        }
        Ok(())
    }

    /// What can be seen of a partition's log: as it stood when the search first came to it.
    async fn see(&mut self, part: Part) -> Result<(), Error> {
        if !self.logs.contains_key(&part) {
            let visible = self.inner.visible(LogId::Part(part)).await?;
            self.logs.insert(part, visible);
        }
        Ok(())
    }

    async fn with_further_terms(&self, hour: i64, group: Vec<Hit>) -> Result<Vec<Hit>, Error> {
        if self.filter.terms.len() < 2 {
            return Ok(group);
        }
        let checked = stream::iter(group).map(|hit| async move {
            for term in self.filter.terms.iter().skip(1) {
                if !self.has_term(hour, hit, term).await? {
                    return Ok(None);
                }
            }
            Ok::<_, Error>(Some(hit))
        });
        let checked: Vec<Option<Hit>> = checked.buffered(AT_ONCE).try_collect().await?;
        Ok(checked.into_iter().flatten().collect())
    }

    async fn has_term(&self, hour: i64, hit: Hit, term: &Term) -> Result<bool, Error> {
        let Spot { at, part, index } = hit.spot;
        let (part, index) = (super::rows::part(part)?, to_column(index)?);
        let values = (self.tenant(), term.0.as_slice(), hour, part, at.0, index, hit.fence);
        let row: Option<(i64,)> = self.inner.cql.row(&self.inner.statements.term, values).await?;
        Ok(row.is_some())
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.filter.limit as usize
    }

    fn tenant(&self) -> &str {
        self.filter.tenant.as_str()
    }

    fn pick<'s>(&self, both: &'s Both) -> &'s Statement {
        match self.filter.order {
            Order::OldestFirst => &both.oldest,
            Order::NewestFirst => &both.newest,
        }
    }
}

/// Hours with their partitions, of pointers that were cut at `limit`; and the hour to read on at. An hour that may
/// have been cut is left for the next time, unless it is the only one.
fn whole_hours(rows: Vec<(i64, i32)>, limit: usize, order: Order) -> (Vec<(i64, Vec<i32>)>, Option<i64>) {
    let cut = rows.len() >= limit;
    let mut hours: Vec<(i64, Vec<i32>)> = Vec::new();
    for (hour, part) in rows {
        match hours.last_mut() {
            Some((own, parts)) if *own == hour => parts.push(part),
            Some(_) | None => hours.push((hour, vec![part])),
        }
    }
    if !cut {
        return (hours, None);
    }
    if hours.len() > 1 {
        let rest = hours.pop().map(|(hour, _)| hour);
        return (hours, rest);
    }
    let rest = hours.last().map(|(hour, _)| match order {
        Order::OldestFirst => hour.saturating_add(1),
        Order::NewestFirst => hour.saturating_sub(1),
    });
    (hours, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_that_was_cut_is_read_again() {
        use Order::{NewestFirst, OldestFirst};
        let rows = vec![(1, 0), (1, 1), (2, 0), (3, 0)];
        let all = vec![(1, vec![0, 1]), (2, vec![0]), (3, vec![0])];
        assert_eq!(whole_hours(rows.clone(), 5, OldestFirst), (all.clone(), None));
        assert_eq!(whole_hours(rows, 4, OldestFirst), (all[..2].to_vec(), Some(3)));
        let one = vec![(7, 0), (7, 1)];
        assert_eq!(whole_hours(one.clone(), 2, OldestFirst), (vec![(7, vec![0, 1])], Some(8)));
        assert_eq!(whole_hours(one, 2, NewestFirst), (vec![(7, vec![0, 1])], Some(6)));
        assert_eq!(whole_hours(Vec::new(), 2, OldestFirst), (Vec::new(), None));
    }
}
