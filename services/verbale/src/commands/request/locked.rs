//! A package as it is delivered: as it is, or encrypted in the age format (age-encryption.org/v1) while it is written, so
//! that no plaintext lies on the disk of whoever hands it out.

use std::io::{self, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::stream::StreamWriter;
use age::{Encryptor, x25519};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::private;

/// The shortest passphrase; shorter ones are guessed.
const SHORTEST: usize = 12;
/// Longer than any passphrase.
const LONGEST: u64 = 4_096;
/// Most who may open it.
const MAX_RECIPIENTS: usize = 16;

/// For whom a package is encrypted.
pub enum Lock {
    /// For nobody: as it is.
    Open,
    /// For whoever has the key of one of these.
    Recipients(Vec<x25519::Recipient>),
    /// For whoever knows this.
    Passphrase(SecretString),
}

impl Lock {
    /// From what was given on the command line.
    pub(super) fn of(recipients: &[String], passphrase: Option<&Path>) -> Result<Self> {
        ensure!(recipients.len() <= MAX_RECIPIENTS, "a package is encrypted for at most {MAX_RECIPIENTS}");
        match passphrase {
            Some(file) => Ok(Self::Passphrase(read(file)?)),
            None if recipients.is_empty() => Ok(Self::Open),
            None => {
                Ok(Self::Recipients(recipients.iter().map(|text| recipient(text)).collect::<Result<_>>()?))
            }
        }
    }

    /// Whether somebody needs a key or a passphrase to open it.
    pub(super) fn is_locked(&self) -> bool {
        !matches!(self, Self::Open)
    }

    /// Begins a package that is written to `output`.
    pub(super) fn begin<W: Write>(&self, output: W) -> Result<Locked<W>> {
        let output = Counted { output, length: 0, digest: Sha256::new() };
        let encryptor = match self {
            Self::Open => return Ok(Locked::Open(output)),
            Self::Recipients(recipients) => {
                let all = recipients.iter().map(|one| one as &dyn age::Recipient);
                Encryptor::with_recipients(all).context("cannot encrypt for these recipients")?
            }
            Self::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase.clone()),
        };
        Ok(Locked::Encrypted(Box::new(encryptor.wrap_output(output)?)))
    }
}

/// One who may open it.
fn recipient(text: &str) -> Result<x25519::Recipient> {
    let read = text.parse::<x25519::Recipient>();
    // A secret key in the place of a public one is repeated nowhere.
    read.map_err(|why| anyhow::anyhow!("a recipient must be an age public key, age1 and 58 letters: {why}"))
}

/// The passphrase in a file, without the end of its line.
fn read(file: &Path) -> Result<SecretString> {
    let cannot = || format!("cannot read {}", file.display());
    let length = std::fs::metadata(file).with_context(cannot)?.len();
    ensure!(length <= LONGEST, "{} is longer than any passphrase", file.display());
    let text = std::fs::read_to_string(file).with_context(cannot)?;
    let passphrase = text.trim_end_matches(['\r', '\n']);
    let is_one_line = !passphrase.contains(['\r', '\n']);
    ensure!(is_one_line, "{} must have the passphrase as its only line", file.display());
    let long = passphrase.chars().count();
    ensure!(
        long >= SHORTEST,
        "the passphrase in {} must have at least {SHORTEST} characters",
        file.display()
    );
    Ok(SecretString::from(passphrase.to_owned()))
}

/// A package that is being written.
pub(super) enum Locked<W: Write> {
    /// As it is.
    Open(Counted<W>),
    /// Encrypted.
    Encrypted(Box<StreamWriter<Counted<W>>>),
}

impl<W: Write> Locked<W> {
    /// Ends it: without that, what is encrypted opens for nobody.
    pub(super) fn finish(self) -> io::Result<Counted<W>> {
        match self {
            Self::Open(output) => Ok(output),
            Self::Encrypted(stream) => stream.finish(),
        }
    }
}

impl<W: Write> Write for Locked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Open(output) => output.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Open(output) => output.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// What was written, as it lies in the file.
pub(super) struct Counted<W> {
    output: W,
    length: u64,
    digest: Sha256,
}

impl<W> Counted<W> {
    /// What was written to, how many bytes, and their SHA-256.
    pub(super) fn into_parts(self) -> (W, u64, [u8; 32]) {
        (self.output, self.length, self.digest.finalize().into())
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A private file in which a package is locked.
pub(super) fn begin(path: &Path, lock: &Lock) -> Result<Locked<tempfile::NamedTempFile>> {
    lock.begin(private::begin(path)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn written(lock: &Lock) -> Vec<u8> {
        let mut locked = lock.begin(Vec::new()).unwrap();
        // Longer than one chunk of the format, of 64 KiB.
        for _ in 0..200 {
            locked.write_all(&[7; 1_000]).unwrap();
        }
        let (bytes, length, digest) = locked.finish().unwrap().into_parts();
        assert_eq!(length, bytes.len() as u64);
        assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(&bytes)));
        bytes
    }

    fn opened(bytes: &[u8], identity: &dyn age::Identity) -> Option<Vec<u8>> {
        let decryptor = age::Decryptor::new(bytes).ok()?;
        let mut plain = Vec::new();
        decryptor.decrypt(std::iter::once(identity)).ok()?.read_to_end(&mut plain).ok()?;
        Some(plain)
    }

    #[test]
    fn it_opens_for_its_recipients_and_for_nobody_else() {
        let (own, second, other) =
            (x25519::Identity::generate(), x25519::Identity::generate(), x25519::Identity::generate());
        let named = [own.to_public().to_string(), second.to_public().to_string()];
        let bytes = written(&Lock::of(&named, None).unwrap());
        assert!(!bytes.windows(16).any(|window| window == [7; 16]));
        for identity in [&own, &second] {
            assert_eq!(opened(&bytes, identity).unwrap(), [7; 200_000]);
        }
        assert!(opened(&bytes, &other).is_none());
        assert!(opened(&bytes[..bytes.len() - 1], &own).is_none(), "its end is missing");
    }

    #[test]
    fn it_opens_by_its_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "correct horse battery\n").unwrap();
        let bytes = written(&Lock::of(&[], Some(&file)).unwrap());
        let by = |text: &str| age::scrypt::Identity::new(SecretString::from(text.to_owned()));
        assert_eq!(opened(&bytes, &by("correct horse battery")).unwrap(), [7; 200_000]);
        assert!(opened(&bytes, &by("correct horse batteries")).is_none());
    }

    #[test]
    fn without_a_lock_it_is_what_it_was() {
        assert_eq!(written(&Lock::of(&[], None).unwrap()), [7; 200_000]);
    }

    #[test]
    fn what_locks_nothing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str, says: &str| {
            let file = folder.path().join("passphrase");
            std::fs::write(&file, text).unwrap();
            let told = Lock::of(&[], Some(&file)).err().unwrap().to_string();
            assert!(told.contains(says), "{told}");
        };
        check("short\n", "at least 12");
        check("", "at least 12");
        check("first of two lines\nsecond of two lines\n", "only line");
        assert!(Lock::of(&[], Some(Path::new("/nowhere"))).is_err());
        let secret = x25519::Identity::generate().to_string();
        let secret = age::secrecy::ExposeSecret::expose_secret(&secret).to_owned();
        let told = Lock::of(std::slice::from_ref(&secret), None).err().unwrap().to_string();
        assert!(!told.contains(&secret), "a secret key is told nowhere");
        let many = vec![x25519::Identity::generate().to_public().to_string(); MAX_RECIPIENTS + 1];
        assert!(Lock::of(&many, None).is_err());
    }
}
