//! Webhooks, against a server that takes events, refuses them, or says nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use ring::hmac;
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, JPEG, NV12, V1, YUYV},
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{get, post},
    pictures::Picture,
    scene::Scene,
    secret::{self, Secret, mask, secret_pixels},
};

/// What a server got.
#[derive(Clone, Debug)]
struct Request {
    /// The method and the path.
    line: String,
    /// Names in small letters.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    /// When its last byte came.
    at: Timestamp,
}

/// A server that answers requests, one after the other on each connection.
#[derive(Debug)]
struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Request>>>,
    /// What it answers; nothing while it is empty.
    answer: Arc<Mutex<String>>,
    is_gone: Arc<AtomicBool>,
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

impl Receiver {
    fn start() -> Self {
        Self::start_with(None)
    }

    /// One that speaks TLS, if it has a certificate.
    fn start_with(tls: Option<Arc<ServerConfig>>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = port.local_addr().expect("it is bound");
        let (got, answer) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::new(Mutex::new(OK.to_owned())));
        let is_gone = Arc::<AtomicBool>::default();
        thread::spawn({
            let (got, answer, is_gone) = (got.clone(), answer.clone(), is_gone.clone());
            move || {
                for stream in port.incoming().map_while(Result::ok) {
                    let (got, answer, is_gone, tls) = (got.clone(), answer.clone(), is_gone.clone(), tls.clone());
                    if is_gone.load(Ordering::Relaxed) {
                        continue;
                    }
                    thread::spawn(move || match tls {
                        None => serve(stream, &got, &answer, &is_gone),
                        Some(tls) => {
                            let connection = ServerConnection::new(tls).expect("it is configured");
                            serve(StreamOwned::new(connection, stream), &got, &answer, &is_gone);
                        }
                    });
                }
            }
        });
        Self { address, got, answer, is_gone }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn answers(&self, answer: &str) {
        *self.answer.lock().unwrap() = answer.to_owned();
    }

    fn got(&self) -> Vec<Request> {
        self.got.lock().unwrap().clone()
    }

    /// The requests, once there are so many.
    fn wait_for(&self, count: usize) -> Vec<Request> {
        eventually("the requests are there", || self.got.lock().unwrap().len() >= count);
        self.got()
    }
}

fn serve(stream: impl Read + Write, got: &Mutex<Vec<Request>>, answer: &Mutex<String>, is_gone: &AtomicBool) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        if is_gone.load(Ordering::Relaxed) {
            return;
        }
        got.lock().unwrap().push(request);
        let says = loop {
            let says = answer.lock().unwrap().clone();
            if !says.is_empty() {
                break says;
            }
            thread::sleep(Duration::from_millis(5));
        };
        if reader.get_mut().write_all(says.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<impl Read>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let pair = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: BTreeMap<_, _> = lines.iter().filter_map(pair).collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().expect("a number"))];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line, headers, body, at: Timestamp::now() })
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it is JSON")
    }

    /// The parts of a form: head and content.
    fn parts(&self) -> Vec<(String, Vec<u8>)> {
        let boundary = self.header("content-type").strip_prefix("multipart/form-data; boundary=").expect("a form");
        let find = |in_what: &[u8], what: &str| in_what.windows(what.len()).position(|at| at == what.as_bytes());
        let (mut rest, mut parts) = (&self.body[..], Vec::new());
        let start = format!("--{boundary}\r\n");
        while rest.starts_with(start.as_bytes()) {
            rest = &rest[start.len()..];
            let head_end = find(rest, "\r\n\r\n").expect("a part has a head");
            let end = find(rest, &format!("\r\n--{boundary}")).expect("a part ends");
            parts
                .push((String::from_utf8(rest[..head_end].to_vec()).expect("ASCII"), rest[head_end + 4..end].to_vec()));
            rest = &rest[end + 2..];
        }
        assert_eq!(rest, format!("--{boundary}--\r\n").as_bytes());
        parts
    }
}

const YARD: &str = "[[camera]]\nname = \"yard\"\n";

fn webhook(url: &str, keys: &str) -> String {
    format!("[[webhook]]\nname = \"hook\"\nurl = \"{url}\"\n{keys}\n")
}

