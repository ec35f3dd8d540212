//! `--layout` and `--bits`: finds a layout by its name, or makes a custom layout from its widths.

use std::str::FromStr;

use casflake::{
    Discord, FieldOrder, Instagram, JsSafe, Layout, Mastodon, Scheme, Sonyflake, Sonyflake2, Standard, Twitter,
};
use clap::ValueEnum;

use crate::numbers::whole;
use crate::stop::Stop;
use crate::times;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutName {
    /// timestamp 41, datacenter 5, worker 5, sequence 12 bits; epoch 2024-01-01
    Standard,
    /// timestamp 41, datacenter 5, worker 5, sequence 12 bits; epoch 2010-11-04
    Twitter,
    /// timestamp 42, datacenter 5, worker 5, sequence 12 bits; epoch 2015-01-01
    Discord,
    /// timestamp 41, worker 13, sequence 10 bits; epoch 2011-08-24
    Instagram,
    /// timestamp 39, sequence 8, worker 16 bits; epoch 2014-09-01, ticks of 10 ms
    Sonyflake,
    /// timestamp 39, sequence 8, worker 16 bits; epoch 2025-01-01, ticks of 10 ms; for IDs of Sonyflake version 2
    #[value(name = "sonyflake2")]
    Sonyflake2,
    /// timestamp 41, worker 5, sequence 7 bits; epoch 2024-01-01; IDs are exact as JavaScript numbers
    JsSafe,
    /// timestamp 48, sequence 16 bits; epoch 1970-01-01; only for decode and range
    Mastodon,
    /// All layouts above, only for decode: the command shows which of these layouts an ID can come from
    All,
}

impl LayoutName {
    /// Returns the layout with this name, or `None` for `All`.
    pub(crate) const fn layout(self) -> Option<Layout> {
        Some(match self {
            Self::Standard => Standard::LAYOUT,
            Self::Twitter => Twitter::LAYOUT,
            Self::Discord => Discord::LAYOUT,
            Self::Instagram => Instagram::LAYOUT,
            Self::Sonyflake => Sonyflake::LAYOUT,
            Self::Sonyflake2 => Sonyflake2::LAYOUT,
            Self::JsSafe => JsSafe::LAYOUT,
            Self::Mastodon => Mastodon::LAYOUT,
            Self::All => return None,
        })
    }
}

/// Until 2010-11-04 Twitter numbered its posts one after another, up to about this number. Since then it has issued
/// Snowflake IDs, which are larger.
const FIRST_SNOWFLAKE_OF_TWITTER: u64 = 29_700_859_247;

/// The beginning of 2016, in Unix milliseconds. Mastodon issued no IDs before 2016, but its layout counts from 1970.
const MASTODON_BEGAN_MS: u64 = 1_451_606_400_000;

const DAY_MS: u64 = 86_400_000;

impl LayoutName {
    /// Returns the reason why `id` contains no time. Only Twitter's layout has such IDs: the numbers that Twitter
    /// issued before the first Snowflake ID. Returns `None` for all other IDs, and for all other layouts.
    pub(crate) fn no_time_in(self, id: u64) -> Option<&'static str> {
        let is_older = self == Self::Twitter && id < FIRST_SNOWFLAKE_OF_TWITTER;
        is_older.then_some("older than Snowflake (2010-11-04): a number in sequence, without a time")
    }

    /// Returns the earliest time, in Unix milliseconds, at which a service can have issued an ID of this layout: the
    /// epoch for Twitter, the beginning of 2016 for Mastodon, and a day after the epoch for all other layouts. The day
    /// of the epoch is left out because a small number decodes to a time on that day, but is most likely not an ID.
    /// Only Twitter issued IDs on the day of its epoch.
    pub(crate) const fn in_use_since(self, layout: &Layout) -> u64 {
        match self {
            Self::Twitter => layout.epoch_unix_ms(),
            Self::Mastodon => MASTODON_BEGAN_MS,
            _ => layout.epoch_unix_ms() + DAY_MS,
        }
    }
}

/// The options that choose a layout: by name, or as a custom layout.
#[derive(clap::Args)]
pub(crate) struct LayoutArgs {
    /// The layout of an ID's bits. "all" can be used only with decode, and "mastodon" only with decode and range
    #[arg(long, value_enum, default_value_t = LayoutName::Standard, global = true)]
    layout: LayoutName,
    /// A custom layout: the widths of timestamp, datacenter, worker and sequence, such as 41,5,5,12
    #[arg(long, conflicts_with = "layout", requires = "epoch", global = true)]
    bits: Option<Widths>,
    /// The time at which tick 0 of the custom layout begins: a date such as 2026-01-31 (UTC), a time such as
    /// 2026-01-31T09:30:00Z, or Unix milliseconds
    #[arg(long, value_name = "TIME", requires = "bits", global = true, value_parser = times::unix_ms)]
    epoch: Option<u64>,
    /// The length of a tick of the custom layout, in milliseconds
    #[arg(long, requires = "bits", global = true, default_value_t = 1, value_parser = whole::<u64>(1..=u64::MAX))]
    tick: u64,
    /// The order of the custom layout's fields
    #[arg(long, value_enum, requires = "bits", global = true, default_value_t = Order::SequenceLast)]
    order: Order,
}

