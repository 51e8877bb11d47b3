//! Tokens that are taken and tokens that are not.

mod keys;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, get_current_timestamp};
use kernel::{PrincipalKind, Role, TenantId};

use self::keys::{KeyPair, Server, WrittenSet, claims};
use super::*;

const ISSUER: &str = "https://id.example";

fn settings() -> VerifierSettings {
    Config::default().verifier()
}

fn verifier(keys: Arc<dyn KeySource>) -> Verifier {
    let trusted = TrustedIssuer { issuer: ISSUER.to_owned(), audience: "verbale".to_owned(), keys };
    Verifier::new([trusted], settings())
}

fn supervisor() -> TokenRequest {
    TokenRequest {
        subject: "anna".to_owned(),
        kind: PrincipalKind::Person,
        roles: BTreeSet::from([Role::Supervisor]),
        tenants: BTreeSet::from([TenantId::new("banca-alfa").unwrap()]),
        life: Duration::from_secs(60),
    }
}

#[tokio::test]
async fn each_of_the_three_algorithms_is_taken() {
    let keys = [KeyPair::ed25519("a"), KeyPair::p256("b"), KeyPair::rsa("c")];
    let verifier = verifier(Arc::new(WrittenSet::of(&keys)));
    for key in &keys {
        let principal = verifier.verify(&key.sign(&claims(ISSUER))).await.unwrap();
        assert_eq!(principal.id, "anna");
        assert_eq!(principal.roles, BTreeSet::from([Role::Supervisor]));
    }
}

#[tokio::test]
async fn a_token_cannot_choose_its_algorithm() {
    let rsa = KeyPair::rsa("c");
    let verifier = verifier(Arc::new(WrittenSet::of(std::slice::from_ref(&rsa))));
    for token in [
        keys::unsigned(&claims(ISSUER), "c"),
        keys::hmac(&claims(ISSUER), "c", rsa.jwk().as_bytes()),
        rsa.sign_as(&claims(ISSUER), Algorithm::RS512),
        rsa.sign_as(&claims(ISSUER), Algorithm::PS256),
    ] {
        let refused = verifier.verify(&token).await.unwrap_err();
        assert!(matches!(refused, AuthError::Malformed | AuthError::Invalid), "{refused:?}");
    }
}

#[tokio::test]
async fn times_issuer_audience_and_subject_are_checked() {
    let key = KeyPair::ed25519("a");
    let verifier = verifier(Arc::new(WrittenSet::of(std::slice::from_ref(&key))));
    let now = get_current_timestamp();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = claims(ISSUER);
        change(&mut claims);
        key.sign(&claims)
    };
    let expired = verifier.verify(&changed(&|c| c["exp"] = (now - 3_600).into())).await;
    assert!(matches!(expired, Err(AuthError::Expired)), "{expired:?}");
    let early = verifier.verify(&changed(&|c| c["nbf"] = (now + 3_600).into())).await;
    assert!(matches!(early, Err(AuthError::NotYet)), "{early:?}");
    let stranger = verifier.verify(&changed(&|c| c["iss"] = "https://other".into())).await;
    assert!(matches!(stranger, Err(AuthError::UnknownIssuer)), "{stranger:?}");
    let elsewhere = verifier.verify(&changed(&|c| c["aud"] = "other".into())).await;
    assert!(matches!(elsewhere, Err(AuthError::Invalid)), "{elsewhere:?}");
    for claim in ["exp", "iss", "aud", "sub", "verbale_kind"] {
        let lacking = verifier.verify(&changed(&|c| drop(c.as_object_mut().unwrap().remove(claim)))).await;
        assert!(matches!(lacking, Err(AuthError::Claim { .. })), "{claim}: {lacking:?}");
    }
    for (claim, value) in [("sub", "a b"), ("sub", ""), ("verbale_kind", "robot")] {
        let odd = verifier.verify(&changed(&|c| c[claim] = value.into())).await;
        assert!(matches!(odd, Err(AuthError::Claim { .. })), "{claim}={value}: {odd:?}");
    }
    let bad_tenant = verifier.verify(&changed(&|c| c["verbale_tenants"] = serde_json::json!(["A B"]))).await;
    assert!(matches!(bad_tenant, Err(AuthError::Claim { claim: "verbale_tenants" })), "{bad_tenant:?}");
    let within_leeway = verifier.verify(&changed(&|c| c["exp"] = (now - 5).into())).await;
    assert!(within_leeway.is_ok(), "{within_leeway:?}");
    let listed = verifier.verify(&changed(&|c| c["aud"] = serde_json::json!(["x", "verbale"]))).await;
    assert!(listed.is_ok(), "{listed:?}");
}

