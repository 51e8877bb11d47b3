//! Service tokens that are bound to a process.

use kernel::TenantId;
use proto::archive::v1::GetRequest;
use proto::archive::v1::recordings_client::RecordingsClient;
use tonic::{Code, Request, Status};

use super::fakes::{Stand, stand};
use crate::auth::{Token, TokenSource};
use crate::call::{CallMetadata, request};
use crate::stand::tenant;
use crate::wire::Wire;

async fn token(stand: &Stand, role: &str, tenant: &TenantId) -> Token {
    stand.tokens_of(role).token(Some(tenant)).await.unwrap()
}

async fn get(wire: Wire, token: &Token) -> Result<(), Status> {
    let get: Request<_> =
        request(&tenant("banca-alfa"), GetRequest { recording_id: vec![7; 16] }).bearer(token);
    RecordingsClient::new(wire).get(get).await.map(drop)
}

#[tokio::test]
async fn a_bound_token_is_taken_only_from_the_process_that_issued_it() {
    let mut stand = stand().await;
    let bound = token(&stand, "ingest", &tenant("banca-alfa")).await;
    let own = stand.over_tls_as("ingest").await;
    let others = stand.over_tls_as("archive").await;
    let plain = stand.over_tcp().await;
    get(own, &bound).await.unwrap();
    get(stand.in_process(), &bound).await.unwrap();
    for wire in [others, plain] {
        let status = get(wire, &bound).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        assert!(status.message().contains("bound"), "{status:?}");
    }
    assert_eq!(stand.handled(), 2);
}

#[tokio::test]
async fn an_unbound_token_is_taken_over_any_connection() {
    let mut stand = stand().await;
    let token = stand.person("anna", kernel::Role::Supervisor, "banca-alfa");
    let wires = [stand.over_tls_as("archive").await, stand.over_tcp().await];
    for wire in wires {
        get(wire, &token).await.unwrap();
    }
}
