//! The other roles, as archive asks them.

use kernel::{LegNo, PurposeName, RecordingId, SectionNo, SubjectId, TenantId, Use};
use platform::Wire;
use platform::call::request;
use platform::wire::Affinity;
use proto::common::v1::{Identifier, SpanRange};
use proto::consent::v1::ResolveSubjectRequest;
use proto::consent::v1::consent_client::ConsentClient;
use proto::crypto::v1::keys_client::KeysClient;
use proto::crypto::v1::{
    AdoptRequest, ExportTrustRequest, HmacKey, HmacRequest, OpenSection, ProbeRequest, RenewRequest,
    SealRequest, SectionEntry, SectionSpans, UnwrapRequest,
};
use proto::ingest::v1::recorder_client::RecorderClient;
use proto::ingest::v1::{FenceSessionRequest, LegOpened};
use seal::{Cover, Hash, SpanSet, TrustRoots, VerifyingKey};
use tonic::{Code, Request, Status};

use crate::error::Error;
use crate::fact::{Gone, RecordingKey};
use crate::timeline::PlannedEntry;

/// Wires to the roles that archive asks.
#[derive(Clone)]
pub struct Mesh {
    /// Adopts keys, writes entries, opens the gate.
    pub crypto: Wire,
    /// Resolves identifiers.
    pub consent: Wire,
    /// Fences abandoned sessions.
    pub ingest: Wire,
}

/// What sealing asks of crypto.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// Which recording.
    pub recording: RecordingKey,
    /// What each purpose may open.
    pub entries: Vec<PlannedEntry>,
    /// Whether every frame is accounted for.
    pub complete: bool,
    /// Spans stored per section.
    pub seen: Vec<(LegNo, SectionNo, SpanSet)>,
    /// Hash of the tenant's policy when the call opened.
    pub policy: Hash,
    /// Hash of the folded timeline.
    pub timeline: Hash,
    /// Hash of the span table.
    pub span_table: Hash,
}

/// What crypto made of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sealed {
    /// Purposes that have an entry.
    pub purposes: Vec<PurposeName>,
    /// Purposes whose basis was gone.
    pub gone: Vec<Gone>,
}

/// A lease on covers.
#[derive(Debug)]
pub struct Lease {
    /// Its id, to renew it by.
    pub id: Vec<u8>,
    /// How long it holds, in machine time.
    pub ttl: std::time::Duration,
    /// What it opens, by leg and section.
    pub covers: Vec<(LegNo, SectionNo, Cover)>,
}

/// What a reader asks the gate for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of which recording.
    pub recording: RecordingKey,
    /// For which purpose.
    pub purpose: PurposeName,
    /// For which use.
    pub use_for: Use,
    /// What covers a legal claim or an authority's use; empty for every other.
    pub reference: String,
    /// Which spans.
    pub spans: Vec<(LegNo, SectionNo, SpanSet)>,
}

/// Spans of a section that open for one purpose, reserved ones among them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenSpans {
    /// Of which leg.
    pub leg: LegNo,
    /// Of which section.
    pub section: SectionNo,
    /// For which purpose.
    pub purpose: PurposeName,
    /// Which spans.
    pub spans: SpanSet,
}

impl Mesh {
    /// Has crypto take a section's key.
    pub async fn adopt(&self, tenant: &TenantId, leg_opened: LegOpened) -> Result<(), Error> {
        let asked = AdoptRequest { leg_opened: Some(leg_opened), reserved_purpose: "sealing".to_owned() };
        let answer = KeysClient::new(self.crypto.clone()).adopt(request(tenant, asked)).await;
        answer.map(drop).map_err(peer("crypto", "adopt a section's key"))
    }

