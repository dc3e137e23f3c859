//! Tokens: who may do what on both ports, what a reload does, and that no secret gets out.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{self, Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::support::{
    client::Client,
    daemon::{Daemon, HTTP},
    eventually,
    http::{Answer, ask, get_with, post},
    pictures::Picture,
    raw::{Raw, request},
};

/// Two cameras, and the port that people look at.
const CAMERAS: &str = "[[camera]]\nname = \"door\"\n[[camera]]\nname = \"yard\"\n";

/// What a token looks like that is none.
const WRONG: &str = "fovea_wrongwrongwrongwrongwrongwrongwrongwrongwrongwrong";

/// A board's folder with its tokens, gone with this.
#[derive(Debug)]
struct Board(PathBuf);

impl Board {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("board-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let board = Self(folder);
        fs::write(board.0.join("fovea.toml"), board.config("")).expect("the target folder can be written");
        board
    }

    /// The configuration of its daemon, with more of the server's keys.
    fn config(&self, server: &str) -> String {
        format!("server.tokens_file = \"{}\"\n{server}{HTTP}{CAMERAS}", self.tokens().display())
    }

    fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    fn command(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        command.arg("token").args(args).arg("--config").arg(self.0.join("fovea.toml"));
        command.output().expect("it was built")
    }

    /// Makes a token; gives its secret.
    fn add(&self, args: &[&str]) -> String {
        let output = self.command(&[&["add"], args].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("it is ASCII").trim().to_owned()
    }

    fn revoke(&self, name: &str) {
        let output = self.command(&["revoke", name]);
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bearer(secret: &str) -> String {
    format!("Authorization: Bearer {secret}\r\n")
}

/// Asks the HTTP port.
fn http(daemon: &Daemon, path: &str, headers: &str) -> Answer {
    get_with(daemon, path, &format!("Host: localhost\r\n{headers}"))
}

/// The answer to a WebSocket request that is not let in: status, head, body.
fn denied(daemon: &Daemon, path: &str, headers: &str) -> (u16, String, String) {
    let mut client = Raw::connect(daemon);
    client.send(request(path, headers));
    client.denial()
}

fn reload(daemon: &Daemon, board: &Board) {
    daemon.reload(&board.config(""), "the new configuration is in use");
}

#[test]
fn without_tokens_everything_is_as_before_and_with_one_both_ports_want_it() {
    let board = Board::new();
    let daemon = Daemon::start(&board.config(""));
    daemon.wait_for_line("accepts this machine only: every user of it can send and read without a token");
    let mut anonymous = Client::connect(&daemon, "/frames/door");
    assert_eq!(http(&daemon, "/", "").status, 200);

    let secret = board.add(&["owner", "--role", "admin"]);
    assert_eq!(http(&daemon, "/api/status", "").status, 200, "not before the reload");
    reload(&daemon, &board);
    assert_eq!(anonymous.closed(), (1008, "the tokens have changed, and do not allow this client any more".to_owned()));
    let (status, head, body) = denied(&daemon, "/frames/door", "");
    assert_eq!(status, 401);
    assert!(head.contains("www-authenticate: Bearer realm=\"fovea\"\r\n"), "{head}");
    assert!(body.starts_with("This needs a token. Send the header \"Authorization: Bearer TOKEN\""), "{body}");
    for path in ["/", "/camera", "/live.js", "/metrics", "/api/status", "/cameras/door/live.mjpg", "/no-such-path"] {
        let answer = http(&daemon, path, "");
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"fovea\""), "{path}");
        assert!(answer.text().starts_with("This needs a token."), "{path}");
        assert_ne!(http(&daemon, path, &bearer(&secret)).status, 401, "{path}");
    }
    assert_eq!((http(&daemon, "/healthz", "").status, http(&daemon, "/login", "").status), (200, 200));
    // It says that something is not ready, and what only to those who may know.
    let ready = |headers: &str| http(&daemon, "/readyz", headers).text();
    assert_eq!(ready(""), "not every camera is live\n");
    assert!(ready(&bearer(&secret)).starts_with("door: "));
    daemon.wait_for_line("denied: 401 Unauthorized This needs a token.");
}

#[test]
fn a_token_is_carried_in_each_way() {
    let board = Board::new();
    let secret = board.add(&["owner", "--role", "admin"]);
    let daemon = Daemon::start(&board.config(""));
    daemon.wait_for_line("senders and readers need a token; 1 token exists");
    daemon.wait_for_line("viewers need a token; 1 token exists");
    let basic = |login: &str| {
        let mut base64 = Command::new("base64");
        let mut child =
            base64.arg("-w0").stdin(process::Stdio::piped()).stdout(process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), login.as_bytes()).unwrap();
        let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        format!("Authorization: Basic {text}\r\n")
    };
    for (query, headers) in [
        ("", bearer(&secret)),
        ("", basic(&format!("me:{secret}"))),
        (&*format!("?token={secret}"), String::new()),
        ("", format!("{}{}", basic("a:proxys-login"), bearer(&secret))),
    ] {
        assert_eq!(http(&daemon, &format!("/api/status{query}"), &headers).status, 200, "{query} {headers}");
        Raw::open_with(&daemon, &format!("/frames/door{query}"), &headers);
    }
    // As a web page: the answer names the other protocol and never the secret.
    for (offered, chosen) in [("fovea.v1", "fovea.v1"), ("fovea.bare", "fovea.bare")] {
        let mut page = Raw::connect(&daemon);
        let protocols = format!("Sec-WebSocket-Protocol: {offered}, fovea.token.{secret}\r\n");
        page.send(request("/results", &protocols));
        let head = page.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains(&format!("sec-websocket-protocol: {chosen}\r\n")) && !head.contains(&secret), "{head}");
    }
    daemon.wait_for_line("sends bare pictures with the token owner");
}

