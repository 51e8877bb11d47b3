//! Every RPC of the contract, called by those who may not.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kernel::{Principal, PrincipalKind, Role, TenantId};
use platform::auth::{LocalIssuer, Token};
use platform::call::{self, CallMetadata};
use platform::drain::{self, Tasks};
use platform::rules::{Rule, RuleBook, Scope};
use platform::server::Door;
use platform::wire::{self, Wire};
use serde_json::{Value, json};
use tokio_stream::iter;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use verbale::wiring;

use crate::harness::{PATIENCE, World, purpose, reason};

/// PKCS#8 version 1 of an Ed25519 key up to its seed (RFC 8410).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

#[tokio::test(flavor = "multi_thread")]
async fn every_call_over_tcp_is_refused_to_those_who_may_not_make_it() {
    let world = World::new();
    let mesh = world.up().await;
    let peers = mesh.server().parse().unwrap();
    walk(&world, &wire::remote(&peers, &wire::Config::default(), None).unwrap()).await;
    mesh.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_between_roles_of_one_process_is_refused_to_those_who_may_not_make_it() {
    let world = World::new();
    let wired = wiring::build(&world.settings(), None).await.unwrap();
    let door = Door::to(&wired.roles);
    wired.inside.set(door.wire());
    let (stopper, shutdown) = drain::shutdown();
    let mut tasks = Tasks::new(shutdown);
    let of_roles = wired.roles.into_iter().flat_map(|role| role.tasks);
    of_roles.chain(wired.tasks).for_each(|task| tasks.start(task));

    walk(&world, &door.wire()).await;
    assert_eq!(tasks.stop(&stopper, PATIENCE).await, 0, "tasks that did not end");
}

/// Makes every call as everybody who may not, and once as somebody who may.
async fn walk(world: &World, wire: &Wire) {
    let rules = RuleBook::of_the_contract().unwrap();
    let (own, other) = (TenantId::new("banca-alfa").unwrap(), TenantId::new("telco-beta").unwrap());
    assert!(rules.iter().len() >= 20, "the contract has its calls: {}", rules.iter().len());

    for rule in rules.iter() {
        let right = rule.permission.roles();
        let wrong: Vec<_> = Role::ALL.iter().copied().filter(|role| !right.contains(role)).collect();
        // Of the services of the mesh some calls are one's, whatever else its token says.
        let caller = rule.permission.caller();
        let good = world.token_as(caller.unwrap_or("it"), right, &[&own]);
        let mut table = vec![
            ("no token", None, Code::Unauthenticated, "unauthenticated"),
            ("a broken token", Some(broken(&good)), Code::Unauthenticated, "unauthenticated"),
            ("an expired token", Some(expired(world, right, &own)), Code::Unauthenticated, "unauthenticated"),
            ("every wrong role", Some(world.token(&wrong, &[&own])), Code::PermissionDenied, "role"),
        ];
        if caller.is_some() {
            let another = |roles: &[Role]| Some(world.token(roles, &[&own]));
            table.push(("another's token", another(right), Code::PermissionDenied, "role"));
            let only = another(&[Role::Service]);
            table.push(("another service's token", only, Code::PermissionDenied, "role"));
        }
        match rule.scope {
            Scope::Tenant => {
                let foreign = Some(world.token_as(caller.unwrap_or("it"), right, &[&other]));
                table.push(("another tenant's token", foreign, Code::PermissionDenied, "tenant"));
            }
            Scope::Deployment => {}
        }
        for (case, token, code, word) in table {
            let status = attempt(wire, rule, &own, token.as_ref()).await;
            assert_eq!((status.code(), reason(&status)), (code, word), "{case}: {}: {status}", rule.path);
        }
        // The one that may comes through to the handler, so the refusals above are not about anything else.
        let status = attempt(wire, rule, &own, Some(&good)).await;
        assert!(!["unauthenticated", "role", "tenant"].contains(&reason(&status)), "{}: {status}", rule.path);
    }
}

/// Makes the call with an empty message and all that its rule asks to be stated; what becomes of it.
async fn attempt(wire: &Wire, rule: &Rule, tenant: &TenantId, token: Option<&Token>) -> Status {
    let mut request = call::request(tenant, iter([()])).purpose(&purpose("quality")).reason("a walk");
    if let Some(token) = token {
        request = request.bearer(token);
    }
    // A watch answers for as long as somebody listens.
    request.set_timeout(Duration::from_secs(10));
    match first_answer(wire, rule, request).await {
        Ok(()) => Status::ok("answered"),
        Err(status) => status,
    }
}

/// On the wire a call with one message is a stream of one.
async fn first_answer(
    wire: &Wire,
    rule: &Rule,
    request: Request<impl tokio_stream::Stream<Item = ()> + Send + 'static>,
) -> Result<(), Status> {
    let mut client = Grpc::new(wire.clone());
    client.ready().await?;
    let path = rule.path.parse().unwrap();
    let codec = ProstCodec::<(), ()>::default();
    let mut answers = client.streaming(request, path, codec).await?.into_inner();
    answers.message().await.map(drop)
}

/// The same token with one character of its signature changed.
fn broken(token: &Token) -> Token {
    let mut text = token.expose().to_owned();
    let at = text.rfind('.').unwrap() + 10;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    text.replace_range(at..=at, other);
    Token::new(text)
}

/// A token of the deployment's own issuer that ended an hour ago.
fn expired(world: &World, roles: &[Role], tenant: &TenantId) -> Token {
    let issuer = LocalIssuer::open(&world.keys(), "verbale").unwrap();
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let seed = std::fs::read(world.keys().join("issuer.key")).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = jwks["keys"][0]["kid"].as_str().map(str::to_owned);
    let principal = Principal {
        id: "it".to_owned(),
        kind: PrincipalKind::Person,
        roles: roles.iter().copied().collect(),
        tenants: [tenant.clone()].into(),
    };
    let now = jsonwebtoken::get_current_timestamp();
    let claims = json!({
        "iss": "verbale-local", "aud": ["verbale"], "sub": principal.id, "exp": now - 3_600, "nbf": now - 7_200,
        "verbale_kind": "person",
        "verbale_roles": principal.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "verbale_tenants": principal.tenants.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    let key = EncodingKey::from_ed_der(&[PKCS8.as_slice(), &seed].concat());
    Token::new(jsonwebtoken::encode(&header, &claims, &key).unwrap())
}
