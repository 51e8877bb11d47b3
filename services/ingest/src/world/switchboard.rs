//! The ways between instances, which the test may cut.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use platform::Wire;

use crate::Owners;

#[derive(Clone, Default)]
pub(crate) struct Switchboard(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    ways: HashMap<String, Wire>,
    is_cut: bool,
    asked: usize,
}

impl Switchboard {
    pub(crate) fn connect(&self, address: &str, wire: Wire) {
        self.0.lock().ways.insert(address.to_owned(), wire);
    }

    /// Nobody reaches anybody.
    pub(crate) fn cut(&self) {
        self.0.lock().is_cut = true;
    }

    /// How often anybody asked for a way.
    pub(crate) fn asked(&self) -> usize {
        self.0.lock().asked
    }
}

impl Owners for Switchboard {
    fn wire(&self, address: &str) -> Option<Wire> {
        let mut state = self.0.lock();
        state.asked += 1;
        let way = state.ways.get(address).cloned();
        way.filter(|_| !state.is_cut)
    }
}
