//! What the demo is made of: the five sample calls and the policies of their tenants, carried in the binary.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use kernel::{TenantId, Timestamp};

use crate::call_file::CallFile;
use crate::sender::{self, Call};

/// In microseconds.
const MINUTE: i64 = 60_000_000;

/// One call and how the demo tells it.
pub(super) struct Story {
    /// The call's name.
    pub(super) name: String,
    /// A title for people.
    pub(super) title: String,
    /// Whose call it is.
    pub(super) tenant: TenantId,
    /// What to listen to afterwards.
    pub(super) listen: Vec<Listen>,
    folder: std::path::PathBuf,
}

/// A replay that the demo tries.
pub(super) struct Listen {
    /// For which purpose.
    pub(super) purpose: &'static str,
    /// Why.
    pub(super) reason: &'static str,
    /// Only this mark.
    pub(super) mark: Option<&'static str>,
}

impl Story {
    /// The call, ready to be sent.
    pub(super) fn call(&self) -> Result<Call> {
        sender::load(&self.folder.join("call.wav"), &self.folder.join("call.json"), None)
    }
}

macro_rules! calls {
    ($($name:literal $title:literal [$($listen:expr),* $(,)?];)+) => {
        fn calls() -> Vec<(&'static str, &'static str, &'static [u8], &'static str, Vec<Listen>)> {
            vec![$((
                $name,
                $title,
                include_bytes!(concat!("../../../../tests/data/calls/", $name, "/call.wav")) as &[u8],
                include_str!(concat!("../../../../tests/data/calls/", $name, "/call.json")),
                vec![$($listen),*],
            )),+]
        }
    };
}

const fn whole(purpose: &'static str, reason: &'static str) -> Listen {
    Listen { purpose, reason, mark: None }
}

const fn clip(purpose: &'static str, reason: &'static str, mark: &'static str) -> Listen {
    Listen { purpose, reason, mark: Some(mark) }
}

calls! {
    "mifid-order-it" "A MiFID order: under the duty from the first second, for quality from the consent on" [
        whole("mifid2-transaction", "the authority asks how the order was taken"),
        whole("quality", "coaching"),
        clip("mifid2-transaction", "the customer disputes the price", "order"),
    ];
    "withdrawal-midcall-it" "Consent withdrawn in mid-call: what was recorded in between is gone by itself" [
        whole("quality", "coaching"),
        whole("training", "a course for new colleagues"),
    ];
    "card-payment-en" "A card payment: the order kept as evidence, the card number in no stored byte" [
        whole("verbal-contract", "the customer doubts that they ordered"),
        whole("quality", "coaching"),
    ];
    "access-request-en" "A customer who agrees, and asks for a copy of everything" [
        whole("quality", "coaching"),
    ];
    "no-consent-it" "A refusal: nothing is recorded, and a signed record says why" [
        whole("quality", "coaching"),
    ];
}

macro_rules! policies {
    ($($path:literal)+) => {
        const POLICIES: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../../../tests/data/policies/", $path)))),+
        ];
    };
}

policies! {
    "banca-alfa/policy.yaml"
    "banca-alfa/notices/notice-it-3.txt"
    "telco-beta/policy.yaml"
    "telco-beta/notices/notice-it-5.txt"
    "shop-gamma/policy.yaml"
    "shop-gamma/notices/notice-en-2.txt"
}

/// Writes calls and policies below `folder`, so that a person can go on with them. The calls are dated an hour before
/// `now`: as their files have it, what was consented to would be over.
pub(super) fn unpack(folder: &Path, now: Timestamp) -> Result<Vec<Story>> {
    for (path, text) in POLICIES {
        write(&folder.join("policies").join(path), text.as_bytes())?;
    }
    let mut stories = Vec::new();
    for (name, title, wav, json, listen) in calls() {
        let own = folder.join("calls").join(name);
        write(&own.join("call.wav"), wav)?;
        let json = dated(json, now)?;
        write(&own.join("call.json"), json.as_bytes())?;
        let tenant = CallFile::parse(&json)?.tenant;
        stories.push(Story { name: name.to_owned(), title: title.to_owned(), tenant, listen, folder: own });
    }
    Ok(stories)
}

fn dated(json: &str, now: Timestamp) -> Result<String> {
    let mut call: serde_json::Value = serde_json::from_str(json)?;
    let began = Timestamp((now.0 / MINUTE - 60) * MINUTE);
    call["started_at"] = began.to_string().into();
    Ok(serde_json::to_string_pretty(&call)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(path, bytes).with_context(failed)
}
