//! The stored objects, read past the program: every span of a recording, as its bytes lie there.

use std::path::Path;
use std::sync::Arc;

use kernel::{RecordingId, SystemClock, TenantId};
use objects::{DirectoryObjects, Error, Key, Listed, MAX_LIST, ObjectStore, Prefix, PutOptions, S3Objects};
use seal::object::{Footer, Tail, verify_object};
use seal::{Entry, Frame, SpanHeader, SpanKey, SpanView};

use super::Raw;

/// An object store.
pub(crate) struct Shelf(Arc<dyn ObjectStore>);

/// One span.
pub(crate) struct StoredSpan {
    pub(crate) header: SpanHeader,
    pub(crate) bytes: Vec<u8>,
}

impl Shelf {
    pub(crate) async fn open(data: &Path) -> Self {
        let objects = DirectoryObjects::open(data.join("objects"), Arc::new(SystemClock)).await;
        Self(Arc::new(objects.unwrap()))
    }

    pub(crate) async fn bucket(url: &str) -> Self {
        let objects = S3Objects::open(url.parse().unwrap(), Arc::new(SystemClock)).await;
        Self(Arc::new(objects.unwrap()))
    }

    /// Every object below a name, with its bytes; without those that go meanwhile.
    pub(crate) async fn objects(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let prefix = Prefix::new(prefix).unwrap();
        let listed = self.0.list(&prefix, None, 1_000).await.unwrap();
        let mut found = Vec::new();
        for Listed { key, .. } in listed {
            match self.0.get(&key, None, None).await {
                Ok(object) => found.push((key.as_str().to_owned(), object.bytes.to_vec())),
                Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{key} cannot be read: {error}"),
            }
        }
        found
    }

    /// Every object that is there, with its bytes: more than one listing takes.
    pub(crate) async fn all(&self) -> Vec<(String, Vec<u8>)> {
        let (prefix, mut after, mut found) = (Prefix::new("").unwrap(), None, Vec::new());
        loop {
            let listed = self.0.list(&prefix, after.as_ref(), MAX_LIST).await.unwrap();
            for one in &listed {
                found.push((one.key.as_str().to_owned(), self.bytes(&one.key).await));
            }
            if listed.len() < MAX_LIST {
                return found;
            }
            after = listed.last().map(|last| last.key.clone());
        }
    }

    /// Stores an object that is not there.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) {
        self.0.put(&Key::new(name).unwrap(), bytes.into(), PutOptions::default()).await.unwrap();
    }

    /// The name of every version below a name that is still there, however old.
    pub(crate) async fn versions(&self, prefix: &str) -> Vec<String> {
        let prefix = Prefix::new(prefix).unwrap();
        let listed = self.0.list_versions(&prefix, None, 1_000).await.unwrap();
        listed.into_iter().map(|listed| listed.key.as_str().to_owned()).collect()
    }

    /// Everything: each object's bytes behind its name.
    pub(crate) async fn everything(&self) -> Vec<Raw> {
        let found = self.objects("").await.into_iter();
        found.map(|(name, bytes)| (format!("object {name}"), [name.as_bytes(), &bytes].concat())).collect()
    }

    /// One object.
    pub(crate) async fn object(&self, name: &str) -> Vec<u8> {
        self.bytes(&Key::new(name).unwrap()).await
    }

    /// Every stored span of a recording.
    pub(crate) async fn spans(&self, tenant: &TenantId, recording: RecordingId) -> Vec<StoredSpan> {
        let mut spans = Vec::new();
        for (name, bytes) in self.objects(&format!("{tenant}/{recording}/")).await {
            if name.contains("/documents/") {
                continue;
            }
            verify_object(&bytes).unwrap();
            let Tail::Footer(footer) = Footer::from_tail(&bytes).unwrap() else {
                panic!("{name} has no footer")
            };
            spans.extend(footer.spans.iter().map(|row| {
                let bytes = &bytes[row.offset as usize..(row.offset + row.length) as usize];
                StoredSpan { header: SpanView::parse(bytes).unwrap().header, bytes: bytes.to_vec() }
            }));
        }
        spans
    }

    async fn bytes(&self, key: &Key) -> Vec<u8> {
        self.0.get(key, None, None).await.unwrap().bytes.to_vec()
    }
}

impl StoredSpan {
    /// Opens an audio span; none where this is not its key.
    pub(crate) fn frames(&self, key: &SpanKey) -> Option<Vec<Frame>> {
        SpanView::parse(&self.bytes).unwrap().open_frames(key).ok()
    }

    /// Whether any of these entries opens it.
    pub(crate) fn opens_by(&self, entries: &[Entry]) -> bool {
        let own = entries.iter().filter(|entry| entry.section == self.header.section_address());
        own.filter_map(|entry| entry.cover.key(self.header.span)).any(|key| self.opens(&key))
    }

    /// Whether a key opens it, whatever it holds.
    pub(crate) fn opens(&self, key: &SpanKey) -> bool {
        SpanView::parse(&self.bytes).unwrap().open(key).is_ok()
    }
}
