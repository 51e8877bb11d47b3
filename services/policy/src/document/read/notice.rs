//! Notices: their texts, from the document or from files beside it.

use kernel::{NoticeName, PurposeName};

use super::{At, DraftNotice, Reader};
use crate::document::{MAX_NOTICE_BYTES, Notice};
use crate::yaml::{Key, Node};

impl Reader<'_> {
    pub(super) fn notices(&mut self, node: &Node) -> Option<Vec<(At<NoticeName>, DraftNotice)>> {
        let mut notices = Vec::new();
        for (key, node) in self.named(node, "notices")? {
            let Some(name) = self.key::<NoticeName>(key) else { continue };
            notices.extend(self.notice(key, node).map(|notice| (name, notice)));
        }
        Some(notices)
    }

    fn notice(&mut self, key: &Key, node: &Node) -> Option<DraftNotice> {
        let what = format!("notice {}", key.text);
        let entries = self.entries(node, &what, &["language", "text", "text_file", "purposes"])?;
        let language = self.needed(key.place, &entries, "language", &what);
        let language = language.and_then(|node| self.language(node));
        let purposes = self.needed(key.place, &entries, "purposes", &what);
        let purposes = purposes.and_then(|node| self.words::<PurposeName>(node, "purpose"));
        let text = match (entries.get("text"), entries.get("text_file")) {
            (Some(text), None) => self.text(text).map(|text| (text.place, text.value.to_owned())),
            (None, Some(file)) => self.text_file(file).map(|text| (file.place, text)),
            (Some(_), Some(file)) => {
                self.fault(file.place, format!("{what} has both text and text_file"));
                None
            }
            (None, None) => {
                self.fault(key.place, format!("{what} has neither text nor text_file"));
                None
            }
        };
        let (place, text) = text?;
        let text = text.replace("\r\n", "\n").trim().to_owned();
        if text.is_empty() || text.len() > MAX_NOTICE_BYTES {
            self.fault(place, format!("{what}'s text must have 1 to {MAX_NOTICE_BYTES} bytes"));
        }
        let purposes = purposes?;
        let named = purposes.iter().map(|name| name.value.clone()).collect();
        Some(DraftNotice { notice: Notice { language: language?, text, purposes: named }, purposes })
    }

    fn text_file(&mut self, node: &Node) -> Option<String> {
        let path = self.text(node)?;
        let below = !path.value.is_empty()
            && !path.value.contains('\\')
            && path.value.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !below {
            self.fault(
                node.place,
                "text_file must be a relative path that stays below the policy".to_owned(),
            );
            return None;
        }
        let text = (self.load)(path.value);
        if text.is_none() {
            self.fault(node.place, format!("text_file {} cannot be read", path.value));
        }
        text
    }

    fn language(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let mut parts = text.value.split('-');
        let primary = parts.next().unwrap_or_default();
        let tag = (2..=3).contains(&primary.len())
            && primary.bytes().all(|byte| byte.is_ascii_lowercase())
            && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
            && text.value.len() <= 35;
        if !tag {
            self.fault(node.place, "language must be a BCP 47 tag such as it or en-GB".to_owned());
            return None;
        }
        Some(text.value.to_owned())
    }
}
