//! A call's identifying metadata as one document, sealed as leg 65535.
//!
//! Deterministic CBOR: `{1: call id, 2: [{1: role, 2: [[kind, value] ...]} ...], 3: {key: value ...}}`; roles
//! and kinds are the numbers of `verbale.common.v1`, correlation keys ascend.

use minicbor::Encoder;
use zeroize::Zeroizing;

use crate::intake::OpenCall;

/// The document.
pub fn document(call: &OpenCall) -> Zeroizing<Vec<u8>> {
    // Large enough for most calls, so that growing leaves no copies behind.
    let mut w = Encoder::new(Vec::with_capacity(16 << 10));
    write(&mut w, call).expect("writing to memory does not fail");
    Zeroizing::new(w.into_writer())
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(w: &mut Encoder<Vec<u8>>, call: &OpenCall) -> Written {
    w.map(3)?.u8(1)?.str(&call.call_id)?;
    w.u8(2)?.array(call.parties.len() as u64)?;
    for party in &call.parties {
        w.map(2)?.u8(1)?.i32(party.role as i32)?;
        w.u8(2)?.array(party.identifiers.len() as u64)?;
        for identifier in &party.identifiers {
            w.array(2)?.i32(identifier.kind)?.str(&identifier.value)?;
        }
    }
    // Shorter keys first, as deterministic encoding orders them (RFC 8949 section 4.2.1).
    let mut correlation: Vec<_> = call.correlation.iter().collect();
    correlation.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
    w.u8(3)?.map(correlation.len() as u64)?;
    for (key, value) in correlation {
        w.str(key)?.str(value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kernel::{RecordingId, SessionEpoch, Timestamp};
    use proto::common::v1::{Identifier, IdentifierKind, PartyRole};

    use super::*;
    use crate::intake::PartyFacts;

    #[test]
    fn the_documents_bytes_are_these() {
        let identifier = Identifier { kind: IdentifierKind::Phone as i32, value: "+39".into() };
        let call = OpenCall {
            recording: RecordingId::from_bytes([0; 16]),
            epoch: SessionEpoch(1),
            started_at: Timestamp(1),
            call_id: "c".into(),
            direction: proto::ingest::v1::Direction::Inbound,
            language: "it".into(),
            parties: vec![PartyFacts { role: PartyRole::Customer, identifiers: vec![identifier] }],
            legs: Vec::new(),
            purposes: Vec::new(),
            correlation: BTreeMap::from([("bb".into(), "2".into()), ("c".into(), "1".into())]),
        };
        // {1: "c", 2: [{1: 2, 2: [[1, "+39"]]}], 3: {"c": "1", "bb": "2"}}
        let expected =
            b"\xa3\x01\x61c\x02\x81\xa2\x01\x02\x02\x81\x82\x01\x63+39\x03\xa2\x61c\x611\x62bb\x612";
        assert_eq!(document(&call).as_slice(), expected);
    }
}
