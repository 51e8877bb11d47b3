use super::*;

fn parse(text: &str) -> Result<Options, InvalidOptions> {
    text.parse()
}

#[test]
fn an_address_names_nodes_and_keyspace() {
    for (text, nodes, keyspace) in [
        ("scylla://db", vec!["db:9042"], "verbale"),
        ("scylla://db:19042/", vec!["db:19042"], "verbale"),
        ("scylla://a:1,b.example:2,10.0.0.3/mesh_2", vec!["a:1", "b.example:2", "10.0.0.3:9042"], "mesh_2"),
        ("scylla://[::1]:9043,[fe80::2]/x", vec!["[::1]:9043", "[fe80::2]:9042"], "x"),
    ] {
        let options = parse(text).unwrap();
        assert_eq!(options.nodes, nodes, "{text}");
        assert_eq!(options.keyspace.to_string(), keyspace, "{text}");
        assert_eq!(options.replication, Replication::Factor(3), "{text}");
    }
}

#[test]
fn what_cannot_be_an_address_is_refused_in_words() {
    for (text, word) in [
        ("cassandra://db", "scylla://"),
        ("scylla://", "host:port"),
        ("scylla://a,,b", "host:port"),
        ("scylla://a:0", "host:port"),
        ("scylla://a:70000", "host:port"),
        ("scylla://a:1:2", "host:port"),
        ("scylla://[::1", "host:port"),
        ("scylla://[::1]9042", "host:port"),
        ("scylla://a b", "host:port"),
        ("scylla://user:secret@db", "user or password"),
        ("scylla://db/Mesh", "keyspace"),
        ("scylla://db/1mesh", "keyspace"),
        ("scylla://db/a/b", "keyspace"),
        ("scylla://db?copies=3", "replication"),
        ("scylla://db?replication=0", "replication"),
        ("scylla://db?replication=many", "replication"),
        ("scylla://db?replication=a:1,a:2", "replication"),
        ("scylla://db?replication=a'b:1", "datacentre"),
        ("scylla://db?replication=a:3,b:3", "several"),
        ("scylla://db?datacenter=", "datacentre"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(format!("scylla://{}", ["n"; MAX_NODES + 1].join(",")).parse::<Options>().is_err());
    assert!(format!("scylla://db/{}", "k".repeat(44)).parse::<Options>().is_err());
}

#[test]
fn one_copy_is_had_only_by_asking() {
    assert_eq!(parse("scylla://db?replication=1").unwrap().replication, Replication::Factor(1));
    let two = parse("scylla://db/mesh?replication=rome:3,milan:2&datacenter=rome").unwrap();
    assert_eq!(two.replication.to_cql(), "{'class': 'NetworkTopologyStrategy', 'milan': 2, 'rome': 3}");
    assert_eq!(two.datacenter.as_deref(), Some("rome"));
    assert_eq!(
        Replication::Factor(3).to_cql(),
        "{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"
    );
}

#[test]
fn key_tables_have_a_keyspace_of_their_own() {
    let keyspace: Keyspace = "mesh".parse().unwrap();
    assert_eq!((keyspace.of(Space::Data), keyspace.of(Space::Keys)), ("mesh".into(), "mesh_keys".into()));
}

#[test]
fn a_password_is_never_shown() {
    let credentials = Credentials { user: "mesh".into(), password: "hunter2".into() };
    let options = parse("scylla://db").unwrap().with_credentials(Some(credentials));
    assert!(!format!("{options:?}").contains("hunter2"));
}

#[test]
fn a_request_may_not_outlast_what_the_outbox_waits_for() {
    let options = parse("scylla://db").unwrap();
    for (timeout, good) in [(0, false), (1, true), (15, true), (16, false)] {
        let options = Options { request_timeout: Duration::from_secs(timeout), ..options.clone() };
        assert_eq!(options.check().is_ok(), good, "{timeout} s");
    }
}
