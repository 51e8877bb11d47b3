use super::*;

#[test]
fn a_url_says_all_that_differs_from_the_defaults() {
    let url = "s3://records/mesh/one?endpoint=http://127.0.0.1:9000&region=eu-south-1&path_style=true\
               &checksums=when_required&locks=as_found&conditional_put=not_enforced";
    let options: S3Options = url.parse().unwrap();
    let expected = S3Options {
        root: Some(Key::new("mesh/one").unwrap()),
        endpoint: Some("http://127.0.0.1:9000".into()),
        region: Some("eu-south-1".into()),
        path_style: true,
        checksums: Checksums::WhenRequired,
        locks: RequiredLocks::AsFound,
        conditional_put: ConditionalPut::NotEnforced,
        ..S3Options::bucket("records").unwrap()
    };
    assert_eq!(options, expected);
}

#[test]
fn the_defaults_demand_locks_that_hold() {
    let options: S3Options = "s3://records".parse().unwrap();
    assert_eq!(options, S3Options::bucket("records").unwrap());
    assert_eq!(options.locks, RequiredLocks::Enforced);
    assert!(options.attempt_timeout < options.timeout && options.timeout < options.stale_uploads);
}

#[test]
fn what_is_not_understood_is_refused() {
    for bad in [
        "records",
        "dir:/records",
        "s3://",
        "s3://ab",
        "s3://Records",
        "s3://records/../x",
        "s3://records//x",
        "s3://records?path_style",
        "s3://records?path_style=yes",
        "s3://records?path_style=true&path_style=true",
        "s3://records?endpoint=127.0.0.1:9000",
        "s3://records?endpoint=http://name:word@host",
        "s3://records?endpoint=",
        "s3://records?region=",
        "s3://records?lock=as_found",
    ] {
        assert!(bad.parse::<S3Options>().is_err(), "{bad}");
    }
    assert!(format!("s3://records/{}", "a/".repeat(129)).parse::<S3Options>().is_err());
}

#[test]
fn no_secret_is_shown() {
    let own = S3Credentials { access_key_id: "AKIDNAME".into(), secret_access_key: "hidden".into() };
    let options = S3Options { credentials: Some(own), ..S3Options::bucket("records").unwrap() };
    let shown = format!("{options:?}");
    assert!(!shown.contains("AKIDNAME") && !shown.contains("hidden"), "{shown}");
    let refused = "s3://records?secret=hidden".parse::<S3Options>().unwrap_err();
    assert!(!refused.to_string().contains("hidden"));
}
