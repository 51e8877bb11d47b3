mod replicas;

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{TenantId, TraceParent};
use parking_lot::Mutex;
use proto::archive::v1::GetRequest;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::audit::v1::GetCheckpointsRequest;
use proto::audit::v1::ledger_client::LedgerClient;
use proto::crypto::v1::ExportTrustRequest;
use proto::crypto::v1::keys_client::KeysClient;

use super::*;
use crate::auth::{Token, TokenError, TokenSource};
use crate::call::{CallMetadata, request};
use crate::config::Period;
use crate::error::reason;
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
async fn a_routed_call_goes_to_whoever_owns_its_service() {
    let (here, there) = (Calls::default(), Calls::default());
    let routed = Routed::new()
        .to(["verbale.archive.v1.Recordings"], &here.wire())
        .to(["verbale.archive.v1.Recordings", "verbale.crypto.v1.Keys"], &there.wire())
        .wire();
    RecordingsClient::new(routed.clone()).get(GetRequest::default()).await.unwrap();
    KeysClient::new(routed.clone()).export_trust(ExportTrustRequest {}).await.unwrap();
    assert_eq!((here.0.lock().len(), there.0.lock().len()), (1, 1));
    let status = LedgerClient::new(routed).get_checkpoints(GetCheckpointsRequest {}).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (tonic::Code::FailedPrecondition, "no-route"));
}

#[test]
fn addresses_are_read_as_they_are_written() {
    for text in [
        "http://127.0.0.1:7420",
        "https://crypto.example:7420",
        "https://[::1]:7420",
        "http://a:1,https://b:2",
    ] {
        assert_eq!(text.parse::<Peers>().unwrap().to_string(), text);
    }
    let bare: Peers = "https://crypto.example, http://crypto.example/".parse().unwrap();
    assert_eq!(bare.to_string(), "https://crypto.example:443,http://crypto.example:80");
    let many = vec!["http://a:1"; 65].join(",");
    for bad in ["", "a:1", "http://", "ftp://a:1", "http://a:1/path", "http://u@a:1", "http://a:1,", &many] {
        bad.parse::<Peers>().expect_err(bad);
    }
    let told = "http://u:hunter2@a:1".parse::<Peers>().unwrap_err().to_string();
    assert!(told.contains("a:1") && !told.contains("hunter2"), "{told}");
}

#[test]
fn an_https_address_needs_authorities_to_trust() {
    let refused =
        remote(&"https://crypto.example:7420".parse().unwrap(), &Config::default(), None).unwrap_err();
    assert!(refused.to_string().contains("tls.ca"), "{refused}");
}

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    type Spoilt = (&'static str, fn(&mut Config));
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("connect", |config| config.connect = Period::millis(0)),
        ("keep_alive", |config| config.keep_alive = Period::millis(0)),
        ("keep_alive_wait", |config| config.keep_alive_wait = Period::millis(0)),
        ("resolve", |config| config.resolve = Period::millis(0)),
        ("pause", |config| config.pause = Period::millis(0)),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}
