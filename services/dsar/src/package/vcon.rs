//! What a person takes with them (GDPR Art. 20), as vCons: draft-ietf-vcon-vcon-core, syntax 0.4.0, with the
//! role of each party by its contact-centre extension. One for each call, and in it only audio on consent or
//! a contract.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::RequestId;
use seal::Hash;
use serde::Serialize;

use super::container::Packed;
use super::data::{Call, Data, Leg};
use super::manifest::json;
use crate::act::RequestKey;
use crate::error::Error;

/// A piece of audio that is portable.
pub(super) struct Recorded {
    /// The call's place in the data.
    pub(super) call: usize,
    /// Who is heard, as the recording counts its parties.
    pub(super) party: u32,
    /// The file.
    pub(super) packed: Packed,
}

#[derive(Serialize)]
struct Vcon<'a> {
    vcon: &'static str,
    uuid: String,
    extensions: [&'static str; 1],
    created_at: &'a str,
    subject: &'static str,
    parties: Vec<Party>,
    dialog: Vec<Dialog<'a>>,
    analysis: [(); 0],
    attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
struct Party {
    role: &'static str,
}

/// The file lies beside the vCon in the package: it has a hash and no address.
#[derive(Serialize)]
struct Dialog<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    start: &'a str,
    duration: f64,
    parties: usize,
    mediatype: &'static str,
    filename: &'a str,
    content_hash: String,
}

/// What is to be known of a file: where it was made silent, as JSON in `body`.
#[derive(Serialize)]
struct Attachment<'a> {
    purpose: &'static str,
    start: &'a str,
    party: usize,
    dialog: usize,
    mediatype: &'static str,
    encoding: &'static str,
    body: String,
}

/// A vCon for each call of which something is portable, by its name in the package.
pub(super) fn vcons(
    key: &RequestKey,
    data: &Data,
    recorded: &[Recorded],
) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut vcons = Vec::new();
    for (place, call) in data.recordings.iter().enumerate() {
        let own: Vec<_> = recorded.iter().filter(|recorded| recorded.call == place).collect();
        if !own.is_empty() {
            let vcon = json(&vcon(key.id, data, call, &own))?;
            vcons.push((format!("portability/{}.vcon.json", call.stem), vcon));
        }
    }
    Ok(vcons)
}

fn vcon<'a>(request: RequestId, data: &'a Data, call: &'a Call, recorded: &[&'a Recorded]) -> Vcon<'a> {
    let mut numbers: Vec<u32> = recorded.iter().map(|recorded| recorded.party).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let party = |number: &u32| Party { role: role(call, recorded, *number) };
    let place = |number: u32| numbers.iter().position(|own| *own == number).unwrap_or_default();
    let dialog = |recorded: &&'a Recorded| Dialog {
        kind: "recording",
        start: &call.started_at,
        duration: call.duration_micros as f64 / 1e6,
        parties: place(recorded.party),
        mediatype: "audio/x-wav",
        filename: &recorded.packed.name,
        content_hash: format!("sha512-{}", URL_SAFE_NO_PAD.encode(recorded.packed.sha512)),
    };
    Vcon {
        vcon: "0.4.0",
        uuid: uuid(request, &call.id),
        extensions: ["CC"],
        created_at: &data.request.made_at,
        subject: "recorded call",
        parties: numbers.iter().map(party).collect(),
        dialog: recorded.iter().map(dialog).collect(),
        analysis: [],
        attachments: recorded
            .iter()
            .enumerate()
            .filter_map(|(dialog, recorded)| silenced(data, call, recorded, dialog, place(recorded.party)))
            .collect(),
    }
}

/// Where a file was made silent; none where it was not.
fn silenced<'a>(
    data: &'a Data,
    call: &Call,
    recorded: &Recorded,
    dialog: usize,
    party: usize,
) -> Option<Attachment<'a>> {
    let leg = leg_of(call, &recorded.packed.name).filter(|leg| !leg.silenced.is_empty())?;
    Some(Attachment {
        purpose: "silenced",
        start: &data.request.made_at,
        party,
        dialog,
        mediatype: "application/json",
        encoding: "json",
        body: serde_json::json!({ "silenced": leg.silenced }).to_string(),
    })
}

/// The leg that a file is of.
fn leg_of<'c>(call: &'c Call, file: &str) -> Option<&'c Leg> {
    call.legs.iter().find(|leg| leg.audio.iter().any(|sound| sound.file == file))
}

/// What a party was, by the leg whose file is theirs.
fn role(call: &Call, recorded: &[&Recorded], number: u32) -> &'static str {
    let theirs =
        |file: &str| recorded.iter().any(|recorded| recorded.party == number && recorded.packed.name == file);
    let leg = call.legs.iter().find(|leg| leg.audio.iter().any(|sound| theirs(&sound.file)));
    match leg.map_or("unknown", |leg| leg.whose) {
        "you" => call.your_role,
        whose => whose,
    }
}

/// The vCon's own id: the same for the same request and call (RFC 9562, version 8).
fn uuid(request: RequestId, call: &str) -> String {
    let hash = Hash::of(format!("verbale/vcon/{request}/{call}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
