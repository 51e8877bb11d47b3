//! A wire whose other end is not there yet: roles of one process call each other, so none can be built last.

use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tonic::Status;
use tower::{Service, ServiceExt};

use super::{Request, Wire, in_process};

/// Hands out wires first and gets its other end later, once.
#[derive(Clone, Debug, Default)]
pub struct LateWire(Arc<OnceLock<Wire>>);

impl LateWire {
    /// Without its other end.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the other end; a second one is not taken.
    pub fn set(&self, wire: Wire) {
        let _kept_first = self.0.set(wire);
    }

    /// The wire; calls are `UNAVAILABLE` until the other end is set.
    pub fn wire(&self) -> Wire {
        let end = Arc::clone(&self.0);
        in_process(tower::service_fn(move |request: Request| {
            let end = end.get().cloned();
            async move {
                let Some(mut wire) = end else {
                    return Err(Status::unavailable("the mesh is still starting"));
                };
                wire.ready().await?.call(request).await
            }
            .boxed()
        }))
    }
}
