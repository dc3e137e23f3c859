//! `fovea send` from HTTP cameras that want a login, or have TLS.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{
    camera::{Camera, header},
    send::pictures,
    sending::Sending,
};

/// The answer to this camera's digest challenge: MD5, without `qop` (RFC 2069), so that it is always the same.
const DIGEST: &str = "digest realm=\"camera\", nonce=\"8f2d\"";
const DIGEST_RESPONSE: &str = "e6be867893beaba8639962f84739e380";

#[test]
fn a_login_is_given_in_the_way_that_the_camera_wants_and_is_never_shown() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("login-{}", std::process::id()));
    fs::write(&file, "eye:pass word:1\n").expect("writable");
    let basic = || {
        Camera::serve(1, |_, visit| {
            assert_eq!(visit.header("authorization"), None, "first it asks without");
            visit.answer("401 Unauthorized\nWWW-Authenticate: Basic realm=\"camera\"\nContent-Length: 0", b"");
            let request = visit.next_request().expect("it asks again");
            assert_eq!(header(&request, "authorization"), Some("Basic ZXllOnBhc3Mgd29yZDox"));
            visit.stream(&pictures()[0]);
            visit.wait_for_end();
        })
    };
    let digest = || {
        Camera::serve(1, |_, visit| {
            let head = format!("401 Unauthorized\nWWW-Authenticate: {DIGEST}\nWWW-Authenticate: Basic realm=\"x\"");
            visit.answer(&format!("{head}\nContent-Length: 0"), b"");
            let request = visit.next_request().expect("it asks again");
            let answer = header(&request, "authorization").expect("an answer");
            assert!(answer.starts_with("Digest ") && answer.contains("username=\"eye\""), "{answer}");
            assert!(answer.contains("uri=\"/stream?high\""), "{answer}");
            assert!(answer.contains(&format!("response=\"{DIGEST_RESPONSE}\"")), "{answer}");
            visit.stream(&pictures()[0]);
            visit.wait_for_end();
        })
    };
    for camera in [basic(), digest()] {
        let url = format!("http://{}/stream?high", camera.address);
        let sending = Sending::start(&url, &["--login", file.to_str().expect("readable")]);
        assert_eq!(sending.frame().1, pictures()[0]);
        assert_eq!(sending.end().len(), 1, "nothing but a summary");
        camera.join();
    }
    let camera = basic();
    let url = format!("http://{}/stream", camera.address);
    let sending = Sending::start_with(&url, &[], |command| {
        command.env("FOVEA_LOGIN", "eye:pass word:1");
    });
    assert_eq!(sending.frame().1, pictures()[0]);
    sending.end();
    camera.join();
    let camera = basic();
    let sending = Sending::start(&format!("http://eye:pass%20word:1@{}/stream", camera.address), &[]);
    assert_eq!(sending.frame().1, pictures()[0]);
    sending.end();
    camera.join();
    fs::remove_file(file).expect("it was there");
}

#[test]
fn a_login_that_is_refused_is_said_without_the_password_and_not_tried_often() {
    let camera = Camera::serve(1, |_, visit| {
        let challenge = "401 Unauthorized\nWWW-Authenticate: Basic realm=\"camera\"\nContent-Length: 0";
        visit.answer(challenge, b"");
        assert!(visit.next_request().expect("it asks again").contains("Basic "));
        visit.answer(challenge, b"");
        // Without a pause it would ask again after a quarter of a second.
        visit.stream.set_read_timeout(Some(Duration::from_secs(2))).expect("not zero");
        assert_eq!(visit.next_request(), None, "too soon");
    });
    let mut sending = Sending::start(&format!("http://eye:secret@{}", camera.address), &[]);
    let name = format!("http://{}", camera.address);
    assert_eq!(sending.line(), format!("{name}: it refuses the login of the user \"eye\"; trying again"));
    camera.join();
    sending.end();

    let camera = Camera::serve(1, |_, visit| {
        visit.answer("401 Unauthorized\nWWW-Authenticate: Basic realm=\"camera\"\nContent-Length: 0", b"");
        visit.wait_for_end();
    });
    let mut sending = Sending::start(&format!("http://{}", camera.address), &[]);
    assert!(sending.line().contains("it requires a login; give --login FILE"));
    sending.end();
    camera.join();
}

/// A self-made certificate for another name, as cameras have, made once.
fn certificate(name: &str) -> (PathBuf, PathBuf) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("certificate-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the build's own folder");
    let (key, cert) = (folder.join("key.pem"), folder.join("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=IPCAM",
            "-keyout",
        ])
        .args([&key, &PathBuf::from("-out"), &cert])
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
    (key, cert)
}

#[test]
fn a_camera_with_tls_is_trusted_by_its_own_certificate_or_on_demand() {
    let (key, cert) = certificate("own");
    let (_, other) = certificate("other");
    let chain = vec![CertificateDer::from_pem_file(&cert).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("they fit"));
    let cases: [(&[&str], Option<&str>); 4] = [
        (&[], Some("its certificate is not trusted (")),
        (&["--ca", other.to_str().expect("readable")], Some("its certificate is not trusted (")),
        (&["--ca", cert.to_str().expect("readable")], None),
        (&["--insecure"], None),
    ];
    for (options, why) in cases {
        let config = config.clone();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("free ports");
        let url = format!("https://{}/stream", listener.local_addr().expect("bound"));
        let is_trusted = why.is_none();
        let camera = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client comes");
            let mut tls = StreamOwned::new(ServerConnection::new(config).expect("a configuration"), stream);
            let picture = &pictures()[0];
            let mut request = [0; 4096];
            if tls.read(&mut request).is_err() {
                return assert!(!is_trusted, "it is trusted");
            }
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n\r\n";
            tls.write_all(&[head.as_bytes(), picture].concat()).expect("the client listens");
            let _ = tls.read(&mut request); // until it leaves
        });
        let mut sending = Sending::start(&url, options);
        match why {
            None => assert_eq!(sending.frame().1, pictures()[0], "{options:?}"),
            Some(why) => {
                let line = sending.line();
                let hint = "; give it with --ca FILE, or trust any with --insecure; trying again";
                assert!(line.starts_with(&format!("{url}: {why}")) && line.ends_with(hint), "{line}");
            }
        }
        sending.end();
        camera.join().expect("the camera's part went well");
    }
}
