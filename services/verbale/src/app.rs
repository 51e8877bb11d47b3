//! From the command line to an exit code: parse, run, complain.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use kernel::{PrincipalKind, Role, SystemClock, TenantId};
use platform::auth::TokenRequest;
use platform::config::ProcessEnv;
use platform::telemetry::Format;
use serde_json::json;
use tonic::{Code, Status};

use crate::bench::{self, Target};
use crate::cli::{
    BenchCommand, CertsCommand, Cli, Command, ConfigCommand, ErasureCommand, KeysCommand, RequestCommand,
    ServeArgs, TokenArgs, TrustCommand, UpArgs,
};
use crate::commands::{
    audit, backup, certs, consent, disclosure, erasure, hold, keys, migrate, policy, record, recordings,
    replay, request, retention, subject, trust, verify,
};
use crate::config::{self, Config};
use crate::connect::{self, Caller, Speaker, issue_own, own_token};
use crate::demo::{self, Places};
use crate::mesh::{Mesh, Settings};
use crate::output::{Exit, Output};
use crate::role::RoleName;

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") => {
            Output::misread(&error.render().to_string());
            return Exit::Usage.into();
        }
        Err(error) => error.exit(),
    };
    let out = Output::new(cli.global.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(run(cli, out))),
        Err(error) => Err(anyhow::Error::new(error).context("the runtime did not start")),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            let (exit, hint) = judge(&error);
            out.complain(&error, exit, hint);
            exit.into()
        }
    }
}

async fn run(cli: Cli, out: Output) -> Result<Exit> {
    let Cli { global, command } = cli;
    let config = || config::load(&global, &ProcessEnv);
    let caller = |speaker: Speaker, tenant: Option<&TenantId>| -> Result<Caller> {
        let token = match &global.token {
            Some(token) => token.clone(),
            None => own_token(&config()?, speaker, tenant)?,
        };
        let config = config()?;
        let tls = connect::tls(global.server(), global.ca.as_deref(), &config.tls)?;
        Caller::over(global.server(), &config.wire, tls.as_ref(), token, tenant.cloned())
    };
    let person = || caller(Speaker::Person, global.tenant.as_ref());
    match command {
        Command::Up(args) => Box::pin(up(config()?, RoleName::ALL.to_vec(), args, out)).await,
        Command::Serve(ServeArgs { roles, up: args }) => {
            let roles = roles.iter().map(|role| role.parse()).collect::<Result<Vec<RoleName>>>()?;
            Box::pin(up(config()?, roles, args, out)).await
        }
        Command::Demo(args) => {
            let places = Places::fresh(global.data.as_deref(), global.keys.as_deref())?;
            let _telemetry = quiet(config()?, "error")?;
            demo::run(args, places, out).await
        }
        Command::Record(args) => {
            let call = record::load(&args)?;
            let own = &call.file().tenant;
            anyhow::ensure!(
                global.tenant.as_ref().is_none_or(|tenant| tenant == own),
                "--tenant is not the tenant of the call's JSON, {own}"
            );
            let caller = caller(Speaker::Sender, Some(&call.file().tenant))?;
            let _telemetry = quiet(config()?, "warn")?;
            record::run(&caller, &call, args.speed, out).await
        }
        Command::Recordings(command) => recordings::run(&person()?, command, out).await,
        Command::Replay(args) => replay::run(&person()?, args, out).await,
        Command::Consent(command) => consent::run(&person()?, command, out).await,
        Command::Subject(command) => subject::run(&person()?, command, out).await,
        Command::Retention(command) => retention::run(&person()?, command, out).await,
        Command::Hold(command) => hold::run(&person()?, command, out).await,
        Command::Erasure(ErasureCommand::Verify(args)) => erasure::verify(&args, global.tenant.as_ref(), out),
        Command::Erasure(command) => erasure::run(&person()?, command, out).await,
        Command::Request(RequestCommand::Verify(args)) => request::verify(&args, global.tenant.as_ref(), out),
        Command::Request(command) => Box::pin(request::run(&person()?, command, out)).await,
        Command::Disclosure(command) => disclosure::run(&person()?, command, out).await,
        Command::Keys(KeysCommand::Status) => keys::status(&person()?, out).await,
        Command::Keys(KeysCommand::Turn) => keys::turn(&person()?, out).await,
        Command::Keys(KeysCommand::Canary) => keys::canary(&person()?, out).await,
        Command::Keys(KeysCommand::Check { copy }) => {
            keys::check(&copy, &config()?.storage.keys(), out).await
        }
        Command::Audit(command) => audit::run(&person()?, command, out).await,
        Command::Policy(command) => policy::run(&command, out),
        Command::Trust(TrustCommand::Export { output }) => {
            trust::export(&person()?, output.as_deref(), out).await
        }
        Command::Backup(command) => backup::run(&command, &config()?.storage, &SystemClock, out),
        Command::Verify(args) => verify::run(&args, Arc::new(SystemClock), out).await,
        Command::Bench(BenchCommand::Ingest(args)) => {
            let _telemetry = quiet(config()?, "warn")?;
            let target = match &global.server {
                Some(_) => Target::Running(Box::new(|| caller(Speaker::Sender, global.tenant.as_ref()))),
                None => Target::Own(Box::new(config()?)),
            };
            Box::pin(bench::ingest(&args, global.tenant.as_ref(), target, out)).await
        }
        Command::Token(args) => token(&config()?, &global.tenant, &args, out),
        Command::Certs(CertsCommand::Dev(args)) => {
            certs::dev(&args, &config()?.auth.audience, &SystemClock, out)
        }
        Command::Migrate => Box::pin(migrate::run(&config()?, &ProcessEnv, out)).await,
        Command::Config(ConfigCommand::Dump) => dump_config(&config()?, out),
        Command::Config(ConfigCommand::Check) => Ok(check_config(config(), out)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "verbale", &mut script);
            Output::new(false).line(String::from_utf8_lossy(&script).trim_end());
            Ok(Exit::Ok)
        }
    }
}