#[test]
fn a_role_reaches_its_own_cameras_and_paths() {
    let board = Board::new();
    let sender = board.add(&["cam", "--role", "send", "--camera", "door"]);
    let viewer = board.add(&["tablet", "--role", "view"]);
    let bound = board.add(&["guest", "--role", "view", "--camera", "yard"]);
    let daemon = Daemon::start(&board.config(""));

    let mut camera = Client::connect(&daemon, &format!("/frames/door?results&token={sender}"));
    camera.send(Picture::scene(64, 48).jpeg());
    camera.next_of("result");
    let status = |path: &str, secret: &str| denied(&daemon, path, &bearer(secret)).0;
    for path in ["/frames/yard", "/results", "/results/door", "/frames/no-such-camera"] {
        assert_eq!(status(path, &sender), 403, "{path}");
    }
    assert_eq!(status("/frames/door", &viewer), 403);
    assert_eq!((status("/results", &bound), status("/results/door", &bound)), (403, 403));
    Raw::open_with(&daemon, "/results", &bearer(&viewer));
    Raw::open_with(&daemon, "/results/yard", &bearer(&bound));
    let said = denied(&daemon, "/frames/yard", &bearer(&sender)).2;
    assert_eq!(said, "The token cam allows: send for door. This needs the role send for the camera yard.\n");

    let status = |path: &str, secret: &str| http(&daemon, path, &bearer(secret)).status;
    for path in ["/", "/cameras/door/snapshot.jpg", "/metrics", "/api/events/recent"] {
        assert_eq!((status(path, &sender), status(path, &viewer), status(path, &bound)), (403, 200, 403), "{path}");
    }
    assert_eq!(status("/api/events/recent?camera=yard", &bound), 200);
    assert_eq!((status("/camera", &sender), status("/camera", &viewer)), (200, 403));
    let cameras = |path: &str, secret: &str| {
        let json = http(&daemon, path, &bearer(secret)).json();
        let list = if json.is_array() { json } else { json["cameras"].clone() };
        let name = |one: &serde_json::Value| one["name"].as_str().or(one["camera"].as_str()).map(ToOwned::to_owned);
        list.as_array().expect("a list").iter().filter_map(name).collect::<Vec<_>>()
    };
    for path in ["/api/cameras", "/api/status"] {
        assert_eq!(cameras(path, &viewer), ["door", "yard"], "{path}");
        assert_eq!(
            (cameras(path, &sender), cameras(path, &bound)),
            (vec!["door".into()], vec!["yard".into()]),
            "{path}"
        );
    }
}

