//! The outbox's tables, named after a role.

/// The outbox tables of the role named, as a [`Component`](crate::Component).
#[macro_export]
macro_rules! outbox_component {
    ($role:literal) => {
        $crate::Component {
            name: concat!("outbox_", $role),
            space: $crate::Space::Data,
            steps: &[concat!(
                "CREATE TABLE IF NOT EXISTS {ks}.outbox_",
                $role,
                " (
    bucket bigint, writer uuid, event_id blob,
    topic text, kind text, tenant text, aggregate text, version bigint, at bigint, trace text, payload blob,
    written_at bigint, published_at bigint,
    PRIMARY KEY ((bucket, writer), event_id));
CREATE TABLE IF NOT EXISTS {ks}.outbox_",
                $role,
                "_pending (
    bucket bigint, writer uuid, row_key blob, event_id blob, written_at bigint, published_at bigint,
    PRIMARY KEY ((bucket, writer), row_key, event_id));
CREATE TABLE IF NOT EXISTS {ks}.outbox_",
                $role,
                "_bucket (hour bigint, bucket bigint, writer uuid, PRIMARY KEY (hour, bucket, writer));
CREATE TABLE IF NOT EXISTS {ks}.outbox_",
                $role,
                "_cursor (name text PRIMARY KEY, bucket bigint)"
            )],
        }
    };
}