#[tokio::test]
async fn an_unknown_role_gives_no_right_and_hurts_nobody() {
    let key = KeyPair::ed25519("a");
    let mut claims = claims(ISSUER);
    claims["verbale_roles"] = serde_json::json!(["supervisor", "emperor"]);
    let verifier = verifier(Arc::new(WrittenSet::of(std::slice::from_ref(&key))));
    let principal = verifier.verify(&key.sign(&claims)).await.unwrap();
    assert_eq!(principal.roles, BTreeSet::from([Role::Supervisor]));
}

#[tokio::test]
async fn bytes_that_are_no_token_are_refused() {
    let key = KeyPair::ed25519("a");
    let verifier = verifier(Arc::new(WrittenSet::of(std::slice::from_ref(&key))));
    let good = key.sign(&claims(ISSUER)).expose().to_owned();
    for cut in 0..good.len() {
        assert!(verifier.verify(&Token::new(&good[..cut])).await.is_err(), "cut at {cut}");
    }
    for odd in ["", ".", "..", "a.b.c", &"x".repeat(Token::MAX_LEN + 1)] {
        assert!(verifier.verify(&Token::new(odd)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_s_new_key_is_found_but_not_more_often_than_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let (old, new) = (KeyPair::ed25519("old"), KeyPair::p256("new"));
    std::fs::write(&path, keys::set(std::slice::from_ref(&old))).unwrap();
    let verifier = verifier(Arc::new(JwksFile(path.clone())));
    verifier.verify(&old.sign(&claims(ISSUER))).await.unwrap();
    std::fs::write(&path, keys::set(std::slice::from_ref(&new))).unwrap();
    let token = new.sign(&claims(ISSUER));
    assert!(matches!(verifier.verify(&token).await, Err(AuthError::UnknownKey)));
    tokio::time::advance(settings().floor).await;
    verifier.verify(&token).await.unwrap();
    let retired = verifier.verify(&old.sign(&claims(ISSUER))).await;
    assert!(matches!(retired, Err(AuthError::UnknownKey)), "{retired:?}");
}

#[tokio::test]
async fn a_url_s_keys_are_fetched_once_for_many_calls() {
    let key = KeyPair::rsa("a");
    let server = Server::start(keys::set(std::slice::from_ref(&key))).await;
    let verifier = verifier(Arc::new(JwksUrl::new(server.url()).unwrap()));
    let token = key.sign(&claims(ISSUER));
    let calls = (0..20).map(|_| verifier.verify(&token));
    for verified in futures::future::join_all(calls).await {
        verified.unwrap();
    }
    assert_eq!(server.answered(), 1);
}

#[tokio::test]
async fn a_url_s_rotated_key_is_taken_at_once_when_the_floor_allows() {
    let (old, new) = (KeyPair::ed25519("old"), KeyPair::ed25519("new"));
    let server = Server::start(keys::set(std::slice::from_ref(&old))).await;
    let trusted = TrustedIssuer {
        issuer: ISSUER.to_owned(),
        audience: "verbale".to_owned(),
        keys: Arc::new(JwksUrl::new(server.url()).unwrap()),
    };
    let verifier = Verifier::new([trusted], VerifierSettings { floor: Duration::ZERO, ..settings() });
    verifier.verify(&old.sign(&claims(ISSUER))).await.unwrap();
    server.publish(keys::set(&[old.clone(), new.clone()]));
    verifier.verify(&new.sign(&claims(ISSUER))).await.unwrap();
    verifier.verify(&old.sign(&claims(ISSUER))).await.unwrap();
    assert_eq!(server.answered(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_outlive_an_outage_of_their_source_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let key = KeyPair::ed25519("a");
    std::fs::write(&path, keys::set(std::slice::from_ref(&key))).unwrap();
    let verifier = verifier(Arc::new(JwksFile(path.clone())));
    let forever =
        |claims: &mut serde_json::Value| claims["exp"] = (get_current_timestamp() + 1_000_000).into();
    let mut claims = claims(ISSUER);
    forever(&mut claims);
    let token = key.sign(&claims);
    verifier.verify(&token).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    tokio::time::advance(settings().max_age * 2).await;
    verifier.verify(&token).await.unwrap();
    tokio::time::advance(settings().stale).await;
    let refused = verifier.verify(&token).await;
    assert!(matches!(refused, Err(AuthError::NoKeys { .. })), "{refused:?}");
}

#[test]
fn a_set_s_unusable_keys_are_passed_over_and_bad_sets_refused() {
    let good = KeyPair::p256("good");
    let odd = [
        r#"{"kty":"oct","kid":"h","k":"c2VjcmV0"}"#.to_owned(),
        r#"{"kty":"EC","kid":"p384","crv":"P-384","x":"AA","y":"AA"}"#.to_owned(),
        r#"{"kty":"RSA","kid":"short","n":"AQAB","e":"AQAB"}"#.to_owned(),
        r#"{"kty":"OKP","kid":"enc","use":"enc","crv":"Ed25519","x":"AA"}"#.to_owned(),
        r#"{"kty":"new","kid":"unheard","alg":"ZZ1"}"#.to_owned(),
        good.jwk(),
    ];
    let keys = super::keys::usable(&format!(r#"{{"keys":[{}]}}"#, odd.join(","))).unwrap();
    assert_eq!(keys.keys().collect::<Vec<_>>(), ["good"]);
    assert!(matches!(super::keys::usable("[]"), Err(KeyError::Malformed)));
    assert!(matches!(super::keys::usable(r#"{"keys":[]}"#), Err(KeyError::NoKey)));
    assert!(matches!(super::keys::usable(&" ".repeat(1 << 20)), Err(KeyError::TooLarge)));
}

#[tokio::test]
async fn the_deployment_s_own_issuer_is_made_once_and_trusted() {
    let keys = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(keys.path(), "verbale").unwrap();
    let again = LocalIssuer::open(keys.path(), "verbale").unwrap();
    assert_eq!(issuer.jwks(), again.jwks());
    let mode = std::fs::metadata(keys.path().join("issuer.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(keys.path()).unwrap().count(), 1);
    let verifier = Verifier::new([again.trusted()], settings());
    let principal = verifier.verify(&issuer.issue(&supervisor()).unwrap()).await.unwrap();
    assert_eq!((principal.id.as_str(), principal.kind), ("anna", PrincipalKind::Person));
    assert!(principal.serves(&TenantId::new("banca-alfa").unwrap()));
    let other = tempfile::tempdir().unwrap();
    let forged = LocalIssuer::open(other.path(), "verbale").unwrap().issue(&supervisor()).unwrap();
    assert!(matches!(verifier.verify(&forged).await, Err(AuthError::UnknownKey)));
}

#[test]
fn an_issuer_key_that_others_may_read_or_that_is_cut_off_is_refused() {
    let keys = tempfile::tempdir().unwrap();
    LocalIssuer::open(keys.path(), "verbale").unwrap();
    let path = keys.path().join("issuer.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(LocalIssuer::open(keys.path(), "verbale"), Err(IssuerError::Open { .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, b"short").unwrap();
    assert!(matches!(LocalIssuer::open(keys.path(), "verbale"), Err(IssuerError::Malformed { .. })));
}

#[tokio::test]
async fn processes_that_share_the_issuer_s_key_trust_each_other_s_tokens() {
    let keys = tempfile::tempdir().unwrap();
    let shared = keys.path().join("shared.key");
    let named = Config { issuer_key: Some(shared.clone()), ..Config::default() };
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A named key is never made: each process would make its own.
    assert!(matches!(LocalIssuer::of(&named, here.path()), Err(IssuerError::File { .. })));
    assert!(!shared.exists());
    LocalIssuer::of(&Config::default(), here.path()).unwrap();
    std::fs::copy(here.path().join("issuer.key"), &shared).unwrap();
    let (one, other) = (LocalIssuer::of(&named, there.path()), LocalIssuer::of(&named, there.path()));
    let token = one.unwrap().issue(&supervisor()).unwrap();
    let verifier = Verifier::new([other.unwrap().trusted()], settings());
    assert_eq!(verifier.verify(&token).await.unwrap().id, "anna");
    assert_eq!(std::fs::read_dir(there.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn service_tokens_are_for_one_tenant_and_renewed_at_half_of_their_life() {
    let keys = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(keys.path(), "verbale").unwrap();
    let verifier = Verifier::new([issuer.trusted()], settings());
    let tokens = LocalTokens::new(issuer, "ingest", Duration::from_secs(600));
    let tenant = TenantId::new("banca-alfa").unwrap();
    let first = tokens.token(Some(&tenant)).await.unwrap();
    let principal = verifier.verify(&first).await.unwrap();
    assert_eq!((principal.id.as_str(), principal.kind), ("service/ingest", PrincipalKind::Service));
    assert_eq!(principal.tenants, BTreeSet::from([tenant.clone()]));
    assert!(verifier.verify(&tokens.token(None).await.unwrap()).await.unwrap().tenants.is_empty());
    assert_eq!(tokens.minted(), 2);
    tokio::time::advance(Duration::from_secs(299)).await;
    tokens.token(Some(&tenant)).await.unwrap();
    assert_eq!(tokens.minted(), 2);
    tokio::time::advance(Duration::from_secs(2)).await;
    tokens.token(Some(&tenant)).await.unwrap();
    assert_eq!(tokens.minted(), 3);
}

#[test]
fn tokens_and_issuers_do_not_show_their_secrets() {
    let keys = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::open(keys.path(), "verbale").unwrap();
    let token = issuer.issue(&supervisor()).unwrap();
    assert_eq!(format!("{token:?}"), "Token(redacted)");
    assert!(token.bearer().unwrap().is_sensitive());
    let seed = hex::encode(std::fs::read(keys.path().join("issuer.key")).unwrap());
    assert!(!format!("{issuer:?}").contains(&seed));
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("jwks", |config| config.issuer = Some(ISSUER.to_owned())),
        ("issuer", |config| config.jwks = Some("keys.json".to_owned())),
        ("issuer", |config| {
            (config.issuer, config.jwks) = (Some(String::new()), Some("keys.json".to_owned()))
        }),
        ("jwks", |config| (config.issuer, config.jwks) = (Some(ISSUER.to_owned()), Some(String::new()))),
        ("jwks", |config| {
            (config.issuer, config.jwks) = (Some(ISSUER.to_owned()), Some("https://:1".to_owned()))
        }),
        ("audience", |config| config.audience.clear()),
        ("jwks_floor", |config| config.jwks_floor = Period::secs(0)),
        ("jwks_max_age", |config| config.jwks_max_age = config.jwks_floor),
        ("jwks_stale", |config| config.jwks_stale = config.jwks_max_age),
        ("service_token_life", |config| config.service_token_life = Period::millis(1_999)),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}

#[test]
fn an_outside_issuer_is_taken_with_a_path_or_a_url() {
    for jwks in ["/etc/verbale/keys.json", "https://id.example/keys"] {
        let (issuer, jwks) = (Some(ISSUER.to_owned()), Some(jwks.to_owned()));
        Config { issuer, jwks, ..Config::default() }.check().unwrap();
    }
}
