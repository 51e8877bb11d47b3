//! Packs: pulled by whoever reads the stream, it fetches one chunk of audio after the other and never holds
//! more of it than that.

use std::collections::{BTreeMap, VecDeque};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kernel::LegNo;
use platform::auth::Token;
use platform::error::reason;
use policy::jurisdiction::Jurisdiction;
use tonic::Code;

use super::Parts;
use super::choice::{Candidate, Heard};
use super::container::{Container, Packed};
use super::data::{Data, SCHEMA_JSON, Sound, Withheld};
use super::silence::Silencer;
use super::{manifest, page, vcon};
use crate::act::{Received, RequestKey};
use crate::error::Error;
use crate::mesh::Audio;
use crate::plan::Language;

/// Refusals that are about who asks and not about the recording: by these the package as a whole is refused.
const ABOUT_THE_CALLER: [&str; 5] = ["role-not-allowed", "use-not-allowed", "other-tenant", "role", "tenant"];
/// What is said of a leg of which nothing is there to be heard.
const NOTHING_OPENS: &str = "nothing-opens";

/// A piece of audio that is being fetched.
struct Playing {
    candidate: Candidate,
    audio: Audio,
    silencer: Silencer,
}

/// A package that is being made.
pub(super) struct Packing {
    parts: Parts,
    key: RequestKey,
    language: Language,
    jurisdiction: Jurisdiction,
    token: Token,
    reason: String,
    container: Container,
    wanted: VecDeque<Candidate>,
    playing: Option<Playing>,
    heard: BTreeMap<(usize, LegNo), Heard>,
    data: Data,
    portable: Vec<vcon::Recorded>,
    over: bool,
}

impl Packing {
    pub(super) fn new(
        parts: Parts,
        key: RequestKey,
        received: &Received,
        token: Token,
        reason: String,
        data: Data,
        wanted: Vec<Candidate>,
    ) -> Self {
        Self {
            parts,
            key,
            language: received.language,
            jurisdiction: received.jurisdiction,
            token,
            reason,
            container: Container::new(received.received_at),
            wanted: wanted.into(),
            playing: None,
            heard: BTreeMap::new(),
            data,
            portable: Vec::new(),
            over: false,
        }
    }

