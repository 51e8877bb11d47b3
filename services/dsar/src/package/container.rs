//! A ZIP that is written while it is read: what was written is taken out at once, so that no file is ever
//! held whole.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::tz::TimeZone;
use kernel::Timestamp;
use parking_lot::Mutex;
use seal::Hash;
use sha2::{Digest, Sha256, Sha512};
use tonic::Status;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::Error;

/// A file that is in the ZIP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Packed {
    /// Its name.
    pub(super) name: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256.
    pub(super) sha256: Hash,
    /// Its SHA-512, which vCons name.
    pub(super) sha512: [u8; 64],
}

/// The file that is being written.
struct Open {
    name: String,
    bytes: u64,
    sha256: Sha256,
    sha512: Sha512,
}

/// What was written and not taken yet.
#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ZIP. Its files are stored as they are: audio of this kind hardly gets smaller, and the rest is little.
pub(super) struct Container {
    zip: Option<ZipWriter<StreamWriter<Out>>>,
    out: Out,
    modified: DateTime,
    open: Option<Open>,
    files: Vec<Packed>,
}

impl Container {
    /// An empty one; every file in it bears this time, so that the same facts make the same bytes.
    pub(super) fn new(at: Timestamp) -> Self {
        let out = Out::default();
        let zip = Some(ZipWriter::new_stream(out.clone()));
        Self { zip, out, modified: dos_time(at), open: None, files: Vec::new() }
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, name: String) -> Result<(), Error> {
        // A WAV may come close to 4 GiB, and its length is not known yet: only the long form of a record
        // holds that.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(self.modified)
            .large_file(true);
        self.zip()?.start_file(name.as_str(), options).map_err(io::Error::from).map_err(not_written)?;
        self.open = Some(Open { name, bytes: 0, sha256: Sha256::new(), sha512: Sha512::new() });
        Ok(())
    }

    /// Writes more of the file.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.zip()?.write_all(bytes).map_err(not_written)?;
        if let Some(open) = &mut self.open {
            open.bytes += bytes.len() as u64;
            open.sha256.update(bytes);
            open.sha512.update(bytes);
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn end(&mut self) -> Result<Packed, Error> {
        let open = self.open.take().ok_or_else(over)?;
        let packed = Packed {
            name: open.name,
            bytes: open.bytes,
            sha256: Hash(open.sha256.finalize().into()),
            sha512: open.sha512.finalize().into(),
        };
        self.files.push(packed.clone());
        Ok(packed)
    }

    /// Writes a whole file.
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.begin(name.to_owned())?;
        self.write(bytes)?;
        self.end().map(|_| ())
    }

    /// The files that are in it.
    pub(super) fn files(&self) -> &[Packed] {
        &self.files
    }

    /// Writes the list of its files; nothing comes after that.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let zip = self.zip.take().ok_or_else(over)?;
        zip.finish().map(|_| ()).map_err(io::Error::from).map_err(not_written)
    }

    /// What was written since this was asked last.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.out.0.lock())
    }

    fn zip(&mut self) -> Result<&mut ZipWriter<StreamWriter<Out>>, Error> {
        self.zip.as_mut().ok_or_else(over)
    }
}

/// The time as ZIP has it: UTC, on two seconds, from 1980.
fn dos_time(at: Timestamp) -> DateTime {
    let at = at.to_jiff().to_zoned(TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let (month, day) = (part(at.month()), part(at.day()));
    let (hour, minute, second) = (part(at.hour()), part(at.minute()), part(at.second()));
    let year = u16::try_from(at.year()).unwrap_or_default();
    DateTime::from_date_and_time(year, month, day, hour, minute, second).unwrap_or_default()
}

fn not_written(error: io::Error) -> Error {
    Error::peer("the ZIP", "take a file")(Status::internal(error.to_string()))
}

fn over() -> Error {
    Error::peer("the ZIP", "take a file")(Status::internal("it is ended, or no file was begun"))
}
