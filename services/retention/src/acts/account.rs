//! Who did something. The journal cannot be erased from, so it takes an account's id only where that is a code itself,
//! such as `anna` or `dpo-2`; of any other, such as an e-mail address, only a part of its hash.
//!
//! A restored row then says `by:<hash>` in the place of the id. Who that was cannot be read from it, but whether somebody
//! is the same person can be told ([`is_same`]): whoever placed a hold still cannot release it, nor can one person ask
//! and agree, and a service of the mesh takes back what it placed for a request. Two accounts that share 64
//! bits of a hash would count as one, which refuses people a release and allows them none.

use journal::Code;
use journal::codes::{FieldError, Fields, code, malformed};
use sha2::{Digest, Sha256};

/// Keys of a code that says who.
pub(super) const KEYS: [&str; 2] = [PLAIN, HASHED];

const PLAIN: &str = "account";
const HASHED: &str = "by";
/// Bytes of the hash.
const BYTES: usize = 8;

/// The code that says who; of who was restored from such a code the same one again.
pub(super) fn by(account: &str) -> Code {
    let plain = format!("{PLAIN}:{account}");
    if is_hashed(account) {
        return Code::new(account).expect("it was checked to be one");
    }
    match Code::new(plain) {
        Ok(plain) if !account.is_empty() && !account.starts_with("by:") => plain,
        Ok(_) | Err(_) => code(HASHED, hash(account)),
    }
}

/// Everybody that an act names, in order, as a restored row has them.
pub(super) fn named(fields: &Fields) -> Result<Vec<String>, FieldError> {
    let account = |(key, value): (&str, &str)| match key {
        PLAIN if !value.is_empty() => Some(Ok(value.to_owned())),
        HASHED => {
            let hashed = format!("{HASHED}:{value}");
            Some(if is_hashed(&hashed) { Ok(hashed) } else { Err(malformed(HASHED)) })
        }
        PLAIN => Some(Err(malformed(PLAIN))),
        _ => None,
    };
    fields.iter().filter_map(account).collect()
}

/// The one that an act names.
pub(super) fn one(fields: &Fields) -> Result<String, FieldError> {
    let mut named = named(fields)?;
    match (named.pop(), named.is_empty()) {
        (Some(account), true) => Ok(account),
        (Some(_) | None, _) => Err(FieldError { field: "who did it", problem: "is not there once" }),
    }
}

/// Whether an account is the one that a row names, which may have come back from the journal.
pub fn is_same(account: &str, recorded: &str) -> bool {
    account == recorded || (is_hashed(recorded) && recorded == by(account).as_str())
}

/// Whether it is a hash that stands for an account.
fn is_hashed(account: &str) -> bool {
    let hex = account.strip_prefix("by:").unwrap_or_default();
    hex.len() == 2 * BYTES
        && hex.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

fn hash(account: &str) -> String {
    let digest = Sha256::digest(account.as_bytes());
    digest.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(account: &str) -> String {
        one(&Fields::of(&[by(account)], &KEYS).unwrap()).unwrap()
    }

    #[test]
    fn an_account_that_is_a_code_keeps_its_name_and_no_other_does() {
        assert_eq!(by("anna").as_str(), "account:anna");
        assert_eq!(restored("anna"), "anna");
        assert_eq!(by("anna@banca-alfa.it").as_str(), "by:6ec16ff600c52a0d");
        for other in ["Anna", "anna@banca-alfa.it", "spiffe://alfa/sa", "", "by:anna", &"a".repeat(73), "è"]
        {
            let code = by(other);
            assert!(code.as_str().starts_with("by:") && code.as_str().len() == 19, "{other}: {code}");
            assert_eq!(restored(other), code.as_str());
        }
    }

    #[test]
    fn somebody_is_known_again_from_the_journal() {
        for account in ["anna", "anna@banca-alfa.it", "spiffe://alfa/sa", "by:anna"] {
            let recorded = restored(account);
            assert!(is_same(account, account), "{account}");
            assert!(is_same(account, &recorded), "{account}");
            assert!(!is_same("bruno", &recorded) && !is_same("bruno@banca-alfa.it", &recorded), "{account}");
            // Also where the restored row is journalled, and comes back once more.
            assert_eq!(restored(&recorded), recorded);
        }
        // Somebody who is a code is nobody else.
        assert!(!is_same("anna@banca-alfa.it", "anna"));
    }

    #[test]
    fn what_names_nobody_or_several_is_not_one() {
        let of = |texts: &[&str]| {
            let codes: Vec<_> = texts.iter().map(|text| Code::new(*text).unwrap()).collect();
            one(&Fields::of(&codes, &KEYS).unwrap())
        };
        for texts in [&[][..], &["account:a", "account:b"], &["account:"], &["by:xyz"]] {
            assert!(of(texts).is_err(), "{texts:?}");
        }
    }
}
