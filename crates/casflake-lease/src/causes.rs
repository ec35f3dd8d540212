//! How an error is shown together with its causes.

use std::error::Error;
use std::fmt;

/// Implements `Debug` as the variant's name and the text with its causes: a `main` that returns an error prints it this
/// way, and the text is what helps.
macro_rules! debug_by_text {
    ($error:ty: $($variant:ident)*) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let variant = match self {
                    $(Self::$variant { .. } => stringify!($variant),)*
                };
                write!(f, "{variant}: {}", $crate::causes::Causes(self))
            }
        }
    };
}
pub(crate) use debug_by_text;

/// Displays an error and each of its causes.
pub(crate) struct Causes<'e>(pub(crate) &'e dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
