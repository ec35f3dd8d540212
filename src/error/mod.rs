//! The public errors. An error text contains the refused value, its bound and a remedy, as far as these exist.

use core::error::Error;
use core::fmt;

/// Implements `Debug` for an error. The `Debug` form is the variant's name, the error's text and the texts of the
/// error's causes. A `main` that returns an error prints only the error's `Debug` form. Without the texts, the user
/// would not see the remedy.
macro_rules! debug_by_text {
    ($error:ty: $($variant:ident)*) => {
        impl core::fmt::Debug for $error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let variant = match self {
                    $(Self::$variant { .. } => stringify!($variant),)*
                };
                $crate::error::write_with_causes(f, variant, self)
            }
        }
    };
}
mod generate;
mod id;
mod layout;
mod setting;
#[cfg(feature = "alloc")]
mod topology;
mod worker;

pub use generate::{FillError, GenerateError};
pub use id::IdError;
pub use layout::LayoutError;
pub use setting::SettingError;
#[cfg(feature = "alloc")]
pub use topology::TopologyError;
pub use worker::WorkerIdError;
#[cfg(feature = "alloc")]
pub use worker::WorkerTextError;

/// Writes `variant`, the text of `error`, and the text of each cause of `error`.
pub(crate) fn write_with_causes(f: &mut fmt::Formatter<'_>, variant: &str, error: &dyn Error) -> fmt::Result {
    write!(f, "{variant}: {}", Causes(error))
}

/// Displays the text of an error, followed by the text of each cause of the error.
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

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::format;

    use super::GenerateError;

    #[test]
    fn the_debug_form_is_the_variant_and_the_text() {
        let error = GenerateError::Exhausted { retry_after: Duration::from_millis(1) };
        assert_eq!(format!("{error:?}"), format!("Exhausted: {error}"));
        assert_eq!(format!("{:?}", GenerateError::Closed), format!("Closed: {}", GenerateError::Closed));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn the_debug_form_has_the_causes() {
        use super::{WorkerIdError, WorkerTextError};

        let cause = WorkerIdError::Worker { value: 32, max: 31 };
        let error = WorkerTextError::Variable {
            variable: "WORKER".into(),
            cause: alloc::boxed::Box::new(WorkerTextError::DoesNotFit(cause)),
        };
        let text = format!("{error:?}");
        assert!(text.starts_with("Variable: ") && text.contains("WORKER"), "{text}");
        assert!(text.contains("worker 32 is out of range: 0 to 31"), "{text}");
    }
}
