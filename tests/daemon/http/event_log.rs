//! The events that are kept, their pictures, and events that clients trigger.

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    daemon::{DOOR, Daemon, HTTP},
    eventually,
    http::{get, get_with, post},
    pictures::Picture,
    scene::Scene,
};

const YARD: &str = "[[camera]]\nname = \"yard\"\n";

/// The list of events that a query gives.
fn list(daemon: &Daemon, query: &str) -> Vec<Value> {
    page(daemon, query)["events"].as_array().expect("a list").clone()
}

fn page(daemon: &Daemon, query: &str) -> Value {
    let answer = get(daemon, &format!("/api/events?{query}"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

/// Triggers an event with this label; gives its id once it is kept.
fn trigger(daemon: &Daemon, camera: &str, label: &str) -> String {
    let answer = post(daemon, &format!("/api/cameras/{camera}/event"), "", &json!({ "label": label }).to_string());
    assert_eq!(answer.status, 200);
    let id = answer.json()["id"].as_str().expect("it has an id").to_owned();
    eventually("it is kept", || get(daemon, &format!("/api/events/{id}")).text().contains("\"state\":\"end\""));
    id
}

/// The reasons of events, in their order.
fn reasons(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["reason"].as_str()).collect()
}

#[test]
fn an_event_stays_with_the_picture_of_its_start() {
    let config = |hold: u32| format!("{HTTP}{DOOR}hold_ms = {hold}\n");
    let daemon = Daemon::start(&config(600_000));
    let mut scene = Scene::start(&daemon);
    let started = scene.until("start");
    eventually("it is kept", || !list(&daemon, "limit=9").is_empty());
    let running = list(&daemon, "limit=9").remove(0);
    for (key, of_message) in [("id", "id"), ("camera", "camera"), ("kind", "kind"), ("started_at", "at")] {
        assert_eq!(running[key], started[of_message], "{key}");
    }
    assert_eq!(running["boxes"], started["boxes"]);
    assert!(running["state"] != "end" && running["ended_at"].is_null(), "{running}");

    let path = running["picture"].as_str().expect("it has a picture");
    assert_eq!(path, format!("/api/events/{}.jpg", started["id"].as_str().expect("it has an id")));
    let pixels = |path: &str| {
        let picture = get(&daemon, path);
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
        turbojpeg::decompress(&picture.bytes(), turbojpeg::PixelFormat::RGB).expect("a good JPEG")
    };
    let (plain, drawn) = (pixels(path), pixels(&format!("{path}?overlay")));
    let colour = |picture: &turbojpeg::Image<Vec<u8>>| {
        let [x, y, width, _]: [usize; 4] = serde_json::from_value(started["boxes"][0].clone()).expect("a box");
        let at = y * picture.pitch + 3 * (x + width / 2);
        i16::from(picture.pixels[at]) - i16::from(picture.pixels[at + 2])
    };
    assert!(colour(&plain).abs() < 20, "the camera's picture is grey");
    assert!(colour(&drawn) > 60, "the box is not");

    daemon.reload(&config(0), "the new configuration is in use");
    let ended = scene.until("end");
    eventually("it is over", || list(&daemon, "limit=9")[0]["state"] == "end");
    let over = get(&daemon, &format!("/api/events/{}", started["id"].as_str().expect("text"))).json();
    assert_eq!((&over["ended_at"], &over["picture"]), (&ended["at"], &running["picture"]));
}

#[test]
fn a_client_triggers_an_event_that_is_like_any_other() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    let jpeg = Picture::scene(64, 48).jpeg();
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    sender.send(&jpeg[..]);
    sender.next_of("result");
    let mut reader = Client::connect(&daemon, "/results");
    let answer = post(&daemon, "/api/cameras/yard/event", "", "{\"label\":\"doorbell\"}");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let (answer, start, end) = (answer.json(), reader.next_of("event"), reader.next_of("event"));
    assert_eq!(answer, start);
    assert_eq!(
        (&start["kind"], &start["reason"], &start["state"]),
        (&json!("external"), &json!("doorbell"), &json!("start"))
    );
    assert_eq!((&end["id"], &end["state"]), (&start["id"], &json!("end")));
    daemon.wait_for_line("yard: external (doorbell) starts");
    let path = format!("/api/events/{}.jpg", start["id"].as_str().expect("it has an id"));
    eventually("the picture is there", || get(&daemon, &path).status == 200);
    assert_eq!(get(&daemon, &path).bytes(), jpeg, "the sender's own bytes");
    assert_eq!(get(&daemon, &path.replace("/api/events", "/events").replace(".jpg", "/snapshot.jpg")).bytes(), jpeg);

    assert_eq!(post(&daemon, "/api/cameras/door/event", "", "").status, 200, "without a body, and without a picture");
    eventually("both are kept", || list(&daemon, "limit=9").len() == 2);
    let newest = list(&daemon, "limit=9").remove(0);
    assert!(newest["picture"].is_null() && newest["reason"].is_null(), "{newest}");
}

#[test]
fn what_triggers_no_event_is_told_why() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    let status = |path: &str, headers: &str, body: &str| post(&daemon, path, headers, body).status;
    let event = "/api/cameras/door/event";
    for body in ["doorbell", "{\"label\":\"Door Bell\"}", "{\"label\":3}", "{\"labels\":\"bell\"}"] {
        assert_eq!(status(event, "", body), 400, "{body}");
    }
    let unknown = post(&daemon, "/api/cameras/dor/event", "", "");
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.text(), "There is no camera \"dor\" here. Cameras: door, yard.\n");
    assert_eq!(get(&daemon, event).status, 405);
    assert_eq!(status(event, "Origin: http://evil.example\r\n", ""), 403);
    assert_eq!(list(&daemon, "limit=9"), Vec::<Value>::new());
}

