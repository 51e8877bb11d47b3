//! What crypto asks consent: whether a purpose has its basis now.

use async_trait::async_trait;
use kernel::{PurposeName, RecordingId, TenantId, Use};
use platform::wire::Wire;
use proto::consent::v1::MayUseRequest;
use proto::consent::v1::consent_client::ConsentClient;

/// consent does not answer.
#[derive(Debug, thiserror::Error)]
#[error("consent does not say whether {purpose} may use recording {recording}")]
pub struct ConsentError {
    /// Which recording.
    pub recording: RecordingId,
    /// Which purpose.
    pub purpose: PurposeName,
    /// What it said instead.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// consent's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Basis {
    /// The basis stands.
    Stands,
    /// It does not, for this reason: `withdrawn`, `no-consent` ...
    Gone(String),
}

/// consent, as crypto needs it.
#[async_trait]
pub trait ConsentPort: Send + Sync + 'static {
    /// Whether the purpose's basis stands now.
    async fn basis(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        wanted: Use,
    ) -> Result<Basis, ConsentError>;
}

/// consent over a wire.
#[derive(Clone)]
pub struct ConsentWire {
    client: ConsentClient<Wire>,
}

impl ConsentWire {
    /// Asks over this wire.
    pub fn new(wire: Wire) -> Self {
        Self { client: ConsentClient::new(wire) }
    }
}

#[async_trait]
impl ConsentPort for ConsentWire {
    async fn basis(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        wanted: Use,
    ) -> Result<Basis, ConsentError> {
        let message = MayUseRequest {
            recording_id: recording.to_bytes().to_vec(),
            purpose: purpose.to_string(),
            r#use: wanted.number(),
        };
        let asked = self.client.clone().may_use(platform::call::request(tenant, message)).await;
        let answer = asked.map_err(|status| ConsentError {
            recording,
            purpose: purpose.clone(),
            source: Box::new(status),
        })?;
        let answer = answer.into_inner();
        Ok(if answer.allowed { Basis::Stands } else { Basis::Gone(answer.reason) })
    }
}
