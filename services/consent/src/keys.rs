//! What consent asks crypto: HMACs of identifiers, the epoch's public key, and to take a section's key.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{ErrorCode, InstanceId, KeyEpoch, ServiceError, TenantId};
use platform::call::{CallMetadata, request};
use platform::error::error_code;
use platform::wire::Wire;
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{AdoptRequest, GetActiveKeyRequest, HmacKey, HmacRequest};
use proto::ingest::v1::LegOpened;
use seal::page::SUBJECT;
use seal::{EpochPublic, HpkeSealed, SectionAddress, SectionKind};
use tonic::Status;
use zeroize::Zeroizing;

use crate::identifier::Identifier;
use crate::identity::IndexValue;

/// Most values of one HMAC call.
const VALUES: usize = 64;

/// crypto did not do something.
#[derive(Debug, thiserror::Error)]
#[error("crypto does not {act} for tenant {tenant}")]
pub struct KeysError {
    /// What it was asked.
    pub act: &'static str,
    /// For whom.
    pub tenant: TenantId,
    code: ErrorCode,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl KeysError {
    /// What was asked for whom, which kind of failure it was, and why.
    pub fn new(
        act: &'static str,
        tenant: &TenantId,
        code: ErrorCode,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { act, tenant: tenant.clone(), code, source: source.into() }
    }
}

impl ServiceError for KeysError {
    fn code(&self) -> ErrorCode {
        self.code
    }
}

/// The epoch that is sealed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActiveKey {
    /// Its number.
    pub epoch: KeyEpoch,
    /// Its public key.
    pub public: EpochPublic,
}

/// A section of a subject's values, whose key is to be taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectSection {
    /// Which; the subject's id stands for the recording's.
    pub section: SectionAddress,
    /// The epoch that its key is sealed to.
    pub epoch: KeyEpoch,
    /// The sealed key.
    pub sealed: HpkeSealed,
}

/// crypto, as consent needs it.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The index values of identifiers, in their order.
    async fn index(
        &self,
        tenant: &TenantId,
        identifiers: &[&Identifier],
    ) -> Result<Vec<IndexValue>, KeysError>;
    /// The active epoch; what is sealed to it is handed over at once.
    async fn active(&self, tenant: &TenantId) -> Result<ActiveKey, KeysError>;
    /// Has a section's key taken in; durable when it answers.
    async fn adopt(
        &self,
        tenant: &TenantId,
        writer: InstanceId,
        new: &SubjectSection,
    ) -> Result<(), KeysError>;
}

/// crypto over a wire.
#[derive(Clone)]
pub struct KeysWire {
    wire: Wire,
    wait: Duration,
}

impl KeysWire {
    /// Asks over this wire, which brings the token; each call takes at most so long.
    pub fn new(wire: Wire, wait: Duration) -> Self {
        Self { wire, wait }
    }

    async fn ask<T>(
        &self,
        act: &'static str,
        tenant: &TenantId,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, KeysError> {
        match tokio::time::timeout(self.wait, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => {
                let code = match error_code(status.code()) {
                    Some(
                        ErrorCode::DeadlineExceeded | ErrorCode::Unavailable | ErrorCode::ResourceExhausted,
                    ) => ErrorCode::Unavailable,
                    // What crypto refuses of ours is a fault of ours, not of our caller's.
                    Some(_) | None => ErrorCode::Internal,
                };
                Err(KeysError::new(act, tenant, code, status))
            }
            Err(late) => Err(KeysError::new(act, tenant, ErrorCode::Unavailable, late)),
        }
    }
}

#[async_trait]
impl Keys for KeysWire {
    async fn index(
        &self,
        tenant: &TenantId,
        identifiers: &[&Identifier],
    ) -> Result<Vec<IndexValue>, KeysError> {
        const ACT: &str = "compute index values";
        let mut values = Vec::with_capacity(identifiers.len());
        for some in identifiers.chunks(VALUES) {
            let inputs = some.iter().map(|one| one.index_input().to_vec()).collect();
            let message = HmacRequest { key: HmacKey::Identifier.into(), values: inputs };
            let asked = request(tenant, message).within(self.wait);
            let mut client = KeysClient::new(self.wire.clone());
            let macs = self.ask(ACT, tenant, client.hmac(asked)).await?.macs;
            let read = macs.iter().map(|mac| IndexValue::try_from(mac.as_slice()));
            let read: Result<Vec<_>, _> = read.collect();
            match read {
                Ok(read) if read.len() == some.len() => values.extend(read),
                Ok(_) | Err(_) => {
                    return Err(KeysError::new(ACT, tenant, ErrorCode::Internal, "they are malformed"));
                }
            }
        }
        Ok(values)
    }

    async fn active(&self, tenant: &TenantId) -> Result<ActiveKey, KeysError> {
        const ACT: &str = "give its active key";
        let message = GetActiveKeyRequest::default();
        let mut client = KeysClient::new(self.wire.clone());
        let asked = client.get_active_key(request(tenant, message).within(self.wait));
        let answer = self.ask(ACT, tenant, asked).await?;
        let public = EpochPublic::from_slice(&answer.public_key);
        let public = public.map_err(|source| KeysError::new(ACT, tenant, ErrorCode::Internal, source))?;
        Ok(ActiveKey { epoch: KeyEpoch(answer.key_epoch), public })
    }

    async fn adopt(
        &self,
        tenant: &TenantId,
        writer: InstanceId,
        new: &SubjectSection,
    ) -> Result<(), KeysError> {
        let leg_opened = LegOpened {
            recording_id: new.section.recording.to_bytes().to_vec().into(),
            leg: new.section.leg.0.into(),
            section: new.section.section.0,
            session_epoch: 0,
            key_epoch: new.epoch.0,
            writer: writer.to_bytes().to_vec().into(),
            hpke_enc: new.sealed.enc.to_vec().into(),
            hpke_ciphertext: new.sealed.ciphertext.clone().into(),
            kind: SectionKind::Subject.number(),
            anchors: Vec::new(),
        };
        let message = AdoptRequest { leg_opened: Some(leg_opened), reserved_purpose: SUBJECT.to_owned() };
        let mut client = KeysClient::new(self.wire.clone());
        let asked = client.adopt(request(tenant, message).within(self.wait));
        self.ask("adopt a subject's section", tenant, asked).await.map(drop)
    }
}

/// The document of a subject's values: deterministic CBOR `[[kind number, value] ...]`.
pub(crate) fn document(identifiers: &[&Identifier]) -> Zeroizing<Vec<u8>> {
    type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;
    fn write(w: &mut minicbor::Encoder<&mut Vec<u8>>, identifiers: &[&Identifier]) -> Written {
        w.array(identifiers.len() as u64)?;
        for one in identifiers {
            w.array(2)?.i32(one.kind().number())?.str(one.expose())?;
        }
        Ok(())
    }
    // Room for all of it, so that no copy stays behind where the buffer grew.
    let room = identifiers.iter().map(|one| one.expose().len() + 8).sum::<usize>() + 8;
    let mut document = Zeroizing::new(Vec::with_capacity(room));
    let mut encoder = minicbor::Encoder::new(&mut *document);
    write(&mut encoder, identifiers).expect("writing to memory does not fail");
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_bytes_are_these() {
        let (phone, crm) = (Identifier::read(1, "+3906123456").unwrap(), Identifier::read(4, "C-1").unwrap());
        assert_eq!(document(&[&phone, &crm]).as_slice(), b"\x82\x82\x01\x6b+3906123456\x82\x04\x63C-1");
    }
}
