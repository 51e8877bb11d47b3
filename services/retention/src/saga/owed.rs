//! What stores have still to finish after an item is done: an object's lock, the event log, the key epoch. Looked at now
//! and then, and asked only when its date has come.

use std::collections::BTreeMap;

use kernel::{TenantId, Timestamp, chain};
use tracing::warn;

use super::steps::gone_whole;
use crate::erasing::Erasing;
use crate::erasure::{Item, Report};
use crate::error::Error;
use crate::store::MAX_LISTED;

/// Epochs of a tenant that were asked for in one look.
type Epochs = BTreeMap<u64, bool>;

impl Erasing {
    /// Asks for what is owed of a tenant's erasures.
    pub(crate) async fn look_after(&self, tenant: &TenantId) -> Result<(), Error> {
        let (mut after, mut epochs) = (None, Epochs::new());
        loop {
            let page = self.store().owed_items(tenant, after, MAX_LISTED).await?;
            after = page.last().map(|last| (last.erasure, last.recording));
            let is_last = page.len() < MAX_LISTED as usize;
            for item in page {
                if let Err(error) = self.finish(&item, &mut epochs).await {
                    let (erasure, recording) = (item.erasure, item.recording);
                    warn!(%erasure, %recording, error = chain(&error), "what an erasure is owed is asked for again");
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn finish(&self, item: &Item, epochs: &mut Epochs) -> Result<(), Error> {
        let now = self.now();
        let mut report = item.report.clone();
        if asks_archive(&report, now) {
            self.ask_archive(item, &mut report, now).await?;
        }
        if let Some(epoch) = asks_crypto(&report, now) {
            let is_destroyed = match epochs.get(&epoch) {
                Some(known) => *known,
                None => {
                    let found = self.parts.mesh.is_destroyed(&item.tenant, epoch).await?;
                    epochs.insert(epoch, found);
                    found
                }
            };
            report.final_at = is_destroyed.then_some(now);
        }
        if report != item.report {
            // Whoever was quicker has asked the same.
            let next = Item { version: item.version + 1, report, ..item.clone() };
            self.store().change_item(&next).await?;
        }
        Ok(())
    }

    async fn ask_archive(&self, item: &Item, report: &mut Report, now: Timestamp) -> Result<(), Error> {
        // As in the saga: were the key tables lost, everything that came late would seem to be erased.
        if let Err(stuck) = self.control(item).await {
            let (erasure, recording) = (item.erasure, item.recording);
            warn!(%erasure, %recording, stuck = stuck.code().as_str(), "no control opens, and nothing is cleared");
            return Ok(());
        }
        let erasure = self.store().erasure(&item.tenant, item.erasure).await?;
        let erasure =
            erasure.ok_or_else(|| Error::Unknown { what: "erasure", id: item.erasure.to_string() })?;
        let purposes = gone_whole(&erasure, item);
        let cleared =
            self.parts.mesh.clear(&item.tenant, item.recording, item.erasure, &erasure.reason, &purposes);
        let cleared = cleared.await?;
        report.spans = report.spans.max(cleared.spans);
        if report.addendum_at.is_none() && cleared.has_addendum {
            report.addendum_at = Some(now);
        }
        if report.log_at.is_none() && cleared.log_passed {
            report.log_at = Some(now);
        }
        match cleared.locked_until {
            Some(until) => (report.locked_until, report.objects_at) = (Some(until), None),
            None if report.objects_at.is_none() && (report.locked_until.is_some() || cleared.deleted > 0) => {
                report.objects_at = Some(now);
            }
            None => {}
        }
        Ok(())
    }
}

fn asks_archive(report: &Report, now: Timestamp) -> bool {
    let lock_is_over = report.objects_at.is_none() && report.locked_until.is_some_and(|until| until <= now);
    report.log_at.is_none() || lock_is_over
}

fn asks_crypto(report: &Report, now: Timestamp) -> Option<u64> {
    let is_time = report.final_at.is_none() && report.not_before.is_none_or(|at| at <= now);
    report.epoch.filter(|_| is_time)
}
