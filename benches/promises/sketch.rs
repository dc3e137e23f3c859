//! The Python program that fovea began as, as a process of its own: `sketch.py`.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use crate::Result;

/// The running program; ended when dropped.
pub(crate) struct Sketch {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Sketch {
    pub(crate) fn start() -> Result<Self> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/prototype.py");
        let mut child = Command::new("taskset")
            .args(["-c", "0-1023", "/usr/bin/python3", program, "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
        let port = line
            .trim()
            .parse()
            .map_err(|_| "the Python program does not start; apt-get install python3-websockets python3-opencv")?;
        Ok(Self { child, address: (Ipv4Addr::LOCALHOST, port).into() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sketch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
