//! `Cause`, and `Causes`: an error displayed together with its causes.

use std::error::Error;
use std::fmt;

/// Implements `Debug` for an error type. The output has the variant's name, the error's text and the texts of the
/// error's causes. If `main` returns an error, Rust prints the error with `Debug`, and a user needs the text more than
/// the fields.
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

/// The cause of an error. It can be an error of any type.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

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
