//! `fovea send` from cameras that serve their pictures over HTTP, with their habits.

use std::time::{SystemTime, UNIX_EPOCH};

use fovea::{frame::PixelFormat, system::clock::Monotonic};

use super::{camera::Camera, send::pictures, sending::Sending};

/// A part with the header lines given, each ended as given.
fn part(lines: &[&str], end: &str, picture: &[u8], after: &str) -> Vec<u8> {
    let head: String = lines.iter().map(|line| format!("{line}{end}")).collect();
    [head.as_bytes(), end.as_bytes(), picture, after.as_bytes()].concat()
}

/// How cameras and programs spell a stream: its content type, and each part.
type Habit = (&'static str, &'static str, fn(&[u8]) -> Vec<u8>);

/// No boundary follows the last picture: it goes out all the same.
const HABITS: [Habit; 14] = [
    ("uStreamer", "multipart/x-mixed-replace;boundary=boundarydonotcross", |picture| {
        let length = format!("Content-Length: {}", picture.len());
        let lines = ["--boundarydonotcross", "Content-Type: image/jpeg", &length, "X-Timestamp: 12.5"];
        part(&lines, "\r\n", picture, "\r\n")
    }),
    ("go2rtc", "multipart/x-mixed-replace; boundary=frame", |picture| {
        let length = format!("Content-Length: {}", picture.len());
        part(&["--frame", "Content-Type: image/jpeg", &length], "\r\n", picture, "\r\n")
    }),
    ("Motion", "multipart/x-mixed-replace; boundary=BoundaryString", |picture| {
        let length = format!("Content-Length:     {:9}", picture.len());
        part(&["--BoundaryString", "Content-type: image/jpeg", &length], "\r\n", picture, "\r\n")
    }),
    ("ESPHome", "multipart/x-mixed-replace;boundary=123456789000000000000987654321", |picture| {
        let length = format!("Content-Length: {}", picture.len());
        part(&["", "--123456789000000000000987654321", "Content-Type: image/jpeg", &length], "\r\n", picture, "")
    }),
    ("CameraWebServer", "multipart/x-mixed-replace;boundary=123456789000000000000987654321", |picture| {
        let length = format!("Content-Length: {}", picture.len());
        let lines =
            ["", "--123456789000000000000987654321", "Content-Type: image/jpeg", &length, "X-Timestamp: 17.000321"];
        part(&lines, "\r\n", picture, "")
    }),
    ("an IP-camera app", "multipart/x-mixed-replace; boundary=--dcmjpeg", |picture| {
        let length = format!("Content-length: {}", picture.len());
        part(&["----dcmjpeg", "Content-type: image/jpeg", &length], "\r\n", picture, "\r\n")
    }),
    (
        "dashes in the header that are those of the line",
        "multipart/x-mixed-replace; boundary=--myboundary",
        |picture| {
            let length = format!("Content-Length: {}", picture.len());
            part(&["--myboundary", "Content-Type: image/jpeg", &length], "\r\n", picture, "\r\n")
        },
    ),
    ("no dashes at all", "multipart/x-mixed-replace; boundary=\"my boundary\"", |picture| {
        part(&["my boundary", "content-type: image/jpeg"], "\r\n", picture, "\r\n")
    }),
    ("no length", "multipart/x-mixed-replace; boundary=frame", |picture| {
        part(&["--frame", "Content-Type: image/jpeg"], "\r\n", picture, "\r\n")
    }),
    ("no length, no end of line before the boundary", "Multipart/X-Mixed-Replace; Boundary=frame", |picture| {
        part(&["--frame", "Content-Type: image/jpeg"], "\r\n", picture, "")
    }),
    ("lines that end in LF, lower case", "multipart/x-mixed-replace; boundary=frame", |picture| {
        let length = format!("content-length:{}", picture.len());
        part(&["--frame", "content-type:image/jpeg", &length], "\n", picture, "\n")
    }),
    ("no boundary in the header", "multipart/x-mixed-replace", |picture| {
        part(&["--whatever", "Content-Type: image/jpeg"], "\r\n", picture, "\r\n")
    }),
    ("a length that is too small", "multipart/x-mixed-replace; boundary=frame", |picture| {
        // Refused by the board as damaged; what follows is found all the same.
        let small = part(&["--frame", "Content-Length: 300"], "\r\n", picture, "\r\n");
        [small, part(&["--frame"], "\r\n", picture, "\r\n")].concat()
    }),
    ("JPEG after JPEG", "video/x-motion-jpeg", <[u8]>::to_vec),
];

