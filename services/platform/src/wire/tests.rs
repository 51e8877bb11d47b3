use std::sync::Arc;

use async_trait::async_trait;
use kernel::{TenantId, TraceParent};
use parking_lot::Mutex;
use proto::archive::v1::GetRequest;
use proto::archive::v1::recordings_client::RecordingsClient;

use super::*;
use crate::auth::{Token, TokenError, TokenSource};
use crate::call::{CallMetadata, request};
use crate::stand::{by_hand, tenant};
use crate::telemetry::in_trace;

/// Tokens that say for which tenant they were asked.
struct NamedTokens;

#[async_trait]
impl TokenSource for NamedTokens {
    async fn token(&self, tenant: Option<&TenantId>) -> Result<Token, TokenError> {
        match tenant.map(TenantId::as_str) {
            Some("nowhere") => Err(TokenError::Unavailable { origin: "test".to_owned() }),
            Some(name) => Ok(Token::new(format!("for-{name}"))),
            None => Ok(Token::new("for-nobody")),
        }
    }
}

/// Remembers the headers of each call.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<http::HeaderMap>>>);

impl Calls {
    fn wire(&self) -> Wire {
        let calls = self.clone();
        by_hand(move |_, headers, _| {
            calls.0.lock().push(headers.clone());
            Ok(Vec::new())
        })
    }
    fn last(&self, name: &str) -> Option<String> {
        let calls = self.0.lock();
        let value = calls.last().unwrap().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn a_role_s_call_carries_the_token_of_the_tenant_that_it_names() {
    let calls = Calls::default();
    let mut recordings = RecordingsClient::new(client(calls.wire(), Arc::new(NamedTokens)));
    recordings.get(request(&tenant("banca-alfa"), GetRequest::default())).await.unwrap();
    assert_eq!(calls.last("authorization").unwrap(), "Bearer for-banca-alfa");
    recordings.get(GetRequest::default()).await.unwrap();
    assert_eq!(calls.last("authorization").unwrap(), "Bearer for-nobody");
    let on_behalf = request(&tenant("banca-alfa"), GetRequest::default()).bearer(&Token::new("anna"));
    recordings.get(on_behalf).await.unwrap();
    assert_eq!(calls.last("authorization").unwrap(), "Bearer anna");
}

#[tokio::test]
async fn a_call_without_a_token_to_be_had_is_not_made() {
    let calls = Calls::default();
    let mut recordings = RecordingsClient::new(client(calls.wire(), Arc::new(NamedTokens)));
    let status = recordings.get(request(&tenant("nowhere"), GetRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(calls.0.lock().is_empty());
}

#[tokio::test]
async fn a_call_belongs_to_the_trace_that_it_is_made_in() {
    let calls = Calls::default();
    let mut recordings = RecordingsClient::new(client(calls.wire(), Arc::new(NamedTokens)));
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceParent::parse(text).unwrap();
    in_trace(trace, recordings.get(GetRequest::default())).await.unwrap();
    assert_eq!(calls.last("traceparent").unwrap(), text);
    recordings.get(GetRequest::default()).await.unwrap();
    assert_eq!(calls.last("traceparent"), None);
}

#[tokio::test]
async fn a_late_wire_is_unavailable_until_its_other_end_is_there() {
    let late = LateWire::new();
    let mut recordings = RecordingsClient::new(late.wire());
    let status = recordings.get(GetRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    late.set(Calls::default().wire());
    recordings.get(GetRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_remote_end_that_is_not_there_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let endpoint = Endpoint::try_from(format!("http://{address}")).unwrap();
    let status = RecordingsClient::new(remote(&endpoint)).get(GetRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
}
