//! The same calls over every wire: in this process, over TCP, over TLS.

mod binding;
mod fakes;
mod spans;

use std::time::Duration;

use kernel::{PurposeName, RecordingId, Role};
use prost::Message;
use proto::archive::v1::recordings_client::RecordingsClient;
use proto::archive::v1::{GetRequest, ListRequest, ReplayRequest, VerifyRequest};
use proto::audit::v1::{Entry, EntryWritten};
use proto::consent::v1::consent_client::ConsentClient;
use proto::consent::v1::{GetPolicyRequest, RecordEventRequest, WatchRequest};
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Status};

use self::fakes::{Stand, stand, stand_with};
use crate::audit;
use crate::auth::Token;
use crate::call::{CallMetadata, MAX_REASON, TENANT, request};
use crate::config::{ByteSize, Period};
use crate::error::reason;
use crate::server;
use crate::stand::{eventually, tenant};
use crate::wire::Wire;

fn get(token: &Token) -> Request<GetRequest> {
    let id = RecordingId::from_bytes([7; 16]);
    request(&tenant("banca-alfa"), GetRequest { recording_id: id.to_bytes().to_vec() }).bearer(token)
}

fn replay(token: &Token) -> Request<ReplayRequest> {
    let quality = PurposeName::new("quality").unwrap();
    request(&tenant("banca-alfa"), ReplayRequest::default())
        .bearer(token)
        .purpose(&quality)
        .reason("complaint 17")
}

fn withdrawal(token: &Token) -> Request<RecordEventRequest> {
    request(&tenant("banca-alfa"), RecordEventRequest::default()).bearer(token)
}

fn verify(token: &Token, id: &[u8]) -> Request<VerifyRequest> {
    request(&tenant("banca-alfa"), VerifyRequest { recording_id: id.to_vec() }).bearer(token)
}