    /// The ZIP. After an error nothing follows, not even the list of the files.
    pub(super) fn stream(self) -> BoxStream<'static, Result<Vec<u8>, Error>> {
        stream::try_unfold(Box::new(self), Self::pull).boxed()
    }

    async fn pull(mut self: Box<Self>) -> Result<Option<(Vec<u8>, Box<Self>)>, Error> {
        loop {
            let bytes = self.container.take();
            if !bytes.is_empty() {
                return Ok(Some((bytes, self)));
            }
            if self.over {
                return Ok(None);
            }
            self.step().await?;
        }
    }

    async fn step(&mut self) -> Result<(), Error> {
        if let Some(playing) = &mut self.playing {
            let next = playing.audio.next().await;
            return match next {
                Some(chunk) => self.container.write(&playing.silencer.pass(chunk?)?),
                None => self.close(),
            };
        }
        match self.wanted.pop_front() {
            Some(candidate) => self.open(candidate).await,
            None => self.finish(),
        }
    }

    /// Begins a piece of audio, where it adds anything and opens. Only its first bytes say that it does.
    async fn open(&mut self, candidate: Candidate) -> Result<(), Error> {
        let place = (candidate.call, candidate.leg);
        if !self.heard.entry(place).or_default().wants(&candidate) {
            return Ok(());
        }
        let (tenant, recording, purpose) = (&self.key.tenant, candidate.recording, &candidate.purpose);
        let audio = self.parts.mesh.wav(tenant, &self.token, recording, purpose, candidate.leg, &self.reason);
        let begun = match audio.await {
            Ok(mut audio) => audio.next().await.transpose().map(|first| first.map(|first| (first, audio))),
            Err(error) => Err(error),
        };
        match begun {
            Ok(Some((first, audio))) => {
                let name = self.name_of(&candidate);
                let mut silencer = Silencer::new(candidate.silenced.clone());
                let first = silencer.pass(first)?;
                self.container.begin(name)?;
                self.container.write(&first)?;
                self.playing = Some(Playing { candidate, audio, silencer });
            }
            Ok(None) => self.leave_out(&candidate, NOTHING_OPENS.to_owned()),
            Err(error) => {
                let word = refusal(error)?;
                self.leave_out(&candidate, word);
            }
        }
        Ok(())
    }

    fn name_of(&self, candidate: &Candidate) -> String {
        let stem = self.data.recordings.get(candidate.call).map_or("", |call| call.stem.as_str());
        format!("calls/{stem}/leg-{}-{}.wav", candidate.leg, candidate.purpose)
    }

    /// Ends a piece of audio: the page and the data tell of it from here on.
    fn close(&mut self) -> Result<(), Error> {
        let Some(Playing { candidate, silencer, .. }) = self.playing.take() else { return Ok(()) };
        silencer.end()?;
        let packed = self.container.end()?;
        self.heard.entry((candidate.call, candidate.leg)).or_default().add(&candidate);
        if let Some(leg) = leg(&mut self.data, &candidate) {
            leg.audio.push(sound(&packed, &candidate));
        }
        if candidate.portable {
            self.portable.push(vcon::Recorded { call: candidate.call, party: candidate.party, packed });
        }
        Ok(())
    }

    fn leave_out(&mut self, candidate: &Candidate, word: String) {
        if let Some(leg) = leg(&mut self.data, candidate)
            && !leg.refused.contains(&word)
        {
            leg.refused.push(word);
        }
    }

    /// Everything that tells of the audio, and the signed list of the files.
    fn finish(&mut self) -> Result<(), Error> {
        let legs = self.data.recordings.iter_mut().flat_map(|call| &mut call.legs);
        for leg in legs.filter(|leg| leg.audio.is_empty() && leg.withheld.is_none()) {
            leg.withheld = Some(Withheld { because: std::mem::take(&mut leg.refused) });
            leg.silenced.clear();
        }
        for (name, bytes) in vcon::vcons(&self.key, &self.data, &self.portable)? {
            self.container.put(&name, &bytes)?;
        }
        let page = page::page(&self.data, self.language, self.jurisdiction);
        self.container.put("data.json", &manifest::json(&self.data)?)?;
        self.container.put("schema.json", SCHEMA_JSON.as_bytes())?;
        self.container.put("index.html", page.as_bytes())?;
        self.container.put("README.txt", manifest::README.as_bytes())?;
        let now = self.parts.clock.now();
        let listed = manifest::manifest(&self.key, now, self.container.files())?;
        let signed = manifest::sign(&self.parts.instance, listed.clone(), now)?;
        self.container.put("manifest.json", &listed)?;
        self.container.put("manifest.signed", &signed)?;
        self.container.finish()?;
        self.over = true;
        Ok(())
    }
}

fn leg<'a>(data: &'a mut Data, candidate: &Candidate) -> Option<&'a mut super::data::Leg> {
    let call = data.recordings.get_mut(candidate.call)?;
    call.legs.iter_mut().find(|leg| leg.leg == u32::from(candidate.leg.0))
}

fn sound(packed: &Packed, candidate: &Candidate) -> Sound {
    Sound {
        file: packed.name.clone(),
        purpose: candidate.purpose.to_string(),
        bytes: packed.bytes,
        sha256: packed.sha256.to_string(),
    }
}

/// The word of a refusal that leaves one piece out; what says that the caller may not, or that somebody does
/// not answer, is an error of the whole.
fn refusal(error: Error) -> Result<String, Error> {
    let word = match &error {
        Error::Peer { source, .. } => {
            let refused = matches!(source.code(), Code::PermissionDenied | Code::FailedPrecondition);
            refused.then(|| reason(source).to_owned())
        }
        Error::Refused { word, .. } => Some((*word).to_owned()),
        Error::Store(_)
        | Error::Lifecycle(_)
        | Error::Deadline(_)
        | Error::Policy(_)
        | Error::Answer { .. }
        | Error::Damaged(_)
        | Error::OtherRuleset { .. }
        | Error::Invalid { .. }
        | Error::Unknown { .. }
        | Error::TooMany { .. }
        | Error::Contended(_) => None,
    };
    word.filter(|word| !ABOUT_THE_CALLER.contains(&word.as_str())).ok_or(error)
}
