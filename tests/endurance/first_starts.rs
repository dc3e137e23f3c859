//! A first start that is killed at any moment leaves a board that starts.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    Random, count, folder, is_encrypted, names_in, report,
    support::daemon::{DOOR, Daemon, HTTP, program},
};

const CONFIG: &str = "[tls]\n";

const FILES: [&str; 2] = ["certificate.pem", "key.pem"];

fn command(mut command: Command, folder: &Path) -> Command {
    command.env("STATE_DIRECTORY", folder);
    command
}

#[test]
#[ignore = "minutes; FOVEA_KILLS says how many"]
fn a_first_start_that_is_killed_is_made_good_by_the_next() {
    let rounds = count("FOVEA_KILLS", 1000);
    let folder = folder("first-starts");
    let (state, tls) = (folder.join("state"), folder.join("state/tls"));
    let config = format!("{HTTP}{CONFIG}{DOOR}");
    let (mut random, mut left) = (Random::new(), [0_u64; 5]);
    let mut longest = Duration::from_millis(20);
    for round in 0..rounds {
        let _ = fs::remove_dir_all(&state); // there is none in the first round
        fs::create_dir(&state).expect("it is gone");
        // In some rounds there is a certificate whose key is lost.
        let is_widowed = round % 4 == 3;
        if is_widowed {
            fs::create_dir(&tls).expect("it is empty");
            fs::copy(folder.join("widowed.pem"), tls.join(FILES[0])).expect("kept in an earlier round");
        }
        let start = Instant::now();
        let mut killed =
            Daemon::launch_as(&format!("server.listen = \"127.0.0.1:0\"\n{config}"), |run| command(run, &state));
        thread::sleep(Duration::from_micros(random.below(u64::try_from(longest.as_micros()).expect("not for years"))));
        killed.stop_by(Signal::SIGKILL);
        let found = if tls.exists() { names_in(&tls) } else { Vec::new() };
        left[match found.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => 0,
            ["certificate.pem", "key.pem"] => 4,
            ["key.pem", ..] | ["certificate.new", ..] => 3,
            ["key.new"] => 2,
            _ => 1,
        }] += 1;

        let mut daemon = Daemon::start_as(&config, |run| command(run, &state));
        // Moments of the whole of a start are tried, and a little beyond it.
        longest = longest.max((start.elapsed() / 2).min(Duration::from_millis(400)));
        assert!(is_encrypted(daemon.address()) && is_encrypted(daemon.http_address()));
        assert_eq!(names_in(&tls), FILES, "after {found:?}");
        for file in FILES {
            let mode = fs::metadata(tls.join(file)).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        if round == 0 {
            fs::copy(tls.join(FILES[0]), folder.join("widowed.pem")).expect("the folder can be written");
        }
        assert_eq!(daemon.stop_by(Signal::SIGKILL).signal, Some(9));
    }
    let [none, other, half_a_key, a_key, both] = left;
    report(&format!(
        "first starts: {rounds} killed; files at that moment: {none} times none, {half_a_key} times a part of the key, {a_key} \
         times the key and no certificate, {both} times both, {other} times others; each next start served TLS at both ports"
    ));
}

#[test]
#[ignore = "a minute; FOVEA_KILLS says how many"]
fn a_token_that_is_added_during_a_kill_is_there_or_not() {
    let rounds = count("FOVEA_KILLS", 1000);
    let folder = folder("added");
    let (tokens, file) = (folder.join("tokens"), folder.with_extension("toml"));
    fs::write(&file, format!("server.tokens_file = {tokens:?}\n{DOOR}")).expect("the target folder can be written");
    let token = |arguments: &[&str]| {
        let mut command = Command::new(program());
        command.arg("token").args(arguments).arg("--config").arg(&file);
        command
    };
    let time = Instant::now();
    assert!(token(&["add", "first", "--role", "view"]).output().is_ok_and(|output| output.status.success()));
    let longest = time.elapsed();
    let (mut random, mut added) = (Random::new(), 0);
    for round in 0..rounds {
        let name = format!("t{round}");
        let mut adds = token(&["add", &name, "--role", "view"]);
        let mut child = adds.stdout(std::process::Stdio::null()).spawn().expect("it was built");
        thread::sleep(Duration::from_micros(random.below(u64::try_from(longest.as_micros()).expect("not for years"))));
        child.kill().and_then(|()| child.wait()).expect("it is our child");
        let list = token(&["list"]).output().expect("it was built");
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        assert!(list.contains("first"), "{list}");
        if list.split_whitespace().any(|word| word == name) {
            added += 1;
            assert!(token(&["revoke", &name]).output().is_ok_and(|output| output.status.success()));
        }
    }
    // A command that is not killed takes away what was left behind.
    assert!(token(&["add", "last", "--role", "view"]).output().is_ok_and(|output| output.status.success()));
    assert_eq!(names_in(&folder), ["tokens"]);
    report(&format!(
        "tokens: {rounds} commands killed, {added} of them after the token was added; the file was always whole"
    ));
}
