//! From stored columns to what they say, the same in every adapter; a value that cannot be is told by its name.

use kernel::{NoticeName, PurposeName, RecordingId, SubjectId, TenantId};
use policy::Party;
use policy::code::Code;
use proto::consent::v1::ConsentScope;

use crate::event::{EventKind, Expression, NoticeRef, Reach};
use crate::links::{LinkOp, Pair, Stage};

/// What a column holds that cannot be.
pub(super) type What = &'static str;

/// How far an event reaches.
pub(super) fn reach(scope: i32, said_in: Option<RecordingId>) -> Result<Reach, What> {
    match (ConsentScope::try_from(scope), said_in) {
        (Ok(ConsentScope::Account), _) => Ok(Reach::Account),
        (Ok(ConsentScope::Call), Some(recording)) => Ok(Reach::Call(recording)),
        (Ok(ConsentScope::Call), None) | (Ok(ConsentScope::Unspecified) | Err(_), _) => Err("a scope"),
    }
}

/// What an event says.
pub(super) fn kind(number: i32) -> Result<EventKind, What> {
    EventKind::try_from(number).map_err(|_| "a kind")
}

/// How it was expressed.
pub(super) fn expression(number: i32) -> Result<Expression, What> {
    Expression::try_from(number).map_err(|_| "an expression")
}

/// A purpose's name.
pub(super) fn purpose(name: String) -> Result<PurposeName, What> {
    PurposeName::new(name).map_err(|_| "a purpose")
}

/// A tenant's name.
pub(super) fn tenant(name: String) -> Result<TenantId, What> {
    TenantId::new(name).map_err(|_| "a tenant")
}

/// Who somebody in a call is to policy.
pub(super) fn party(number: i32) -> Result<Party, What> {
    Party::from_number(number).ok_or("a party")
}

/// A notice: name and text's hash, or neither.
pub(super) fn notice(name: Option<String>, text_hash: Option<[u8; 32]>) -> Result<Option<NoticeRef>, What> {
    match (name, text_hash) {
        (Some(name), Some(text_hash)) => {
            Ok(Some(NoticeRef { name: NoticeName::new(name).map_err(|_| "a notice")?, text_hash }))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err("a notice without its text's hash"),
    }
}

/// Two subjects, as they were written: in the order of their ids.
pub(super) fn pair(a: SubjectId, b: SubjectId) -> Result<Pair, What> {
    let pair = Pair::new(a, b).ok().filter(|pair| pair.a() == a);
    pair.ok_or("a pair of subjects")
}

/// How far a link is after a step.
pub(super) fn stage(number: i32) -> Result<Stage, What> {
    Stage::from_number(number).ok_or("a stage")
}

/// What a link says.
pub(super) fn link_op(number: i32) -> Result<LinkOp, What> {
    LinkOp::from_number(number).ok_or("a link's kind")
}

/// What a link rests on.
pub(super) fn evidence(code: String) -> Result<Code, What> {
    Code::new(code).map_err(|_| "an evidence")
}
