use super::*;
use crate::store::sha256;

#[tokio::test]
async fn bytes_that_are_not_those_put_are_never_returned_whole() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    let right = hex::encode(sha256(b"as it was put"));
    put_raw(&store, "right", b"as it was put", Some(&right)).await;
    assert_eq!(store.get(&key("right"), None, None).await.unwrap().bytes, "as it was put");
    put_raw(&store, "wrong", b"as it was  ut", Some(&right)).await;
    let damaged = store.get(&key("wrong"), None, None).await.unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
    assert_eq!(store.get(&key("wrong"), None, Some(3..5)).await.unwrap().bytes, "it");
}

#[tokio::test]
async fn an_object_without_a_hash_is_damaged_and_can_be_deleted() {
    let Some(server) = Server::from_env() else { return };
    let store = server.store().await;
    for (at, kept) in [("none", None), ("short", Some("00ff")), ("odd", Some("not hexadecimal"))] {
        put_raw(&store, at, b"x", kept).await;
        for answer in [
            store.get(&key(at), None, None).await.map(drop),
            store.get(&key(at), None, Some(0..1)).await.map(drop),
            store.head(&key(at), None).await.map(drop),
        ] {
            assert!(matches!(answer, Err(Error::Damaged { .. })), "{at}: {answer:?}");
        }
        let taken = store.put(&key(at), "x".into(), PutOptions::default()).await.unwrap_err();
        assert!(matches!(taken, Error::AlreadyExists { .. }), "{taken}");
        let listed = store.list(&Prefix::ALL, None, 10).await.unwrap().pop().unwrap();
        store.delete_version(&listed.key, &listed.version).await.unwrap();
    }
    assert_eq!(store.list_versions(&Prefix::ALL, None, 10).await.unwrap(), []);
}
