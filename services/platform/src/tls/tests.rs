use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::testing::{TestCa, asking, load, private};
use super::*;
use crate::drain::{Stopper, Tasks, shutdown};
use crate::server::{self, Door, Health};
use crate::telemetry::{Metrics, names};
use crate::wire::{self, remote};

/// A server without roles.
struct Served {
    port: u16,
    metrics: Metrics,
    _tasks: Tasks,
    _stopper: Stopper,
}

async fn served(tls: Option<&Tls>) -> Served {
    let config = server::Config { listen: "127.0.0.1:0".to_owned(), ..server::Config::default() };
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    let listener = server::listen(&config, tls).await.unwrap();
    let (port, metrics, door) = (listener.address().port(), Metrics::new(), Door::default());
    let health = Health::of(&door).await;
    tasks.start(server::serve(listener, door, &health, &config, &metrics).unwrap());
    Served { port, metrics, _tasks: tasks, _stopper: stopper }
}

impl Served {
    fn refused(&self) -> u64 {
        self.metrics.counter(&names::TLS_REFUSED, &[]).value()
    }
}

async fn call(url: &str, tls: Option<&Tls>) -> Result<(), Status> {
    let wire = remote(&url.parse().unwrap(), &wire::Config::default(), tls).unwrap();
    HealthClient::new(wire).check(HealthCheckRequest::default()).await.map(drop)
}

