//! How much a camera notices of outputs: the age of its results with webhooks, MQTT and the page's port, whose servers take
//! everything or nothing, against a daemon that has none of them.
//!
//! The camera shows people who walk, so there are events all the time. Both daemons run all the time; rounds go by turns.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use crate::{
    Result,
    daemon::Daemon,
    feed::{Feed, Speaks},
    footage::{VGA, frames},
    measure::{Pairs, RATE, ages, seconds},
    table::row,
};

/// The age with outputs, in ages without, that is promised.
const MOST: f64 = 1.05;

const CAMERA: &str = "[[camera]]\nname = \"door\"\n[camera.motion]\nhold_ms = 100\n";

/// One row for servers that take everything, one for servers that hang.
pub(crate) fn outputs(share: f64) -> Result<Vec<String>> {
    let good = frames(VGA, 40, false)?;
    let time = seconds(3.0, share);
    let mut rows = Vec::new();
    for (name, web, broker) in
        [("take all", server(answer)?, server(acknowledge)?), ("hang", server(hang)?, server(hang)?)]
    {
        let webhook = |n: usize| {
            format!(
                "[[webhook]]\nname = \"w{n}\"\nurl = \"http://{web}/\"\nbody = \"multipart\"\nstates = [\"start\", \"update\", \"end\"]\n"
            )
        };
        let outputs = format!(
            "{}[mqtt]\nurl = \"mqtt://{broker}\"\nboard = \"bench\"\nresults = \"all\"\n",
            [1, 2].map(webhook).concat()
        );
        let (without, with) = (Daemon::start_with(CAMERA)?, Daemon::start_with(&format!("{outputs}{CAMERA}"))?);
        let feed = |daemon: &Daemon| Feed::connect(daemon.address, "/frames/door?results", &good, Speaks::V1);
        let (mut plain, mut busy) = (feed(&without)?, feed(&with)?);
        let play = |feed: &mut Feed| -> Result<Vec<f64>> { Ok(ages(&feed.play(RATE, time)?, |age| age.result)) };
        for feed in [&mut plain, &mut busy] {
            play(feed)?;
        }
        let mut rounds = Vec::new();
        for _ in 0..if share < 1.0 { 4 } else { 20 } {
            rounds.push([play(&mut plain)?, play(&mut busy)?]);
        }
        rows.push(told(name, &Pairs(rounds)));
    }
    Ok(rows)
}

/// A server whose connections are handled so.
fn server(handle: fn(TcpStream)) -> Result<SocketAddr> {
    let port = TcpListener::bind("127.0.0.1:0")?;
    let address = port.local_addr()?;
    thread::spawn(move || {
        for stream in port.incoming().map_while(std::result::Result::ok) {
            thread::spawn(move || handle(stream));
        }
    });
    Ok(address)
}

/// Takes what comes and says nothing.
fn hang(mut stream: TcpStream) {
    thread::sleep(std::time::Duration::from_secs(3600));
    let _ = stream.read(&mut [0]);
}

/// Answers each HTTP request whose body is announced.
fn answer(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    let mut part = [0; 65536];
    loop {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            match stream.read(&mut part) {
                Ok(count) if count > 0 => bytes.extend(&part[..count]),
                _ => return,
            }
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let whole = end + 4 + length.unwrap_or(0);
        while bytes.len() < whole {
            match stream.read(&mut part) {
                Ok(count) if count > 0 => bytes.extend(&part[..count]),
                _ => return,
            }
        }
        bytes.drain(..whole);
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Does as much of MQTT 3.1.1 as it takes: acknowledges what connects, subscribes and publishes.
fn acknowledge(mut stream: TcpStream) {
    loop {
        let mut first = [0];
        if stream.read_exact(&mut first).is_err() {
            return;
        }
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_err() {
                return;
            }
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let reply = match (first[0] >> 4, first[0] & 6) {
            (1, _) => vec![0x20, 2, 0, 0],
            (3, 2) => {
                let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                vec![0x40, 2, body[id], body[id + 1]]
            }
            (8, _) => vec![0x90, 3, body[0], body[1], 1],
            (10, _) => vec![0xb0, 2, body[0], body[1]],
            (12, _) => vec![0xd0, 0],
            (14, _) => return,
            _ => continue,
        };
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}

fn told(name: &str, pairs: &Pairs) -> String {
    let ([without, with], [low, high]) = (pairs.p99(), pairs.ratio_range());
    row(
        &format!("outputs: p99 age with two webhooks and MQTT whose servers {name}, against none"),
        &format!(
            "{:.2} ({low:.2} to {high:.2}): {with:.1} of {without:.1} ms ({} results)",
            with / without,
            pairs.count()
        ),
        &format!("<= {MOST}"),
        with <= MOST * without,
    )
}
