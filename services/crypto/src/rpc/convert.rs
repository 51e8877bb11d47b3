//! From wire types to domain types and back. Everything from outside is checked and bounded here.

mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{
    ErasureId, EventId, InstanceId, InvalidId, KeyEpoch, LegNo, PurposeName, RecordingId, SectionNo,
    SessionEpoch, TenantId, Use,
};
use platform::auth::Token;
use proto::common::v1::SpanRange;
use proto::crypto::v1 as wire;
use seal::signing::{MAX_TENANTS, RoleName, TenantScope};
use seal::tree::MAX_RANGES;
use seal::{Hash, HpkeSealed, SectionAddress, SectionKind, SpanSet, VerifyingKey};

use crate::erasing::{EraseRequest, Erased};
use crate::error::Error;
use crate::marks::MarkedSpans;
use crate::sealing::{Completeness, SealRequest, Sealed};
use crate::sections::{NewSection, RESERVED, reserved_purpose};
use crate::store::EntryKey;
use crate::tenant_keys::{HmacKey, HmacValue};
use crate::unwrapping::{Ask, Opened};

pub(super) use status::{epoch_status, status_response};

/// Most sections of one request: more than any call has.
const MAX_SECTIONS: usize = 4_096;
/// Most entries of one sealing.
const MAX_ENTRIES: usize = 16_384;
/// Most purposes that one erasure names.
const MAX_PURPOSES: usize = 256;
/// Most ranges of spans of one erasure, over all its sections.
const MAX_ERASED_RANGES: usize = 65_536;
/// Longest reference, in characters.
const MAX_REFERENCE: usize = 80;

/// Reads an id.
pub(super) fn id<T>(
    read: impl FnOnce(&[u8]) -> Result<T, InvalidId>,
    bytes: &[u8],
    field: &'static str,
) -> Result<T, Error> {
    read(bytes).map_err(|_| Error::invalid(field, "must be 16 bytes"))
}

/// A time to live in milliseconds.
pub(super) fn millis(life: Duration) -> u32 {
    u32::try_from(life.as_millis()).unwrap_or(u32::MAX)
}

pub(super) fn new_section(request: wire::AdoptRequest) -> Result<NewSection, Error> {
    let leg = request.leg_opened.ok_or(Error::invalid("leg_opened", "is missing"))?;
    let kind = SectionKind::from_number(leg.kind).ok_or(Error::invalid("kind", "is not a known kind"))?;
    if request.reserved_purpose != reserved_purpose(kind).as_str() {
        return Err(Error::invalid("reserved_purpose", "is not that of the section's kind"));
    }
    let recording = id(RecordingId::from_slice, &leg.recording_id, "recording_id")?;
    // What the tables can keep.
    if i64::try_from(leg.session_epoch).is_err() {
        return Err(Error::invalid("session_epoch", "must be below 2^63"));
    }
    Ok(NewSection {
        section: address(recording, leg.leg, leg.section)?,
        kind,
        key_epoch: KeyEpoch(leg.key_epoch),
        writer: id(InstanceId::from_slice, &leg.writer, "writer")?,
        session_epoch: SessionEpoch(leg.session_epoch),
        sealed: hpke_sealed(&leg.hpke_enc, &leg.hpke_ciphertext)?,
    })
}

pub(super) fn seal_request(request: wire::SealRequest) -> Result<SealRequest, Error> {
    let recording = id(RecordingId::from_slice, &request.recording_id, "recording_id")?;
    if request.entries.len() > MAX_ENTRIES {
        return Err(Error::invalid("entries", "are more than one sealing may have"));
    }
    let (mut entries, mut on_consent) = (Vec::with_capacity(request.entries.len()), BTreeSet::new());
    for entry in request.entries {
        let purpose = purpose(entry.purpose)?;
        if RESERVED.contains(&purpose.as_str()) {
            return Err(Error::invalid("purpose", "is a reserved one"));
        }
        if entry.on_consent {
            on_consent.insert(purpose.clone());
        }
        let section = address(recording, entry.leg, entry.section)?;
        entries.push((EntryKey { section, purpose }, span_set(&entry.spans)?));
    }
    let completeness = match request.complete {
        true => Completeness::Complete,
        false => Completeness::Gaps(sections(recording, request.seen)?),
    };
    Ok(SealRequest {
        recording,
        entries,
        on_consent,
        completeness,
        policy_hash: hash(&request.policy_hash, "policy_hash")?,
        timeline_hash: hash(&request.timeline_hash, "timeline_hash")?,
        span_table_hash: hash(&request.span_table_hash, "span_table_hash")?,
    })
}

