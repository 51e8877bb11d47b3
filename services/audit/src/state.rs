//! Where a partition's log stood when its entries were last put into objects: what an index that is lost is
//! rebuilt to, and where the topic then goes on.
//!
//! ```text
//! { 1: size, 2: next offset, 3: [tenant, ...] sorted, 4: [[producer (16), last, state], ...] sorted }
//! ```

use std::collections::BTreeSet;

use kernel::{InstanceId, TenantId};
use minicbor::{Decoder, Encoder};

use crate::plan::Producers;
use crate::store::{Producer, ProducerState};

/// The state of a partition at a size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// How many entries are in objects.
    pub(crate) size: u64,
    /// The first record of the topic that none of them is of.
    pub(crate) next_offset: u64,
    /// Whose entries they are.
    pub(crate) tenants: BTreeSet<TenantId>,
    /// How far producers had come.
    pub(crate) producers: Producers,
}

impl State {
    /// Its one encoding.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        self.write(&mut e).expect("a Vec takes every byte");
        e.into_writer()
    }

    /// Reads exactly that encoding.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let read = Self::read(&mut Decoder::new(bytes))?;
        (read.encode() == bytes).then_some(read)
    }

    fn write(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.map(4)?.u8(1)?.u64(self.size)?.u8(2)?.u64(self.next_offset)?;
        e.u8(3)?.array(self.tenants.len() as u64)?;
        for tenant in &self.tenants {
            e.str(tenant.as_str())?;
        }
        e.u8(4)?.array(self.producers.len() as u64)?;
        for producer in self.producers.values() {
            e.array(3)?.bytes(&producer.id.to_bytes())?.u64(producer.last)?.u8(producer.state.number())?;
        }
        Ok(())
    }

    fn read(d: &mut Decoder<'_>) -> Option<Self> {
        let key = |d: &mut Decoder<'_>, key| (d.u8().ok()? == key).then_some(());
        (d.map().ok()?? == 4).then_some(())?;
        key(d, 1)?;
        let size = d.u64().ok()?;
        key(d, 2)?;
        let next_offset = d.u64().ok()?;
        key(d, 3)?;
        let count = d.array().ok()??;
        let tenants = (0..count).map(|_| TenantId::new(d.str().ok()?).ok()).collect::<Option<_>>()?;
        key(d, 4)?;
        let count = d.array().ok()??;
        let producers = (0..count).map(|_| producer(d)).collect::<Option<_>>()?;
        Some(Self { size, next_offset, tenants, producers })
    }
}

fn producer(d: &mut Decoder<'_>) -> Option<(InstanceId, Producer)> {
    (d.array().ok()?? == 3).then_some(())?;
    let id = InstanceId::from_slice(d.bytes().ok()?).ok()?;
    let last = d.u64().ok()?;
    Some((id, Producer { id, last, state: ProducerState::from_number(d.u8().ok()?)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_state_reads_back_from_its_one_encoding_and_from_no_other() {
        let id = InstanceId::from_bytes([5; 16]);
        let state = State {
            size: 300,
            next_offset: 70_000,
            tenants: [samples::tenant("alfa"), samples::tenant("beta")].into(),
            producers: [(id, Producer { id, last: 9, state: ProducerState::Silent })].into(),
        };
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Some(state));
        for at in 0..bytes.len() {
            assert_eq!(State::decode(&bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(State::decode(&[bytes, vec![0]].concat()), None);
    }
}
