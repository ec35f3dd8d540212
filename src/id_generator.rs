//! `IdGenerator`: the trait with the calls that all kinds of generators have in common.

use crate::clock::Clock;
use crate::error::{FillError, GenerateError};
use crate::generator::Generator;
use crate::id::Snowflake;
use crate::scheme::{Scheme, Standard};

/// A generator of any kind that issues IDs of the scheme `S`.
///
/// Code that takes an `IdGenerator` works with a [`Generator`] on any clock, with a `LeasedGenerator` of the crate
/// [`casflake-lease`](https://docs.rs/casflake-lease), and with a substitute that a test provides. A reference to an
/// `IdGenerator` is an `IdGenerator`, too. With the feature `alloc`, so is a `Box` or an `Arc` of an `IdGenerator`. A
/// [`LocalGenerator`](crate::LocalGenerator) is not an `IdGenerator`, because its calls take `&mut self`.
///
/// # Examples
/// The application's function takes any generator. The test passes a generator whose clock stands still:
///
/// ```
/// use casflake::{GenerateError, Generator, IdGenerator, ManualClock, Snowflake, WorkerId};
///
/// struct Order {
///     id: Snowflake,
///     item: String,
/// }
///
/// fn order(ids: &dyn IdGenerator, item: &str) -> Result<Order, GenerateError> {
///     Ok(Order { id: ids.generate()?, item: item.to_owned() })
/// }
///
/// // The program:
/// static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>());
/// let tea = order(&IDS, "tea")?;
/// let coffee = order(&IDS, "coffee")?;
/// assert!(tea.id < coffee.id);
///
/// // Its test:
/// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
/// assert_eq!(order(&ids, "tea")?.id.unix_ms(), 1_735_689_600_000);
/// ids.clock().advance(5);
/// assert_eq!(order(&ids, "tea")?.id.unix_ms(), 1_735_689_600_005);
/// # Ok::<(), GenerateError>(())
/// ```
///
/// If the kind of generator is chosen at run time, use an `Arc<dyn IdGenerator + Send + Sync>`. The documentation of
/// `LeasedGenerator` has an example. A call through `dyn` is an indirect call, which costs a little time. A function
/// that takes `&impl IdGenerator` calls the generator directly:
///
/// ```
/// use casflake::{FillError, Generator, IdGenerator, Scheme, Snowflake, Twitter, WorkerId};
///
/// fn pair<S: Scheme>(ids: &impl IdGenerator<S>) -> Result<[Snowflake<S>; 2], FillError> {
///     let mut pair = [Snowflake::MIN; 2];
///     ids.fill(&mut pair)?;
///     Ok(pair)
/// }
///
/// let [first, second] = pair(&Generator::new(WorkerId::<Twitter>::fixed_in::<1, 7>()))?;
/// assert!(first < second);
/// # Ok::<(), FillError>(())
/// ```
///
/// A test can also pass a generator that always fails:
///
/// ```
/// use casflake::{GenerateError, IdGenerator, Snowflake};
///
/// struct Failing;
///
/// impl IdGenerator for Failing {
///     fn generate(&self) -> Result<Snowflake, GenerateError> {
///         Err(GenerateError::Closed)
///     }
///
///     fn try_generate(&self) -> Result<Snowflake, GenerateError> {
///         Err(GenerateError::Closed)
///     }
/// }
///
/// let mut buffer = [Snowflake::MIN; 8];
/// assert_eq!(Failing.fill(&mut buffer).map_err(|error| error.filled()), Err(0));
/// ```
///
/// # What an implementation promises
/// An implementation makes these promises for the three calls of this trait. The promises hold for calls in any order
/// and from any threads:
///
/// * **Uniqueness.** No two calls of one generator return the same ID.
/// * **Order.** If one call returns before another begins, the first call's IDs are smaller. `fill` writes IDs in
///   increasing order.
/// * **Honest errors.** A failed `generate` or `try_generate` has issued no ID. A failed `fill` has issued only the IDs
///   that [`FillError::filled`] counts.
/// * **No wait.** `try_generate` does not wait.
///
/// The compiler can't check whether an implementation of the trait keeps these promises. So `unsafe` code must not rely
/// on them. [`Generator`] keeps all of them, [and more](Generator#what-it-promises). `LeasedGenerator` keeps all of
/// them, too. `&T`, `Box<T>` and `Arc<T>` keep the promises that `T` keeps.
///
/// # What a caller can not rely on
/// * **Uniqueness across two generators.** Two generators may issue the same ID if they have the same worker: see
///   [`WorkerId`](crate::WorkerId).
/// * **One worker.** The IDs of a `LeasedGenerator` may have a different [`worker`](Snowflake::worker) from one call to
///   the next.
/// * **A precise time.** An ID's [`tick`](Snowflake::tick) is only as precise as the generator's clock.
/// * **A bound on the wait.** How long `generate` and `fill` can wait depends on the kind of generator.
pub trait IdGenerator<S: Scheme = Standard> {
    /// Returns the next ID. May block the thread. How long it may block depends on the kind of generator.
    ///
    /// # Errors
    /// A [`GenerateError`] that says why no ID was issued: for example, `Closed` if the generator was closed.
    fn generate(&self) -> Result<Snowflake<S>, GenerateError>;

    /// Returns the next ID without waiting.
    ///
    /// # Errors
    /// The errors of [`generate`](Self::generate), and [`GenerateError::Exhausted`] if every ID of the current tick is
    /// taken.
    fn try_generate(&self) -> Result<Snowflake<S>, GenerateError>;

    /// Fills `buffer` with IDs in increasing order. May block the thread, as [`generate`](Self::generate) does.
    ///
    /// The default implementation calls [`generate`](Self::generate) for each ID. The `fill` of [`Generator`] and of
    /// `LeasedGenerator` is much faster: all IDs that the buffer gets from one tick are reserved together.
    ///
    /// # Errors
    /// The errors of [`generate`](Self::generate). [`FillError::filled`] returns how many IDs were written to the
    /// buffer before the error. The rest of the buffer is unchanged.
    fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        for (filled, place) in buffer.iter_mut().enumerate() {
            *place = self.generate().map_err(|error| FillError::new(filled, error))?;
        }
        Ok(())
    }
}

impl<S: Scheme, C: Clock> IdGenerator<S> for Generator<S, C> {
    #[inline]
    fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        Generator::generate(self)
    }

    #[inline]
    fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        Generator::try_generate(self)
    }

    fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        Generator::fill(self, buffer)
    }
}

/// Implements `IdGenerator` for a pointer to an `IdGenerator`. Forwards all three calls to the generator behind the
/// pointer. The trait has a default `fill`, but the `fill` of most generators is faster. So the macro forwards `fill`,
/// too.
macro_rules! forward {
    ($($(#[$cfg:meta])? $pointer:ty;)*) => {$(
        $(#[$cfg])?
        impl<S: Scheme, T: IdGenerator<S> + ?Sized> IdGenerator<S> for $pointer {
            #[inline]
            fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
                (**self).generate()
            }

            #[inline]
            fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
                (**self).try_generate()
            }

            fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
                (**self).fill(buffer)
            }
        }
    )*};
}

forward! {
    &T;
    #[cfg(feature = "alloc")] alloc::boxed::Box<T>;
    #[cfg(feature = "alloc")] alloc::sync::Arc<T>;
}
