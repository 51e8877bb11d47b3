//! The names of a call's metadata, and how clients set them.

use std::time::Duration;

use kernel::{PurposeName, TenantId};
use tonic::Request;
use tonic::metadata::MetadataValue;

use crate::auth::Token;

/// Names the tenant.
pub const TENANT: &str = "verbale-tenant";
/// Names the purpose.
pub const PURPOSE: &str = "verbale-purpose";
/// Carries a person's reason, UTF-8 of at most [`MAX_REASON`] bytes.
pub const REASON: &str = "verbale-reason-bin";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// Longest reason, in bytes.
pub const MAX_REASON: usize = 4 << 10;

/// A request about one tenant's data.
pub fn request<M>(tenant: &TenantId, message: M) -> Request<M> {
    let mut request = Request::new(message);
    if let Ok(value) = tenant.as_str().parse() {
        request.metadata_mut().insert(TENANT, value);
    }
    request
}

/// What else a client states about a call.
pub trait CallMetadata: Sized {
    /// What for.
    fn purpose(self, purpose: &PurposeName) -> Self;
    /// Why, in the caller's own words.
    fn reason(self, reason: &str) -> Self;
    /// As whom; calls between roles get theirs from the wire.
    fn bearer(self, token: &Token) -> Self;
    /// At most how long.
    fn within(self, patience: Duration) -> Self;
}

impl<M> CallMetadata for Request<M> {
    fn purpose(mut self, purpose: &PurposeName) -> Self {
        if let Ok(value) = purpose.as_str().parse() {
            self.metadata_mut().insert(PURPOSE, value);
        }
        self
    }
    fn reason(mut self, reason: &str) -> Self {
        self.metadata_mut().insert_bin(REASON, MetadataValue::from_bytes(reason.as_bytes()));
        self
    }
    fn bearer(mut self, token: &Token) -> Self {
        if let Some(value) = token.bearer().and_then(|value| MetadataValue::try_from(value.as_bytes()).ok()) {
            self.metadata_mut().insert("authorization", value);
        }
        self
    }
    fn within(mut self, patience: Duration) -> Self {
        self.set_timeout(patience);
        self
    }
}
