//! Why a rule set is not taken: always with the place, and the construct by its name.

/// A rule set that cannot be used. `at` is the place in the document: `rules[FairTeams].operation`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RuleError {
    /// Not JSON, or not an object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// A construct that is not supported, or does not exist.
    #[error("{at}: {construct} is not supported")]
    Unsupported {
        /// Where.
        at: String,
        /// What: a field, a rule type, a function, an operation.
        construct: String,
    },
    /// Something that must be there is not.
    #[error("{at} is missing")]
    Missing {
        /// What.
        at: String,
    },
    /// A value of the wrong type or out of range.
    #[error("{at}: {expected}")]
    Value {
        /// Where.
        at: String,
        /// What would be right.
        expected: String,
    },
    /// A name that nothing has.
    #[error("{at}: there is no {name}")]
    NoSuch {
        /// Where.
        at: String,
        /// The name.
        name: String,
    },
    /// An expression that cannot be read.
    #[error("{at}: cannot read the expression at \"{rest}\"")]
    Expression {
        /// Where.
        at: String,
        /// What is left of it from there.
        rest: String,
    },
}

impl RuleError {
    pub(super) fn value(at: &str, expected: impl Into<String>) -> Self {
        Self::Value { at: at.to_owned(), expected: expected.into() }
    }

    pub(super) fn unsupported(at: &str, construct: impl Into<String>) -> Self {
        Self::Unsupported { at: at.to_owned(), construct: construct.into() }
    }
}
