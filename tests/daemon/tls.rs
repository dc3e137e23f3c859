//! TLS of both ports: with curl and openssl as peers, and with rustls for what neither does.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;
use tungstenite::Message;

use crate::support::{
    LIMIT,
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::get,
    pictures::Picture,
    raw,
    tls::encrypted,
};

/// A folder of this test alone, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{name}"));
    let _ = fs::remove_dir_all(&folder); // it may not be there
    fs::create_dir_all(&folder).expect("it can be made");
    folder
}

/// A daemon that makes its certificate itself, and where.
fn with_own_certificate(folder: &Path) -> Daemon {
    Daemon::start_as(&format!("{HTTP}[tls]\n{DOOR}"), |mut command| {
        command.env("STATE_DIRECTORY", folder);
        command
    })
}

/// Makes a certificate for localhost by openssl; gives the configuration with it.
fn certificate(folder: &Path) -> String {
    let (certificate, key) = (folder.join("door.pem"), folder.join("door.key"));
    let new = folder.join("new");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"])
        .args(["-subj", "/CN=door", "-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&new)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::rename(new, &certificate).expect("the same folder");
    format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n")
}

/// The fingerprint of the certificate that a port shows, by openssl.
fn fingerprint(address: SocketAddr) -> String {
    let command = format!(
        "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256"
    );
    let output = Command::new("sh").args(["-c", &command]).output().expect("there is a shell");
    let line = String::from_utf8(output.stdout).expect("ASCII");
    line.trim().split_once('=').unwrap_or_else(|| panic!("no certificate: {line:?}")).1.to_owned()
}

/// What curl gets, which trusts the certificate in `file`.
fn curl(file: &Path, port: u16, path: &str) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--cacert"])
        .arg(file)
        .arg(format!("https://localhost:{port}{path}"))
        .output()
        .expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_board_makes_its_own_certificate_and_keeps_it() {
    let folder = folder("own");
    let first = with_own_certificate(&folder);
    let line = first.wait_for_line("SHA-256 fingerprint ");
    let (_, told) = line.split_once("SHA-256 fingerprint ").expect("it was waited for");
    let told = told.trim().to_owned();
    assert_eq!(fingerprint(first.address()), told, "the port for frames");
    assert_eq!(fingerprint(first.http_address()), told, "the port for people");
    assert_eq!(get(&first, "/api/status").json()["tls"]["fingerprint"], told.as_str());
    let mode = fs::metadata(folder.join("tls/key.pem")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(first);
    assert_eq!(fingerprint(with_own_certificate(&folder).address()), told, "after a restart");
}

/// All of it comes in one record of TLS, of which nothing may stay behind unread.
#[test]
fn a_long_request_is_read_to_its_end() {
    let daemon = with_own_certificate(&folder("long"));
    for length in [900, 1024, 5000] {
        let mut client = encrypted(daemon.address());
        let cookie = format!("Cookie: theme={}\r\n", "x".repeat(length));
        client.write_all(raw::request("/results", &cookie).as_bytes()).expect("it reads");
        let mut start = [0; 12];
        client.read_exact(&mut start).expect("it answers");
        assert_eq!(&start, b"HTTP/1.1 101", "{length}");
    }

    // Nor may a frame that comes with the request.
    let mut client = encrypted(daemon.address());
    let picture = raw::frame(raw::FINAL | raw::BINARY, &Picture::scene(64, 64).jpeg());
    client.write_all(&[raw::request("/frames/door?results", "").as_bytes(), &picture].concat()).expect("it reads");
    wait_for(&mut client, b"\"type\":\"result\"");
}

#[test]
fn frames_and_results_pass_encrypted() {
    let daemon = with_own_certificate(&folder("frames"));
    let request = format!("ws://{}/frames/door?results", daemon.address());
    let (mut client, _) = tungstenite::client(request, encrypted(daemon.address())).expect("it lets cameras in");
    // From one record to many, and more than the daemon reads at once.
    for (seq, side) in (1..).zip([32, 64, 320, 2000]) {
        client.send(Message::from(Picture::scene(side, side).jpeg())).expect("it reads");
        let result = result(&mut client);
        assert_eq!((&result["seq"], &result["size_px"][0]), (&seq.into(), &side.into()), "{result}");
    }
    // Nobody on this machine needs it.
    Client::connect(&daemon, "/results");
}

/// OpenSSL as a client, which sends what is written to it.
struct OpenSsl(Child);

impl OpenSsl {
    fn connect(daemon: &Daemon, args: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &daemon.address().to_string()]).args(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(piped.spawn().expect("openssl is installed"))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.stdin.as_mut().expect("it is piped").write_all(bytes).expect("it reads");
    }

    /// Waits until the server has sent this.
    fn wait_for(&mut self, bytes: &[u8]) {
        wait_for(self.0.stdout.as_mut().expect("it is piped"), bytes);
    }

    /// Asks for new keys of both sides, with the next data.
    fn change_keys(&mut self) {
        self.send(b"K\n");
        wait_for(self.0.stderr.as_mut().expect("it is piped"), b"KEYUPDATE");
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait()); // it may have ended
    }
}

fn wait_for(from: &mut impl Read, bytes: &[u8]) {
    let (mut heard, mut chunk) = (Vec::new(), [0; 1024]);
    while !heard.windows(bytes.len()).any(|part| part == bytes) {
        let count = from.read(&mut chunk).expect("it answers");
        assert_ne!(count, 0, "it ends: {}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&chunk[..count]);
    }
}

#[test]
fn frames_of_openssl_pass_in_records_of_any_length() {
    let daemon = with_own_certificate(&folder("records"));
    let picture = raw::frame(raw::FINAL | raw::BINARY, &Picture::scene(2000, 2000).jpeg());
    for (version, length) in [("-tls1_3", "16384"), ("-tls1_3", "512"), ("-tls1_2", "1000")] {
        let mut client = OpenSsl::connect(&daemon, &[version, "-max_send_frag", length, "-quiet", "-nocommands"]);
        client.send(&[raw::request("/frames/door?results", "").as_bytes(), &picture].concat());
        client.wait_for(b"\"type\":\"result\"");
    }
}

#[test]
fn openssl_may_change_the_keys() {
    let daemon = with_own_certificate(&folder("keys"));
    let mut client = OpenSsl::connect(&daemon, &["-tls1_3"]);
    client.change_keys();
    client.send(raw::request("/frames/door?results", "").as_bytes());
    client.wait_for(b"HTTP/1.1 101");
    for name in [b"first", b"other"] {
        client.change_keys();
        client.send(&raw::frame(raw::FINAL | raw::PING, name));
        client.wait_for(name);
    }
}

fn result(client: &mut tungstenite::WebSocket<impl Read + Write>) -> Value {
    loop {
        let text = client.read().expect("it is answered").into_text().expect("text");
        let message: Value = serde_json::from_str(&text).expect("JSON");
        if message["type"] == "result" {
            return message;
        }
    }
}

#[test]
fn a_replaced_certificate_is_shown_and_a_broken_one_is_not() {
    let folder = folder("replaced");
    let tls = certificate(&folder);
    let mut daemon = Daemon::start(&format!("{HTTP}{tls}{DOOR}"));
    let (file, port) = (folder.join("door.pem"), daemon.http_address().port());
    let status = curl(&file, port, "/api/status");
    let first = fingerprint(daemon.address());
    assert_eq!((&status["tls"]["fingerprint"], &status["tls"]["is_used"]), (&first.as_str().into(), &true.into()));

    certificate(&folder);
    eventually("the new one is shown", || fingerprint(daemon.address()) != first);
    let second = fingerprint(daemon.http_address());
    assert_eq!(curl(&file, port, "/api/status")["tls"]["fingerprint"], second.as_str());

    fs::write(&file, "-----BEGIN CERTIFICATE-----\n").expect("it is ours");
    // The files are looked at when somebody connects.
    let is_told = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_told.load(Ordering::Relaxed) {
                assert_eq!(fingerprint(daemon.address()), second, "the one before stays");
            }
        });
        daemon.wait_for_line("the new TLS certificate cannot be used");
        is_told.store(true, Ordering::Relaxed);
    });
    assert_eq!(daemon.stop().log.matches("the new TLS certificate cannot be used").count(), 1);
}

