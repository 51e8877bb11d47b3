//! A person's file, other roles whose audio a test plays itself, and the ZIP that comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use kernel::{
    Basis, Clock, DisclosureId, ErasureId, EventId, HoldId, InstanceId, IntervalSet, LegNo, ManualClock,
    PurposeName, RecordingId, RequestId, SubjectId, TenantId, Timestamp,
};
use platform::auth::Token;
use platform::instance::{Certifier, InstanceError};
use platform::{Instance, LateWire, PolicyBook};
use policy::code::Code;
use policy::deadline::Calendars;
use policy::request::{Actor, Asker, Channel, ItemKey, PlanName, Proof};
use policy::rights::{BasisState, Gate, HoldState, Presence, Question, RULESET, Right};
use proto::archive::v1::Recording;
use proto::audit::v1::Entry;
use proto::common::v1::Identifier;
use proto::consent::v1::GetStateResponse;
use proto::retention::v1::ExplainResponse;
use seal::signing::{InstanceCert, RoleName, TenantScope};
use seal::{SignedCert, SigningKey, VerifyingKey};
use tonic::Status;
use zip::ZipArchive;

use super::super::{Earlier, Handed, Parts, hand_out};
use crate::act::{Act, Decided, Found, Received, Record, RequestKey};
use crate::disclosure::{Disclosure, DisclosureKey, Origin};
use crate::error::Error;
use crate::file::{File, Items};
use crate::mesh::{Audio, Erased, Erasure, Gone, Mesh, Restriction, Withdrawal};
use crate::person::Person;
use crate::plan::{Artefact, Language, PlanItem};
use crate::testing::{DAY, FakeDisclosures, FakeMesh, START, explained, purpose, recording, tenant};

/// What plays for a purpose and a leg.
type Plays = Box<dyn Fn(&PurposeName, LegNo) -> Result<Audio, Error> + Send + Sync>;

/// Other roles, of which the sound is in the test's hand.
pub(super) struct Line {
    pub(super) facts: FakeMesh,
    plays: Plays,
}

fn not_here<T>() -> Result<T, Error> {
    Err(Error::peer("a role", "answer")(Status::unimplemented("packages do not ask this")))
}

#[async_trait]
impl Mesh for Line {
    async fn resolve(&self, _: &TenantId, _: Identifier) -> Result<SubjectId, Error> {
        not_here()
    }
    async fn person(&self, tenant: &TenantId, subject: SubjectId) -> Result<Person, Error> {
        self.facts.person(tenant, subject).await
    }
    async fn recordings(
        &self,
        _: &TenantId,
        _: SubjectId,
        _: String,
    ) -> Result<(Vec<Recording>, Option<String>), Error> {
        not_here()
    }
    async fn recording(&self, tenant: &TenantId, id: RecordingId) -> Result<Recording, Error> {
        self.facts.recording(tenant, id).await
    }
    async fn kept(&self, tenant: &TenantId, id: RecordingId) -> Result<Option<ExplainResponse>, Error> {
        self.facts.kept(tenant, id).await
    }
    async fn consent(&self, tenant: &TenantId, subject: SubjectId) -> Result<GetStateResponse, Error> {
        self.facts.consent(tenant, subject).await
    }
    async fn basis_lost(
        &self,
        _: &TenantId,
        _: RecordingId,
        _: &PurposeName,
    ) -> Result<Option<String>, Error> {
        not_here()
    }
    async fn entries(
        &self,
        tenant: &TenantId,
        object: String,
        token: String,
    ) -> Result<(Vec<Entry>, Option<String>), Error> {
        self.facts.entries(tenant, object, token).await
    }
    async fn restrict(&self, _: &TenantId, _: &Restriction, _: Timestamp) -> Result<(), Error> {
        not_here()
    }
    async fn release(&self, _: &TenantId, _: HoldId) -> Result<(), Error> {
        not_here()
    }
    async fn erase(&self, _: &TenantId, _: &Erasure) -> Result<(), Error> {
        not_here()
    }
    async fn erased(&self, _: &TenantId, _: ErasureId) -> Result<Erased, Error> {
        not_here()
    }
    async fn erasure_of(
        &self,
        _: &TenantId,
        _: ErasureId,
        _: String,
    ) -> Result<(Gone, Option<String>), Error> {
        not_here()
    }
    async fn restricted_by(&self, _: &TenantId, _: HoldId) -> Result<BTreeSet<RecordingId>, Error> {
        not_here()
    }
    async fn withdraw(&self, _: &TenantId, _: &Withdrawal) -> Result<(), Error> {
        not_here()
    }
    async fn annotate(&self, _: &TenantId, _: RecordingId, _: RequestId, _: &Code) -> Result<(), Error> {
        not_here()
    }
    async fn opens(&self, _: &TenantId, _: RecordingId) -> Result<BTreeSet<(LegNo, PurposeName)>, Error> {
        not_here()
    }
    async fn wav(
        &self,
        _: &TenantId,
        _: &Token,
        _: RecordingId,
        purpose: &PurposeName,
        leg: LegNo,
        _: &str,
    ) -> Result<Audio, Error> {
        (self.plays)(purpose, leg)
    }
}

