//! The peers, each in the fastest configuration that its documentation offers.

pub mod ferroid;
pub mod idgenerator;
pub mod rs_snowflake;
pub mod snowdon;
pub mod snowflake_me;
pub mod snowflaked;
pub mod snowid;
pub mod uuid;
