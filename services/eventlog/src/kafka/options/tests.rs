use super::*;

fn options() -> KafkaOptions {
    KafkaOptions::at("kafka://a:9092").unwrap()
}

#[test]
fn a_url_names_brokers_and_nothing_else() {
    for (url, brokers) in [
        ("kafka://a:9092", "a:9092"),
        ("kafka://a:9092,b.internal:9093/", "a:9092,b.internal:9093"),
        ("kafka://[::1]:9092", "[::1]:9092"),
    ] {
        assert_eq!(KafkaOptions::at(url).unwrap().brokers, brokers);
    }
    for url in [
        "",
        "kafka://",
        "kafka://a",
        "kafka://a:0",
        "kafka://a:x",
        "kafka://a:1,",
        "kafka://u:p@a:1",
        "sqlite:x",
    ] {
        assert!(matches!(KafkaOptions::at(url), Err(Error::Invalid { .. })), "{url}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    assert!(options().check().is_ok());
    let second = Duration::from_secs(1);
    for wrong in [
        KafkaOptions { prefix: "a b".to_owned(), ..options() },
        KafkaOptions { min_in_sync: 4, ..options() },
        KafkaOptions { min_in_sync: 0, ..options() },
        KafkaOptions { queue_bytes: MAX_BATCH, ..options() },
        KafkaOptions { request_timeout: Duration::ZERO, ..options() },
        KafkaOptions { append_timeout: 400 * second, ..options() },
        KafkaOptions { session_timeout: Duration::ZERO, ..options() },
        KafkaOptions { linger: 15 * second, ..options() },
    ] {
        assert!(matches!(wrong.check(), Err(Error::Invalid { .. })), "{wrong:?}");
    }
}

#[test]
fn appends_are_idempotent_and_acknowledged_by_all() {
    let options = options();
    let config = options.producer(&options.client().unwrap());
    assert_eq!(config.get("enable.idempotence"), Some("true"));
    assert_eq!(config.get("acks"), Some("all"));
}

#[test]
fn a_member_is_kept_by_the_broker_for_as_long_as_it_allows() {
    for (asked, kept) in [(300, "6000"), (30_000, "30000"), (3_600_000, "1800000")] {
        let options = KafkaOptions { session_timeout: Duration::from_millis(asked), ..options() };
        let config = options.member(&options.client().unwrap(), "group");
        assert_eq!(config.get("session.timeout.ms"), Some(kept));
        let number = |key| config.get(key).unwrap().parse::<u64>().unwrap();
        assert!(number("max.poll.interval.ms") >= number("session.timeout.ms"));
        assert!(3 * number("heartbeat.interval.ms") <= number("session.timeout.ms"));
    }
}

fn sasl(password_file: PathBuf) -> KafkaOptions {
    let mechanism = Mechanism::ScramSha512;
    let username = "verbale".to_owned();
    KafkaOptions {
        security: Security::Sasl { mechanism, username, password_file, ca_file: None },
        ..options()
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn security_that_this_build_lacks_is_refused() {
    for options in [
        sasl("password".into()),
        KafkaOptions { security: Security::Tls { ca_file: None, identity: None }, ..options() },
    ] {
        let refused = options.client().map(drop).unwrap_err().to_string();
        assert!(refused.contains("feature tls"), "{refused}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn a_password_comes_from_its_file_and_is_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let options = sasl(file);
    let config = options.client().unwrap();
    assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
    assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
    assert_eq!(config.get("sasl.password"), Some("hunter2"));
    assert!(!format!("{config:?}{options:?}").contains("hunter2"));
    assert!(config.create::<rdkafka::producer::BaseProducer>().is_ok());
}

#[test]
fn a_password_file_must_be_there_and_short() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    assert!(matches!(password(&file), Err(Error::Unavailable { .. })));
    std::fs::write(&file, vec![b'a'; 5_000]).unwrap();
    assert!(matches!(password(&file), Err(Error::Invalid { .. })));
    std::fs::write(&file, "two words \r\n").unwrap();
    assert_eq!(password(&file).unwrap(), "two words ");
}

#[test]
fn security_is_read_from_a_configuration() {
    let read = |text: &str| toml::from_str::<Security>(text);
    assert_eq!(read("protocol = 'plaintext'").unwrap(), Security::Plaintext);
    let tls = read("protocol = 'tls'\nca_file = '/etc/ca.pem'").unwrap();
    assert_eq!(tls, Security::Tls { ca_file: Some("/etc/ca.pem".into()), identity: None });
    let sasl = "protocol = 'sasl'\nmechanism = 'scram-sha-256'\nusername = 'a'\npassword_file = 'b'";
    assert!(matches!(read(sasl).unwrap(), Security::Sasl { mechanism: Mechanism::ScramSha256, .. }));
    assert!(read(&format!("{sasl}\npassword = 'c'")).is_err());
    assert!(read("protocol = 'ssl'").is_err());
}
