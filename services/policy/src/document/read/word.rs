//! Single words, lists and mappings out of nodes, with a fault at the node's place where it is another thing.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{At, Reader};
use crate::yaml::{Key, Node, Place, Value};

/// A mapping's values by key.
pub(super) type Entries<'a> = BTreeMap<&'a str, &'a Node>;

impl Reader<'_> {
    pub(super) fn words<T>(&mut self, node: &Node, what: &str) -> Option<Vec<At<T>>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let Value::Sequence(items) = &node.value else {
            self.fault(node.place, format!("a list of words is expected, not {}", node.value.kind()));
            return None;
        };
        Some(items.iter().filter_map(|item| self.word(item, what)).collect())
    }

    pub(super) fn word<T>(&mut self, node: &Node, what: &str) -> Option<At<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let text = self.text(node)?;
        match text.value.parse() {
            Ok(value) => Some(At { place: node.place, value }),
            Err(error) => {
                self.fault(node.place, format!("{what} `{}`: {error}", text.value));
                None
            }
        }
    }

    pub(super) fn text<'n>(&mut self, node: &'n Node) -> Option<At<&'n str>> {
        match &node.value {
            Value::Scalar(text) => Some(At { place: node.place, value: text }),
            other => {
                self.fault(node.place, format!("a single value is expected, not {}", other.kind()));
                None
            }
        }
    }

    pub(super) fn key<T>(&mut self, key: &Key) -> Option<At<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        match key.text.parse() {
            Ok(value) => Some(At { place: key.place, value }),
            Err(error) => {
                self.fault(key.place, format!("`{}`: {error}", key.text));
                None
            }
        }
    }

    /// A mapping whose keys are names; nothing counts as an empty one.
    pub(super) fn named<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Key, Node)]> {
        match &node.value {
            Value::Mapping(entries) => Some(entries),
            Value::Null => Some(&[]),
            other => {
                self.fault(node.place, format!("{what} must be a mapping, not {}", other.kind()));
                None
            }
        }
    }

    /// A mapping with known keys.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Entries<'n>> {
        let Value::Mapping(entries) = &node.value else {
            self.fault(node.place, format!("{what} must be a mapping, not {}", node.value.kind()));
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let known = known.join(", ");
                self.fault(key.place, format!("unknown key `{}` in {what}; known are {known}", key.text));
            }
        }
        Some(entries.iter().map(|(key, node)| (key.text.as_str(), node)).collect())
    }

    pub(super) fn needed<'n>(
        &mut self,
        place: Place,
        entries: &Entries<'n>,
        key: &str,
        what: &str,
    ) -> Option<&'n Node> {
        let found = entries.get(key).copied();
        if found.is_none() {
            self.fault(place, format!("{what} has no {key}"));
        }
        found
    }

    pub(super) fn optional<T>(
        &mut self,
        entries: &Entries<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        entries.get(key).copied().and_then(|node| read(self, node))
    }

    pub(super) fn fault(&mut self, place: Place, message: String) {
        self.problems.push(place.problem(message));
    }
}