/// A daemon with a webhook, whose camera `yard` has sent this picture.
fn start(receiver: &Receiver, keys: &str) -> (Daemon, Vec<u8>) {
    let daemon =
        Daemon::start(&format!("{HTTP}{}{DOOR}hold_ms = 0\n{YARD}", webhook(&receiver.url("/hook?a=b"), keys)));
    let jpeg = Picture::scene(64, 48).jpeg();
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    sender.send(&jpeg[..]);
    sender.next_of("result");
    (daemon, jpeg)
}

fn trigger(daemon: &Daemon, label: &str) -> Value {
    let answer = post(daemon, "/api/cameras/yard/event", "", &json!({ "label": label }).to_string());
    assert_eq!(answer.status, 200);
    answer.json()
}

/// How often an outcome is counted.
fn count(daemon: &Daemon, outcome: &str) -> u64 {
    let metrics = get(daemon, "/metrics").text();
    let start = format!("fovea_output_deliveries_total{{output=\"webhook-hook\",outcome=\"{outcome}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{metrics}"));
    line.parse().expect("a number")
}

#[test]
fn a_server_gets_the_messages_of_events_signed() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("webhook-secret-{}", process::id()));
    fs::write(&file, "a long secret\n").expect("the folder can be written");
    let (receiver, path) = (Receiver::start(), file.display());
    let keys = format!(
        "secret_file = \"{path}\"\nauthorization_file = \"{path}\"\n[webhook.headers]\nX-Where = \"{{camera}} {{{{\""
    );
    let (daemon, _) = start(&receiver, &keys);
    let event = trigger(&daemon, "bell");
    let [start, end] = &receiver.wait_for(2)[..] else { panic!("more came") };
    assert_eq!(start.line, "POST /hook?a=b HTTP/1.1");
    let id = event["id"].as_str().expect("it has one");
    let mut expected = event.clone();
    expected["picture"] = json!(format!("/api/events/{id}.jpg"));
    assert_eq!(start.json(), expected);
    assert_eq!((&end.json()["id"], &end.json()["state"]), (&event["id"], &json!("end")));
    for (name, value) in [
        ("content-type", "application/json"),
        ("fovea-event", id),
        ("fovea-camera", "yard"),
        ("fovea-kind", "external"),
        ("fovea-state", "start"),
        ("fovea-attempt", "1"),
        ("fovea-late-ms", ""),
        ("authorization", "a long secret"),
        ("x-where", "yard {"),
    ] {
        assert_eq!(start.header(name), value, "{name}");
    }
    assert!(start.header("user-agent").starts_with("fovea/"));
    let signature = start.header("fovea-signature").strip_prefix("sha256=").expect("it is signed");
    let signature = data_encoding::HEXLOWER.decode(signature.as_bytes()).expect("hexadecimal");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a long secret");
    hmac::verify(&key, &start.body, &signature).expect("by this secret");
    eventually("both are counted", || count(&daemon, "delivered") == 2);
    fs::remove_file(file).expect("it is there");
}

#[test]
fn a_form_has_the_picture_and_the_fields_that_a_service_wants() {
    let receiver = Receiver::start();
    let keys = "body = \"multipart\"\nstates = [\"start\"]\npicture_field = \"photo\"\n\
                fields = { chat_id = \"42\", caption = \"{camera}: {kind} {reason}\" }";
    let (daemon, jpeg) = start(&receiver, keys);
    let event = trigger(&daemon, "bell");
    let parts = receiver.wait_for(1).remove(0).parts();
    let text = |text: &str| text.as_bytes().to_vec();
    let field = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"");
    let photo =
        format!("{}; filename=\"{}.jpg\"\r\nContent-Type: image/jpeg", field("photo"), event["id"].as_str().unwrap());
    let expected = [(field("caption"), text("yard: external bell")), (field("chat_id"), text("42")), (photo, jpeg)];
    assert_eq!(parts, expected);
}

