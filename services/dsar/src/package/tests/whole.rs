//! A whole package: what is in it, that it is signed, and that what was not granted is not there.

use std::collections::BTreeSet;

use kernel::{Basis, RecordingId, RequestId, SubjectId, Timestamp};
use policy::rights::{Gate, Presence, Right};
use proto::archive::v1::{Erased, Note, Statement};
use proto::audit::v1::Entry;
use proto::consent::v1::{ConsentEvent, EventKind, GetStateResponse};
use seal::signing::DocumentKind;
use seal::{Hash, SignedDocument, TrustRoots};
use serde_json::Value;

use super::super::Earlier;
use super::bench::Bench;
use crate::plan::{Artefact, Language};
use crate::testing::{START, recording, tenant};

/// Both legs of the call, for both purposes, and what is known of it.
fn asked() -> Bench {
    let bench = Bench::new();
    let call = bench.call;
    ["mifid2-transaction", "quality"]
        .into_iter()
        .fold(bench, |bench, purpose| {
            let own = bench.leg(Right::Access, 0, Presence::Oneself, purpose);
            own.leg(Right::Access, 1, Presence::Dialog, purpose)
        })
        .thing(Artefact::Metadata(call))
}

#[tokio::test]
async fn every_file_is_in_the_signed_list_with_its_hash() {
    let bench = asked();
    let package = bench.package().await;
    let manifest = package.json("manifest.json");
    let listed = manifest["files"].as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, package.order[..package.order.len() - 2]);
    assert_eq!(package.order[package.order.len() - 2..], ["manifest.json", "manifest.signed"]);
    for file in listed {
        let content = &package.files[file["name"].as_str().unwrap()];
        assert_eq!(file["bytes"], content.len());
        assert_eq!(file["sha256"], Hash::of(content).to_string());
    }
    assert_eq!(manifest["package"], bench.key.id.to_string());
    let signed = SignedDocument::decode(&package.files["manifest.signed"]).unwrap();
    let roots = TrustRoots::from_iter([bench.root.0.verifying_key()]);
    let verified = signed.verify(&roots, DocumentKind::Package, "dsar", &tenant()).unwrap();
    assert_eq!(verified.payload, package.files["manifest.json"]);
}

#[tokio::test]
async fn one_purpose_s_audio_is_enough_where_another_one_reaches_no_further() {
    let package = asked().package().await;
    assert_eq!(package.audio(), ["leg-0-mifid2-transaction.wav", "leg-1-mifid2-transaction.wav"]);
    let heard = package.order.iter().find(|name| name.ends_with("leg-1-mifid2-transaction.wav")).unwrap();
    assert!(heard.starts_with("calls/2026-03-02-"), "{heard}");
    assert_eq!(package.text(heard), "RIFF mifid2-transaction 1");
}

#[tokio::test]
async fn another_purpose_s_audio_is_added_where_it_reaches_further() {
    let bench = asked();
    bench.change(|facts| {
        let end = facts.duration;
        facts.bases[0].end = end / 4;
        facts.bases[1].start = end / 5;
    });
    let package = bench.package().await;
    let both = ["leg-0-quality.wav", "leg-0-mifid2-transaction.wav"];
    assert_eq!(package.audio()[..2], both);
}

#[tokio::test]
async fn another_person_s_leg_that_was_not_granted_whole_is_named_and_has_no_audio() {
    let mut bench = asked();
    bench.gate = Some(Gate::Risk);
    let package = bench.package().await;
    assert_eq!(package.audio(), ["leg-0-mifid2-transaction.wav"]);
    let legs = &package.json("data.json")["recordings"][0]["legs"];
    assert_eq!(legs[0]["withheld"], Value::Null);
    assert_eq!(legs[1]["withheld"]["because"], serde_json::json!([]));
    assert_eq!(legs[1]["audio"], serde_json::json!([]));
    assert!(package.text("index.html").contains("Not in this copy:"));
}

#[tokio::test]
async fn a_leg_with_others_on_it_says_whose_rights_it_would_impair() {
    let bench = Bench::new().leg(Right::Access, 0, Presence::Third, "quality");
    let package = bench.package().await;
    assert_eq!(package.audio(), Vec::<&str>::new());
    let legs = &package.json("data.json")["recordings"][0]["legs"];
    assert_eq!(legs[0]["withheld"]["because"], serde_json::json!(["ThirdPartyRightsImpaired"]));
    assert!(package.text("index.html").contains("it would impair the rights of others"));
}

