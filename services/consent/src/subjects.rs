//! Who people are: random ids, found by HMACs of what they are known by; the values themselves sealed.

use std::sync::Arc;

use kernel::{
    Clock, FrameNo, InstanceId, LegNo, Position, RecordingId, SectionNo, SessionEpoch, SpanNo, SubjectId,
    TenantId, chain,
};
use seal::{Codec, Hash, LegKey, LegKeyInfo, SectionAddress, SectionKind, SpanHeader};
use tracing::warn;

use crate::error::Error;
use crate::identifier::Identifier;
use crate::identity::{Conflict, IndexValue, Presented};
use crate::keys::{Keys, SubjectSection, document};
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

/// Finds people, and makes them where there are none.
pub struct Subjects {
    store: Arc<dyn Store>,
    index: Arc<dyn Identifiers>,
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    writer: InstanceId,
}

impl Subjects {
    /// Over these stores; seals values as this writer.
    pub fn new(
        store: Arc<dyn Store>,
        index: Arc<dyn Identifiers>,
        keys: Arc<dyn Keys>,
        clock: Arc<dyn Clock>,
        writer: InstanceId,
    ) -> Self {
        Self { store, index, keys, clock, writer }
    }

    /// Who has this identifier; none where nobody is known by it. Changes nothing.
    pub async fn find(&self, tenant: &TenantId, identifier: &Identifier) -> Result<Option<SubjectId>, Error> {
        let values = self.keys.index(tenant, &[identifier]).await?;
        let presented = pair(std::slice::from_ref(identifier), &values);
        Ok(self.index.find(tenant, &presented).await?.first().map(|known| known.subject))
    }

    /// Who each of these parties is, in order; none for a party that nothing identifies.
    pub async fn resolve(
        &self,
        tenant: &TenantId,
        parties: &[Vec<Identifier>],
    ) -> Result<Vec<Option<Resolved>>, Error> {
        let all: Vec<_> = parties.iter().flatten().collect();
        let values = if all.is_empty() { Vec::new() } else { self.keys.index(tenant, &all).await? };
        let mut values = values.as_slice();
        let mut resolved = Vec::with_capacity(parties.len());
        for identifiers in parties {
            let (own, rest) = values.split_at(identifiers.len());
            values = rest;
            resolved.push(match identifiers.as_slice() {
                [] => None,
                identifiers => Some(self.resolve_one(tenant, identifiers, own).await?),
            });
        }
        Ok(resolved)
    }

    async fn resolve_one(
        &self,
        tenant: &TenantId,
        identifiers: &[Identifier],
        values: &[IndexValue],
    ) -> Result<Resolved, Error> {
        let presented = pair(identifiers, values);
        // Most calls are from people who are known: that takes no write.
        let known = self.index.find(tenant, &presented).await?;
        let one = known.first().map(|row| row.subject);
        let all_known =
            presented.iter().all(|p| known.iter().any(|k| (k.kind, k.value) == (p.kind, p.value)));
        let settled = one.filter(|subject| all_known && known.iter().all(|row| row.subject == *subject));
        let resolved = match settled {
            Some(subject) => Resolved { subject, conflict: None },
            None => {
                let choice =
                    self.index.resolve(tenant, &presented, SubjectId::new(), self.clock.now()).await?;
                Resolved { subject: choice.subject, conflict: choice.conflict }
            }
        };
        let rows = if settled.is_some() { known } else { self.index.find(tenant, &presented).await? };
        let unsealed = |place: &usize| {
            let (kind, value) = (presented[*place].kind, presented[*place].value);
            let row = rows.iter().find(|row| (row.kind, row.value) == (kind, value));
            row.is_some_and(|row| row.subject == resolved.subject && row.sealed_in.is_none())
        };
        let unsealed: Vec<_> = (0..presented.len()).filter(unsealed).collect();
        if !unsealed.is_empty() {
            let identifiers: Vec<_> = unsealed.iter().map(|place| &identifiers[*place]).collect();
            let presented: Vec<_> = unsealed.iter().map(|place| presented[*place]).collect();
            // The call goes on without it: they are sealed when they are presented again.
            if let Err(error) = self.seal(tenant, resolved.subject, &identifiers, &presented).await {
                let subject = resolved.subject;
                warn!(%tenant, %subject, error = chain(&error), "identifier values are not sealed for now");
            }
        }
        Ok(resolved)
    }

    /// Seals values as a section of their own. Its key is safe before its ciphertext is kept, and only then the
    /// index says that they are sealed: whatever breaks in between leaves them to be sealed again.
    async fn seal(
        &self,
        tenant: &TenantId,
        subject: SubjectId,
        identifiers: &[&Identifier],
        presented: &[Presented],
    ) -> Result<(), Error> {
        let refused = |source: seal::Error| Error::Sealing { subject, source };
        let active = self.keys.active(tenant, self.writer).await?;
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
        Ok(self.index.mark_sealed(tenant, presented, section.section).await?)
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