#[test]
fn the_picture_goes_alone_with_what_headers_say() {
    let receiver = Receiver::start();
    let keys = "body = \"picture\"\nstates = [\"start\"]\n\
                headers = { Title = \"{camera}: {kind}\", Filename = \"{id}.jpg\", X-Text = \"Tür{zone}!\" }";
    let (daemon, jpeg) = start(&receiver, keys);
    let event = trigger(&daemon, "bell");
    let of_yard = receiver.wait_for(1).remove(0);
    assert_eq!((of_yard.header("content-type"), of_yard.header("title")), ("image/jpeg", "yard: external"));
    assert_eq!(of_yard.header("filename"), format!("{}.jpg", event["id"].as_str().unwrap()));
    assert_eq!((of_yard.header("x-text"), &of_yard.body), ("Tür!", &jpeg));
    post(&daemon, "/api/cameras/door/event", "", "");
    let without = receiver.wait_for(2).remove(1);
    assert_eq!((without.header("fovea-camera"), without.header("content-type"), without.body.len()), ("door", "", 0));
}

/// Forms and bodies; the first server hears of a camera without a mask, so the search finds what it is for.
#[test]
fn no_server_gets_a_picture_of_what_is_masked() {
    for mask in [String::new(), mask()] {
        let receivers = ["body = \"picture\"", "body = \"multipart\""].map(|keys| (Receiver::start(), keys));
        let hook = |(number, (receiver, keys)): (usize, &(Receiver, &str))| {
            webhook(&receiver.url("/"), &format!("states = [\"start\"]\n{keys}"))
                .replace("\"hook\"", &format!("\"hook-{number}\""))
        };
        let hooks: String = receivers.iter().enumerate().map(hook).collect();
        let daemon = Daemon::start(&format!("{HTTP}{hooks}[[camera]]\nname = \"yard\"\n{mask}"));
        let mut sender = Client::connect_v1(&daemon, "/frames/yard?results");
        let secret = Secret::new(1);
        let jpegs =
            [secret.jpeg(turbojpeg::Subsamp::Sub2x2, false), secret.jpeg_with_thumbnail()].map(|jpeg| (JPEG, jpeg));
        for (format, picture) in jpegs.into_iter().chain([(YUYV, secret.yuyv()), (NV12, secret.nv12())]) {
            let size = (secret::WIDTH, secret::HEIGHT);
            sender.send(V1 { format, size, picture: &picture, ..V1::default() }.message());
            sender.next_of("result");
            trigger(&daemon, "bell");
        }
        let [alone, form] = receivers.each_ref().map(|(receiver, _)| receiver.wait_for(4));
        let of_forms = form.iter().filter_map(|request| request.parts().pop()).map(|(_, picture)| picture);
        let pictures: Vec<_> = alone.iter().map(|request| request.body.clone()).chain(of_forms).collect();
        assert_eq!(pictures.len(), 8);
        for picture in pictures {
            let found = secret_pixels(&picture);
            assert_eq!(found > 1000, mask.is_empty(), "{found}");
            assert!(mask.is_empty() || found == 0, "{found}");
        }
    }
}

#[test]
fn texts_say_which_track_crossed_which_line_and_how_long_it_stayed() {
    let receiver = Receiver::start();
    let keys = "kinds = [\"crossing\", \"visit\"]\n\
                headers.X-Text = \"{kind} {state}: {line}, {direction}, {count}, {dwell_s}.\"\nheaders.X-Track = \"{track}\"";
    let counted = "[[camera.line]]\nname = \"gate\"\nfrom = [0.45, 1]\nto = [0.45, 0]\n[[camera.motion.zone]]\n\
                   name = \"all\"\npolygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\nvisits = true\n";
    let daemon = Daemon::start(&format!("{HTTP}{}{DOOR}hold_ms = 0\n{counted}", webhook(&receiver.url("/"), keys)));
    let mut scene = Scene::start(&daemon);
    (0..40).for_each(|step| drop(scene.look(Some(step))));
    let got = || receiver.got().iter().map(|request| request.header("x-text").to_owned()).collect::<Vec<_>>();
    eventually("the walk is over", || {
        scene.look(None);
        got().iter().any(|text| text.starts_with("visit end"))
    });
    let mut got = got();
    let ends = got.iter().position(|text| text.starts_with("visit end")).map(|at| got.remove(at)).expect("it is there");
    got.sort(); // a track counts as soon as it is known to go somewhere: that may be before the zone or in it
    assert_eq!(got, ["crossing end: gate, in, 1, .", "crossing start: gate, in, 1, .", "visit start: , , , ."]);
    let dwell_s = ends.rsplit(", ").next().and_then(|dwell_s| dwell_s.trim_end_matches('.').parse::<f64>().ok());
    assert!(dwell_s.is_some_and(|dwell_s| dwell_s >= 0.0), "{ends}");
    let tracks: BTreeSet<_> = receiver.got().iter().map(|request| request.header("x-track").to_owned()).collect();
    assert!(tracks.len() == 1 && tracks.iter().all(|track| track.parse::<u64>().is_ok()), "{tracks:?}");
}