#[tokio::test]
async fn the_data_names_nobody_but_by_role() {
    let (bench, agent) = (asked(), SubjectId::new());
    bench.keep(recording(
        bench.call,
        bench.customer,
        agent,
        &[("mifid2-transaction", Basis::LegalObligation), ("quality", Basis::Consent)],
    ));
    bench.change(|facts| {
        let note = Note { position: 5, kind: "dsar.requested".to_owned(), code: "access".to_owned() };
        facts.notes.push(note);
        let erased =
            Erased { leg: 0, start: 10, end: 20, reason: "pci-3-3-1".to_owned(), ..Default::default() };
        facts.erased.push(erased);
    });
    let package = bench.package().await;
    let data = package.json("data.json");
    let call = &data["recordings"][0];
    assert_eq!((&call["your_role"], &call["others"]), (&"customer".into(), &serde_json::json!(["agent"])));
    assert_eq!(call["notes"][0]["kind"], "dsar.requested");
    assert_eq!(call["legs"][0]["gaps"][0]["what"], "erased");
    assert_eq!(call["purposes"][0]["basis"], "legal_obligation");
    assert_eq!(call["purposes"][0]["kept"][0]["data"], "audio");
    for (name, content) in &package.files {
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains(&agent.to_string()), "{name}");
        assert!(!text.contains(&bench.customer.to_string()), "{name}");
    }
}

