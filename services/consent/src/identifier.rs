//! What people are known by, in the one form that the index knows. Personal data: never shown, never logged,
//! wiped when dropped.

use std::fmt;

use proto::common::v1::IdentifierKind;
use zeroize::Zeroizing;

/// Longest value, before and after it is normalised.
pub const MAX_VALUE: usize = 320;

/// What kind of thing an identifier is, the one that names a person most surely last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A telephone number: a line, which several people may use.
    Phone,
    /// A SIP address.
    SipUri,
    /// An e-mail address.
    Email,
    /// An account with the tenant, which several people may hold.
    Account,
    /// The tenant's own id of a customer.
    Crm,
    /// The tenant's own id of an employee.
    Employee,
}

impl Kind {
    /// Every kind, the surest last.
    pub const ALL: [Self; 6] =
        [Self::Phone, Self::SipUri, Self::Email, Self::Account, Self::Crm, Self::Employee];

    /// The number of `verbale.common.v1.IdentifierKind`: what is stored and HMACed; never reused.
    pub fn number(self) -> i32 {
        match self {
            Self::Phone => 1,
            Self::SipUri => 2,
            Self::Email => 3,
            Self::Crm => 4,
            Self::Employee => 5,
            Self::Account => 6,
        }
    }

    /// The kind with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Whether the tenant gives each person one of these, so that two differing ones are two persons.
    pub fn is_personal(self) -> bool {
        match self {
            Self::Crm | Self::Employee => true,
            Self::Phone | Self::SipUri | Self::Email | Self::Account => false,
        }
    }
}

/// An identifier in its normal form.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    kind: Kind,
    value: Zeroizing<String>,
}

/// Why a value is no identifier of its kind. Never repeats it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the identifier {0}")]
pub struct Malformed(pub &'static str);

impl Identifier {
    /// Takes what a sender wrote.
    pub fn read(kind: i32, value: &str) -> Result<Self, Malformed> {
        let kind = match IdentifierKind::try_from(kind) {
            Ok(IdentifierKind::Unspecified) | Err(_) => return Err(Malformed("has no known kind")),
            Ok(known) => Kind::from_number(known as i32).ok_or(Malformed("has no known kind"))?,
        };
        if value.len() > MAX_VALUE {
            return Err(Malformed("is longer than 320 bytes"));
        }
        let value = value.trim();
        if value.is_empty() || value.chars().any(char::is_control) {
            return Err(Malformed("is empty or has control characters"));
        }
        let value = match kind {
            Kind::Phone => phone(value)?,
            Kind::SipUri => sip_uri(value)?,
            Kind::Email => email(value)?,
            Kind::Account | Kind::Crm | Kind::Employee => Zeroizing::new(value.to_owned()),
        };
        Ok(Self { kind, value })
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its normal form.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// What the index value is the HMAC of: `<kind number>:<normal form>`.
    pub fn index_input(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.kind.number().to_string().as_bytes(), b":", self.value.as_bytes()].concat())
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({:?}, redacted)", self.kind)
    }
}

/// E.164 with its `+` where the country is stated (`+` or `00`), else the digits as they were dialled.
fn phone(value: &str) -> Result<Zeroizing<String>, Malformed> {
    let value = strip_prefix(value, "tel:").unwrap_or(value);
    let (stated, rest) = match (value.strip_prefix('+'), value.strip_prefix("00")) {
        (Some(rest), _) | (None, Some(rest)) => (true, rest),
        (None, None) => (false, value),
    };
    let mut normal = Zeroizing::new(String::with_capacity(16));
    if stated {
        normal.push('+');
    }
    let mut digits = 0;
    for c in rest.chars() {
        match c {
            '0'..='9' if digits < 15 => {
                digits += 1;
                normal.push(c);
            }
            ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' => {}
            _ => return Err(Malformed("is no telephone number")),
        }
    }
    let fewest = if stated { 7 } else { 3 };
    if digits < fewest { Err(Malformed("is no telephone number")) } else { Ok(normal) }
}

