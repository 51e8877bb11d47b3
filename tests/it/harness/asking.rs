//! Requests: what a person asks for, taken as far as it goes by the two people that decisions need.

use std::path::Path;

use kernel::{RequestId, SubjectId, TenantId};
use proto::dsar::v1 as wire;
use proto::dsar::v1::open_request::Subject;
use proto::dsar::v1::requests_client::RequestsClient;
use seal::Hash;
use tonic::Status;
use verbale::commands::request::{Lock, steps};
use verbale::connect::Caller;

use super::{PATIENCE, World, eventually};

/// The two people.
pub(crate) struct Desk {
    pub(crate) anna: Caller,
    pub(crate) bruno: Caller,
}

impl Desk {
    pub(crate) fn of(world: &World, server: &str, tenant: &TenantId) -> Self {
        Self { anna: world.named(server, tenant, "anna"), bruno: world.named(server, tenant, "bruno") }
    }

    /// A person asks by letter.
    pub(crate) async fn ask(&self, subject: SubjectId, rights: &[&str]) -> Result<wire::Request, Status> {
        let request = self.anna.request(asked(subject, rights)).unwrap();
        let opened = RequestsClient::new(self.anna.wire()).open(request).await?;
        Ok(opened.into_inner().request.unwrap())
    }

    /// Who asks is shown, and what is kept of them is found.
    pub(crate) async fn plan(&self, request: &wire::Request) -> wire::PlanResponse {
        let id = request_id(request);
        steps::identify(&self.anna, id).await.unwrap();
        steps::plan(&self.anna, id).await.unwrap()
    }

    /// Decided as the rules say, and done as far as it goes.
    pub(crate) async fn carry_out(&self, planned: &wire::PlanResponse) -> wire::Request {
        let id = request_id(planned.request.as_ref().unwrap());
        steps::decide(&self.anna, &self.bruno, id, &planned.plan).await.unwrap();
        steps::worked_on(&self.anna, id, PATIENCE).await.unwrap()
    }

    /// The copy, in a file. After a leap in time whoever signs it needs a new certificate first.
    pub(crate) async fn copy(&self, request: &wire::Request, file: &Path) {
        let (id, reason) = (request_id(request), "a copy was asked for");
        eventually("the copy is handed out", async || {
            steps::package(&self.anna, id, reason, file, &Lock::Open).await.ok()
        })
        .await;
    }

    /// The letter, which is delivered.
    pub(crate) async fn answer(&self, request: &wire::Request) -> (String, wire::Request) {
        let id = request_id(request);
        let letter = steps::letter(&self.anna, id, String::new()).await.unwrap();
        let closed = steps::deliver(&self.anna, id, Hash::of(letter.text.as_bytes())).await.unwrap();
        (letter.text, closed)
    }
}

/// A request as it is taken in.
pub(crate) fn asked(subject: SubjectId, rights: &[&str]) -> wire::OpenRequest {
    wire::OpenRequest {
        request_id: RequestId::new().to_bytes().to_vec(),
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
        channel: "letter".to_owned(),
        asker: "self".to_owned(),
        subject: Some(Subject::SubjectId(subject.to_bytes().to_vec())),
        ..Default::default()
    }
}

pub(crate) fn request_id(request: &wire::Request) -> RequestId {
    RequestId::from_slice(&request.request_id).unwrap()
}

/// What a plan's items come to, each with how often.
pub(crate) fn outcomes(planned: &wire::PlanResponse) -> Vec<(String, usize)> {
    let mut counted = std::collections::BTreeMap::new();
    for item in &planned.items {
        *counted.entry(item.proposed.clone().unwrap().outcome).or_default() += 1;
    }
    counted.into_iter().collect()
}
