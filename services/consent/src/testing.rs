//! Test stand.