async fn only_entry(stand: &Stand) -> EntryWritten {
    let mut entries = stand.log.entries().await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

fn entry(written: &EntryWritten) -> &Entry {
    written.entry.as_ref().unwrap()
}

async fn two_entries(stand: &Stand) -> Vec<EntryWritten> {
    eventually("a second entry", async || {
        let mut entries = stand.log.entries().await;
        entries.sort_by_key(|written| entry(written).facts.contains_key("after"));
        (entries.len() == 2).then_some(entries)
    })
    .await
}

fn refused(status: &Status, code: Code, why: &str) {
    assert_eq!((status.code(), reason(status)), (code, why), "{status:?}");
}

macro_rules! over_every_wire {
    ($($(#[$attr:meta])* $name:ident($stand:ident, $wire:ident) $body:block)+) => { $(
        mod $name {
            use super::*;
            async fn check($stand: &mut Stand, $wire: Wire) $body
            #[tokio::test]
            async fn in_process() {
                let mut stand = stand().await;
                let wire = stand.in_process();
                check(&mut stand, wire).await;
            }
            #[tokio::test]
            async fn over_tcp() {
                let mut stand = stand().await;
                let wire = stand.over_tcp().await;
                check(&mut stand, wire).await;
            }
            #[tokio::test]
            async fn over_tls() {
                let mut stand = stand().await;
                let wire = stand.over_tls().await;
                check(&mut stand, wire).await;
            }
        }
    )+ };
}

over_every_wire! {
    a_call_that_may_be_made_is_answered_and_entered_before(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let answer = RecordingsClient::new(wire).get(get(&token)).await.unwrap().into_inner();
        assert_eq!(answer.recording_id, [7; 16]);
        let written = only_entry(stand).await;
        let entry = entry(&written);
        assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("recording.read", "ok"));
        assert_eq!((entry.actor.as_str(), entry.actor_kind.as_str()), ("anna", "person"));
        assert_eq!(entry.tenant, "banca-alfa");
        assert_eq!(entry.objects, [format!("recording/{}", RecordingId::from_bytes([7; 16]))]);
        assert_eq!(entry.facts["legs"], "2");
    }

    the_wrong_tenant_is_refused_and_entered_in_the_deployment_s_own_ledger(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "telco-beta");
        let status = RecordingsClient::new(wire).get(get(&token)).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "tenant");
        let written = only_entry(stand).await;
        assert_eq!((entry(&written).tenant.as_str(), entry(&written).outcome.as_str()), ("verbale-deployment", "tenant"));
    }

    the_wrong_role_is_refused_and_entered(stand, wire) {
        let token = stand.person("olga", Role::Operator, "banca-alfa");
        let status = RecordingsClient::new(wire).get(get(&token)).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "role");
        let written = only_entry(stand).await;
        let entry = entry(&written);
        assert_eq!((entry.tenant.as_str(), entry.outcome.as_str()), ("banca-alfa", "role"));
        assert_eq!(entry.facts["method"], "/verbale.archive.v1.Recordings/Get");
    }

    no_token_or_an_expired_or_a_forged_one_is_refused_and_nothing_entered(stand, wire) {
        let mut client = RecordingsClient::new(wire);
        let bare = request(&tenant("banca-alfa"), GetRequest::default());
        assert_eq!(client.get(bare).await.unwrap_err().code(), Code::Unauthenticated);
        for token in [stand.expired(), stand.forged(), Token::new("nonsense"), Token::new("x".repeat(9_000))] {
            let status = client.get(get(&token)).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        }
        let mut basic = request(&tenant("banca-alfa"), GetRequest::default());
        basic.metadata_mut().insert("authorization", "Basic YTpi".parse().unwrap());
        assert_eq!(client.get(basic).await.unwrap_err().code(), Code::Unauthenticated);
        assert_eq!(stand.log.entries().await.len(), 0);
        assert_eq!(stand.handled(), 0);
    }

    tenant_purpose_and_reason_must_be_stated_where_the_rule_says(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut client = RecordingsClient::new(wire);
        let without = |name: &str| {
            let mut request = replay(&token);
            match name.ends_with("-bin") {
                true => drop(request.metadata_mut().remove_bin(name)),
                false => drop(request.metadata_mut().remove(name)),
            }
            request
        };
        for (name, why) in [
            ("verbale-tenant", "tenant-missing"),
            ("verbale-purpose", "purpose-missing"),
            ("verbale-reason-bin", "reason-missing"),
        ] {
            let status = client.replay(without(name)).await.unwrap_err();
            refused(&status, Code::InvalidArgument, why);
        }
        let mut odd = replay(&token);
        odd.metadata_mut().insert(TENANT, "Banca Alfa".parse().unwrap());
        refused(&client.replay(odd).await.unwrap_err(), Code::InvalidArgument, "tenant-malformed");
        let blank = without("verbale-reason-bin").reason("  \n ");
        refused(&client.replay(blank).await.unwrap_err(), Code::InvalidArgument, "reason-missing");
        let long = without("verbale-reason-bin").reason(&"x".repeat(MAX_REASON + 1));
        refused(&client.replay(long).await.unwrap_err(), Code::InvalidArgument, "reason-malformed");
        let longest = without("verbale-reason-bin").reason(&"x".repeat(MAX_REASON));
        client.replay(longest).await.unwrap();
    }

    a_reason_is_committed_to_and_sealed_and_nowhere_in_clear(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut stream = RecordingsClient::new(wire).replay(replay(&token)).await.unwrap().into_inner();
        while stream.message().await.unwrap().is_some() {}
        let entries = two_entries(stand).await;
        let (first, sealed) = (entry(&entries[0]), entries[0].reason.as_ref().unwrap());
        let id = kernel::EventId::from_slice(&first.event_id).unwrap();
        let salted = stand.sealer.open(&tenant("banca-alfa"), id, sealed);
        assert_eq!(&salted[32..], b"complaint 17");
        assert_eq!(first.reason_commitment, Sha256::digest(&salted).as_slice());
        for written in &entries {
            let bytes = written.encode_to_vec();
            assert!(!bytes.windows(9).any(|window| window == b"complaint"));
        }
    }

    a_stream_s_second_entry_says_what_was_really_sent(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut stream = RecordingsClient::new(wire).replay(replay(&token)).await.unwrap().into_inner();
        let mut messages = 0;
        while stream.message().await.unwrap().is_some() {
            messages += 1;
        }
        assert_eq!(messages, 3);
        let entries = two_entries(stand).await;
        let (first, second) = (entry(&entries[0]), entry(&entries[1]));
        assert_eq!((first.outcome.as_str(), first.purpose.as_str()), ("ok", "quality"));
        assert_eq!((second.outcome.as_str(), second.purpose.as_str()), ("ok", "quality"));
        assert_eq!(second.facts["sent-messages"], "3");
        assert!(second.facts["sent-bytes"].parse::<u64>().unwrap() > 3_000);
        assert_eq!(second.facts["after"], kernel::EventId::from_slice(&first.event_id).unwrap().to_string());
    }

    a_stream_that_is_refused_is_entered_once(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut client = RecordingsClient::new(wire);
        let mut withdrawn = replay(&token);
        withdrawn.get_mut().mark = "refuse".to_owned();
        refused(&client.replay(withdrawn).await.unwrap_err(), Code::PermissionDenied, "withdrawn");
        assert_eq!(entry(&only_entry(stand).await).outcome, "withdrawn");
        // What a later stream leaves comes after whatever this one left.
        let mut stream = client.replay(replay(&token)).await.unwrap().into_inner();
        while stream.message().await.unwrap().is_some() {}
        let entries = eventually("the later stream's end", async || {
            let entries = stand.log.entries().await;
            entries.iter().any(|written| entry(written).facts.contains_key("sent-messages")).then_some(entries)
        })
        .await;
        assert_eq!(entries.len(), 3, "{entries:?}");
    }

    a_stream_whose_listener_goes_away_is_entered_as_cancelled(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut endless = replay(&token);
        endless.get_mut().mark = "endless".to_owned();
        let mut stream = RecordingsClient::new(wire).replay(endless).await.unwrap().into_inner();
        stream.message().await.unwrap().unwrap();
        drop(stream);
        let entries = two_entries(stand).await;
        assert_eq!(entry(&entries[1]).outcome, "cancelled");
    }

    a_stream_that_breaks_or_panics_ends_with_its_status_and_is_entered(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut panicking = replay(&token);
        panicking.get_mut().mark = "panic".to_owned();
        let mut stream = RecordingsClient::new(wire).replay(panicking).await.unwrap().into_inner();
        let broken = loop {
            // tonic may hold back a message that is ready together with the panic.
            match stream.message().await {
                Ok(message) => assert!(message.is_some(), "the stream ended well"),
                Err(status) => break status,
            }
        };
        assert_eq!(broken.code(), Code::Internal);
        let entries = two_entries(stand).await;
        assert_eq!(entry(&entries[1]).outcome, "internal");
    }

    a_handler_s_refusal_is_entered_with_its_reason_and_what_it_touched(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let status = RecordingsClient::new(wire).verify(verify(&token, b"refuse")).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "withdrawn");
        let written = only_entry(stand).await;
        assert_eq!(entry(&written).outcome, "withdrawn");
        assert_eq!(entry(&written).objects, [format!("recording/{}", RecordingId::from_bytes([9; 16]))]);
    }

    a_handler_that_panics_is_an_internal_error_and_entered(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut client = RecordingsClient::new(wire);
        let status = client.verify(verify(&token, b"panic")).await.unwrap_err();
        refused(&status, Code::Internal, "internal");
        assert!(!status.message().contains("secret"), "{status:?}");
        assert_eq!(entry(&only_entry(stand).await).outcome, "internal");
        client.get(get(&token)).await.unwrap();
    }

    an_unknown_method_is_unimplemented(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut grpc = tonic::client::Grpc::new(wire);
        for path in ["/verbale.archive.v1.Recordings/Steal", "/nobody.v1.Nothing/Get"] {
            grpc.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<GetRequest, GetRequest>::default();
            let answer = grpc.unary(get(&token), http::uri::PathAndQuery::from_static(path), codec).await;
            assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
        }
    }

    a_message_that_is_too_large_is_refused(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut client = RecordingsClient::new(wire);
        let status = client.verify(verify(&token, &[0; 70_000])).await.unwrap_err();
        refused(&status, Code::ResourceExhausted, "message-size");
        assert_eq!(stand.handled(), 0);
        client.verify(verify(&token, &[0; 60_000])).await.unwrap();
    }

    more_calls_than_allowed_are_refused_but_a_restrictive_act_gets_in(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let officer = stand.person("olga", Role::PrivacyOfficer, "banca-alfa");
        let mut busy = RecordingsClient::new(wire.clone());
        let (mut one, mut two) = (busy.clone(), busy.clone());
        let mut consent = ConsentClient::new(wire);
        let hanging = async {
            let (_, _) = tokio::join!(one.verify(verify(&token, b"hang")), two.verify(verify(&token, b"hang")));
        };
        let checking = async {
            eventually("two calls hang", async || (stand.handled() == 2).then_some(())).await;
            let status = busy.get(get(&token)).await.unwrap_err();
            refused(&status, Code::ResourceExhausted, "concurrency");
            consent.record_event(withdrawal(&officer)).await.unwrap();
        };
        tokio::select! {
            () = hanging => panic!("they hang"),
            () = checking => {}
        }
    }

    a_call_that_is_given_up_is_entered_as_cancelled(stand, wire) {
        let token = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut client = RecordingsClient::new(wire);
        tokio::select! {
            _ = client.verify(verify(&token, b"hang")) => panic!("it hangs"),
            () = eventually("the call hangs", async || (stand.handled() == 1).then_some(())) => {}
        }
        let outcome = eventually("it is entered", async || {
            stand.log.entries().await.first().map(|written| entry(written).outcome.clone())
        });
        assert_eq!(outcome.await, "cancelled");
    }

    an_entry_with_outbox_audit_is_in_the_role_s_outbox(stand, wire) {
        let officer = stand.person("olga", Role::PrivacyOfficer, "banca-alfa");
        ConsentClient::new(wire).record_event(withdrawal(&officer)).await.unwrap();
        let rows = stand.outbox.rows();
        assert_eq!((rows.len(), rows[0].envelope.kind.as_str()), (1, audit::ENTRY_WRITTEN));
        let entry = audit::AuditEntry::decode(&rows[0].envelope.payload).unwrap();
        assert_eq!((entry.action.as_str(), entry.outcome.as_str()), ("consent.recorded", "ok"));
        assert_eq!(stand.log.entries().await.len(), 0);
    }

    an_entry_that_the_handler_claimed_is_written_once(stand, wire) {
        let officer = stand.person("olga", Role::PrivacyOfficer, "banca-alfa");
        let mut claiming = withdrawal(&officer);
        claiming.get_mut().notice = "claim".to_owned();
        ConsentClient::new(wire.clone()).record_event(claiming).await.unwrap();
        assert_eq!(stand.outbox.rows().len(), 1);
        let mut failing = withdrawal(&officer);
        failing.get_mut().notice = "claim and fail".to_owned();
        ConsentClient::new(wire).record_event(failing).await.unwrap_err();
        let rows = stand.outbox.rows();
        let outcomes: Vec<_> =
            rows.iter().map(|row| audit::AuditEntry::decode(&row.envelope.payload).unwrap().outcome).collect();
        assert_eq!(outcomes, ["ok", "ok", "aborted"]);
        assert_ne!(rows[1].envelope.id, rows[2].envelope.id);
    }

    a_call_without_audit_leaves_no_entry_and_a_service_s_rule_keeps_persons_out(stand, wire) {
        let service = stand.service("ingest");
        let anna = stand.person("anna", Role::Supervisor, "banca-alfa");
        let mut client = ConsentClient::new(wire);
        client.watch(Request::new(WatchRequest::default()).bearer(&service)).await.unwrap();
        let policy = request(&tenant("banca-alfa"), GetPolicyRequest::default()).bearer(&anna);
        client.get_policy(policy).await.unwrap();
        assert_eq!((stand.log.entries().await.len(), stand.outbox.rows().len()), (0, 0));
        let status = client.watch(Request::new(WatchRequest::default()).bearer(&anna)).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "role");
        assert_eq!(entry(&only_entry(stand).await).action, "call.refused");
    }

    the_caller_s_trace_reaches_the_handler_and_the_topic(stand, wire) {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let officer = stand.person("olga", Role::PrivacyOfficer, "banca-alfa");
        let mut traced = withdrawal(&officer);
        traced.metadata_mut().insert("traceparent", trace.parse().unwrap());
        ConsentClient::new(wire).record_event(traced).await.unwrap();
        let rows = stand.outbox.rows();
        assert_eq!(rows[0].envelope.trace.as_ref().unwrap().as_str(), trace);
        assert_eq!(stand.last_trace().unwrap().as_str(), trace);
    }
}

