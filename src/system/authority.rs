//! The names under which browsers find this board, and which of them prove something.

use std::net::{IpAddr, Ipv6Addr};

/// The host in `host`, `host:port`, `[IPv6]` or `[IPv6]:port`, without brackets and zone.
///
/// `None` if the text is anything else, however well it begins: `[127.0.0.1]example.org`, `127.0.0.1:1@example.org`.
#[must_use]
pub fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let host = address.split_once('%').map_or(address, |(host, _zone)| host);
            (host.parse::<Ipv6Addr>().is_ok().then_some(host)?, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
    let is_port = |port: &str| port.starts_with(|c: char| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))).then_some(host)
}

/// Whether a name is one that nobody outside can point at this board: an address, or a name of the local network.
/// A name of the Internet's DNS can be pointed anywhere by its owner, whose page would then be "of this very host".
#[must_use]
pub fn cannot_be_claimed(host: &str) -> bool {
    let is_local = || host.rsplit_once('.').is_none_or(|(_, last)| last.eq_ignore_ascii_case("local"));
    host.parse::<IpAddr>().is_ok() || is_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_an_outsider_may_own_is_no_proof_of_being_ours() {
        for ours in ["localhost", "fovea", "fovea.local", "FOVEA.LOCAL", "192.0.2.7", "2001:db8::7"] {
            assert!(cannot_be_claimed(ours), "{ours}");
        }
        for foreign in
            ["fovea.example.org", "localhost.example.org", "127.0.0.1.example.org", "local.example", "fovea."]
        {
            assert!(!cannot_be_claimed(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_port_is_no_part_of_a_name() {
        let with_port = ["a:1", "a", "[2001:db8::7]:1", "[2001:db8::7]", "[fe80::7%eth0]:1", "my_board.local:65535"];
        let without = ["a", "a", "2001:db8::7", "2001:db8::7", "fe80::7", "my_board.local"];
        assert_eq!(with_port.map(host), without.map(Some));
    }

    #[test]
    fn what_only_begins_as_a_host_does_is_none() {
        for text in [
            "",
            ":8999",
            "[127.0.0.1]evil.com",
            "[127.0.0.1]",
            "[::1]evil.com",
            "[::1",
            "[::1]8999",
            "::1",
            "127.0.0.1:1@evil.com",
            "127.0.0.1:",
            "127.0.0.1:+1",
            "127.0.0.1:65536",
            "127.0.0.1:1:1",
            "127.0.0.1/",
            "user@127.0.0.1",
            "a b",
            "a,b",
        ] {
            assert_eq!(host(text), None, "{text:?}");
        }
    }
}
