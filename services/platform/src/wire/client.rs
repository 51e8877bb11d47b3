//! What a wire adds to every call of a role: its service token and the trace it belongs to.

use std::sync::Arc;

use futures::FutureExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use kernel::{ErrorCode, TenantId};
use tonic::Status;
use tower::{Service, ServiceExt};

use super::{Request, Wire, in_process};
use crate::auth::TokenSource;
use crate::call::{TENANT, TRACEPARENT};
use crate::error;
use crate::telemetry::current_trace;

/// The wire, with a token on every call that has none, and with the present trace.
pub fn client(wire: Wire, tokens: Arc<dyn TokenSource>) -> Wire {
    in_process(tower::service_fn(move |mut request: Request| {
        let (mut wire, tokens) = (wire.clone(), Arc::clone(&tokens));
        let trace = current_trace();
        async move {
            if !request.headers().contains_key(AUTHORIZATION) {
                authorize(request.headers_mut(), tokens.as_ref()).await?;
            }
            if let Some(value) = trace.and_then(|trace| HeaderValue::try_from(trace.as_str()).ok()) {
                request.headers_mut().entry(TRACEPARENT).or_insert(value);
            }
            wire.ready().await?.call(request).await
        }
        .boxed()
    }))
}

async fn authorize(headers: &mut HeaderMap, tokens: &dyn TokenSource) -> Result<(), Status> {
    let named = headers.get(TENANT).and_then(|value| value.to_str().ok());
    let tenant = named.and_then(|name| TenantId::new(name).ok());
    let token = tokens.token(tenant.as_ref()).await.map_err(|error| error::status(&error))?;
    let bearer = token.bearer().ok_or_else(|| {
        error::refusal(ErrorCode::Internal, "token-malformed", "the service token cannot be sent")
    })?;
    headers.insert(AUTHORIZATION, bearer);
    Ok(())
}
