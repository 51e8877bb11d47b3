//! Packs into objects: built, locked, put where nothing lies, and known to the store.
//!
//! An object's name is its first span's place, so a crash between the put and the store's rows is found by
//! the same name: what lies there is read, the spans that it covers are known to be stored, the rest goes on
//! under the next name.

use std::sync::Arc;

use ::objects::{IfExists, Key, LegalHold, ObjectStore, PutOptions};
use bytes::Bytes;
use kernel::{Clock, EventId, Timestamp};
use platform::PolicyBook;
use platform::telemetry::{Counter, Label, Metric, MetricKind, Metrics};
use policy::PolicyHash;
use seal::object::{Footer, Object, verify_object};
use seal::{Hash, ObjectBuilder, SpanHeader, SpanView};
use tracing::error;

use crate::error::Error;
use crate::fact::{Fact, Span, StoredObject, What};
use crate::packer::{Held, Pack};
use crate::store::Store;

/// Bytes that are kept without a place. No document names them: anything but zero is an incident.
pub(crate) const SET_ASIDE: Metric = Metric {
    name: "verbale_archive_set_aside_total",
    help: "records of the audio topic that could not be used and are kept under quarantine/ in the object store, \
           by reason; counted again where one is read again",
    kind: MetricKind::Counter,
    labels: &[Label::Reason],
};

/// Puts packs away.
#[derive(Clone)]
pub struct Shelf {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) policies: Arc<PolicyBook>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) set_aside: SetAside,
}

/// Where a span that contradicts a stored one, or a record that cannot be read, is kept for people to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quarantined {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
}

/// Why bytes have no place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Misfit {
    /// A record that cannot be read.
    Unreadable,
    /// A span that came before with other bytes.
    OtherBytes,
    /// A section's key that crypto will never take.
    KeyRefused,
}

impl Misfit {
    /// The word that leaves the process.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::OtherBytes => "other-bytes",
            Self::KeyRefused => "key-refused",
        }
    }
}

/// Counts what is set aside. Each series is there from the start, at 0.
#[derive(Clone)]
pub(crate) struct SetAside {
    unreadable: Counter,
    other_bytes: Counter,
    key_refused: Counter,
}

impl SetAside {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counter = |misfit: Misfit| metrics.counter(&SET_ASIDE, &[misfit.as_str()]);
        Self {
            unreadable: counter(Misfit::Unreadable),
            other_bytes: counter(Misfit::OtherBytes),
            key_refused: counter(Misfit::KeyRefused),
        }
    }

    fn count(&self, misfit: Misfit) {
        let counter = match misfit {
            Misfit::Unreadable => &self.unreadable,
            Misfit::OtherBytes => &self.other_bytes,
            Misfit::KeyRefused => &self.key_refused,
        };
        counter.increment();
    }
}

impl Shelf {
    /// Puts a pack away; on return every span of it is in an object that the store knows.
    pub async fn put(&self, pack: &Pack, partition: u32) -> Result<(), Error> {
        let mut rest = pack.spans.as_slice();
        while let Some(first) = rest.first() {
            let covered = self.put_from(pack, rest, partition).await?;
            debug_assert!(covered.contains(first.span), "an object holds the span that it is named by");
            let next = rest.iter().position(|held| !covered.contains(held.span));
            rest = next.map_or(&[], |next| &rest[next..]);
        }
        Ok(())
    }

