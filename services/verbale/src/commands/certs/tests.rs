use std::os::unix::fs::PermissionsExt;

use kernel::{ManualClock, SystemClock, Timestamp};
use platform::tls::Config;

use super::*;

fn args(out: &Path) -> CertsDevArgs {
    CertsDevArgs {
        out: out.to_owned(),
        host: vec!["crypto.example".to_owned(), "10.1.2.3".to_owned()],
        roles: Vec::new(),
        trust_domain: "example.org".to_owned(),
        keep: false,
    }
}

fn section(folder: &Path, name: &str) -> Config {
    Config {
        ca: Some(folder.join("ca.crt")),
        cert: Some(path(folder, name, "crt")),
        key: Some(path(folder, name, "key")),
        ..Config::default()
    }
}

#[test]
fn every_role_and_the_client_get_what_the_tls_section_takes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("certs");
    dev(&args(&folder), "verbale", &SystemClock, Output::new(true)).unwrap();
    for name in ["archive", "audit", "client", "consent", "crypto", "ingest"] {
        let config = section(&folder, name);
        config.check().unwrap();
        let tls = config.load().unwrap().unwrap();
        assert!(tls.serves() && tls.calls());
        assert_eq!(tls.id().unwrap().as_str(), format!("spiffe://example.org/verbale/{name}"));
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if name.ends_with(".key") { 0o600 } else { 0o644 }, "{name}");
    }
    LocalIssuer::read(&folder.join("issuer.key"), "verbale").unwrap();
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let one = CertsDevArgs { roles: vec!["ingest".to_owned()], ..args(folder.path()) };
    dev(&one, "verbale", &SystemClock, Output::new(true)).unwrap();
    let before = std::fs::read(folder.path().join("ca.key")).unwrap();
    let refused = dev(&args(folder.path()), "verbale", &SystemClock, Output::new(true)).unwrap_err();
    assert!(refused.to_string().contains("nothing is overwritten"), "{refused}");
    assert_eq!(std::fs::read(folder.path().join("ca.key")).unwrap(), before);
    assert!(!folder.path().join("crypto.crt").exists());
}

#[test]
fn what_is_there_is_kept_where_that_is_asked_for_and_all_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let keep = CertsDevArgs { keep: true, ..args(folder.path()) };
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    dev(&keep, "verbale", &SystemClock, Output::new(true)).unwrap();
    let before = [read("ca.key"), read("crypto.crt"), read("issuer.key")];
    dev(&keep, "verbale", &SystemClock, Output::new(true)).unwrap();
    assert_eq!([read("ca.key"), read("crypto.crt"), read("issuer.key")], before);
    std::fs::remove_file(folder.path().join("audit.key")).unwrap();
    let refused = dev(&keep, "verbale", &SystemClock, Output::new(true)).unwrap_err();
    assert!(refused.to_string().contains("nothing is overwritten"), "{refused}");
}

#[test]
fn a_role_or_a_name_that_cannot_be_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("certs");
    let odd = CertsDevArgs { roles: vec!["emperor".to_owned()], ..args(&folder) };
    assert!(dev(&odd, "verbale", &SystemClock, Output::new(true)).is_err());
    for host in ["", "a b", "caffè.example"] {
        let odd = CertsDevArgs { host: vec![host.to_owned()], ..args(&folder) };
        let refused = dev(&odd, "verbale", &SystemClock, Output::new(true)).unwrap_err();
        assert!(refused.to_string().starts_with("--host"), "{refused}");
    }
    assert!(!folder.exists());
}

#[test]
fn certificates_hold_for_a_bounded_time_from_the_clock_on() {
    let at = Timestamp::parse("2026-03-02T09:00:00.5Z").unwrap();
    let clock = ManualClock::at(at);
    for (days, wanted) in [(90, "2026-05-31"), (365, "2027-03-02")] {
        let params = valid_for(days, &clock);
        assert_eq!(params.not_before.to_string(), "2026-03-02 8:55:00.0 +00:00:00");
        assert_eq!(params.not_after.to_string(), format!("{wanted} 9:00:00.0 +00:00:00"));
    }
}