#[test]
fn who_may_control_triggers_events_and_pages_of_other_sites_do_not() {
    let board = Board::new();
    let control = board.add(&["bell", "--role", "control"]);
    let viewer = board.add(&["tablet", "--role", "view"]);
    let daemon = Daemon::start(&board.config(""));
    let trigger = |camera: &str, headers: &str| post(&daemon, &format!("/api/cameras/{camera}/event"), headers, "");
    assert_eq!(trigger("door", "").status, 401);
    assert_eq!(trigger("door", &bearer(&viewer)).status, 403);
    let event = trigger("door", &bearer(&control)).json();
    let id = event["id"].as_str().expect("it has an id");
    // Who may see the camera may see its events by their ids, and nobody else.
    let guest = board.add(&["guest", "--role", "view", "--camera", "yard"]);
    reload(&daemon, &board);
    let event = |secret: &str| http(&daemon, &format!("/api/events/{id}"), &bearer(secret)).status;
    eventually("it is kept", || event(&viewer) == 200);
    assert_eq!((event(&control), event(&guest)), (200, 403));

    let login = post(&daemon, "/api/login", "", &format!("{{\"token\":\"{control}\"}}"));
    let cookie = login.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let with = |more: &str| trigger("door", &format!("Cookie: {cookie}\r\n{more}")).status;
    assert_eq!(with("Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n"), 200, "the board's own page");
    for foreign in ["Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        assert_eq!(with(foreign), 403, "{foreign}");
    }
}

#[test]
fn a_revoked_tokens_connections_end_at_the_reload_and_others_go_on() {
    let board = Board::new();
    let gone = board.add(&["gone", "--role", "send", "--role", "view"]);
    let stays = board.add(&["stays", "--role", "send", "--role", "view"]);
    let daemon = Daemon::start(&board.config(""));
    let mut senders = [(&gone, "door"), (&stays, "yard")]
        .map(|(secret, camera)| Client::connect(&daemon, &format!("/frames/{camera}?results&token={secret}")));
    for sender in &mut senders {
        sender.send(Picture::scene(64, 48).jpeg());
        sender.next_of("result");
    }
    let mut readers = [&gone, &stays].map(|secret| Client::connect(&daemon, &format!("/results?token={secret}")));
    let live = |secret: &str| http(&daemon, &format!("/cameras/yard/live.mjpg?token={secret}"), "");
    let mut streams = [&gone, &stays].map(|secret| live(secret));
    streams.iter_mut().for_each(|stream| drop(stream.part()));
    let events = http(&daemon, "/api/events", &bearer(&gone));

    board.revoke("gone");
    reload(&daemon, &board);
    let reason = (1008, "the tokens have changed, and do not allow this client any more".to_owned());
    assert_eq!((senders[0].closed(), readers[0].closed()), (reason.clone(), reason));
    let [mut ended, mut goes_on] = streams;
    while ended.chunk().is_some() {}
    events.bytes(); // it ends

    senders[1].send(Picture::scene(64, 48).jpeg());
    senders[1].next_of("result");
    assert_eq!(readers[1].next_of("result")["camera"], "yard");
    goes_on.part();
    assert_eq!(denied(&daemon, "/results", &bearer(&gone)).0, 401);
    assert_eq!(http(&daemon, "/", &bearer(&gone)).status, 401);
}

#[test]
fn tokens_with_mistakes_change_nothing_at_a_reload_and_start_nothing() {
    let board = Board::new();
    let secret = board.add(&["owner", "--role", "admin"]);
    let mut daemon = Daemon::start(&board.config(""));
    let good = fs::read_to_string(board.tokens()).expect("it is there");
    fs::write(board.tokens(), format!("{good}half a line\n")).expect("it can be written");
    daemon.reload(&board.config(""), "the old configuration stays in use");
    let line = good.lines().count() + 1;
    daemon.wait_for_line(&format!("{}:{line}: this line has 3 words and needs 5", board.tokens().display()));
    assert_eq!(http(&daemon, "/", &bearer(&secret)).status, 200);

    fs::write(board.tokens(), good).expect("it can be written");
    fs::set_permissions(board.tokens(), fs::Permissions::from_mode(0o644)).expect("it is ours");
    daemon.reload(&board.config(""), "the old configuration stays in use");
    let advice = format!("other users can read this file (mode 0644); run: chmod 600 {}", board.tokens().display());
    daemon.wait_for_line(&advice);
    daemon.stop();
    let end = Daemon::launch(&board.config("")).end();
    assert_eq!(end.code, Some(78), "{}", end.log);
    assert!(end.log.contains(&advice), "{}", end.log);
}

