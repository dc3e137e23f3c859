use std::{io::ErrorKind, net::Shutdown, os::fd::AsFd, thread, time::Instant};

use nix::poll::PollFlags;
use rustls::{AlertDescription, version::TLS13};

use super::{
    ends::{LIMIT, VERSIONS, begin, connected, connected_by, pattern},
    *,
};
use crate::system::event_fd::poll;

#[test]
fn what_comes_in_records_of_any_length_is_read_in_pieces_of_any_length() {
    let data = pattern(300_000);
    for version in VERSIONS {
        let (mut server, mut client) = connected(version);
        for record in [1, 2, 700, 4096, 16383, 16384, 16385, data.len()] {
            let count = data.len().min(record * 600); // with all of it, many times what the buffer holds
            let records: Vec<u8> = data[..count].chunks(record).flat_map(|part| client.encrypt(part)).collect();
            for piece in [1, 13, 5000, data.len()] {
                // Encrypted once, it may be sent once.
                let records = if piece == 1 { records.clone() } else { client.encrypt(&data[..count]) };
                thread::scope(|scope| {
                    scope.spawn(|| client.send(&records));
                    assert!(server.read_exact(count, piece) == data[..count], "{version:?} {record} {piece}");
                });
            }
        }
        assert_eq!(server.read_present(), b"");
    }
}

#[test]
fn what_is_cut_anywhere_is_read_as_far_as_its_records_are_whole() {
    let data = pattern(300);
    for version in VERSIONS {
        let (mut server, mut client) = connected(version);
        for cut in 0.. {
            let parts = [&data[..3], &data[3..283], &data[283..]];
            let records = parts.map(|part| client.encrypt(part));
            let all = records.concat();
            if cut > all.len() {
                break;
            }
            client.send(&all[..cut]);
            server.wait_for(cut);
            let (mut whole, mut end) = (0, 0);
            for (record, part) in records.iter().zip(parts) {
                end += record.len();
                whole += if end <= cut { part.len() } else { 0 };
            }
            assert_eq!(server.read_present(), data[..whole], "{cut}");
            client.send(&all[cut..]);
            assert_eq!(server.read_exact(data.len() - whole, 1000), data[whole..], "{cut}");
        }
    }
}

#[test]
fn a_peer_may_send_single_bytes() {
    let data = pattern(431);
    for version in VERSIONS {
        let (mut server, mut client) = connected_by(version, 1);
        let mut read = Vec::new();
        for part in [&data[..1], &data[1..31], &data[31..]] {
            for byte in client.encrypt(part) {
                client.send(&[byte]);
                server.wait_for(1);
                read.extend(server.read_present());
            }
        }
        assert_eq!(read, data, "{version:?}");
    }
}

#[test]
fn keys_change_both_ways_as_the_peer_wants_it() {
    let data = pattern(5000);
    let (mut server, mut client) = connected(&TLS13);
    for _ in 0..100 {
        let mut records = client.encrypt(&data);
        client.tls.refresh_traffic_keys().unwrap();
        records.extend(client.pending());
        records.extend(client.encrypt(&data));
        client.send(&records);
        assert_eq!(server.read_exact(10_000, 777), [&*data, &*data].concat());
        assert_eq!(server.tls.write(&server.socket, b"yes").unwrap(), 3);
        assert_eq!(client.read_exact(3), b"yes");
    }
}

#[test]
fn what_is_written_between_reads_disturbs_neither() {
    let data = pattern(40_000);
    for version in VERSIONS {
        let (mut server, mut client) = connected(version);
        let records: Vec<u8> = data.chunks(1000).flat_map(|part| client.encrypt(part)).collect();
        client.send(&records);
        for (index, part) in data.chunks(300).enumerate() {
            assert_eq!(server.read_exact(part.len(), part.len()), part, "{index}");
            assert_eq!(server.tls.write(&server.socket, &part[..7]).unwrap(), 7);
        }
        let answers: Vec<u8> = data.chunks(300).flat_map(|part| part[..7].to_vec()).collect();
        assert_eq!(client.read_exact(answers.len()), answers);
    }
}

#[test]
fn an_answer_may_be_written_when_a_begun_record_was_moved() {
    let data = pattern(30_000);
    for version in VERSIONS {
        let (mut server, mut client) = connected(version);
        let mut records: Vec<u8> = data.chunks(3000).flat_map(|part| client.encrypt(part)).collect();
        let long = client.encrypt(&data[..16384]);
        let (begin, rest) = long.split_at(2000);
        records.extend(begin);
        client.send(&records);
        server.wait_for(records.len());
        assert!(server.read_present() == data);
        assert_eq!((server.tls.start, server.tls.end), (0, begin.len()), "it does not fit behind the others");
        assert_eq!(server.tls.write(&server.socket, b"yes").unwrap(), 3);
        assert_eq!(client.read_exact(3), b"yes");
        client.send(rest);
        assert!(server.read_exact(16384, 16384) == data[..16384]);
    }
}

