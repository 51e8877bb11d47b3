//! Reading a record's bytes, which may be anybody's: each error names the field, and nothing is allocated for what
//! is only announced.

use std::str::FromStr;

use kernel::{EventId, KeyEpoch, TenantId, Timestamp};
use minicbor::Decoder;
use uuid::Uuid;

use super::{
    AGGREGATE, About, Act, Code, EPOCH, FIELDS, Kind, MAX_CODES, ROOT, Record, RecordError, VERSION,
};

type Result<T> = std::result::Result<T, RecordError>;

/// Reads one record. Longer heads than needed pass here: the caller compares with the only encoding.
pub(super) fn record(bytes: &[u8]) -> Result<Record> {
    let mut r = Reader { decoder: Decoder::new(bytes), field: "the record", at: 0 };
    let fields = r.map()?;
    r.key(1, "version")?;
    if r.uint()? != VERSION {
        return Err(r.wrong("is none that this program reads"));
    }
    if fields != FIELDS {
        return Err(RecordError { field: "the record", at: 0, problem: "has another number of fields" });
    }
    r.key(2, "number")?;
    let number = r.uint()?;
    if number == 0 {
        return Err(r.wrong("must be 1 or more"));
    }
    r.key(3, "hash of the record before")?;
    let before = r.fixed()?;
    let act = r.act()?;
    r.finish()?;
    Ok(Record { number, before, act })
}

struct Reader<'b> {
    decoder: Decoder<'b>,
    /// What is being read.
    field: &'static str,
    /// Where it begins.
    at: usize,
}

impl<'b> Reader<'b> {
    fn act(&mut self) -> Result<Act> {
        self.key(4, "time")?;
        let at = Timestamp(self.int()?);
        self.key(5, "tenant")?;
        let tenant: TenantId = self.word("is no tenant's name")?;
        self.key(6, "act id")?;
        let id = EventId::from_bytes(self.fixed()?);
        self.key(7, "kind")?;
        let kind = Kind::from_number(self.uint()?).ok_or_else(|| self.wrong("is none that is known"))?;
        self.key(8, "what it is about")?;
        let about = self.about()?;
        if !kind.is_of(&about) {
            return Err(self.wrong("is nothing that its kind is done to"));
        }
        self.key(9, "codes")?;
        let codes = self.codes()?;
        Ok(Act { id, at, tenant, kind, about, codes })
    }

    fn about(&mut self) -> Result<About> {
        let items = self.array(4)?;
        let form = self.uint()?;
        match (form, items) {
            (AGGREGATE, 3) => {
                Ok(About::Aggregate { id: Uuid::from_bytes(self.fixed()?), version: self.uint()? })
            }
            (EPOCH, 2) => Ok(About::Epoch(KeyEpoch(self.uint()?))),
            (ROOT, 4) => {
                let incarnation = Uuid::from_bytes(self.fixed()?);
                Ok(About::Root { incarnation, size: self.uint()?, root: self.fixed()? })
            }
            _ => Err(self.wrong("has no form that is known")),
        }
    }

    fn codes(&mut self) -> Result<Vec<Code>> {
        let items = self.array(MAX_CODES as u64)?;
        let mut codes = Vec::new();
        for _ in 0..items {
            self.go("a code");
            codes.push(self.word("is not a word of its characters")?);
        }
        Ok(codes)
    }

    /// Goes on to what is called so.
    fn go(&mut self, field: &'static str) {
        self.field = field;
        self.at = self.decoder.position();
    }

    /// Goes to the value of the field that must be next.
    fn key(&mut self, key: u64, field: &'static str) -> Result<()> {
        self.go(field);
        if self.uint()? != key {
            return Err(self.wrong("is missing"));
        }
        self.go(field);
        Ok(())
    }

    /// Nothing may follow.
    fn finish(mut self) -> Result<()> {
        self.go("the record");
        if self.at == self.decoder.input().len() {
            return Ok(());
        }
        Err(self.wrong("is followed by more bytes"))
    }

    fn map(&mut self) -> Result<u64> {
        match self.decoder.map() {
            Ok(Some(fields)) => Ok(fields),
            Ok(None) => Err(self.wrong("has an indefinite length")),
            Err(error) => Err(self.failed(&error, "must be a map")),
        }
    }

    /// An array of at most `bound` items; answers how many.
    fn array(&mut self, bound: u64) -> Result<u64> {
        match self.decoder.array() {
            Ok(Some(items)) if items <= bound => Ok(items),
            Ok(Some(_)) => Err(self.wrong("has too many items")),
            Ok(None) => Err(self.wrong("has an indefinite length")),
            Err(error) => Err(self.failed(&error, "must be an array")),
        }
    }

    fn uint(&mut self) -> Result<u64> {
        self.decoder.u64().map_err(|error| self.failed(&error, "must be an unsigned integer"))
    }

    fn int(&mut self) -> Result<i64> {
        self.decoder.i64().map_err(|error| self.failed(&error, "must be an integer"))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes: &'b [u8] = self.decoder.bytes().map_err(|error| self.failed(&error, "must be bytes"))?;
        bytes.try_into().map_err(|_| self.wrong("has the wrong length"))
    }

    /// Text that is a word of some kind.
    fn word<T: FromStr>(&mut self, otherwise: &'static str) -> Result<T> {
        let text: &'b str = self.decoder.str().map_err(|error| self.failed(&error, "must be text"))?;
        text.parse().map_err(|_| self.wrong(otherwise))
    }

    fn failed(&self, error: &minicbor::decode::Error, expected: &'static str) -> RecordError {
        self.wrong(if error.is_end_of_input() { "ends early" } else { expected })
    }

    fn wrong(&self, problem: &'static str) -> RecordError {
        RecordError { field: self.field, at: self.at, problem }
    }
}
