//! `--layout`: from a name to the scheme, and from the words for a layout of one's own to that.

use std::str::FromStr;

use casflake::{Discord, FieldOrder, Instagram, JsSafe, Layout, Mastodon, Scheme, Sonyflake, Standard, Twitter};
use clap::ValueEnum;

use crate::numbers::whole;
use crate::stop::Stop;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutName {
    /// 41 + 5 + 5 + 12 bits from 2024-01-01
    Standard,
    /// 41 + 5 + 5 + 12 bits from 2010-11-04
    Twitter,
    /// 42 + 5 + 5 + 12 bits from 2015-01-01
    Discord,
    /// 41 + 13 + 10 bits from 2011-08-24, no datacenter
    Instagram,
    /// 39 + 8 + 16 bits of 10 ms from 2014-09-01, worker last, no datacenter
    Sonyflake,
    /// 41 + 5 + 7 bits from 2024-01-01, exact in JavaScript, no datacenter
    JsSafe,
    /// 48 + 16 bits from 1970-01-01, to decode only
    Mastodon,
}

impl LayoutName {
    pub(crate) const fn layout(self) -> Layout {
        match self {
            Self::Standard => Standard::LAYOUT,
            Self::Twitter => Twitter::LAYOUT,
            Self::Discord => Discord::LAYOUT,
            Self::Instagram => Instagram::LAYOUT,
            Self::Sonyflake => Sonyflake::LAYOUT,
            Self::JsSafe => JsSafe::LAYOUT,
            Self::Mastodon => Mastodon::LAYOUT,
        }
    }
}

/// Any layout, of a command that generates nothing by it.
#[derive(clap::Args)]
pub(crate) struct LayoutArgs {
    /// The layout of the IDs' bits
    #[arg(long, value_enum, default_value_t = LayoutName::Standard, global = true)]
    layout: LayoutName,
    /// A layout of your own: the widths of timestamp, datacenter, worker and sequence, such as 41,5,5,12
    #[arg(long, conflicts_with = "layout", requires = "epoch", global = true)]
    bits: Option<Widths>,
    /// When tick 0 of that layout begins, in Unix milliseconds
    #[arg(long, requires = "bits", global = true, value_parser = whole::<u64>(0..=u64::MAX))]
    epoch: Option<u64>,
    /// How long a tick of that layout is, in milliseconds
    #[arg(long, requires = "bits", global = true, default_value_t = 1, value_parser = whole::<u64>(1..=u64::MAX))]
    tick: u64,
    /// The order of that layout's fields
    #[arg(long, value_enum, requires = "bits", global = true, default_value_t = Order::SequenceLast)]
    order: Order,
}

impl LayoutArgs {
    pub(crate) fn layout(&self) -> Result<Layout, Stop> {
        let (Some(Widths([timestamp, datacenter, worker, sequence])), Some(epoch)) = (self.bits, self.epoch) else {
            return Ok(self.layout.layout());
        };
        let order = match self.order {
            Order::SequenceLast => FieldOrder::SequenceLast,
            Order::WorkerLast => FieldOrder::WorkerLast,
        };
        Layout::try_new(timestamp, datacenter, worker, sequence)
            .and_then(|layout| layout.try_tick_ms(self.tick))
            .and_then(|layout| layout.try_epoch_unix_ms(epoch))
            .map(|layout| layout.order(order))
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

/// Calls the function with the scheme of that name as its type argument; refuses a layout that only decodes.
macro_rules! with_scheme {
    ($name:expr, $run:ident($($arg:expr),*)) => {
        match $name {
            $crate::layouts::LayoutName::Standard => $run::<casflake::Standard>($($arg),*),
            $crate::layouts::LayoutName::Twitter => $run::<casflake::Twitter>($($arg),*),
            $crate::layouts::LayoutName::Discord => $run::<casflake::Discord>($($arg),*),
            $crate::layouts::LayoutName::Instagram => $run::<casflake::Instagram>($($arg),*),
            $crate::layouts::LayoutName::Sonyflake => $run::<casflake::Sonyflake>($($arg),*),
            $crate::layouts::LayoutName::JsSafe => $run::<casflake::JsSafe>($($arg),*),
            $crate::layouts::LayoutName::Mastodon => Err($crate::stop::Stop::usage(
                "--layout mastodon only decodes (its timestamp and sequence take 64 bits, a generator has 62): choose \
                 another layout",
            )),
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
        --wait --rate --plot --lease --lease-ttl --lease-wait leases release init --workers --yes file:/tmp standard mastodon coarse park worker-last hex 41,5,5,12 0 1 -1 1e3 0.5 nan \
        18446744073709551616";

    /// Words of the command line, whole or not, and any other text.
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
        fn any_arguments_are_a_command_or_are_refused_with_a_reason(words in prop::collection::vec(word(), 0..8)) {
            if let Err(error) = Cli::try_parse_from([OsString::from("casflake")].into_iter().chain(words)) {
                // Help and version are no failures.
                prop_assert_eq!(error.exit_code(), if error.use_stderr() { 2 } else { 0 });
                prop_assert!(!error.to_string().trim().is_empty());
            }
        }
    }
}
