//! `check_host`: checks one host and its port.

use std::net::Ipv6Addr;

use super::text::Named;

/// The characters, other than ASCII letters and digits, that the name of a host may contain.
pub(crate) const HOST: &str = "-._~";

/// Checks `text`, which is a host, or a host and a port with a `:` between them. Refuses a host that is empty, or that
/// contains characters other than ASCII letters, digits and `others`. Text in `[ ]` must be an IPv6 address. Refuses a
/// port that is not a number from 1 to 65535.
pub(crate) fn check_host(text: &str, others: &str) -> Result<(), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(text) => {
            let (address, port) = text.split_once(']').ok_or("the [ of the host has no ]")?;
            if address.parse::<Ipv6Addr>().is_err() {
                return Err("there is no IPv6 address in the [ ] of the host".into());
            }
            (None, port.strip_prefix(':').or((!port.is_empty()).then_some("")))
        }
        None => {
            let (host, port) = super::split(text, ':');
            (Some(host), port)
        }
    };
    if host == Some("") {
        return Err("a host is empty".into());
    }
    let is_odd = |c: &char| !(c.is_ascii_alphanumeric() || others.contains(*c));
    if let Some(c) = host.and_then(|host| host.chars().find(is_odd)) {
        return Err(format!("there is {} in the host", Named(c)));
    }
    // The digits are checked separately, because `parse` also accepts a `+` before them.
    let is_number =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if port.is_some_and(|port| !is_number(port)) {
        return Err("the port is not a number from 1 to 65535 (write an IPv6 address in [ ])".into());
    }
    Ok(())
}
