//! `verbale request answer|package`: what is given to whoever asked.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use seal::Hash;
use serde_json::{Value, json};

use super::locked::Lock;
use super::{steps, told};
use crate::cli::{AnswerArgs, PackageArgs};
use crate::connect::Caller;
use crate::output::{Exit, Output};
use crate::shown;

/// Larger than any letter.
const MAX_LETTER: u64 = 64 << 20;

pub(super) async fn answer(caller: &Caller, args: AnswerArgs, out: Output) -> Result<Exit> {
    // The letter that lies in the file is the one that was delivered, whatever another one would say by now.
    let written = match (&args.out, args.delivered) {
        (Some(file), true) if file.exists() => Some(read(file)?),
        _ => None,
    };
    let (text, language) = match written {
        Some(text) => (text, None),
        None => {
            let letter = steps::letter(caller, args.id, args.language.unwrap_or_default()).await?;
            if let Some(file) = &args.out {
                steps::keep_letter(file, &letter.text)?;
            }
            (letter.text, Some(letter.language))
        }
    };
    let hash = Hash::of(text.as_bytes());
    let closed = if args.delivered { Some(steps::deliver(caller, args.id, hash).await?) } else { None };
    let value = json!({
        "request": args.id.to_string(), "language": language, "sha256": hash.to_string(), "text": text,
        "file": args.out, "delivered": closed.as_ref().map_or(Value::Null, told::shown),
    });
    out.value(&value, |_| match (&closed, &args.out) {
        (Some(request), _) => told::brief(request),
        (None, Some(file)) => {
            let (file, id) = (file.display(), args.id);
            let next = format!("verbale request answer {id} --out {file} --delivered");
            format!("the letter is in {file}; once it is delivered: `{next}`")
        }
        (None, None) => text.clone(),
    });
    Ok(Exit::Ok)
}

fn read(file: &Path) -> Result<String> {
    let cannot = || format!("cannot read {}", file.display());
    let length = std::fs::metadata(file).with_context(cannot)?.len();
    ensure!(length <= MAX_LETTER, "{} is larger than any letter", file.display());
    std::fs::read_to_string(file).with_context(cannot)
}

pub(super) async fn package(caller: &Caller, args: &PackageArgs, out: Output) -> Result<Exit> {
    let lock = Lock::of(&args.recipient, args.passphrase_file.as_deref())?;
    let steps::Written { bytes: length, sha256 } =
        steps::package(caller, args.id, &args.reason, &args.out, &lock).await?;
    let (name, sha256) = (args.out.display().to_string(), shown::hex(&sha256));
    let value = json!({
        "request": args.id.to_string(), "file": name, "bytes": length, "sha256": sha256,
        "encrypted": lock.is_locked(),
    });
    out.value(&value, |_| {
        let (open, zip) = match lock.is_locked() {
            true => (format!("opens it with `age --decrypt --output copy.zip {name}`, and "), "copy.zip"),
            false => (String::new(), name.as_str()),
        };
        let check = format!("verbale request verify {zip} --trust FILE");
        format!("{name}: {length} bytes, SHA-256 {sha256}\nwhoever gets it {open}checks it with `{check}`")
    });
    Ok(Exit::Ok)
}
