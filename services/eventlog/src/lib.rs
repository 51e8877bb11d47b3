//! eventlog: The event log port and its embedded and memory adapters
