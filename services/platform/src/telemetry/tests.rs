use super::*;

#[test]
fn a_filter_that_is_none_is_refused() {
    let odd = Config { log: "a=b=c".to_owned(), ..Config::default() };
    assert!(matches!(init(&odd, "verbale"), Err(TelemetryError::Filter { .. })));
}

/// A key, and what makes its value one that cannot work.
type Spoilt = (&'static str, fn(&mut Config));

#[test]
fn a_value_that_cannot_work_is_refused_by_its_key() {
    Config::default().check().unwrap();
    let cases: &[Spoilt] = &[
        ("log", |config| config.log = "a=b=c".to_owned()),
        ("otlp_endpoint", |config| config.otlp_endpoint = Some(String::new())),
        ("otlp_endpoint", |config| config.otlp_endpoint = Some("collector:4317".to_owned())),
        ("otlp_endpoint", |config| config.otlp_endpoint = Some("https://collector:4317".to_owned())),
        ("otlp_ratio", |config| config.otlp_ratio = -0.1),
        ("otlp_ratio", |config| config.otlp_ratio = 1.1),
        ("otlp_ratio", |config| config.otlp_ratio = f64::NAN),
    ];
    for (key, spoil) in cases {
        let mut config = Config::default();
        spoil(&mut config);
        let problem = config.check().unwrap_err();
        assert!(problem.starts_with(&format!("{key} ")), "{key}: {problem}");
    }
}

#[test]
fn a_collector_and_directives_are_taken() {
    let otlp_endpoint = Some("http://collector:4317".to_owned());
    let log = "info,ingest=debug".to_owned();
    Config { log, otlp_endpoint, otlp_ratio: 0.0, ..Config::default() }.check().unwrap();
}