#[test]
fn every_way_to_spell_a_stream_is_read() {
    for (name, content_type, spell) in HABITS {
        let camera = Camera::serve(1, move |_, visit| {
            let head = format!("200 OK\nServer: test\nContent-Type: {content_type}");
            visit.answer(&head, &spell(&pictures()[0]));
            assert_eq!(visit.next_request(), None, "nothing more is asked on this connection");
        });
        let sending = Sending::start(&format!("http://{}/stream", camera.address), &[]);
        let mut frame = sending.frame();
        if name == "a length that is too small" && frame.1 == pictures()[0][..300] {
            frame = sending.frame(); // the cut one was not overtaken by the whole one
        }
        assert_eq!((frame.0.format, frame.1), (PixelFormat::Jpeg, pictures()[0].clone()), "{name}");
        sending.end();
        camera.join();
    }
}

#[test]
fn pictures_are_found_however_the_stream_is_cut_into_pieces() {
    for (name, content_type, spell) in HABITS {
        let camera = Camera::serve(1, move |_, visit| {
            visit.answer(&format!("200 OK\nContent-Type: {content_type}"), b"");
            let stream = [spell(&pictures()[0]), spell(&pictures()[1]), spell(&pictures()[2])].concat();
            for piece in stream.chunks(61) {
                visit.stream.set_nodelay(true).expect("sockets can");
                visit.send(piece);
            }
            visit.wait_for_end();
        });
        let sending = Sending::start(&format!("http://{}/stream", camera.address), &["--pace", "rate"]);
        // Some may be overtaken, but not the last.
        while sending.frame().1 != pictures()[2] {}
        assert_eq!(sending.end().len(), 1, "{name}: nothing but a summary");
        camera.join();
    }
}

