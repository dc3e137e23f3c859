//! The names under which browsers find this board, and which of them prove something.

use std::net::IpAddr;

/// `host` or `host:port` without the port.
#[must_use]
pub fn without_port(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    }
}

/// Whether a name is one that nobody outside can point at this board: an address, or a name of the local network.
/// A name of the Internet's DNS can be pointed anywhere by its owner, whose page would then be "of this very host".
#[must_use]
pub fn cannot_be_claimed(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || !host.contains('.') || host.ends_with(".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_an_outsider_may_own_is_no_proof_of_being_ours() {
        assert!(["localhost", "fovea", "fovea.local", "192.0.2.7", "2001:db8::7"].into_iter().all(cannot_be_claimed));
        assert!(!cannot_be_claimed("fovea.example.org"));
    }

    #[test]
    fn a_port_is_no_part_of_a_name() {
        assert_eq!(["a:1", "a", "[2001:db8::7]:1"].map(without_port), ["a", "a", "2001:db8::7"]);
    }
}
