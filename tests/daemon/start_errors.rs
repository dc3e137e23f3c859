//! A daemon that cannot start says in a sentence what to do, and ends with the exit code for it.

use std::net::TcpListener;

use crate::support::daemon::{DOOR, Daemon, own_cores};

/// Starts a daemon that must not start; its exit code and all that it says.
fn failure(config: &str) -> (Option<i32>, String) {
    let mut daemon = Daemon::launch(config);
    let end = daemon.end();
    (end.code, end.log.replace(daemon.config_path(), "FILE"))
}

fn said(code: i32, text: &str) -> (Option<i32>, String) {
    (Some(code), text.to_owned())
}

#[test]
fn the_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it has one");
    assert_eq!(
        failure(&format!("server.listen = \"{address}\"\n{DOOR}")),
        said(
            1,
            &format!(
                "cannot listen on {address}: another program has the port (ss -ltnp shows which); stop it, or choose \
                 another port in server.listen: Address already in use (os error 98)"
            )
        )
    );
}

#[test]
fn the_address_is_not_this_machines() {
    // 192.0.2.0/24 is for documentation (RFC 5737): nobody has it.
    assert_eq!(
        failure(&format!("server.listen = \"192.0.2.1:8999\"\nserver.allow_anonymous = true\n{DOOR}")),
        said(
            1,
            "cannot listen on 192.0.2.1:8999: this machine has no such address; `ip address` lists its addresses: \
             Cannot assign requested address (os error 99)"
        )
    );
}

#[test]
fn the_core_is_not_there() {
    let cores = own_cores();
    let list: Vec<_> = cores.iter().map(ToString::to_string).collect();
    let plural = if cores.len() == 1 { "" } else { "s" };
    assert_eq!(
        failure(&format!("server.listen = \"127.0.0.1:0\"\nprocessor.core = 1023\n{DOOR}")),
        said(
            78,
            &format!(
                "processor.core = 1023: this process may use only core{plural} {}; choose one of these, or widen the \
                 cpuset (AllowedCPUs= in systemd)",
                list.join(", ")
            )
        )
    );
}

#[test]
fn there_is_no_configuration() {
    let mut daemon = Daemon::launch_with_file("/nonexistent/fovea.toml");
    let end = daemon.end();
    assert_eq!(
        (end.code, end.log.as_str()),
        (
            Some(78),
            "there is no file /nonexistent/fovea.toml; to begin, copy deploy/fovea.toml, whose comments \
             explain every key"
        )
    );
}

#[test]
fn the_configuration_is_wrong() {
    assert_eq!(
        failure("[server]\nlisten = \"0.0.0.0:8999\"\nmax_client = 3\n[[camera]]\nname = \"Door\"\n"),
        said(
            78,
            "FILE:2:10: server.listen = \"0.0.0.0:8999\": everybody who can reach this address could send and \
             watch; make a token (fovea token add), set allow_anonymous = true to allow that, or listen on 127.0.0.1\n\
             FILE:3:1: server.max_client = 3: there is no such key; did you mean max_clients?\n\
             FILE:5:8: camera.name = \"Door\": must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit"
        )
    );
}
