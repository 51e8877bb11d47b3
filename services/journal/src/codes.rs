//! How roles say things in codes: `key:value`, several short values in one code, longer texts in several, and acts that
//! are too large for one record in parts. What the keys mean is the role's.
//!
//! ```text
//! key:value              an id, a number, a name or a word
//! key:one:two            several names or numbers that have no `:`
//! key:text more:text     a text that is longer than one code
//! part:2-of-3            an act that is one of several
//! ```
//!
//! A policy's codes have characters that a [`Code`] has not, so texts are written with `.` before what it replaces:
//! `..` is `.`, `.-` is `_`, `.:` is `/`, and `.c` is `C`.

use std::fmt;
use std::str::FromStr;

use kernel::{ErrorCode, EventId, ServiceError};

use crate::record::{Code, MAX_CODES};

/// Parts of one act at most.
pub const MAX_PARTS: u32 = 1_000;

const MORE: &str = "more";
const PART: &str = "part";

/// Which of several acts that say one thing together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// Codes that are not what their kind of act has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// Which key.
    pub field: &'static str,
    /// What is wrong with it; never repeats the value.
    pub problem: &'static str,
}

/// An act that does not say what its kind says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("act {act} cannot be read")]
pub struct Unreadable {
    /// Which.
    pub act: EventId,
    /// Where that shows.
    #[source]
    pub source: FieldError,
}

/// An act's codes by their keys, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fields(Vec<(String, String)>);

/// One code. The key is a word, the value an id, a number, a name or a word: they have a code's characters and fit.
pub fn code(key: &str, value: impl fmt::Display) -> Code {
    Code::new(format!("{key}:{value}")).expect("a word and an id, number or name are a code")
}

/// Names or numbers, as many in one code as it takes; none of them has a `:`.
pub fn packed<T: fmt::Display>(key: &str, values: impl IntoIterator<Item = T>) -> Vec<Code> {
    let (mut codes, mut joined) = (Vec::new(), String::new());
    for value in values {
        let value = value.to_string();
        if !joined.is_empty() && key.len() + joined.len() + value.len() + 2 > Code::MAX_LEN {
            codes.push(code(key, &joined));
            joined.clear();
        }
        if !joined.is_empty() {
            joined.push(':');
        }
        joined.push_str(&value);
    }
    if !joined.is_empty() {
        codes.push(code(key, &joined));
    }
    codes
}

/// A text of the characters `A-Z a-z 0-9 - . _ / :`, in as many codes as it takes; none where it has another.
pub fn text(key: &str, text: &str) -> Option<Vec<Code>> {
    let escaped = escaped(text)?;
    let (first, mut rest) = cut(&escaped, key);
    let mut codes = vec![code(key, first)];
    while !rest.is_empty() {
        let (some, left) = cut(rest, MORE);
        codes.push(code(MORE, some));
        rest = left;
    }
    Some(codes)
}

/// What fits into a code of this key, and what is left.
fn cut<'t>(text: &'t str, key: &str) -> (&'t str, &'t str) {
    text.split_at(text.len().min(Code::MAX_LEN - key.len() - 1))
}

/// The codes of each part: all have `head` and their number, and each some of `list`. At least one part; `head` leaves
/// room for the number and one of the list.
pub fn in_parts(head: &[Code], list: &[Code]) -> Vec<(Part, Vec<Code>)> {
    let room = MAX_CODES.saturating_sub(head.len() + 1).max(1);
    let count = u32::try_from(list.len().div_ceil(room).max(1)).unwrap_or(u32::MAX);
    let mut rest = list.chunks(room);
    let part = |number| {
        let part = Part { number, of: count };
        let numbered = [code(PART, format_args!("{number}-of-{count}"))];
        let some = rest.next().unwrap_or_default();
        (part, head.iter().cloned().chain(numbered).chain(some.iter().cloned()).collect())
    };
    (1..=count).map(part).collect()
}

fn escaped(text: &str) -> Option<String> {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | '0'..='9' | '-' | ':' => escaped.push(character),
            'A'..='Z' => escaped.extend(['.', character.to_ascii_lowercase()]),
            '.' => escaped.push_str(".."),
            '_' => escaped.push_str(".-"),
            '/' => escaped.push_str(".:"),
            _ => return None,
        }
    }
    Some(escaped)
}