impl LayoutArgs {
    /// Returns the layout's name, or `None` for a custom layout.
    pub(crate) const fn name(&self) -> Option<LayoutName> {
        if self.bits.is_some() { None } else { Some(self.layout) }
    }

    pub(crate) fn layout(&self) -> Result<Layout, Stop> {
        let (Some(Widths([timestamp, datacenter, worker, sequence])), Some(epoch)) = (self.bits, self.epoch) else {
            let all = "--layout all can only decode: choose one layout";
            return self.layout.layout().ok_or_else(|| Stop::usage(all));
        };
        let order = match self.order {
            Order::SequenceLast => FieldOrder::SequenceLast,
            Order::WorkerLast => FieldOrder::WorkerLast,
        };
        Layout::try_new(timestamp, datacenter, worker, sequence)
            .and_then(|layout| layout.try_with_tick_ms(self.tick))
            .and_then(|layout| layout.try_with_epoch_unix_ms(epoch))
            .map(|layout| layout.with_order(order))
            .map_err(Stop::usage)
    }
}

#[derive(Clone, Copy)]
struct Widths([u32; 4]);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let widths: Option<Vec<u32>> = text.split(',').map(|width| whole(0..=64)(width).ok()).collect();
        widths.and_then(|widths| widths.try_into().ok()).map(Self).ok_or_else(|| {
            "give four widths of 0 to 64 bits: timestamp,datacenter,worker,sequence, such as 41,5,5,12".into()
        })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    /// timestamp, datacenter, worker, sequence
    SequenceLast,
    /// timestamp, sequence, datacenter, worker
    WorkerLast,
}

/// Calls the function `$run`. The function's type argument is the scheme that the [`LayoutArgs`] choose. If
/// `--layout` is `mastodon` or `all`, the macro does not call the function, and its value is an error. The macro does
/// not check whether a custom layout can generate IDs.
macro_rules! with_scheme {
    ($args:expr, $run:ident($($arg:expr),*)) => {
        match $args.name() {
            None => $run::<$crate::own::Own>($($arg),*),
            Some($crate::layouts::LayoutName::Standard) => $run::<casflake::Standard>($($arg),*),
            Some($crate::layouts::LayoutName::Twitter) => $run::<casflake::Twitter>($($arg),*),
            Some($crate::layouts::LayoutName::Discord) => $run::<casflake::Discord>($($arg),*),
            Some($crate::layouts::LayoutName::Instagram) => $run::<casflake::Instagram>($($arg),*),
            Some($crate::layouts::LayoutName::Sonyflake) => $run::<casflake::Sonyflake>($($arg),*),
            Some($crate::layouts::LayoutName::Sonyflake2) => $run::<casflake::Sonyflake2>($($arg),*),
            Some($crate::layouts::LayoutName::JsSafe) => $run::<casflake::JsSafe>($($arg),*),
            Some($crate::layouts::LayoutName::Mastodon) => Err($crate::stop::Stop::usage(
                "--layout mastodon can't generate IDs, because its timestamp and sequence have 64 bits together, and a \
                 generator can use at most 62: choose another layout",
            )),
            Some($crate::layouts::LayoutName::All) => {
                Err($crate::stop::Stop::usage("--layout all can only decode: choose one layout"))
            }
        }
    };
}
pub(crate) use with_scheme;

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;
    use proptest::prelude::*;
    use proptest::sample::select;

    use crate::Cli;

    const KNOWN: &str = "\
        node generate decode stress help --help -h --version -V -- - --layout --bits --epoch --tick --order \
        --json --count -n --datacenter --worker --format --max-batch --threads --seconds --batch --local --clock \
        --wait --rate --plot --lease --lease-ttl --lease-wait leases list reclaim init --workers --yes file:/tmp standard \
        mastodon all coarse sleep worker-last hex 41,5,5,12 0 1 -1 1e3 0.5 nan 18446744073709551616 range --from --to \
        --hex --ids string --worker-env --worker-hostname 1/5 2026-01-01 -7d now";

    /// Generates a word for the command line: a known word, two known words joined by `=`, a known word with up to 3
    /// characters after it, or arbitrary text or bytes.
    fn word() -> impl Strategy<Value = OsString> {
        let known = || select(KNOWN.split_whitespace().collect::<Vec<_>>());
        prop_oneof![
            8 => known().prop_map(OsString::from),
            1 => (known(), known()).prop_map(|(option, value)| format!("{option}={value}").into()),
            1 => (known(), ".{0,3}").prop_map(|(word, rest)| format!("{word}{rest}").into()),
            1 => any::<String>().prop_map(OsString::from),
            1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| not_utf8(&bytes)),
        ]
    }

    #[cfg(unix)]
    fn not_utf8(bytes: &[u8]) -> OsString {
        std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
    }

    #[cfg(not(unix))]
    fn not_utf8(bytes: &[u8]) -> OsString {
        String::from_utf8_lossy(bytes).into_owned().into()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arguments_are_a_command_or_are_refused_with_a_reason(words in prop::collection::vec(word(), 0..8)) {
            if let Err(error) = Cli::try_parse_from([OsString::from("casflake")].into_iter().chain(words)) {
                // Help and version are not failures.
                prop_assert_eq!(error.exit_code(), if error.use_stderr() { 2 } else { 0 });
                prop_assert!(!error.to_string().trim().is_empty());
            }
        }
    }
}
