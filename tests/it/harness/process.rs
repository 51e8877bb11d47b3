//! A process of a mesh on real engines: started from a configuration file of its own, asked how it stands,
//! stopped, killed, frozen, and started again where it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use verbale::config::Config;

use super::child::{Child, free_port};

/// How long it may take to say how it stands.
const ANSWER: Duration = Duration::from_secs(5);

/// What a process has of the environment beside this one's: where S3's credentials are.
pub(crate) type Environment = Vec<(String, String)>;

/// One process.
pub(crate) struct Process {
    name: String,
    args: Vec<String>,
    environment: Environment,
    metrics: u16,
    log: PathBuf,
    child: Option<Child>,
}

/// What the end of a log shows of a process in a test that fails.
const SHOWN: usize = 60;

/// What it warned of is shown with a test that fails.
impl Drop for Process {
    #[expect(clippy::print_stdout, reason = "the test harness shows it with the test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logged = self.logged();
            let warned = |line: &&str| line.contains("WARN") || line.contains("ERROR");
            let warned: Vec<_> = logged.lines().filter(warned).collect();
            let shown = &warned[warned.len().saturating_sub(SHOWN)..];
            println!("{} has logged last:\n{}", self.name, shown.join("\n"));
        }
    }
}

impl Process {
    /// Not started yet. `roles` as `serve` takes them; what it is configured with, but for where it says how it
    /// stands, is the caller's.
    pub(crate) fn new(
        folder: &Path,
        name: &str,
        roles: &str,
        mut config: Config,
        environment: &Environment,
    ) -> Self {
        let metrics = free_port();
        config.server.metrics = Some(format!("127.0.0.1:{metrics}"));
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, platform::config::dump(&config).unwrap()).unwrap();
        let args = ["serve", "--roles", roles, "--config", file.to_str().unwrap()];
        Self {
            name: name.to_owned(),
            args: args.map(str::to_owned).to_vec(),
            environment: environment.clone(),
            metrics,
            log: folder.join(format!("{name}.log")),
            child: None,
        }
    }

    /// Starts it and waits until it is up.
    pub(crate) async fn start(&mut self) {
        let args: Vec<_> = self.args.iter().map(String::as_str).collect();
        self.child = Some(Child::serve(&args, &self.environment, &self.log).await);
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let Some(child) = self.child.take() else { return Ok(()) };
        let code = child.terminate().await;
        anyhow::ensure!(code == Some(0), "{} ended with {code:?}; see {}", self.name, self.log.display());
        Ok(())
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await;
    }

    /// Takes its time away: it neither runs nor knows that it does not.
    pub(crate) async fn freeze(&self) {
        self.child().signal("STOP").await;
    }
    pub(crate) async fn thaw(&self) {
        self.child().signal("CONT").await;
    }

    /// Whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(Child::has_ended)
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The names of the checks that fail; none where it is ready.
    pub(crate) async fn failing(&self) -> Option<Vec<String>> {
        self.failing_of("/ready").await
    }
    /// Those for which ingest takes no calls.
    pub(crate) async fn failing_of_ingest(&self) -> Option<Vec<String>> {
        self.failing_of("/ready/verbale.ingest.v1.Recorder").await
    }

    async fn failing_of(&self, path: &str) -> Option<Vec<String>> {
        let answer = self.ask(path).await?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        match head.split(' ').nth(1)? {
            "200" => Some(Vec::new()),
            _ => Some(body.lines().skip(1).map(str::to_owned).collect()),
        }
    }

    /// The value of a series, named with its labels as Prometheus' text has it.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let answer = self.ask("/metrics").await?;
        let line = answer.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    fn child(&self) -> &Child {
        self.child.as_ref().expect("it runs")
    }

    /// None where it does not answer.
    async fn ask(&self, path: &str) -> Option<String> {
        let asked = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).await.ok()?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            Some(answer)
        };
        timeout(ANSWER, asked).await.ok()?
    }
}
