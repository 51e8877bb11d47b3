//! What is one value of a tenant, or of the store: which policy was applied, which sweep waits, how far the journal is
//! read. Each is a row that conditional writes guard, since a plain write by a clock that is behind would be lost without
//! a word.

use kernel::{TenantId, Timestamp};
use policy::PolicyHash;
use uuid::Uuid;

use super::Inner;
use super::decision::TRIES;
use super::error::Error;
use super::rows::Table;
use crate::store::SweepAsked;

/// What is noted of a tenant.
#[derive(Clone, Copy)]
enum Note<'a> {
    Policy(PolicyHash),
    Sweep(Option<&'a SweepAsked>),
}

/// A sweep in its columns; none of them where none waits.
type SweepColumns = (Option<String>, Option<String>, Option<i64>);

impl Inner {
    pub(super) async fn applied_policy(&self, tenant: &TenantId) -> Result<Option<PolicyHash>, Error> {
        let values = (tenant.as_str(),);
        let found: Option<(Vec<u8>,)> = self.cql.row(&self.statements.applied_policy, values).await?;
        let read = |(hash,): (Vec<u8>,)| PolicyHash::from_slice(&hash);
        let bad = Table("retention_applied_policy").bad("a policy hash");
        found.map(read).transpose().map_err(|_| bad)
    }

    pub(super) async fn set_applied_policy(
        &self,
        tenant: &TenantId,
        policy: PolicyHash,
    ) -> Result<(), Error> {
        self.note(tenant, Note::Policy(policy)).await
    }

    pub(super) async fn sweep_asked(&self, tenant: &TenantId) -> Result<Option<SweepAsked>, Error> {
        let values = (tenant.as_str(),);
        let found: Option<SweepColumns> = self.cql.row(&self.statements.sweep_asked, values).await?;
        match found {
            Some((Some(plan), Some(by), Some(at))) => {
                Ok(Some(SweepAsked { tenant: tenant.clone(), plan, by, at: Timestamp(at) }))
            }
            Some((None, None, None)) | None => Ok(None),
            Some(_) => Err(Table("retention_sweep_asked").bad("half a sweep")),
        }
    }

    pub(super) async fn set_sweep_asked(
        &self,
        tenant: &TenantId,
        asked: Option<&SweepAsked>,
    ) -> Result<(), Error> {
        self.note(tenant, Note::Sweep(asked)).await
    }

    /// Writes over whatever is there, until it is there itself.
    async fn note(&self, tenant: &TenantId, note: Note<'_>) -> Result<(), Error> {
        let act = Uuid::new_v4();
        let mut last = Error::Contended;
        for _ in 0..TRIES {
            let before = self.noted(tenant, note).await?;
            if before == Some(act) {
                return Ok(());
            }
            match self.apply_note(tenant, note, act, before).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Error::Cql(error)) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// By which act the note was written that stands.
    async fn noted(&self, tenant: &TenantId, note: Note<'_>) -> Result<Option<Uuid>, Error> {
        let act = match note {
            Note::Policy(_) => &self.statements.applied_policy_act,
            Note::Sweep(_) => &self.statements.sweep_asked_act,
        };
        let found: Option<(Uuid,)> = self.cql.serial_row(act, (tenant.as_str(),)).await?;
        Ok(found.map(|(act,)| act))
    }

    async fn apply_note(
        &self,
        tenant: &TenantId,
        note: Note<'_>,
        act: Uuid,
        before: Option<Uuid>,
    ) -> Result<bool, Error> {
        let (with, tenant) = (&self.statements, tenant.as_str());
        let applied = match note {
            Note::Policy(policy) => {
                let values = (act, policy.as_bytes().to_vec(), tenant, before);
                self.cql.apply(&with.set_applied_policy, values).await
            }
            Note::Sweep(asked) => {
                let (plan, by) = (asked.map(|asked| &asked.plan), asked.map(|asked| &asked.by));
                let values = (act, plan, by, asked.map(|asked| asked.at.0), tenant, before);
                self.cql.apply(&with.set_sweep_asked, values).await
            }
        };
        Ok(applied?)
    }

    pub(super) async fn journal_position(&self) -> Result<u64, Error> {
        let Some(position) = self.noted_position().await? else { return Ok(0) };
        u64::try_from(position).map_err(|_| Table("retention_journal").bad("a position"))
    }

    pub(super) async fn set_journal_position(&self, position: u64) -> Result<(), Error> {
        let with = &self.statements;
        let position = i64::try_from(position).map_err(|_| Error::Number("a position"))?;
        let mut last = Error::Contended;
        for _ in 0..TRIES {
            let tried = match self.noted_position().await? {
                Some(noted) if noted >= position => return Ok(()),
                Some(_) => self.cql.apply(&with.raise_journal_position, (position, position)).await,
                None => self.cql.apply(&with.first_journal_position, (position,)).await,
            };
            match tried {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if error.is_uncertain() => last = error.into(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(last)
    }

    async fn noted_position(&self) -> Result<Option<i64>, Error> {
        let found: Option<(i64,)> = self.cql.serial_row(&self.statements.journal_position, ()).await?;
        Ok(found.map(|(position,)| position))
    }
}