#[test]
fn who_tries_tokens_has_to_wait_and_who_has_one_does_not() {
    let board = Board::new();
    let secret = board.add(&["owner", "--role", "admin"]);
    let mut daemon = Daemon::start(&board.config(""));
    for path in ["/", "/results"] {
        assert_eq!(http(&daemon, path, "").status, 401, "who has none does not try");
    }
    // Both ports share what is held against an address.
    let statuses: Vec<_> = (0..30)
        .map(|n| match n % 2 {
            0 => http(&daemon, "/", &bearer(&format!("{WRONG}{n}"))).status,
            _ => denied(&daemon, "/results", &bearer(&format!("{WRONG}{n}"))).0,
        })
        .collect();
    assert!(statuses[..10].iter().all(|status| *status == 401), "{statuses:?}");
    // One every ten seconds is let through, on however slow a machine.
    assert!(statuses[10..].contains(&429), "{statuses:?}");
    let answers = (0..20).map(|_| http(&daemon, "/", &bearer(WRONG)));
    let waiting = answers.into_iter().find(|answer| answer.status == 429).expect("it has to wait");
    let seconds: u64 = waiting.header("retry-after").and_then(|value| value.parse().ok()).expect("it is a number");
    assert!((1..=10).contains(&seconds), "{seconds}");
    assert!(waiting.text().starts_with("Too many wrong tokens came from this address. Try again in "));

    assert_eq!(http(&daemon, "/", &bearer(&secret)).status, 200);
    Raw::open_with(&daemon, "/results", &bearer(&secret));
    let metrics = http(&daemon, "/metrics", &bearer(&secret)).text();
    let count = |port: &str, cause: &str| {
        let name = format!("fovea_denied_requests_total{{port=\"{port}\",cause=\"{cause}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name.as_str()));
        line.and_then(|number| number.parse::<u64>().ok()).unwrap_or_else(|| panic!("{name} in {metrics}"))
    };
    assert_eq!((count("http", "no_token"), count("websocket", "no_token")), (2, 0));
    assert_eq!((count("websocket", "wrong_token") + count("websocket", "too_many_failures")), 15);
    assert!(count("http", "too_many_failures") >= 1 && metrics.contains("fovea_tokens 1\n"), "{metrics}");
    let end = daemon.stop();
    assert!((1..40).contains(&end.lines_with("denied: ")), "{}", end.log);
}

#[test]
fn no_part_of_a_token_gets_into_the_log_or_an_answer() {
    let board = Board::new();
    let secret = board.add(&["cam", "--role", "send", "--camera", "door"]);
    let mut daemon = Daemon::start(&format!("{}[log]\nlevel = \"debug\"\n", board.config("")));
    for token in [&*secret, WRONG] {
        let ways = [
            (format!("?token={token}"), String::new()),
            (String::new(), bearer(token)),
            (String::new(), format!("Sec-WebSocket-Protocol: fovea.bare, fovea.token.{token}\r\n")),
            (String::new(), format!("Cookie: fovea_session={token}\r\n")),
        ];
        for (query, headers) in ways {
            for path in ["/results", "/frames/yard", "/no-such-path"] {
                let (_, head, body) = denied(&daemon, &format!("{path}{query}"), &headers);
                assert!(!head.contains(token) && !body.contains(token), "{head}{body}");
            }
            for path in ["/", "/cameras/no-such-camera/live.mjpg", "/no-such-path", "/api/events/recent"] {
                let answer = http(&daemon, &format!("{path}{query}"), &headers);
                assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
                assert!(answer.header("location").is_none_or(|location| !location.contains(token)));
                assert!(!answer.text().contains(token), "{path}");
            }
        }
        let login = post(&daemon, "/api/login", "", &format!("{{\"token\": \"{token}x\"}}"));
        assert!(!login.text().contains(token));
    }
    let log = daemon.stop().log;
    for token in [&*secret, WRONG] {
        assert!(!log.contains(&token["fovea_".len()..]), "{log}");
    }
}

#[test]
fn allow_anonymous_asks_nobody_for_a_token() {
    let board = Board::new();
    let secret = board.add(&["cam", "--role", "send", "--camera", "door"]);
    let config =
        board.config("server.allow_anonymous = true\n").replace(HTTP, &format!("{HTTP}allow_anonymous = true\n"));
    let daemon = Daemon::start(&config);
    daemon.wait_for_line("every user of it can send and read without a token");
    for headers in
        [String::new(), bearer(&secret), bearer(WRONG), "Authorization: Basic cHJveHk6bG9naW4=\r\n".to_owned()]
    {
        Raw::open_with(&daemon, "/results", &headers);
        Raw::open_with(&daemon, "/frames/yard", &headers);
        assert_eq!(http(&daemon, "/", &headers).status, 200, "{headers}");
    }
}

#[test]
fn a_login_is_a_cookie_that_lasts_over_a_restart_and_ends_with_its_token() {
    let board = Board::new();
    let secret = board.add(&["phone", "--role", "view"]);
    let _ = board.add(&["other", "--role", "view"]);
    let mut daemon = Daemon::start(&board.config(""));
    let page = http(&daemon, "/camera", "Accept: text/html\r\n");
    assert_eq!((page.status, page.header("location")), (303, Some("/login?next=/camera")));

    let wrong = post(&daemon, "/api/login", "", &format!("{{\"token\": \"{WRONG}\"}}"));
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert_eq!(post(&daemon, "/api/login", "", "token").status, 400);
    assert_eq!(post(&daemon, "/api/login", "", &"x".repeat(5000)).status, 400);
    let login = post(&daemon, "/api/login", "Origin: http://localhost\r\n", &format!("{{\"token\": \"{secret}\"}}"));
    let header = login.header("set-cookie").expect("it is a login").to_owned();
    let (cookie, attributes) = header.split_once("; ").expect("it has attributes");
    assert_eq!(attributes, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict");
    assert_eq!(login.json(), serde_json::json!({ "token": "phone", "roles": ["view"] }));

    let cookie = format!("Cookie: theme=dark; {cookie}\r\n");
    assert_eq!(http(&daemon, "/", &cookie).status, 200);
    assert_eq!(http(&daemon, "/api/session", &cookie).json()["token"], "phone");
    assert_eq!(http(&daemon, "/api/session", "").json(), serde_json::json!({ "roles": [] }));
    daemon.stop();
    let mut daemon = Daemon::start(&board.config(""));
    assert_eq!(http(&daemon, "/", &cookie).status, 200);

    // A page of this host at the other port has the cookie, too; nobody else may use it there.
    let address = daemon.address().ip();
    Raw::open_with(&daemon, "/results", &format!("{cookie}Origin: http://{address}:8080\r\n"));
    assert_eq!(denied(&daemon, "/results", &cookie).0, 401);
    assert_eq!(denied(&daemon, "/results", &format!("{cookie}Origin: http://192.0.2.9\r\n")).0, 403);

    let logout = post(&daemon, "/api/logout", &cookie, "");
    assert_eq!(logout.status, 204);
    assert!(logout.header("set-cookie").is_some_and(|cookie| cookie.starts_with("fovea_session=; Path=/; Max-Age=0;")));
    board.revoke("phone");
    reload(&daemon, &board);
    assert_eq!(http(&daemon, "/", &cookie).status, 401);
    daemon.stop();
}

#[test]
fn a_link_with_a_token_is_a_login_and_goes_on_without_it() {
    let board = Board::new();
    let secret = board.add(&["phone", "--role", "view"]);
    let daemon = Daemon::start(&board.config(""));
    let link = |token: &str| http(&daemon, &format!("/?token={token}&a=b"), "Accept: text/html,*/*\r\n");
    let right = link(&secret);
    assert_eq!((right.status, right.header("location")), (303, Some("/?a=b")));
    assert!(right.header("set-cookie").is_some_and(|cookie| cookie.starts_with("fovea_session=phone.")));
    let wrong = link(WRONG);
    assert_eq!((wrong.status, wrong.header("location"), wrong.header("set-cookie")), (303, Some("/login"), None));
}

#[test]
fn pages_of_other_sites_cause_nothing() {
    let board = Board::new();
    let secret = board.add(&["owner", "--role", "admin"]);
    let daemon = Daemon::start(&board.config(""));
    let body = format!("{{\"token\": \"{secret}\"}}");
    for (headers, status) in [
        ("", 200),
        ("Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n", 200),
        ("Origin: http://localhost:8080\r\n", 403),
        ("Origin: https://example.org\r\n", 403),
        ("Origin: null\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Origin: http://localhost\r\nOrigin: http://localhost\r\n", 403),
    ] {
        assert_eq!(post(&daemon, "/api/login", headers, &body).status, status, "{headers}");
    }
    let status = |path: &str, headers: &str| http(&daemon, path, &format!("{}{headers}", bearer(&secret))).status;
    assert_eq!(status("/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"), 200, "a link is followed");
    for path in ["/", "/api/status", "/cameras/door/live.mjpg"] {
        assert_eq!(status(path, "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"), 403, "{path}");
    }
    assert_eq!(status("/api/status", "Sec-Fetch-Site: none\r\n"), 200);
    assert_eq!(status("/api/status", "Sec-Fetch-Site: same-site\r\n"), 200);
}

#[test]
fn users_who_may_read_the_local_token_need_no_other_on_this_machine() {
    let board = Board::new();
    let _ = board.add(&["owner", "--role", "admin"]);
    let run = board.0.join("run");
    fs::create_dir(&run).expect("the folder can be written");
    let start = || {
        Daemon::start_as(&board.config(""), |mut command| {
            command.env("RUNTIME_DIRECTORY", &run);
            command
        })
    };
    let mut daemon = start();
    let file = run.join("token");
    let token = fs::read_to_string(&file).expect("it is made at the start");
    let mode = fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode, fs::read_dir(&run).expect("it is there").count()), (0o640, 1));
    assert_eq!(http(&daemon, "/", &bearer(token.trim())).status, 200);

    let status = |daemon: &Daemon, with: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
        command.args(["status", &format!("http://{}", daemon.http_address())]).env_remove("FOVEA_TOKEN");
        command.env("RUNTIME_DIRECTORY", if with { run.as_path() } else { board.0.as_path() });
        String::from_utf8(command.output().expect("it was built").stderr).expect("it writes UTF-8")
    };
    assert!(status(&daemon, true).starts_with("not every camera is live: "), "it has an answer");
    let without = status(&daemon, false);
    assert!(without.contains(" answers 401 Unauthorized This needs a token."), "{without}");

    daemon.stop();
    let daemon = start();
    assert_eq!(fs::read_to_string(&file).expect("it is there"), token, "clients that come back have it already");
    assert_eq!(http(&daemon, "/", &bearer(token.trim())).status, 200);
}

