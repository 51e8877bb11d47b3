//! The store's suite on a CQL cluster, and what only such a one can get wrong.

use cql::Space;
use cql::testing::Kept;
use kernel::{ErrorCode, PurposeName};

use super::*;
use crate::erasing::{EraseRequest, Erased};
use crate::store::LocatorState;
use crate::testing::{Bench, section, tenant};

/// Key tables of its own.
pub(super) struct World {
    pub(super) store: ScyllaKeyStore,
    pub(super) kept: Kept,
}

impl World {
    pub(super) fn tables(&self) -> &Tables {
        &self.store.tables
    }

    /// Writes behind the store's back.
    async fn write(&self, text: &str, values: impl SerializeRow + Send + Sync) {
        let statement = self.kept.cql.prepare(Space::Keys, text).await.unwrap();
        self.kept.cql.write(&statement, values).await.unwrap();
    }
}

/// Nothing where there is no cluster to test on.
pub(super) async fn world() -> Option<World> {
    let [key_tables, ..] = COMPONENTS;
    let kept = cql::testing::fresh(&[key_tables]).await?;
    let store = ScyllaKeyStore::open(&kept.cql).await.unwrap();
    Some(World { store, kept })
}

async fn fresh() -> Option<(ScyllaKeyStore, ScyllaKeyStore, Kept)> {
    let World { store, kept } = world().await?;
    let other = ScyllaKeyStore::open(&kept.cql).await.unwrap();
    Some((store, other, kept))
}

crate::contract_suite!(fresh());

async fn bench() -> Option<Bench> {
    let World { store, kept } = world().await?;
    Some(Bench::on(Arc::new(store), kept).await)
}

macro_rules! as_on_sqlite {
    ($($module:ident::$case:ident,)+) => { $(
        #[tokio::test]
        async fn $case() {
            let Some(bench) = bench().await else { return };
            crate::$module::tests::$case(bench).await;
        }
    )+ };
}

as_on_sqlite! {
    pages::instances_that_place_at_once_leave_one_entry_each,
    pages::a_claim_that_a_crash_left_empty_is_finished_by_the_next,
    pages::what_was_removed_is_gone_and_not_placed_again,
    pages::a_claimant_that_comes_after_the_removal_writes_nothing,
    pages::a_page_closes_at_1_024_entries_and_at_the_end_of_its_epoch,
    pages::a_large_cover_has_a_page_of_its_own_and_many_fill_no_page_over_its_bytes,
    erasing::an_erasure_and_a_sealing_that_cross_leave_nothing_marked,
    erasing::an_erasure_and_an_adoption_that_cross_leave_no_root,
}

#[tokio::test]
async fn an_erasure_waits_for_leases_that_other_processes_may_have_given() {
    let Some(bench) = bench().await else { return };
    let asked = EraseRequest {
        recording: RecordingId::new(),
        erasure: kernel::ErasureId::new(),
        purposes: std::collections::BTreeSet::new(),
        spans: None,
    };
    let erased = bench.service.erasing.erase(&tenant(), &asked).await.unwrap();
    assert_eq!(erased, Erased { leases: crate::leases::MAX_LIFE, ..Erased::default() });
}

