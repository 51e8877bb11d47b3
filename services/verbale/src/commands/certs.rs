//! `verbale certs dev`: a development certificate authority, with a certificate per role.
//!
//! For trying a split mesh, and for tests. A deployment's certificates come from its own authority; verbale only
//! asks that they name the hosts and, to bind service tokens, carry `spiffe://<trust domain>/verbale/<role>`.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kernel::Clock;
use platform::auth::LocalIssuer;
use platform::tls::PeerId;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::CertsDevArgs;
use crate::output::{Exit, Output};
use crate::role::RoleName;

/// How long a role's certificate is valid.
const CERTIFICATE_DAYS: u64 = 90;
/// How long the authority is.
const AUTHORITY_DAYS: u64 = 365;
/// How far clocks of a deployment may differ.
const LEEWAY: Duration = Duration::from_secs(300);
/// Where a mesh that is tried out listens.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Who calls without being a role: recorders, people, `verbale` itself.
const CLIENT: &str = "client";
/// The file name of the authority, without its ending.
const AUTHORITY: &str = "ca";

type Authority = CertifiedIssuer<'static, KeyPair>;

/// One file to be written.
struct Made {
    path: PathBuf,
    mode: u32,
    text: Zeroizing<String>,
}

/// Makes them, unless all of them are there and to be kept, and says how they are used.
pub fn dev(args: &CertsDevArgs, audience: &str, clock: &dyn Clock, out: Output) -> Result<Exit> {
    let names = names(args)?;
    let issuer_key = args.out.join("issuer.key");
    let made = make(args, &names, clock)?;
    let mut paths = made.iter().map(|file| &file.path).chain([&issuer_key]);
    let kept = args.keep && paths.clone().all(|path| path.exists());
    if !kept {
        if let Some(path) = paths.find(|path| path.exists()) {
            anyhow::bail!(
                "{} is there already; nothing is overwritten: choose another --out",
                path.display()
            );
        }
        write_all(args, &made)?;
        LocalIssuer::open(&args.out, audience)?;
    }
    let value = json!({
        "ca": path(&args.out, AUTHORITY, "crt"),
        "issuer_key": issuer_key,
        "certificates": names.iter().map(|name| json!({
            "name": name,
            "cert": path(&args.out, name, "crt"),
            "key": path(&args.out, name, "key"),
        })).collect::<Vec<_>>(),
        "days": CERTIFICATE_DAYS,
        "kept": kept,
    });
    out.value(&value, |_| usage(&args.out, &names, &issuer_key));
    Ok(Exit::Ok)
}

fn write_all(args: &CertsDevArgs, made: &[Made]) -> Result<()> {
    let folder = DirBuilder::new().recursive(true).mode(0o700).create(&args.out);
    folder.with_context(|| format!("cannot make the directory {}", args.out.display()))?;
    made.iter().try_for_each(write)
}

/// The roles, checked, and the client.
fn names(args: &CertsDevArgs) -> Result<BTreeSet<&'static str>> {
    let asked = args.roles.iter().map(|role| role.parse::<RoleName>()).collect::<Result<Vec<_>>>()?;
    let roles = if asked.is_empty() { RoleName::ALL.to_vec() } else { asked };
    Ok(roles.into_iter().map(RoleName::as_str).chain([CLIENT]).collect())
}

fn make(args: &CertsDevArgs, names: &BTreeSet<&'static str>, clock: &dyn Clock) -> Result<Vec<Made>> {
    let authority = authority(clock)?;
    let key = Zeroizing::new(authority.key().serialize_pem());
    let mut made = vec![
        public(path(&args.out, AUTHORITY, "crt"), authority.pem()),
        Made { path: path(&args.out, AUTHORITY, "key"), mode: 0o600, text: key },
    ];
    for name in names {
        let key = KeyPair::generate().context("no key can be made")?;
        let certificate = certificate(name, args, clock)?.signed_by(&key, &authority);
        let certificate = certificate.with_context(|| format!("no certificate can be made for {name}"))?;
        let text = Zeroizing::new(key.serialize_pem());
        made.push(public(path(&args.out, name, "crt"), certificate.pem()));
        made.push(Made { path: path(&args.out, name, "key"), mode: 0o600, text });
    }
    Ok(made)
}

fn authority(clock: &dyn Clock) -> Result<Authority> {
    let mut params = valid_for(AUTHORITY_DAYS, clock);
    params.distinguished_name.push(DnType::CommonName, "verbale development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().context("no key can be made")?;
    Authority::self_signed(params, key).context("no authority can be made")
}

/// For both ends of a connection: a role serves and calls.
fn certificate(name: &str, args: &CertsDevArgs, clock: &dyn Clock) -> Result<CertificateParams> {
    let mut params = valid_for(CERTIFICATE_DAYS, clock);
    params.distinguished_name.push(DnType::CommonName, format!("verbale {name}"));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let id = PeerId::new(&args.trust_domain, name);
    params.subject_alt_names.push(SanType::URI(ia5("--trust-domain", id.as_str())?));
    for host in LOOPBACK.into_iter().chain(args.host.iter().map(String::as_str)) {
        params.subject_alt_names.push(match host.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(ia5("--host", host)?),
        });
    }
    Ok(params)
}

/// X.509 times have whole seconds.
fn valid_for(days: u64, clock: &dyn Clock) -> CertificateParams {
    let since_1970 = Duration::from_secs(u64::try_from(clock.now().0 / 1_000_000).unwrap_or(0));
    let now = date_time_ymd(1970, 1, 1) + since_1970;
    let mut params = CertificateParams::default();
    params.not_before = now - LEEWAY;
    params.not_after = now + Duration::from_secs(days * 86_400);
    params
}

fn ia5(flag: &str, text: &str) -> Result<Ia5String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    anyhow::ensure!(plain, "{flag} {text:?} must be plain letters, digits and punctuation");
    Ia5String::try_from(text).with_context(|| format!("{flag} {text:?} cannot be in a certificate"))
}

fn path(folder: &Path, name: &str, ending: &str) -> PathBuf {
    folder.join(format!("{name}.{ending}"))
}

fn public(path: PathBuf, text: String) -> Made {
    Made { path, mode: 0o644, text: Zeroizing::new(text) }
}

fn write(file: &Made) -> Result<()> {
    let Made { path, mode, text } = file;
    let opened = OpenOptions::new().write(true).create_new(true).mode(*mode).open(path);
    let written = opened.and_then(|mut file: File| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn usage(folder: &Path, names: &BTreeSet<&'static str>, issuer_key: &Path) -> String {
    let section = |name: &&str| {
        format!(
            "# {name}\n[tls]\nca = {:?}\ncert = {:?}\nkey = {:?}\n",
            path(folder, AUTHORITY, "crt"),
            path(folder, name, "crt"),
            path(folder, name, "key"),
        )
    };
    let sections: Vec<_> = names.iter().map(section).collect();
    format!(
        "{}\n# every role\n[auth]\nissuer_key = {issuer_key:?}\n\n\
         # valid for {CERTIFICATE_DAYS} days; not for production: ca.key beside them signs anything",
        sections.join("\n"),
    )
}

#[cfg(test)]
mod tests;