    /// Has crypto write a recording's entries.
    pub async fn seal(&self, sealing: &Sealing) -> Result<Sealed, Error> {
        let entries = sealing.entries.iter().map(|entry| SectionEntry {
            leg: entry.leg.0.into(),
            section: entry.section.0,
            purpose: entry.purpose.to_string(),
            on_consent: entry.basis == kernel::Basis::Consent,
            spans: ranges(&entry.spans),
        });
        let asked = SealRequest {
            recording_id: id(sealing.recording.id),
            entries: entries.collect(),
            complete: sealing.complete,
            seen: sealing.seen.iter().map(section_spans).collect(),
            timeline_hash: sealing.timeline.0.to_vec(),
            span_table_hash: sealing.span_table.0.to_vec(),
            policy_hash: sealing.policy.0.to_vec(),
        };
        let answer =
            KeysClient::new(self.crypto.clone()).seal(request(&sealing.recording.tenant, asked)).await;
        let answer = answer.map_err(peer("crypto", "write a recording's entries"))?.into_inner();
        let bad = |_| Error::Answer { peer: "crypto", what: "a purpose" };
        let mut purposes = Vec::new();
        for entry in answer.entries {
            purposes.push(PurposeName::new(entry.purpose).map_err(bad)?);
        }
        purposes.sort_unstable();
        purposes.dedup();
        let mut gone = Vec::new();
        for lost in answer.gone {
            gone.push(Gone { purpose: PurposeName::new(lost.purpose).map_err(bad)?, reason: lost.reason });
        }
        Ok(Sealed { purposes, gone })
    }

    /// Asks the gate, as the bearer of `token`.
    pub async fn unwrap(&self, asked: &Asked, token: &str) -> Result<Lease, Error> {
        let message = UnwrapRequest {
            recording_id: id(asked.recording.id),
            purpose: asked.purpose.to_string(),
            r#use: asked.use_for.number(),
            sections: asked.spans.iter().map(section_spans).collect(),
            subject_token: token.to_owned(),
            reference: asked.reference.clone(),
        };
        let answer = KeysClient::new(self.crypto.clone()).unwrap(leased(&asked.recording, message)).await;
        let answer = answer.map_err(peer("crypto", "open the recording"))?.into_inner();
        let mut covers = Vec::with_capacity(answer.covers.len());
        for section in answer.covers {
            let leg =
                u16::try_from(section.leg).map_err(|_| Error::Answer { peer: "crypto", what: "a leg" })?;
            let cover = Cover::decode(&section.cover)?;
            covers.push((LegNo(leg), SectionNo(section.section), cover));
        }
        let ttl = std::time::Duration::from_millis(answer.ttl.into());
        Ok(Lease { id: answer.lease_id, ttl, covers })
    }

    /// Asks the gate again for a running replay.
    pub async fn renew(&self, recording: &RecordingKey, lease: &[u8]) -> Result<std::time::Duration, Error> {
        let asked = RenewRequest { lease_id: lease.to_vec() };
        let answer = KeysClient::new(self.crypto.clone()).renew(leased(recording, asked)).await;
        let answer = answer.map_err(peer("crypto", "renew a lease"))?.into_inner();
        Ok(std::time::Duration::from_millis(answer.ttl.into()))
    }

    /// What still opens of a recording, for any purpose. An answer that cannot be read is none: what opens must never
    /// look as if it did not.
    pub async fn open_spans(&self, recording: &RecordingKey) -> Result<Vec<OpenSpans>, Error> {
        let asked = ProbeRequest { recording_id: id(recording.id) };
        let answer = KeysClient::new(self.crypto.clone()).probe(request(&recording.tenant, asked)).await;
        let answer = answer.map_err(peer("crypto", "say what opens"))?.into_inner();
        let bad = Error::Answer { peer: "crypto", what: "a section that opens" };
        answer.open.into_iter().map(open_spans).collect::<Option<_>>().ok_or(bad)
    }

