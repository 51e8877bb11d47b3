//! Names that a request keeps of what lies elsewhere: opaque, and without room for a sentence about a person.

/// A text that is no such name; it is not repeated, since it may be somebody's free text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a name must have 1 to {max} visible ASCII characters")]
pub struct InvalidName {
    /// How many it may have.
    pub max: usize,
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident = $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(String);

        impl $name {
            /// Its greatest length, in characters.
            pub const MAX_LEN: usize = $max;

            /// Takes 1 to [`MAX_LEN`](Self::MAX_LEN) visible ASCII characters.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                let fits = !text.is_empty() && text.len() <= Self::MAX_LEN;
                if visible && fits { Ok(Self(text)) } else { Err(InvalidName { max: Self::MAX_LEN }) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

opaque! {
    /// Which request.
    RequestKey = 64
}

opaque! {
    /// Who acts: an account id, as a token has it; never a person's name. Two persons are two of these.
    Actor = 256
}

opaque! {
    /// The name of a frozen plan. It follows from what is in the plan, so that a plan that has changed has another.
    PlanName = 64
}

opaque! {
    /// Which artefact, for which purpose.
    ItemKey = 256
}