#[tokio::test]
async fn both_ends_know_each_other_or_nothing_is_answered() {
    let (ours, theirs) = (TestCa::new(), TestCa::new());
    let server = ours.role("crypto");
    let mut forged = theirs.role("ingest");
    forged.ca = ours.trusting().ca;
    let elsewhere = ours.named("elsewhere", &["elsewhere.example"]);
    let (required, optional, none) = (ClientAuth::Required, ClientAuth::Optional, ClientAuth::None);
    let client = ours.role("ingest");
    let cases = [
        ("a certificate under our authority", asking(server.clone(), required), &client, true),
        ("no certificate", asking(server.clone(), required), &ours.trusting(), false),
        ("a certificate under another authority", asking(server.clone(), required), &forged, false),
        ("a caller who trusts another authority", asking(server.clone(), required), &theirs.role("x"), false),
        ("a server that names itself otherwise", asking(elsewhere, required), &client, false),
        ("optional: none", asking(server.clone(), optional), &ours.trusting(), true),
        ("optional: ours", asking(server.clone(), optional), &client, true),
        ("optional: another's", asking(server.clone(), optional), &forged, false),
        ("not asked for: none", asking(server.clone(), none), &ours.trusting(), true),
        ("not asked for: another's", asking(server.clone(), none), &forged, true),
    ];
    for (what, server, client, good) in cases {
        let served = served(Some(&load(&server))).await;
        let url = format!("https://127.0.0.1:{}", served.port);
        let answer = call(&url, Some(&load(client))).await;
        match answer {
            Ok(()) => assert!(good, "{what}: was answered"),
            Err(status) => {
                assert!(!good, "{what}: {status:?}");
                assert_eq!(status.code(), Code::Unavailable, "{what}: {status:?}");
                crate::stand::eventually("the refusal is counted", async || {
                    (served.refused() == 1).then_some(())
                })
                .await;
            }
        }
    }
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_told_what_may_be_missing() {
    let ca = TestCa::new();
    let served = served(Some(&load(&ca.role("crypto")))).await;
    let url = format!("https://127.0.0.1:{}", served.port);
    let status = call(&url, Some(&load(&ca.trusting()))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let hinted = status.message().contains("tls.cert is not set");
    assert!(hinted || status.message().contains("CertificateRequired"), "{status:?}");
}

#[tokio::test]
async fn a_name_is_called_by_its_name() {
    let ca = TestCa::new();
    let served = served(Some(&load(&ca.named("crypto", &["localhost"])))).await;
    let client = load(&ca.role("ingest"));
    call(&format!("https://localhost:{}", served.port), Some(&client)).await.unwrap();
    let status = call(&format!("https://127.0.0.1:{}", served.port), Some(&client)).await.unwrap_err();
    assert!(status.message().contains("certificate"), "{status:?}");
}

#[tokio::test]
async fn plain_text_and_tls_do_not_meet() {
    let ca = TestCa::new();
    let tls = load(&ca.role("crypto"));
    let (secure, plain) = (served(Some(&tls)).await, served(None).await);
    let status = call(&format!("http://127.0.0.1:{}", secure.port), None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let status = call(&format!("https://127.0.0.1:{}", plain.port), Some(&tls)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

#[tokio::test]
async fn a_caller_who_says_nothing_holds_up_nobody_for_long() {
    let ca = TestCa::new();
    let one = Config { handshakes: 1, handshake: Period::millis(50), ..ca.role("crypto") };
    let served = served(Some(&load(&one))).await;
    let _silent = TcpStream::connect(("127.0.0.1", served.port)).await.unwrap();
    let client = load(&ca.role("ingest"));
    call(&format!("https://127.0.0.1:{}", served.port), Some(&client)).await.unwrap();
    assert_eq!(served.refused(), 1);
}

#[tokio::test]
async fn replaced_certificates_are_taken_and_broken_ones_are_not() {
    let (old, new) = (TestCa::new(), TestCa::new());
    let config = old.role("crypto");
    let tls = load(&config);
    let served = served(Some(&tls)).await;
    let url = format!("https://127.0.0.1:{}", served.port);
    let (before, after) = (load(&old.role("ingest")), load(&new.role("ingest")));
    call(&url, Some(&before)).await.unwrap();
    assert!(!tls.reload().unwrap());

    let (cert, key) = (config.cert.as_ref().unwrap(), config.key.as_ref().unwrap());
    fs::write(cert, "no certificate").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Malformed { key: "cert", .. })));
    call(&url, Some(&before)).await.unwrap();

    let renewed = new.role("crypto");
    for (from, to) in [(&renewed.ca, &config.ca), (&renewed.cert, &config.cert)] {
        fs::copy(from.as_ref().unwrap(), to.as_ref().unwrap()).unwrap();
    }
    private(key, &fs::read_to_string(renewed.key.as_ref().unwrap()).unwrap());
    assert!(tls.reload().unwrap());
    call(&url, Some(&after)).await.unwrap();
    assert!(call(&url, Some(&before)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_files_are_looked_at_again_without_being_asked() {
    let (old, new) = (TestCa::new(), TestCa::new());
    let config = Config { reload: Period::secs(5), ..old.role("crypto") };
    let tls = load(&config);
    let (stopper, shutdown) = shutdown();
    let mut tasks = Tasks::new(shutdown);
    tasks.start(tls.clone().into_task());
    let (was, renewed) = (tls.id().unwrap(), new.role("archive"));
    fs::copy(renewed.cert.unwrap(), config.cert.as_ref().unwrap()).unwrap();
    private(config.key.as_ref().unwrap(), &fs::read_to_string(renewed.key.unwrap()).unwrap());
    assert_eq!(tls.id().unwrap(), was);
    crate::stand::eventually("the new name", async || {
        (tls.id().unwrap().as_str().ends_with("/archive")).then_some(())
    })
    .await;
    assert_eq!(tasks.stop(&stopper, Duration::from_secs(1)).await, 0);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_by_key_and_path() {
    let ca = TestCa::new();
    let good = ca.role("crypto");
    let other = ca.role("ingest");
    let (text, long, open) = (ca.path("text"), ca.path("long"), ca.path("open.key"));
    private(&text, "hello");
    private(&long, &"x".repeat(1 << 20 | 1));
    fs::copy(good.key.as_ref().unwrap(), &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let cases = [
        ("tls.ca", Config { ca: Some(ca.path("gone")), ..good.clone() }, "gone"),
        ("tls.ca", Config { ca: Some(text.clone()), ..good.clone() }, "text"),
        ("tls.ca", Config { ca: Some(long.clone()), ..good.clone() }, "long"),
        ("tls.cert", Config { cert: Some(text.clone()), ..good.clone() }, "text"),
        ("tls.key", Config { key: Some(text), ..good.clone() }, "text"),
        ("tls.key", Config { key: Some(long), ..good.clone() }, "long"),
        ("tls.key", Config { key: Some(open), ..good.clone() }, "open.key"),
        ("tls.cert", Config { key: other.key, ..good }, "crypto.crt"),
    ];
    for (key, config, file) in cases {
        let refused = config.load().unwrap_err().to_string();
        assert!(refused.starts_with(key) && refused.contains(file), "{key} {file}: {refused}");
    }
}

#[test]
fn nothing_named_is_plain_text() {
    assert!(Config::default().load().unwrap().is_none());
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("key", |config| config.cert = Some("a.crt".into())),
        ("cert", |config| config.key = Some("a.key".into())),
        ("ca", |config| (config.cert, config.key) = (Some("a.crt".into()), Some("a.key".into()))),
        ("reload", |config| config.reload = Period::millis(0)),
        ("handshake", |config| config.handshake = Period::millis(0)),
        ("handshakes", |config| config.handshakes = 0),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
    let unasked = Config {
        cert: Some("a.crt".into()),
        key: Some("a.key".into()),
        client_auth: ClientAuth::None,
        ..Config::default()
    };
    unasked.check().unwrap();
}

#[test]
fn keys_are_not_shown() {
    let ca = TestCa::new();
    let config = ca.role("crypto");
    let key = fs::read_to_string(config.key.as_ref().unwrap()).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!format!("{:?}", load(&config)).contains(secret));
}
