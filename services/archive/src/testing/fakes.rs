//! The other roles, as far as archive asks them. Keys are real; decisions are the test's.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::Stream;
use kernel::{Clock, InstanceId, KeyEpoch, LegNo, ManualClock, RecordingId, SectionNo, SpanNo, TenantId};
use platform::error::refusal;
use proto::consent::v1 as consent;
use proto::consent::v1::consent_server::Consent;
use proto::crypto::v1::keys_server::Keys;
use proto::crypto::v1::*;
use proto::ingest::v1 as ingest;
use proto::ingest::v1::recorder_server::Recorder;
use seal::hpke::open_leg_key;
use seal::signing::{RoleName, TenantScope};
use seal::{
    Cover, EpochPublic, EpochSecret, Hash, HpkeSealed, InstanceCert, LegKey, LegKeyInfo, SectionAddress,
    SignedCert, SigningKey, SpanSet, VerifyingKey,
};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;
type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// crypto: adopts real leg keys, keeps each purpose's cover, opens what it has.
#[derive(Clone)]
pub(crate) struct FakeKeys(Arc<Mutex<KeyState>>);

pub(crate) struct KeyState {
    clock: ManualClock,
    root: SigningKey,
    secret: EpochSecret,
    /// Section keys as adopted, by recording, leg, section.
    pub(crate) adopted: BTreeMap<(Vec<u8>, u32, u32), LegKey>,
    /// Entries, by recording, leg, section and purpose.
    pub(crate) entries: BTreeMap<(Vec<u8>, u32, u32, String), Cover>,
    /// What was erased, as later sealings honour it.
    marks: Vec<Mark>,
    /// What covers the uses that were asked for, in order.
    pub(crate) references: Vec<String>,
    /// Purposes that consent says are gone.
    pub(crate) gone: BTreeSet<String>,
    /// Why the gate refuses, where it does.
    pub(crate) refuses: Option<&'static str>,
    /// Whether it takes no section's key, and never will.
    pub(crate) refuses_keys: bool,
    /// Calls that fail before one succeeds.
    pub(crate) failures: u32,
    /// What `Seal` was asked, in order: recording, complete, spans seen.
    pub(crate) sealed: Vec<SealRequest>,
    /// Times that a lease was renewed.
    pub(crate) renewed: u32,
    /// Whether renewals are refused.
    pub(crate) refuses_renewal: bool,
    /// Whether no lease is known any more.
    pub(crate) forgot_leases: bool,
    /// How long a lease holds, in milliseconds.
    pub(crate) ttl: u32,
}

/// What is erased of a recording.
struct Mark {
    recording: Vec<u8>,
    /// Of these purposes; of every one where empty.
    purposes: BTreeSet<String>,
    /// These spans by leg and section; every one where there are none.
    spans: BTreeMap<(u32, u32), SpanSet>,
}

impl Mark {
    /// What of an entry is left.
    fn narrow(
        &self,
        (recording, leg, section, purpose): &(Vec<u8>, u32, u32, String),
        cover: &Cover,
    ) -> Cover {
        if *recording != self.recording || !(self.purposes.is_empty() || self.purposes.contains(purpose)) {
            return cover.clone();
        }
        let had = cover.spans();
        let erased = match self.spans.get(&(*leg, *section)) {
            Some(spans) => spans.clone(),
            None if self.spans.is_empty() => had.clone(),
            None => SpanSet::EMPTY,
        };
        cover.restrict(&had.difference(&erased))
    }
}

