//! What leaves the board from inside the service's sandbox.

use super::machine::{Board, CONFIG_FILE};
use crate::support::boards::{CONFIG, results_of_film};

/// Writes what comes at a port of the board to `/run/NAME`, and answers nothing.
fn capture(board: &mut Board, name: &str, port: u16) {
    let listen = format!("systemd-socket-activate --accept --inetd --listen 127.0.0.1:{port}");
    board.ask(&format!("rm -f /run/{name}; systemd-run --unit {name} {listen} sh -c 'cat >>/run/{name}'"));
}

pub(crate) fn a_broker_and_a_server_are_reached(board: &mut Board) {
    board.with_fovea();
    capture(board, "broker", 1883);
    capture(board, "server", 8088);
    board.write("/etc/fovea/mqtt.password", "open-sesame\n");
    board.ask("chown fovea /etc/fovea/mqtt.password && chmod 0600 /etc/fovea/mqtt.password");
    let outputs = "[[webhook]]\nname = \"server\"\nurl = \"http://localhost:8088/door\"\n[mqtt]\nurl = \"mqtt://localhost\"\n\
                   board = \"b1\"\nusername = \"user1\"\npassword_file = \"mqtt.password\"\n";
    board.write(CONFIG_FILE, &format!("{CONFIG}{outputs}"));
    board.ask("systemctl restart fovea");
    for part in ["MQTT", "b1", "user1", "open-sesame"] {
        board.wait_until(&format!("grep --quiet --text {part} /run/broker"));
    }
    assert!(results_of_film(board.address(), usize::MAX).count() > 0);
    for part in ["POST /door HTTP/1.1", "fovea-kind: motion", "application/json"] {
        board.wait_until(&format!("grep --quiet --ignore-case --text '{part}' /run/server"));
    }
    board.ask("systemctl stop broker server; rm /etc/fovea/mqtt.password");
    board.with_fovea();
}