    /// Keeps bytes that have no place, so that no evidence is lost with the log. Those that lie there already are
    /// counted too: whoever put them may have died before anybody could see the count.
    pub async fn quarantine(&self, at: Quarantined, misfit: Misfit, bytes: Bytes) -> Result<(), Error> {
        let name = Key::new(format!("quarantine/audio/{:03}/{:020}", at.partition, at.offset))
            .map_err(::objects::Error::from)?;
        match self.objects.put(&name, bytes, PutOptions::default()).await {
            Ok(_) | Err(::objects::Error::AlreadyExists { .. }) => {
                self.set_aside.count(misfit);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts what is left of a pack, or finds what lies under its name; returns the spans that are stored now.
    async fn put_from(&self, pack: &Pack, rest: &[Held], partition: u32) -> Result<seal::SpanSet, Error> {
        let object = build(rest)?;
        let name = Key::new(object.name.to_string()).map_err(::objects::Error::from)?;
        let header = SpanView::parse(&rest[0].container)?.header;
        let lock_until = self.lock(pack, &header).await?;
        let options = PutOptions {
            if_exists: IfExists::Refuse,
            // A lock that would have ended already, as of an imported call, is none.
            retain_until: lock_until.filter(|until| *until > self.clock.now()),
            legal_hold: LegalHold::Off,
        };
        let bytes = Bytes::from(object.bytes);
        let stored = match self.objects.put(&name, bytes.clone(), options).await {
            Ok(_) => {
                Lies { footer: object.footer, sha256: object.sha256, length: bytes.len() as u64, lock_until }
            }
            Err(::objects::Error::AlreadyExists { .. }) => {
                let own = Own { footer: object.footer, sha256: object.sha256, bytes, options, lock_until };
                self.found(&name, rest, partition, own).await?
            }
            Err(error) => return Err(error.into()),
        };
        let covered = stored.footer.span_set();
        self.remember(pack, partition, name, stored).await?;
        Ok(covered)
    }

    /// What lies under the name already: most likely our own, from before a crash.
    async fn found(&self, name: &Key, rest: &[Held], partition: u32, own: Own) -> Result<Lies, Error> {
        let head = self.objects.head(name, None).await?;
        let lying = self.objects.get(name, None, Some(0..head.length)).await?.bytes;
        let footer = verify_object(&lying).ok().filter(|footer| belongs(footer, &own.footer));
        let Some(footer) = footer else {
            error!(object = %name, "an object's bytes are damaged; a sound version is put over it");
            let options = PutOptions { if_exists: IfExists::NewVersion, ..own.options };
            let length = own.bytes.len() as u64;
            self.objects.put(name, own.bytes, options).await?;
            return Ok(Lies { footer: own.footer, sha256: own.sha256, length, lock_until: own.lock_until });
        };
        for held in rest {
            if footer.span(held.span).is_some_and(|row| row.ct_root != held.ct_root) {
                error!(object = %name, span = %held.span, "a span came again with other bytes");
                let at = Quarantined { partition, offset: held.offset };
                self.quarantine(at, Misfit::OtherBytes, held.container.clone()).await?;
            }
        }
        Ok(Lies {
            footer,
            sha256: Hash::of(&lying),
            length: lying.len() as u64,
            lock_until: head.retain_until,
        })
    }

    async fn remember(&self, pack: &Pack, partition: u32, name: Key, lies: Lies) -> Result<(), Error> {
        let (leg, section) = (pack.section.leg, pack.section.section);
        let spans = lies.footer.spans.iter().map(|row| {
            Ok(Span {
                leg,
                section,
                span: row.span,
                first_frame: row.first_frame,
                last_frame: row.last_frame,
                start: row.start,
                end: row.end,
                ct_root: row.ct_root,
                offset: row.offset,
                length: u32::try_from(row.length).map_err(|_| Error::Invalid {
                    what: "a span's length",
                    problem: "is beyond its bound",
                })?,
            })
        });
        let stored = StoredObject {
            name,
            sha256: lies.sha256,
            length: lies.length,
            lock_until: lies.lock_until,
            regimes: pack.regimes.clone(),
            leg,
            section,
            spans: spans.collect::<Result<_, Error>>()?,
            document: None,
            deleted_at: None,
        };
        let fact = Fact {
            recording: pack.section.recording.clone(),
            event: EventId::new(),
            partition,
            at: self.clock.now(),
            what: What::Stored(stored),
        };
        Ok(self.store.record(vec![fact]).await?)
    }

    /// Until when a pack's object is locked: its regimes' minimum by the policy that its spans were sealed under.
    async fn lock(&self, pack: &Pack, header: &SpanHeader) -> Result<Option<Timestamp>, Error> {
        if pack.regimes.is_empty() {
            return Ok(None);
        }
        let recording = &pack.section.recording;
        let policy = self.policies.by_hash(&recording.tenant, PolicyHash(header.policy_hash.0)).await?;
        let row = self.store.recording(recording).await?;
        let position = i64::try_from(header.start.0).unwrap_or(i64::MAX);
        let by_header = Timestamp(header.started_wall.0.saturating_sub(position));
        let start = row.and_then(|row| row.started_at).unwrap_or(by_header);
        policy::regime::lock_until(&policy, &pack.regimes, start)
            .map_err(|source| Error::Regime { recording: recording.id, source })
    }
}

/// An object as it lies in the store.
struct Lies {
    footer: Footer,
    sha256: Hash,
    length: u64,
    lock_until: Option<Timestamp>,
}

/// The object that could not be put because something lay there.
struct Own {
    footer: Footer,
    sha256: Hash,
    bytes: Bytes,
    options: PutOptions,
    lock_until: Option<Timestamp>,
}

fn build(spans: &[Held]) -> Result<Object, Error> {
    let mut builder: Option<ObjectBuilder> = None;
    for held in spans {
        let view = SpanView::parse(&held.container)?;
        match &mut builder {
            Some(builder) => builder.push(&view)?,
            None => builder = Some(ObjectBuilder::new(&view)?),
        }
    }
    let builder = builder.ok_or(Error::Invalid { what: "a pack", problem: "has no span" })?;
    Ok(builder.finish()?)
}

fn belongs(footer: &Footer, own: &Footer) -> bool {
    (&footer.tenant, footer.section, footer.kind) == (&own.tenant, own.section, own.kind)
        && footer.spans.first().map(|row| row.span) == own.spans.first().map(|row| row.span)
}
