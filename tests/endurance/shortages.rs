//! A system that has nothing left to give: no space, no writable files, no memory, no random numbers. And one whose clock jumps.

use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    libc::O_NONBLOCK,
    sys::{signal::Signal, stat::Mode},
    unistd::mkfifo,
};

use serde_json::Value;

use crate::{
    folder, is_encrypted, names_in, skip,
    support::{
        client::Client,
        daemon::{DOOR, Daemon, HTTP, program},
        http::{ask, get, get_with},
        pictures::Picture,
        raw::{BINARY, FINAL, Raw, TEXT, frame, header},
    },
};

/// Has the command run by a shell that may mount for itself and prepares things first. `None` if this is not allowed here.
fn prepared(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "sh", "-ec", &format!("{script}\nexec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).env_remove("JOURNAL_STREAM");
    shell
}

/// Whether a user may mount for himself.
fn may_mount() -> bool {
    let made = Command::new("unshare").args(["--mount", "--map-root-user", "true"]).output();
    let may = made.is_ok_and(|output| output.status.success());
    if !may {
        skip("what needs mounts: this user may not make a mount namespace");
    }
    may
}

fn is_served(sender: &mut Client) {
    sender.send(Picture::scene(64, 48).jpeg());
    assert_eq!(sender.next_of("result")["camera"], "door");
}

#[test]
fn on_a_full_disk_it_says_so_and_starts_when_there_is_space() {
    if !may_mount() {
        return;
    }
    let folder = folder("full");
    let state = folder.display();
    let full = format!("mount -t tmpfs -o size=4k tmpfs {state}; head -c 4096 /dev/zero >{state}/full");
    let config = format!("server.listen = \"127.0.0.1:0\"\n[tls]\n{DOOR}");
    let start = |script: &str| {
        Daemon::launch_as(&config, |command| {
            let mut command = prepared(script, &command);
            command.env("STATE_DIRECTORY", &folder);
            command
        })
    };
    let end = start(&full).end();
    let told = format!("[tls]: cannot write {state}/tls/key.pem: No space left on device (os error 28)");
    assert!(end.log.ends_with(&told), "{}", end.log);
    // 78 would keep systemd from trying again.
    assert_eq!(end.code, Some(1), "{}", end.log);

    // The same, and what it left behind does not matter.
    let then_space = format!(
        "{full}\n\"$@\" && exit 9 || true\ntest \"$(find {state} -type f)\" = {state}/full\nrm {state}/full\n\
         mount -o remount,size=64k {state}"
    );
    let mut daemon = start(&then_space);
    daemon.wait_for_line("listening on ");
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(names_in(&folder), [""; 0], "outside of its own mounts");
}

#[test]
fn with_a_read_only_etc_it_runs_and_reloads_and_a_token_cannot_be_added() {
    if !may_mount() {
        return;
    }
    let folder = folder("read-only");
    let (etc, file) = (folder.join("etc"), folder.join("etc/fovea.toml"));
    fs::create_dir(&etc).expect("it is empty");
    fs::write(
        &file,
        format!("server.listen = \"127.0.0.1:0\"\nserver.tokens_file = {:?}\n{HTTP}{DOOR}", etc.join("tokens")),
    )
    .expect("it can be written");
    let read_only =
        format!("mount --bind {0} {0}; mount -o remount,bind,ro {0}; ! touch {0}/x 2>/dev/null", etc.display());
    let mut daemon = Daemon::launch_as("", |_| {
        let mut run = Command::new(program());
        run.args(["run", "--config"]).arg(&file);
        prepared(&read_only, &run)
    });
    daemon.wait_for_line("listening on ");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_line("the new configuration is in use");
    assert_eq!(get(&daemon, "/healthz").status, 200);
    assert_eq!(daemon.stop().code, Some(0));

    let mut add = Command::new(program());
    add.args(["token", "add", "phone", "--role", "view", "--config"]).arg(&file);
    let output = prepared(&read_only, &add).output().expect("it can be mounted");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Read-only file system"), "{said}");
    assert_eq!((output.status.success(), names_in(&etc)), (false, vec!["fovea.toml".to_owned()]));
}

#[test]
fn without_memory_it_says_so_and_ends() {
    let mut daemon = Daemon::start(DOOR);
    let mut sender = Client::connect(&daemon, "/?results");
    is_served(&mut sender);
    let mut large = Raw::open(&daemon, "/frames/door");
    let room_kb = daemon.status("VmData") + 1024;
    daemon.limit(&format!("--data={}", room_kb * 1024));
    // A message that is as large as the limits let in.
    let message = [&header(FINAL | BINARY, 8 << 20, true)[..], &[0; 4]].concat();
    large.try_send(message);
    let _ = (0..8).all(|_| large.try_send(vec![0x55; 1 << 20]));
    // It does not go on with half of a message. systemd starts it again.
    let end = daemon.end();
    assert_eq!(end.signal, Some(Signal::SIGABRT as i32), "{}", end.log);
    assert!(end.log.contains("memory allocation of "), "{}", end.log);
}

#[test]
fn without_random_numbers_it_says_what_it_waits_for() {
    if !may_mount() {
        return;
    }
    let folder = folder("random");
    let fifo = folder.join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).expect("the folder can be written");
    // Somebody who never writes: as a kernel without random numbers, its device is not ready to be read.
    let held = fs::OpenOptions::new().read(true).write(true).custom_flags(O_NONBLOCK).open(&fifo).expect("just made");
    let mut daemon = Daemon::start_as(&format!("[tls]\n{DOOR}"), |command| {
        let mut command = prepared(&format!("mount --bind {} /dev/random", fifo.display()), &command);
        command.env("STATE_DIRECTORY", &folder);
        command
    });
    assert!(is_encrypted(daemon.address()));
    let end = daemon.stop();
    assert_eq!(end.lines_with("the system has no random numbers yet"), 1, "{}", end.log);
    drop(held);
}

