//! The suite on a CQL cluster, and what only a crash between two writes shows.

use cql::testing::{Kept, fresh as keyspaces};

use super::*;
use crate::contract::alfa;

async fn fresh() -> Option<(ScyllaIdentifiers, Kept)> {
    let kept = keyspaces(&[super::super::schema::IDENTIFIERS]).await?;
    Some((ScyllaIdentifiers::open(kept.cql.clone()).await.unwrap(), kept))
}

async fn two() -> Option<(ScyllaIdentifiers, ScyllaIdentifiers, Kept)> {
    let (one, kept) = fresh().await?;
    let other = ScyllaIdentifiers::open(kept.cql.clone()).await.unwrap();
    Some((one, other, kept))
}

crate::identifiers_contract_suite!(fresh());
crate::identifiers_race_suite!(two());

#[tokio::test]
async fn a_person_whom_a_process_made_before_it_died_is_the_same_to_others() {
    let Some((dying, other, _kept)) = two().await else { return };
    let presented = [Presented { kind: Kind::Phone, value: [1; 32] }];
    let fresh = SubjectId::new();
    let (at, now) = (Timestamp(4), Timestamp(5));
    let asked = Asked { tenant: alfa(), presented: presented.to_vec(), fresh, at, now };
    dying.0.index.commit_and_die(alfa().as_str(), &[asked]).await;
    assert_eq!(other.find(&alfa(), &presented, now).await.unwrap(), []);
    let again = other.resolve(&alfa(), &presented, SubjectId::new(), at, Timestamp(6)).await;
    let choice = again.unwrap();
    assert_eq!((choice.subject, choice.added), (fresh, Vec::new()));
    assert_eq!(other.of_subject(&alfa(), fresh).await.unwrap()[0].since, now);
}

#[tokio::test]
async fn a_row_that_cannot_be_is_told() {
    let Some((index, kept)) = fresh().await else { return };
    let text = "INSERT INTO {ks}.consent_identifier (tenant, kind, value, subject, valid_from)
        VALUES (?, 1, ?, 0x01, 5)";
    let spoil = kept.cql.prepare(Space::Keys, text).await.unwrap();
    kept.cql.write(&spoil, (alfa().as_str(), &[1_u8; 32][..])).await.unwrap();
    let presented = [Presented { kind: Kind::Phone, value: [1; 32] }];
    let error = index.find(&alfa(), &presented, Timestamp(5)).await.unwrap_err();
    assert_eq!(kernel::ServiceError::code(&error), kernel::ErrorCode::DataLoss);
    assert!(kernel::chain(&error).contains("consent_identifier holds a subject that cannot be"));
}
