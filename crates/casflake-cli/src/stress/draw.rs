//! The source of a thread's IDs.

use casflake::{Clock, GenerateError, IdGenerator, LocalGenerator, Scheme, Snowflake};

use crate::ids::Ids;

/// The source from which one thread draws IDs.
pub(crate) struct Source<'g, S: Scheme, C> {
    way: Way<'g, S, C>,
    /// The IDs of the last call. The buffer has the length of a whole batch.
    buffer: Vec<Snowflake<S>>,
}

enum Way<'g, S: Scheme, C> {
    Shared(&'g Ids<S, C>),
    Handle(LocalGenerator<'g, S, C>),
    OwnHandle(Box<dyn FnMut() -> Result<Snowflake<S>, GenerateError> + 'g>),
}

impl<'g, S: Scheme + 'static, C: Clock> Source<'g, S, C> {
    /// Returns the source of one thread. If `local` is given, the source is a handle that reserves up to `local` IDs at
    /// a time. If not, the source is the generator itself. A leased generator has no handles, so `local` has no effect
    /// on it.
    pub(crate) fn new(ids: &'g Ids<S, C>, batch: usize, local: Option<u64>) -> Self {
        let way = match (ids, local) {
            (Ids::Given(generator), Some(block)) => Way::Handle(generator.local(block)),
            (Ids::Own(own), Some(block)) => Way::OwnHandle(own.handle(block)),
            _ => Way::Shared(ids),
        };
        Self { way, buffer: vec![Snowflake::MIN; batch] }
    }

    /// Makes one call and returns the IDs that it draws. `left` is the number of IDs that this thread may still draw.
    /// The call draws a whole batch, or `left` IDs if `left` is smaller than a batch.
    #[inline]
    pub(crate) fn draw(&mut self, left: u64) -> Result<&[Snowflake<S>], GenerateError> {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
        let (ids, _) = self.buffer.split_at_mut(room);
        match (&mut self.way, &mut *ids) {
            (Way::Shared(shared), [id]) => *id = shared.generate()?,
            (Way::Shared(shared), ids) => shared.fill(ids).map_err(|error| error.error())?,
            (Way::Handle(handle), ids) => {
                for id in ids {
                    *id = handle.generate()?;
                }
            }
            (Way::OwnHandle(generate), ids) => {
                for id in ids {
                    *id = generate()?;
                }
            }
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use casflake::{Generator, ManualClock, Standard, WorkerId};

    use super::Source;
    use crate::ids::Ids;

    fn generator() -> Ids<Standard, ManualClock> {
        Ids::Given(Generator::with_clock(WorkerId::fixed::<0, 0>(), ManualClock::new(1_800_000_000_000)))
    }

    #[test]
    fn a_call_draws_a_batch_but_not_more_than_are_left() {
        let generator = generator();
        let mut source = Source::new(&generator, 100, None);
        assert_eq!(source.draw(u64::MAX).map(<[_]>::len), Ok(100));
        assert_eq!(source.draw(7).map(<[_]>::len), Ok(7));
        assert_eq!(source.draw(1).map(<[_]>::len), Ok(1));
        let mut source = Source::new(&generator, 1, None);
        assert_eq!(source.draw(5).map(<[_]>::len), Ok(1));
        assert_eq!(generator.stats().ids, 109);
    }

    #[test]
    fn a_handle_reserves_blocks_and_drops_its_rest_in_the_end() {
        let generator = generator();
        let mut source = Source::new(&generator, 1, Some(64));
        for _ in 0..10 {
            assert_eq!(source.draw(1).map(<[_]>::len), Ok(1));
        }
        drop(source);
        let stats = generator.stats();
        assert!(stats.unused > 0, "blocks of 1, 1, 2, 4 and 8");
        assert_eq!(stats.ids - stats.unused, 10);
    }
}
