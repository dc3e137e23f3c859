//! Who may use the ports, in a sentence for each.

use std::net::SocketAddr;

use super::{Config, is_local};
use crate::access::tokens::Tokens;

impl Config {
    /// A sentence for each port: where it is, and who may use it. The addresses are those of the open ports.
    #[must_use]
    pub fn exposure(&self, websocket: SocketAddr, http: Option<SocketAddr>) -> Vec<String> {
        let tokens = self.tokens.as_deref();
        let tls = if self.tls.is_some() { "with TLS" } else { "without TLS" };
        let of_websocket =
            sentence(websocket, tls, self.server.allow_anonymous, tokens, "senders and readers", "send and read");
        let of_http = http.zip(self.http.as_ref());
        let of_http = of_http.map(|(at, http)| sentence(at, tls, http.allow_anonymous, tokens, "viewers", "watch"));
        [of_websocket].into_iter().chain(of_http).collect()
    }
}

fn sentence(
    at: SocketAddr,
    tls: &str,
    allow_anonymous: bool,
    tokens: Option<&Tokens>,
    clients: &str,
    can: &str,
) -> String {
    let (port, ip) = (at.port(), at.ip().to_canonical());
    let place = match ip {
        _ if is_local(at) => "accepts this machine only".to_owned(),
        ip if ip.is_unspecified() => format!("listens on all interfaces {tls}"),
        ip => format!("listens on {ip} {tls}"),
    };
    let who = match tokens {
        Some(tokens) if !allow_anonymous => {
            let count = match tokens.len() {
                0 => "no token exists".to_owned(),
                1 => "1 token exists".to_owned(),
                count => format!("{count} tokens exist"),
            };
            format!("{clients} need a token; {count}")
        }
        _ if is_local(at) => format!("every user of it can {can} without a token"),
        _ => format!("everybody who can reach it can {can} without a token"),
    };
    format!("port {port} {place}: {who}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn who_may_use_a_port_is_said_in_a_sentence() {
        let said = |text: &str, tokens: Option<Tokens>, websocket: &str, http: Option<&str>| {
            let config = Config::parse("test", &format!("{text}\n[[camera]]\nname = \"door\"\n")).unwrap();
            let address = |text: &str| text.parse().unwrap();
            Config { tokens: tokens.map(Arc::new), ..config }.exposure(address(websocket), http.map(address))
        };
        assert_eq!(
            said("[http]", None, "127.0.0.1:8999", Some("[::1]:8080")),
            [
                "port 8999 accepts this machine only: every user of it can send and read without a token",
                "port 8080 accepts this machine only: every user of it can watch without a token",
            ]
        );
        assert_eq!(
            said("server.allow_anonymous = true", Some(Tokens::default()), "0.0.0.0:8999", None),
            [
                "port 8999 listens on all interfaces without TLS: everybody who can reach it can send and read without a token"
            ]
        );
        assert_eq!(
            said("[http]\n[tls]", Some(Tokens::default()), "192.0.2.7:8999", Some("[::]:8080")),
            [
                "port 8999 listens on 192.0.2.7 with TLS: senders and readers need a token; no token exists",
                "port 8080 listens on all interfaces with TLS: viewers need a token; no token exists",
            ]
        );
    }
}
