//! Who outside got something, as the person is told of it (GDPR Art. 15(1)(c) and 19).

use kernel::RequestId;
use policy::code::Code;
use policy::request::{Asker, Cause, NoticeState};
use policy::rights::{Presence, Right};
use serde_json::json;

use super::super::Earlier;
use super::bench::Bench;
use super::whole::fits;
use crate::disclosure::{DATA_SUBJECT, Disclosure, Origin, REPRESENTATIVE};
use crate::plan::Language;
use crate::testing::{DAY, START};

/// One leg of the call.
fn asked() -> Bench {
    Bench::new().leg(Right::Access, 0, Presence::Oneself, "quality")
}

fn filed() -> Origin {
    Origin::Filed(Code::new("contract-7").unwrap())
}

/// Told of an erasure two days after the call, with this answer.
fn told(bench: &Bench, disclosure: &Disclosure, state: NoticeState) {
    let (act, at) = ([7; 16], START.plus(DAY * 2));
    let due = disclosure.with_notice(Cause::Erased, act, at).unwrap().unwrap();
    let filed = Some(Code::new("mail-3").unwrap());
    let answered = match state {
        NoticeState::Due => due,
        NoticeState::Failed | NoticeState::Acknowledged | NoticeState::Impossible => {
            due.answered(act, state, filed, at.plus(DAY)).unwrap().unwrap()
        }
    };
    bench.disclosures.keep(answered);
}

#[tokio::test]
async fn each_recipient_is_named_with_what_they_were_told_since() {
    let bench = asked();
    bench.discloses("consob", filed());
    let (vendor, partner) = (bench.discloses("stt-vendor", filed()), bench.discloses("partner", filed()));
    told(&bench, &vendor, NoticeState::Acknowledged);
    told(&bench, &partner, NoticeState::Failed);
    let package = bench.package().await;
    let (schema, data) = (package.json("schema.json"), package.json("data.json"));
    fits(&schema, &schema, &data, "");
    let found: Vec<_> = data["recipients"].as_array().unwrap().iter().collect();
    let who: Vec<_> = found.iter().map(|one| one["who"].as_str().unwrap()).collect();
    assert_eq!(who, ["consob", "stt-vendor", "partner"]);
    assert_eq!(found[0]["told"], json!([]));
    assert_eq!(
        (&found[1]["told"][0]["what"], &found[1]["told"][0]["state"]),
        (&json!("erased"), &json!("acknowledged"))
    );
    assert_eq!(found[1]["told"][0]["since"], START.plus(DAY * 2).to_string());
    assert_eq!(found[2]["told"][0]["state"], "failed");
    assert_eq!(
        (&found[0]["recording"], &found[0]["purpose"]),
        (&json!(bench.call.to_string()), &json!("quality"))
    );
    let page = package.text("index.html");
    assert!(page.contains("<td>stt-vendor</td>") && page.contains("it was erased: they know"), "{page}");
    assert!(page.contains("it was erased: they could not be told yet"), "{page}");
    assert!(!page.contains("It is not noted here that it was given"), "{page}");
    for (name, content) in &package.files {
        assert!(
            !String::from_utf8_lossy(content).contains("contract-7"),
            "where it is filed is nobody's: {name}"
        );
    }
}

#[tokio::test]
async fn a_page_in_italian_says_so_in_italian() {
    let mut bench = asked();
    bench.language = Language::Italian;
    let disclosure = bench.discloses("consob", filed());
    told(&bench, &disclosure, NoticeState::Due);
    let page = bench.package().await.text("index.html");
    assert!(page.contains("è stato cancellato: la comunicazione è in corso"), "{page}");
}

#[tokio::test]
async fn an_earlier_copy_is_told_as_a_copy_and_another_person_s_not_at_all() {
    let mut bench = asked();
    let (earlier, another) = (RequestId::new(), RequestId::new());
    bench.earlier = vec![Earlier { id: earlier, received_at: START, rights: vec!["access"], ended: None }];
    bench.discloses(DATA_SUBJECT, Origin::Copy(earlier));
    bench.discloses(DATA_SUBJECT, Origin::Copy(another));
    // This very copy, fetched once before.
    bench.discloses(DATA_SUBJECT, Origin::Copy(bench.key.id));
    let package = bench.package().await;
    let (schema, data) = (package.json("schema.json"), package.json("data.json"));
    fits(&schema, &schema, &data, "");
    assert_eq!(data["recipients"], json!([]));
    let copies = data["copies"].as_array().unwrap();
    let [copy] = copies.as_slice() else { panic!("{copies:?}") };
    assert_eq!((&copy["request"], &copy["to"]), (&json!(earlier.to_string()), &json!("data-subject")));
    let page = package.text("index.html");
    assert!(page.contains("Copies that you have already") && page.contains(&earlier.to_string()), "{page}");
    assert!(!page.contains(&another.to_string()), "{page}");
}

#[tokio::test]
async fn a_copy_for_whoever_asked_for_the_person_says_so() {
    let mut bench = asked();
    let earlier = RequestId::new();
    bench.asker = Asker::Representative;
    bench.earlier = vec![Earlier { id: earlier, received_at: START, rights: vec!["access"], ended: None }];
    bench.discloses(REPRESENTATIVE, Origin::Copy(earlier));
    let package = bench.package().await;
    assert_eq!(package.json("data.json")["copies"][0]["to"], "representative");
    assert!(package.text("index.html").contains("<td>whoever asked for you</td>"));
}

#[tokio::test]
async fn a_copy_of_a_call_that_nobody_got_names_nobody() {
    let package = asked().package().await;
    let data = package.json("data.json");
    assert_eq!((&data["recipients"], &data["copies"]), (&json!([]), &json!([])));
    assert!(!package.text("index.html").contains("Copies that you have already"));
}