pub(super) fn seal_response(sealed: Sealed, on_consent: &BTreeSet<PurposeName>) -> wire::SealResponse {
    let entries = sealed.entries.into_iter().map(|(key, spans)| wire::SectionEntry {
        leg: u32::from(key.section.leg.0),
        section: key.section.section.0,
        on_consent: on_consent.contains(&key.purpose),
        purpose: key.purpose.to_string(),
        spans: ranges(&spans),
    });
    let gone = sealed.gone.into_iter();
    wire::SealResponse {
        entries: entries.collect(),
        gone: gone
            .map(|(purpose, reason)| wire::GonePurpose { purpose: purpose.to_string(), reason })
            .collect(),
    }
}

pub(super) fn ask(request: wire::UnwrapRequest) -> Result<Ask, Error> {
    let recording = id(RecordingId::from_slice, &request.recording_id, "recording_id")?;
    // Wiped also where it is refused.
    let subject_token = Token::new(request.subject_token);
    if subject_token.expose().len() > Token::MAX_LEN {
        return Err(Error::invalid("subject_token", "is longer than a token may be"));
    }
    Ok(Ask {
        recording,
        purpose: purpose(request.purpose)?,
        wanted: Use::from_number(request.r#use).ok_or(Error::invalid("use", "is not a known use"))?,
        reference: reference(request.reference)?,
        spans: sections(recording, request.sections)?,
        subject_token,
    })
}

pub(super) fn unwrap_response(opened: &Opened) -> Result<wire::UnwrapResponse, Error> {
    let mut covers = Vec::with_capacity(opened.covers.len());
    for (section, cover) in &opened.covers {
        covers.push(wire::SectionCover {
            leg: u32::from(section.leg.0),
            section: section.section.0,
            cover: cover.encode().map_err(Error::seal("write a cover"))?.to_vec(),
            spans: ranges(&cover.spans()),
        });
    }
    Ok(wire::UnwrapResponse { lease_id: opened.lease.to_bytes().to_vec(), ttl: millis(opened.life), covers })
}

pub(super) fn erase_request(request: wire::EraseRequest) -> Result<EraseRequest, Error> {
    let recording = id(RecordingId::from_slice, &request.recording_id, "recording_id")?;
    let erasure = id(ErasureId::from_slice, &request.erasure_id, "erasure_id")?;
    if request.purposes.len() > MAX_PURPOSES {
        return Err(Error::invalid("purposes", "are more than one erasure may name"));
    }
    let purposes: Result<_, _> = request.purposes.into_iter().map(PurposeName::new).collect();
    let purposes = purposes.map_err(|_| Error::invalid("purposes", "have one that is no purpose's name"))?;
    let spans = match request.spans.is_empty() {
        true => None,
        false => Some(marked_spans(recording, &request.spans)?),
    };
    Ok(EraseRequest { recording, erasure, purposes, spans })
}

/// Spans of at least one section, at least one of each: less than nothing is never taken for everything.
fn marked_spans(recording: RecordingId, sections: &[wire::SectionSpans]) -> Result<MarkedSpans, Error> {
    if sections.len() > MAX_SECTIONS {
        return Err(Error::invalid("spans", "are of more sections than one erasure may name"));
    }
    if sections.iter().map(|section| section.spans.len()).sum::<usize>() > MAX_ERASED_RANGES {
        return Err(Error::invalid("spans", "have more ranges than one erasure may have"));
    }
    let mut spans = MarkedSpans::new();
    for section in sections {
        let SectionAddress { leg, section: number, .. } = address(recording, section.leg, section.section)?;
        let set = span_set(&section.spans)?;
        if set.is_empty() {
            return Err(Error::invalid("spans", "have none of a section that they name"));
        }
        if spans.insert((leg, number), set).is_some() {
            return Err(Error::invalid("spans", "name a section twice"));
        }
    }
    Ok(spans)
}

pub(super) fn erase_response(erased: &Erased) -> wire::EraseResponse {
    wire::EraseResponse {
        removed: erased.removed,
        narrowed: erased.narrowed,
        // Not a moment less than they run.
        leases: millis(erased.leases + Duration::from_micros(999)),
        epochs: erased.epochs.iter().map(|epoch| epoch.0).collect(),
        not_before: erased.not_before.map_or(0, |at| at.0),
    }
}

pub(super) fn probe_response(open: Vec<(EntryKey, SpanSet)>) -> wire::ProbeResponse {
    let open = open.into_iter().map(|(key, spans)| wire::OpenSection {
        leg: u32::from(key.section.leg.0),
        section: key.section.section.0,
        purpose: key.purpose.to_string(),
        spans: ranges(&spans),
    });
    wire::ProbeResponse { open: open.collect() }
}

pub(super) fn hmac_request(request: wire::HmacRequest) -> Result<(HmacKey, Vec<HmacValue>), Error> {
    // Wiped also where they are refused.
    let values = request.values.into_iter().map(HmacValue::new).collect();
    let key = match wire::HmacKey::try_from(request.key) {
        Ok(wire::HmacKey::Identifier) => HmacKey::Identifier,
        Ok(wire::HmacKey::Pseudonym) => HmacKey::Pseudonym,
        Ok(wire::HmacKey::Unspecified) | Err(_) => return Err(Error::invalid("key", "is not a known key")),
    };
    Ok((key, values))
}

pub(super) fn sealed_reason(request: &wire::AdoptReasonRequest) -> Result<(EventId, HpkeSealed), Error> {
    let event = id(EventId::from_slice, &request.event_id, "event_id")?;
    Ok((event, hpke_sealed(&request.hpke_enc, &request.hpke_ciphertext)?))
}

/// What is to be certified.
pub(super) struct Certification {
    pub(super) instance: InstanceId,
    pub(super) role: RoleName,
    pub(super) tenants: TenantScope,
    pub(super) key: VerifyingKey,
}

pub(super) fn certify_request(request: wire::CertifyRequest) -> Result<Certification, Error> {
    let key = request.public_key.as_slice().try_into();
    let key = key.map_err(|_| Error::invalid("public_key", "must be 32 bytes"))?;
    if request.tenants.len() > MAX_TENANTS {
        return Err(Error::invalid("tenants", "are more than a certificate may name"));
    }
    let tenants: Result<BTreeSet<_>, _> = request.tenants.into_iter().map(TenantId::new).collect();
    let tenants = tenants.map_err(|_| Error::invalid("tenants", "have one that is no tenant's name"))?;
    Ok(Certification {
        instance: id(InstanceId::from_slice, &request.instance_id, "instance_id")?,
        role: RoleName::new(&request.role).map_err(Error::seal("certify the role"))?,
        // Nobody named is everybody: what the deployment's own roles ask for.
        tenants: if tenants.is_empty() { TenantScope::All } else { TenantScope::Only(tenants) },
        key: VerifyingKey::from_bytes(&key).map_err(Error::seal("certify the key"))?,
    })
}

fn sections(
    recording: RecordingId,
    sections: Vec<wire::SectionSpans>,
) -> Result<BTreeMap<SectionAddress, SpanSet>, Error> {
    if sections.len() > MAX_SECTIONS {
        return Err(Error::invalid("sections", "are more than one request may name"));
    }
    let mut spans: BTreeMap<_, SpanSet> = BTreeMap::new();
    for section in sections {
        let address = address(recording, section.leg, section.section)?;
        let set = span_set(&section.spans)?;
        let both = spans.get(&address).map_or_else(|| set.clone(), |had| had.union(&set));
        spans.insert(address, both);
    }
    Ok(spans)
}

fn address(recording: RecordingId, leg: u32, section: u32) -> Result<SectionAddress, Error> {
    let leg = u16::try_from(leg).map_err(|_| Error::invalid("leg", "must be below 65,536"))?;
    Ok(SectionAddress { recording, leg: LegNo(leg), section: SectionNo(section) })
}

fn purpose(name: String) -> Result<PurposeName, Error> {
    PurposeName::new(name).map_err(|_| Error::invalid("purpose", "is no purpose's name"))
}

/// A hold's id, an order's reference: a code, so that it may be entered in the ledger.
fn reference(text: String) -> Result<String, Error> {
    let is_code = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b':' | b'-');
    if text.len() <= MAX_REFERENCE && text.bytes().all(is_code) {
        Ok(text)
    } else {
        Err(Error::invalid("reference", "must be at most 80 characters of a-z 0-9 . : -"))
    }
}

