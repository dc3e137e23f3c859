//! TLS to the broker, both ways.

use std::{fs, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};

use super::broker::{Broker, table};
use crate::support::{
    client::{Client, GREY, V1},
    daemon::{DOOR, Daemon},
    eventually,
};

/// An authority, whose certificate is in `ca.pem`.
struct Authority<'f> {
    folder: &'f Path,
    issuer: Issuer<'static, KeyPair>,
}

impl<'f> Authority<'f> {
    fn make(folder: &'f Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the house");
        let key = KeyPair::generate().expect("random bits");
        let certificate = params.self_signed(&key).expect("it is its own");
        fs::write(folder.join("ca.pem"), certificate.pem()).expect("the folder can be written");
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// Makes `NAME.pem` and `NAME.key`, for 127.0.0.1 and localhost.
    fn signs(&self, name: &str, is_expired: bool) {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("they are names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if is_expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate().expect("random bits");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is an authority");
        fs::write(self.folder.join(format!("{name}.pem")), certificate.pem()).expect("the folder can be written");
        fs::write(self.folder.join(format!("{name}.key")), key.serialize_pem()).expect("the folder can be written");
    }
}

/// A broker with TLS, and a certificate for the board barn.
pub(super) fn start(is_expired: bool, keys: &str) -> Option<Broker> {
    Broker::start_with(|folder| {
        let authority = Authority::make(folder);
        authority.signs("broker", is_expired);
        authority.signs("barn", false);
        let folder = folder.display();
        format!("cafile {folder}/ca.pem\ncertfile {folder}/broker.pem\nkeyfile {folder}/broker.key\n{keys}")
    })
}

fn config(broker: &Broker, host: &str, keys: &str) -> String {
    let keys = keys.replace("FOLDER", broker.folder.to_str().expect("UTF-8"));
    format!("{}{DOOR}", table(&format!("mqtts://{host}:{}", broker.port), &keys))
}

const CA: &str = "ca = \"FOLDER/ca.pem\"\n";
const IDENTITY: &str = "certificate = \"FOLDER/barn.pem\"\nkey = \"FOLDER/barn.key\"\n";

/// Starts fovea, which cannot connect; gives what it says of it. Frames get their results meanwhile.
fn refused(config: &str) -> String {
    let mut daemon = Daemon::start(config);
    let line = daemon.wait_for_line("; trying again");
    let mut sender = Client::connect_v1(&daemon, "/frames/door?results");
    sender.send(V1 { format: GREY, size: (16, 16), seq: 7, picture: &[100; 256], ..V1::default() }.message());
    assert_eq!(sender.next_of("result")["seq"], 7);
    assert_eq!(daemon.stop().code, Some(0));
    line
}

#[test]
fn only_a_broker_whose_certificate_is_trusted_gets_anything() {
    let Some(broker) = start(false, "allow_anonymous true\n") else { return };
    let watcher = broker.watch();
    for keys in ["", IDENTITY] {
        let line = refused(&config(&broker, "localhost", keys));
        assert!(line.contains("certificate"), "{line}");
    }
    fs::write(broker.folder.join("empty.pem"), "").expect("the folder can be written");
    for (keys, said) in [
        ("ca = \"FOLDER/empty.pem\"", "empty.pem has no certificate; it must be a PEM file"),
        ("ca = \"FOLDER/missing.pem\"", "missing.pem: No such file or directory"),
    ] {
        let line = refused(&config(&broker, "localhost", keys));
        assert!(line.contains(said), "{line}");
    }
    assert!(!watcher.got().iter().any(|message| message.topic.starts_with("fovea/")));
    for host in ["localhost", "127.0.0.1"] {
        let mut daemon = Daemon::start(&config(&broker, host, CA));
        watcher.wait_for_text("fovea/barn/state", "online");
        daemon.stop();
        watcher.wait_for_text("fovea/barn/state", "offline");
    }
}

#[test]
fn an_expired_certificate_is_refused_and_told() {
    let Some(broker) = start(true, "allow_anonymous true\n") else { return };
    let watcher = broker.watch();
    let line = refused(&config(&broker, "localhost", CA)).to_lowercase();
    assert!(line.contains("certificate") && line.contains("expired"), "{line}");
    assert!(!watcher.got().iter().any(|message| message.topic.starts_with("fovea/")));
}

#[test]
fn the_board_shows_a_certificate_to_a_broker_that_wants_one() {
    let keys = "require_certificate true\nuse_identity_as_username true\n";
    let Some(broker) = start(false, keys) else { return };
    let watcher = broker.watch();
    let line = refused(&config(&broker, "localhost", CA));
    assert!(line.to_lowercase().contains("certificate"), "{line}");
    assert!(!watcher.got().iter().any(|message| message.topic.starts_with("fovea/")));
    let _daemon = Daemon::start(&config(&broker, "localhost", &[CA, IDENTITY].concat()));
    watcher.wait_for_text("fovea/barn/state", "online");
    eventually("its user is the name in the certificate", || broker.log().contains("u'barn'"));
}
