use super::*;
use crate::kafka::KafkaOptions;

fn with(security: Security) -> KafkaOptions {
    KafkaOptions { security, ..KafkaOptions::at("kafka://a:9092").unwrap() }
}

fn sasl(password_file: PathBuf) -> KafkaOptions {
    let (mechanism, username) = (Mechanism::ScramSha512, "verbale".to_owned());
    with(Security::Sasl { mechanism, username, password_file, ca_file: None })
}

#[cfg(not(feature = "tls"))]
#[test]
fn security_that_this_build_lacks_is_refused() {
    for options in [sasl("password".into()), with(Security::Tls { ca_file: None, identity: None })] {
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
