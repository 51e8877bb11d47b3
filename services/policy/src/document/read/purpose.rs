//! Purposes: their words, one by one.

use std::collections::BTreeSet;

use kernel::{Basis, MarkLabel, PurposeName, RegimeName, Use};

use super::{At, DraftCompatible, DraftFrom, DraftPurpose, Reader, values};
use crate::code::Code;
use crate::document::{Anchor, Party, Retention, Until};
use crate::period::Period;
use crate::yaml::{Key, Node, Value};

/// Purposes that crypto keeps for itself: a running recording's root, a subject's identifiers, a stated
/// reason, what proves that an epoch is gone. No reader is served under them, so a policy that grants them would grant nothing.
const RESERVED_PURPOSES: &[&str] = &["sealing", "subject", "reason", "canary"];

impl Reader<'_> {
    pub(super) fn purposes(&mut self, node: &Node) -> Option<Vec<(At<PurposeName>, Option<DraftPurpose>)>> {
        let mut purposes = Vec::new();
        for (key, node) in self.named(node, "purposes")? {
            let Some(name) = self.key::<PurposeName>(key) else { continue };
            if RESERVED_PURPOSES.contains(&name.value.as_str()) {
                self.fault(key.place, format!("purpose {} is reserved by crypto", name.value));
            }
            purposes.push((name, self.purpose(key, node)));
        }
        Some(purposes)
    }

    fn purpose(&mut self, key: &Key, node: &Node) -> Option<DraftPurpose> {
        const KEYS: &[&str] = &[
            "basis",
            "regime",
            "retention",
            "anchor",
            "uses",
            "roles",
            "consent_of",
            "from",
            "until",
            "compatible",
        ];
        let what = format!("purpose {}", key.text);
        if node.value == Value::Null {
            self.fault(key.place, format!("{what} has no basis"));
            return None;
        }
        let faults = self.problems.len();
        let entries = self.entries(node, &what, KEYS)?;
        if !entries.contains_key("basis") {
            self.fault(key.place, format!("{what} has no basis"));
        }
        let basis = self.optional(&entries, "basis", |r, n| r.word::<Basis>(n, "basis"));
        let regime = self.optional(&entries, "regime", |r, n| r.word::<RegimeName>(n, "regime"));
        let retention = self.optional(&entries, "retention", |r, n| r.retention(n, &what));
        let anchor = self.optional(&entries, "anchor", |r, n| r.word::<Anchor>(n, "anchor"));
        let uses = self.optional(&entries, "uses", Self::uses);
        let roles = self.optional(&entries, "roles", Self::roles);
        let consent_of = self.optional(&entries, "consent_of", |r, n| {
            r.words::<Party>(n, "party").map(|parties| At { place: n.place, value: values(parties) })
        });
        let from = self.optional(&entries, "from", Self::from);
        let until = self.optional(&entries, "until", |r, n| r.word::<Until>(n, "until"));
        let compatible = self.optional(&entries, "compatible", Self::compatible);
        if self.problems.len() > faults {
            // A word that cannot be read must not be taken for one that is missing.
            return None;
        }
        Some(DraftPurpose {
            basis: basis?,
            regime,
            retention,
            anchor,
            uses,
            roles: roles.unwrap_or_default(),
            consent_of,
            from,
            until,
            compatible,
        })
    }

    /// One period for both kinds of data, or one for each.
    fn retention(&mut self, node: &Node, purpose: &str) -> Option<At<Retention>> {
        let Value::Mapping(_) = node.value else {
            let period = self.word::<Period>(node, "retention")?;
            return Some(At { place: period.place, value: Retention::from_start(period.value) });
        };
        let what = format!("retention of {purpose}");
        let entries = self.entries(node, &what, &["audio", "metadata"])?;
        let audio = self.needed(node.place, &entries, "audio", &what);
        let audio = audio.and_then(|node| self.word::<Period>(node, "audio"));
        let metadata = self.needed(node.place, &entries, "metadata", &what);
        let metadata = metadata.and_then(|node| self.word::<Period>(node, "metadata"));
        let value = Retention { audio: audio?.value, metadata: metadata?.value, anchor: Anchor::Start };
        Some(At { place: node.place, value })
    }

    fn compatible(&mut self, node: &Node) -> Option<At<DraftCompatible>> {
        let mut compatible = Vec::new();
        for (key, node) in self.named(node, "compatible")? {
            let name = self.key::<PurposeName>(key);
            let assessment = self.word::<Code>(node, "assessment");
            compatible.extend(name.zip(assessment).map(|(name, code)| (name, code.value)));
        }
        Some(At { place: node.place, value: compatible })
    }

    fn uses(&mut self, node: &Node) -> Option<BTreeSet<Use>> {
        let uses = self.words::<Use>(node, "use")?;
        for wanted in &uses {
            match wanted.value {
                Use::Replay | Use::Review => {}
                Use::Rights | Use::LegalClaim | Use::Authority => {
                    let message = format!("{} belongs to claims, not to a purpose's uses", wanted.value);
                    self.fault(wanted.place, message);
                }
                Use::Probe => self.fault(wanted.place, "probe is verbale's own and not granted".to_owned()),
            }
        }
        Some(values(uses))
    }

    fn from(&mut self, node: &Node) -> Option<At<DraftFrom>> {
        let text = self.text(node)?;
        let mut words = text.value.split_whitespace();
        let from = match (words.next(), words.next(), words.next()) {
            (Some("start"), None, None) => DraftFrom::Start,
            (Some("consent"), None, None) => DraftFrom::Consent,
            (Some("mark"), None, None) => DraftFrom::Mark(None),
            (Some("mark"), Some(label), None) => match MarkLabel::new(label) {
                Ok(label) => DraftFrom::Mark(Some(label)),
                Err(error) => {
                    self.fault(node.place, error.to_string());
                    return None;
                }
            },
            _ => {
                self.fault(node.place, "from must be start, consent or mark with a label".to_owned());
                return None;
            }
        };
        Some(At { place: node.place, value: from })
    }
}
