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

#[test]
fn a_key_that_the_protocol_does_not_take_is_refused_by_name() {
    let plaintext = "protocol = 'plaintext'";
    let tls = "protocol = 'tls'\nca_file = '/etc/ca.pem'";
    let sasl = "protocol = 'sasl'\nmechanism = 'plain'\nusername = 'a'\npassword_file = 'b'";
    let cases = [
        (plaintext, "bogus = 5", "bogus"),
        (plaintext, "password = 'hunter2'", "password"),
        (plaintext, "ca_file = 'a'", "ca_file"),
        (plaintext, "identity = { certificate_file = 'a', key_file = 'b' }", "identity"),
        (plaintext, "mechanism = 'plain'", "mechanism"),
        (plaintext, "username = 'a'", "username"),
        (plaintext, "password_file = 'a'", "password_file"),
        (tls, "bogus = 5", "bogus"),
        (tls, "mechanism = 'plain'", "mechanism"),
        (tls, "username = 'a'", "username"),
        (tls, "password_file = 'a'", "password_file"),
        (tls, "identity = { certificate_file = 'a', key_file = 'b', bogus = 5 }", "bogus"),
        (sasl, "bogus = 5", "bogus"),
        (sasl, "identity = { certificate_file = 'a', key_file = 'b' }", "identity"),
    ];
    for (protocol, extra, key) in cases {
        assert!(toml::from_str::<Security>(protocol).is_ok(), "{protocol}");
        let error = toml::from_str::<Security>(&format!("{protocol}\n{extra}")).unwrap_err();
        let told = error.message();
        assert!(told.contains(key) && !told.contains("hunter2"), "{protocol}, {extra}: {told}");
    }
    for key in ["mechanism", "username", "password_file"] {
        let without: Vec<_> = sasl.lines().filter(|line| !line.starts_with(key)).collect();
        let error = toml::from_str::<Security>(&without.join("\n")).unwrap_err();
        assert!(error.message().contains(key), "{key}: {error}");
    }
}

#[test]
fn security_is_written_as_it_is_read() {
    let texts = [
        "protocol = \"plaintext\"\n",
        "protocol = \"tls\"\nca_file = \"/etc/ca.pem\"\n\n\
         [identity]\ncertificate_file = \"a\"\nkey_file = \"b\"\n",
        "protocol = \"sasl\"\nmechanism = \"scram-sha-512\"\nusername = \"a\"\npassword_file = \"b\"\n",
    ];
    for text in texts {
        assert_eq!(toml::to_string(&toml::from_str::<Security>(text).unwrap()).unwrap(), text);
    }
}
