//! What is asked of the ledger, and the tokens with which a page goes on.

use kernel::{SubjectId, Timestamp};
use proto::audit::v1 as wire;

use crate::error::Error;
use crate::leaf::{LedgerKeys, TermKind};
use crate::store::{Filter, Order, Part, Spot};

/// Entries of a page, where none is asked for.
pub const PAGE: u32 = 100;
/// Most entries of a page.
pub const PAGE_MAX: u32 = 1_000;
/// Longest text that entries are looked up by.
const TEXT_MAX: usize = 512;
/// Bytes of a token before it is written in hexadecimal.
const TOKEN: usize = 8 + 4 + 8;

/// A question, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    terms: Vec<Asked>,
    from: Timestamp,
    to: Timestamp,
    after: Option<Spot>,
    order: Order,
    limit: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Text(TermKind, String),
    Subject(SubjectId),
}

impl Question {
    /// Reads a request.
    pub fn read(request: wire::QueryRequest) -> Result<Self, Error> {
        let mut terms = Vec::new();
        // The rarest first: the index walks its entries.
        if !request.subject_id.is_empty() {
            let subject = SubjectId::from_slice(&request.subject_id);
            let invalid = |_| Error::Invalid { field: "subject_id", problem: "must be 16 bytes" };
            terms.push(Asked::Subject(subject.map_err(invalid)?));
        }
        for (field, kind, text) in [
            ("object", TermKind::Object, request.object),
            ("actor", TermKind::Actor, request.actor),
            ("action", TermKind::Action, request.action),
        ] {
            if text.len() > TEXT_MAX {
                return Err(Error::Invalid { field, problem: "must have at most 512 bytes" });
            }
            if !text.is_empty() {
                terms.push(Asked::Text(kind, text));
            }
        }
        let to = if request.to == 0 { i64::MAX } else { request.to };
        let from = if request.from == 0 { i64::MIN } else { request.from };
        if from > to {
            return Err(Error::Invalid { field: "from", problem: "must not be after to" });
        }
        let limit = match request.page_size {
            0 => PAGE,
            size if size <= PAGE_MAX => size,
            _ => return Err(Error::Invalid { field: "page_size", problem: "must be at most 1000" }),
        };
        let token = (!request.page_token.is_empty()).then_some(request.page_token);
        let invalid = Error::Invalid { field: "page_token", problem: "is none that was given" };
        let after = token.map(|token| read_token(&token).ok_or(invalid)).transpose()?;
        let order = if request.newest_first { Order::NewestFirst } else { Order::OldestFirst };
        Ok(Self { terms, from: Timestamp(from), to: Timestamp(to), after, order, limit })
    }

    /// The subject that is asked about.
    pub fn subject(&self) -> Option<SubjectId> {
        self.terms.iter().find_map(|asked| match asked {
            Asked::Subject(subject) => Some(*subject),
            Asked::Text(..) => None,
        })
    }

    /// How many entries a page has.
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// As the index is asked, in the terms of the tenant's keys; one more than the page, to know whether
    /// there are more.
    pub fn filter(&self, keys: &LedgerKeys) -> Filter {
        let term = |asked: &Asked| match asked {
            Asked::Text(kind, text) => keys.term(*kind, text),
            Asked::Subject(subject) => keys.subject_term(*subject),
        };
        Filter {
            tenant: keys.tenant().clone(),
            terms: self.terms.iter().map(term).collect(),
            from: self.from,
            to: self.to,
            after: self.after,
            order: self.order,
            limit: self.limit + 1,
        }
    }
}

/// The token with which a page goes on behind this entry.
pub fn token(last: Spot) -> String {
    let mut bytes = last.at.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(&last.part.number().to_be_bytes());
    bytes.extend_from_slice(&last.index.to_be_bytes());
    hex::encode(bytes)
}

fn read_token(text: &str) -> Option<Spot> {
    let mut bytes = [0; TOKEN];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    let (at, rest) = bytes.split_first_chunk()?;
    let (part, rest) = rest.split_first_chunk()?;
    let (index, _) = rest.split_first_chunk()?;
    Some(Spot {
        at: Timestamp(i64::from_be_bytes(*at)),
        part: Part::from_number(u32::from_be_bytes(*part))?,
        index: u64::from_be_bytes(*index),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Generation;

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        let part = Part::of(Generation::FIRST.next().unwrap(), 3);
        let spot = Spot { at: Timestamp(-7), part, index: u64::MAX };
        assert_eq!(read_token(&token(spot)), Some(spot));
        for bad in ["", "00", "zz", &"0".repeat(2 * TOKEN + 2)] {
            assert_eq!(read_token(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_request_out_of_bounds_is_refused_by_its_field() {
        let check = |request: wire::QueryRequest, field: &str| match Question::read(request) {
            Err(Error::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        };
        check(wire::QueryRequest { page_size: 1_001, ..Default::default() }, "page_size");
        check(wire::QueryRequest { from: 5, to: 4, ..Default::default() }, "from");
        check(wire::QueryRequest { subject_id: vec![1; 15], ..Default::default() }, "subject_id");
        check(wire::QueryRequest { page_token: "x".to_owned(), ..Default::default() }, "page_token");
        check(wire::QueryRequest { actor: "x".repeat(513), ..Default::default() }, "actor");
        assert_eq!(Question::read(wire::QueryRequest::default()).unwrap().limit(), 100);
    }
}
