//! The shapes that a mesh runs in, and the macro that runs a scenario on each of them.

use anyhow::Result;
use verbale::mesh::Mesh;

use super::split::Split;

/// How the mesh under test is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Every role in one process, on embedded storage.
    Embedded,
    /// Every role in one process, on real engines.
    Engines,
    /// Each role in two processes of its own, on real engines, with TLS between them.
    Split,
}

/// A mesh in some shape.
pub(crate) enum Running {
    One(Mesh),
    Many(Split),
}

impl Running {
    /// Where clients call.
    pub(crate) fn server(&self) -> String {
        match self {
            Self::One(mesh) => mesh.server(),
            Self::Many(split) => split.server(),
        }
    }

    /// Stops in order.
    pub(crate) async fn stop(self) -> Result<()> {
        match self {
            Self::One(mesh) => mesh.stop().await,
            Self::Many(split) => split.stop().await,
        }
    }
}

/// Makes a test of a scenario for each shape: `on_every_shape!(a_scenario, another);`, where each is an
/// `async fn(World)`.
macro_rules! on_every_shape {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use crate::harness::{Shape, World};

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                super::$scenario(World::new()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_engines() {
                World::shaped(Shape::Engines, super::$scenario).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn split() {
                World::shaped(Shape::Split, super::$scenario).await;
            }
        }
    )+};
}

/// The same for scenarios in which it hardly matters who runs where: `in_one_process!(a_scenario, another);`. Whoever waits for
/// the tests does not wait for their split shape; `make test-shapes` runs it.
macro_rules! in_one_process {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use crate::harness::{Shape, World};

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                super::$scenario(World::new()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_engines() {
                World::shaped(Shape::Engines, super::$scenario).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "split: make test-shapes"]
            async fn split() {
                World::shaped(Shape::Split, super::$scenario).await;
            }
        }
    )+};
}

pub(crate) use {in_one_process, on_every_shape};