/// `user@host` without scheme, password, port and parameters; the host in lower case.
fn sip_uri(value: &str) -> Result<Zeroizing<String>, Malformed> {
    let refused = Malformed("is no SIP address");
    let address = strip_prefix(value, "sips:").or_else(|| strip_prefix(value, "sip:")).unwrap_or(value);
    let address = address.split([';', '?']).next().unwrap_or_default();
    let (user, host) = address.rsplit_once('@').ok_or(refused)?;
    let user = user.split(':').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    if user.is_empty() || host.is_empty() || address.contains(char::is_whitespace) {
        return Err(refused);
    }
    Ok(Zeroizing::new(format!("{user}@{}", host.to_lowercase())))
}

/// In lower case.
fn email(value: &str) -> Result<Zeroizing<String>, Malformed> {
    let refused = Malformed("is no e-mail address");
    let address = strip_prefix(value, "mailto:").unwrap_or(value);
    let (local, domain) = address.rsplit_once('@').ok_or(refused)?;
    if local.is_empty() || domain.is_empty() || address.contains(char::is_whitespace) {
        return Err(refused);
    }
    Ok(Zeroizing::new(address.to_lowercase()))
}

fn strip_prefix<'v>(value: &'v str, scheme: &str) -> Option<&'v str> {
    let head = value.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &value[scheme.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: IdentifierKind, value: &str) -> Result<String, Malformed> {
        Identifier::read(kind as i32, value).map(|identifier| identifier.expose().to_owned())
    }

    #[test]
    fn a_number_is_one_number_however_it_is_written() {
        for written in [
            "+393331112233",
            "00393331112233",
            "+39 333 111-2233",
            "tel:+39(333)111.22.33",
            " TEL:+393331112233 ",
        ] {
            assert_eq!(read(IdentifierKind::Phone, written).unwrap(), "+393331112233", "{written}");
        }
        assert_eq!(read(IdentifierKind::Phone, "06 1234567").unwrap(), "061234567");
    }

    #[test]
    fn a_national_number_is_not_taken_for_a_country_s() {
        assert_ne!(
            read(IdentifierKind::Phone, "393331112233").unwrap(),
            read(IdentifierKind::Phone, "+393331112233").unwrap()
        );
    }

    #[test]
    fn addresses_lose_what_does_not_identify() {
        let sip = |written| read(IdentifierKind::SipUri, written).unwrap();
        assert_eq!(sip("sip:Anna@PBX.example:5061;transport=tls"), "Anna@pbx.example");
        assert_eq!(sip("SIPS:Anna:pw@pbx.example?subject=x"), "Anna@pbx.example");
        assert_eq!(read(IdentifierKind::Email, " Anna.Rossi@Example.ORG").unwrap(), "anna.rossi@example.org");
    }

    #[test]
    fn what_is_none_is_refused_and_not_repeated() {
        let long = "x".repeat(MAX_VALUE + 1);
        let table = [
            (IdentifierKind::Phone, "anonymous"),
            (IdentifierKind::Phone, "+123"),
            (IdentifierKind::Phone, "12"),
            (IdentifierKind::Phone, "+1234567890123456"),
            (IdentifierKind::Email, "anna"),
            (IdentifierKind::Email, "@example.org"),
            (IdentifierKind::Email, "an na@example.org"),
            (IdentifierKind::SipUri, "sip:pbx.example"),
            (IdentifierKind::SipUri, "sip:@pbx.example"),
            (IdentifierKind::Crm, "  "),
            (IdentifierKind::Crm, "a\nb"),
            (IdentifierKind::Crm, &long),
            (IdentifierKind::Unspecified, "x"),
        ];
        for (kind, value) in table {
            let refused = read(kind, value).unwrap_err().to_string();
            assert!(value.trim().is_empty() || !refused.contains(value), "{kind:?} {value}: {refused}");
        }
        assert!(Identifier::read(99, "x").is_err());
    }

    #[test]
    fn the_index_input_has_the_kind_s_number_before_the_value() {
        let identifier = Identifier::read(4, "C-1").unwrap();
        assert_eq!(identifier.index_input().as_slice(), b"4:C-1");
        assert_eq!(format!("{identifier:?}"), "Identifier(Crm, redacted)");
    }

    #[test]
    fn kinds_and_numbers_are_those_of_the_contract() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
            assert!(
                IdentifierKind::try_from(kind.number())
                    .is_ok_and(|known| known != IdentifierKind::Unspecified)
            );
        }
    }
}