#[test]
fn what_is_no_certificate_is_told_at_the_start() {
    let folder = folder("bad");
    let tls = certificate(&folder);
    let end = |config: &str| Daemon::launch(&format!("{config}{DOOR}")).end();
    let (file, key) = (folder.join("door.pem"), folder.join("door.key"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("it is ours");
    assert!(end(&tls).log.contains(&format!("other users can read the key {0}: run `chmod o= {0}`", key.display())));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::write(&file, "").expect("it is ours");
    assert!(end(&tls).log.contains("there is no certificate in"));
    fs::remove_file(&file).expect("it is there");
    assert!(end(&tls).log.contains("cannot read"));
    let half = end("[tls]\nkey = \"/etc/fovea/key.pem\"\n");
    assert!(half.log.contains("there is a key but no certificate"), "{}", half.log);
    assert_eq!(half.code, Some(78));
}

#[test]
fn half_a_handshake_ends_in_time() {
    let daemon =
        Daemon::start_as(&format!("server.handshake_timeout_ms = 1500\n{HTTP}[tls]\n{DOOR}"), |mut command| {
            command.env("STATE_DIRECTORY", folder("half"));
            command
        });
    let garbage = [&[0x16][..], &[0xff; 4000]].concat();
    for start in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01\x40\x00", &garbage] {
        let mut client = TcpStream::connect(daemon.address()).expect("it listens");
        client.set_read_timeout(Some(LIMIT)).expect("not zero");
        client.write_all(start).expect("it is connected");
        let ended = client.read_to_end(&mut Vec::new());
        assert!(ended.is_ok_and(|bytes| bytes < 1000), "{start:x?}");
    }
    assert_eq!(fingerprint(daemon.address()).len(), 32 * 3 - 1, "others are served");
}

/// What a command prints and says, and how it ends.
fn fovea(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fovea")).args(args).output().expect("it starts");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    (output.status.code(), out, err)
}

#[test]
fn commands_know_a_board_by_its_fingerprint() {
    let daemon = with_own_certificate(&folder("commands"));
    let fingerprint = fingerprint(daemon.address());
    let other = fingerprint.replace(|c: char| c.is_ascii_digit(), "0").replace('A', "B");
    let (page, frames) =
        (format!("https://{}", daemon.http_address()), format!("wss://{}/frames/door", daemon.address()));

    let film = "tests/data/vtest.avi";
    let (code, _, said) = fovea(&["send", &frames, film, "--pace", "taken", "--fingerprint", &fingerprint]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("79 taken"), "{said}");
    let (code, printed, said) = fovea(&["status", &page, "--fingerprint", &fingerprint]);
    assert_eq!(code, Some(1), "its sender has left: {said}");
    assert!(printed.ends_with(&format!("TLS certificate with the SHA-256 fingerprint {fingerprint}\n")), "{printed}");
    assert_eq!(fovea(&["status", &page, "--insecure"]).1.lines().count(), printed.lines().count());

    for url_and_source in [&[&*frames, film][..], &[&*frames.replace("/frames/door", "")]] {
        let command = if url_and_source.len() == 2 { "send" } else { "watch" };
        let args = [&[command], url_and_source, &["--fingerprint", &other]].concat();
        let (code, _, said) = fovea(&args);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("its certificate has the fingerprint"), "{said}");
        assert!(said.contains("--fingerprint or --ca says whom to trust"), "{said}");
        let (code, _, said) = fovea(&[&[command], url_and_source].concat());
        assert!(code == Some(1) && said.contains("cannot be trusted"), "nobody vouches for it: {said}");
    }
}