impl FakeKeys {
    pub(crate) fn new(clock: ManualClock) -> Self {
        Self(Arc::new(Mutex::new(KeyState {
            clock,
            root: SigningKey::generate().unwrap(),
            secret: EpochSecret::generate().unwrap(),
            adopted: BTreeMap::new(),
            entries: BTreeMap::new(),
            marks: Vec::new(),
            references: Vec::new(),
            gone: BTreeSet::new(),
            refuses: None,
            refuses_keys: false,
            failures: 0,
            sealed: Vec::new(),
            renewed: 0,
            refuses_renewal: false,
            forgot_leases: false,
            ttl: 60_000,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, KeyState> {
        self.0.lock().unwrap()
    }

    pub(crate) fn epoch(&self) -> EpochPublic {
        self.state().secret.public()
    }

    fn fail(&self) -> Result<(), Status> {
        let mut state = self.state();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(Status::unavailable("the test says so"));
        }
        Ok(())
    }
}

fn tenant<M>(request: &Request<M>) -> Result<TenantId, Status> {
    let named = request.metadata().get("verbale-tenant").and_then(|value| value.to_str().ok());
    TenantId::new(named.unwrap_or_default()).map_err(|_| Status::invalid_argument("no tenant"))
}

fn set(ranges: &[proto::common::v1::SpanRange]) -> SpanSet {
    SpanSet::from_ranges(ranges.iter().map(|range| range.first..range.last + 1)).unwrap()
}

fn unused() -> Status {
    Status::unimplemented("archive does not ask this")
}

#[tonic::async_trait]
impl Keys for FakeKeys {
    async fn adopt(&self, request: Request<AdoptRequest>) -> Answer<AdoptResponse> {
        self.fail()?;
        let tenant = tenant(&request)?;
        if self.state().refuses_keys {
            return Err(Status::invalid_argument("the test says so"));
        }
        let opened = request.into_inner().leg_opened.ok_or_else(|| Status::invalid_argument("no leg"))?;
        let section = SectionAddress {
            recording: RecordingId::from_slice(&opened.recording_id).unwrap(),
            leg: LegNo(opened.leg as u16),
            section: SectionNo(opened.section),
        };
        let sealed = HpkeSealed {
            enc: opened.hpke_enc.as_ref().try_into().unwrap(),
            ciphertext: opened.hpke_ciphertext.to_vec(),
        };
        let info = LegKeyInfo { tenant, section, epoch: KeyEpoch(opened.key_epoch) };
        let mut state = self.state();
        let key = open_leg_key(&state.secret, &info, &sealed).map_err(|_| Status::data_loss("no key"))?;
        let id = (opened.recording_id.to_vec(), opened.leg, opened.section);
        let already = state.adopted.insert(id, key).is_some();
        Ok(Response::new(AdoptResponse { already }))
    }

    async fn seal(&self, request: Request<SealRequest>) -> Answer<SealResponse> {
        self.fail()?;
        let asked = request.into_inner();
        let mut state = self.state();
        state.sealed.push(asked.clone());
        let (mut entries, mut gone) = (Vec::new(), BTreeSet::new());
        for entry in asked.entries {
            if entry.on_consent && state.gone.contains(&entry.purpose) {
                gone.insert(entry.purpose);
                continue;
            }
            let section = (asked.recording_id.clone(), entry.leg, entry.section);
            let key = state.adopted.get(&section).ok_or_else(|| Status::not_found("no section"))?;
            let cover = key.cover(&set(&entry.spans));
            let (recording, leg, section) = section;
            state.write((recording, leg, section, entry.purpose.clone()), cover);
            if state.entries.contains_key(&(asked.recording_id.clone(), leg, section, entry.purpose.clone()))
            {
                entries.push(entry);
            }
        }
        let gone = gone.into_iter().map(|purpose| GonePurpose { purpose, reason: "withdrawn".to_owned() });
        Ok(Response::new(SealResponse { entries, gone: gone.collect() }))
    }

    async fn unwrap(&self, request: Request<UnwrapRequest>) -> Answer<UnwrapResponse> {
        self.fail()?;
        let asked = request.into_inner();
        let mut state = self.state();
        state.references.push(asked.reference.clone());
        if asked.subject_token != "bearer-of-the-test" {
            return Err(refusal(kernel::ErrorCode::Unauthenticated, "token", "another bearer"));
        }
        if let Some(reason) = state.refuses {
            return Err(refusal(kernel::ErrorCode::PermissionDenied, reason, "the test says so"));
        }
        let mut covers = Vec::new();
        for section in asked.sections {
            let id = (asked.recording_id.clone(), section.leg, section.section, asked.purpose.clone());
            let Some(cover) = state.entries.get(&id) else { continue };
            let cover = cover.restrict(&set(&section.spans));
            covers.push(SectionCover {
                leg: section.leg,
                section: section.section,
                spans: crate::mesh::ranges(&cover.spans()),
                cover: cover.encode().unwrap().to_vec(),
            });
        }
        Ok(Response::new(UnwrapResponse { lease_id: vec![9; 16], ttl: state.ttl, covers }))
    }

    async fn renew(&self, _request: Request<RenewRequest>) -> Answer<RenewResponse> {
        let mut state = self.state();
        if state.forgot_leases {
            return Err(refusal(kernel::ErrorCode::NotFound, "lease-expired", "another instance gave it"));
        }
        if state.refuses_renewal {
            return Err(refusal(kernel::ErrorCode::PermissionDenied, "withdrawn", "the test says so"));
        }
        state.renewed += 1;
        Ok(Response::new(RenewResponse { ttl: state.ttl }))
    }

    async fn hmac(&self, request: Request<HmacRequest>) -> Answer<HmacResponse> {
        let macs = request.into_inner().values.iter().map(|value| Hash::of(value).0.to_vec()).collect();
        Ok(Response::new(HmacResponse { macs }))
    }

    async fn certify(&self, request: Request<CertifyRequest>) -> Answer<CertifyResponse> {
        let asked = request.into_inner();
        let state = self.state();
        let now = state.clock.now();
        let cert = InstanceCert {
            instance: InstanceId::from_slice(&asked.instance_id).unwrap(),
            role: RoleName::new(&asked.role).unwrap(),
            tenants: TenantScope::All,
            not_before: now,
            not_after: now.plus(Duration::from_secs(30 * 86_400)),
            key: VerifyingKey::from_bytes(&asked.public_key.try_into().unwrap()).unwrap(),
        };
        let certificate = SignedCert::issue(&state.root, cert).unwrap().encode().unwrap();
        Ok(Response::new(CertifyResponse { certificate }))
    }

    async fn export_trust(&self, _request: Request<ExportTrustRequest>) -> Answer<ExportTrustResponse> {
        let signing_roots = vec![self.state().root.verifying_key().to_bytes().to_vec()];
        Ok(Response::new(ExportTrustResponse { signing_roots }))
    }

    async fn erase(&self, request: Request<EraseRequest>) -> Answer<EraseResponse> {
        self.fail()?;
        let asked = request.into_inner();
        let spans = asked.spans.iter().map(|own| ((own.leg, own.section), set(&own.spans))).collect();
        let purposes = asked.purposes.into_iter().collect();
        self.state().erase(Mark { recording: asked.recording_id, purposes, spans });
        Ok(Response::new(EraseResponse::default()))
    }

    async fn probe(&self, request: Request<ProbeRequest>) -> Answer<ProbeResponse> {
        self.fail()?;
        let asked = request.into_inner().recording_id;
        let state = self.state();
        let own = state.entries.iter().filter(|((recording, ..), _)| *recording == asked);
        let open = own.map(|((_, leg, section, purpose), cover)| OpenSection {
            leg: *leg,
            section: *section,
            purpose: purpose.clone(),
            spans: crate::mesh::ranges(&cover.spans()),
        });
        Ok(Response::new(ProbeResponse { open: open.collect() }))
    }

    async fn get_status(&self, _request: Request<GetStatusRequest>) -> Answer<GetStatusResponse> {
        Err(unused())
    }
    async fn turn(&self, _request: Request<TurnRequest>) -> Answer<TurnResponse> {
        Err(unused())
    }
    async fn leave_epochs(&self, _request: Request<LeaveEpochsRequest>) -> Answer<LeaveEpochsResponse> {
        Err(unused())
    }
    async fn get_active_key(&self, _request: Request<GetActiveKeyRequest>) -> Answer<GetActiveKeyResponse> {
        Err(unused())
    }
    async fn get_audit_key(&self, _request: Request<GetAuditKeyRequest>) -> Answer<GetAuditKeyResponse> {
        Err(unused())
    }
    async fn adopt_reason(&self, _request: Request<AdoptReasonRequest>) -> Answer<AdoptReasonResponse> {
        Err(unused())
    }
}

impl KeyState {
    /// Writes an entry, as far as nothing of it was erased.
    fn write(&mut self, key: (Vec<u8>, u32, u32, String), cover: Cover) {
        let left = self.marks.iter().fold(cover, |cover, mark| mark.narrow(&key, &cover));
        if left.spans().is_empty() {
            self.entries.remove(&key);
        } else {
            self.entries.insert(key, left);
        }
    }

    fn erase(&mut self, mark: Mark) {
        self.marks.push(mark);
        for (key, cover) in std::mem::take(&mut self.entries) {
            self.write(key, cover);
        }
    }

    /// Lets a purpose open spans of a section, whatever was erased.
    pub(crate) fn open_anyway(
        &mut self,
        recording: RecordingId,
        (leg, section): (u32, u32),
        purpose: &str,
        spans: &[u32],
    ) {
        let id = recording.to_bytes().to_vec();
        let key = self.adopted.get(&(id.clone(), leg, section)).expect("the section was adopted");
        let cover = key.cover(&SpanSet::from_spans(spans.iter().map(|span| SpanNo(*span))).unwrap());
        self.entries.insert((id, leg, section, purpose.to_owned()), cover);
    }

    /// The spans of a section that a purpose's entry opens, by the keys themselves.
    pub(crate) fn opens(&self, recording: RecordingId, leg: u32, section: u32, purpose: &str) -> Vec<u32> {
        let id = (recording.to_bytes().to_vec(), leg, section, purpose.to_owned());
        let spans = self.entries.get(&id).map(|cover| cover.spans().spans().collect::<Vec<SpanNo>>());
        spans.unwrap_or_default().into_iter().map(|span| span.0).collect()
    }
}

const POLICY: &str = "\
tenant: banca-alfa
jurisdiction: IT
marks: [order]
purposes:
  mifid2-transaction: { basis: legal_obligation, regime: mifid2-16-7, roles: [compliance] }
  quality: { basis: consent, retention: P90D, uses: [replay], roles: [supervisor] }
notices:
  notice-it-3: { language: it, text: \"La chiamata è registrata.\", purposes: [quality] }
";

/// consent: one policy, and subjects by identifier.
#[derive(Clone, Default)]
pub(crate) struct FakeConsent {
    /// Who an identifier's value belongs to.
    pub(crate) known: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl FakeConsent {
    pub(crate) fn policy_hash(&self) -> Hash {
        let policy = policy::parse(POLICY, &|_| None).unwrap();
        Hash(*policy.hash().as_bytes())
    }
}

#[tonic::async_trait]
impl Consent for FakeConsent {
    async fn get_policy(
        &self,
        _request: Request<consent::GetPolicyRequest>,
    ) -> Answer<consent::GetPolicyResponse> {
        Ok(Response::new(consent::GetPolicyResponse {
            document: POLICY.to_owned(),
            policy_hash: self.policy_hash().0.to_vec(),
            ..consent::GetPolicyResponse::default()
        }))
    }

    async fn resolve_subject(
        &self,
        request: Request<consent::ResolveSubjectRequest>,
    ) -> Answer<consent::ResolveSubjectResponse> {
        let value = request.into_inner().identifier.unwrap_or_default().value;
        let found = self.known.lock().unwrap().get(&value).cloned();
        let subject_id = found.ok_or_else(|| Status::not_found("nobody"))?;
        Ok(Response::new(consent::ResolveSubjectResponse { subject_id, shared_line: false }))
    }

    type WatchStream = Streamed<consent::WatchResponse>;

    async fn watch(&self, _request: Request<consent::WatchRequest>) -> Answer<Self::WatchStream> {
        Err(unused())
    }
    async fn authorize(
        &self,
        _request: Request<consent::AuthorizeRequest>,
    ) -> Answer<consent::AuthorizeResponse> {
        Err(unused())
    }
    async fn record_event(
        &self,
        _request: Request<consent::RecordEventRequest>,
    ) -> Answer<consent::RecordEventResponse> {
        Err(unused())
    }
    async fn get_state(
        &self,
        _request: Request<consent::GetStateRequest>,
    ) -> Answer<consent::GetStateResponse> {
        Err(unused())
    }
    async fn may_use(&self, _request: Request<consent::MayUseRequest>) -> Answer<consent::MayUseResponse> {
        Err(unused())
    }
    async fn get_subject(
        &self,
        _request: Request<consent::GetSubjectRequest>,
    ) -> Answer<consent::GetSubjectResponse> {
        Err(unused())
    }
    async fn link_subjects(
        &self,
        _request: Request<consent::LinkSubjectsRequest>,
    ) -> Answer<consent::LinkSubjectsResponse> {
        Err(unused())
    }
    async fn reassign_identifier(
        &self,
        _request: Request<consent::ReassignIdentifierRequest>,
    ) -> Answer<consent::ReassignIdentifierResponse> {
        Err(unused())
    }
    async fn mark_shared_line(
        &self,
        _request: Request<consent::MarkSharedLineRequest>,
    ) -> Answer<consent::MarkSharedLineResponse> {
        Err(unused())
    }
}

/// ingest: remembers what was fenced.
#[derive(Clone, Default)]
pub(crate) struct FakeIngest {
    /// Recordings that were fenced.
    pub(crate) fenced: Arc<Mutex<Vec<Vec<u8>>>>,
}

#[tonic::async_trait]
impl Recorder for FakeIngest {
    async fn fence_session(&self, request: Request<ingest::FenceSessionRequest>) -> Answer<ingest::Session> {
        self.fenced.lock().unwrap().push(request.into_inner().recording_id.to_vec());
        Ok(Response::new(ingest::Session { fenced: true, ..ingest::Session::default() }))
    }

    type RecordStream = Streamed<ingest::RecordResponse>;

    async fn record(
        &self,
        _request: Request<tonic::Streaming<ingest::RecordRequest>>,
    ) -> Answer<Self::RecordStream> {
        Err(unused())
    }
    async fn control(&self, _request: Request<ingest::ControlRequest>) -> Answer<ingest::ControlResponse> {
        Err(unused())
    }
    async fn get_session(&self, _request: Request<ingest::GetSessionRequest>) -> Answer<ingest::Session> {
        Err(unused())
    }
}
