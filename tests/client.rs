//! `fovea send` and `fovea watch`, run as users run them, against a server that plays a part; and `fovea demo`, which
//! needs none.

#[path = "client/board_away.rs"]
mod board_away;
#[path = "client/camera.rs"]
mod camera;
#[path = "client/connect.rs"]
mod connect;
#[path = "client/demo.rs"]
mod demo;
#[path = "client/hostile.rs"]
mod hostile;
#[path = "client/http_access.rs"]
mod http_access;
#[path = "client/http_failures.rs"]
mod http_failures;
#[path = "client/http_source.rs"]
mod http_source;
#[path = "client/live.rs"]
mod live;
#[path = "client/send.rs"]
mod send;
#[path = "client/sending.rs"]
mod sending;
#[path = "client/server.rs"]
mod server;
#[path = "client/token.rs"]
mod token;
#[path = "client/watch.rs"]
mod watch;

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

/// The command, its outputs kept.
fn fovea(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command.args(args).env("TZ", "UTC").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(args: &[&str]) -> Child {
    fovea(args).spawn().expect("the command was built")
}

/// Runs the command to its end.
fn run(args: &[&str]) -> (i32, String, String) {
    decode(&fovea(args).output().expect("the command was built"))
}

/// Exit code, standard output, standard error.
fn decode(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes UTF-8");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn data(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    path.to_str().expect("the repository is in a place with a readable name").to_owned()
}