fn entry(action: &str, objects: &[String], facts: &[(&str, &str)]) -> Entry {
    Entry {
        at: START.0 + 60_000_000,
        action: action.to_owned(),
        actor: "giulia.rossi".to_owned(),
        actor_kind: "person".to_owned(),
        objects: objects.to_vec(),
        purpose: "quality".to_owned(),
        outcome: "ok".to_owned(),
        facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn who_has_listened_is_told_once_and_without_their_account() {
    let bench = asked().thing(Artefact::AccessLog);
    let (own, other) = (format!("recording/{}", bench.call), format!("recording/{}", RecordingId::new()));
    let about = [own.clone()];
    let refused =
        Entry { outcome: "role-not-allowed".to_owned(), ..entry("recording.replayed", &about, &[]) };
    let entries = vec![
        entry("recording.replayed", &about, &[("use", "review")]),
        entry("recording.replayed", &about, &[("after", "the-first"), ("sent-bytes", "9")]),
        entry("key.unwrapped", &about, &[]),
        entry("recording.replayed", &[other], &[("use", "authority")]),
        refused,
        entry("request.package-handed-out", &[own.clone(), format!("request/{}", bench.key.id)], &[]),
        entry("request.package-handed-out", &[own.clone(), format!("request/{}", RequestId::new())], &[]),
        entry("recording.replayed", &about, &[("use", "rights")]),
    ];
    bench.line.facts.state().entries.insert(own, entries);
    let package = bench.package().await;
    let heard = &package.json("data.json")["consultations"];
    let told: Vec<_> = heard.as_array().unwrap().iter().map(|heard| heard["what"].clone()).collect();
    assert_eq!(told, ["listened", "handed-out", "opened"]);
    assert_eq!((&heard[0]["use"], &heard[0]["by"]), (&"review".into(), &"person".into()));
    assert!(!package.files.values().any(|content| String::from_utf8_lossy(content).contains("giulia")));
    let page = package.text("index.html");
    assert!(page.contains("Who listened") && page.contains("to review quality"), "{page}");
}

#[tokio::test]
async fn consent_is_told_only_where_it_was_granted() {
    let history = vec![ConsentEvent {
        kind: EventKind::Given.into(),
        purposes: vec!["quality".to_owned()],
        occurred_at: START.0,
        ..Default::default()
    }];
    let consent = GetStateResponse { history, ..Default::default() };
    let (without, with) = (asked(), asked().thing(Artefact::Consent));
    for bench in [&without, &with] {
        bench.line.facts.state().consents.insert(bench.customer, consent.clone());
    }
    let package = without.package().await;
    assert_eq!(package.json("data.json")["consent"]["history"], serde_json::json!([]));
    assert!(!package.text("index.html").contains("Your consent"));
    let package = with.package().await;
    let data = package.json("data.json");
    assert_eq!(data["consent"]["history"][0]["what"], "given");
    assert_eq!(data["consent"]["history"][0]["at"], Timestamp(START.0).to_string());
    assert!(package.text("index.html").contains("you agreed"));
}

#[tokio::test]
async fn what_was_agreed_to_in_another_person_s_call_of_the_same_line_is_not_told() {
    let mut bench = asked().thing(Artefact::Consent);
    let theirs = RecordingId::new();
    let given = |call: RecordingId, purpose: &str| ConsentEvent {
        kind: EventKind::Given.into(),
        purposes: vec![purpose.to_owned()],
        recording_id: call.to_bytes().to_vec(),
        ..Default::default()
    };
    let history = vec![given(bench.call, "quality"), given(theirs, "marketing")];
    let consent = GetStateResponse { history, ..Default::default() };
    bench.line.facts.state().consents.insert(bench.customer, consent);
    assert!(bench.package().await.text("data.json").contains("marketing"), "it is in what consent says");
    bench.not_theirs.insert(theirs);
    let package = bench.package().await;
    for file in ["data.json", "index.html"] {
        assert!(!package.text(file).contains("marketing"), "{file}");
        assert!(package.text(file).contains("quality"), "{file}");
    }
    let id = theirs.to_string();
    assert!(package.files.values().all(|bytes| !String::from_utf8_lossy(bytes).contains(&id)));
}

#[tokio::test]
async fn what_turned_out_to_be_another_person_s_is_in_no_file() {
    let mut bench = asked();
    let (other, call) = (SubjectId::new(), RecordingId::new());
    bench.keep(recording(call, other, SubjectId::new(), &[("quality", Basis::Consent)]));
    bench = bench.thing(Artefact::Metadata(call));
    // Before anybody has found out, nothing is handed out at all.
    assert!(bench.handed().await.is_err());
    let strange = bench.items.last().unwrap().key().unwrap();
    bench.strange.insert(strange);
    let handed = bench.handed().await.unwrap();
    assert_eq!(handed.recordings, [bench.call].into(), "nobody is noted to have got it");
    let (package, id) = (bench.package().await, call.to_string());
    assert!(package.files.values().all(|bytes| !String::from_utf8_lossy(bytes).contains(&id)));
    assert!(package.text("data.json").contains(&bench.call.to_string()));
}

/// The keys of an object of the data are those that its schema names, all of them and no other.
pub(super) fn fits(schema: &Value, form: &Value, data: &Value, at: &str) {
    if let Some(name) = form["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return fits(schema, &schema["$defs"][name], data, at);
    }
    if let Some(forms) = form["anyOf"].as_array() {
        if !data.is_null() {
            fits(schema, &forms[0], data, at);
        }
        return;
    }
    if let Some(words) = form["enum"].as_array() {
        assert!(words.contains(data), "{at}: {data}");
    }
    match form["type"].as_str() {
        Some("object") => {
            let (told, known) = (data.as_object().unwrap(), form["properties"].as_object().unwrap());
            let names = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(names(told), names(known), "{at}");
            assert_eq!((form["additionalProperties"].as_bool(), known.len()), (Some(false), told.len()));
            known.iter().for_each(|(key, form)| fits(schema, form, &told[key], &format!("{at}/{key}")));
        }
        Some("array") => {
            let all = data.as_array().unwrap_or_else(|| panic!("{at} is no array"));
            all.iter().for_each(|data| fits(schema, &form["items"], data, at));
        }
        Some("string") => assert!(data.is_string(), "{at}"),
        Some("integer") => assert!(data.is_u64(), "{at}"),
        Some("boolean") => assert!(data.is_boolean(), "{at}"),
        Some(other) => panic!("{at} has the type {other}"),
        None => {}
    }
}

#[tokio::test]
async fn the_data_is_as_its_schema_says() {
    let bench = asked().thing(Artefact::AccessLog).thing(Artefact::Consent);
    let object = format!("recording/{}", bench.call);
    let entries = vec![entry("recording.replayed", std::slice::from_ref(&object), &[])];
    bench.line.facts.state().entries.insert(object, entries);
    let consent = GetStateResponse { history: vec![ConsentEvent::default()], ..Default::default() };
    bench.line.facts.state().consents.insert(bench.customer, consent);
    let package = bench.package().await;
    let schema = package.json("schema.json");
    fits(&schema, &schema, &package.json("data.json"), "");
    assert_eq!(package.json("data.json")["schema"], "verbale-access/1");
}

#[tokio::test]
async fn what_was_stated_about_a_call_is_told_with_it_and_whose_request_it_was_to_nobody_else() {
    let own = RequestId::new();
    let mut bench = asked().thing(Artefact::Request(own));
    bench.earlier = vec![Earlier { id: own, received_at: START, rights: vec!["rectify"], ended: None }];
    let other = RequestId::new();
    bench.change(|facts| {
        let stated = |filed: &str, by: RequestId| Statement {
            filed: filed.to_owned(),
            request_id: by.to_bytes().to_vec(),
            at: START.0,
        };
        facts.statements = vec![stated("statement-7", own), stated("statement-8", other)];
    });
    for (language, says) in [(Language::English, "has it on file as"), (Language::Italian, "è agli atti")] {
        bench.language = language;
        let package = bench.package().await;
        let (schema, data) = (package.json("schema.json"), package.json("data.json"));
        fits(&schema, &schema, &data, "");
        let told = &data["recordings"][0]["statements"];
        let at = Timestamp(START.0).to_string();
        let expected = serde_json::json!([
            {"filed": "statement-7", "at": at, "request": own.to_string()},
            {"filed": "statement-8", "at": at, "request": null},
        ]);
        assert_eq!(told, &expected);
        let page = package.text("index.html");
        let by_own = format!("<code>{own}</code></li>");
        for text in [says, "<code>statement-7</code>", "<code>statement-8</code>", by_own.as_str()] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!package.files.values().any(|own| String::from_utf8_lossy(own).contains(&other.to_string())));
    }
}

#[tokio::test]
async fn a_call_about_which_nothing_was_stated_says_nothing_of_it() {
    let package = asked().package().await;
    assert_eq!(package.json("data.json")["recordings"][0]["statements"], serde_json::json!([]));
    assert!(!package.text("index.html").contains("has it on file as"));
}

#[tokio::test]
async fn the_same_facts_make_the_same_bytes() {
    let bench = asked();
    let (first, second) = (bench.package().await, bench.package().await);
    let rest = |name: &&String| name.as_str() != "manifest.signed";
    for name in first.order.iter().filter(rest) {
        assert_eq!(first.files[name], second.files[name], "{name}");
    }
}

#[tokio::test]
async fn what_a_second_person_has_not_approved_is_not_granted() {
    let mut bench = asked().unapproved();
    bench.gate = Some(Gate::Risk);
    let package = bench.package().await;
    assert_eq!(package.audio(), ["leg-0-mifid2-transaction.wav"]);
    let log = asked().thing(Artefact::AccessLog).unapproved().handed().await.unwrap();
    assert!(!log.items.iter().any(|item| item.as_str() == "access/access-log"));
}

#[tokio::test]
async fn requests_that_were_granted_are_told_of_and_never_missing() {
    let id = RequestId::new();
    let mut bench = asked().thing(Artefact::Request(id));
    assert!(bench.handed().await.is_err());
    let earlier = |id| Earlier { id, received_at: START, rights: vec!["erase"], ended: Some("partial") };
    bench.earlier = vec![earlier(id), earlier(RequestId::new())];
    let package = bench.package().await;
    let (schema, data) = (package.json("schema.json"), package.json("data.json"));
    fits(&schema, &schema, &data, "");
    let told = data["requests"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["id"]), (1, &Value::from(id.to_string())));
    assert!(package.text("index.html").contains("<td>erasure</td><td>it was done in part</td>"));
}

#[tokio::test]
async fn a_customer_s_acts_are_in_nobody_else_s_copy() {
    let bench = asked();
    bench.change(|facts| {
        for (kind, code) in [("dsar.requested", "access"), ("consent.refused", "quality"), ("other", "x")] {
            facts.notes.push(Note { position: 5, kind: kind.to_owned(), code: code.to_owned() });
        }
    });
    assert_eq!(
        bench.package().await.json("data.json")["recordings"][0]["notes"].as_array().unwrap().len(),
        3
    );
    bench.change(|facts| facts.parties.iter_mut().for_each(|party| party.role = 3 - party.role));
    let data = bench.package().await.json("data.json");
    let notes = data["recordings"][0]["notes"].as_array().unwrap();
    assert_eq!((notes.len(), &notes[0]["kind"]), (1, &Value::from("other")));
}
