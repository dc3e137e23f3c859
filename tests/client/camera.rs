//! A camera that serves its pictures over HTTP, for clients that come one after the other.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
    time::Duration,
};

use super::server::read_request;

/// A camera on a port of its own.
#[derive(Debug)]
pub(crate) struct Camera {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    thread: JoinHandle<()>,
}

/// One client's connection and its first request.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) stream: TcpStream,
    pub(crate) request: String,
}

impl Camera {
    /// Serves so many connections with `part`, which is given their number.
    pub(crate) fn serve(count: usize, mut part: impl FnMut(usize, &mut Visit) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound").to_string();
        let thread = std::thread::spawn(move || {
            for index in 0..count {
                let (mut stream, _) = listener.accept().expect("a client comes");
                stream.set_read_timeout(Some(Duration::from_secs(60))).expect("not zero");
                let request = read_request(&mut stream);
                part(index, &mut Visit { stream, request });
            }
        });
        Self { address, thread }
    }

    /// The part was played to its end, nothing in it failed.
    pub(crate) fn join(self) {
        self.thread.join().expect("the camera's part went well");
    }
}

impl Visit {
    /// Sends bytes; `false` if the client has gone.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Answers with these lines as its header, and a body.
    pub(crate) fn answer(&mut self, head: &str, body: &[u8]) -> bool {
        self.send(format!("HTTP/1.1 {}\r\n\r\n", head.replace('\n', "\r\n")).as_bytes()) && self.send(body)
    }

    /// Answers with a stream as most programs send it, and one picture; leaves it open.
    pub(crate) fn stream(&mut self, picture: &[u8]) {
        self.answer("200 OK\nContent-Type: multipart/x-mixed-replace; boundary=frame", b"");
        self.part(picture);
    }

    /// One more part of such a stream.
    pub(crate) fn part(&mut self, picture: &[u8]) {
        let head = format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len());
        self.send(&[head.as_bytes(), picture, b"\r\n"].concat());
    }

    /// The next request on the same connection; `None` if the client closes it.
    pub(crate) fn next_request(&mut self) -> Option<String> {
        let mut first = [0];
        match self.stream.read(&mut first) {
            Ok(1) => Some(format!("{}{}", char::from(first[0]), read_request(&mut self.stream))),
            _ => None,
        }
    }

    /// The value of a header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.request, name)
    }

    /// Waits until the client leaves.
    pub(crate) fn wait_for_end(&mut self) {
        while matches!(self.stream.read(&mut [0; 1024]), Ok(1..)) {}
    }
}

/// The value of a header of a request.
pub(crate) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(has, _)| has.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}
