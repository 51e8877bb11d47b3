//! cql: the one place that opens CQL sessions, for ScyllaDB and Cassandra alike.