    /// What a correlation id is found by.
    pub async fn correlation(&self, tenant: &TenantId, value: &str) -> Result<Hash, Error> {
        let values = vec![kernel::correlation::hmac_input(value)];
        let asked = HmacRequest { key: HmacKey::Identifier.into(), values };
        let answer = KeysClient::new(self.crypto.clone()).hmac(request(tenant, asked)).await;
        let macs = answer.map_err(peer("crypto", "compute an HMAC"))?.into_inner().macs;
        let mac = macs.first().and_then(|mac| Hash::from_slice(mac));
        mac.ok_or(Error::Answer { peer: "crypto", what: "an HMAC" })
    }

    /// Who an identifier belongs to; `None` where nobody knows it.
    pub async fn resolve(
        &self,
        tenant: &TenantId,
        identifier: Identifier,
    ) -> Result<Option<SubjectId>, Error> {
        let asked = ResolveSubjectRequest { identifier: Some(identifier), at: 0 };
        let answer = ConsentClient::new(self.consent.clone()).resolve_subject(request(tenant, asked)).await;
        let subject = match answer {
            Ok(answer) => answer.into_inner().subject_id,
            Err(status) if status.code() == Code::NotFound => return Ok(None),
            Err(status) => return Err(peer("consent", "resolve an identifier")(status)),
        };
        let subject = SubjectId::from_slice(&subject);
        subject.map(Some).map_err(|_| Error::Answer { peer: "consent", what: "a subject" })
    }

    /// Sees to it that no later `Open` adds to a recording. A session that ingest does not know is fenced.
    pub async fn fence(&self, recording: &RecordingKey) -> Result<(), Error> {
        let asked = FenceSessionRequest { recording_id: id(recording.id).into() };
        let answer =
            RecorderClient::new(self.ingest.clone()).fence_session(request(&recording.tenant, asked)).await;
        match answer {
            Ok(_) => Ok(()),
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(peer("ingest", "fence a session")(status)),
        }
    }

    /// The deployment's signing roots.
    pub async fn trust(&self) -> Result<TrustRoots, Error> {
        let answer = KeysClient::new(self.crypto.clone()).export_trust(ExportTrustRequest {}).await;
        let answer = answer.map_err(peer("crypto", "export its trust"))?.into_inner();
        let bad = || Error::Answer { peer: "crypto", what: "a signing root" };
        let mut keys = Vec::new();
        for root in answer.signing_roots {
            let bytes: [u8; 32] = root.as_slice().try_into().map_err(|_| bad())?;
            keys.push(VerifyingKey::from_bytes(&bytes).map_err(|_| bad())?);
        }
        Ok(keys.into_iter().collect())
    }
}

/// A set of spans as ranges with both ends in them.
pub fn ranges(spans: &SpanSet) -> Vec<SpanRange> {
    spans.ranges().map(|range| SpanRange { first: range.start, last: range.end - 1 }).collect()
}

fn open_spans(open: OpenSection) -> Option<OpenSpans> {
    let ranges = open.spans.iter().map(|range| {
        let end = range.last.checked_add(1).filter(|end| range.first < *end)?;
        Some(range.first..end)
    });
    Some(OpenSpans {
        leg: LegNo(u16::try_from(open.leg).ok()?),
        section: SectionNo(open.section),
        purpose: PurposeName::new(open.purpose).ok()?,
        spans: SpanSet::from_ranges(ranges.collect::<Option<Vec<_>>>()?).ok()?,
    })
}

fn section_spans((leg, section, spans): &(LegNo, SectionNo, SpanSet)) -> SectionSpans {
    SectionSpans { leg: leg.0.into(), section: section.0, spans: ranges(spans) }
}

fn id(recording: RecordingId) -> Vec<u8> {
    recording.to_bytes().to_vec()
}

/// A lease is known to the instance that gave it: what is asked of one recording goes to the same.
fn leased<T>(recording: &RecordingKey, message: T) -> Request<T> {
    let mut asked = request(&recording.tenant, message);
    asked.extensions_mut().insert(Affinity::of(&recording.id));
    asked
}

fn peer(peer: &'static str, attempt: &'static str) -> impl FnOnce(Status) -> Error {
    move |status| Error::Peer { peer, attempt, source: Box::new(status) }
}
