//! Each engine goes and comes back while somebody speaks: stopped, killed, or behind a network that is cut.

use kernel::RecordingId;
use proto::ingest::v1 as wire;
use proto::ingest::v1::event::Kind;
use proto::ingest::v1::record_request::Message as Request;
use rand::RngExt;
use rand::rngs::StdRng;
use tonic::Code;
use verbale::connect::Caller;

use super::stage::{ALL, Member, config, open};
use super::told::{Told, ledger_is_whole, word};
use crate::harness::{FRAME, Line, Sample, Shape, Turn, Ways, World, event, moments, purpose};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Engine {
    Kafka,
    Cql,
    S3,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outage {
    Cut,
    Ended,
}

/// Frames that are sent of each part of the outage.
const PART: u64 = 150;

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_goes_and_comes_back_costs_no_frame_and_delays_no_restriction() {
    let Some(turn) = Turn::wait().await else { return };
    let mut moments = moments();
    let (engines, ways) = turn.engines_by().await;
    let world = World::upon(engines, Shape::Engines).await;
    let mut member = Member::of(&world, &turn, "solo", ALL, config(&world));
    member.process.start().await;
    let scene = Scene { world: &world, turn: &turn, ways, member: &member };
    let sample = Sample::new("mifid-order-it");
    let mut calls = Vec::new();
    for outage in [Outage::Cut, Outage::Ended] {
        for engine in [Engine::S3, Engine::Kafka, Engine::Cql] {
            calls.extend(scene.play(&sample, engine, outage, &mut moments).await);
        }
    }
    ledger_is_whole(&world, &member.server, &calls).await;
    assert!(!member.process.has_ended(), "the process ended: {}", member.process.logged());
    member.process.stop().await.unwrap();
}

struct Scene<'w> {
    world: &'w World,
    turn: &'w Turn,
    ways: Ways,
    member: &'w Member,
}