#[tokio::test]
async fn a_page_that_a_crash_left_in_the_list_alone_is_passed_over() {
    let Some(world) = world().await else { return };
    let (owner, key) = (kernel::InstanceId::new(), b"wrapped page key".to_vec());
    let row = |page| PageRow {
        page,
        tenant: tenant(),
        purpose: PurposeName::new("quality").unwrap(),
        epoch: KeyEpoch(1),
        generation: 1,
        version: 1,
        owner,
        state: crate::store::PageState::Open,
        key: key.clone(),
        dirty: false,
        added: 0,
        removed: 0,
        bytes: 0,
    };
    // Ids of three partitions of the list, the middle page being there in it alone.
    let ids = [1_u8, 2, 3].map(|high| PageId::from_bytes([high; 16]));
    for id in ids {
        world.store.open_page(&row(id)).await.unwrap();
    }
    let lost = "DELETE tenant, purpose, epoch, page_generation, version, owner, state, wrapped_key, dirty, added, removed,
        bytes, act FROM {ks}.crypto_page WHERE page = ? IF version = 1";
    let lost = world.kept.cql.prepare(Space::Keys, lost).await.unwrap();
    assert!(world.kept.cql.apply(&lost, (ids[1].to_bytes(),)).await.unwrap());
    for limit in [1, 2, 10] {
        let mut found = Vec::new();
        loop {
            let next = world.store.pages(&tenant(), KeyEpoch(1), found.last().copied(), limit).await.unwrap();
            if next.is_empty() {
                break;
            }
            found.extend(next.into_iter().map(|row| row.page));
        }
        assert_eq!(found, [ids[0], ids[2]], "in steps of {limit}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_is_told() {
    let Some(world) = world().await else { return };
    let recording = RecordingId::new();
    let at = recording.to_bytes();
    world
        .write(
            "INSERT INTO {ks}.crypto_locator (tenant, recording, leg, section, purpose, page, slot, state)
             VALUES ('banca-alfa', ?, 0, 0, 'quality', ?, 0, 99)",
            (at, [1_u8; 16]),
        )
        .await;
    world
        .write(
            "INSERT INTO {ks}.crypto_recording
             (tenant, recording, version, state, policy_hash, timeline_hash, span_table_hash, act)
             VALUES ('banca-alfa', ?, 1, 1, 0x00, 0x00, 0x00, 0x00)",
            (at,),
        )
        .await;
    world
        .write("INSERT INTO {ks}.crypto_epoch (tenant, epoch, kek) VALUES ('banca-alfa', 1, 0x00)", ())
        .await;
    let told = [
        world.store.locators(&tenant(), recording).await.map(drop).unwrap_err(),
        world.store.recording(&tenant(), recording).await.map(drop).unwrap_err(),
        world.store.latest_epoch(&tenant()).await.map(drop).unwrap_err(),
    ];
    assert_eq!(told.map(|error| error.code()), [ErrorCode::DataLoss; 3]);
    assert_eq!(world.store.epoch(&tenant(), KeyEpoch(u64::MAX)).await.unwrap(), None);
}

#[tokio::test]
async fn removed_bytes_are_overwritten_and_nothing_is_deleted() {
    let Some(bench) = bench().await else { return };
    let at = section(RecordingId::new(), 0);
    bench.adopted(at).await;
    let pages = &bench.service.pages;
    let locators = pages.locators(&tenant(), at.recording).await.unwrap();
    assert_eq!(locators.len(), 1);
    pages.remove(&tenant(), &locators[0]).await.unwrap();
    let kept = bench.kept::<Kept>();
    let text = "SELECT sealed, ttl(sealed), page FROM {ks}.crypto_page";
    let all = kept.cql.prepare(Space::Keys, text).await.unwrap();
    let found: Vec<(Vec<u8>, Option<i32>, Vec<u8>)> = kept.cql.rows(&all, (), 10).await.unwrap();
    assert_eq!(found, [(vec![], None, locators[0].place.page.to_bytes().to_vec())]);
    let after = pages.locators(&tenant(), at.recording).await.unwrap();
    assert_eq!(after[0].state, LocatorState::Removed);
}

#[tokio::test]
async fn keys_and_data_never_share_a_keyspace() {
    let Some(kept) = cql::testing::fresh(&COMPONENTS).await else { return };
    let text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
    let tables = kept.cql.prepare(Space::Data, text).await.unwrap();
    let keyspace = &kept.cql.options().keyspace;
    let of = async |space| -> Vec<String> {
        let found: Vec<(String,)> = kept.cql.rows(&tables, (keyspace.of(space),), 100).await.unwrap();
        found.into_iter().map(|(name,)| name).filter(|name| name.contains("crypto")).collect()
    };
    let data = of(Space::Data).await;
    let of_data = |name: &String| name.starts_with("outbox_crypto") || name == "crypto_canary";
    assert!(data.len() == 5 && data.iter().all(of_data), "{data:?}");
    let keys = of(Space::Keys).await;
    assert!(keys.len() == 12 && keys.iter().all(|name| name.starts_with("crypto_")), "{keys:?}");
}