#[test]
fn only_what_is_wanted_is_sent() {
    let receiver = Receiver::start();
    let url = receiver.url("/");
    let hook = |name: &str, keys: &str| {
        webhook(&url, &format!("headers.X-Hook = \"{name}\"\n{keys}")).replace("\"hook\"", &format!("\"{name}\""))
    };
    let hooks = [
        hook("yard", "cameras = [\"yard\"]"),
        hook("motion", "kinds = [\"motion\"]"),
        hook("gate", "zones = [\"gate\"]\nstates = [\"start\"]"),
        hook("ends", "states = [\"end\"]"),
        hook("people", "labels = [\"person\", \"motion\"]\nstates = [\"start\", \"update\", \"end\"]"),
        hook("all", "labels = []\nheaders.X-Label = \"{label},{score}.\""),
    ];
    let zone = "[[camera.motion.zone]]\nname = \"gate\"\npolygon = [[0, 0], [1, 0], [1, 1], [0, 1]]\n";
    let daemon = Daemon::start(&format!("{HTTP}{}{DOOR}hold_ms = 0\n{zone}{YARD}", hooks.concat()));
    let mut scene = Scene::start(&daemon);
    scene.until("start");
    scene.until("end");
    trigger(&daemon, "bell");
    let heard = |hook: &str| {
        let of_hook = receiver.got().into_iter().filter(|request| request.header("x-hook") == hook);
        of_hook
            .map(|request| format!("{} {}", request.header("fovea-kind"), request.header("fovea-state")))
            .collect::<Vec<_>>()
    };
    let is_last = |hook: &str| heard(hook).contains(&"external end".to_owned());
    eventually("the last is there", || is_last("ends") && is_last("all") && heard("yard").len() == 2);
    assert_eq!(heard("yard"), ["external start", "external end"]);
    assert!(heard("motion").iter().all(|what| what.starts_with("motion ")) && heard("motion").len() >= 2);
    assert!(heard("gate").iter().all(|what| what == "motion start") && !heard("gate").is_empty());
    assert!(heard("ends").iter().all(|what| what.ends_with(" end")));
    assert_eq!(heard("people"), [""; 0], "nobody found out what anything is");
    let got = receiver.got();
    let mut all = got.iter().filter(|request| request.header("x-hook") == "all");
    assert!(heard("all").len() >= 4 && all.all(|request| request.header("x-label") == ",."), "{got:?}");
}

#[test]
fn what_a_server_does_not_take_is_sent_again_late_and_in_order() {
    let receiver = Receiver::start();
    let (daemon, _) = start(&receiver, "states = [\"start\"]");
    receiver.answers("HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nsorry");
    let ids = ["a", "b", "c"].map(|label| trigger(&daemon, label)["id"].clone());
    daemon.wait_for_line("webhook hook: cannot deliver the event ");
    daemon.wait_for_line("the answer is 500 Internal Server Error sorry; trying again");
    receiver.wait_for(2);
    receiver.answers(OK);
    daemon.wait_for_line("webhook hook: delivers events again");
    eventually("all are there", || count(&daemon, "late") == 3);
    assert!(count(&daemon, "failed") >= 2);
    let got = receiver.got();
    let taken: Vec<_> = got[got.len() - 3..].iter().map(Request::json).collect();
    for (taken, id) in taken.iter().zip(&ids) {
        assert_eq!(taken["id"], *id);
        assert!(taken["late_ms"].as_u64().is_some_and(|late| late > 0), "{taken}");
    }
    assert!(got[..got.len() - 2].iter().all(|request| request.json()["id"] == ids[0]), "one after the other");
    let first = &got[got.len() - 3];
    assert_eq!(first.header("fovea-attempt"), (got.len() - 2).to_string());
    assert_eq!(first.header("fovea-late-ms"), taken[0]["late_ms"].to_string());
}