#[test]
fn tokens_may_be_a_credential_of_systemd() {
    let board = Board::new();
    let secret = board.add(&["owner", "--role", "admin"]);
    let credentials = board.0.join("credentials");
    fs::create_dir(&credentials).expect("the folder can be written");
    fs::rename(board.tokens(), credentials.join("tokens")).expect("it is there");
    let daemon = Daemon::start_as(&board.config(""), |mut command| {
        command.env("CREDENTIALS_DIRECTORY", &credentials);
        command
    });
    assert_eq!((http(&daemon, "/", "").status, http(&daemon, "/", &bearer(&secret)).status), (401, 200));
}

#[test]
fn tokens_open_a_port_to_the_network_and_their_file_keeps_it_closed() {
    let board = Board::new();
    let config = board.config("").replace("127.0.0.1:0", "0.0.0.0:0");
    let config = format!("server.listen = \"0.0.0.0:0\"\n{config}");
    let end = Daemon::launch(&config).end();
    assert_eq!(end.code, Some(78), "{}", end.log);
    assert!(end.log.contains("everybody who can reach this address could send and watch; make a token"), "{}", end.log);

    let _ = board.add(&["owner", "--role", "admin"]);
    let daemon = Daemon::launch(&config);
    daemon.wait_for_line("listens on all interfaces without TLS: senders and readers need a token; 1 token exists");
    // The last one is revoked: nobody is let in, rather than everybody.
    board.revoke("owner");
    daemon.reload_whole(&config, "the new configuration is in use");
    assert_eq!(http_at(&daemon, "/api/status"), 401);
}

/// Asks a daemon that listens everywhere.
fn http_at(daemon: &Daemon, path: &str) -> u16 {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], daemon.http_address().port()));
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).status
}
