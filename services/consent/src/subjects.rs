//! Who people are: random ids, found by HMACs of what they are known by; the values themselves sealed.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kernel::{
    Clock, ErrorCode, FrameNo, InstanceId, LegNo, Position, RecordingId, SectionNo, SessionEpoch, SpanNo,
    SubjectId, TenantId, Timestamp, chain,
};
use seal::{Codec, Hash, LegKey, LegKeyInfo, SectionAddress, SectionKind, SpanHeader};
use tracing::warn;

use crate::error::Error;
use crate::identifier::Identifier;
use crate::identity::{Conflict, IndexValue, Known, Line, Presented, Reassigned};
use crate::keys::{Keys, KeysError, SubjectSection, document};
use crate::store::{Identifiers, SealedValues, Store};

/// The leg of documents.
const DOCUMENT_LEG: LegNo = LegNo(u16::MAX);

/// Who a party is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// Their id.
    pub subject: SubjectId,
    /// What had to be decided against.
    pub conflict: Option<Conflict>,
}

/// Who had an identifier before, and who has it from a moment on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handed {
    /// Whose it was.
    pub before: SubjectId,
    /// Somebody new.
    pub after: SubjectId,
}

/// Identifiers of a subject whose values are not sealed yet.
struct Unsealed<'i> {
    subject: SubjectId,
    identifiers: Vec<&'i Identifier>,
    presented: Vec<Presented>,
}

impl<'i> Unsealed<'i> {
    fn of(
        subject: SubjectId,
        identifiers: &'i [Identifier],
        presented: &[Presented],
        rows: &[Known],
    ) -> Option<Self> {
        let is_unsealed = |(_, one): &(&Identifier, &Presented)| {
            let row = rows.iter().find(|row| row.is_of(one));
            row.is_some_and(|row| row.subject == subject && row.sealed_in.is_none())
        };
        let unsealed = identifiers.iter().zip(presented).filter(is_unsealed);
        let (identifiers, presented): (Vec<_>, Vec<_>) = unsealed.map(|(i, p)| (i, *p)).unzip();
        (!identifiers.is_empty()).then_some(Self { subject, identifiers, presented })
    }
}

/// Finds people, and makes them where there are none.
pub struct Subjects {
    store: Arc<dyn Store>,
    index: Arc<dyn Identifiers>,
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    writer: InstanceId,
    seal_wait: Duration,
}

impl Subjects {
    /// Over these stores; seals values as this writer, for at most so long on a call's path.
    pub fn new(
        store: Arc<dyn Store>,
        index: Arc<dyn Identifiers>,
        keys: Arc<dyn Keys>,
        clock: Arc<dyn Clock>,
        writer: InstanceId,
        seal_wait: Duration,
    ) -> Self {
        Self { store, index, keys, clock, writer, seal_wait }
    }

    /// Who has this identifier at a moment; none where nobody is known by it. Changes nothing.
    pub async fn find(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        at: Timestamp,
    ) -> Result<Option<Known>, Error> {
        let presented = self.presented(tenant, identifier).await?;
        Ok(self.index.find(tenant, &[presented], at).await?.into_iter().next())
    }

    /// What a subject is, or was, known by.
    pub async fn identifiers(&self, tenant: &TenantId, subject: SubjectId) -> Result<Vec<Known>, Error> {
        Ok(self.index.of_subject(tenant, subject).await?)
    }

    /// Gives an identifier to somebody new from a moment on.
    pub async fn reassign(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        from: Timestamp,
    ) -> Result<Handed, Error> {
        let presented = self.presented(tenant, identifier).await?;
        let after = SubjectId::new();
        let before = match self.index.reassign(tenant, &presented, from, after, self.clock.now()).await? {
            Reassigned::Now { before } => before,
            Reassigned::Already => return Err(Error::ReassignedAlready),
            Reassigned::Unknown => return Err(Error::UnknownSubject),
        };
        let (identifiers, presented) = (vec![identifier], vec![presented]);
        self.seal_all(tenant, &[Unsealed { subject: after, identifiers, presented }]).await;
        Ok(Handed { before, after })
    }

    /// Notes how many people use what an identifier names, and tells who has it now.
    pub async fn mark_line(
        &self,
        tenant: &TenantId,
        identifier: &Identifier,
        line: Line,
    ) -> Result<SubjectId, Error> {
        let presented = self.presented(tenant, identifier).await?;
        if !self.index.mark_line(tenant, &presented, line).await? {
            return Err(Error::UnknownSubject);
        }
        let now = self.index.find(tenant, &[presented], self.clock.now()).await?;
        now.first().map(|known| known.subject).ok_or(Error::UnknownSubject)
    }

    /// Who each of these parties is at a moment, in order; none for a party that nothing identifies.
    pub async fn resolve(
        &self,
        tenant: &TenantId,
        parties: &[Vec<Identifier>],
        at: Timestamp,
    ) -> Result<Vec<Option<Resolved>>, Error> {
        let all: Vec<_> = parties.iter().flatten().collect();
        let values = if all.is_empty() { Vec::new() } else { self.keys.index(tenant, &all).await? };
        let mut values = values.as_slice();
        let (mut resolved, mut unsealed) = (Vec::with_capacity(parties.len()), Vec::new());
        for identifiers in parties {
            let (own, rest) = values.split_at(identifiers.len());
            values = rest;
            if identifiers.is_empty() {
                resolved.push(None);
                continue;
            }
            let presented = pair(identifiers, own);
            let (one, rows) = self.resolve_one(tenant, &presented, at).await?;
            unsealed.extend(Unsealed::of(one.subject, identifiers, &presented, &rows));
            resolved.push(Some(one));
        }
        self.seal_all(tenant, &unsealed).await;
        Ok(resolved)
    }