fn hash(bytes: &[u8], field: &'static str) -> Result<Hash, Error> {
    Hash::from_slice(bytes).ok_or(Error::invalid(field, "must be 32 bytes"))
}

fn hpke_sealed(enc: &[u8], ciphertext: &[u8]) -> Result<HpkeSealed, Error> {
    let enc = enc.try_into().map_err(|_| Error::invalid("hpke_enc", "must be 32 bytes"))?;
    if ciphertext.len() > seal::hpke::MAX_SECRET + 16 {
        return Err(Error::invalid("hpke_ciphertext", "is longer than a sealed secret may be"));
    }
    Ok(HpkeSealed { enc, ciphertext: ciphertext.to_vec() })
}

/// `[first, last]` ranges as a set.
fn span_set(ranges: &[SpanRange]) -> Result<SpanSet, Error> {
    if ranges.len() > MAX_RANGES {
        return Err(Error::invalid("spans", "have more ranges than a section may have"));
    }
    if ranges.iter().any(|range| range.first > range.last) {
        return Err(Error::invalid("spans", "have a range that ends before it begins"));
    }
    let half_open = ranges.iter().map(|range| range.first..range.last.saturating_add(1));
    SpanSet::from_ranges(half_open).map_err(Error::seal("read span ranges"))
}

fn ranges(spans: &SpanSet) -> Vec<SpanRange> {
    spans.ranges().map(|range| SpanRange { first: range.start, last: range.end - 1 }).collect()
}

#[cfg(test)]
mod tests;
