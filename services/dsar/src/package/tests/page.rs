//! The page: what comes from data is text in it, and it needs nothing but itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::request::Asker;
use policy::rights::{Presence, Right};
use proto::archive::v1::{Absence, Note};

use super::super::gather::{Facts, Found, NOTICE_PLAYED};
use super::super::granted::Granted;
use super::super::page::{Text, page};
use super::super::told::told;
use super::bench::Bench;
use crate::plan::Language;
use crate::testing::START;

const POLICY: &str = "
tenant: banca-alfa
jurisdiction: IT
purposes:
  quality: { basis: consent, retention: P90D, roles: [supervisor] }
notices:
  notice-it-3: { language: it, text: \"<b>Questa</b> chiamata & registrata\", purposes: [quality] }
";

fn own(bench: Bench) -> Bench {
    bench.leg(Right::Access, 0, Presence::Oneself, "quality")
}

#[test]
fn text_stays_text() {
    let text = Text("<script>alert(\"a & 'b'\")</script>").to_string();
    assert_eq!(text, "&lt;script&gt;alert(&quot;a &amp; &#39;b&#39;&quot;)&lt;/script&gt;");
}

#[tokio::test]
async fn a_word_from_elsewhere_is_no_markup() {
    let bench = own(Bench::new());
    bench.change(|facts| {
        let reason = "<img src=x onerror=alert(1)>".to_owned();
        facts.legs[0].absences.push(Absence { start: 0, end: 2_000_000, reason, ..Default::default() });
    });
    let page = bench.package().await.text("index.html");
    assert!(!page.contains("<img") && page.contains("&lt;img src=x"), "{page}");
}

#[tokio::test]
async fn it_plays_what_is_there_and_loads_nothing_else() {
    for (language, title) in
        [(Language::English, "Your recorded calls"), (Language::Italian, "Le Sue chiamate")]
    {
        let mut bench = own(Bench::new());
        bench.language = language;
        let package = bench.package().await;
        let page = package.text("index.html");
        assert!(page.contains(&format!("<html lang=\"{}\">", language.as_str())));
        assert!(page.contains(title));
        let audio = package.order.iter().find(|name| name.ends_with(".wav")).unwrap();
        assert!(page.contains(&format!("src=\"{audio}\"")), "{page}");
        assert!(page.contains("Garante per la protezione dei dati personali"));
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    }
}

#[tokio::test]
async fn a_pause_is_told_by_its_place() {
    let bench = own(Bench::new());
    bench.change(|facts| {
        let (start, end, reason) = (65_000_000, 125_000_000, "pause".to_owned());
        facts.legs[0].absences.push(Absence { start, end, reason, ..Default::default() });
    });
    let page = bench.package().await.text("index.html");
    assert!(page.contains("1:05 – 2:05: recording was paused"), "{page}");
    assert!(page.contains("2 March 2026, 09:00"), "{page}");
}

#[test]
fn a_notice_that_was_played_is_told_with_its_words() {
    let bench = own(Bench::new());
    let policy = policy::parse(POLICY, &|_| None).unwrap();
    let hash = *policy.hash().as_bytes();
    bench.change(|facts| {
        facts.policy_hash = hash.to_vec();
        let code = "notice-it-3".to_owned();
        facts.notes.push(Note { position: 1_000_000, kind: NOTICE_PLAYED.to_owned(), code });
    });
    let recording = bench.line.facts.state().recordings[0].clone();
    let (entries, disclosures) = (Vec::new(), Vec::new());
    let found = Found { id: bench.call, recording, kept: None, entries, disclosures };
    let policies = BTreeMap::from([(hash, Arc::new(policy))]);
    let facts = Facts {
        person: crate::person::Person::new(kernel::SubjectId::new(), []),
        recordings: vec![found],
        consent: None,
        policies,
    };
    let file = bench.file();
    let data = told(&bench.key, &file, &facts, &Granted::of(&file), &[], START);
    let [notice] = data.notices.as_slice() else { panic!("{:?}", data.notices) };
    assert_eq!((notice.name.as_str(), notice.language.as_deref()), ("notice-it-3", Some("it")));
    assert_eq!(notice.shown_at, ["2026-03-02T08:00:01Z"]);
    let page = page(&data, Language::Italian, "IT".parse().unwrap());
    assert!(page.contains("&lt;b&gt;Questa&lt;/b&gt; chiamata &amp; registrata"), "{page}");
}

#[tokio::test]
async fn a_copy_cites_the_law_and_the_articles_by_which_it_was_asked() {
    let mut bench = own(Bench::new());
    assert!(bench.package().await.text("index.html").contains("(GDPR Art. 15 and 20)"));
    bench.jurisdiction = "GB";
    let package = bench.package().await;
    let page = package.text("index.html");
    assert!(page.contains("(UK GDPR Art. 15 and 20)") && page.contains("(UK GDPR Art. 6(1)(a))"), "{page}");
}

#[tokio::test]
async fn who_is_not_the_customer_is_told_of_the_customer_s_consent() {
    let bench = own(Bench::new());
    assert!(bench.package().await.text("index.html").contains("your consent (GDPR"));
    bench.change(|facts| facts.parties.iter_mut().for_each(|party| party.role = 3 - party.role));
    let page = bench.package().await.text("index.html");
    assert!(page.contains("the customer&#39;s consent (GDPR") && !page.contains("your consent"), "{page}");
}

#[tokio::test]
async fn whoever_asks_for_somebody_is_not_told_what_they_were() {
    let mut bench = own(Bench::new());
    bench.asker = Asker::Representative;
    let page = bench.package().await.text("index.html");
    assert!(page.contains("They were: the customer") && !page.contains("You were"), "{page}");
    assert!(page.contains("You asked for somebody else"), "{page}");
}

#[tokio::test]
async fn it_says_where_the_data_comes_from_and_that_nobody_is_known_to_have_got_it() {
    let package = own(Bench::new()).package().await;
    let page = package.text("index.html");
    for told in ["the company that you called", "no automated decision", "third country", "kept sealed"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(page.contains("It is not noted here that it was given to anybody outside"), "{page}");
    assert_eq!(package.json("data.json")["processing"]["automated_decisions"], false);
}