    /// Who it is at a moment, and who has then what was presented.
    async fn resolve_one(
        &self,
        tenant: &TenantId,
        presented: &[Presented],
        at: Timestamp,
    ) -> Result<(Resolved, Vec<Known>), Error> {
        // Most calls are from people who are known: that takes no write.
        let known = self.index.find(tenant, presented, at).await?;
        let all_known = presented.iter().all(|one| known.iter().any(|row| row.is_of(one)));
        if let Some(subject) = known.first().map(|row| row.subject)
            && all_known
            && known.iter().all(|row| row.subject == subject)
        {
            return Ok((Resolved { subject, conflict: None }, known));
        }
        let choice = self.index.resolve(tenant, presented, SubjectId::new(), at, self.clock.now()).await?;
        let resolved = Resolved { subject: choice.subject, conflict: choice.conflict };
        Ok((resolved, self.index.find(tenant, presented, at).await?))
    }

    async fn presented(&self, tenant: &TenantId, identifier: &Identifier) -> Result<Presented, Error> {
        let values = self.keys.index(tenant, &[identifier]).await?;
        let missing = || KeysError::new("compute index values", tenant, ErrorCode::Internal, "there is none");
        let value = *values.first().ok_or_else(missing)?;
        Ok(Presented { kind: identifier.kind(), value })
    }

    /// A call goes on without it: what is not sealed now is sealed when it is presented again.
    async fn seal_all(&self, tenant: &TenantId, all: &[Unsealed<'_>]) {
        let sealing = all.iter().map(|unsealed| async {
            if let Err(error) = self.seal(tenant, unsealed).await {
                let subject = unsealed.subject;
                warn!(%tenant, %subject, error = chain(&error), "identifier values are not sealed for now");
            }
        });
        if tokio::time::timeout(self.seal_wait, join_all(sealing)).await.is_err() {
            warn!(%tenant, "identifier values were not sealed in time");
        }
    }

    /// Seals values as a section of their own. Its key is safe before its ciphertext is kept, and only then the
    /// index says that they are sealed: whatever breaks in between leaves them to be sealed again.
    async fn seal(&self, tenant: &TenantId, unsealed: &Unsealed<'_>) -> Result<(), Error> {
        let Unsealed { subject, identifiers, presented } = unsealed;
        let subject = *subject;
        let refused = |source: seal::Error| Error::Sealing { subject, source };
        let active = self.keys.active(tenant).await?;
        let section = section(subject, self.index.claim_section(tenant, subject).await?);
        let key = LegKey::generate().map_err(refused)?;
        let info = LegKeyInfo { tenant: tenant.clone(), section, epoch: active.epoch };
        let sealed = seal::hpke::seal_leg_key(&active.public, &info, &key).map_err(refused)?;
        let span_key = key.span_key(SpanNo(0)).map_err(refused)?;
        let header = self.header(tenant, section, active.epoch);
        let container = seal::span::seal_span(&span_key, &header, &document(identifiers)).map_err(refused)?;
        self.keys
            .adopt(tenant, self.writer, &SubjectSection { section, epoch: active.epoch, sealed })
            .await?;
        let kept = SealedValues {
            tenant: tenant.clone(),
            subject,
            section: section.section,
            container: container.bytes,
            sealed_at: header.started_wall,
        };
        self.store.keep_values(&kept).await?;
        Ok(self.index.mark_sealed(tenant, subject, presented, section.section).await?)
    }

    fn header(&self, tenant: &TenantId, section: SectionAddress, key_epoch: kernel::KeyEpoch) -> SpanHeader {
        SpanHeader {
            tenant: tenant.clone(),
            recording: section.recording,
            leg: section.leg,
            section: section.section,
            kind: SectionKind::Subject,
            span: SpanNo(0),
            session_epoch: SessionEpoch(0),
            first_frame: FrameNo(0),
            last_frame: FrameNo(0),
            start: Position::ZERO,
            end: Position::ZERO,
            codec: Codec::Document,
            rate: 0,
            started_wall: self.clock.now(),
            writer: self.writer,
            key_epoch,
            policy_hash: Hash([0; 32]),
            regimes: Vec::new(),
        }
    }
}

/// Where a subject's values lie: their id stands for a recording's, and the two are random.
fn section(subject: SubjectId, section: SectionNo) -> SectionAddress {
    SectionAddress { recording: RecordingId::from_bytes(subject.to_bytes()), leg: DOCUMENT_LEG, section }
}

fn pair(identifiers: &[Identifier], values: &[IndexValue]) -> Vec<Presented> {
    let both = identifiers.iter().zip(values);
    both.map(|(identifier, value)| Presented { kind: identifier.kind(), value: *value }).collect()
}
