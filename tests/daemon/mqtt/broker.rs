//! A mosquitto of one test alone, and what its clients see.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::support::eventually;

/// What every broker retains: who has got it is subscribed.
const READY: &str = "test/ready";

/// A broker. It ends with this.
#[derive(Debug)]
pub(super) struct Broker {
    /// Where fovea connects.
    pub(super) port: u16,
    /// Where the test connects, whatever fovea must show.
    inner: u16,
    pub(super) folder: PathBuf,
    child: Child,
}

/// A message as a subscriber got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) qos: u8,
    pub(super) is_retained: bool,
    pub(super) payload: Vec<u8>,
}

/// A subscriber to all topics, which comes again if the broker was away: the broker keeps for it what it misses.
#[derive(Debug)]
pub(super) struct Watcher {
    child: Child,
    got: Arc<Mutex<Vec<Message>>>,
}

impl Broker {
    /// A broker that lets everybody do everything. `None`, which is told, if none is installed.
    pub(super) fn start() -> Option<Self> {
        Self::start_with(|_| String::from("allow_anonymous true\n"))
    }

    /// One whose port for fovea is configured so, with files that may be in its folder.
    pub(super) fn start_with(keys: impl FnOnce(&Path) -> String) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !is_installed() {
            return None;
        }
        let name = format!("mqtt-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder); // an earlier process may have had the same number
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let [port, inner] = free_ports();
        // Subscriptions of those who come again outlive the broker, as does all that it took.
        let config = format!(
            "user root\nper_listener_settings true\npersistence true\npersistence_location {0}/\n\
             autosave_on_changes true\nautosave_interval 1\nmax_inflight_messages 0\nmax_queued_messages 0\n\
             listener {inner} 127.0.0.1\nallow_anonymous true\nlistener {port} 127.0.0.1\n{1}",
            folder.display(),
            keys(&folder),
        );
        fs::write(folder.join("mosquitto.conf"), config).expect("the folder was just made");
        let broker = Self { port, inner, child: spawn(&folder), folder };
        eventually("mosquitto is there", || broker.try_publish(READY, "yes", &["--retain"]));
        Some(broker)
    }

    /// The table `[mqtt]` with this broker.
    pub(super) fn table(&self, keys: &str) -> String {
        table(&format!("mqtt://127.0.0.1:{}", self.port), keys)
    }

    /// A subscriber that has got all that is retained.
    pub(super) fn watch(&self) -> Watcher {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = format!("watcher-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = program("mosquitto_sub");
        command.args(["-p", &self.inner.to_string(), "-V", "5", "-i", &id, "-c", "-x", "3600", "-q", "1", "-t", "#"]);
        command.args(["--retain-as-published", "-F", "%q %r %x %t"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("mosquitto-clients");
        let got = Arc::<Mutex<Vec<Message>>>::default();
        thread::spawn({
            let (got, stdout) = (got.clone(), child.stdout.take().expect("it is piped"));
            move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let message = Message::read(&line);
                    got.lock().unwrap().push(message);
                }
            }
        });
        let watcher = Watcher { child, got };
        watcher.wait_for(READY, |_| true);
        // What is retained comes in any order, and this after it.
        self.publish(READY, &id, &[]);
        watcher.wait_for(READY, |message| message.payload == id.as_bytes());
        watcher
    }

    /// Publishes as somebody at its open port.
    pub(super) fn publish(&self, topic: &str, payload: &str, options: &[&str]) {
        assert!(self.try_publish(topic, payload, options), "{topic}");
    }

    fn try_publish(&self, topic: &str, payload: &str, options: &[&str]) -> bool {
        mosquitto_pub(self.inner, topic, payload, options)
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().cast_signed());
        kill(id, signal).expect("it is our child and not waited for yet");
    }

    /// Ends it. Only SIGTERM lets it keep all that it has.
    pub(super) fn end(&mut self, signal: Signal) {
        self.signal(signal);
        self.child.wait().expect("it is our child");
    }

    /// Starts it once more, on the same ports.
    pub(super) fn restart(&mut self) {
        self.child = spawn(&self.folder);
        eventually("mosquitto is there again", || self.try_publish(READY, "yes", &["--retain"]));
    }

    /// What it logs.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).expect("it was opened for it")
    }
}

