//! policy: Tenant policies, grants, the basis timeline, retention arithmetic
