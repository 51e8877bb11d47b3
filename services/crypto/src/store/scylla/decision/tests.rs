use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;

use futures::FutureExt;
use kernel::{ErrorCode, ServiceError};

use super::*;

fn lost() -> cql::Error {
    cql::Error::Timeout(Arc::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))
}

fn fault() -> cql::Error {
    cql::Error::Kind { expected: "conditional write" }
}

/// What a write answers each time, what a read finds each time, and how often each is made.
async fn check(
    answers: impl IntoIterator<Item = Result<bool, cql::Error>>,
    finds: impl IntoIterator<Item = Found<char>>,
    expected: Result<char, ErrorCode>,
) {
    let answers = RefCell::new(answers.into_iter().collect::<VecDeque<_>>());
    let finds = RefCell::new(finds.into_iter().collect::<VecDeque<_>>());
    let outcome = decide(
        'a',
        || ready(answers.borrow_mut().pop_front().expect("one write more than expected")).boxed(),
        || ready(Ok(finds.borrow_mut().pop_front().expect("one read more than expected"))).boxed(),
    )
    .await;
    assert_eq!(outcome.map_err(|error| error.code()), expected);
    assert!(answers.borrow().is_empty() && finds.borrow().is_empty(), "all of them are made");
}

#[tokio::test(start_paused = true)]
async fn what_became_of_a_write_is_read_before_anything_is_decided() {
    use Found::{Open, Outcome};
    check([Ok(true)], [], Ok('a')).await;
    check([Ok(false)], [Outcome('b')], Ok('b')).await;
    check([Err(lost())], [Outcome('a')], Ok('a')).await;
    check([Err(lost())], [Outcome('b')], Ok('b')).await;
    // Not applied: tried again. It may be refused then because the first try came to its end after all.
    check([Err(lost()), Ok(true)], [Open], Ok('a')).await;
    check([Err(lost()), Ok(false)], [Open, Outcome('a')], Ok('a')).await;
    check([Ok(false), Ok(true)], [Open], Ok('a')).await;
    check([Err(fault())], [], Err(ErrorCode::Internal)).await;
}

#[tokio::test(start_paused = true)]
async fn tries_come_to_an_end() {
    let open = || (0..ATTEMPTS).map(|_| Found::Open);
    check((0..ATTEMPTS).map(|_| Err(lost())), open(), Err(ErrorCode::DeadlineExceeded)).await;
    check((0..ATTEMPTS).map(|_| Ok(false)), open(), Err(ErrorCode::Unavailable)).await;
}
