use super::*;
use crate::batch::Batch;
use crate::options::Keyspace;
use crate::testing::{Kept, fresh};
use kernel::{ErrorCode, ServiceError};

const NOTES: Component = Component {
    name: "notes",
    space: Space::Data,
    steps: &["CREATE TABLE IF NOT EXISTS {ks}.note (
        shelf int, number int, text text, version int static, PRIMARY KEY (shelf, number))"],
};

const INSERT: &str = "INSERT INTO {ks}.note (shelf, number, text) VALUES (?, ?, ?)";
const ALL: &str = "SELECT number, text FROM {ks}.note WHERE shelf = ?";
const TURN: &str = "UPDATE {ks}.note SET version = ? WHERE shelf = ? IF version = ?";
const VERSION: &str = "SELECT version FROM {ks}.note WHERE shelf = ? LIMIT 1";

async fn world() -> Option<(Kept, Statement, Statement)> {
    let kept = fresh(&[NOTES]).await?;
    let insert = kept.cql.prepare(Space::Data, INSERT).await.unwrap();
    let all = kept.cql.prepare(Space::Data, ALL).await.unwrap();
    Some((kept, insert, all))
}

#[tokio::test]
async fn rows_are_read_back_up_to_a_limit_over_pages() {
    let Some((kept, insert, all)) = world().await else { return };
    for start in [0, 800, 1_600] {
        let mut batch = Batch::unlogged();
        for number in start..start + 800 {
            batch.add(&insert, (1, number, "note")).unwrap();
        }
        kept.cql.batch(batch).await.unwrap();
    }
    for (limit, expected) in [(0, 0), (1, 1), (1_000, 1_000), (1_001, 1_001), (9_999, 2_400)] {
        let rows: Vec<(i32, String)> = kept.cql.rows(&all, (1,), limit).await.unwrap();
        let numbers: Vec<_> = rows.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..expected).collect::<Vec<_>>(), "{limit}");
    }
    let none: Option<(i32, String)> = kept.cql.row(&all, (2,)).await.unwrap();
    assert_eq!(none, None);
    kept.cql.check().await.unwrap();
}

#[tokio::test]
async fn of_two_conditional_writes_on_one_version_one_is_applied() {
    let Some((kept, ..)) = world().await else { return };
    let turn = kept.cql.prepare(Space::Data, TURN).await.unwrap();
    let (one, two) =
        tokio::join!(kept.cql.apply(&turn, (1, 5, None::<i32>)), kept.cql.apply(&turn, (2, 5, None::<i32>)));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one != two, "{one} {two}");
    let version = kept.cql.prepare(Space::Data, VERSION).await.unwrap();
    let found: Option<(Option<i32>,)> = kept.cql.serial_row(&version, (5,)).await.unwrap();
    assert_eq!(found, Some((Some(if one { 1 } else { 2 }),)));
}

#[tokio::test]
async fn a_conditional_batch_is_applied_whole_or_not_at_all() {
    let Some((kept, insert, all)) = world().await else { return };
    let turn = kept.cql.prepare(Space::Data, TURN).await.unwrap();
    let batch = |from: Option<i32>, to: i32, text: &str| {
        let mut batch = Batch::unlogged();
        batch.add(&turn, (to, 7, from)).unwrap();
        for number in 0..3 {
            batch.add(&insert, (7, number, text.to_owned())).unwrap();
        }
        batch
    };
    assert!(kept.cql.apply_batch(batch(None, 1, "first")).await.unwrap());
    assert!(!kept.cql.apply_batch(batch(None, 1, "second")).await.unwrap());
    assert!(kept.cql.apply_batch(batch(Some(1), 2, "third")).await.unwrap());
    let rows: Vec<(i32, String)> = kept.cql.rows(&all, (7,), 10).await.unwrap();
    assert_eq!(rows, [0, 1, 2].map(|number| (number, "third".to_owned())));
}

#[tokio::test]
async fn a_statement_runs_only_as_what_it_is() {
    let Some((kept, insert, all)) = world().await else { return };
    let turn = kept.cql.prepare(Space::Data, TURN).await.unwrap();
    let errors = [
        kept.cql.write(&turn, (1, 1, None::<i32>)).await.unwrap_err(),
        kept.cql.apply(&insert, (1, 1, "x")).await.map(drop).unwrap_err(),
        kept.cql.write(&all, (1,)).await.unwrap_err(),
        kept.cql.rows::<(i32, String)>(&insert, (1, 1, "x"), 1).await.map(drop).unwrap_err(),
        Batch::unlogged().add(&all, (1,)).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Kind { .. }) && !error.is_uncertain(), "{error}");
    }
    let mut plain = Batch::unlogged();
    plain.add(&insert, (1, 1, "x")).unwrap();
    assert!(matches!(kept.cql.apply_batch(plain).await, Err(Error::Kind { .. })));
    let mut many = Batch::unlogged();
    let added = (0..2_000).take_while(|number| many.add(&insert, (1, *number, "x")).is_ok()).count();
    assert_eq!(added, crate::batch::MAX_STATEMENTS);
}

#[tokio::test]
async fn values_and_rows_of_other_types_are_refused() {
    let Some((kept, insert, all)) = world().await else { return };
    let error = kept.cql.write(&insert, (1, "one", "x")).await.unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (ErrorCode::Internal, false));
    kept.cql.write(&insert, (1, 1, None::<String>)).await.unwrap();
    let error = kept.cql.row::<(i32, String)>(&all, (1,)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss, "{error}");
    assert!(kept.cql.prepare(Space::Data, "SELECT nothing FROM {ks}.note").await.is_err());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let keyspace: Keyspace = "verbale".parse().unwrap();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let options =
        Options { connect_timeout: Duration::from_secs(1), ..Options::new(vec![address], keyspace) };
    let error = Cql::open(&options).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let Some((kept, ..)) = world().await else { return };
    let mut ask = Text::new("SELECT release_version FROM system.local WHERE key = 'local'");
    ask.set_is_idempotent(true);
    kept.cql.0.session.query_unpaged(ask, ()).await.unwrap();
    let tablets = kept.cql.features().tablets;
    assert!(kept.cql.server() == Server::Scylla || !tablets);
}
