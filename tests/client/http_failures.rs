//! `fovea send` from HTTP cameras that fail.

use super::{
    camera::{Camera, Visit},
    send::pictures,
    sending::{Sending, peak_kb},
};

/// What a camera does wrong, and what is said of it.
type Failure = (&'static str, fn(&mut Visit));

const FAILURES: [Failure; 12] = [
    ("no boundary between the parts of its stream", |visit| {
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"");
        while visit.send(&[b'x'; 1000]) {}
    }),
    ("no boundary between the parts of its stream", |visit| {
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"");
        while visit.send(b"--another\r\nX: y\r\n\r\n") {}
    }),
    ("the header of its answer has no end", |visit| {
        visit.send(b"HTTP/1.1 200 OK\r\nX: ");
        while visit.send(&[b'x'; 1000]) {}
    }),
    ("the header of a part of its stream has no end", |visit| {
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"--frame\r\n");
        while visit.send(b"X-Header: and another one\r\n") {}
    }),
    ("a picture has no end within 16 MiB", |visit| {
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"--frame\r\n\r\n");
        visit.send(&pictures()[0][..700]);
        while visit.send(&[0; 100_000]) {}
    }),
    ("a picture has no end within 16 MiB", |visit| {
        let head = b"--frame\r\nContent-Length: 99999999999999999\r\n\r\n";
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", head);
        visit.wait_for_end();
    }),
    ("no JPEG within 16 MiB; if these are raw pictures, give --format and --size", |visit| {
        visit.answer("200 OK\nContent-Type: application/octet-stream", b"");
        while visit.send(&[0; 100_000]) {}
    }),
    ("it answers with text/html instead of a stream or a picture", |visit| {
        visit.answer("200 OK\nContent-Type: text/html; charset=utf-8", b"<h1>The camera</h1>");
    }),
    ("it answers 404 Not Found", |visit| {
        visit.answer("404 Nothing\nContent-Length: 0", b"");
    }),
    ("the program that answers is not an HTTP server: ", |visit| {
        visit.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
    }),
    ("its stream ends", |visit| {
        visit.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"--frame\r\n\r\n\xff\xd8\xff");
    }),
    ("its stream breaks off: ", |visit| {
        visit.answer("200 OK\nContent-Type: image/jpeg\nContent-Length: 1000", &pictures()[0][..100]);
    }),
];

#[test]
fn whatever_a_camera_does_wrong_is_said_once_and_it_is_asked_again() {
    for (why, fail) in FAILURES {
        let camera = Camera::serve(2, move |index, visit| match index {
            0 => fail(visit),
            _ => {
                visit.stream(&pictures()[0]);
                visit.wait_for_end();
            }
        });
        let name = format!("http://{}", camera.address);
        let mut sending = Sending::start(&name, &[]);
        let line = sending.line();
        assert!(line.starts_with(&format!("{name}: {why}")) && line.ends_with("; trying again"), "{why}: {line}");
        assert_eq!(sending.frame().1, pictures()[0], "{why}");
        assert!(sending.line().starts_with(&format!("{name}: pictures arrive again after ")), "{why}");
        let peak_kb = peak_kb(sending.child.id());
        assert!(peak_kb < 100_000, "{why}: {peak_kb} kB at the most");
        sending.end();
        camera.join();
    }
}

#[test]
fn a_camera_that_falls_silent_is_asked_again() {
    let camera = Camera::serve(2, |index, visit| {
        if index == 0 {
            visit.stream(&pictures()[0]);
        } else {
            visit.stream(&pictures()[1]);
        }
        visit.wait_for_end();
    });
    let name = format!("http://{}", camera.address);
    let mut sending = Sending::start(&name, &[]);
    assert_eq!(sending.frame().1, pictures()[0]);
    assert_eq!(sending.line(), format!("{name}: it has sent nothing for 10 s; trying again"));
    assert_eq!(sending.frame().1, pictures()[1]);
    sending.end();
    camera.join();
}