impl Drop for Broker {
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- mosquitto said\n{}\n---", self.log());
        }
        let _ = self.child.kill(); // the test may have ended it
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Message {
    /// A line as the subscriber prints it.
    fn read(line: &str) -> Self {
        let fields: Vec<_> = line.splitn(4, ' ').collect();
        let [qos, retained, payload, topic] = fields[..] else { panic!("{line}") };
        let payload = data_encoding::HEXLOWER_PERMISSIVE.decode(payload.as_bytes()).expect("hexadecimal");
        Self { topic: topic.to_owned(), qos: qos.parse().expect("0 to 2"), is_retained: retained == "1", payload }
    }

    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.payload).expect("it is text")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Watcher {
    /// All that came.
    pub(super) fn got(&self) -> Vec<Message> {
        self.got.lock().unwrap().clone()
    }

    /// What came on a topic.
    pub(super) fn on(&self, topic: &str) -> Vec<Message> {
        self.got.lock().unwrap().iter().filter(|message| message.topic == topic).cloned().collect()
    }

    /// The texts that came on a topic.
    pub(super) fn texts_on(&self, topic: &str) -> Vec<String> {
        self.on(topic).iter().map(|message| message.text().to_owned()).collect()
    }

    /// The first message on a topic that is as wanted.
    pub(super) fn wait_for(&self, topic: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        let mut found = None;
        eventually(topic, || {
            found = self.on(topic).into_iter().find(&is_it);
            found.is_some()
        });
        found.expect("it was just there")
    }

    /// Waits until the newest message on a topic has this text.
    pub(super) fn wait_for_text(&self, topic: &str, text: &str) -> Message {
        eventually(&format!("{topic} is {text}"), || {
            self.on(topic).last().is_some_and(|message| message.payload == text.as_bytes())
        });
        self.on(topic).remove(self.on(topic).len() - 1)
    }

    /// What is retained, by topic: the newest of each, without those that were taken away.
    pub(super) fn retained(&self) -> BTreeMap<String, Message> {
        let mut retained = BTreeMap::new();
        for message in self.got().into_iter().filter(|message| message.is_retained && message.topic != READY) {
            retained.insert(message.topic.clone(), message);
        }
        retained.retain(|_, message| !message.payload.is_empty());
        retained
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The table `[mqtt]` of a board called barn.
pub(super) fn table(url: &str, keys: &str) -> String {
    format!("[mqtt]\nurl = \"{url}\"\nboard = \"barn\"\n{keys}\n")
}

/// Publishes at a port; whether the broker took it.
pub(super) fn mosquitto_pub(port: u16, topic: &str, payload: &str, options: &[&str]) -> bool {
    let mut command = program("mosquitto_pub");
    command.args(["-p", &port.to_string(), "-q", "1", "-t", topic]).args(options);
    if payload.is_empty() {
        command.arg("-n")
    } else {
        command.args(["-m", payload])
    };
    command.status().expect("mosquitto-clients is installed").success()
}

/// Whether the Debian packages are there; if not, says what is not tried. With `FOVEA_ALL` that is a failure.
fn is_installed() -> bool {
    let missing = ["mosquitto", "mosquitto_sub", "mosquitto_pub"].into_iter();
    let missing = missing.filter(|name| program(name).arg("--help").status().is_err()).collect::<Vec<_>>();
    if !missing.is_empty() {
        assert!(env::var_os("FOVEA_ALL").is_none(), "cannot be tried: install mosquitto and mosquitto-clients");
        // Past the test harness, which keeps what passing tests print to itself.
        let _ = writeln!(std::io::stderr(), "skipped MQTT: install mosquitto and mosquitto-clients");
    }
    missing.is_empty()
}

/// A program that says nothing here. Debian has the broker where only root looks.
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = format!("{}:/usr/sbin:/usr/local/sbin", env::var("PATH").unwrap_or_default());
    command.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

pub(super) fn spawn(folder: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("the folder is there");
    let mut command = program("mosquitto");
    command.arg("-c").arg(folder.join("mosquitto.conf")).arg("-v").stderr(log);
    command.spawn().expect("it is installed")
}

/// Ports that were free a moment ago.
fn free_ports() -> [u16; 2] {
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    ports.map(|port| port.local_addr().expect("it is bound").port())
}