fn impatient() -> (server::Config, audit::Config) {
    let server = server::Config { deadline: Period::millis(300), ..fakes::limits() };
    (server, audit::Config { wait: Period::millis(100), ..audit::Config::default() })
}

#[tokio::test]
async fn a_slow_handler_meets_the_deadline_over_both_wires() {
    let (limits, config) = impatient();
    let mut stand = stand_with(limits, config).await;
    let token = stand.person("anna", Role::Supervisor, "banca-alfa");
    for wire in [stand.in_process(), stand.over_tcp().await] {
        let status = RecordingsClient::new(wire).verify(verify(&token, b"hang")).await.unwrap_err();
        refused(&status, Code::DeadlineExceeded, "deadline-exceeded");
    }
    for written in stand.log.entries().await {
        assert_eq!(entry(&written).outcome, "deadline-exceeded");
    }
    assert_eq!(stand.log.entries().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_s_own_deadline_holds_in_process_for_calls_and_streams() {
    let stand = stand().await;
    let token = stand.person("anna", Role::Supervisor, "banca-alfa");
    let mut client = RecordingsClient::new(stand.in_process());
    let began = tokio::time::Instant::now();
    let hanging = verify(&token, b"hang").within(Duration::from_secs(2));
    let status = client.verify(hanging).await.unwrap_err();
    refused(&status, Code::DeadlineExceeded, "deadline-exceeded");
    assert_eq!(began.elapsed().as_secs(), 2);
    let mut hanging = replay(&token).within(Duration::from_secs(3));
    hanging.get_mut().mark = "hang".to_owned();
    let mut stream = client.replay(hanging).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    assert_eq!(stream.message().await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn what_must_be_audited_is_refused_while_the_log_is_away_and_told_as_withheld_later() {
    let (limits, config) = impatient();
    let mut stand = stand_with(limits, config).await;
    let token = stand.person("anna", Role::Supervisor, "banca-alfa");
    stand.log.go();
    for wire in [stand.in_process(), stand.over_tcp().await] {
        let mut client = RecordingsClient::new(wire);
        refused(&client.get(get(&token)).await.unwrap_err(), Code::Unavailable, "audit-unavailable");
        let stream = client.replay(replay(&token)).await.map(|_| ());
        refused(&stream.unwrap_err(), Code::Unavailable, "audit-unavailable");
    }
    stand.log.come_back();
    let outcomes = eventually("all are told", async || {
        let entries = stand.log.entries().await;
        let mut outcomes: Vec<_> = entries.iter().map(|written| entry(written).outcome.clone()).collect();
        outcomes.sort();
        (outcomes.len() == 8).then_some(outcomes)
    });
    assert_eq!(outcomes.await, ["ok", "ok", "ok", "ok", "withheld", "withheld", "withheld", "withheld"]);
}

#[tokio::test]
async fn a_restrictive_act_is_done_while_outbox_log_and_keys_are_away_and_entered_later() {
    let (limits, config) = impatient();
    let mut stand = stand_with(limits, config).await;
    let officer = stand.person("olga", Role::PrivacyOfficer, "banca-alfa");
    stand.log.go();
    stand.outbox.go();
    stand.sealer.go();
    for wire in [stand.in_process(), stand.over_tcp().await] {
        ConsentClient::new(wire).record_event(withdrawal(&officer).reason("they asked")).await.unwrap();
    }
    assert_eq!(stand.outbox.rows().len(), 0);
    stand.log.come_back();
    stand.outbox.come_back();
    eventually("both are entered", async || (stand.outbox.rows().len() == 2).then_some(())).await;
    let late = audit::AuditEntry::decode(&stand.outbox.rows()[0].envelope.payload).unwrap();
    assert_eq!((late.outcome.as_str(), late.facts["reason"].as_str()), ("ok", "unsealed"));
    assert_eq!(stand.waiting("consent"), 0);
}

#[tokio::test]
async fn a_reason_that_cannot_be_sealed_refuses_what_needs_one() {
    let stand = stand().await;
    let token = stand.person("anna", Role::Supervisor, "banca-alfa");
    stand.sealer.go();
    let status = RecordingsClient::new(stand.in_process()).replay(replay(&token)).await.map(|_| ());
    assert_eq!(status.unwrap_err().code(), Code::Unavailable);
    assert_eq!(stand.handled(), 0);
}

#[tokio::test]
async fn every_method_of_the_contract_refuses_no_token_an_expired_one_and_the_wrong_role() {
    let (limits, config) =
        (server::Config { message_size: ByteSize::kib(64), ..fakes::limits() }, audit::Config::default());
    let mut stand = stand_with(limits, config).await;
    let agent = stand.token("nobody", kernel::PrincipalKind::Person, None, "banca-alfa");
    let expired = stand.expired();
    let mut walked = 0;
    for wire in [stand.in_process(), stand.over_tcp().await] {
        for path in stand.paths() {
            for (token, wanted) in [
                (None, Code::Unauthenticated),
                (Some(&expired), Code::Unauthenticated),
                (Some(&agent), Code::PermissionDenied),
            ] {
                let mut grpc = tonic::client::Grpc::new(wire.clone());
                grpc.ready().await.unwrap();
                let bare = request(&tenant("banca-alfa"), ListRequest::default());
                let asked = token.into_iter().fold(bare, |asked, token| asked.bearer(token));
                let codec = tonic_prost::ProstCodec::<ListRequest, ListRequest>::default();
                let answer = grpc.unary(asked, path.parse().unwrap(), codec).await;
                assert_eq!(answer.unwrap_err().code(), wanted, "{path}");
                walked += 1;
            }
        }
    }
    assert_eq!(stand.handled(), 0);
    assert!(walked >= 2 * 3 * 11, "{walked}");
}
