//! sqlite: Opening, migrating and calling SQLite files, and the outbox table