/// The deployment's signing root.
pub(super) struct Root(pub(super) SigningKey);

#[async_trait]
impl Certifier for Root {
    async fn certify(
        &self,
        instance: InstanceId,
        role: &RoleName,
        _: &[TenantId],
        key: &VerifyingKey,
    ) -> Result<SignedCert, InstanceError> {
        let cert = InstanceCert {
            instance,
            role: role.clone(),
            tenants: TenantScope::All,
            not_before: Timestamp(0),
            not_after: Timestamp(i64::MAX),
            key: *key,
        };
        SignedCert::issue(&self.0, cert).map_err(|source| InstanceError::Seal { instance, source })
    }
}

/// Audio that says for which purpose and whose it is.
pub(super) fn sounds(purpose: &PurposeName, leg: LegNo) -> Result<Audio, Error> {
    let chunks = ["RIFF ", purpose.as_str(), " ", &leg.to_string()].map(|part| Ok(part.as_bytes().to_vec()));
    Ok(stream::iter(chunks).boxed())
}

/// A person with one call, and a request of theirs.
pub(super) struct Bench {
    pub(super) root: Root,
    pub(super) line: Arc<Line>,
    pub(super) disclosures: Arc<FakeDisclosures>,
    pub(super) clock: ManualClock,
    pub(super) customer: SubjectId,
    pub(super) call: RecordingId,
    pub(super) key: RequestKey,
    pub(super) items: Vec<PlanItem>,
    pub(super) language: Language,
    pub(super) gate: Option<Gate>,
    pub(super) others_heard: IntervalSet,
    pub(super) jurisdiction: &'static str,
    pub(super) asker: Asker,
    pub(super) earlier: Vec<Earlier>,
    /// Calls of the person's line that are somebody else's.
    pub(super) not_theirs: BTreeSet<RecordingId>,
    /// Items that turned out to be somebody else's.
    pub(super) strange: BTreeSet<ItemKey>,
    is_approved: bool,
    is_certified: bool,
}

impl Bench {
    /// Kept on a duty and on consent.
    pub(super) fn new() -> Self {
        Self::playing(Box::new(sounds))
    }

    pub(super) fn playing(plays: Plays) -> Self {
        let (customer, call) = (SubjectId::new(), RecordingId::new());
        let bench = Self {
            root: Root(SigningKey::generate().unwrap()),
            line: Arc::new(Line { facts: FakeMesh::default(), plays }),
            disclosures: Arc::default(),
            clock: ManualClock::at(START.plus(DAY * 30)),
            customer,
            call,
            key: RequestKey { tenant: tenant(), id: RequestId::new() },
            items: Vec::new(),
            language: Language::English,
            gate: None,
            others_heard: IntervalSet::EMPTY,
            jurisdiction: "IT",
            asker: Asker::Oneself,
            earlier: Vec::new(),
            not_theirs: BTreeSet::new(),
            strange: BTreeSet::new(),
            is_approved: true,
            is_certified: true,
        };
        let bases = [("mifid2-transaction", Basis::LegalObligation), ("quality", Basis::Consent)];
        bench.keep(recording(call, customer, SubjectId::new(), &bases));
        bench
    }

    pub(super) fn uncertified(mut self) -> Self {
        self.is_certified = false;
        self
    }

    /// Nobody else has approved of what was decided.
    pub(super) fn unapproved(mut self) -> Self {
        self.is_approved = false;
        self
    }

    pub(super) fn keep(&self, facts: Recording) {
        let id = RecordingId::from_slice(&facts.recording_id).unwrap();
        let mut state = self.line.facts.state();
        state.kept.insert(id, explained(&facts));
        state.recordings.retain(|known| known.recording_id != facts.recording_id);
        state.recordings.push(facts);
    }

    /// Somebody got something of the call, a day after it.
    pub(super) fn discloses(&self, recipient: &str, origin: Origin) -> Disclosure {
        let disclosure = Disclosure {
            key: DisclosureKey { tenant: tenant(), id: DisclosureId::new() },
            recording: self.call,
            recipient: Code::new(recipient).unwrap(),
            purpose: Some(purpose("quality")),
            at: START.plus(DAY),
            by: Actor::new("officer").unwrap(),
            origin,
            notices: Vec::new(),
            version: 1,
        };
        self.disclosures.keep(disclosure.clone());
        disclosure
    }

    /// The facts of the call, changed.
    pub(super) fn change(&self, change: impl FnOnce(&mut Recording)) {
        let mut facts = self.line.facts.state().recordings[0].clone();
        change(&mut facts);
        self.keep(facts);
    }

    /// A leg of the call is asked for; of another person it comes whole unless something is found.
    pub(super) fn leg(mut self, right: Right, leg: u16, presence: Presence, name: &str) -> Self {
        let basis = if name == "quality" { BasisState::ConsentLive } else { BasisState::DutyRunning };
        let artefact = Artefact::Leg(self.call, LegNo(leg));
        self.items.push(item(right, artefact, Some(name), basis, presence));
        self
    }

