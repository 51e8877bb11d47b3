//! What a role hands to the wiring: its services, its tasks, what makes it ready, and its outbox.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};

use crate::audit::AuditOutbox;
use crate::drain::{Shutdown, Task, TaskResult};
use crate::guard::{Guard, GuardParts};
use crate::wire::Wire;

/// Why a role is not ready, in words for an operator.
pub type NotReady = String;

type Checking = Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send>>;

/// Something that must hold before a role takes calls.
pub struct ReadyCheck {
    name: &'static str,
    /// Services that take calls without it.
    spared: Vec<&'static str>,
    check: Box<dyn Fn() -> Checking + Send + Sync>,
}

/// A role, as it is built.
///
/// ```text
/// Role::new("consent")
///     .service(ConsentServer::new(rpc))
///     .audit_outbox(store)
///     .with(publisher.into_task(metrics))
///     .task("consent-consumer", |shutdown| consumer.run(shutdown))
/// ```
pub struct Role {
    name: &'static str,
    services: Vec<&'static str>,
    routes: RoutesBuilder,
    outbox: Option<Arc<dyn AuditOutbox>>,
    tasks: Vec<Task>,
    ready: Vec<ReadyCheck>,
}

/// A role behind its guard: what may be served and called.
#[derive(Debug)]
pub struct GuardedRole {
    /// The role's name.
    pub name: &'static str,
    /// The full names of its gRPC services.
    pub services: Vec<&'static str>,
    /// The way in, in this process; the server uses the same.
    pub wire: Wire,
    /// Its tasks and its guard's, to be started.
    pub tasks: Vec<Task>,
    /// What must hold before it takes calls.
    pub ready: Vec<ReadyCheck>,
}

impl Role {
    /// A role that does nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            services: Vec::new(),
            routes: Routes::builder(),
            outbox: None,
            tasks: Vec::new(),
            ready: Vec::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Adds a generated gRPC service (`XServer<T>`).
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.services.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Where entries of its calls with outbox audit go. A role with such calls and no outbox sends them to
    /// the topic before it answers.
    pub fn audit_outbox(mut self, outbox: Arc<dyn AuditOutbox>) -> Self {
        self.outbox = Some(outbox);
        self
    }

    /// Adds a task that ends when the process drains; one that fails ends the process.
    pub fn task<F, Fut>(mut self, name: &'static str, start: F) -> Self
    where
        F: FnOnce(Shutdown) -> Fut + Send + 'static,
        Fut: Future<Output = TaskResult> + Send + 'static,
    {
        self.tasks.push(Task::new(name, start));
        self
    }

    /// Adds a task that says itself at which stage it ends, such as an outbox's.
    pub fn with(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds something that must hold before it takes calls; asked until it does.
    pub fn ready<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), NotReady>> + Send + 'static,
    {
        self.ready.push(ReadyCheck::new(name, check));
        self
    }

    /// What must hold before it takes calls, of a role that is not served.
    pub fn into_ready_checks(self) -> Vec<ReadyCheck> {
        self.ready
    }

    /// Puts its services behind the rules.
    pub fn guard(mut self, parts: &GuardParts) -> GuardedRole {
        let (guard, late) = Guard::new(self.name, parts, self.outbox);
        self.tasks.push(late);
        GuardedRole {
            name: self.name,
            services: self.services,
            wire: guard.wrap(self.routes.routes()),
            tasks: self.tasks,
            ready: self.ready,
        }
    }
}

impl ReadyCheck {
    /// A check that belongs to no one role.
    pub fn new<F, Fut>(name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), NotReady>> + Send + 'static,
    {
        Self { name, spared: Vec::new(), check: Box::new(move || Box::pin(check())) }
    }
    /// These services take calls without it.
    pub fn sparing(mut self, services: impl IntoIterator<Item = &'static str>) -> Self {
        self.spared.extend(services);
        self
    }
    /// Whether this service takes no calls without it.
    pub(crate) fn concerns(&self, service: &str) -> bool {
        !self.spared.contains(&service)
    }
    /// What it checks.
    pub fn name(&self) -> &'static str {
        self.name
    }
    /// Checks once.
    pub async fn check(&self) -> Result<(), NotReady> {
        (self.check)().await
    }
}

impl fmt::Debug for ReadyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadyCheck").field(&self.name).finish()
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Role");
        shown.field("name", &self.name).field("services", &self.services).finish_non_exhaustive()
    }
}
