//! Where strings from outside the process come from, so that no test touches the process environment.

use std::collections::BTreeMap;

/// A set of named strings, such as the process environment.
pub trait Strings: Send + Sync {
    /// The string with this name.
    fn get(&self, name: &str) -> Option<String>;
    /// Every string whose name begins so, in the order of names.
    fn with_prefix(&self, prefix: &str) -> Vec<(String, String)>;
}

/// The process environment; what is not Unicode is passed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

impl Strings for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
    fn with_prefix(&self, prefix: &str) -> Vec<(String, String)> {
        let unicode =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        let sorted: BTreeMap<_, _> = unicode.filter(|(name, _)| name.starts_with(prefix)).collect();
        sorted.into_iter().collect()
    }
}

impl Strings for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
    fn with_prefix(&self, prefix: &str) -> Vec<(String, String)> {
        let matching = self.iter().filter(|(name, _)| name.starts_with(prefix));
        matching.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}