impl Scene<'_> {
    /// A call in which an engine goes, the customer pauses and withdraws, and the engine comes back.
    async fn play<'s>(
        &self,
        sample: &'s Sample,
        engine: Engine,
        outage: Outage,
        moments: &mut StdRng,
    ) -> Vec<Told<'s>> {
        let from = moments.random_range(650..750);
        let at = format!("{engine:?} {outage:?} at frame {from}");
        let (world, server) = (self.world, &self.member.server);
        let caller = world.sender(server, &sample.tenant);
        let id = RecordingId::new();
        let mut line = open(&caller, sample, id).await;
        agree(&mut line, sample).await;
        line.media(sample, AGREED..from).await;
        line.logged(from - 60).await.unwrap();

        self.begin(engine, outage).await;
        let (pause, resume) = (from + PART, from + 2 * PART);
        line.media(sample, from..pause).await;
        match engine {
            Engine::Kafka => line.spooled(pause - 60).await.unwrap(),
            Engine::Cql | Engine::S3 => line.logged(pause - 60).await.unwrap(),
        }
        let paused = event(pause * FRAME, Kind::Pause(wire::Pause { reason: "pci-dss".to_owned() }));
        let expression = wire::Expression::Voice.into();
        let withdrawal = wire::ConsentWithdrawn { purpose: "quality".to_owned(), expression };
        let withdrawn = event((pause + PART / 2) * FRAME, Kind::ConsentWithdrawn(withdrawal));
        let ids = [paused.event_id.clone(), withdrawn.event_id.clone()];
        line.send(Request::Event(paused)).await;
        line.media(sample, pause..pause + PART / 2).await;
        line.send(Request::Event(withdrawn)).await;
        line.media(sample, pause + PART / 2..resume).await;
        if engine != Engine::Cql {
            answered(&mut line, &ids, &at).await;
        }
        self.member.says_that_it_lacks(world, engine.check()).await;
        let other = self.open_meanwhile(sample, engine, &caller).await;
        if engine == Engine::Kafka {
            assert_eq!(
                self.member.process.failing_of_ingest().await,
                Some(vec![]),
                "{at}: calls go elsewhere"
            );
            self.nobody_listens(sample, id).await;
            let spooled = self.member.process.metric("verbale_ingest_spool_bytes").await.unwrap();
            assert!(spooled > 0.0, "{at}: nothing is in the spool");
        }
        self.end(engine, outage).await;

        if engine == Engine::Cql {
            // In force since it was said; kept, and so answered, only now.
            answered(&mut line, &ids, &at).await;
        }
        assert_eq!(
            line.event(event(resume * FRAME, Kind::Resume(wire::Resume {}))).await.unwrap().refused,
            ""
        );
        line.media(sample, resume..sample.frames()).await;
        line.close(sample).await.unwrap();
        self.member.says_that_it_is_ready(world).await;
        assert_eq!(self.member.process.metric("verbale_ingest_spool_bytes").await, Some(0.0), "{at}");

        let said = [("notice-presented", ""), ("given", "quality"), ("withdrawn", "quality")];
        let said = said.map(|(kind, purpose)| word(kind, purpose)).to_vec();
        let call = Told::new(sample, id, at.clone()).saying(said);
        call.is_sealed(world, server).await;
        let duty = purpose("mifid2-transaction");
        call.plays(world, server, &duty, |frame| !(pause..resume).contains(&frame)).await;
        call.is_refused(world, server, &purpose("quality"), "withdrawn").await;
        let mut calls = vec![call];
        if let Some((id, line)) = other {
            line.close_after(PART).await.unwrap();
            let call = Told::new(sample, id, format!("{at}, the call that began in it"));
            call.is_sealed(world, server).await;
            call.plays(world, server, &duty, |frame| frame < PART).await;
            calls.push(call);
        }
        calls
    }

    async fn begin(&self, engine: Engine, outage: Outage) {
        match (outage, engine) {
            (Outage::Cut, Engine::Kafka) => self.ways.kafka.iter().for_each(|way| way.cut()),
            (Outage::Cut, Engine::Cql) => self.ways.cql.cut(),
            (Outage::Cut, Engine::S3) => self.ways.s3.cut(),
            // Without a quorum a broker waits in vain for leave to stop.
            (Outage::Ended, Engine::Kafka) => self.turn.kill("kafka").await,
            (Outage::Ended, Engine::Cql) => self.turn.stop("cassandra").await,
            (Outage::Ended, Engine::S3) => self.turn.stop("s3").await,
        }
    }

    async fn end(&self, engine: Engine, outage: Outage) {
        match (outage, engine) {
            (Outage::Cut, Engine::Kafka) => self.ways.kafka.iter().for_each(|way| way.heal()),
            (Outage::Cut, Engine::Cql) => self.ways.cql.heal(),
            (Outage::Cut, Engine::S3) => self.ways.s3.heal(),
            (Outage::Ended, Engine::Kafka) => self.turn.start("kafka").await,
            (Outage::Ended, Engine::Cql) => self.turn.start("cassandra").await,
            (Outage::Ended, Engine::S3) => self.turn.start("s3").await,
        }
    }

    /// Another call begins in the outage, where it can.
    async fn open_meanwhile(
        &self,
        sample: &Sample,
        engine: Engine,
        caller: &Caller,
    ) -> Option<(RecordingId, Line)> {
        let id = RecordingId::new();
        if engine == Engine::Cql {
            let opened = Line::open(caller, &sample.tenant, sample.open(id, 1)).await;
            let refused = opened.err().expect("a session was opened without the store of sessions");
            assert!(matches!(refused.code(), Code::Unavailable | Code::DeadlineExceeded), "{refused}");
            return None;
        }
        let mut line = open(caller, sample, id).await;
        line.media(sample, 0..PART).await;
        line.spooled(PART - 60).await.unwrap();
        Some((id, line))
    }

    /// What is read or played is entered first, or refused.
    async fn nobody_listens(&self, sample: &Sample, id: RecordingId) {
        let person = self.world.person(&self.member.server, &sample.tenant);
        let refused = verbale::commands::recordings::get(&person, id).await.unwrap_err();
        let refused = refused.downcast::<tonic::Status>().unwrap();
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    }
}

impl Engine {
    /// What its check is called.
    fn check(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Cql => "cql",
            Self::S3 => "s3",
        }
    }
}

/// The first frame after the customer agreed.
const AGREED: u64 = 600;

/// Notice and consent, where the sample has them.
async fn agree(line: &mut Line, sample: &Sample) {
    let notice = Kind::NoticePlayed(wire::NoticePlayed { notice: "notice-it-3".to_owned() });
    let expression = wire::Expression::Voice.into();
    let consent = Kind::ConsentGiven(wire::ConsentGiven { purpose: "quality".to_owned(), expression });
    let mut next = 0;
    for (name, kind) in [("notice.played", notice), ("consent.given", consent)] {
        let at = sample.event(name, None).unwrap().0;
        line.media(sample, next..at.div_ceil(FRAME)).await;
        next = at.div_ceil(FRAME);
        assert_eq!(line.event(event(at, kind)).await.unwrap().refused, "");
    }
    line.media(sample, next..AGREED).await;
}

/// Both restrictions are answered, and reached nothing that was stored.
async fn answered(line: &mut Line, ids: &[bytes::Bytes; 2], at: &str) {
    for id in ids {
        let applied = line.answer(id).await.unwrap();
        assert_eq!((applied.refused.as_str(), applied.reached_stored), ("", false), "{at}: {applied:?}");
    }
}
