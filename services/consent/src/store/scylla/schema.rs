//! The tables. Ids are 16 bytes, times microseconds, enums the numbers that their types write out; where there
//! is none, a text or blob is empty and a position is -1, so that rows hold no tombstones.

use cql::{Component, Space};

/// An event's columns, the same in every table that holds events.
macro_rules! event_column_types {
    () => {
        "tenant text, version bigint, id blob, subject blob, number bigint, kind int, scope int, said_in blob,
    notice text, notice_hash blob, position bigint, occurred_at bigint, recorded_at bigint, expression int,
    policy blob, fingerprint blob, purposes frozen<set<text>>"
    };
}

/// Everything that consent keeps in a CQL cluster.
pub const COMPONENTS: &[Component] = &[FACTS, cql::outbox_component!("consent"), IDENTIFIERS];

/// Facts and ciphertext.
///
/// ```text
/// consent_order          one row: which batch of events was the last, and up to where all is written
/// consent_staged_event   the rows of a batch, before it is the next
/// consent_event          all events, 1,000 versions a partition
/// consent_subject_event  a subject's events, 1,000 a partition
/// consent_reach_event    a subject's events that reach every call, or one
/// consent_event_id       where an event is
/// consent_subject        a person, with the last version and the number of their events
/// consent_call_notice    the notices presented in a call, the last one first
/// consent_recording      a call; its stamp by conditional writes, what grows by plain ones
/// consent_policy         a policy with its texts; consent_policy_term: since when it was in force, each time
/// consent_in_force       the policies in force, one partition that changes whole
/// consent_journal        one row: how far the store is through with the restrictive journal
/// consent_link           with whom a subject is in a pair; a pair may still be without steps
/// consent_link_step      a pair's steps, each by a conditional write
/// ```
pub(super) const FACTS: Component = Component {
    name: "consent",
    space: Space::Data,
    steps: &[
        concat!(
        "CREATE TABLE IF NOT EXISTS {ks}.consent_order (
    name text PRIMARY KEY, last bigint, batch_id blob, settled bigint);
CREATE TABLE IF NOT EXISTS {ks}.consent_staged_event (batch_id blob, ",
        event_column_types!(),
        ", trace text, entry_id blob, entry frozen<tuple<text, text, text, text, bigint, bigint, text, blob>>,
    PRIMARY KEY (batch_id, version));
CREATE TABLE IF NOT EXISTS {ks}.consent_event (chunk bigint, ",
        event_column_types!(),
        ", PRIMARY KEY (chunk, version));
CREATE TABLE IF NOT EXISTS {ks}.consent_subject_event (page bigint, ",
        event_column_types!(),
        ", PRIMARY KEY ((tenant, subject, page), version));
CREATE TABLE IF NOT EXISTS {ks}.consent_reach_event (reach blob, ",
        event_column_types!(),
        ", PRIMARY KEY ((tenant, subject, reach), version));
CREATE TABLE IF NOT EXISTS {ks}.consent_event_id (id blob PRIMARY KEY, tenant text, version bigint);
CREATE TABLE IF NOT EXISTS {ks}.consent_subject (
    tenant text, subject blob, since bigint, latest bigint, events bigint, PRIMARY KEY ((tenant, subject)));
CREATE TABLE IF NOT EXISTS {ks}.consent_subject_values (
    tenant text, subject blob, section bigint, container blob, sealed_at bigint,
    PRIMARY KEY ((tenant, subject), section));
CREATE TABLE IF NOT EXISTS {ks}.consent_call_notice (
    tenant text, recording blob, occurred_at bigint, version bigint, notice text, notice_hash blob,
    PRIMARY KEY ((tenant, recording), occurred_at, version))
    WITH CLUSTERING ORDER BY (occurred_at DESC, version DESC);
CREATE TABLE IF NOT EXISTS {ks}.consent_recording (
    tenant text, recording blob, policy blob, started_at bigint, authorised_at bigint,
    remembered boolean, purposes set<text>, parties set<frozen<tuple<bigint, int, blob>>>,
    PRIMARY KEY ((tenant, recording)));
CREATE TABLE IF NOT EXISTS {ks}.consent_policy (
    tenant text, hash blob, document text static, file text, words text, PRIMARY KEY ((tenant, hash), file));
CREATE TABLE IF NOT EXISTS {ks}.consent_policy_term (
    tenant text, hash blob, since bigint, PRIMARY KEY (tenant, hash, since))
    WITH CLUSTERING ORDER BY (hash ASC, since DESC);
CREATE TABLE IF NOT EXISTS {ks}.consent_in_force (
    scope text, change bigint static, tenant text, hash blob, since bigint, PRIMARY KEY (scope, tenant));
CREATE TABLE IF NOT EXISTS {ks}.consent_notice (
    tenant text, name text, text_hash blob, language text, words text,
    PRIMARY KEY ((tenant, name, text_hash)))"
    ),
        "CREATE TABLE IF NOT EXISTS {ks}.consent_journal (name text PRIMARY KEY, position bigint)",
        "CREATE TABLE IF NOT EXISTS {ks}.consent_link (
    tenant text, subject blob, other blob, PRIMARY KEY ((tenant, subject), other));
CREATE TABLE IF NOT EXISTS {ks}.consent_link_step (
    tenant text, a blob, b blob, number bigint, stage int, op int, evidence text, made_by text,
    made_at bigint, PRIMARY KEY ((tenant, a, b), number))",
    ],
};

/// The identifier index: HMACs, never values. It is in no backup of data.
///
/// ```text
/// consent_order               a row of each tenant: which batch of identifiers was the last
/// consent_staged_identifier   the rows of a batch, before it is the next
/// consent_identifier          whose an identifier is first; its section by conditional writes
/// consent_later_owner         whose it is afterwards, by conditional writes on the last one's beginning;
///                             whether the line is shared, by plain ones
/// consent_subject_identifier  which a subject has, or had
/// consent_subject_section     the next number of a subject's sections
/// ```
pub(super) const IDENTIFIERS: Component = Component {
    name: "consent-identifiers",
    space: Space::Keys,
    steps: &[
        "CREATE TABLE IF NOT EXISTS {ks}.consent_order (
    name text PRIMARY KEY, last bigint, batch_id blob, settled bigint);
CREATE TABLE IF NOT EXISTS {ks}.consent_staged_identifier (
    batch_id blob, kind int, value blob, tenant text, subject blob, valid_from bigint,
    PRIMARY KEY (batch_id, kind, value));
CREATE TABLE IF NOT EXISTS {ks}.consent_identifier (
    tenant text, kind int, value blob, subject blob, valid_from bigint, section bigint,
    PRIMARY KEY ((tenant, kind, value)));
CREATE TABLE IF NOT EXISTS {ks}.consent_subject_identifier (
    tenant text, subject blob, kind int, value blob, PRIMARY KEY ((tenant, subject), kind, value));
CREATE TABLE IF NOT EXISTS {ks}.consent_subject_section (
    tenant text, subject blob, next bigint, claim blob, PRIMARY KEY ((tenant, subject)))",
        "CREATE TABLE IF NOT EXISTS {ks}.consent_later_owner (
    tenant text, kind int, value blob, last bigint static, shared boolean static,
    valid_from bigint, subject blob, since bigint, section bigint,
    PRIMARY KEY ((tenant, kind, value), valid_from))",
    ],
};
