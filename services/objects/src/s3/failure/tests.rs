use kernel::{ErrorCode, ServiceError};

use super::*;

fn refused(status: u16, code: &str, message: &str) -> Failure {
    Failure::Refused { status, code: code.into(), message: message.into(), is_marked: false }
}

#[test]
fn a_missing_bucket_or_a_bare_404_is_no_missing_object() {
    assert!(refused(404, "NoSuchKey", "").is_missing(false));
    assert!(refused(404, "NoSuchVersion", "").is_missing(true));
    for other in ["NoSuchBucket", "NotFound", ""] {
        assert!(!refused(404, other, "").is_missing(true), "{other:?}");
    }
}

#[test]
fn what_is_no_version_is_missing_only_where_one_was_named() {
    for (status, code) in [(400, "InvalidArgument"), (405, "MethodNotAllowed")] {
        assert!(refused(status, code, "").is_missing(true));
        assert!(!refused(status, code, "").is_missing(false));
    }
    assert!(!refused(400, "ExpiredToken", "").is_missing(true));
}

#[test]
fn an_outcome_is_open_unless_the_server_said_no() {
    for open in [
        refused(503, "SlowDown", ""),
        refused(404, "NoSuchUpload", ""),
        Failure::TimedOut("late".into()),
        Failure::Unreachable("reset".into()),
        Failure::unreadable("half"),
    ] {
        assert!(open.is_open(), "{open}");
    }
    for shut in
        [refused(403, "AccessDenied", ""), refused(412, "", ""), Failure::NotSent("no credentials".into())]
    {
        assert!(!shut.is_open(), "{shut}");
    }
}

#[test]
fn a_store_without_space_is_full_and_any_other_is_unavailable() {
    for full in [refused(507, "", ""), refused(400, "QuotaExceeded", "")] {
        assert_eq!(full.into_error("put").code(), ErrorCode::ResourceExhausted);
    }
    for other in [refused(403, "AccessDenied", ""), Failure::TimedOut("late".into())] {
        assert_eq!(other.into_error("put").code(), ErrorCode::Unavailable);
    }
}

#[test]
fn a_servers_words_are_cut_and_hold_no_control_characters() {
    let kept = cut(&format!("a\nb\u{1b}{}", "é".repeat(1_000)));
    assert_eq!(kept.chars().count(), MAX_MESSAGE);
    assert!(kept.starts_with("abé"));
}
