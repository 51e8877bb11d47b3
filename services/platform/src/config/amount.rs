//! Amounts that must be there: most bounds and waits of a configuration cannot work at zero.

use super::{ByteSize, Period};

/// A value of a configuration that can be nothing.
pub trait Amount {
    /// Whether it is zero.
    fn is_nothing(&self) -> bool;
}

impl Amount for Period {
    fn is_nothing(&self) -> bool {
        self.0.is_zero()
    }
}

impl Amount for ByteSize {
    fn is_nothing(&self) -> bool {
        self.0 == 0
    }
}

impl Amount for usize {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

impl Amount for u32 {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

/// Refuses the first of these values that is zero, by its key.
pub fn above_zero(values: &[(&str, &dyn Amount)]) -> Result<(), String> {
    match values.iter().find(|(_, value)| value.is_nothing()) {
        Some((key, _)) => Err(format!("{key} must be above 0")),
        None => Ok(()),
    }
}