fn unescaped(escaped: &str) -> Option<String> {
    let mut text = String::with_capacity(escaped.len());
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        if character != '.' {
            text.push(character);
            continue;
        }
        text.push(match characters.next()? {
            '.' => '.',
            '-' => '_',
            ':' => '/',
            letter @ 'a'..='z' => letter.to_ascii_uppercase(),
            _ => return None,
        });
    }
    Some(text)
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self { number: 1, of: 1 };
}

impl Fields {
    /// Of an act's codes, of which each has one of these keys.
    pub fn of(codes: &[Code], keys: &[&str]) -> Result<Self, FieldError> {
        let wrong = |problem| FieldError { field: "a code", problem };
        let mut fields: Vec<(String, String)> = Vec::with_capacity(codes.len());
        for code in codes {
            let (key, value) = code.as_str().split_once(':').ok_or(wrong("has no key"))?;
            if key == MORE {
                let (_, before) = fields.last_mut().ok_or(wrong("goes on with nothing"))?;
                before.push_str(value);
            } else if key == PART || keys.contains(&key) {
                fields.push((key.to_owned(), value.to_owned()));
            } else {
                return Err(wrong("has a key that its kind of act has not"));
            }
        }
        Ok(Self(fields))
    }

    /// Every key and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The values of a key.
    pub fn values<'f>(&'f self, key: &'f str) -> impl Iterator<Item = &'f str> {
        self.iter().filter(move |(own, _)| *own == key).map(|(_, value)| value)
    }

    /// The value of a key that is there once or not at all.
    pub fn find(&self, key: &'static str) -> Result<Option<&str>, FieldError> {
        let mut values = self.values(key);
        let first = values.next();
        if values.next().is_some() {
            return Err(FieldError { field: key, problem: "is there twice" });
        }
        Ok(first)
    }

    /// The value of a key that is there once.
    pub fn one(&self, key: &'static str) -> Result<&str, FieldError> {
        self.find(key)?.ok_or(FieldError { field: key, problem: "is missing" })
    }

    /// The same, read.
    pub fn read<T: FromStr>(&self, key: &'static str) -> Result<T, FieldError> {
        read(key, self.one(key)?)
    }

    /// The value of a key that is there once or not at all, read.
    pub fn read_if<T: FromStr>(&self, key: &'static str) -> Result<Option<T>, FieldError> {
        self.find(key)?.map(|value| read(key, value)).transpose()
    }

    /// Every one of several values ([`packed`]), read.
    pub fn read_all<T: FromStr>(&self, key: &'static str) -> Result<Vec<T>, FieldError> {
        self.values(key).flat_map(|value| value.split(':')).map(|value| read(key, value)).collect()
    }

    /// Two values with a `:` between, read.
    pub fn read_two<T: FromStr>(&self, key: &'static str) -> Result<Option<(T, T)>, FieldError> {
        let Some(value) = self.find(key)? else { return Ok(None) };
        let (one, other) = value.split_once(':').ok_or(malformed(key))?;
        Ok(Some((read(key, one)?, read(key, other)?)))
    }

    /// A text ([`text`]) that is there once, read.
    pub fn read_text<T: FromStr>(&self, key: &'static str) -> Result<T, FieldError> {
        read_text(key, self.one(key)?)
    }

    /// Which part it is.
    pub fn part(&self) -> Result<Part, FieldError> {
        let (number, of) = self.one(PART)?.split_once("-of-").ok_or(malformed(PART))?;
        let part = Part { number: read(PART, number)?, of: read(PART, of)? };
        let is_one_of_them = (1..=part.of).contains(&part.number) && part.of <= MAX_PARTS;
        if is_one_of_them { Ok(part) } else { Err(malformed(PART)) }
    }
}

/// Reads the value of a key.
pub fn read<T: FromStr>(key: &'static str, value: &str) -> Result<T, FieldError> {
    value.parse().map_err(|_| malformed(key))
}

/// Reads a text that [`text`] wrote.
pub fn read_text<T: FromStr>(key: &'static str, value: &str) -> Result<T, FieldError> {
    read(key, &unescaped(value).ok_or(malformed(key))?)
}

/// A value that cannot be.
pub fn malformed(field: &'static str) -> FieldError {
    FieldError { field, problem: "has a value that cannot be" }
}

impl ServiceError for Unreadable {
    fn code(&self) -> ErrorCode {
        ErrorCode::DataLoss
    }
}

#[cfg(test)]
mod tests;