#[test]
fn events_are_listed_by_what_they_are_in_pages() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    for number in 1..=7 {
        trigger(&daemon, if number % 2 == 0 { "yard" } else { "door" }, &format!("bell-{number}"));
    }
    assert_eq!(reasons(&list(&daemon, "limit=3")), ["bell-7", "bell-6", "bell-5"]);
    let (mut query, mut pages) = ("camera=door&limit=3".to_owned(), Vec::new());
    loop {
        let page = page(&daemon, &query);
        pages.push(reasons(page["events"].as_array().expect("a list")).join(" "));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("camera=door&limit=3&before={next}");
    }
    assert_eq!(pages, ["bell-7 bell-5 bell-3", "bell-1"]);

    let accepts = get_with(&daemon, "/api/events?kind=external", "Host: localhost\r\nAccept: application/json\r\n");
    assert_eq!(accepts.json()["events"].as_array().map(Vec::len), Some(7));
    assert_eq!(list(&daemon, "kind=motion&limit=9"), Vec::<Value>::new());
    assert_eq!(list(&daemon, "zone=gate&limit=9"), Vec::<Value>::new());
    let third = list(&daemon, "limit=9")[4]["started_at"].as_str().expect("a time").to_owned();
    assert_eq!(reasons(&list(&daemon, &format!("from={third}")))[4..], ["bell-3"]);
    assert_eq!(reasons(&list(&daemon, &format!("until={third}"))), ["bell-2", "bell-1"]);
    assert_eq!(get(&daemon, "/api/events?from=yesterday").status, 400);
    assert_eq!(get(&daemon, "/api/events?limit=1&camera=dor").status, 404);
    assert_eq!(get(&daemon, "/api/events/door-0").status, 404);
}

#[test]
fn a_stream_of_one_kind_has_no_other_messages() {
    let daemon = Daemon::start(&format!("{HTTP}{DOOR}{YARD}"));
    let mut stream = get(&daemon, "/api/events?kind=external");
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    let mut of_motion = get(&daemon, "/api/events?kind=motion");
    let mut scene = Scene::start(&daemon);
    trigger(&daemon, "yard", "bell");
    let motion = scene.until("start");
    let sent = stream.sent();
    assert_eq!((&sent.data["kind"], &sent.data["state"]), (&json!("external"), &json!("start")));
    assert_eq!(of_motion.sent().data, motion);
}

#[test]
fn the_oldest_events_and_pictures_go_first() {
    let jpeg = Picture::scene(64, 48).jpeg();
    let limits = |events: usize, pictures: usize| {
        let bytes = pictures * jpeg.len();
        format!("{HTTP}[events]\nmax_events = {events}\nmax_picture_bytes = {bytes}\n{YARD}")
    };
    let daemon = Daemon::start(&limits(3, 2));
    let mut sender = Client::connect(&daemon, "/frames/yard?results");
    sender.send(&jpeg[..]);
    sender.next_of("result");
    let ids = ["a", "b", "c", "d"].map(|label| trigger(&daemon, "yard", label));
    let has_picture = |id: &String| get(&daemon, &format!("/api/events/{id}.jpg")).status == 200;
    assert_eq!(reasons(&list(&daemon, "limit=9")), ["d", "c", "b"]);
    assert_eq!(reasons(&list(&daemon, "limit=9&label=d")), [""; 0], "a reason is no label");
    assert_eq!(ids.each_ref().map(has_picture), [false, false, true, true]);
    let metrics = get(&daemon, "/metrics").text();
    assert!(metrics.contains("\nfovea_kept_events 3\n"), "{metrics}");
    assert!(metrics.contains(&format!("\nfovea_kept_event_picture_bytes {}\n", 2 * jpeg.len())), "{metrics}");
    daemon.reload(&limits(2, 1), "the new configuration is in use");
    assert_eq!(reasons(&list(&daemon, "limit=9")), ["d", "c"]);
    assert_eq!(ids.each_ref().map(has_picture), [false, false, false, true]);
}
