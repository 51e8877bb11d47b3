//! `verbale request open|identify|extend|take-back`: what whoever asks has said and shown.

use anyhow::{Context, Result, bail};
use kernel::RequestId;
use policy::deadline;
use policy::request::{Asker, Channel};
use proto::common::v1::{Identifier, IdentifierKind};
use proto::dsar::v1 as wire;
use proto::dsar::v1::identify_request::Act;
use proto::dsar::v1::open_request::Subject;
use proto::dsar::v1::requests_client::RequestsClient;

use super::{about, bytes, tell};
use crate::cli::{IdentifyArgs, OpenRequestArgs, Person, Showing};
use crate::commands::moment;
use crate::commands::replay::position;
use crate::connect::Caller;
use crate::output::{Exit, Output};

pub(super) async fn open(caller: &Caller, args: OpenRequestArgs, out: Output) -> Result<Exit> {
    let channel = match (args.channel, args.call) {
        (Some(channel), _) => channel,
        (None, Some(_)) => Channel::Call,
        (None, None) => Channel::Other,
    };
    let asker = if args.representative { Asker::Representative } else { Asker::Oneself };
    let request = caller.request(wire::OpenRequest {
        request_id: bytes(args.id.unwrap_or_else(RequestId::new)),
        rights: args.right.iter().map(ToString::to_string).collect(),
        channel: channel.to_string(),
        asker: asker.to_string(),
        subject: Some(subject(args.person)?),
        received_at: args.received.as_deref().map(moment).transpose()?.map_or(0, |at| at.0),
        recording_id: args.call.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        position: args.position.as_deref().map(position).transpose()?,
        region: args.region.map(|region| region.to_string()).unwrap_or_default(),
        language: args.language.unwrap_or_default(),
    })?;
    let opened = RequestsClient::new(caller.wire()).open(request).await?.into_inner();
    Ok(tell(opened.request, out))
}

/// About whom. An identifier is checked here as consent will read it, because dsar asks consent and could
/// only say that it was refused.
fn subject(person: Person) -> Result<Subject> {
    let (flag, kind, value) = match (person.subject, person.phone, person.crm, person.email, person.employee)
    {
        (Some(id), ..) => return Ok(Subject::SubjectId(id.to_bytes().to_vec())),
        (_, Some(phone), ..) => ("--phone", IdentifierKind::Phone, phone),
        (_, _, Some(crm), ..) => ("--crm", IdentifierKind::Crm, crm),
        (_, _, _, Some(email), _) => ("--email", IdentifierKind::Email, email),
        (.., Some(employee)) => ("--employee", IdentifierKind::Employee, employee),
        (None, None, None, None, None) => {
            bail!("say about whom: --subject, --phone, --crm, --email or --employee")
        }
    };
    consent::identifier::Identifier::read(kind.into(), &value).context(flag)?;
    Ok(Subject::Identifier(Identifier { kind: kind.into(), value }))
}

pub(super) async fn identify(caller: &Caller, args: IdentifyArgs, out: Output) -> Result<Exit> {
    let IdentifyArgs { id, showing, right } = args;
    let rights = right.iter().map(ToString::to_string).collect();
    let act = Some(act(showing, rights)?);
    let request = caller.request(wire::IdentifyRequest { request_id: bytes(id), act })?;
    let identified = RequestsClient::new(caller.wire()).identify(request).await;
    Ok(tell(identified.with_context(|| about(id))?.into_inner().request, out))
}

/// The one that was given.
fn act(showing: Showing, rights: Vec<String>) -> Result<Act> {
    Ok(match showing {
        Showing { proved: Some(proof), .. } => Act::Proved(proof.to_string()),
        Showing { wrong: Some(proof), .. } => Act::Wrong(proof.to_string()),
        Showing { verified: true, .. } => Act::Verified(true),
        Showing { doubted: true, .. } => Act::Doubted(true),
        Showing { answered: true, .. } => Act::Answered(true),
        Showing { failed: true, .. } => Act::Failed(true),
        Showing { authority: Some(filed), .. } => {
            Act::Authority(wire::Authority { filed: filed.to_string(), rights })
        }
        Showing { authority: None, .. } => bail!("say what was shown, or was not"),
    })
}

pub(super) async fn extend(
    caller: &Caller,
    id: RequestId,
    reason: deadline::Reason,
    notice: &str,
    out: Output,
) -> Result<Exit> {
    let request = caller.request(wire::ExtendRequest {
        request_id: bytes(id),
        reason: reason.to_string(),
        notice_delivered_at: moment(notice)?.0,
    })?;
    let extended = RequestsClient::new(caller.wire()).extend(request).await;
    Ok(tell(extended.with_context(|| about(id))?.into_inner().request, out))
}

pub(super) async fn take_back(caller: &Caller, id: RequestId, out: Output) -> Result<Exit> {
    let request = caller.request(wire::TakeBackRequest { request_id: bytes(id) })?;
    let taken = RequestsClient::new(caller.wire()).take_back(request).await;
    Ok(tell(taken.with_context(|| about(id))?.into_inner().request, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_telephone_number_is_refused_before_anybody_is_asked() {
        let nobody = || Person { subject: None, phone: None, crm: None, email: None, employee: None };
        let person = |phone: &str| Person { phone: Some(phone.to_owned()), ..nobody() };
        assert!(matches!(subject(person("+39 333 1234567")).unwrap(), Subject::Identifier(_)));
        let agent = Person { employee: Some("agent-101".to_owned()), ..nobody() };
        let named = Identifier { kind: IdentifierKind::Employee.into(), value: "agent-101".to_owned() };
        assert_eq!(subject(agent).unwrap(), Subject::Identifier(named));
        let refused = subject(person("12ab")).unwrap_err();
        assert_eq!(format!("{refused:#}"), "--phone: the identifier is no telephone number");
    }

    #[test]
    fn what_was_shown_is_one_act() {
        let nothing = || Showing {
            proved: None,
            wrong: None,
            verified: false,
            doubted: false,
            answered: false,
            failed: false,
            authority: None,
        };
        assert!(act(nothing(), Vec::new()).is_err());
        let failed = act(Showing { failed: true, ..nothing() }, Vec::new()).unwrap();
        assert_eq!(failed, Act::Failed(true));
        let filed = Some("mandate-7".parse().unwrap());
        let shown = act(Showing { authority: filed, ..nothing() }, vec!["access".to_owned()]).unwrap();
        let authority = wire::Authority { filed: "mandate-7".to_owned(), rights: vec!["access".to_owned()] };
        assert_eq!(shown, Act::Authority(authority));
    }
}
