//! Loading, reloading, and what stays.

use std::path::Path;
use std::time::Duration;

use kernel::{ErrorCode, ManualClock, ServiceError, chain};
use platform::outbox::Bell;

use super::*;
use crate::store::sqlite::SqliteStore;
use crate::testing::write_policy;

const BEFORE: &str = "tenant: telco-beta\njurisdiction: IT\n";
const AFTER: &str = "tenant: telco-beta\njurisdiction: GB\n";
const BROKEN: &str = "tenant: telco-beta\njurisdiction: IT\npurposes:\n  quality: { basis: hope }\n";

struct Stand {
    directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    clock: Arc<ManualClock>,
}

impl Stand {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("policies")).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1_000)));
        let file = directory.path().join("consent.db");
        let store = Arc::new(SqliteStore::open(&file, clock.clone(), Bell::new()).await.unwrap());
        Self { directory, store, clock }
    }
    fn policies(&self) -> PathBuf {
        self.directory.path().join("policies")
    }
    async fn open(&self) -> Result<Policies, Error> {
        Policies::open(self.policies(), self.store.clone(), self.clock.clone()).await
    }
    fn write(&self, folder: &str, text: &str) {
        write_policy(self.policies(), folder, text);
    }
}

fn beta() -> TenantId {
    TenantId::new("telco-beta").unwrap()
}

fn hash(text: &str) -> PolicyHash {
    policy::parse(text, &|_| None).unwrap().hash()
}

#[tokio::test]
async fn a_reload_brings_the_new_policy_and_keeps_the_old_one_by_hash() {
    let stand = Stand::new().await;
    stand.write("telco-beta", BEFORE);
    let policies = stand.open().await.unwrap();
    let first = policies.in_force(&beta()).unwrap();
    assert_eq!((first.hash(), first.row.since), (hash(BEFORE), Timestamp(1_000)));
    stand.clock.advance(Duration::from_secs(1));
    assert_eq!(policies.reload().await.unwrap(), Reloaded::default());
    stand.write("telco-beta", AFTER);
    assert_eq!(policies.reload().await.unwrap().began, [beta()]);
    let second = policies.in_force(&beta()).unwrap();
    assert_eq!((second.hash(), second.row.since), (hash(AFTER), Timestamp(1_001_000)));
    // Also for a process that never had it in memory.
    let fresh = stand.open().await.unwrap();
    assert_eq!(fresh.by_hash(&beta(), hash(BEFORE)).await.unwrap(), Some(first));
    assert_eq!(fresh.by_hash(&beta(), PolicyHash([0; 32])).await.unwrap(), None);
}

#[tokio::test]
async fn a_malformed_policy_is_refused_by_line_and_column_and_nothing_is_half_loaded() {
    let stand = Stand::new().await;
    stand.write("banca-alfa", "tenant: banca-alfa\njurisdiction: IT\n");
    stand.write("telco-beta", BROKEN);
    let refused = stand.open().await.map(drop).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
    let told = chain(&refused);
    assert!(told.contains("telco-beta/policy.yaml") && told.contains("4:21"), "{told}");
    assert_eq!(stand.store.policies_in_force().await.unwrap(), []);
    stand.write("telco-beta", BEFORE);
    let policies = stand.open().await.unwrap();
    stand.write("banca-alfa", "tenant: banca-alfa\njurisdiction: GB\n");
    stand.write("telco-beta", BROKEN);
    policies.reload().await.unwrap_err();
    let alfa = policies.in_force(&TenantId::new("banca-alfa").unwrap()).unwrap();
    assert_eq!(alfa.policy.jurisdiction.as_str(), "IT");
    assert_eq!(policies.in_force(&beta()).unwrap().hash(), hash(BEFORE));
}

#[tokio::test]
async fn a_tenant_whose_folder_goes_has_no_policy_any_more() {
    let stand = Stand::new().await;
    stand.write("telco-beta", BEFORE);
    let policies = stand.open().await.unwrap();
    std::fs::remove_dir_all(stand.policies().join("telco-beta")).unwrap();
    assert_eq!(policies.reload().await.unwrap().ended, [beta()]);
    assert_eq!(policies.in_force(&beta()), None);
    assert!(policies.by_hash(&beta(), hash(BEFORE)).await.unwrap().is_some());
    assert_eq!(stand.open().await.unwrap().in_force(&beta()), None);
}

#[tokio::test]
async fn folders_and_documents_that_do_not_fit_are_named() {
    let check = async |prepare: &dyn Fn(&Path), word: &str| {
        let stand = Stand::new().await;
        prepare(&stand.policies());
        let told = chain(&stand.open().await.map(drop).unwrap_err());
        assert!(told.contains(word), "{told}");
    };
    check(&|path| write_policy(path.to_owned(), "Telco Beta", BEFORE), "no tenant's").await;
    check(&|path| write_policy(path.to_owned(), "banca-alfa", BEFORE), "the document is tenant telco-beta's")
        .await;
    check(&|path| std::fs::create_dir(path.join("telco-beta")).unwrap(), "policy.yaml").await;
    check(&|path| std::fs::remove_dir(path).unwrap(), "policies").await;
    check(&|path| write_policy(path.to_owned(), "telco-beta", &"#".repeat((1 << 20) + 1)), "policy.yaml")
        .await;
}

#[tokio::test]
async fn hidden_folders_and_files_are_not_looked_at() {
    let stand = Stand::new().await;
    stand.write(".git", "no policy");
    std::fs::write(stand.policies().join("README.md"), "no policy").unwrap();
    assert_eq!(stand.open().await.unwrap().in_force(&beta()), None);
}

#[tokio::test]
async fn notice_files_come_with_the_policy_and_their_texts_stay() {
    let stand = Stand::new().await;
    let text = "tenant: telco-beta\njurisdiction: IT\npurposes:\n  quality: { basis: consent, retention: P90D }\n\
        notices:\n  n5: { language: it, text_file: notices/n5.txt, purposes: [quality] }\n";
    stand.write("telco-beta", text);
    let missing = chain(&stand.open().await.map(drop).unwrap_err());
    assert!(missing.contains("text_file notices/n5.txt cannot be read"), "{missing}");
    let file = stand.policies().join("telco-beta/notices/n5.txt");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "Registriamo.\n").unwrap();
    let policies = stand.open().await.unwrap();
    let first = policies.in_force(&beta()).unwrap();
    assert_eq!(first.row.texts["notices/n5.txt"], "Registriamo.\n");
    std::fs::write(&file, "Registriamo la chiamata.").unwrap();
    policies.reload().await.unwrap();
    let second = policies.in_force(&beta()).unwrap();
    assert_ne!(first.hash(), second.hash());
    let name = NoticeName::new("n5").unwrap();
    for (version, text) in [(first, "Registriamo."), (second, "Registriamo la chiamata.")] {
        let (notice, _) = version.notice(&name).unwrap();
        let row = stand.store.notice(&beta(), &name, notice.text_hash).await.unwrap().unwrap();
        assert_eq!(row.text, text);
    }
}
