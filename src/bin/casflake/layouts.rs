//! `--layout`: from a name to the scheme.

use casflake::{Discord, Instagram, JsSafe, Layout, Mastodon, Scheme, Sonyflake, Standard, Twitter};
use clap::ValueEnum;

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
