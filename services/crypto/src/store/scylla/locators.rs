//! Locators: claimed once, retired for ever. A recording's are one partition.

use std::collections::{BTreeMap, BTreeSet};

use cql::Batch;
use futures::FutureExt;
use kernel::{RecordingId, TenantId};

use super::Tables;
use super::decision::{Found, decide, pause, tries};
use super::error::Error;
use super::rows;
use crate::store::{EntryKey, Locator, LocatorState, Place};

/// Locators of one recording.
const MAX_LOCATORS: usize = 50_000;
/// Places that are claimed by one write.
const CLAIMS: usize = 250;

/// Claims of one recording.
type Claims<'c> = BTreeMap<&'c EntryKey, Place>;

impl Tables {
    pub(super) async fn claim(
        &self,
        tenant: &TenantId,
        claims: &[(EntryKey, Place)],
    ) -> Result<Vec<Locator>, Error> {
        let mut by_recording: BTreeMap<RecordingId, Claims<'_>> = BTreeMap::new();
        for (key, place) in claims {
            // The first of two for one entry, as if they had come one after the other.
            by_recording.entry(key.section.recording).or_default().entry(key).or_insert(*place);
        }
        let mut standing = BTreeMap::new();
        for (recording, claims) in by_recording {
            standing.extend(self.claim_some(tenant, recording, claims).await?);
        }
        let stands = |(key, _): &(EntryKey, Place)| standing.get(key).cloned().ok_or(Error::Contended);
        claims.iter().map(stands).collect()
    }

    /// Claims what nobody has claimed yet, and returns what stands.
    async fn claim_some(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        mut open: Claims<'_>,
    ) -> Result<BTreeMap<EntryKey, Locator>, Error> {
        let mut standing = BTreeMap::new();
        let mut last = Error::Contended;
        for tried in tries() {
            match self.try_claims(tenant, &open, &mut standing).await {
                Ok(()) => {}
                Err(error) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error.into()),
            }
            open.retain(|key, _| !standing.contains_key(*key));
            if open.is_empty() {
                return Ok(standing);
            }
            // Refused, or unanswered: what stands is what a serial read says.
            let asked: BTreeSet<&EntryKey> = open.keys().copied().collect();
            let found = self.serial_locators(tenant, recording).await?;
            let found = found.into_iter().filter(|locator| asked.contains(&locator.key));
            standing.extend(found.map(|locator| (locator.key.clone(), locator)));
            open.retain(|key, _| !standing.contains_key(*key));
            if open.is_empty() {
                return Ok(standing);
            }
            pause(tried).await;
        }
        Err(last)
    }

    /// Adds to what stands whatever was claimed by this.
    async fn try_claims(
        &self,
        tenant: &TenantId,
        open: &Claims<'_>,
        standing: &mut BTreeMap<EntryKey, Locator>,
    ) -> Result<(), cql::Error> {
        let all: Vec<_> = open.iter().map(|(key, place)| (*key, *place)).collect();
        for some in all.chunks(CLAIMS) {
            let mut batch = Batch::unlogged();
            for (key, place) in some {
                let (tenant, recording, leg, section, purpose) = locator_key(tenant, key);
                let (page, slot) = (place.page.to_bytes(), i32::from(place.slot));
                let (tenant, purpose) = (tenant.to_owned(), purpose.to_owned());
                let state = LocatorState::Claimed.number();
                let values = (tenant, recording, leg, section, purpose, page, slot, state);
                batch.add(&self.statements.claim, values)?;
            }
            if !self.cql.apply_batch(batch).await? {
                return Ok(());
            }
            let state = LocatorState::Claimed;
            let claimed =
                some.iter().map(|&(key, place)| (key.clone(), Locator { key: key.clone(), place, state }));
            standing.extend(claimed);
        }
        Ok(())
    }

    pub(super) async fn locators(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<Locator>, Error> {
        let values = (tenant.as_str(), recording.to_bytes());
        let found =
            self.all(&self.statements.locators, values, "locators of a recording", MAX_LOCATORS).await?;
        found.into_iter().map(rows::locator).collect()
    }

    async fn serial_locators(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
    ) -> Result<Vec<Locator>, Error> {
        let values = (tenant.as_str(), recording.to_bytes());
        let found = self.cql.serial_rows(&self.statements.locators, values, MAX_LOCATORS).await?;
        found.into_iter().map(rows::locator).collect()
    }

    pub(super) async fn retire(&self, tenant: &TenantId, key: &EntryKey) -> Result<(), Error> {
        let (claimed, removed) = (LocatorState::Claimed.number(), LocatorState::Removed.number());
        let (tenant, recording, leg, section, purpose) = locator_key(tenant, key);
        let values = (removed, tenant, recording, leg, section, purpose, claimed);
        let attempt = || self.cql.apply(&self.statements.retire, values).boxed();
        let at = (tenant, recording, leg, section, purpose);
        decide((), attempt, || self.find_retired(at).boxed()).await
    }

    async fn find_retired(&self, at: LocatorKey<'_>) -> Result<Found<()>, Error> {
        let state: Option<(i64,)> = self.cql.serial_row(&self.statements.locator_state, at).await?;
        let claimed = state == Some((LocatorState::Claimed.number(),));
        Ok(if claimed { Found::Open } else { Found::Outcome(()) })
    }
}

/// Tenant, recording, leg, section, purpose.
type LocatorKey<'k> = (&'k str, [u8; 16], i32, i64, &'k str);

fn locator_key<'k>(tenant: &'k TenantId, key: &'k EntryKey) -> LocatorKey<'k> {
    let at = key.section;
    let (leg, section) = (i32::from(at.leg.0), i64::from(at.section.0));
    (tenant.as_str(), at.recording.to_bytes(), leg, section, key.purpose.as_str())
}