/// HTTP's own ways to send a body of unknown length.
#[test]
fn chunks_and_old_http_are_read() {
    let camera = Camera::serve(2, |index, visit| {
        if index == 0 {
            let head = "200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame\nTransfer-Encoding: chunked";
            visit.answer(head, b"");
            let body = part(&["--frame"], "\r\n", &pictures()[0], "\r\n");
            for piece in body.chunks(100) {
                visit.send(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            }
            return; // without the last chunk
        }
        visit.send(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n");
        visit.send(&part(&["--frame"], "\r\n", &pictures()[1], "\r\n"));
        visit.wait_for_end();
    });
    let mut sending = Sending::start(&format!("http://{}", camera.address), &[]);
    assert_eq!(sending.frame().1, pictures()[0]);
    let line = sending.line();
    assert!(line.contains("its stream breaks off: ") && line.ends_with("; trying again"), "{line}");
    assert_eq!(sending.frame().1, pictures()[1]);
    sending.end();
    camera.join();
}

#[test]
fn after_a_restart_of_the_camera_its_stream_goes_on() {
    let camera = Camera::serve(3, |index, visit| {
        visit.stream(&pictures()[index]);
        if index == 2 {
            visit.wait_for_end();
        }
    });
    let name = format!("http://{}/stream", camera.address);
    let mut sending = Sending::start(&name, &[]);
    assert_eq!(sending.frame().1, pictures()[0]);
    assert_eq!(sending.line(), format!("{name}: its stream ends; trying again"));
    assert_eq!(sending.frame().1, pictures()[1]);
    assert!(sending.line().starts_with(&format!("{name}: pictures arrive again after ")));
    assert_eq!(sending.frame().1, pictures()[2]);
    assert_eq!(sending.end().len(), 1, "the second time nothing is said of it");
    camera.join();
}

#[test]
fn a_camera_that_is_away_is_waited_for() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").expect("free ports").local_addr().expect("bound");
    let mut sending = Sending::start(&format!("http://{address}"), &[]);
    let line = sending.line();
    assert_eq!(line, format!("http://{address}: no connection: Connection refused (os error 111); trying again"));
    sending.end();
}

#[test]
fn the_url_of_a_picture_is_asked_again_and_again() {
    let camera = Camera::serve(1, |_, visit| {
        assert!(visit.request.starts_with("GET /snapshot.jpg?size=large HTTP/1.1\r\n"), "{}", visit.request);
        for picture in pictures() {
            visit.answer(&format!("200 OK\nContent-Type: image/jpeg\nContent-Length: {}", picture.len()), &picture);
            visit.next_request().expect("it asks on the same connection");
        }
        visit.answer("200 OK\nContent-Type: image/jpeg\nContent-Length: 4", b"oops");
        visit.next_request().expect("a bad picture costs itself");
        visit.answer("503 Busy\nContent-Length: 0", b"");
    });
    let name = format!("http://{}/snapshot.jpg?size=large", camera.address);
    let mut sending = Sending::start(&name, &["--rate", "100"]);
    for picture in pictures() {
        assert_eq!(sending.frame().1, picture);
    }
    assert_eq!(sending.line(), format!("{name}: a picture sent as image/jpeg is not a JPEG; fovea skips it"));
    assert_eq!(sending.line(), format!("{name}: it answers 503 Service Unavailable; trying again"));
    sending.end();
    camera.join();
}

#[test]
fn a_file_over_http_ends_it() {
    let camera = Camera::serve(1, |_, visit| {
        let file = pictures()[1].to_vec();
        visit.answer(&format!("200 OK\nContent-Type: video/x-motion-jpeg\nContent-Length: {}", file.len()), &file);
    });
    let mut sending = Sending::start(&format!("http://{}/walk.mjpeg", camera.address), &[]);
    assert_eq!(sending.frame().1, pictures()[1]);
    assert!(sending.line().ends_with("1 taken, 0 superseded, 0 refused"));
    assert_eq!(sending.child.wait().expect("it ends").code(), Some(0));
    sending.board.join();
    camera.join();
}

#[test]
fn a_time_stamp_counts_if_it_can_be_true() {
    let camera = Camera::serve(1, |_, visit| {
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        for (stamp, picture) in [now - 2.0, now + 60.0, 17.0].into_iter().zip(pictures()) {
            let stamp = format!("X-Timestamp: {stamp:.6}");
            let length = format!("Content-Length: {}", picture.len());
            visit.send(&part(&["--frame", &length, &stamp], "\r\n", &picture, "\r\n"));
        }
        visit.wait_for_end();
    });
    let start_us = Monotonic::now().as_micros();
    let sending = Sending::start(&format!("http://{}", camera.address), &["--pace", "rate"]);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(picture, _)| *picture != pictures()[2]) {
        let (header, picture) = sending.frame();
        seen.push((picture, header.captured_us.expect("stamped")));
    }
    let captured = |index: usize| seen.iter().find(|(picture, _)| *picture == pictures()[index]).map(|(_, at)| *at);
    if let Some(first) = captured(0) {
        assert!(first < start_us.saturating_sub(1_000_000), "two seconds before it was read: {first} {start_us}");
    }
    assert!(captured(2).expect("the last one goes out") >= start_us, "that stamp is of another clock");
    assert!(captured(1).is_none_or(|at| at >= start_us), "that one is in the future");
    sending.end();
    camera.join();
}

#[test]
fn redirects_are_followed_unless_they_have_no_end() {
    let camera = Camera::serve(2, |index, visit| match index {
        0 => {
            visit.answer("302 Found\nLocation: /stream2\nContent-Length: 0\nConnection: close", b"");
        }
        _ => {
            assert!(visit.request.starts_with("GET /stream2 "), "{}", visit.request);
            visit.stream(&pictures()[0]);
            visit.wait_for_end();
        }
    });
    let sending = Sending::start(&format!("http://{}/stream", camera.address), &[]);
    assert_eq!(sending.frame().1, pictures()[0]);
    sending.end();
    camera.join();

    let camera = Camera::serve(1, |_, visit| {
        while visit.answer("302 Found\nLocation: /stream\nContent-Length: 0", b"") && visit.next_request().is_some() {}
    });
    let name = format!("http://{}/stream", camera.address);
    let mut sending = Sending::start(&name, &[]);
    assert_eq!(sending.line(), format!("{name}: it redirects without end; trying again"));
    sending.end();
    camera.join();
}
