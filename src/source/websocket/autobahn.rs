//! The Autobahn test suite against a connection behind an echo.
//!
//! Request, connection, receiver and close are the code that serves clients. The echo is this test's alone, as the suite wants
//! its messages back. `tests/autobahn/run` fetches the suite and runs this; `tests/autobahn/outcomes` lists what is not "OK".

use std::{
    collections::BTreeMap,
    env, fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::Instant,
};

use serde::Deserialize;
use tungstenite::protocol::frame::{
    Frame,
    coding::{Data, OpCode},
};

use super::{
    client,
    connection::{Connection, Content, Disconnect},
    server::Server,
    session::Session,
};
use crate::{access::Access, config::Config, hub::Hub, tls::stream::Stream};

/// The suite's largest message.
const MESSAGE_BYTES: usize = 16 << 20;

/// Some cases send a large message in small pieces, which takes a busy machine longer than a camera may take.
const CONFIG: &str = "server.message_timeout_ms = 600000\n[[camera]]\nname = \"door\"\n";

/// How a case ended, as the suite reports it.
#[derive(Debug, Deserialize)]
struct Outcome {
    /// How messages were answered.
    behavior: String,
    /// How the connection was closed.
    #[serde(rename = "behaviorClose")]
    close: String,
}

#[test]
#[ignore = "tests/autobahn/run fetches the suite and runs it"]
fn every_case_ends_as_listed() {
    let suite = env::var("FOVEA_AUTOBAHN").expect("tests/autobahn/run sets it");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autobahn");
    let report = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/autobahn");
    let _ = fs::remove_dir_all(&report);

    let client = Command::new(tests.join("python"))
        .args([Path::new(&suite), &tests.join("client.py"), Path::new(&suite)])
        .arg(format!("ws://{}/results", serve()))
        .arg(&report)
        .output()
        .expect("it is executable");
    let said = String::from_utf8_lossy(&client.stderr);
    assert!(client.status.success(), "the suite's client: {}: {said}", client.status);

    let index = fs::read(report.join("index.json")).expect("the suite reports");
    let mut by_agent: BTreeMap<String, BTreeMap<String, Outcome>> = serde_json::from_slice(&index).expect("as it does");
    let (_, outcomes) = by_agent.pop_first().expect("there is one");
    let mut found: Vec<_> = outcomes.iter().filter_map(|(case, outcome)| not_ok(case, outcome)).collect();
    found.push(format!("cases {}", outcomes.len()));
    found.sort();

    let listed = fs::read_to_string(tests.join("outcomes")).expect("it is committed");
    let mut listed: Vec<_> = listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    listed.sort_unstable();
    assert_eq!(found, listed, "the report is in {}", report.display());
}

/// The line that lists the case, unless all is well.
fn not_ok(case: &str, Outcome { behavior, close }: &Outcome) -> Option<String> {
    // The suite notes which side closed with which code, without an opinion.
    let closes_well = ["OK", "INFORMATIONAL"].contains(&close.as_str());
    match (behavior.as_str(), closes_well) {
        ("OK", true) => None,
        (_, true) => Some(format!("{case} {behavior}")),
        (_, false) => Some(format!("{case} {behavior}, close {close}")),
    }
}

/// Starts the echo on a free port, for as long as the test runs; gives its address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    let config = Config::parse("test", CONFIG).expect("it is valid");
    let access = Arc::new(Access::new(config.policy()));
    let server = Arc::new(Server::new(config.server, &[], Arc::new(Hub::default()), access, None));
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (server, socket) = (server.clone(), socket.expect("the suite is no flood"));
            thread::spawn(move || echo(server, socket));
        }
    });
    address
}

/// Serves one client as `client::serve` does, but gives its messages back.
fn echo(server: Arc<Server>, socket: TcpStream) {
    socket.set_nonblocking(true).expect("it is open");
    socket.set_nodelay(true).expect("it is a TCP socket");
    let settings = server.settings();
    let queue = server.hub.queue("websocket", settings.config.outbox_bytes).expect("there are descriptors");
    let peer = socket.peer_addr().expect("it is connected");
    let session = Session::new(server, settings, socket, peer, queue);
    let (stream, deadline) =
        (Stream::Plain(&session.socket), Instant::now() + session.settings.config.handshake_timeout);
    let Some((_, upgrade)) = client::handshake(&session, &stream, deadline).expect("the suite asks as it should")
    else {
        return;
    };
    let mut connection = session.upgrade(upgrade, MESSAGE_BYTES);
    let disconnect = loop {
        if let Err(disconnect) = give_back_one(&mut connection) {
            break disconnect;
        }
    };
    connection.finish(&disconnect);
}

fn give_back_one(connection: &mut Connection<'_>) -> Result<(), Disconnect> {
    match connection.next(None)? {
        Some(Content::Binary(bytes)) => connection.send(Frame::message(bytes, OpCode::Data(Data::Binary), true)),
        Some(Content::Text(text)) => connection.send(Frame::message(text, OpCode::Data(Data::Text), true)),
        None => Ok(()),
    }
}
