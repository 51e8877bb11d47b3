//! Where an object lies: ids and numbers only, sorted by name as they are by number.

use std::fmt;
use std::str::FromStr;

use kernel::{LegNo, RecordingId, SectionNo, SpanNo, TenantId};

use crate::error::Error;
use crate::header::SectionAddress;

/// `tenant/recording/leg/section/first span`, numbers zero-padded to 5, 10 and 7 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectName {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The section that its spans are of.
    pub section: SectionAddress,
    /// Number of its first span.
    pub first_span: SpanNo,
}

impl ObjectName {
    /// What the names of all of a recording's objects begin with.
    pub fn prefix(tenant: &TenantId, recording: RecordingId) -> String {
        format!("{tenant}/{recording}/")
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SectionAddress { recording, leg, section } = self.section;
        let prefix = Self::prefix(&self.tenant, recording);
        write!(f, "{prefix}{:05}/{:010}/{:07}", leg.0, section.0, self.first_span.0)
    }
}

impl FromStr for ObjectName {
    type Err = Error;

    /// Reads exactly what [`ObjectName`] displays.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::invalid("object name", "is not tenant/recording/leg/section/span");
        let parts: Vec<_> = text.splitn(6, '/').collect();
        let [tenant, recording, leg, section, first_span] = parts[..] else { return Err(refused()) };
        let name = Self {
            tenant: TenantId::new(tenant).map_err(|_| refused())?,
            section: SectionAddress {
                recording: recording.parse().map_err(|_| refused())?,
                leg: LegNo(leg.parse().map_err(|_| refused())?),
                section: SectionNo(section.parse().map_err(|_| refused())?),
            },
            first_span: SpanNo(first_span.parse().map_err(|_| refused())?),
        };
        crate::tree::check(name.first_span)?;
        if name.to_string() == text { Ok(name) } else { Err(refused()) }
    }
}
