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
