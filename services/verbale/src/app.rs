//! From the command line to an exit code: parse, run, complain.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use kernel::{PrincipalKind, Role, SystemClock, TenantId};
use platform::auth::{Token, TokenRequest};
use platform::config::ProcessEnv;
use serde_json::json;
use tonic::{Code, Status};

use crate::cli::{Cli, Command, ConfigCommand, ServeArgs, TokenArgs, TrustCommand, UpArgs};
use crate::commands::{audit, consent, policy, record, recordings, replay, trust, verify};
use crate::config::{self, Config};
use crate::connect::{Caller, Speaker, issue, local_token};
use crate::demo::{self, Places};
use crate::mesh::{Mesh, Settings};
use crate::output::{Exit, Output, complain};
use crate::role::RoleName;

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(run(cli))),
        Err(error) => Err(anyhow::Error::new(error).context("the runtime did not start")),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            let (exit, hint) = judge(&error);
            complain(&error, hint);
            exit.into()
        }
    }
}

async fn run(cli: Cli) -> Result<Exit> {
    let Cli { global, command } = cli;
    let out = Output::new(global.json);
    let config = || config::load(&global, &ProcessEnv);
    let caller = |speaker: Speaker, tenant: Option<&TenantId>| -> Result<Caller> {
        let token = match &global.token {
            Some(token) => Token::new(token.clone()),
            None => {
                let config = config()?;
                local_token(&config.storage.keys(), &config.auth.audience, "local", speaker, tenant)?
            }
        };
        Caller::new(&global.server, token, tenant.cloned())
    };
    let person = || caller(Speaker::Person, global.tenant.as_ref());
    match command {
        Command::Up(args) => up(config()?, RoleName::ALL.to_vec(), args, out).await,
        Command::Serve(ServeArgs { roles, up: args }) => {
            let roles = roles.iter().map(|role| role.parse()).collect::<Result<Vec<RoleName>>>()?;
            up(config()?, roles, args, out).await
        }
        Command::Demo(args) => {
            let places = Places::fresh(global.data.as_deref(), global.keys.as_deref())?;
            let _telemetry = quiet(config().unwrap_or_default())?;
            demo::run(args, places, out).await
        }
        Command::Record(args) => {
            let call = record::load(&args)?;
            let caller = caller(Speaker::Sender, Some(&call.file().tenant))?;
            record::run(&caller, &call, args.speed, out).await
        }
        Command::Recordings(command) => recordings::run(&person()?, command, out).await,
        Command::Replay(args) => replay::run(&person()?, args, out).await,
        Command::Consent(command) => consent::run(&person()?, command, out).await,
        Command::Audit(command) => audit::run(&person()?, command, out).await,
        Command::Policy(command) => policy::run(&command, out),
        Command::Trust(TrustCommand::Export { output }) => {
            trust::export(&person()?, output.as_deref(), out).await
        }
        Command::Verify(args) => verify::run(&args, Arc::new(SystemClock), out).await,
        Command::Token(args) => token(&config()?, &global.tenant, &args, out),
        Command::Config(command) => show_config(&config()?, &command, out),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "verbale", &mut std::io::stdout());
            Ok(Exit::Ok)
        }
    }
}

async fn up(mut config: Config, roles: Vec<RoleName>, args: UpArgs, out: Output) -> Result<Exit> {
    if let Some(listen) = args.listen {
        config.server.listen = listen.to_string();
    }
    if let Some(policies) = args.policies {
        config.storage.policies = Some(policies);
    }
    let _telemetry = platform::telemetry::init(&config.telemetry, "verbale")?;
    let places: [(&str, PathBuf); 3] = [
        ("data", config.storage.data.clone()),
        ("keys", config.storage.keys()),
        ("policies", config.storage.policies()),
    ];
    let mesh = Mesh::start(Settings { roles, ..Settings::new(config) }).await?;
    let value = json!({
        "listening": mesh.server(),
        "data": places[0].1, "keys": places[1].1, "policies": places[2].1,
    });
    out.value(&value, |_| {
        let places = places.iter().map(|(name, path)| format!("  {name:9} {}", path.display()));
        format!("verbale is up on {}\n{}", mesh.server(), places.collect::<Vec<_>>().join("\n"))
    });
    mesh.until_stopped().await?;
    Ok(Exit::Ok)
}

/// The demo's log is for when something goes wrong.
fn quiet(mut config: Config) -> Result<platform::telemetry::TelemetryGuard> {
    if config.telemetry == Config::default().telemetry {
        config.telemetry.log = "error".to_owned();
    }
    Ok(platform::telemetry::init(&config.telemetry, "verbale")?)
}

fn token(config: &Config, tenant: &Option<TenantId>, args: &TokenArgs, out: Output) -> Result<Exit> {
    let machine = args.role.iter().all(|role| matches!(role, Role::Sender | Role::Service));
    let request = TokenRequest {
        subject: args.subject.clone(),
        kind: if machine { PrincipalKind::Service } else { PrincipalKind::Person },
        roles: args.role.iter().copied().collect(),
        tenants: tenant.iter().cloned().collect(),
        life: std::time::Duration::from_secs(u64::from(args.minutes) * 60),
    };
    let token = issue(&config.storage.keys(), &config.auth.audience, &request)?;
    out.value(&json!({"token": token.expose(), "minutes": args.minutes}), |_| token.expose().to_owned());
    Ok(Exit::Ok)
}

fn show_config(config: &Config, command: &ConfigCommand, out: Output) -> Result<Exit> {
    match command {
        ConfigCommand::Dump => {
            let text = platform::config::dump(config)?;
            out.value(config, |_| text.trim_end().to_owned());
        }
        ConfigCommand::Check => {
            config::check_roles(config)?;
            out.value(&json!({"ok": true}), |_| "the configuration is sound".to_owned());
        }
    }
    Ok(Exit::Ok)
}

/// An error's exit code, and what to do next.
fn judge(error: &anyhow::Error) -> (Exit, Option<&'static str>) {
    let Some(status) = error.chain().find_map(|cause| cause.downcast_ref::<Status>()) else {
        return (Exit::Usage, None);
    };
    match status.code() {
        Code::Unavailable => {
            (Exit::Unavailable, Some("is the mesh up? start it with `verbale up`, or give --server"))
        }
        Code::DeadlineExceeded | Code::ResourceExhausted => (Exit::Unavailable, Some("again in a moment")),
        Code::Unauthenticated => (
            Exit::Refused,
            Some("a fresh token: `verbale token --role ... --tenant ...`, or the right --keys"),
        ),
        Code::PermissionDenied => {
            (Exit::Refused, Some("`verbale policy explain FILE` says who may do what, for which purpose"))
        }
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => (Exit::Refused, None),
        Code::NotFound => (Exit::NotFound, Some("`verbale recordings list --tenant ...` says what there is")),
        Code::InvalidArgument | Code::OutOfRange => (Exit::Usage, None),
        Code::DataLoss => (Exit::Fault, Some("`verbale recordings verify ID` names what is damaged")),
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal => {
            (Exit::Internal, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_how_a_command_ended() {
        let check = |code: Code, exit: Exit| {
            let error = anyhow::Error::new(Status::new(code, "x")).context("while doing y");
            assert_eq!(judge(&error).0, exit);
        };
        check(Code::Unavailable, Exit::Unavailable);
        check(Code::PermissionDenied, Exit::Refused);
        check(Code::NotFound, Exit::NotFound);
        check(Code::InvalidArgument, Exit::Usage);
        assert_eq!(judge(&anyhow::anyhow!("bad file")).0, Exit::Usage);
    }
}
