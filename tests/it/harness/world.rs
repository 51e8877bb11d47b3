//! Directories, a mesh on them, and callers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kernel::{PrincipalKind, PurposeName, RecordingId, Role, TenantId};
use platform::auth::{Token, TokenRequest};
use proto::archive::v1::{Recording, RecordingState};
use tempfile::TempDir;
use tonic::Status;
use tracing_subscriber::EnvFilter;
use verbale::commands::recordings;
use verbale::connect::{Caller, Speaker, issue, local_token};
use verbale::mesh::{Mesh, Settings};
use verbale::sender::{Call, Pace, Sent};

use super::{PATIENCE, Sample, eventually};

/// What tokens of the embedded issuer are for.
const AUDIENCE: &str = "verbale";

/// One deployment's directories; they go when it goes.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        // What the program warns of is shown with a test that fails; RUST_LOG shows more.
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
        let _set_by_an_earlier_test =
            tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        Self { folder: tempfile::Builder::new().prefix("verbale-it-").tempdir().unwrap() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }
    pub(crate) fn keys(&self) -> PathBuf {
        self.folder().join("keys")
    }
    /// What a child process logs.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("up.log")
    }
    pub(crate) fn policies(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policies")
    }

    /// Every role in this process, on a free port.
    pub(crate) async fn up(&self) -> Mesh {
        Mesh::start(self.settings()).await.unwrap()
    }
    pub(crate) fn settings(&self) -> Settings {
        Settings::embedded(&self.data(), &self.keys(), &self.policies())
    }

    pub(crate) fn sender(&self, server: &str, tenant: &TenantId) -> Caller {
        self.speaker(server, Speaker::Sender, tenant)
    }
    /// Somebody with every role that listens, checks and answers.
    pub(crate) fn person(&self, server: &str, tenant: &TenantId) -> Caller {
        self.speaker(server, Speaker::Person, tenant)
    }
    fn speaker(&self, server: &str, speaker: Speaker, tenant: &TenantId) -> Caller {
        let token = local_token(&self.keys(), AUDIENCE, "it", speaker, Some(tenant)).unwrap();
        Caller::new(server, token, Some(tenant.clone())).unwrap()
    }

    /// A person's token with exactly these roles and tenants.
    pub(crate) fn token(&self, roles: &[Role], tenants: &[&TenantId]) -> Token {
        let request = TokenRequest {
            subject: "it".to_owned(),
            kind: PrincipalKind::Person,
            roles: roles.iter().copied().collect(),
            tenants: tenants.iter().map(|tenant| (*tenant).clone()).collect::<BTreeSet<_>>(),
            life: Duration::from_secs(600),
        };
        issue(&self.keys(), AUDIENCE, &request).unwrap()
    }

    /// Sends a sample call as fast as it goes and waits until its document is signed.
    pub(crate) async fn record(&self, server: &str, sample: &Sample) -> Recording {
        let call = sample.call();
        let sent = self.send(server, &call, 0.0).await;
        assert_eq!(sent.refused, [], "{}: events were refused", sample.name);
        self.sealed(server, &sample.tenant, call.recording()).await
    }

    /// Sends a call at so many times real time.
    pub(crate) async fn send(&self, server: &str, call: &Call, speed: f64) -> Sent {
        let caller = self.sender(server, &call.file().tenant);
        call.send(&caller, Pace { speed, patience: PATIENCE }, |_| {}).await.unwrap()
    }

    /// Waits until a recording is sealed, or signed as not recorded.
    pub(crate) async fn sealed(&self, server: &str, tenant: &TenantId, id: RecordingId) -> Recording {
        let caller = self.person(server, tenant);
        eventually(&format!("recording {id} is sealed"), async || {
            let recording = recordings::get(&caller, id).await.ok()?;
            match recording.state() {
                RecordingState::Sealed | RecordingState::Addended | RecordingState::NotRecorded => {
                    Some(recording)
                }
                RecordingState::Unspecified | RecordingState::Open | RecordingState::Sealing => None,
            }
        })
        .await
    }
}

/// The machine-readable reason of a refusal.
pub(crate) fn reason(status: &Status) -> &str {
    platform::error::reason(status)
}

pub(crate) fn purpose(name: &str) -> PurposeName {
    PurposeName::new(name).unwrap()
}

pub(crate) fn id_of(recording: &Recording) -> RecordingId {
    RecordingId::from_slice(&recording.recording_id).unwrap()
}
