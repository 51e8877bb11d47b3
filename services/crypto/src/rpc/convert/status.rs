//! How epochs and canaries stand, for the wire.

use proto::crypto::v1 as wire;

use crate::canary::CanaryStatus;
use crate::store::EpochState;
use crate::turn::{EpochStatus, Report};

pub(in crate::rpc) fn status_response(report: Report) -> wire::GetStatusResponse {
    wire::GetStatusResponse {
        epochs: report.epochs.into_iter().map(epoch_status).collect(),
        canaries: report.canaries.into_iter().map(canary_status).collect(),
        copies: report.copies.unwrap_or_default(),
        copied_at: report.copied_at.map_or(0, |at| at.0),
        warnings: report.warnings,
        last_erasure_at: report.last_erasure_at.map_or(0, |at| at.0),
    }
}

pub(in crate::rpc) fn epoch_status(status: EpochStatus) -> wire::EpochStatus {
    let holders = status.holders.into_iter().map(|holder| wire::EpochHolder {
        instance_id: holder.instance.to_bytes().to_vec(),
        since: holder.since.0,
    });
    wire::EpochStatus {
        epoch: status.epoch.0,
        state: epoch_state(status.state).into(),
        from: status.from.0,
        until: status.until.0,
        holders: holders.collect(),
        pages: status.pages,
        dirty_pages: status.dirty_pages,
        entries: status.entries,
        waits_for: status.wait.map(|wait| wait.to_string()).unwrap_or_default(),
        destroyed_at: status.destroyed_at.map_or(0, |at| at.0),
    }
}

fn epoch_state(state: EpochState) -> wire::EpochState {
    match state {
        EpochState::Active => wire::EpochState::Active,
        EpochState::Closing => wire::EpochState::Closing,
        EpochState::Drained => wire::EpochState::Drained,
        EpochState::Destroyed => wire::EpochState::Destroyed,
    }
}

fn canary_status(status: CanaryStatus) -> wire::CanaryStatus {
    wire::CanaryStatus {
        epoch: status.epoch.0,
        removed_opens: status.removed_opens,
        neighbour_opens: status.neighbour_opens,
        neighbour_unknown: status.neighbour_unknown,
        ok: status.ok,
    }
}