#[test]
fn a_server_that_is_away_and_comes_back_gets_what_it_missed() {
    let receiver = Receiver::start();
    let (daemon, _) = start(&receiver, "states = [\"start\"]\ntimeout_ms = 1000");
    receiver.is_gone.store(true, Ordering::Relaxed);
    let id = trigger(&daemon, "bell")["id"].clone();
    daemon.wait_for_line("webhook hook: cannot deliver the event ");
    receiver.is_gone.store(false, Ordering::Relaxed);
    assert_eq!(receiver.wait_for(1)[0].json()["id"], id);
}

#[test]
fn the_oldest_are_dropped_and_counted_if_too_many_wait() {
    /// More than 256 KiB of messages.
    const EVENTS: usize = 1000;
    let receiver = Receiver::start();
    let (daemon, _) = start(&receiver, "states = [\"start\"]\ntimeout_ms = 60000");
    receiver.answers("");
    let first = trigger(&daemon, "first")["id"].clone();
    receiver.wait_for(1);
    for _ in 0..EVENTS {
        trigger(&daemon, "bell");
    }
    let last = trigger(&daemon, "last")["id"].clone();
    receiver.answers(OK);
    daemon.wait_for_line("messages were dropped: too many waited");
    eventually("the newest is there", || receiver.got().last().is_some_and(|request| request.json()["id"] == last));
    let got = receiver.got();
    assert_eq!(got[0].json()["id"], first, "what was tried before is not dropped");
    assert!((100..EVENTS).contains(&got.len()), "{} came", got.len());
    let metrics = get(&daemon, "/metrics").text();
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("fovea_output_dropped_messages_total{output=\"webhook-hook\"} "));
    assert!(dropped.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count > 0), "{metrics}");
}

#[test]
fn only_a_server_whose_certificate_is_trusted_gets_events() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("it was just made");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key))
        .expect("they belong together");
    let receiver = Receiver::start_with(Some(Arc::new(config)));
    let other = generate_simple_self_signed(["localhost".to_owned()]).expect("a key").cert.pem();
    let mut hooks = String::new();
    for (name, pem) in [("trusts", cert.pem()), ("trusts-another", other)] {
        let ca = folder.join(format!("webhook-{name}-{}.pem", process::id()));
        fs::write(&ca, pem).expect("the folder can be written");
        let keys = format!("ca = \"{}\"\nheaders.X-Hook = \"{name}\"", ca.display());
        let url = format!("https://localhost:{}/", receiver.address.port());
        hooks += &webhook(&url, &keys).replace("\"hook\"", &format!("\"{name}\""));
    }
    let url = format!("https://localhost:{}/", receiver.address.port());
    hooks += &webhook(&url, "headers.X-Hook = \"trusts-the-systems\"").replace("\"hook\"", "\"systems\"");
    let daemon = Daemon::start(&format!("{HTTP}{hooks}{YARD}"));
    let id = trigger(&daemon, "bell")["id"].clone();
    for name in ["trusts-another", "systems"] {
        let line = daemon.wait_for_line(&format!("webhook {name}: cannot deliver the event "));
        assert!(line.contains("certificate"), "{line}");
    }
    let got = receiver.wait_for(2);
    assert!(got.iter().all(|request| request.header("x-hook") == "trusts" && request.json()["id"] == id), "{got:?}");
}

