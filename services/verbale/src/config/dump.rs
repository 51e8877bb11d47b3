//! The configuration as it is shown: no credential in any URL, and the keys named that are not set.

use anyhow::Result;
use serde_json::Value;

use super::{Config, engine_urls};

/// The same without what may be a credential. Secrets are only references anyway; URLs are as they were given.
pub fn redacted(config: &Config) -> Config {
    let mut shown = config.clone();
    let [log, store, objects, journal] = engine_urls(config);
    let storage = &mut shown.storage;
    let engines = [(&mut storage.log, log), (&mut storage.store, store), (&mut storage.objects, objects)];
    let engines = engines.into_iter().chain(storage.journal.as_mut().map(|url| (url, journal)));
    for (url, taken) in engines {
        // What is taken has no room for a credential; what is refused may hold one anywhere.
        if taken.is_err() {
            *url = scheme_alone(url);
        }
    }
    // A path where it is no URL, and then whole.
    let jwks = shown.auth.jwks.as_mut().filter(|jwks| jwks.contains("://"));
    let others = [jwks, shown.telemetry.otlp_endpoint.as_mut(), shown.peers.own.as_mut()];
    for url in others.into_iter().flatten() {
        *url = without_user(url);
    }
    shown
}

/// As TOML, which can be loaded again. Keys that are not set have no form in TOML: comments at its end name them.
pub fn text(config: &Config) -> Result<String> {
    let mut text = platform::config::dump(config)?;
    let unset = unset(&serde_json::to_value(config)?, "");
    if !unset.is_empty() {
        text.push_str("\n# Not set:\n");
    }
    for key in unset {
        text.push_str(&format!("# {key}\n"));
    }
    Ok(text)
}

fn unset(value: &Value, key: &str) -> Vec<String> {
    match value {
        Value::Null => vec![key.to_owned()],
        Value::Object(table) => {
            let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
            table.iter().flat_map(|(name, value)| unset(value, &below(name))).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Vec::new(),
    }
}

/// `kafka://redacted`.
fn scheme_alone(url: &str) -> String {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match scheme.filter(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some(scheme) => format!("{scheme}://redacted"),
        None => "redacted".to_owned(),
    }
}

/// `https://redacted@host`, where there is a user.
fn without_user(url: &str) -> String {
    let Some((before, place)) = url.rsplit_once('@') else { return url.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://redacted@{place}"),
        None => format!("redacted@{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dumped_loads_again_and_names_what_is_not_set() {
        let mut config = Config::default();
        config.storage.log = "kafka://a:9092".to_owned();
        config.storage.store = "scylla://a:9042/verbale".to_owned();
        config.storage.objects = "s3://bucket?endpoint=http://a:9000".to_owned();
        config.telemetry.otlp_endpoint = Some("http://collector:4317".to_owned());
        config.kafka.security = eventlog::Security::Tls { ca_file: None, identity: None };
        let shown = redacted(&config);
        assert_eq!(shown, config);
        let text = text(&shown).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
        let named = |key: &str| text.lines().any(|line| line == format!("# {key}"));
        let unset = [
            "storage.keys",
            "server.metrics",
            "auth.jwks",
            "peers.ingest",
            "peers.own",
            "tls.ca",
            "kafka.security.ca_file",
        ];
        for key in unset {
            assert!(named(key), "{key}: {text}");
        }
        assert!(!named("telemetry.otlp_endpoint") && !named("server.listen"), "{text}");
    }

    #[test]
    fn no_url_shows_a_credential() {
        let mut config = Config::default();
        config.storage.log = "kafka://user:hunter2@a:9092".to_owned();
        config.storage.store = "scylla://a:9042?password=hunter2".to_owned();
        config.storage.objects = "hunter2".to_owned();
        config.auth.jwks = Some("https://user:hunter2@id.example/keys".to_owned());
        config.telemetry.otlp_endpoint = Some("user:hunter2@collector:4317".to_owned());
        config.peers.own = Some("https://user:hunter/2@own:7420".to_owned());
        let shown = redacted(&config);
        assert_eq!(shown.storage.log, "kafka://redacted");
        assert_eq!(shown.storage.store, "scylla://redacted");
        assert_eq!(shown.storage.objects, "redacted");
        assert_eq!(shown.auth.jwks.as_deref(), Some("https://redacted@id.example/keys"));
        assert_eq!(shown.telemetry.otlp_endpoint.as_deref(), Some("redacted@collector:4317"));
        assert_eq!(shown.peers.own.as_deref(), Some("https://redacted@own:7420"));
        config.auth.jwks = Some("/etc/keys@verbale.json".to_owned());
        assert_eq!(redacted(&config).auth.jwks, config.auth.jwks);
    }
}
