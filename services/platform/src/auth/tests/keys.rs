//! Key pairs, hand-made tokens, and a URL that publishes keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::auth::{KeyError, KeySource, Token};

#[derive(Clone)]
pub(super) struct KeyPair {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl KeyPair {
    pub(super) fn ed25519(id: &'static str) -> Self {
        let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        Self { id, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(der.as_ref()) }
    }
    pub(super) fn p256(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self { id, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(der.as_ref()) }
    }
    pub(super) fn rsa(id: &'static str) -> Self {
        let der = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        let body = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        Self { id, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap() }
    }
    pub(super) fn jwk(&self) -> String {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_string(&jwk).unwrap()
    }
    pub(super) fn sign(&self, claims: &Value) -> Token {
        self.sign_as(claims, self.algorithm)
    }
    pub(super) fn sign_as(&self, claims: &Value, algorithm: Algorithm) -> Token {
        let mut header = Header::new(algorithm);
        header.kid = Some(self.id.to_owned());
        Token::new(encode(&header, claims, &self.key).unwrap())
    }
}

pub(super) fn set(keys: &[KeyPair]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.iter().map(KeyPair::jwk).collect::<Vec<_>>().join(","))
}

pub(super) fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": "verbale", "sub": "anna", "exp": get_current_timestamp() + 600,
        "verbale_kind": "person", "verbale_roles": ["supervisor"], "verbale_tenants": ["banca-alfa"],
    })
}

/// `alg: none`, as libraries of old took it.
pub(super) fn unsigned(claims: &Value, id: &str) -> Token {
    let header = json!({ "alg": "none", "typ": "JWT", "kid": id }).to_string();
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    Token::new(format!("{}.{}.", part(&header), part(&claims.to_string())))
}

/// HS256 with the public key as the secret.
pub(super) fn hmac(claims: &Value, id: &str, secret: &[u8]) -> Token {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(id.to_owned());
    Token::new(encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap())
}

#[derive(Debug)]
pub(super) struct WrittenSet(String);

impl WrittenSet {
    pub(super) fn of(keys: &[KeyPair]) -> Self {
        Self(set(keys))
    }
}

#[async_trait]
impl KeySource for WrittenSet {
    async fn fetch(&self) -> Result<String, KeyError> {
        Ok(self.0.clone())
    }
}

/// Answers every HTTP request with the published set, and counts.
pub(super) struct Server {
    address: std::net::SocketAddr,
    set: Arc<Mutex<String>>,
    answered: Arc<AtomicUsize>,
    _running: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(set: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (set, answered) = (Arc::new(Mutex::new(set)), Arc::new(AtomicUsize::new(0)));
        let mut running = JoinSet::new();
        running.spawn(answer_all(listener, Arc::clone(&set), Arc::clone(&answered)));
        Self { address, set, answered, _running: running }
    }
    pub(super) fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }
    pub(super) fn publish(&self, set: String) {
        *self.set.lock() = set;
    }
    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

async fn answer_all(listener: TcpListener, set: Arc<Mutex<String>>, answered: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        let body = set.lock().clone();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        answered.fetch_add(1, Ordering::SeqCst);
    }
}
