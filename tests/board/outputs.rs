//! What leaves the board, from inside the service's sandbox: to a broker and to a server on this machine.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use super::machine::{Board, CONFIG_FILE};
use crate::support::{boards::CONFIG, eventually};

/// This machine, as the board sees it.
const HOST: &str = "10.0.2.2";

/// A broker on this machine.
struct Mosquitto {
    port: u16,
    process: Child,
}

impl Mosquitto {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port is free").port();
        let config = Path::new(env!("CARGO_TARGET_TMPDIR")).join("board-mosquitto.conf");
        fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).expect("it can be written");
        let process = command("mosquitto").arg("-c").arg(&config).spawn().expect("mosquitto is installed");
        let broker = Self { port, process };
        eventually("mosquitto is there", || broker.publish("test/ready").status.success());
        broker
    }

    fn publish(&self, topic: &str) -> Output {
        self.run("mosquitto_pub", &["-q", "1", "-n", "-t", topic])
    }

    /// The next message on a topic, and what is retained there.
    fn next(&self, topic: &str) -> String {
        let output = self.run("mosquitto_sub", &["-q", "1", "-C", "1", "-W", "60", "-t", topic]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = command(program);
        command.args(["-p", &self.port.to_string()]).args(arguments).output().expect("mosquitto-clients is installed")
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Debian has the broker where only root looks.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let path = format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default());
    command.env("PATH", path).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Answers requests, and gives the first line of each.
fn serve(port: TcpListener) -> std::sync::mpsc::Receiver<String> {
    let (requests, lines) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut stream in port.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = requests.send(line);
        }
    });
    lines
}

pub(crate) fn events_reach_a_broker_and_a_server(board: &mut Board) {
    let broker = Mosquitto::start();
    let web = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{HOST}:{}/door", web.local_addr().expect("it is bound").port());
    let requests = serve(web);
    board.with_fovea();
    board.write("/etc/fovea/mqtt.password", "secret\n");
    board.ask("chown fovea /etc/fovea/mqtt.password && chmod 0600 /etc/fovea/mqtt.password");
    board.write(
        CONFIG_FILE,
        &format!(
            "{CONFIG}[[webhook]]\nname = \"host\"\nurl = \"{url}\"\n[mqtt]\nurl = \"mqtt://{HOST}:{}\"\nboard = \"b1\"\n\
             username = \"b1\"\npassword_file = \"mqtt.password\"\ncommands = true\n",
            broker.port
        ),
    );
    board.ask("systemctl restart fovea");
    assert_eq!(broker.next("fovea/b1/state"), "online");
    let health = broker.next("fovea/b1/health");
    assert!(health.contains("\"cameras\":1") && !health.contains("\"rss_bytes\":null"), "{health}");
    let event = thread::scope(|scope| {
        let event = scope.spawn(|| broker.next("fovea/b1/street/event"));
        // Until the subscriber is there.
        while !event.is_finished() {
            assert!(broker.publish("fovea/b1/street/event/set").status.success());
            thread::sleep(Duration::from_secs(1));
        }
        event.join().expect("it ends")
    });
    assert!(event.contains("\"kind\":\"external\""), "{event}");
    let line = requests.recv_timeout(Duration::from_secs(60)).expect("the server gets it, too");
    assert_eq!(line.trim(), "POST /door HTTP/1.1");
    board.ask("systemctl stop fovea");
    assert_eq!(broker.next("fovea/b1/state"), "offline");
    board.with_fovea();
}