    /// Something else is asked for.
    pub(super) fn thing(mut self, artefact: Artefact) -> Self {
        self.items.push(item(Right::Access, artefact, None, BasisState::DutyRunning, Presence::Oneself));
        self
    }

    /// A mandate where somebody asks for another; who asks for themselves shows once more who they are.
    fn shown(&self) -> Act {
        match self.asker {
            Asker::Oneself => Act::Proved(Proof::Human),
            Asker::Representative => {
                Act::Authority { filed: Code::new("mandate-7").unwrap(), rights: self.received().rights }
            }
        }
    }

    /// What is handed out: as it was decided, without what turned out to be another's.
    pub(super) fn file(&self) -> File {
        let decided = self.decided();
        let request = decided.request.clone().without(&self.strange);
        File { request, not_theirs: self.not_theirs.clone(), strange: self.strange.clone(), ..decided }
    }

    fn decided(&self) -> File {
        let items: Items = self.items.iter().map(|item| (item.key().unwrap(), item.clone())).collect();
        let plan = PlanName::new("p".repeat(32)).unwrap();
        let others_heard = self.others_heard.clone();
        let found = Found { gate: self.gate, others_heard, ..Found::default() };
        let count = u32::try_from(items.len()).unwrap();
        let acts = [
            Act::Received(self.received()),
            Act::Acknowledged { hold: None },
            Act::Proved(Proof::Human),
            self.shown(),
            Act::Verified,
            Act::PlanFrozen { plan: plan.clone(), ruleset: RULESET, items: count },
            Act::Decided(Decided { plan: plan.clone(), items: BTreeSet::new(), found, left: None }),
        ];
        let record = |(version, act): (u64, Act)| Record {
            id: EventId::new(),
            key: self.key.clone(),
            version,
            at: START.plus(DAY),
            by: Actor::new(if version < 9 { "officer" } else { "another" }).unwrap(),
            act,
        };
        let mut records: Vec<_> = (1..).zip(acts).map(&record).collect();
        let decided = File::fold(&records, items.clone()).unwrap();
        let waits = decided.request.items().values().any(|item| item.needs_second_person());
        if !(waits && self.is_approved) {
            return decided;
        }
        records.extend([(8, Act::DecisionsClosed), (9, Act::Approved(plan))].map(record));
        File::fold(&records, items).unwrap()
    }

    fn received(&self) -> Received {
        Received {
            rights: [Right::Access, Right::Port].into(),
            channel: Channel::Letter,
            asker: self.asker,
            subject: self.customer,
            received_at: START.plus(DAY),
            said_in: None,
            jurisdiction: self.jurisdiction.parse().unwrap(),
            region: None,
            calendar: Calendars::NEWEST,
            language: self.language,
        }
    }

    pub(super) async fn handed(&self) -> Result<Handed, Error> {
        let instance = Instance::new("dsar", Vec::new()).unwrap();
        if self.is_certified {
            instance.certify(&self.root).await.unwrap();
        }
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        // No notice is shown in these calls, so that no policy is asked for.
        let policies = Arc::new(PolicyBook::new(LateWire::new().wire()));
        let (mesh, disclosures) = (self.line.clone(), self.disclosures.clone());
        let parts = Parts { mesh, disclosures, policies, instance, clock };
        let token = Token::new("bearer-of-the-test");
        let (reason, earlier) = ("their request".to_owned(), self.earlier.clone());
        hand_out(parts, self.key.clone(), self.file(), token, reason, earlier).await
    }

    /// The package, opened.
    pub(super) async fn package(&self) -> Opened {
        let chunks: Vec<_> = self.handed().await.unwrap().stream.collect().await;
        Opened::of(chunks.into_iter().flat_map(Result::unwrap).collect())
    }
}

fn item(
    right: Right,
    artefact: Artefact,
    name: Option<&str>,
    basis: BasisState,
    presence: Presence,
) -> PlanItem {
    let question = Question {
        right,
        category: artefact.category(),
        basis,
        hold: HoldState::None,
        presence,
        gate: Gate::Clear,
    };
    let purpose = name.map(purpose);
    PlanItem { artefact, purpose, question, kept_by: String::new(), until: None, began: Some(START) }
}

/// The files of a ZIP.
pub(super) struct Opened {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) order: Vec<String>,
}

impl Opened {
    fn of(bytes: Vec<u8>) -> Self {
        let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
        let (mut files, mut order) = (BTreeMap::new(), Vec::new());
        for place in 0..zip.len() {
            let mut file = zip.by_index(place).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            let name = file.name().unwrap().into_owned();
            order.push(name.clone());
            files.insert(name, content);
        }
        Self { files, order }
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.files[name].clone()).unwrap()
    }

    pub(super) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.files[name]).unwrap()
    }

    /// The names of its audio, without their folder.
    pub(super) fn audio(&self) -> Vec<&str> {
        let audio = self.order.iter().filter(|name| name.starts_with("calls/"));
        audio.filter_map(|name| name.rsplit('/').next()).collect()
    }
}
