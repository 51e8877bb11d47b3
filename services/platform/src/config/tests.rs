use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    server: Section,
    secret: Option<SecretRef>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Section {
    listen: String,
    calls: u32,
    wait: Period,
    body: ByteSize,
    names: Vec<String>,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            calls: 10,
            wait: Period::secs(5),
            body: ByteSize::mib(4),
            names: vec!["a".to_owned()],
        }
    }
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verbale.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn load(toml: &str, vars: &[(&str, &str)], flags: &[&str]) -> Result<Config, ConfigError> {
    let (_folder, path) = file(toml);
    Loader::new().file(&path)?.env(&env(vars)).flags(flags.iter().copied())?.load()
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let toml = "[server]\ncalls = 1\nlisten = 'file'\nwait = '1s'\n";
    let vars = [("VERBALE__SERVER__CALLS", "2"), ("VERBALE__SERVER__LISTEN", "env"), ("VERBALE_OTHER", "x")];
    let config = load(toml, &vars, &["server.calls=3", "server.names=[\"x\", \"y\"]"]).unwrap();
    assert_eq!(config.server.calls, 3);
    assert_eq!(config.server.listen, "env");
    assert_eq!(config.server.wait, Period::secs(1));
    assert_eq!(config.server.body, ByteSize::mib(4));
    assert_eq!(config.server.names, ["x", "y"]);
}

#[test]
fn an_error_names_the_key_and_the_layer() {
    for (toml, vars, flags, wanted) in [
        ("[server]\nlisen = 'x'", None, None, ["server.lisen", "file"]),
        ("[server]\ncalls = 'many'", None, None, ["server.calls", "file"]),
        ("", Some(("VERBALE__SERVER__WAIT", "soon")), None, ["server.wait", "environment"]),
        ("", Some(("VERBALE__SEVER__WAIT", "1s")), None, ["sever", "environment"]),
        ("", Some(("VERBALE__SERVER__WIAT", "1s")), None, ["server.wiat", "environment"]),
        ("", Some(("VERBALE__NONSENSE", "1")), None, ["nonsense", "environment"]),
        ("", None, Some("server.body=huge"), ["server.body", "flag"]),
    ] {
        let error = load(toml, vars.as_slice(), flags.as_slice()).unwrap_err().to_string();
        for part in wanted {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let error = load("[server]\ncalls = = 1\n", &[], &[]).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn a_flag_without_a_value_is_refused() {
    assert!(matches!(load("", &[], &["server.calls"]), Err(ConfigError::Flag { .. })));
}

#[test]
fn what_is_dumped_loads_again_as_the_same() {
    let config = load("secret = 'env:API_KEY'\n[server]\nwait = '90s'\nbody = 1000\n", &[], &[]).unwrap();
    let text = dump(&config).unwrap();
    assert!(text.contains("90s") && text.contains("1000B"), "{text}");
    assert_eq!(load(&text, &[], &[]).unwrap(), config);
}

#[test]
fn a_secret_written_out_is_refused_and_not_repeated() {
    let error = load("secret = 'hunter2'", &[], &[]).unwrap_err().to_string();
    assert!(error.contains("secret") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_secret_is_read_from_a_file_or_a_variable_and_never_shown() {
    let (_folder, path) = file("hunter2\n");
    let vars = env(&[("API_KEY", "hunter3")]);
    let from_file = SecretRef::File(path).resolve(&vars).unwrap();
    let from_env = SecretRef::Env("API_KEY".to_owned()).resolve(&vars).unwrap();
    assert_eq!((from_file.expose(), from_env.expose()), ("hunter2", "hunter3"));
    assert!(!format!("{from_file:?}").contains("hunter2"));
    assert!(matches!(SecretRef::Env("NONE".to_owned()).resolve(&vars), Err(SecretError::Unset { .. })));
}

#[test]
fn units_read_back_what_they_write() {
    for text in ["0us", "1us", "500ms", "90s", "2m", "5h", "7d"] {
        assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
    }
    for text in ["0B", "1B", "256KiB", "4MiB", "3GiB"] {
        assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
    }
    for bad in ["", "s", "10", "1.5s", "10 parsecs", "99999999999999999999s", "18446744073709551615d"] {
        assert!(bad.parse::<Period>().is_err(), "{bad:?}");
    }
    for bad in ["", "KiB", "-1", "1kb", "18446744073709551615GiB"] {
        assert!(bad.parse::<ByteSize>().is_err(), "{bad:?}");
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Platform {
    telemetry: crate::telemetry::Config,
    auth: crate::auth::Config,
    server: crate::server::Config,
    audit: crate::audit::Config,
    outbox: crate::outbox::Config,
}

#[test]
fn the_platform_s_own_sections_dump_and_load_and_keep_their_inequalities() {
    let defaults = Platform::default();
    let (_folder, path) = file(&dump(&defaults).unwrap());
    let loaded: Platform = Loader::new().file(&path).unwrap().load().unwrap();
    assert_eq!(loaded, defaults);
    assert!(defaults.audit.wait < defaults.server.deadline);
    assert!(defaults.auth.jwks_floor < defaults.auth.jwks_max_age);
    assert!(defaults.auth.jwks_max_age < defaults.auth.jwks_stale);
    assert!(defaults.auth.leeway < defaults.auth.service_token_life);
}
