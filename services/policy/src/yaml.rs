//! YAML text as a tree of nodes that know their places.
//!
//! A policy is small and plain, so this reads a plain subset: mappings with scalar keys, sequences, scalars;
//! one document; no anchors, aliases or tags, whose meaning a reader of the text could miss. A key given twice
//! is an error, never the last one wins.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::document::Problem;

/// Deepest nesting; a policy needs four levels.
const MAX_DEPTH: usize = 16;

/// Where a node begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) fn problem(self, message: impl Into<String>) -> Problem {
        Problem { line: self.line, column: self.column, message: message.into() }
    }
}

/// A node and where it begins.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    /// A plain scalar that is empty, `~` or `null`.
    Null,
    Scalar(String),
    Sequence(Vec<Node>),
    /// Keys with their places, in the order of the text.
    Mapping(Vec<(Key, Node)>),
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Value {
    /// What the node is, for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(_) => "a single value",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Reads the one document of `text`.
pub(crate) fn parse(text: &str, max_bytes: usize) -> Result<Node, Problem> {
    let start = Place { line: 1, column: 1 };
    if text.len() > max_bytes {
        return Err(start.problem(format!("the document is longer than {max_bytes} bytes")));
    }
    let mut loader = Loader { parser: Parser::new_from_str(text), last: start };
    let mut root = None;
    while let Some((event, place)) = loader.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) if root.is_some() => {
                return Err(place.problem("the file has more than one document"));
            }
            Event::DocumentStart(_) => {}
            event => root = Some(loader.node(event, place, 0)?),
        }
    }
    root.ok_or_else(|| start.problem("the document is empty"))
}

struct Loader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    last: Place,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Place)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, Span { start, .. }))) => {
                self.last = place(&start);
                Ok(Some((event, self.last)))
            }
            Some(Err(error)) => Err(place(error.marker()).problem(format!("not YAML: {}", error.info()))),
        }
    }

    /// The next event inside a collection, which the parser promises to end.
    fn inner(&mut self) -> Result<(Event<'a>, Place), Problem> {
        let last = self.last;
        self.next()?.ok_or_else(|| last.problem("not YAML: the text ends inside a collection"))
    }

    fn node(&mut self, event: Event<'a>, at: Place, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(at.problem(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain_only(at, anchor, tag.is_some())?;
                let null = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null");
                if null { Value::Null } else { Value::Scalar(text.into_owned()) }
            }
            Event::SequenceStart(anchor, tag) => {
                plain_only(at, anchor, tag.is_some())?;
                self.sequence(depth)?
            }
            Event::MappingStart(anchor, tag) => {
                plain_only(at, anchor, tag.is_some())?;
                self.mapping(depth)?
            }
            Event::Alias(_) => return Err(at.problem("aliases are not part of the format")),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(at.problem("a value is missing")),
        };
        Ok(Node { place: at, value })
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.inner()? {
                (Event::SequenceEnd, _) => return Ok(Value::Sequence(items)),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let key = match self.inner()? {
                (Event::MappingEnd, _) => return Ok(Value::Mapping(entries)),
                (Event::Scalar(text, _, anchor, tag), at) => {
                    plain_only(at, anchor, tag.is_some())?;
                    Key { place: at, text: text.into_owned() }
                }
                (_, at) => return Err(at.problem("a key must be a single value")),
            };
            if let Some((first, _)) = entries.iter().find(|(other, _)| other.text == key.text) {
                let (name, line) = (&key.text, first.place.line);
                return Err(key.place.problem(format!("key `{name}` is already given on line {line}")));
            }
            let (event, at) = self.inner()?;
            let value = self.node(event, at, depth + 1)?;
            entries.push((key, value));
        }
    }
}

fn plain_only(at: Place, anchor: usize, tagged: bool) -> Result<(), Problem> {
    if anchor != 0 {
        return Err(at.problem("anchors are not part of the format"));
    }
    if tagged {
        return Err(at.problem("tags are not part of the format"));
    }
    Ok(())
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nodes_know_their_places() {
        let root = parse("a: 1\nb:\n  - x\n  - {c: ~}\n", 100).unwrap();
        let Value::Mapping(entries) = root.value else { panic!("not a mapping") };
        assert_eq!(entries[1].0.place, Place { line: 2, column: 1 });
        let Value::Sequence(items) = &entries[1].1.value else { panic!("not a list") };
        assert_eq!(items[1].place, Place { line: 4, column: 5 });
    }

    #[test]
    fn what_the_format_does_not_have_is_refused_at_its_place() {
        for (text, expected) in [
            ("", "1:1: the document is empty"),
            ("a: 1\na: 2", "2:1: key `a` is already given on line 1"),
            ("a: &x 1\nb: *x", "1:4: anchors are not part of the format"),
            ("a: !!str 1", "1:4: tags are not part of the format"),
            ("a: 1\n---\nb: 2", "2:1: the file has more than one document"),
            ("? [a]\n: 1", "1:3: a key must be a single value"),
        ] {
            assert_eq!(parse(text, 100).unwrap_err().to_string(), expected, "{text:?}");
        }
        assert!(parse("a: [", 100).unwrap_err().to_string().contains("not YAML"));
        assert!(parse(&"[".repeat(90), 100).unwrap_err().to_string().contains("nested deeper"));
        assert!(parse(&"a".repeat(101), 100).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[\\PC\n\t:{}\\[\\]&*!-]{0,200}") {
            let _ = parse(&text, 1000);
        }
    }
}