#[test]
fn what_a_server_will_never_take_is_not_sent_again() {
    let receiver = Receiver::start();
    let (daemon, _) = start(&receiver, "states = [\"start\"]");
    let elsewhere = Receiver::start();
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url("/"));
    for (count_of, answer, said) in [
        (1, &*moved, "the answer is 302 Found; fovea follows no redirects: set url to where it leads"),
        (2, "HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno\n", ""),
    ] {
        receiver.answers(answer);
        trigger(&daemon, "bell");
        receiver.wait_for(count_of);
        eventually("it is counted", || count(&daemon, "refused") == count_of as u64);
        daemon.wait_for_line(said);
    }
    receiver.answers(OK);
    trigger(&daemon, "bell");
    assert_eq!(receiver.wait_for(3).len(), 3);
    assert!(elsewhere.got().is_empty());
}

#[test]
fn a_server_that_says_nothing_holds_up_nobody() {
    let receiver = Receiver::start();
    let (mut daemon, _) = start(&receiver, "timeout_ms = 60000");
    receiver.answers("");
    trigger(&daemon, "bell");
    receiver.wait_for(1);
    let mut scene = Scene::start(&daemon);
    scene.until("start");
    eventually("events are kept", || {
        get(&daemon, "/api/events?limit=9&kind=motion").json()["events"][0]["picture"].is_string()
    });
    let end = daemon.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
}

#[test]
fn what_is_tried_for_too_long_expires() {
    let receiver = Receiver::start();
    let (daemon, _) = start(&receiver, "states = [\"start\"]\nretry_for_ms = 0");
    receiver.answers("HTTP/1.1 503 Away\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    trigger(&daemon, "bell");
    eventually("it is given up", || count(&daemon, "expired") == 1);
    receiver.answers(OK);
    let second = trigger(&daemon, "bell")["id"].clone();
    assert_eq!(receiver.wait_for(2)[1].json()["id"], second);
}

#[test]
fn it_needs_no_http_port_and_its_files_must_be_there() {
    let receiver = Receiver::start();
    let daemon = Daemon::start(&format!("{}{DOOR}hold_ms = 0\n", webhook(&receiver.url("/"), "body = \"picture\"")));
    Scene::start(&daemon).until("start");
    let request = receiver.wait_for(1).remove(0);
    assert_eq!((request.header("content-type"), request.header("fovea-kind")), ("image/jpeg", "motion"));
    turbojpeg::decompress(&request.body, turbojpeg::PixelFormat::GRAY).expect("a good JPEG");
    daemon.reload(
        &format!("{}{DOOR}hold_ms = 0\n", webhook(&receiver.url("/other"), "")),
        "the new configuration is in use",
    );
    daemon.wait_for_line("[[webhook]] has changed: restart to apply");

    let mut broken =
        Daemon::launch(&format!("{}{DOOR}", webhook(&receiver.url("/"), "secret_file = \"no-such-file\"")));
    let end = broken.end();
    assert_eq!(end.code, Some(78), "as other mistakes in the configuration");
    assert!(end.log.contains("webhook hook: cannot read ") && end.log.contains("no-such-file"), "{}", end.log);
}

/// Printed with `cargo test --release --test daemon how_soon -- --ignored --nocapture`; no time is judged.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "it is a measurement")]
fn how_soon_a_server_has_an_event_and_its_picture() {
    const EVENTS: usize = 100;
    let receiver = Receiver::start();
    let keys = "body = \"multipart\"\nstates = [\"start\"]\nkinds = [\"motion\"]";
    let daemon = Daemon::start(&format!("{HTTP}{}{DOOR}hold_ms = 0\n", webhook(&receiver.url("/"), keys)));
    let mut scene = Scene::start(&daemon);
    while receiver.got().len() < EVENTS {
        scene.until("start");
        scene.until("end");
    }
    let mut times: Vec<_> = receiver.got()[..EVENTS]
        .iter()
        .map(|request| {
            let [event, picture] = &request.parts()[..] else { panic!("two parts: {request:?}") };
            assert!(picture.1.starts_with(&[0xff, 0xd8]), "a JPEG file");
            let event: Value = serde_json::from_slice(&event.1).expect("it is JSON");
            let captured: Timestamp = event["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
            request.at.duration_since(captured).as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let [half, p99, most] = [EVENTS / 2, EVENTS * 99 / 100 - 1, EVENTS - 1].map(|at| times[at]);
    eprintln!(
        "from the capture of an event's first frame to the server: p50 {half:.1} ms, p99 {p99:.1} ms, max {most:.1} ms"
    );
}
