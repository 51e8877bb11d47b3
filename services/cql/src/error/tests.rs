use std::time::Duration;

use scylla::errors::WriteType;
use scylla::statement::Consistency;

use super::*;

fn database(error: DbError) -> Error {
    ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "as the server puts it".into()))
        .into()
}

#[test]
fn what_may_have_been_applied_is_uncertain() {
    let timeout = DbError::WriteTimeout {
        consistency: Consistency::LocalQuorum,
        received: 1,
        required: 2,
        write_type: WriteType::Cas,
    };
    let few = DbError::Unavailable { consistency: Consistency::LocalQuorum, required: 2, alive: 1 };
    for (error, code) in [
        (database(timeout), ErrorCode::DeadlineExceeded),
        (database(DbError::ServerError), ErrorCode::DeadlineExceeded),
        (database(few), ErrorCode::Unavailable),
        (database(DbError::Overloaded), ErrorCode::Unavailable),
        (ExecutionError::RequestTimeout(Duration::from_secs(5)).into(), ErrorCode::DeadlineExceeded),
        (ExecutionError::EmptyPlan.into(), ErrorCode::Unavailable),
    ] {
        assert!(error.is_uncertain(), "{error:?}");
        assert_eq!((error.code(), error.retry()), (code, Retry::Backoff), "{error:?}");
    }
}

#[test]
fn a_refused_statement_was_not_applied() {
    for error in [DbError::SyntaxError, DbError::Invalid, DbError::Unauthorized] {
        let error = database(error);
        assert!(!error.is_uncertain());
        assert_eq!((error.code(), error.retry()), (ErrorCode::Internal, Retry::No));
    }
}

#[test]
fn missing_tables_say_what_to_do() {
    let error = Error::MissingStep { component: "audit", found: 0, known: 2 };
    assert!(error.to_string().contains("verbale migrate"));
    assert_eq!(error.code(), ErrorCode::FailedPrecondition);
}

#[test]
fn a_failed_step_has_the_code_of_its_cause() {
    let source = Box::new(database(DbError::Overloaded));
    let error = Error::Step { component: "audit", number: 1, source };
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(!error.is_uncertain());
}
