//! The gRPC service: converts, calls, notes what was touched. Nothing is decided here.

use std::sync::Arc;

use kernel::EventId;
use platform::call::CallContext;
use platform::error::status;
use proto::audit::v1 as wire;
use proto::audit::v1::ledger_server::Ledger;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::query::Question;
use crate::service::{Proof, Service};
use crate::verify::Report;

/// The ledger behind its contract.
#[derive(Clone)]
pub struct Rpc {
    service: Arc<Service>,
}

impl Rpc {
    /// Answers with this service.
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn told(error: Error) -> Status {
    status(&error)
}

#[tonic::async_trait]
impl Ledger for Rpc {
    async fn query(&self, request: Request<wire::QueryRequest>) -> Answer<wire::QueryResponse> {
        let call = CallContext::of(&request)?;
        let question = Question::read(request.into_inner()).map_err(told)?;
        if let Some(subject) = question.subject() {
            call.touched().subject(subject);
        }
        let page = self.service.query(call.tenant()?, &question).await.map_err(told)?;
        call.touched().fact("entries", page.entries.len());
        let entries =
            page.entries.iter().map(|own| own.entry.to_wire(own.part.partition(), own.index)).collect();
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(wire::QueryResponse { entries, next_page_token }))
    }

    async fn prove(&self, request: Request<wire::ProveRequest>) -> Answer<wire::Proof> {
        let call = CallContext::of(&request)?;
        let event = EventId::from_slice(&request.get_ref().event_id);
        let invalid = |_| Error::Invalid { field: "event_id", problem: "must be 16 bytes" };
        let event = event.map_err(invalid).map_err(told)?;
        call.touched().object(format!("entry/{event}"));
        let proof = self.service.prove(call.tenant()?, event).await.map_err(told)?;
        Ok(Response::new(proof_to_wire(proof)))
    }

    async fn get_checkpoints(
        &self,
        request: Request<wire::GetCheckpointsRequest>,
    ) -> Answer<wire::Checkpoints> {
        CallContext::of(&request)?;
        let checkpoints = self.service.checkpoints().await.map_err(told)?;
        Ok(Response::new(wire::Checkpoints {
            partitions: checkpoints.partitions,
            root: checkpoints.root,
            verifier_keys: checkpoints.keys.iter().map(ToString::to_string).collect(),
        }))
    }

    async fn verify_ledger(
        &self,
        request: Request<wire::VerifyLedgerRequest>,
    ) -> Answer<wire::VerifyLedgerResponse> {
        let call = CallContext::of(&request)?;
        let report = self.service.verify(call.tenant()?).await.map_err(told)?;
        call.touched().fact("entries", report.leaves).fact("findings", report.findings.len());
        Ok(Response::new(report_to_wire(report)))
    }
}

fn proof_to_wire(proof: Proof) -> wire::Proof {
    let index = proof.inclusion.index;
    wire::Proof {
        entry: Some(proof.opened.entry.to_wire(proof.partition, index)),
        canonical_entry: proof.opened.canonical,
        salt: proof.opened.salt.to_vec(),
        leaf: proof.leaf.to_vec(),
        index,
        tree_size: proof.size,
        inclusion: proof.inclusion.hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
        checkpoint: proof.checkpoint,
    }
}

fn report_to_wire(report: Report) -> wire::VerifyLedgerResponse {
    let ok = report.is_good();
    let findings = report.findings.into_iter().map(|finding| wire::LedgerFinding {
        name: finding.name,
        kind: finding.kind.as_str().to_owned(),
        detail: finding.detail,
    });
    wire::VerifyLedgerResponse { ok, entries: report.leaves, findings: findings.collect() }
}

#[cfg(test)]
mod tests;
