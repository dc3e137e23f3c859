//! The MQTT broker, as configured: where it is, what it gets, and what it may ask for.

use std::{path::PathBuf, time::Duration};

use super::labels::LabelFilter;
use crate::tls::trust::Trust;

/// `[mqtt]`: a broker that gets states, events and pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Mqtt {
    /// Where it is.
    pub broker: Broker,
    /// The name of this board in topics, and its client identifier. Default the name of the machine.
    pub board: Option<String>,
    /// The first levels of all topics. Default `fovea`.
    pub prefix: String,
    /// The user that it logs in as.
    pub username: Option<String>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// A file with certificates that are trusted, instead of those of the system's authorities.
    pub ca: Option<PathBuf>,
    /// The board's own certificate and key, in PEM, for brokers that want one.
    pub identity: Option<[PathBuf; 2]>,
    /// How long nothing comes before the broker is asked whether it is there. Default 30 s.
    pub keep_alive: Duration,
    /// How many events are kept until the broker has them. Default 200.
    pub max_events: usize,
    /// Only events about these, and their pictures; about all and nothing known if there is none.
    pub labels: LabelFilter,
    /// Which results it gets. Default none.
    pub results: Results,
    /// How it gets the pictures of events. Default as JPEG files.
    pub pictures: Pictures,
    /// Bytes of a picture; larger ones are made smaller. Default 200 kB.
    pub max_picture_bytes: usize,
    /// The URL of the board's page, as those who read the topics reach it.
    pub page_url: Option<String>,
    /// Whether it may switch detection and trigger events. Default no.
    pub commands: bool,
    /// The first levels of Home Assistant's discovery topics, if it is to discover the cameras.
    pub discovery: Option<String>,
}

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its name or address; an IPv6 address in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub has_tls: bool,
}

/// Which results the broker gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Results {
    /// None.
    #[default]
    Off,
    /// The newest of each camera, once a second.
    EverySecond,
    /// All.
    All,
}

/// How the broker gets pictures of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pictures {
    /// Not.
    Off,
    /// As JPEG files.
    #[default]
    Jpeg,
    /// As URLs on this board.
    Url,
}

impl Mqtt {
    /// Whose certificate it trusts.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.ca.clone().map_or(Trust::System, Trust::File)
    }
}