#[test]
fn what_a_peer_does_not_take_is_not_encrypted() {
    let data = pattern(20_000_000);
    for version in VERSIONS {
        let (mut server, mut client) = connected(version);
        assert_eq!(server.tls.write(&server.socket, b"").unwrap(), 0);
        let mut written = 0;
        let error = loop {
            match server.tls.write(&server.socket, &data[written..]) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
            assert!(written < data.len(), "it takes more than a socket");
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(server.tls.output.len() <= MAX_RECORD_BYTES, "{}", server.tls.output.len());
        // It may still send, and the rest goes with the reading.
        let request = client.encrypt(b"go on");
        client.send(&request);
        thread::scope(|scope| {
            scope.spawn(|| assert!(client.read_exact(written) == data[..written]));
            assert_eq!(server.read_exact(5, 5), b"go on");
            while server.tls.send(&server.socket).is_err() {
                poll([(server.socket.as_fd(), PollFlags::POLLOUT)], Some(Instant::now() + LIMIT)).unwrap();
            }
        });
    }
}

#[test]
fn an_end_without_goodbye_is_an_error() {
    for version in VERSIONS {
        for is_amid in [false, true] {
            let (mut server, mut client) = connected(version);
            let mut records = client.encrypt(b"frame");
            if is_amid {
                let more = client.encrypt(b"half");
                records.extend(&more[..more.len() - 1]);
            }
            client.send(&records);
            client.socket.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.read_exact(5, 2), b"frame");
            for _ in 0..2 {
                assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
            }

            let (mut server, mut client) = connected(version);
            let mut records = client.encrypt(b"frame");
            client.tls.send_close_notify();
            records.extend(client.pending());
            client.send(&records);
            assert_eq!(server.read_exact(5, 2), b"frame");
            for _ in 0..2 {
                assert_eq!(server.read(&mut [0]).unwrap(), 0);
            }
            // It may go on to listen, until the server says its goodbye.
            assert_eq!(server.tls.write(&server.socket, b"bye").unwrap(), 3);
            server.tls.close(&server.socket).unwrap();
            assert_eq!(client.read_exact(3), b"bye");
            while !client.tls.process_new_packets().unwrap().peer_has_closed() {
                client.receive().unwrap();
            }
        }
    }
}

#[test]
fn a_spoiled_record_is_told_to_the_peer_after_what_came_before_it() {
    for version in VERSIONS {
        let (mut server, mut client) = connected(version);
        let mut records = client.encrypt(b"frame");
        records.extend(client.encrypt(b"spoiled"));
        *records.last_mut().unwrap() ^= 1;
        records.extend(client.encrypt(b"late"));
        client.send(&records);
        assert_eq!(server.read_exact(5, 5), b"frame");
        for _ in 0..2 {
            assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::InvalidData);
        }
        let alert = loop {
            if let Err(error) = client.receive() {
                break error;
            }
        };
        assert_eq!(alert, Error::AlertReceived(AlertDescription::BadRecordMac), "{version:?}");
        assert_eq!(server.tls.write(&server.socket, b"x").unwrap_err().kind(), ErrorKind::InvalidData);
    }
}

#[test]
fn what_is_no_tls_ends_without_waiting_for_more() {
    let record = |kind: u8, length: u16| [&[kind, 3, 3][..], &length.to_be_bytes()].concat();
    // The begin of a message of a length that the first byte gives the upper part of.
    let hello = |upper| [record(22, 16384), vec![1, upper, 0xff, 0xff], vec![0; 16380]].concat();
    let more = [record(22, 16384), vec![0; 16384]].concat();
    let alerts = [21, 3, 3, 0, 2, 1, 90].repeat(100);
    for (bytes, name) in [
        (record(22, 0xffff), "a record that is too long"),
        (record(23, 16384 + 2049), "data that is too long"),
        (record(99, 1), "an unknown type"),
        (record(22, 0), "an empty record"),
        (hello(0xff), "a message that is too long for TLS"),
        ([hello(0), more.clone(), more].concat(), "a message that is too long for the buffer"),
        (alerts, "a flood of alerts"),
    ] {
        for version in VERSIONS {
            let (mut server, mut client) = begin(version);
            client.send(&bytes);
            assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::InvalidData, "{name}");
            let _ = server.tls.close(&server.socket); // that it may be called is enough
        }
    }
}

#[test]
fn whatever_is_spoiled_or_cut_ends_in_an_error_or_in_waiting() {
    for version in VERSIONS {
        let (_, mut client) = begin(version);
        let hello = client.pending();
        for spoiled in 0..hello.len() {
            let (mut server, mut client) = begin(version);
            let mut hello = hello.clone();
            hello[spoiled] ^= 0x41;
            for part in hello.chunks(1 + spoiled % 90) {
                client.send(part);
                server.wait_for(1);
                if server.exercise() {
                    break;
                }
            }
        }
        for spoiled in 0..80 {
            let (mut server, mut client) = connected(version);
            let mut records = [client.encrypt(b"first"), client.encrypt(b"second")].concat();
            let length = records.len();
            records[spoiled % length] ^= 0x41;
            for part in records.chunks(1 + spoiled) {
                client.send(part);
                server.wait_for(1);
                if server.exercise() {
                    break;
                }
            }
        }
    }
}
