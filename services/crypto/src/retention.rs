//! What crypto asks retention: whether a recording may serve a use now.

use async_trait::async_trait;
use kernel::{PurposeName, RecordingId, TenantId, Use};
use platform::wire::Wire;
use proto::retention::v1::MayServeRequest;
use proto::retention::v1::retention_client::RetentionClient;

/// retention does not answer.
#[derive(Debug, thiserror::Error)]
#[error("retention does not say whether recording {recording} may serve {purpose}")]
pub struct RetentionError {
    /// Which recording.
    pub recording: RecordingId,
    /// Which purpose.
    pub purpose: PurposeName,
    /// What it said instead.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// retention's answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Serve {
    /// The period runs and nothing restricts it, or what was named covers the use.
    Allows,
    /// It may not, for this reason: `period-over`, `restricted`, `no-hold` ...
    Refuses(String),
}

/// retention, as crypto needs it.
#[async_trait]
pub trait RetentionPort: Send + Sync + 'static {
    /// Whether a purpose of the recording may serve the use now; `reference` is what a legal claim or an authority's
    /// use rests on, and empty for others.
    async fn may_serve(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        wanted: Use,
        reference: &str,
    ) -> Result<Serve, RetentionError>;
}

/// retention over a wire.
#[derive(Clone)]
pub struct RetentionWire {
    client: RetentionClient<Wire>,
}

impl RetentionWire {
    /// Asks over this wire.
    pub fn new(wire: Wire) -> Self {
        Self { client: RetentionClient::new(wire) }
    }
}

#[async_trait]
impl RetentionPort for RetentionWire {
    async fn may_serve(
        &self,
        tenant: &TenantId,
        recording: RecordingId,
        purpose: &PurposeName,
        wanted: Use,
        reference: &str,
    ) -> Result<Serve, RetentionError> {
        let message = MayServeRequest {
            recording_id: recording.to_bytes().to_vec(),
            purpose: purpose.to_string(),
            r#use: wanted.number(),
            reference: reference.to_owned(),
        };
        let asked = self.client.clone().may_serve(platform::call::request(tenant, message)).await;
        let answer = asked.map_err(|status| RetentionError {
            recording,
            purpose: purpose.clone(),
            source: Box::new(status),
        })?;
        let answer = answer.into_inner();
        Ok(if answer.allowed { Serve::Allows } else { Serve::Refuses(answer.reason) })
    }
}
