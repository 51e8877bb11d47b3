//! Calls that belong together go to the same replica, as long as it can be reached.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

/// Put into a request's extensions, has its call begin with the same replica as all others of the same value, in
/// whatever order the replicas are known (rendezvous hashing: the highest rank is first). It is no promise: where that
/// replica cannot be reached the call goes to the next one, which must be able to answer without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Affinity(u64);

impl Affinity {
    /// What calls about this value have in common.
    pub fn of(value: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Self(hasher.finish())
    }

    pub(super) fn rank(self, address: SocketAddr) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.0, address).hash(&mut hasher);
        hasher.finish()
    }
}