async fn up(mut config: Config, roles: Vec<RoleName>, args: UpArgs, out: Output) -> Result<Exit> {
    if let Some(listen) = args.listen {
        config.server.listen = listen.to_string();
    }
    if let Some(policies) = args.policies {
        anyhow::ensure!(policies.is_dir(), "--policies {} is no directory", policies.display());
        config.storage.policies = Some(policies);
    }
    let _telemetry = platform::telemetry::init(&config.telemetry, "verbale")?;
    let places: [(&str, PathBuf); 3] = [
        ("data", config.storage.data.clone()),
        ("keys", config.storage.keys()),
        ("policies", config.storage.policies()),
    ];
    let clock = config.drill.clock()?;
    if let Some(file) = &config.drill.clock {
        tracing::warn!(file = %file.display(), "a drill: domain time is ahead of the machine's by what this file says");
    }
    let mesh = Mesh::start(Settings { roles, clock, ..Settings::new(config) }).await?;
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

/// A command's log is for when something goes wrong.
fn quiet(mut config: Config, level: &str) -> Result<platform::telemetry::TelemetryGuard> {
    if config.telemetry == Config::default().telemetry {
        config.telemetry.log = level.to_owned();
        config.telemetry.format = Format::Human;
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
    let token = issue_own(config, &request)?;
    let tenants: Vec<_> = request.tenants.iter().map(TenantId::as_str).collect();
    let value = json!({"token": token.expose(), "minutes": args.minutes, "tenants": tenants});
    out.value(&value, |_| token.expose().to_owned());
    if tenants.is_empty() {
        out.note(
            "the token serves no tenant, and is refused wherever a tenant's data is touched; give --tenant",
        );
    }
    Ok(Exit::Ok)
}

fn dump_config(config: &Config, out: Output) -> Result<Exit> {
    let shown = config::dump::redacted(config);
    let text = config::dump::text(&shown)?;
    out.value(&shown, |_| text.trim_end().to_owned());
    Ok(Exit::Ok)
}

fn check_config(loaded: Result<Config>, out: Output) -> Exit {
    // What cannot be loaded has one problem: nothing behind the first one was read.
    let problems = loaded.map_or_else(|error| vec![format!("{error:#}")], |config| config::problems(&config));
    let told: Vec<_> = problems.iter().map(|problem| json!({"message": problem})).collect();
    let ok = problems.is_empty();
    out.value(&json!({"ok": ok, "problems": told}), |_| {
        if ok { "the configuration is sound".to_owned() } else { problems.join("\n") }
    });
    if ok { Exit::Ok } else { Exit::Usage }
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
        Code::PermissionDenied => (Exit::Refused, permission_hint(platform::error::reason(status))),
        Code::FailedPrecondition => (Exit::Refused, state_hint(platform::error::reason(status))),
        Code::Aborted | Code::AlreadyExists => (Exit::Refused, None),
        Code::NotFound if status.message().contains("recording") => {
            (Exit::NotFound, Some("`verbale recordings list --tenant ...` says what there is"))
        }
        Code::NotFound => (Exit::NotFound, None),
        Code::InvalidArgument | Code::OutOfRange => (Exit::Usage, None),
        Code::DataLoss => (Exit::Fault, Some("`verbale recordings verify ID` names what is damaged")),
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal => {
            (Exit::Internal, None)
        }
    }
}

/// What a refused person may do; nothing where the answer is final.
fn permission_hint(reason: &str) -> Option<&'static str> {
    match reason {
        "tenant" => Some("a token for that tenant: `verbale token --role ... --tenant ...`"),
        // The guard's answer to a role that lacks the call's permission; no policy gives permissions.
        "role" => Some("a token with another role: `verbale token --role ... --tenant ...`"),
        "same-person" => Some("somebody else must: `verbale token --subject NAME ...` for that person"),
        "withdrawn" | "refused" | "not-recorded" => None,
        _ => Some("`verbale policy explain FILE` says who may do what, for which purpose"),
    }
}

/// When a state that does not allow it will; nothing where waiting does not help.
fn state_hint(reason: &str) -> Option<&'static str> {
    match reason {
        "not-sealed-yet" => Some("again once `verbale recordings show ID` says that it is sealed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kernel::ErrorCode;

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

    #[test]
    fn a_refusal_s_hint_leads_to_what_can_change_it() {
        let hint = |reason: &str| {
            let refusal = platform::error::refusal(ErrorCode::PermissionDenied, reason, "no");
            judge(&anyhow::Error::new(refusal)).1
        };
        assert!(hint("role").unwrap().contains("--role"));
        assert!(hint("tenant").unwrap().contains("--tenant"));
        assert!(hint("purpose-not-in-policy").unwrap().contains("policy explain"));
        assert_eq!(hint("withdrawn"), None);
    }

    #[test]
    fn a_recording_that_is_not_sealed_yet_is_refused_with_when_to_ask_again() {
        let check = |reason: &str| {
            let refusal = platform::error::refusal(ErrorCode::FailedPrecondition, reason, "no");
            judge(&anyhow::Error::new(refusal).context("recording 7"))
        };
        let (exit, hint) = check("not-sealed-yet");
        assert_eq!(exit, Exit::Refused);
        assert!(hint.unwrap().contains("recordings show"));
        assert_eq!(check("failed-precondition"), (Exit::Refused, None));
    }
}
