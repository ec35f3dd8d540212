//! `RenewalJson`: the form in which SQL statements and Lua scripts receive a renewal: one JSON object with named
//! fields.

use serde::{Serialize, Serializer};

use crate::error::StoreError;
use crate::lease::Lease;
use crate::terms::Terms;

/// The inputs of the rule of renewals, [`protocol::renew`](crate::protocol::renew), without the store's contents.
///
/// All times are in ticks, except for the epoch and the length of a tick, which are in milliseconds. Numbers are
/// written as texts of digits, because a JSON number has only 53 bits in Lua.
#[derive(Debug, Serialize)]
pub(crate) struct RenewalJson<'a> {
    space: &'a str,
    #[serde(serialize_with = "digits")]
    worker: u64,
    token: String,
    #[serde(serialize_with = "digits")]
    counter: u64,
    #[serde(serialize_with = "digits")]
    next_counter: u64,
    #[serde(serialize_with = "digits")]
    from: u64,
    #[serde(serialize_with = "digits")]
    until: u64,
    #[serde(serialize_with = "digits")]
    ttl: u64,
    layout: &'a str,
    #[serde(serialize_with = "digits")]
    epoch_unix_ms: u64,
    #[serde(serialize_with = "digits")]
    tick_ms: u64,
    /// The tick after the layout's last tick.
    #[serde(serialize_with = "digits")]
    end: u64,
    /// The largest number of ticks by which the end of the worker's window may be ahead of the store's clock. If the
    /// end is further ahead, the lease is not renewed, because the store's clock now reads an earlier time than at the
    /// worker's last grant or renewal.
    #[serde(serialize_with = "digits")]
    reach: u64,
}

impl<'a> RenewalJson<'a> {
    /// Creates the renewal of `lease` for `ttl` ticks, for a store that can hold numbers up to `max`. Returns `None` if
    /// the counter of `lease` can not grow any more.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a number in the renewal is larger than `max`. The number `end` never causes this
    /// error: if the layout ends after `max`, `end` is `max`, because the store can not hold a larger tick.
    pub(crate) fn of(
        space: &'a str,
        lease: &Lease,
        ttl: u64,
        terms: &'a Terms,
        max: u64,
    ) -> Result<Option<Self>, StoreError> {
        let Some(next_counter) = lease.counter.checked_add(1) else { return Ok(None) };
        let renewal = Self {
            space,
            worker: lease.worker,
            token: lease.token.to_string(),
            counter: lease.counter,
            next_counter,
            from: lease.from,
            until: lease.until,
            ttl,
            layout: &terms.layout,
            epoch_unix_ms: terms.epoch_unix_ms,
            tick_ms: terms.tick_ms,
            end: terms.end.min(max),
            reach: terms.max_ttl.saturating_add(terms.slack),
        };
        let Self { worker, next_counter, from, until, ttl, epoch_unix_ms, tick_ms, reach, .. } = renewal;
        match [worker, next_counter, from, until, ttl, epoch_unix_ms, tick_ms, reach].into_iter().max() {
            Some(number) if number > max => {
                let why = format!("{number} is larger than {max}, the largest number that the store can hold");
                Err(StoreError::corrupt("a lease or a layout", why))
            }
            _ => Ok(Some(renewal)),
        }
    }

    #[cfg(feature = "redis")]
    pub(crate) const fn next_counter(&self) -> u64 {
        self.next_counter
    }

    /// Returns the object as JSON text.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the serializer fails.
    pub(crate) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|error| StoreError::unavailable("writing JSON", error))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn digits<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[cfg(test)]
mod tests {
    use casflake::{Scheme, Standard};

    use super::RenewalJson;
    use crate::lease::Lease;
    use crate::terms::Terms;
    use crate::token::Token;

    fn text(lease: Lease, max: u64) -> Result<Option<String>, String> {
        let terms = Terms::of(&Standard::LAYOUT);
        let renewal = RenewalJson::of("default", &lease, 30_000, &terms, max).map_err(|error| error.to_string())?;
        Ok(renewal.map(|renewal| renewal.text().unwrap()))
    }

    #[test]
    fn fields_have_names_and_numbers_are_texts_of_digits() {
        let text = text(Lease::new(3, 10, 20, 1 << 60, Token::numbered(7)), u64::MAX).unwrap().unwrap();
        assert_eq!(
            text,
            r#"{"space":"default","worker":"3","token":"00000000000000000000000000000007","counter":"1152921504606846976","next_counter":"1152921504606846977","from":"10","until":"20","ttl":"30000","layout":"41+5+5+12 bits, sequence-last, from 1704067200000 ms in ticks of 1 ms","epoch_unix_ms":"1704067200000","tick_ms":"1","end":"2199023255552","reach":"150000"}"#
        );
    }

    #[test]
    fn a_number_that_is_too_large_for_the_store_is_refused() {
        let max = i64::MAX.unsigned_abs();
        let refused = text(Lease::new(3, 10, max + 1, 1, Token::numbered(7)), max).unwrap_err();
        assert!(refused.contains("9223372036854775808 is larger than 9223372036854775807"), "{refused}");
        assert!(text(Lease::new(3, 10, max, max, Token::numbered(7)), max).is_err(), "the next counter");
        assert_eq!(text(Lease::new(3, 10, 20, u64::MAX, Token::numbered(7)), u64::MAX), Ok(None));
    }
}