#[test]
fn a_system_that_refuses_random_numbers_is_told_and_nothing_hangs() {
    if !may_mount() {
        return;
    }
    for devices in ["", "mount --bind /dev/null /dev/urandom"] {
        let folder = folder("refused");
        let trace = ["--quiet=all", "-D", "-f", "-o", "/dev/null", "-e", "inject=getrandom:error=EPERM"];
        let mut daemon = Daemon::launch_as(&format!("server.listen = \"127.0.0.1:0\"\n[tls]\n{DOOR}"), |command| {
            let mut traced = Command::new("strace");
            traced.args(trace).arg(command.get_program()).args(command.get_args());
            let mut command = prepared(devices, &traced);
            command.env("STATE_DIRECTORY", &folder);
            command
        });
        if devices.is_empty() {
            // There is another way to the same numbers.
            daemon.wait_for_line("listening on ");
            assert_eq!(daemon.stop().code, Some(0));
        } else {
            let end = daemon.end();
            assert_ne!(end.code, Some(0));
            assert!(end.log.contains("random"), "{}", end.log);
        }
    }
}

/// The library that gives a program another clock; it reads from a file which.
fn fake_clock() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").expect("Debian has it").filter_map(Result::ok);
    let found = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|file| file.exists());
    if found.is_none() {
        skip("clocks that jump: the Debian package faketime is not installed");
    }
    found
}

fn with_clock(mut command: Command, library: &Path, file: &Path) -> Command {
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", file);
    // What does not jump in the kernel does not jump here.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}

#[test]
fn a_clock_that_jumps_by_years_stops_nobody() {
    let Some(library) = fake_clock() else { return };
    let folder = folder("clock");
    let (clock, tokens, file) = (folder.join("clock"), folder.join("tokens"), folder.join("fovea.toml"));
    let set = |text: &str| fs::write(&clock, text).expect("the folder can be written");
    // A board without a clock of its own, before it hears of the time.
    set("@1970-01-02 00:00:00\n");
    let config = format!("server.tokens_file = {tokens:?}\n{HTTP}[tls]\n{DOOR}");
    fs::write(&file, &config).expect("the folder can be written");
    let add = |name: &str, role: &[&str]| {
        let mut command = Command::new(program());
        command.args(["token", "add", name, "--role"]).args(role).arg("--config").arg(&file);
        let output = with_clock(command, &library, &clock).output().expect("it was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let (door, phone) = (add("door", &["send", "--camera", "door"]), add("phone", &["view"]));
    let mut daemon = Daemon::start_as(&config, |command| {
        let mut command = with_clock(command, &library, &clock);
        command.env("STATE_DIRECTORY", &folder);
        command
    });
    let bearer = |secret: &str| format!("Authorization: Bearer {secret}\r\n");
    let http = daemon.http_address();
    let login = || {
        let body = format!("{{\"token\": \"{phone}\"}}");
        let request = format!(
            "POST /api/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: http://localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = ask(http, &request);
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("no login: {}", answer.status));
        format!("Cookie: {}\r\n", cookie.split(';').next().unwrap_or_default())
    };
    let status = |headers: &str| get_with(&daemon, "/api/status", &format!("Host: localhost\r\n{headers}")).status;
    let mut camera = Raw::open_with(&daemon, "/frames/door?results", &bearer(&door));
    let jpeg = frame(FINAL | BINARY, &Picture::scene(64, 48).jpeg());
    let mut year_of_result = || {
        camera.send(&jpeg);
        loop {
            let message: Value = serde_json::from_slice(&camera.frame_of(FINAL | TEXT)).expect("JSON");
            if message["type"] == "result" {
                return message["captured_at"].as_str().map(|at| at[..4].to_owned()).expect("it has a time");
            }
        }
    };

    assert_eq!(year_of_result(), "1970");
    let early = login();
    assert_eq!(status(&early), 200);
    let mut before = early;
    for (time, year, is_still_logged_in) in [
        ("@2026-06-01 12:00:00\n", "2026", false),
        ("@2060-06-01 12:00:00\n", "2060", false),
        ("@1971-06-01 12:00:00\n", "1971", true),
    ] {
        set(time);
        assert_eq!(year_of_result(), year, "the camera goes on");
        assert_eq!(status(&bearer(&phone)), 200, "a token has no end");
        // A login has: it is over when the clock says so, and not before.
        assert_eq!(status(&before), if is_still_logged_in { 200 } else { 401 }, "{year}");
        before = login();
        assert_eq!(status(&before), 200, "{year}: who logs in again is in");
        assert!(is_encrypted(daemon.address()) && is_encrypted(http), "{year}");
    }
    assert_eq!(daemon.stop().code, Some(0));

    // What was made in 1970 is valid later on. (Seconds since 1970: 2001, 2026, 2106.)
    let certificate = folder.join("tls/certificate.pem");
    for moment in ["1000000000", "1800000000", "4294967296"] {
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-attime", moment, "-CAfile"]).arg(&certificate).arg(&certificate);
        let output = verify.output().expect("openssl is installed");
        assert!(output.status.success(), "{moment}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
